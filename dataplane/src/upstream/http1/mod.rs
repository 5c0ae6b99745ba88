//! HTTP/1.1 to a backend, driven inside the task of the client's own connection: no task of its
//! own, and no channels, so nothing is moved or woken on a request's way that need not be.

mod chunked;
mod request;
pub(crate) mod response;

use super::{
    BoxError, SendError, Stream,
    pool::{self, Home},
};
use crate::proxy::RequestBody;
use bytes::{Bytes, BytesMut};
use http::{Method, Response, StatusCode, request::Parts};
use hyper::body::{Frame, SizeHint};
use request::Outgoing;
use response::{Framing, Heads};
use std::{
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    task::{Context, Poll, Waker, ready},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, ReadBuf},
    task::unconstrained,
};

/// As on the client's side: the most that is read at a time, and the longest head.
const BUFFER: usize = 128 * 1024;

/// How much is read at a time at first, and what an idle connection keeps for heads.
const PIECE: usize = 8 * 1024;

/// One connection, between requests or in one.
pub(super) struct Http1 {
    io: Stream,
    /// What was read and is not used yet.
    input: BytesMut,
    /// How much is read at a time: as much as is to come, or more and more while more comes.
    piece: usize,
    outgoing: Outgoing,
    heads: Heads,
    /// What is to come of the answer's body.
    framing: Framing,
    /// Whether any byte has come since the request began.
    answered: bool,
    /// Whether the backend keeps the connection behind the answer.
    keep_alive: bool,
    /// The address that was dialled.
    pub(super) address: SocketAddr,
    /// Where it goes back to.
    pub(super) home: Home,
    /// The pool's sweep since which it has been there.
    pub(super) idle_since: u64,
}

impl Http1 {
    /// Will speak HTTP/1.1 over a stream.
    pub(super) fn new(io: Stream, address: SocketAddr, home: Home) -> Box<Self> {
        Box::new(Self {
            io,
            input: BytesMut::new(),
            piece: PIECE,
            outgoing: Outgoing::default(),
            heads: Heads::default(),
            framing: Framing::Done,
            answered: false,
            keep_alive: true,
            address,
            home,
            idle_since: 0,
        })
    }

    /// Whether an idle connection can still take a request: the backend has not closed it, and has
    /// not said anything unasked. Nobody is woken for it: whoever takes it looks again.
    pub(super) fn is_alive(&mut self) -> bool {
        let mut unasked = [0];
        let look =
            poll_fn(|cx| Pin::new(&mut self.io).poll_read(cx, &mut ReadBuf::new(&mut unasked)));
        // To a task that has had its turn, tokio says of any stream that it is quiet.
        let look = pin!(unconstrained(look));
        look.poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    /// Sends a request, and gives the head of its answer, for which the request's own headers make
    /// room. What is not sent of the body by then is sent as the answer's body is read. After an
    /// error that counts as unsent, `head` and `body` are as they were.
    pub(super) async fn send(
        mut self: Box<Self>,
        head: &mut Parts,
        body: &mut RequestBody,
    ) -> Result<(Response<()>, Box<Self>), SendError> {
        self.outgoing.begin(head, std::mem::replace(body, RequestBody::empty()));
        self.answered = false;
        self.piece = PIECE;
        match poll_fn(|cx| self.poll_answer(head, cx)).await {
            Ok(answer) => Ok((answer, self)),
            Err(error) => {
                // An answer, asked for or not, has taken the head's room.
                let unsent = self.outgoing.give_back().filter(|_| !self.answered);
                let is_unsent = unsent.is_some();
                *body = unsent.unwrap_or(RequestBody::empty());
                let source = Some(error.into());
                Err(SendError { unsent: is_unsent, unanswered: !self.answered, source })
            }
        }
    }

    /// Leaves HTTP after a 101: the stream, and what was read from it behind the head.
    pub(super) fn into_stream(self) -> (Stream, Bytes) {
        (self.io, self.input.freeze())
    }

    fn poll_answer(
        &mut self,
        head: &mut Parts,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Response<()>>> {
        // An answer can come before the request's end.
        if let Poll::Ready(sent) = self.outgoing.poll_send(&mut self.io, cx) {
            sent?;
        }
        loop {
            while let Some(raw) = self.heads.next(&mut self.input)? {
                let is_head = head.method == Method::HEAD;
                let answer = response::parse(&raw, std::mem::take(&mut head.headers), is_head)?;
                // Interim answers are for whoever asked for them (RFC 9110 §15.2).
                if !is_interim(answer.response.status()) {
                    self.framing = answer.framing;
                    if let Framing::Length(left) = self.framing {
                        let most = usize::try_from(left).unwrap_or(BUFFER);
                        self.piece = most.clamp(PIECE, BUFFER);
                    }
                    self.keep_alive = answer.keep_alive;
                    return Poll::Ready(Ok(answer.response));
                }
            }
            if self.input.len() >= BUFFER {
                return Poll::Ready(Err(response::malformed("a head without end")));
            }
            if ready!(self.poll_read(cx))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            self.answered = true;
        }
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Poll::Ready(Err(error)) = self.outgoing.poll_send(&mut self.io, cx) {
            return Poll::Ready(Some(Err(error)));
        }
        loop {
            match self.framing.decode(&mut self.input)? {
                Some(frame) => return Poll::Ready(Some(Ok(frame))),
                None if self.framing.is_done() => return Poll::Ready(None),
                None if ready!(self.poll_read(cx))? == 0 => self.framing.close()?,
                None => {}
            }
        }
    }

    /// Reads more; how much, 0 at the stream's end.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.input.capacity() - self.input.len() < self.piece / 4 {
            self.input.reserve(self.piece);
        }
        let room = self.input.capacity() - self.input.len();
        let read = ready!(pin!(self.io.read_buf(&mut self.input)).poll(cx))?;
        if read == room {
            self.piece = (self.piece * 4).min(BUFFER);
        }
        Poll::Ready(Ok(read))
    }

    /// The answer has ended: whether another request can follow.
    fn rest(&mut self) -> bool {
        self.keep_alive && self.outgoing.is_done() && self.input.is_empty() && self.is_alive()
    }

    /// Gives up most of what an idle connection holds for messages; one that is used again at once
    /// keeps it.
    pub(super) fn shrink(&mut self) {
        self.input = BytesMut::new();
        self.outgoing.shrink(PIECE);
    }
}

pub(crate) fn is_interim(status: StatusCode) -> bool {
    status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS
}

/// The body of an answer, which drives its connection, and gives it back to the pool at its end;
/// `None` from then on.
pub(super) struct Http1Body(Option<Box<Http1>>);

impl Http1Body {
    /// Takes up a body; a body that is empty gives its connection back at once.
    pub(super) fn new(http1: Box<Http1>) -> Self {
        let mut body = Self(Some(http1));
        body.give_back();
        body
    }

    /// Gives the connection back if the body has ended.
    fn give_back(&mut self) {
        if let Some(mut http1) = self.0.take_if(|http1| http1.framing.is_done())
            && http1.rest()
        {
            pool::put(http1);
        }
    }

    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(http1) = &mut self.0 else { return Poll::Ready(None) };
        let polled = http1.poll_frame(cx);
        self.give_back();
        polled.map(|frame| frame.map(|frame| frame.map_err(BoxError::from)))
    }

    pub(super) fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or(SizeHint::with_exact(0), |http1| http1.framing.size_hint())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use pool::{Key, Pool};
    use std::rc::Rc;
    use tokio::{
        net::{TcpListener, TcpStream},
        task::{consume_budget, yield_now},
    };

    /// A connection, and the backend's end of it.
    async fn connected(prepare: impl AsyncFn(&TcpStream)) -> (Box<Http1>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let (backend, _) = listener.accept().await.unwrap();
        prepare(&stream).await;
        let home = Rc::<Pool>::default().home(Key::Endpoint(address, false));
        (Http1::new(stream.into(), address, home), backend)
    }

    #[tokio::test]
    async fn a_closed_connection_is_dead_to_a_task_that_has_had_its_turn_too() {
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
    async fn a_request_whose_head_has_made_room_does_not_count_as_unsent() {
        let (http1, backend) = connected(async |stream| {
            // No byte more can leave.
            stream.writable().await.unwrap();
            while stream.try_write(&[0; 65536]).is_ok() {}
        })
        .await;
        backend.writable().await.unwrap();
        backend.try_write(b"HTTP/1.1 100 Continue\r\n\r\nnonsense\r\n\r\n").unwrap();
        let mut head = http::Request::get("/").body(()).unwrap().into_parts().0;
        let error = http1.send(&mut head, &mut RequestBody::empty()).await.err().unwrap();
        assert!(!error.unsent && !error.unanswered);
    }

    #[tokio::test]
    async fn an_idle_connection_keeps_little_of_a_long_head() {
        let (mut http1, _backend) = connected(async |_| {}).await;
        let mut head = http::Request::get("/").body(()).unwrap().into_parts().0;
        head.headers.insert("x", "y".repeat(2 * PIECE).try_into().unwrap());
        http1.outgoing.begin(&head, RequestBody::empty());
        poll_fn(|cx| http1.outgoing.poll_send(&mut http1.io, cx)).await.unwrap();
        assert!(http1.outgoing.room() > 2 * PIECE);
        assert!(http1.rest());
        http1.shrink();
        assert!(http1.outgoing.room() <= PIECE);
    }
}
