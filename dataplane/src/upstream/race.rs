//! Connecting to one of several addresses (RFC 8305 §5): the next attempt begins a while after the
//! one before, or at once when one has failed. The first that connects wins, and the others are
//! given up.

use futures_util::{StreamExt, stream::FuturesUnordered};
use std::{future::Future, net::SocketAddr, time::Duration};
use tokio::time::sleep;

/// How long an attempt has before the next one begins beside it.
pub(super) const DELAY: Duration = Duration::from_millis(250);

/// How many addresses are tried for one connection.
const MAX_ATTEMPTS: usize = 8;

/// Makes one `attempt` after the other, `delay` apart while none has ended: the first success, or
/// the last failure; `None` if there is nobody to try.
pub(super) async fn race<C, T, E, F: Future<Output = Result<T, E>>>(
    candidates: impl IntoIterator<Item = C>,
    delay: Duration,
    attempt: impl Fn(C) -> F,
) -> Option<Result<T, E>> {
    let mut candidates = candidates.into_iter();
    let mut running = FuturesUnordered::new();
    let mut failed = None;
    loop {
        let next = candidates.next();
        let may_be_more = next.is_some();
        running.extend(next.map(&attempt));
        tokio::select! {
            ended = running.next() => match ended {
                Some(Ok(winner)) => return Some(Ok(winner)),
                Some(Err(error)) => failed = Some(Err(error)),
                None => return failed,
            },
            () = sleep(delay), if may_be_more => {}
        }
    }
}

/// `first`, and then the others with the families in turn (RFC 8305 §4).
pub(super) fn in_turn<T>(
    first: T,
    others: impl IntoIterator<Item = T>,
    address: impl Fn(&T) -> SocketAddr,
) -> impl Iterator<Item = T> {
    let is_v6 = address(&first).is_ipv6();
    let (same, other): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|one| address(one).is_ipv6() == is_v6);
    let (mut same, mut other) = (same.into_iter(), other.into_iter());
    let mut turns = [true, false].into_iter().cycle();
    let rest = std::iter::from_fn(move || match turns.next() {
        Some(true) => other.next().or_else(|| same.next()),
        Some(false) | None => same.next().or_else(|| other.next()),
    });
    std::iter::once(first).chain(rest).take(MAX_ATTEMPTS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::RefCell, future::pending};

    const SHORT: Duration = Duration::from_millis(5);
    const LONG: Duration = Duration::from_secs(3600);

    /// What an attempt does.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Peer {
        Accepts,
        Refuses,
        Hangs,
    }
    use Peer::{Accepts, Hangs, Refuses};

    /// The outcome, and how many were tried.
    async fn raced(delay: Duration, peers: &[Peer]) -> (Option<Result<usize, usize>>, usize) {
        let tried = RefCell::new(0);
        let outcome = race(peers.iter().enumerate(), delay, |(number, peer)| {
            *tried.borrow_mut() += 1;
            async move {
                match peer {
                    Accepts => Ok(number),
                    Refuses => Err(number),
                    Hangs => pending().await,
                }
            }
        });
        let outcome = outcome.await;
        (outcome, tried.into_inner())
    }

    #[tokio::test]
    async fn one_that_fails_gives_way_at_once_and_one_that_hangs_after_the_delay() {
        for (delay, peers, outcome, tried) in [
            (LONG, &[Accepts, Accepts][..], Some(Ok(0)), 1),
            (LONG, &[Refuses, Refuses, Accepts, Accepts], Some(Ok(2)), 3),
            (LONG, &[Refuses, Refuses], Some(Err(1)), 2),
            (LONG, &[], None, 0),
            (SHORT, &[Hangs, Accepts, Accepts], Some(Ok(1)), 2),
            (SHORT, &[Hangs, Refuses, Hangs, Hangs, Accepts], Some(Ok(4)), 5),
        ] {
            assert_eq!(raced(delay, peers).await, (outcome, tried), "{peers:?}");
        }
    }

    #[tokio::test]
    async fn one_that_is_slow_still_wins_if_the_others_are_slower() {
        let outcome = race([SHORT * 4, LONG, LONG], SHORT, |takes| async move {
            sleep(takes).await;
            Ok::<_, ()>(takes)
        });
        assert_eq!(outcome.await, Some(Ok(SHORT * 4)));
    }

    #[test]
    fn families_take_turns_whichever_comes_first() {
        let v4 = |last| SocketAddr::from(([127, 0, 0, last], 80));
        let v6 = |last| SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, last], 80));
        for (first, others, order) in [
            (v4(1), vec![v4(2), v4(3), v6(4), v6(5)], vec![v4(1), v6(4), v4(2), v6(5), v4(3)]),
            (v6(1), vec![v4(2), v4(3), v6(4)], vec![v6(1), v4(2), v6(4), v4(3)]),
            (v6(1), vec![v6(2), v6(3)], vec![v6(1), v6(2), v6(3)]),
            (v4(1), vec![], vec![v4(1)]),
        ] {
            let found: Vec<_> = in_turn(first, others, |address| *address).collect();
            assert_eq!(found, order);
        }
        let many = (2..40).map(v4);
        assert_eq!(in_turn(v4(1), many, |address| *address).count(), MAX_ATTEMPTS);
    }
}
