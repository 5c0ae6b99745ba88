//! The latency band: what is slower than the fastest by more gets no requests.

use super::*;
use portico_dataplane::table::Balance;
use portico_tests::{backend::Stage, wire::Wire};
use std::sync::atomic::{AtomicU64, AtomicUsize};

/// A backend that answers after so many milliseconds.
struct Slow {
    address: SocketAddr,
    millis: Arc<AtomicU64>,
    count: Arc<AtomicUsize>,
}

impl Slow {
    async fn start() -> Self {
        let stage = Stage::open().await.unwrap();
        let address = stage.address().unwrap();
        let (millis, count) = (Arc::<AtomicU64>::default(), Arc::<AtomicUsize>::default());
        let (delay, counted) = (millis.clone(), count.clone());
        tokio::spawn(async move {
            while let Ok(wire) = stage.accept().await {
                tokio::spawn(answer(wire, delay.clone(), counted.clone()));
            }
        });
        Self { address, millis, count }
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

async fn answer(mut wire: Wire, millis: Arc<AtomicU64>, count: Arc<AtomicUsize>) {
    while let Ok(Some(_)) = wire.read_request().await {
        count.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(millis.load(Ordering::SeqCst))).await;
        if wire.send(FINE).await.is_err() {
            return;
        }
    }
}

/// One that turns slow by 500 ms has lost its traffic within 3 s; here it may take longer, for the
/// machine may be slow.
#[tokio::test]
async fn a_backend_that_turns_slow_loses_its_traffic() {
    let (fast, slow) = (Slow::start().await, Slow::start().await);
    let manifests = [
        front_door(""),
        service("fast", "http", &[fast.address]),
        service("slow", "http", &[slow.address]),
        route(
            "app",
            "backends: [{service: {name: fast, port: 80}}, {service: {name: slow, port: 80}}]",
        ),
    ];
    let band = Some(Duration::from_millis(100));
    let balance = Balance { latency_band: band, ..Balance::default() };
    let selection = Selection { balance, ..Selection::default() };
    let edge = Arc::new(edge(&manifests.concat(), &selection).await);
    let is_over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (edge, is_over) = (edge.clone(), is_over.clone());
            tokio::spawn(async move {
                while !is_over.load(Ordering::SeqCst) {
                    assert_eq!(send(&edge, 1, 200).await, 1);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            })
        })
        .collect();
    // While both are fast, they share.
    until(async || fast.count() > 50 && slow.count() > 50).await;
    slow.millis.store(500, Ordering::SeqCst);
    let mut before = (fast.count(), slow.count());
    // Now and then a request may still measure it.
    until(async || {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = (fast.count(), slow.count());
        let (got, lost) = (now.0 - before.0, now.1 - before.1);
        before = now;
        got > 20 && lost <= 1
    })
    .await;
    is_over.store(true, Ordering::SeqCst);
    for client in clients {
        client.await.unwrap();
    }
    let backends = edge.dataplane.backends();
    let latency = |name: &str| {
        let found = backends.iter().find(|backend| backend.name == name).unwrap();
        found.latency_seconds.unwrap()
    };
    assert!(latency("web/slow:80") > latency("web/fast:80") + 0.1, "{backends:?}");
}
