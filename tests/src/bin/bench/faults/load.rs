//! A steady load, whatever becomes of its requests, and what becomes of them.

use anyhow::{Result, ensure};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    net::TcpStream,
    spawn,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

/// Requests per second where proxies are compared.
pub(super) const RATE: u32 = 500;
/// How long requests are sent there.
pub(super) const TIME: Duration = Duration::from_secs(10);
/// When the fault begins.
pub(super) const FAULT_AT: Duration = Duration::from_secs(2);
/// How long a client waits for the whole response.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
/// What takes longer has been delayed by the fault.
pub(super) const SLOW: Duration = Duration::from_millis(250);

type Sender = SendRequest<Full<Bytes>>;

/// One request.
pub(super) struct Sent {
    /// When it was to be sent, and when it ended, since the load began.
    pub(super) began: Duration,
    pub(super) ended: Duration,
    /// Whether it had a whole response with a 2xx in time.
    pub(super) is_served: bool,
}

impl Sent {
    pub(super) fn took(&self) -> Duration {
        self.ended - self.began
    }
}

/// A client with keep-alive connections.
struct Client {
    port: u16,
    method: Method,
    idle: Mutex<Vec<Sender>>,
}

/// Sends so many requests a second from `start` on, for so many seconds.
pub(super) async fn run(
    port: u16,
    method: Method,
    start: Instant,
    (rate, time): (u32, Duration),
) -> Result<Vec<Sent>> {
    let client = Arc::new(Client { port, method, idle: Mutex::default() });
    let mut requests = JoinSet::new();
    for index in 0..rate * time.as_secs() as u32 {
        let began = Duration::from_secs(1) * index / rate;
        sleep_until(start + began).await;
        let client = client.clone();
        requests.spawn(async move {
            let limit = (start + began + PATIENCE).saturating_duration_since(Instant::now());
            let outcome = timeout(limit, client.exchange()).await;
            let is_served = matches!(outcome, Ok(Ok(())));
            Sent { began, ended: start.elapsed(), is_served }
        });
    }
    Ok(requests.join_all().await)
}

impl Client {
    /// A request, and its whole response.
    async fn exchange(&self) -> Result<()> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // A proxy may have closed it after its last response.
        let kept = std::iter::from_fn(|| idle().pop()).find(Sender::is_ready);
        let mut sender = match kept {
            Some(sender) => sender,
            None => {
                let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
                stream.set_nodelay(true)?;
                let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
                spawn(connection);
                sender
            }
        };
        let body = if self.method == Method::POST { "what is to be done once" } else { "" };
        let request = Request::builder().method(&self.method).uri("/").header("host", "localhost");
        let response = sender.send_request(request.body(Full::from(body))?).await?;
        let status = response.status();
        response.into_body().collect().await?;
        if sender.ready().await.is_ok() {
            idle().push(sender);
        }
        ensure!(status.is_success(), "{status}");
        Ok(())
    }
}
