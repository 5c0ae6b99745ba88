//! The endpoints of one backend, under one Route's `health`.

use super::{
    ejection::may_eject,
    state::{Failure, Member},
};
use crate::{
    balance::Ring,
    table::{Ejection, HealthCheck, Protocol},
};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// How often a backend outside of the latency band is measured by a request.
const MEASURE_INTERVAL: Duration = Duration::from_secs(5);

/// How long the median of a backend's latencies is used before it is computed again.
const MEDIAN_INTERVAL: Duration = Duration::from_millis(100);

/// What tells sets apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct SetKey {
    pub(super) backend: String,
    pub(super) protocol: Protocol,
    pub(super) health: Option<Arc<HealthCheck>>,
}

/// Why a backend has no endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Its Service has none.
    NoEndpoint,
    /// Its name has not been looked up yet.
    Pending,
    /// Its name does not resolve.
    Unresolved,
    /// Its name resolves only to addresses that may not be dialled.
    NotAllowed,
}

/// The endpoints of a backend, shared by all workers. Another one takes its place where they change.
#[derive(Debug)]
pub(crate) struct BackendSet {
    pub(super) key: SetKey,
    /// In the order of their addresses.
    pub(crate) members: Arc<[Member]>,
    /// Why there are none.
    pub(crate) missing: Option<Missing>,
    pub(super) shared: Arc<SetShared>,
    epoch: Instant,
    ring: OnceLock<Ring>,
    /// The median of the latencies in nanoseconds, 0 where there is none, and when it was computed,
    /// in milliseconds since `epoch`; 0: never.
    median: AtomicU64,
    computed: AtomicU64,
}

/// What outlives a change of a backend's endpoints.
#[derive(Debug)]
pub(super) struct SetShared {
    /// How many of its endpoints its requests have ejected.
    pub(super) ejections: AtomicU64,
    /// When a request may measure it again, in milliseconds since the epoch.
    next_measurement: AtomicU64,
    /// Held while it is decided whether an endpoint is ejected; the same for all backends.
    ejecting: Arc<Mutex<()>>,
}

impl SetShared {
    pub(super) fn new(ejecting: Arc<Mutex<()>>) -> Self {
        Self { ejections: AtomicU64::new(0), next_measurement: AtomicU64::new(0), ejecting }
    }
}

impl BackendSet {
    pub(super) fn new(
        key: SetKey,
        members: Result<Arc<[Member]>, Missing>,
        shared: Arc<SetShared>,
        epoch: Instant,
    ) -> Self {
        let missing = members.as_ref().err().copied();
        Self {
            key,
            members: members.unwrap_or_default(),
            missing,
            shared,
            epoch,
            ring: OnceLock::new(),
            median: AtomicU64::new(0),
            computed: AtomicU64::new(0),
        }
    }

    /// Whether these are its addresses.
    pub(super) fn has(&self, addresses: Result<&[SocketAddr], Missing>) -> bool {
        match addresses {
            Ok(addresses) => {
                let own = self.members.iter().map(|member| member.endpoint.address());
                self.missing.is_none() && own.eq(addresses.iter().copied())
            }
            Err(missing) => self.missing == Some(missing),
        }
    }

    /// Whether one of its endpoints is available, or may be once its name is resolved.
    pub(crate) fn is_available(&self, terms: &Ejection, now: Instant) -> bool {
        match self.missing {
            Some(Missing::Pending) => true,
            Some(Missing::NoEndpoint | Missing::Unresolved | Missing::NotAllowed) => false,
            None => self.members.iter().any(|member| member.is_available(terms, now)),
        }
    }

    /// A member has failed a request. It is ejected if these were too many in a row, and enough of
    /// the others are left.
    pub(crate) fn failed(&self, member: &Member, why: Failure, terms: &Ejection, now: Instant) {
        let may_eject = || {
            let out = self.members.iter().filter(|one| !one.is_available(terms, now)).count();
            may_eject(self.members.len(), out, terms.max_share)
        };
        let endpoint = &member.endpoint;
        if !endpoint.failed(terms, now) || !may_eject() {
            return;
        }
        let ejecting = self.shared.ejecting.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have ejected this one, or another one.
        if endpoint.is_ejected(now) || !may_eject() {
            return;
        }
        let time = endpoint.eject(terms, why, now);
        drop(ejecting);
        self.shared.ejections.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(
            backend = self.key.backend,
            endpoint = %endpoint.address(),
            %why,
            errors = terms.errors,
            "an endpoint is ejected for {:.1} s",
            time.as_secs_f64(),
        );
    }

    /// The ring of its endpoints, for the policy `Hash`; made when it is first needed.
    pub(crate) fn ring(&self) -> &Ring {
        self.ring.get_or_init(|| Ring::new(self.members.iter().map(|one| one.endpoint.id())))
    }

    /// How many ejections its requests have led to.
    pub(super) fn ejections(&self) -> u64 {
        self.shared.ejections.load(Ordering::Relaxed)
    }

    /// The median of its available endpoints' latencies; `None` if none was measured.
    pub(crate) fn latency(&self, terms: &Ejection, now: Instant) -> Option<Duration> {
        let (millis, computed) = (self.millis(now), self.computed.load(Ordering::Relaxed));
        let is_recent = u128::from(millis.saturating_sub(computed)) < MEDIAN_INTERVAL.as_millis();
        let nanos = if computed > 0 && is_recent {
            self.median.load(Ordering::Relaxed)
        } else {
            let median = self.median(terms, now).unwrap_or_default();
            let nanos = median.as_nanos().try_into().unwrap_or(u64::MAX);
            self.median.store(nanos, Ordering::Relaxed);
            self.computed.store(millis.max(1), Ordering::Relaxed);
            nanos
        };
        (nanos > 0).then(|| Duration::from_nanos(nanos))
    }

    fn median(&self, terms: &Ejection, now: Instant) -> Option<Duration> {
        let available = self.members.iter().filter(|one| one.is_available(terms, now));
        let mut all: Vec<_> = available.filter_map(|one| one.endpoint.latency()).collect();
        let middle = all.len().checked_sub(1)? / 2;
        Some(*all.select_nth_unstable(middle).1)
    }

    /// The available member that was measured longest ago, if it is time for a request to measure
    /// this backend because neither checks nor other requests do; only one request is told so.
    pub(crate) fn to_measure(&self, terms: &Ejection, now: Instant) -> Option<usize> {
        let millis = self.millis(now);
        let next = &self.shared.next_measurement;
        let due = next.load(Ordering::Relaxed);
        if millis < due || self.key.health.is_some() {
            return None;
        }
        let measured = |member: &Member| member.endpoint.measured(now).unwrap_or(Duration::MAX);
        let available = self.members.iter().enumerate();
        let available = available.filter(|(_, member)| member.is_available(terms, now));
        if available.clone().any(|(_, member)| measured(member) < MEASURE_INTERVAL) {
            return None;
        }
        let (stalest, _) = available.max_by_key(|(_, member)| measured(member))?;
        let after = millis.saturating_add(MEASURE_INTERVAL.as_millis() as u64);
        let ordering = Ordering::Relaxed;
        next.compare_exchange(due, after, ordering, ordering).ok().map(|_| stalest)
    }

    fn millis(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.epoch).as_millis().try_into().unwrap_or(u64::MAX)
    }
}
