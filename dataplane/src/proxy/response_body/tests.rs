//! Bodies of backends on real sockets.

use super::*;
use crate::{
    address_guard::AddressGuard,
    endpoint::{Candidates, Names, Registry, fixtures},
    proxy::{Peer, Upgraded},
    request::{AddedFields, PIECES_PER_TURN, RequestBody, RequestState},
    table::{Backend, Protocol, Scheme, Timeouts},
    telemetry::RouteStats,
    upstream::{Caller, RequestToSend, Upstreams},
};
use http::{Request, Response};
use std::{future::poll_fn, net::SocketAddr};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{LocalSet, spawn_local, yield_now},
    time::timeout,
};

/// A client without a connection.
struct Client {
    peer: Peer,
    state: Rc<RequestState>,
}

impl Downstream for Client {
    fn peer(&self) -> &Peer {
        &self.peer
    }

    fn state(&self) -> &Rc<RequestState> {
        &self.state
    }

    fn begin(&self) {}

    fn end(&self) {}

    fn is_closing(&self) -> bool {
        false
    }

    fn take_refused(&self, _: Option<&[u8]>) -> Option<Refusal> {
        None
    }

    fn offers_upgrade(&self) -> bool {
        false
    }

    fn decline_upgrade(&self) {}

    fn upgrade(&self, _: Upgraded) {}

    fn send_interim(&self, _: Response<()>) {}

    fn record_saved_trip(&self, _: &Rc<RouteStats>) {}
}

const PIECES: usize = 1000;

async fn answer_over_http1(mut socket: TcpStream) {
    let _ = socket.read(&mut [0; 4096]).await.unwrap();
    let chunks = "1\r\na\r\n".repeat(PIECES);
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    socket.write_all(format!("{head}{chunks}0\r\n\r\n").as_bytes()).await.unwrap();
}

async fn answer_over_http2(socket: TcpStream) {
    let mut connection = h2::server::handshake(socket).await.unwrap();
    let (_, mut respond) = connection.accept().await.unwrap().unwrap();
    let mut stream = respond.send_response(Response::new(()), false).unwrap();
    for sent in 1..=PIECES {
        stream.send_data("a".into(), sent == PIECES).unwrap();
    }
    // Until the client closes the connection.
    while connection.accept().await.is_some() {}
}

/// The body of the response to a request.
async fn ask(upstreams: &Upstreams, protocol: Protocol, address: SocketAddr) -> UpstreamBody {
    let backend = Backend { protocol, ..fixtures::service("app", &[address.port()]) };
    let registry = Registry::new(Names::new(AddressGuard::default()));
    let endpoint = registry.set(&backend, None).members[0].endpoint.clone();
    let request = Request::get("http://www.ep.com/").body(()).unwrap();
    let (mut head, ()) = request.into_parts();
    let (state, timeouts) = (RequestState::new(), Timeouts::default());
    let mut body = RequestBody::empty();
    let only = [&endpoint];
    let candidates = Candidates::of_check(&only);
    let caller = Caller { deadline: &state.deadline, on_interim: &|_, _| {} };
    let added = AddedFields::default();
    let request = RequestToSend { head: &mut head, added: &added, body: &mut body };
    let sent = upstreams.send(&backend, &candidates, request, caller, &timeouts).await;
    sent.unwrap().response.into_body()
}

#[tokio::test]
async fn a_body_of_tiny_pieces_arrives_whole_and_leaves_turns_to_others() {
    for protocol in [Protocol::Http1, Protocol::H2c] {
        let tasks = LocalSet::new();
        let passes = tasks.run_until(in_turns(protocol));
        timeout(Duration::from_secs(20), passes).await.unwrap();
    }
}

async fn in_turns(protocol: Protocol) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let spoken = protocol.clone();
    let backend = spawn_local(async move {
        let (socket, _) = listener.accept().await.unwrap();
        match spoken {
            Protocol::H2c => answer_over_http2(socket).await,
            Protocol::Http1 | Protocol::Https(_) => answer_over_http1(socket).await,
        }
    });
    let upstreams = Upstreams::new(100, 0);
    let body = ask(&upstreams, protocol.clone(), address).await;
    // All of it comes in, so that only turns end a poll.
    for _ in 0..PIECES {
        yield_now().await;
    }
    let state = Rc::new(RequestState::new());
    let peer = Peer::new(([127, 0, 0, 1], 1).into(), Scheme::Http);
    let client = Rc::new(Client { peer, state: state.clone() });
    let content = Content::Upstream(body, TrailerFilter::of_response(Vec::new()), None, None);
    let mut body = ResponseBody::new(content, None, client, None);
    let (mut turns, mut bytes) = (Vec::new(), 0);
    poll_fn(|cx| {
        state.deadline.tick();
        turns.push(0);
        // hyper asks again although there is nothing now.
        for _ in 0..3 * PIECES {
            match Pin::new(&mut body).poll_frame(cx) {
                Poll::Ready(Some(frame)) => {
                    bytes += frame.unwrap().into_data().unwrap().len();
                    *turns.last_mut().unwrap() += 1;
                }
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => {}
            }
        }
        Poll::Pending
    })
    .await;
    assert_eq!(bytes, PIECES, "{protocol:?}");
    let longest = turns.into_iter().max().unwrap();
    match protocol {
        Protocol::Http1 => assert_eq!(longest, usize::from(PIECES_PER_TURN)),
        // The connection's task has joined them.
        Protocol::H2c => assert!(longest <= usize::from(PIECES_PER_TURN), "{longest}"),
        Protocol::Https(_) => unreachable!("it is not asked over TLS"),
    }
    backend.abort();
}
