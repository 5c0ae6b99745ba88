//! Which connection gives way.

use super::*;
use futures_util::FutureExt;
use std::task::Context;

fn registry(limit: usize) -> Rc<Registry> {
    Rc::new(Registry::new(Arc::new(MemoryBudget::new(limit))))
}

fn gives_way(connection: &Registered) -> bool {
    connection.handle.draining() == Draining::GiveWay
}

/// Connections that have had their activities for a second, two seconds, …
fn aged<const N: usize>(registry: &Rc<Registry>, activities: [Activity; N]) -> [Registered; N] {
    let mut now = Instant::now();
    activities.map(|activity| {
        let connection = registry.register(Admission::free());
        connection.handle.set_activity(activity, now);
        now += Duration::from_secs(1);
        connection
    })
}

#[tokio::test]
async fn for_a_new_connection_the_longest_idle_one_gives_way_then_the_longest_unfinished_head() {
    use Activity::{Busy, Head, Idle};
    let registry = registry(usize::MAX);
    let mut connections: Vec<_> = aged(&registry, [Busy, Head, Idle, Head, Idle]).into();
    // By their places above; a busy connection never does.
    for expected in [2, 4, 1, 3] {
        let mut room = Box::pin(registry.make_room(connections.len()));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(room.poll_unpin(&mut cx).is_pending());
        let leaving: Vec<_> = (0..5).filter(|nth| gives_way(&connections[*nth])).collect();
        assert_eq!(leaving, [expected]);
        drop(room);
        connections[expected] = registry.register(Admission::free());
    }
    assert!(registry.make_room(5).now_or_never().is_none());
    assert!(!connections.iter().any(gives_way));
    assert!(registry.make_room(6).now_or_never().is_some());
    assert_eq!(registry.counts().gave_way[GaveWay::Connections as usize], 4);
}

#[tokio::test]
async fn what_becomes_idle_gives_way_to_a_connection_that_waits() {
    let registry = registry(usize::MAX);
    let busy = registry.register(Admission::free());
    let mut room = Box::pin(registry.make_room(1));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(room.poll_unpin(&mut cx).is_pending());
    assert!(!gives_way(&busy));
    busy.handle.set_activity(Activity::Idle, Instant::now());
    assert!(room.poll_unpin(&mut cx).is_pending());
    assert!(gives_way(&busy));
    drop(busy);
    assert!(room.poll_unpin(&mut cx).is_ready());
}

#[tokio::test]
async fn beyond_the_budget_those_longest_without_a_request_give_way_until_it_is_kept() {
    use Activity::{Busy, Head, Idle};
    let registry = registry(100);
    let [busy, head, idle, late] = aged(&registry, [Busy, Head, Idle, Idle]);
    for connection in [&head, &idle, &late] {
        connection.handle.set_memory(10);
    }
    busy.handle.set_memory(70);
    assert!(![&busy, &head, &idle, &late].into_iter().any(gives_way));
    assert!(registry.make_room(9).now_or_never().is_none(), "the budget is used up");
    assert!(gives_way(&head), "for a new connection");
    // 20 bytes too many, 10 of which are on their way.
    busy.handle.set_memory(90);
    assert!(gives_way(&idle) && !gives_way(&late));
    drop((head, idle));
    assert_eq!(registry.memory.used(), 100);
    drop(late);
    assert!(registry.make_room(9).now_or_never().is_some());
    // Nothing else can be closed, and it has a request.
    busy.handle.set_memory(200);
    assert!(!gives_way(&busy));
    drop(busy);
    assert_eq!(registry.memory.used(), 0);
    assert_eq!(registry.leaving.get(), (0, 0));
}

#[tokio::test]
async fn for_their_memory_those_whose_clients_do_not_read_give_way_like_those_without_a_request() {
    use Activity::{Busy, Idle, Stalled};
    let registry = registry(100);
    let [busy, early, stalled, idle, later] = aged(&registry, [Busy, Idle, Stalled, Idle, Stalled]);
    for connection in [&busy, &early, &stalled, &idle, &later] {
        connection.handle.set_memory(20);
    }
    busy.handle.set_memory(21);
    assert!(gives_way(&early) && !gives_way(&stalled), "it has been without a request for longest");
    drop(early);
    busy.handle.set_memory(41);
    assert!(gives_way(&stalled) && !gives_way(&idle), "it had its last request after that");
    drop(stalled);
    busy.handle.set_memory(60);
    // It has only just stalled, so it does not give way to a new connection.
    later.handle.set_activity(Stalled, Instant::now());
    assert!(registry.make_room(9).now_or_never().is_none());
    assert!(gives_way(&idle) && !gives_way(&later));
    drop(idle);
    busy.handle.set_memory(80);
    assert!(registry.make_room(9).now_or_never().is_none());
    assert!(!gives_way(&later));
    later.handle.set_activity(Stalled, Instant::now() - 2 * STALL_GRACE);
    assert!(registry.make_room(9).now_or_never().is_none());
    assert!(gives_way(&later));
}

#[tokio::test]
async fn where_one_gets_a_request_after_all_another_gives_way() {
    let registry = registry(usize::MAX);
    let [first, second] = aged(&registry, [Activity::Idle, Activity::Idle]);
    first.handle.set_memory(10);
    let mut room = Box::pin(registry.make_room(2));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(room.poll_unpin(&mut cx).is_pending());
    assert!(gives_way(&first) && !gives_way(&second));
    first.handle.stay();
    assert_eq!(first.handle.draining(), Draining::AfterRequest);
    assert_eq!(registry.leaving.get(), (0, 0));
    assert!(room.poll_unpin(&mut cx).is_pending());
    assert!(gives_way(&second));
    // What it holds counts again.
    first.handle.set_memory(30);
    assert_eq!(registry.memory.used(), 30);
    registry.end_all(Draining::Now);
    second.handle.stay();
    assert_eq!(second.handle.draining(), Draining::Now);
    drop((first, second));
    assert_eq!((registry.memory.used(), registry.leaving.get()), (0, (0, 0)));
}
