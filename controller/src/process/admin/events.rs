//! The page's stream of events (HTML Standard, "Server-sent events"): first all there is to show,
//! then what changes.

use super::{
    Admin,
    deadline::Deadline,
    live,
    respond::{Content, Response, with_content},
};
use crate::overview::{Changes, FailureList, Tick};
use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::{Instant, sleep_until},
};

/// Concurrent streams: each gets all there is to show.
pub(super) const MAX_STREAMS: usize = 16;

/// After so long without an event, a comment shows both ends that the other is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// How much is sent at a time, so that a reader may be slow, as long as it reads.
const PIECE_BYTES: usize = 64 * 1024;

const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");

/// A stream that is sent to one reader, who gets the next piece when there is room for it. A reader
/// that is too slow for a look misses it, and then gets all of the next one instead of what has
/// changed since; one that takes nothing for as long as a connection may last is dropped.
struct Stream {
    admin: Arc<Admin>,
    sender: mpsc::Sender<Bytes>,
    deadline: Deadline,
    /// When the last piece was sent.
    sent: Instant,
    /// The number of the last look that was sent.
    seen: Option<u64>,
    failures: Option<Arc<FailureList>>,
}

/// Starts a stream, which ends with the response.
pub(super) fn response(
    admin: Arc<Admin>,
    deadline: Deadline,
    permit: OwnedSemaphorePermit,
) -> Response {
    let (sender, pieces) = mpsc::channel(1);
    let sent = Instant::now();
    let stream = Stream { admin, sender, deadline, sent, seen: None, failures: None };
    tokio::spawn(async move {
        // It ends when its reader does, or when there is nothing more to look at.
        let _ = stream.run().await;
        drop(permit);
    });
    with_content(StatusCode::OK, EVENT_STREAM, Content::Events(pieces))
}

impl Stream {
    /// `None` when it has ended.
    async fn run(mut self) -> Option<()> {
        let mut ticks = self.admin.live.subscribe();
        let first = self.admin.live.tick(&self.admin.stage).await.ok()?;
        self.show(first).await?;
        let reader = self.sender.clone();
        loop {
            tokio::select! {
                changed = ticks.changed() => {
                    changed.ok()?;
                    let tick = ticks.borrow_and_update().clone();
                    self.show(tick?).await?;
                }
                () = sleep_until(self.sent + KEEP_ALIVE) => {
                    self.send(Bytes::from_static(b":\n\n")).await?;
                }
                () = reader.closed() => return None,
            }
        }
    }

    /// Sends what the reader does not know yet.
    async fn show(&mut self, tick: Arc<Tick>) -> Option<()> {
        let seen = self.seen.replace(tick.number());
        match tick.since_seen(seen) {
            Changes::None => {}
            Changes::Numbers(numbers) => self.event("traffic", numbers).await?,
            Changes::Objects => {
                let all = live::all(tick.clone()).await.ok()?;
                self.event("routes", all).await?;
            }
        }
        let failures = tick.failures();
        if !self.failures.as_ref().is_some_and(|shown| Arc::ptr_eq(shown, failures)) {
            self.failures = Some(failures.clone());
            self.event("failures", failures.json()).await?;
        }
        Some(())
    }

    /// Sends an event, whose data is on one line.
    async fn event(&mut self, name: &str, mut data: Bytes) -> Option<()> {
        self.send(format!("event: {name}\ndata: ").into()).await?;
        while !data.is_empty() {
            self.send(data.split_to(data.len().min(PIECE_BYTES))).await?;
        }
        self.send(Bytes::from_static(b"\n\n")).await
    }

    /// Waits until there is room for a piece. The connection stays open for as long again.
    async fn send(&mut self, piece: Bytes) -> Option<()> {
        self.sender.send(piece).await.ok()?;
        self.sent = Instant::now();
        self.deadline.extend();
        Some(())
    }
}
