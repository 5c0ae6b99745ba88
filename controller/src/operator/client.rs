//! Clients of the API server, bounded so that every outage ends within seconds of the API server's
//! return: neither a connection that died without a word nor a library's own retries outlast it.

use hyper_timeout::TimeoutConnector;
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use kube::{
    Client, Config,
    client::{Body, ClientBuilder, ConfigExt},
    runtime::utils::Backoff,
};
use portico_dataplane::random;
use std::time::Duration;
use tower::{BoxError, ServiceBuilder};

/// How long connecting to the API server may take, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a response may make no progress. Longer than a watch can stay quiet.
const READ_TIMEOUT: Duration = Duration::from_secs(90);
/// How long the same may take for a client that only sends short requests.
const SHORT_READ_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may be quiet before it is probed, and between probes.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(4);
/// How long the peer's kernel may leave data or probes unacknowledged before the connection fails.
const UNACKNOWLEDGED_TIMEOUT: Duration = Duration::from_secs(10);

/// Delays between attempts: each is twice the last one. A few attempts fail after the API server is
/// back, because it refuses requests until it has read its own rules of access.
const MIN_DELAY: Duration = Duration::from_millis(500);
const MAX_DELAY: Duration = Duration::from_secs(2);
/// By what share of it a delay is longer or shorter at random, so that watches that ended together
/// don't return together.
const JITTER: f64 = 0.2;

/// A client for watches, and for everything else that has timeouts of its own.
///
/// # Errors
/// If the configuration can't be used.
pub(super) fn client(config: Config) -> kube::Result<Client> {
    build(config, READ_TIMEOUT)
}

/// A client of which every request fails after a few seconds without progress.
///
/// # Errors
/// If the configuration can't be used.
pub(super) fn short_client(config: Config) -> kube::Result<Client> {
    build(config, SHORT_READ_TIMEOUT)
}

/// kube's own stack over sockets that are probed, without its retries of 429, 503 and 504: these
/// wait up to 1,000 s, long after the API server is back.
fn build(mut config: Config, read_timeout: Duration) -> kube::Result<Client> {
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(read_timeout);
    if config.proxy_url.is_some() {
        return Client::try_from(config);
    }
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEPALIVE_INTERVAL));
    tcp.set_keepalive_interval(Some(KEEPALIVE_INTERVAL));
    #[cfg(target_os = "linux")]
    tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED_TIMEOUT));
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(tcp)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    let http: legacy::Client<_, Body> =
        legacy::Client::builder(TokioExecutor::new()).build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(ClientBuilder::new(service, config.default_namespace).build())
}

/// Delays between the attempts of a watch. kube's default grows to a minute, which an API server
/// that is back would be waited for.
#[derive(Debug)]
pub(super) struct RetryDelays(Duration);

impl Default for RetryDelays {
    fn default() -> Self {
        Self(MIN_DELAY)
    }
}

impl Iterator for RetryDelays {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let delay = self.0;
        self.0 = (delay * 2).min(MAX_DELAY);
        Some(delay.mul_f64(1.0 - JITTER + 2.0 * JITTER * random::fraction()))
    }
}

impl Backoff for RetryDelays {
    fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::{
        collections::HashSet,
        io::{Read, Write},
        net::TcpListener,
        sync::mpsc,
        thread,
    };

    /// An API server that answers every request with 503. Sends a message for each.
    fn starting() -> (String, mpsc::Receiver<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (send, requests) = mpsc::channel();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                while matches!(stream.read(&mut [0; 4096]), Ok(1..)) && send.send(()).is_ok() {
                    let head = b"HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n";
                    stream.write_all(head).unwrap();
                }
            }
        });
        (url, requests)
    }

    #[tokio::test]
    async fn a_503_is_reported_instead_of_retried_with_growing_delays() {
        let (url, requests) = starting();
        for build in [client, short_client] {
            let client = build(Config::new(url.parse().unwrap())).unwrap();
            let error = client.apiserver_version().await.unwrap_err();
            assert!(matches!(&error, kube::Error::Api(status) if status.code == 503), "{error}");
            assert_eq!(requests.try_iter().count(), 1);
        }
    }

    #[test]
    fn attempts_are_never_more_than_seconds_apart() {
        let is_about = |delay: Option<Duration>, expected: Duration| {
            let share = delay.unwrap().as_secs_f64() / expected.as_secs_f64();
            assert!((0.79..1.21).contains(&share), "{delay:?}, not about {expected:?}");
        };
        let mut delays = RetryDelays::default();
        for factor in [1, 2, 4, 4, 4] {
            is_about(delays.next(), MIN_DELAY * factor);
        }
        is_about(delays.nth(100), MAX_DELAY);
        delays.reset();
        is_about(delays.next(), MIN_DELAY);
    }

    #[test]
    fn watches_that_end_together_do_not_return_together() {
        let first: HashSet<_> = (0..32).map(|_| RetryDelays::default().next()).collect();
        assert!(first.len() > 16, "{first:?}");
    }
}
