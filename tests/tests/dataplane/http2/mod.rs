//! HTTP/2 from clients, with prior knowledge (RFC 9113 §3.3).

mod bodies;
mod closing;
mod codes;
mod floods;
mod grpc;
mod h2spec;
mod heads;
mod parity;
mod retries;
mod turns;
mod websockets;

use bytes::Bytes;
use frames::Client;
use h2::{Reason, client::SendRequest};
use http::{HeaderMap, Request, StatusCode};
pub(crate) use portico_tests::frames;
use portico_tests::{edge::Edge, wire::PATIENCE};
use std::time::Duration;
use tokio::{net::TcpStream, time::timeout};

/// A client's connection that a library speaks for.
pub(crate) async fn connect(edge: &Edge) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(edge.address()).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// An answer, as far as it has come.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
    trailers: HeaderMap,
    /// What the stream was reset with.
    reset: Option<Reason>,
}

impl Answer {
    fn reason(&self) -> String {
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        problem["reason"].as_str().unwrap_or_default().to_owned()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn field(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// The answer to a request with this body, whose end its trailers are, if there are any.
pub(crate) async fn ask_whole(
    sender: &SendRequest<Bytes>,
    request: Request<()>,
    body: &[u8],
    trailers: HeaderMap,
) -> Answer {
    let asked = async {
        let mut sender = sender.clone().ready().await.unwrap();
        let is_empty = body.is_empty() && trailers.is_empty();
        let (response, mut stream) = sender.send_request(request, is_empty).unwrap();
        if !is_empty {
            stream.send_data(Bytes::copy_from_slice(body), trailers.is_empty()).unwrap();
        }
        if !trailers.is_empty() {
            stream.send_trailers(trailers).unwrap();
        }
        answer(response).await
    };
    timeout(PATIENCE, asked).await.expect("no answer")
}

/// Reads an answer to its end.
async fn answer(response: h2::client::ResponseFuture) -> Answer {
    let mut answer = Answer::default();
    let response = match response.await {
        Ok(response) => response,
        Err(error) => {
            answer.reset = Some(error.reason().unwrap_or(Reason::NO_ERROR));
            return answer;
        }
    };
    let (head, mut body) = response.into_parts();
    (answer.status, answer.headers) = (head.status, head.headers);
    while let Some(data) = body.data().await {
        match data {
            Ok(data) => {
                body.flow_control().release_capacity(data.len()).unwrap();
                answer.body.extend_from_slice(&data);
            }
            Err(error) => {
                answer.reset = Some(error.reason().unwrap_or(Reason::NO_ERROR));
                return answer;
            }
        }
    }
    answer.trailers = body.trailers().await.unwrap().unwrap_or_default();
    answer
}

async fn ask(sender: &SendRequest<Bytes>, request: Request<()>) -> Answer {
    ask_whole(sender, request, b"", HeaderMap::new()).await
}

/// Waits until a line of the metrics has all of these.
async fn counts(edge: &Edge, labels: &[&str]) {
    let counted = async {
        loop {
            let mut text = String::new();
            edge.dataplane.encode_metrics(&mut text).await;
            if text.lines().any(|line| labels.iter().all(|label| line.contains(label))) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, counted).await.unwrap_or_else(|_| panic!("not counted: {labels:?}"));
}

fn get(path: &str) -> Request<()> {
    Request::get(format!("http://www.ep.com{path}")).body(()).unwrap()
}

fn post(path: &str) -> Request<()> {
    Request::post(format!("http://www.ep.com{path}")).body(()).unwrap()
}
