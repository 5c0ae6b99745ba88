//! How many of the requests may be retries.

use super::{BUSY, retries};
use portico_tests::{
    backend::{Backend, one_route},
    edge::{Edge, Setup},
    wire::{ask, get},
};
use std::time::Instant;

const SUPPRESSED: &str = "portico_retries_suppressed_total{route=\"web/app\"}";

#[tokio::test]
async fn retries_are_a_share_of_the_requests_over_all_workers() {
    const REQUESTS: u64 = 100;
    for (budget, share) in [(0, 0), (20, 20)] {
        let backend = Backend::answering(BUSY).await.unwrap();
        let spec = format!(
            "ejection: {{disabled: true}}\nretry: {{budget: {budget}, backoff: 0s, \"on\": [\"503\"]}}"
        );
        let setup = Setup { workers: 2, ..Setup::default() };
        let manifests = one_route(backend.address(), &spec);
        let edge = Edge::start_with(setup, &manifests).await.unwrap();
        let began = Instant::now();
        for _ in 0..REQUESTS {
            assert_eq!(ask(edge.address(), get("/", "")).await.unwrap().status(), 503);
        }
        let seconds = began.elapsed().as_secs() + 2;
        let (retried, suppressed) =
            (retries(&edge, "503").await, edge.metric::<u64>(SUPPRESSED).await.unwrap());
        assert_eq!(retried + suppressed, REQUESTS, "{budget}");
        assert_eq!(backend.requests().len() as u64, REQUESTS + retried);
        assert!((3..=share + 3 * seconds).contains(&retried), "{budget}: {retried}");
    }
}
