//! The latency band: what is slower than the fastest by more gets no requests.

use super::*;
use crate::health::block;
use portico_dataplane::table::{Balance, HealthCheck};
use portico_tests::{backend::Stage, wire::Wire};
use std::{
    sync::atomic::{AtomicU64, AtomicUsize},
    time::Instant,
};

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

    fn turns(&self, millis: u64) {
        self.millis.store(millis, Ordering::SeqCst);
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

/// Two backends with a latency band of 100 ms, and clients that never pause for long.
struct Scene {
    fast: Slow,
    changing: Slow,
    edge: Arc<Edge>,
    is_over: Arc<AtomicBool>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

impl Scene {
    async fn start(health: Option<HealthCheck>) -> Self {
        let (fast, changing) = (Slow::start().await, Slow::start().await);
        let backends =
            "backends: [{service: {name: fast, port: 80}}, {service: {name: changing, port: 80}}]";
        let manifests = [
            front_door(""),
            service("fast", "http", &[fast.address]),
            service("changing", "http", &[changing.address]),
            route("app", backends),
        ];
        let band = Some(Duration::from_millis(100));
        let balance = Balance { latency_band: band, ..Balance::default() };
        let selection = Selection { balance, health: health.map(Arc::new), ..Selection::default() };
        let edge = Arc::new(edge(&manifests.concat(), &selection).await);
        let is_over = Arc::new(AtomicBool::new(false));
        let clients = (0..4).map(|_| {
            let (edge, is_over) = (edge.clone(), is_over.clone());
            tokio::spawn(async move {
                while !is_over.load(Ordering::SeqCst) {
                    assert_eq!(send(&edge, 1, 200).await, 1);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            })
        });
        let clients = clients.collect();
        Self { fast, changing, edge, is_over, clients }
    }

    /// Waits until so few, or so many, of the requests of a second have reached the one that changes,
    /// checks and measurements aside. Returns how long it took.
    async fn until(&self, is_enough: impl Fn(usize, usize) -> bool) -> Duration {
        let (start, mut before) = (Instant::now(), self.counts());
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let now = self.counts();
            if is_enough(now.0 - before.0, now.1 - before.1) {
                return start.elapsed();
            }
            assert!(start.elapsed() < PATIENCE * 2, "{:?}", self.edge.dataplane.backends());
            before = now;
        }
    }

    fn counts(&self) -> (usize, usize) {
        (self.fast.count(), self.changing.count())
    }

    fn latency(&self, name: &str) -> f64 {
        let backends = self.edge.dataplane.backends();
        let found = backends.iter().find(|backend| backend.name == name).unwrap();
        found.latency_seconds.unwrap()
    }

    async fn end(self) {
        self.is_over.store(true, Ordering::SeqCst);
        for client in self.clients {
            client.await.unwrap();
        }
    }
}

/// One that turns slow by 500 ms has lost its traffic within 3 s; here it may take longer, for the
/// machine may be slow.
#[tokio::test]
async fn a_backend_that_turns_slow_loses_its_traffic() {
    let scene = Scene::start(None).await;
    // While both are fast, they share.
    until(async || scene.fast.count() > 50 && scene.changing.count() > 50).await;
    scene.changing.turns(500);
    // Now and then a request may still measure it.
    scene.until(|got, lost| got > 20 && lost <= 1).await;
    assert!(scene.latency("web/changing:80") > scene.latency("web/fast:80") + 0.1);
    scene.end().await;
}

/// One that heals is back within 20 s of checks each second, which is what the half-life of the
/// average comes to; here it may take longer.
#[tokio::test]
#[expect(clippy::print_stdout, reason = "it is measured as well")]
async fn a_backend_that_heals_gets_its_traffic_back() {
    let (interval, timeout) = (Duration::from_secs(1), Duration::from_secs(1));
    let check = HealthCheck { interval, timeout, ..block() };
    let scene = Scene::start(Some(check)).await;
    until(async || scene.fast.count() > 50 && scene.changing.count() > 50).await;
    scene.changing.turns(500);
    // With a check of each second.
    let lost = scene.until(|got, lost| got > 20 && lost <= 2).await;
    assert!(scene.latency("web/changing:80") > scene.latency("web/fast:80") + 0.1);
    scene.changing.turns(0);
    let back = scene.until(|fast, changing| changing * 3 > fast && fast > 20).await;
    println!("traffic lost within {lost:.1?}, back after {back:.1?}");
    assert!(scene.latency("web/changing:80") < scene.latency("web/fast:80") + 0.1);
    scene.end().await;
}
