//! When checks begin.

use super::{Patient, block, edge, until};
use portico_dataplane::table::HealthCheck;
use portico_tests::backend::{Backend, Reply};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::time::sleep;

#[tokio::test]
async fn the_first_check_of_an_endpoint_runs_at_once() {
    let patient = Patient::called("one").await;
    let hourly = HealthCheck { interval: Duration::from_secs(3600), ..block() };
    let _edge = edge(&[patient.address()], hourly).await;
    until("a check", async || !patient.checks().is_empty()).await;
}

#[tokio::test]
async fn checks_keep_their_connections_and_never_come_in_a_burst() {
    let begun = Arc::<Mutex<Vec<Instant>>>::default();
    let mut backends = Vec::new();
    for _ in 0..40 {
        let begun = begun.clone();
        let note = move |_: &_| {
            begun.lock().unwrap().push(Instant::now());
            Reply::ok("ok")
        };
        backends.push(Backend::scripted(note).await.unwrap());
    }
    let addresses: Vec<_> = backends.iter().map(Backend::address).collect();
    let interval = Duration::from_secs(1);
    let start = Instant::now();
    let _edge = edge(&addresses, HealthCheck { interval, ..block() }).await;
    sleep(interval * 4).await;
    let begun = begun.lock().unwrap().clone();
    let within = |from: Duration, to: Duration| {
        let in_time = begun.iter().filter(|at| (from..to).contains(&(**at - start)));
        in_time.count()
    };
    let whole = start.elapsed().as_secs_f64();
    let checks = begun.len();
    assert!((checks as f64) < 40.0 * (whole * 1.2 + 1.0), "{checks} checks in {whole} s");
    assert!(checks >= 80, "{checks} checks in {whole} s");
    // Even twice as many as are due in a tenth of an interval would be few beside all at once.
    for tenth in 10..whole as u32 * 10 {
        let count = within(interval / 10 * tenth, interval / 10 * (tenth + 1));
        assert!(count <= 20, "{count} checks in a tenth of an interval");
    }
    assert!(backends.iter().all(|backend| backend.connections() == 1));
}
