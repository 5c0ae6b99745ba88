use super::*;
use crate::{request::AddedFields, table::Protocol, upstream::interim::MAX_INTERIM};
use pool::{Key, Pool};
use std::rc::Rc;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{consume_budget, yield_now},
};

/// What becomes of interim responses, of which there are none.
fn none() -> Interims<'static> {
    Interims::new(([127, 0, 0, 1], 80).into(), &|_, _| {})
}

/// A GET without fields.
struct Get {
    head: Parts,
    added: AddedFields,
    body: RequestBody,
}

impl Get {
    fn new() -> Self {
        let head = http::Request::get("/").body(()).unwrap().into_parts().0;
        Self { head, added: AddedFields::default(), body: RequestBody::empty() }
    }

    fn as_request(&mut self) -> RequestToSend<'_> {
        RequestToSend { head: &mut self.head, added: &self.added, body: &mut self.body }
    }
}

/// A connection, and the backend's end of it.
async fn connected(prepare: impl AsyncFn(&TcpStream)) -> (Box<Http1>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let (backend, _) = listener.accept().await.unwrap();
    prepare(&stream).await;
    let handle = Rc::<Pool<Http1>>::default().handle(Key::endpoint(address, &Protocol::Http1));
    (Http1::new(stream.into(), handle, 100), backend)
}

#[tokio::test]
async fn a_closed_connection_is_dead_to_a_task_without_budget_too() {
    let (mut http1, backend) = connected(async |_| {}).await;
    assert!(http1.is_alive());
    drop(backend);
    while http1.is_alive() {
        yield_now().await;
    }
    let is_alive = poll_fn(|cx| {
        while pin!(consume_budget()).poll(cx).is_ready() {}
        Poll::Ready(http1.is_alive())
    });
    assert!(!is_alive.await);
}

#[tokio::test]
async fn a_request_whose_header_map_was_reused_does_not_count_as_unsent() {
    let (http1, backend) = connected(async |stream| {
        // Fill the send buffer, so that nothing more can leave.
        stream.writable().await.unwrap();
        while stream.try_write(&[0; 65536]).is_ok() {}
    })
    .await;
    backend.writable().await.unwrap();
    backend.try_write(b"HTTP/1.1 100 Continue\r\n\r\nnonsense\r\n\r\n").unwrap();
    let mut get = Get::new();
    let error = http1.send(&mut get.as_request(), &mut none()).await.err().unwrap();
    assert!(!error.may_send_again(true));
}

#[tokio::test]
async fn an_idle_connection_keeps_little_of_a_long_head() {
    let (mut http1, _backend) = connected(async |_| {}).await;
    let mut get = Get::new();
    get.head.headers.insert("x", "y".repeat(2 * READ_BYTES).try_into().unwrap());
    http1.outgoing.begin(&mut get.as_request());
    poll_fn(|cx| http1.outgoing.poll_send(&mut http1.io, cx)).await.unwrap();
    assert!(http1.outgoing.head_capacity() > 2 * READ_BYTES);
    assert!(http1.can_reuse());
    http1.shrink();
    assert!(http1.outgoing.head_capacity() <= READ_BYTES);
}

#[tokio::test]
async fn interim_responses_are_bounded() {
    for (count, is_accepted) in [(MAX_INTERIM, true), (MAX_INTERIM + 1, false)] {
        let (http1, backend) = connected(async |_| {}).await;
        backend.writable().await.unwrap();
        let interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(count);
        let all = interim + "HTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(backend.try_write(all.as_bytes()).unwrap(), all.len());
        let sent = http1.send(&mut Get::new().as_request(), &mut none()).await;
        let rule = sent.err().map(|error| error.broken_rule().unwrap().to_string());
        assert_eq!(rule.is_none(), is_accepted, "{rule:?}");
    }
}

#[tokio::test]
async fn a_connection_is_not_used_just_before_the_backend_closes_it() {
    let pool = Rc::<Pool<Http1>>::default();
    let (mut http1, _backend) = connected(async |_| {}).await;
    let key = Key::endpoint(([127, 0, 0, 1], 80).into(), &Protocol::Http1);
    for (seconds, is_kept) in [(None, true), (Some(60), true), (Some(1), true), (Some(0), false)] {
        http1.handle = pool.handle(key.clone());
        http1.idle_timeout = seconds.map(Duration::from_secs);
        pool::put(http1);
        match pool.take(&key) {
            Some(taken) => http1 = taken,
            None => return assert!(!is_kept, "{seconds:?}"),
        }
        assert!(is_kept, "{seconds:?}");
    }
}
