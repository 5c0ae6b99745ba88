use super::*;
use crate::connection::{Admission, MemoryBudget, Registry};
use futures_util::FutureExt;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Wake,
    time::Instant,
};

/// More than a connection's buffers ever hold.
const BUDGET: usize = 1 << 30;

#[tokio::test]
async fn requests_in_a_row_have_a_turn_each() {
    let state = ConnState::alone(Duration::from_secs(600));
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut cx = Context::from_waker(&waker);
    for _ in 0..2 {
        state.begin_poll(&waker);
        assert_eq!(state.poll_turn(&mut cx), Poll::Ready(()));
        assert!(!woken.0.swap(false, Ordering::Relaxed));
        assert_eq!(state.poll_turn(&mut cx), Poll::Pending);
        assert!(woken.0.swap(false, Ordering::Relaxed));
    }
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_connection_that_was_to_give_way_serves_the_request_that_it_gets_to_its_end() {
    let registry = Rc::new(Registry::new(Arc::new(MemoryBudget::new(BUDGET))));
    let connection = registry.register(Admission::free());
    let handle = &connection.handle;
    let peer = ConnState::local_peer;
    let state = ConnState::new(peer(), Duration::from_secs(600), handle.clone());
    // It had no request.
    handle.set_activity(Activity::Idle, Instant::now());
    assert!(registry.make_room(1).now_or_never().is_none());
    assert!(state.gives_way());
    state.begin();
    state.set_unwritten(1);
    assert!(!state.gives_way() && state.must_end());
    drop(connection);
    // Its client did not read.
    let connection = registry.register(Admission::free());
    let handle = connection.handle.clone();
    let state = ConnState::new(peer(), Duration::from_secs(600), handle.clone());
    state.begin();
    state.set_unwritten(1);
    handle.set_activity(Activity::Stalled, Instant::now());
    handle.set_memory(2 * BUDGET);
    assert!(state.gives_way());
    state.set_unwritten(0);
    assert!(!state.gives_way());
    state.set_unwritten(1);
    assert!(!state.gives_way() && state.must_end());
}
