//! The connections of HTTP/1.1 to one endpoint, over all workers. Idle ones stay with the worker
//! that has opened them; where there may be no more, and another worker needs one, one is closed.

use std::{
    num::NonZeroU32,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};
use tokio::sync::{Notify, watch};

/// The connections to one endpoint.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    open: AtomicU32,
    /// How many requests wait for one to close.
    wanted: AtomicU32,
    closed: Notify,
}

impl Sockets {
    /// Whether there are any.
    #[cfg(test)]
    fn has_any(&self) -> bool {
        self.open.load(Ordering::SeqCst) > 0
    }

    fn take(&self, limit: Option<NonZeroU32>) -> bool {
        let limit = limit.map_or(u32::MAX, NonZeroU32::get);
        let add = |open: u32| (open < limit).then(|| open + 1);
        self.open.fetch_update(Ordering::SeqCst, Ordering::SeqCst, add).is_ok()
    }
}

/// Tells all workers that an idle connection of theirs is needed.
pub(crate) type Reclaim = watch::Sender<()>;

/// Counts a connection as open until it is dropped.
#[derive(Debug)]
pub(crate) struct Socket(Arc<Sockets>);

impl Socket {
    /// Waits until there are fewer than `limit` of these connections, and asks all workers for
    /// one that is idle.
    pub(crate) async fn open(
        sockets: &Arc<Sockets>,
        limit: Option<NonZeroU32>,
        reclaim: &Reclaim,
    ) -> Self {
        if !sockets.take(limit) {
            let _wanting = Wanting::new(sockets);
            loop {
                let mut closed = pin!(sockets.closed.notified());
                // From here on no close is missed.
                closed.as_mut().enable();
                if sockets.take(limit) {
                    break;
                }
                reclaim.send_replace(());
                closed.await;
            }
        }
        Self(sockets.clone())
    }

    /// Whether somebody waits for a connection to this endpoint to close.
    pub(crate) fn is_wanted(&self) -> bool {
        self.0.wanted.load(Ordering::SeqCst) > 0
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
        if self.is_wanted() {
            self.0.closed.notify_one();
        }
    }
}

struct Wanting<'s>(&'s Sockets);

impl<'s> Wanting<'s> {
    fn new(sockets: &'s Sockets) -> Self {
        sockets.wanted.fetch_add(1, Ordering::SeqCst);
        Self(sockets)
    }
}

impl Drop for Wanting<'_> {
    fn drop(&mut self) {
        self.0.wanted.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn connections_stay_within_the_limit_and_nobody_waits_in_vain() {
        let (sockets, reclaim) = (Arc::<Sockets>::default(), Arc::new(watch::channel(()).0));
        let tasks: Vec<_> = (0..400)
            .map(|number: u64| {
                let (sockets, reclaim) = (sockets.clone(), reclaim.clone());
                tokio::spawn(async move {
                    let opening = Socket::open(&sockets, NonZeroU32::new(3), &reclaim);
                    let patience = match number % 4 {
                        0 => Duration::from_micros(number % 50 * 20),
                        _ => Duration::from_secs(60),
                    };
                    let Ok(socket) = tokio::time::timeout(patience, opening).await else {
                        return number.is_multiple_of(4);
                    };
                    let open = sockets.open.load(Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    drop(socket);
                    open <= 3
                })
            })
            .collect();
        for task in tasks {
            assert!(tokio::time::timeout(Duration::from_secs(60), task).await.unwrap().unwrap());
        }
        assert!(!sockets.has_any() && sockets.wanted.load(Ordering::SeqCst) == 0);
    }

    #[tokio::test]
    async fn who_waits_asks_all_workers() {
        let (sockets, (reclaim, mut asked)) = (Arc::<Sockets>::default(), watch::channel(()));
        let one = Socket::open(&sockets, NonZeroU32::new(1), &reclaim).await;
        assert!(!one.is_wanted() && !asked.has_changed().unwrap());
        let mut other = pin!(Socket::open(&sockets, NonZeroU32::new(1), &reclaim));
        tokio::select! {
            biased;
            _ = &mut other => panic!("there is one"),
            changed = asked.changed() => changed.unwrap(),
        }
        assert!(one.is_wanted());
        drop(one);
        assert!(!other.await.is_wanted());
    }
}
