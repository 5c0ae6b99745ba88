//! The thread that looks names up: each when it is due, only so many at a time.

use super::{
    super::random::random,
    Found,
    look_up::{look_up, resolver},
    record::{Answer, Record},
};
use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use hickory_resolver::TokioResolver;
use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::Arc,
    time::Instant,
};
use tokio::{sync::watch, time::sleep_until};

/// How many names are looked up at a time.
const MAX_LOOK_UPS: usize = 16;

/// A name of the table.
struct Scheduled {
    record: Record,
    /// When it is to be looked up; `None` while it is.
    due: Option<Instant>,
}

/// What the look-up of a name has found.
type LookedUp = (Arc<str>, [Answer; 2]);

/// Looks up the names of `wanted` until its sender is gone; calls `on_change` after the addresses of
/// one have changed.
pub(super) async fn run(
    found: &Found,
    name_servers: &[SocketAddr],
    mut wanted: watch::Receiver<HashSet<Arc<str>>>,
    on_change: impl Fn(),
) {
    let mut names = HashMap::new();
    let mut look_ups = FuturesUnordered::<BoxFuture<'_, LookedUp>>::new();
    let mut asked = None;
    loop {
        let room = MAX_LOOK_UPS.saturating_sub(look_ups.len());
        for host in due(&mut names, room, Instant::now()) {
            let resolver = asked.get_or_insert_with(|| known(name_servers)).clone();
            look_ups.push(Box::pin(async move {
                let answers = match &resolver {
                    Some(resolver) => look_up(resolver, &host).await,
                    None => [Answer::Failed, Answer::Failed],
                };
                (host, answers)
            }));
        }
        // A resolver that can't be made is tried again with the next look-up.
        asked = asked.filter(Option::is_some);
        let next = names.values().filter_map(|name| name.due).min();
        let next = next.filter(|_| look_ups.len() < MAX_LOOK_UPS);
        tokio::select! {
            changed = wanted.changed() => {
                if changed.is_err() {
                    return;
                }
                keep(found, &mut names, &wanted.borrow_and_update());
            }
            Some((host, answers)) = look_ups.next() => {
                if let Some(name) = names.get_mut(&host) {
                    let now = Instant::now();
                    let next = name.record.answered(answers, now, random());
                    name.due = Some(now + next);
                    if found.publish(&host, &mut name.record, now) {
                        on_change();
                    }
                    // Those that wait find what has changed.
                    found.news.send_replace(());
                }
            }
            () = until(next), if next.is_some() => {}
        }
    }
}

fn known(name_servers: &[SocketAddr]) -> Option<TokioResolver> {
    let built = resolver(name_servers);
    let built = built.inspect_err(|error| {
        tracing::warn!(%error, "can't create a resolver from the system's DNS configuration");
    });
    built.ok()
}

/// Takes up to `room` names whose time has come.
fn due(names: &mut HashMap<Arc<str>, Scheduled>, room: usize, now: Instant) -> Vec<Arc<str>> {
    let mut due: Vec<_> = names
        .iter_mut()
        .filter_map(|(host, name)| Some((name.due.filter(|due| *due <= now)?, host, name)))
        .collect();
    // Those whose servers don't answer leave room for the others.
    let is_failing = |name: &Scheduled| name.record.failing().is_some();
    due.sort_unstable_by_key(|(due, _, name)| (is_failing(name), *due));
    let answering = due.iter().filter(|(_, _, name)| !is_failing(name)).count();
    let taken = due.into_iter().take(room.min(answering + room / 2)).map(|(_, host, name)| {
        name.due = None;
        host.clone()
    });
    taken.collect()
}

/// Forgets all other names, and looks up those that are new.
fn keep(found: &Found, names: &mut HashMap<Arc<str>, Scheduled>, wanted: &HashSet<Arc<str>>) {
    names.retain(|host, _| wanted.contains(host));
    let now = Instant::now();
    found.retain(wanted, now);
    for host in wanted {
        names
            .entry(host.clone())
            .or_insert_with(|| Scheduled { record: Record::default(), due: Some(now) });
    }
}

async fn until(next: Option<Instant>) {
    if let Some(next) = next {
        sleep_until(next.into()).await;
    }
}
