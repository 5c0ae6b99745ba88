use super::*;
use crate::{
    endpoint::{Endpoint, EndpointKey, Member},
    table::{Ejection, Protocol},
};
use std::{
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::Duration,
};
use tokio::time::timeout;

fn members(count: u16) -> Arc<[Member]> {
    let now = Instant::now();
    let member = |port| {
        let address = ([127, 0, 0, 1], port).into();
        let key = EndpointKey { address, protocol: Protocol::Http1 };
        Member { endpoint: Arc::new(Endpoint::new(key, now, now)), check: None }
    };
    (1..=count).map(member).collect()
}

fn wanted(members: &Arc<[Member]>, limit: u32) -> Wanted {
    let places = members.iter().map(|member| member.endpoint.places().clone()).collect();
    let members = members.clone();
    let may_take = move |index: usize, now| members[index].is_available(&Ejection::default(), now);
    let limit = limit.try_into().unwrap();
    Wanted { places, only: None, limit, may_take: Box::new(may_take) }
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// The port that a place is at, if there is one.
fn port(members: &[Member], polled: &Poll<Result<InFlight, QueueFull>>) -> Option<u16> {
    match polled {
        Poll::Ready(Ok(place)) => {
            let own = members.iter().find(|member| member.endpoint.has(place)).unwrap();
            Some(own.endpoint.address().port())
        }
        Poll::Ready(Err(QueueFull)) | Poll::Pending => None,
    }
}

#[tokio::test]
async fn places_go_to_those_that_have_waited_longest() {
    let (queue, members) = (Arc::<Queue>::default(), members(2));
    let full: Vec<_> = members.iter().map(|member| member.endpoint.begin()).collect();
    let wait = |only: Option<usize>| queue.wait(Wanted { only, ..wanted(&members, 1) }, 4);
    // The second waits for the second endpoint alone.
    let (mut first, mut second, mut third, mut fourth) =
        (pin!(wait(None)), pin!(wait(Some(1))), pin!(wait(None)), pin!(wait(None)));
    for waiting in [first.as_mut(), third.as_mut(), fourth.as_mut()] {
        assert!(poll(waiting).is_pending());
    }
    assert!(poll(second.as_mut()).is_pending());
    assert!(matches!(poll(pin!(wait(None))), Poll::Ready(Err(QueueFull))));
    let mut full = full.into_iter();
    drop(full.next());
    let one = poll(first.as_mut());
    assert_eq!(port(&members, &one), Some(1));
    drop(one);
    // The second does not want it.
    let one = poll(third.as_mut());
    assert_eq!(port(&members, &one), Some(1));
    drop(full.next());
    // The fourth entered before the second did.
    let two = poll(fourth.as_mut());
    assert_eq!(port(&members, &two), Some(2));
    assert!(poll(second.as_mut()).is_pending());
    drop(two);
    assert_eq!(port(&members, &poll(second.as_mut())), Some(2));
    drop(one);
    assert!(!queue.is_awaited());
    assert!(members.iter().all(|member| member.endpoint.in_flight() == 0));
}

#[tokio::test]
async fn who_goes_away_leaves_the_queue_and_a_place_that_was_given() {
    let (queue, members) = (Arc::<Queue>::default(), members(1));
    let endpoint = &members[0].endpoint;
    let taken = endpoint.begin();
    let wait = || Box::pin(queue.wait(wanted(&members, 1), 9));
    let (mut gone, mut given, mut next) = (wait(), wait(), wait());
    for waiting in [&mut gone, &mut given, &mut next] {
        assert!(poll(waiting.as_mut()).is_pending());
    }
    drop(gone);
    drop(taken);
    assert_eq!(endpoint.in_flight(), 1);
    // It has a place, and has not seen it.
    drop(given);
    assert_eq!(endpoint.in_flight(), 1);
    assert_eq!(port(&members, &poll(next.as_mut())), Some(1));
    assert_eq!((endpoint.in_flight(), queue.is_awaited()), (0, false));
}

#[tokio::test]
async fn a_place_that_is_free_is_taken_at_once_and_one_that_is_out_is_not() {
    let (queue, members) = (Arc::<Queue>::default(), members(2));
    let now = Instant::now();
    let terms = Ejection { errors: 1, ..Ejection::default() };
    members[0].endpoint.eject(&terms, crate::endpoint::Failure::Connect, now);
    let other = members[1].endpoint.begin();
    let mut waiting = pin!(queue.wait(wanted(&members, 1), 1));
    assert!(poll(waiting.as_mut()).is_pending());
    // Where all are out, all are used.
    let any = Wanted { may_take: Box::new(|_, _| true), ..wanted(&members, 1) };
    assert_eq!(port(&members, &poll(pin!(queue.wait(any, 2)))), Some(1));
    assert!(poll(waiting.as_mut()).is_pending());
    drop(other);
    assert_eq!(port(&members, &poll(waiting.as_mut())), Some(2));
}

/// The endpoint may serve other Routes too, with higher limits.
#[tokio::test]
async fn a_place_above_the_limit_is_none() {
    let (queue, other) = (Arc::<Queue>::default(), Arc::<Queue>::default());
    let members = members(1);
    let endpoint = &members[0].endpoint;
    let mut busy: Vec<_> = (0..4).map(|_| endpoint.begin()).collect();
    let mut low = pin!(queue.wait(wanted(&members, 2), 1));
    let mut high = pin!(other.wait(wanted(&members, 4), 1));
    assert!(poll(low.as_mut()).is_pending());
    assert!(poll(high.as_mut()).is_pending());
    busy.pop();
    assert!(poll(low.as_mut()).is_pending());
    assert!(port(&members, &poll(high.as_mut())).is_some());
    busy.truncate(1);
    assert!(port(&members, &poll(low.as_mut())).is_some());
}

/// Requests of many threads for few places, some of which go away at any time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_wake_up_is_lost() {
    const REQUESTS: u32 = 400;
    for (endpoints, limit, only_one) in [(1, 1, false), (3, 2, false), (3, 1, true)] {
        let (queue, members) = (Arc::<Queue>::default(), members(endpoints));
        let tasks: Vec<_> = (0..REQUESTS)
            .map(|number| {
                let (queue, members) = (queue.clone(), members.clone());
                let chosen = number as usize % members.len();
                let only = (only_one && number.is_multiple_of(2)).then_some(chosen);
                tokio::spawn(async move {
                    let wanted = Wanted { only, ..wanted(&members, limit) };
                    let waiting = queue.wait(wanted, REQUESTS);
                    let patience = match number % 4 {
                        0 => Duration::from_micros(u64::from(number % 50) * 20),
                        _ => Duration::from_secs(60),
                    };
                    let Ok(place) = timeout(patience, waiting).await else {
                        return number.is_multiple_of(4);
                    };
                    let _place = place.unwrap();
                    let is_within =
                        members.iter().all(|member| member.endpoint.in_flight() <= limit);
                    tokio::task::yield_now().await;
                    is_within
                })
            })
            .collect();
        for task in tasks {
            assert!(timeout(Duration::from_secs(60), task).await.unwrap().unwrap());
        }
        assert!(!queue.is_awaited());
        for member in &*members {
            assert_eq!(member.endpoint.in_flight(), 0);
            assert!(!member.endpoint.places().is_awaited.load(Ordering::SeqCst));
        }
    }
}
