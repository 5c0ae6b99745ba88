//! The thread that looks names up: each when it is due, only so many at a time.

use super::{
    Found,
    look_up::{look_up, resolver},
    record::{Answer, Record},
};
use crate::random;
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
const MAX_LOOK_UPS: usize = 32;

/// How many of them may be names that don't resolve: their servers may not answer at all.
const MAX_FAILING: usize = MAX_LOOK_UPS / 2;

/// How many of them may be of one [`zone`]: its servers may not answer either.
const MAX_OF_ZONE: usize = MAX_LOOK_UPS / 4;

/// A name of the table.
struct Scheduled {
    record: Record,
    /// When it is to be looked up; `None` while it is.
    due: Option<Instant>,
}

/// A look-up that has ended, and what it has found.
type LookedUp = (LookUp, [Answer; 2]);

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
    let (mut running, mut asked) = (Running::default(), None);
    loop {
        let now = Instant::now();
        for begun in due(&mut names, &mut running, now) {
            let resolver = asked.get_or_insert_with(|| known(name_servers)).clone();
            look_ups.push(Box::pin(async move {
                let answers = match &resolver {
                    Some(resolver) => look_up(resolver, &begun.host).await,
                    None => [Answer::Failed, Answer::Failed],
                };
                (begun, answers)
            }));
        }
        // A resolver that can't be made is tried again with the next look-up.
        asked = asked.filter(Option::is_some);
        // What is due already waits for a look-up to end.
        let next = names.values().filter_map(|name| name.due).filter(|due| *due > now).min();
        tokio::select! {
            changed = wanted.changed() => {
                if changed.is_err() {
                    return;
                }
                keep(found, &mut names, &wanted.borrow_and_update());
            }
            Some((ended, answers)) = look_ups.next() => {
                running.end(&ended);
                if let Some(name) = names.get_mut(&ended.host) {
                    let now = Instant::now();
                    let next = name.record.answered(answers, now, random::fraction());
                    name.due = Some(now + next);
                    if found.publish(&ended.host, &mut name.record, now) {
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

/// Takes names whose time has come, those that resolve before the others. Servers that don't answer
/// leave room for the names of others.
fn due(
    names: &mut HashMap<Arc<str>, Scheduled>,
    running: &mut Running,
    now: Instant,
) -> Vec<LookUp> {
    let mut due: Vec<_> = names
        .iter_mut()
        .filter_map(|(host, name)| {
            let due = name.due.filter(|due| *due <= now)?;
            let is_failing = name.record.failing().is_some();
            Some((due, LookUp { host: host.clone(), is_failing }, name))
        })
        .collect();
    due.sort_unstable_by_key(|(due, look_up, _)| (look_up.is_failing, *due));
    let taken = due.into_iter().filter_map(|(_, look_up, name)| {
        running.begin(&look_up).then(|| {
            name.due = None;
            look_up
        })
    });
    taken.collect()
}

/// A look-up of a name, which did not resolve the last time or did.
struct LookUp {
    host: Arc<str>,
    is_failing: bool,
}

/// How many look-ups are under way, also of names that no table has any more.
#[derive(Default)]
struct Running {
    all: usize,
    failing: usize,
    of_zone: HashMap<Arc<str>, usize>,
}

impl Running {
    /// Begins one, if there is room for it.
    fn begin(&mut self, look_up: &LookUp) -> bool {
        let zone = zone(&look_up.host);
        let of_zone = self.of_zone.get(zone).copied().unwrap_or(0);
        let failing = self.failing + usize::from(look_up.is_failing);
        if self.all == MAX_LOOK_UPS || failing > MAX_FAILING || of_zone == MAX_OF_ZONE {
            return false;
        }
        self.all += 1;
        self.failing = failing;
        self.of_zone.insert(zone.into(), of_zone + 1);
        true
    }

    /// One that had begun has ended.
    fn end(&mut self, look_up: &LookUp) {
        self.all -= 1;
        self.failing -= usize::from(look_up.is_failing);
        let zone = zone(&look_up.host);
        match self.of_zone.get_mut(zone) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => drop(self.of_zone.remove(zone)),
        }
    }
}

/// The last two labels of a name, whose servers most likely answer for all names below.
fn zone(host: &str) -> &str {
    let mut dots = host.rmatch_indices('.').map(|(at, _)| at + 1);
    host.get(dots.nth(1).unwrap_or(0)..).unwrap_or(host)
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Names of which so many of the zone are due, each of them failing or not.
    fn names(groups: &[(&str, usize, bool)], now: Instant) -> HashMap<Arc<str>, Scheduled> {
        let mut names = HashMap::new();
        for (zone, count, is_failing) in groups {
            for number in 0..*count {
                let mut record = Record::default();
                if *is_failing {
                    record.answered([Answer::Failed, Answer::Failed], now, 0.0);
                }
                let due = Some(now - Duration::from_millis(number as u64));
                names.insert(format!("{number}.{zone}").into(), Scheduled { record, due });
            }
        }
        names
    }

    /// How many names of a zone are in the list.
    fn of(zone: &str, look_ups: &[LookUp]) -> usize {
        look_ups.iter().filter(|one| one.host.ends_with(zone)).count()
    }

    #[test]
    fn a_zone_is_two_labels() {
        for (host, is) in
            [("a.b.example.com", "example.com"), ("example.com", "example.com"), ("host", "host")]
        {
            assert_eq!(zone(host), is);
        }
    }

    #[test]
    fn names_whose_servers_hang_leave_room_for_others() {
        let (now, mut running) = (Instant::now(), Running::default());
        let hung = [("hung.test", 100, false), ("gone.test", 100, true), ("lost.test", 100, true)];
        let mut all = names(&hung, now);
        let hanging = due(&mut all, &mut running, now);
        assert!(due(&mut all, &mut running, now).is_empty());
        assert_eq!(of("hung.test", &hanging), MAX_OF_ZONE);
        assert_eq!(hanging.len(), MAX_OF_ZONE + MAX_FAILING);
        all.extend(names(&[("fine.test", 2, false), ("late.test", 9, true)], now));
        assert_eq!(of("fine.test", &due(&mut all, &mut running, now)), 2);
        // One that ends makes room for one, whether or not the table still has its name.
        all.retain(|host, _| !host.ends_with("hung.test"));
        all.extend(names(&[("hung.test", 100, false)], now));
        assert!(due(&mut all, &mut running, now).is_empty());
        running.end(hanging.iter().find(|one| one.host.ends_with("hung.test")).unwrap());
        assert_eq!(of("hung.test", &due(&mut all, &mut running, now)), 1);
        running.end(hanging.iter().find(|one| one.is_failing).unwrap());
        assert_eq!(due(&mut all, &mut running, now).len(), 1);
    }

    #[test]
    fn names_that_resolve_come_first_and_no_more_than_are_allowed() {
        let (now, mut running) = (Instant::now(), Running::default());
        let zones: Vec<_> = (0..20).map(|zone| format!("z{zone}.test")).collect();
        let groups: Vec<_> = zones.iter().map(|zone| (&**zone, 3, zone.len() > 7)).collect();
        let mut all = names(&groups, now);
        let taken = due(&mut all, &mut running, now);
        assert_eq!(taken.len(), MAX_LOOK_UPS);
        assert_eq!(taken.iter().filter(|one| one.is_failing).count(), MAX_LOOK_UPS - 10 * 3);
        taken.iter().for_each(|one| running.end(one));
        assert!(running.all == 0 && running.failing == 0 && running.of_zone.is_empty());
    }
}
