//! What the demo's front door has counted, read from its metrics.

use super::reachable;
use serde::Serialize;
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Generous: the admin port is in this very process.
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the front door's metrics are served. Known only after the services have started.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<OnceLock<SocketAddr>>);

/// What concerns preflights, summed over all Routes.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counted {
    /// Preflights that the front door answered itself.
    preflights_answered: f64,
    /// Preflights that no browser had to send.
    preflights_avoided: f64,
    /// The time saved by those, in milliseconds.
    saved_ms: f64,
}

impl Metrics {
    /// Sets the admin address at which the metrics are served.
    pub fn are_at(&self, admin: SocketAddr) {
        // There is one front door, which is set once.
        let _ = self.0.set(reachable(admin));
    }

    /// Reads the current totals; `None` if there is no front door.
    pub(super) async fn read(&self) -> Option<io::Result<Counted>> {
        let text = timeout(SCRAPE_TIMEOUT, page(*self.0.get()?)).await;
        Some(text.unwrap_or_else(|late| Err(late.into())).map(|text| Counted::read(&text)))
    }
}

async fn page(admin: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(admin).await?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\nhost: admin\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    match answer.split_once("\r\n\r\n") {
        Some((head, text)) if head.contains(" 200 ") => Ok(text.to_owned()),
        Some(_) | None => Err(io::ErrorKind::InvalidData.into()),
    }
}

impl Counted {
    fn read(metrics: &str) -> Self {
        let sum = |name: &str, label: &str| -> f64 {
            let samples = metrics.lines().filter_map(|line| line.strip_prefix(name));
            let samples = samples.filter(|rest| rest.starts_with('{') && rest.contains(label));
            samples.filter_map(|sample| sample.rsplit(' ').next()?.parse::<f64>().ok()).sum()
        };
        let answered = |result: &str| sum("portico_cors_preflights_total", result);
        Self {
            preflights_answered: answered("result=\"allowed\"") + answered("result=\"denied\""),
            preflights_avoided: sum("portico_cors_preflights_avoided_total", ""),
            saved_ms: sum("portico_cors_saved_round_trip_seconds_total", "") * 1e3,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_added_up() {
        let metrics = "# TYPE portico_cors_preflights_total counter\n\
            portico_cors_preflights_total{route=\"a/b\",result=\"allowed\",reason=\"\"} 2\n\
            portico_cors_preflights_total{route=\"a/c\",result=\"denied\",reason=\"origin\"} 3\n\
            portico_cors_preflights_total{route=\"a/c\",result=\"forwarded\",reason=\"\"} 9\n\
            portico_cors_preflights_avoided_total{route=\"a/b\"} 4\n\
            portico_cors_preflights_avoided_total{route=\"a/c\"} 1\n\
            portico_cors_saved_round_trip_seconds_total{route=\"a/b\"} 0.25\n";
        assert_eq!(
            Counted::read(metrics),
            Counted { preflights_answered: 5.0, preflights_avoided: 5.0, saved_ms: 250.0 }
        );
        assert_eq!(Counted::read(""), Counted::default());
    }

    #[tokio::test]
    async fn without_a_front_door_there_is_nothing_to_tell() {
        assert!(Metrics::default().read().await.is_none());
        let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let metrics = Metrics::default();
        metrics.are_at(gone.local_addr().unwrap());
        drop(gone);
        assert!(metrics.read().await.unwrap().is_err());
    }
}
