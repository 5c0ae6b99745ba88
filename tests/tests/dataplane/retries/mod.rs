//! Which requests are tried again, where, and how often.

mod bodies;
mod budget;
mod elsewhere;
mod statuses;

use portico_tests::{
    backend::{Backend, Reply, front_door, route, service},
    edge::Edge,
    wire::Message,
};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy";

/// www.ep.com with one Route to one Service with these endpoints, of which none is ejected; `retry`
/// is the inside of its block.
fn retrying(endpoints: &[SocketAddr], retry: &str) -> String {
    let budget = if retry.contains("budget") { "" } else { "budget: 100, " };
    let spec = format!(
        "backends: [{{service: {{name: app, port: 80}}}}]\nejection: {{disabled: true}}\nretry: {{{budget}{retry}}}"
    );
    [front_door(""), service("app", "http", endpoints), route("app", &spec)].concat()
}

/// A backend that gives the first answers in turn, and then the last one for ever; an empty one
/// closes the connection.
async fn backend_of(answers: &'static [&'static str]) -> Backend {
    let next = Arc::new(AtomicUsize::new(0));
    let script = move |_: &Message| {
        let index = next.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
        match answers[index] {
            "" => Reply::raw("").then_close(),
            answer => Reply::raw(answer),
        }
    };
    Backend::scripted(script).await.unwrap()
}

/// How often the Route's requests were tried again for `reason`.
async fn retries(edge: &Edge, reason: &str) -> u64 {
    let sample = format!("portico_retries_total{{route=\"web/app\",reason=\"{reason}\"}}");
    edge.metric(&sample).await.unwrap_or(0)
}

/// A request that is not a GET, with a body that is framed like this.
fn request(method: &str, framed_body: &str) -> String {
    format!("{method} /x HTTP/1.1\r\nHost: www.ep.com\r\n{framed_body}")
}
