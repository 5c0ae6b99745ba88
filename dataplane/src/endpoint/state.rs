//! One endpoint, and what its requests say of it.

use super::{
    backoff::{Backoff, Use},
    check::CheckState,
    ejection::Ejections,
    latency::Latency,
    queue::{InFlight, Places},
    sockets::Sockets,
};
use crate::table::{Ejection, Protocol};
use sha2::{Digest, Sha256};
use std::{
    fmt,
    net::SocketAddr,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// What is dialled, and how: endpoints with equal keys are one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct EndpointKey {
    pub(crate) address: SocketAddr,
    /// With its TLS settings.
    pub(crate) protocol: Protocol,
}

/// How a request failed for which an endpoint is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// A status of 500 or above.
    Status(u16),
    /// No connection.
    Connect,
    /// The connection ended before the whole response, or that was malformed.
    Reset,
    /// No head in time, or too long nothing of the body.
    Timeout,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {status}"),
            Self::Connect => f.write_str("no connection"),
            Self::Reset => f.write_str("no complete response"),
            Self::Timeout => f.write_str("no response in time"),
        }
    }
}

/// An endpoint, shared by all workers and by all backends that have it. Times are in milliseconds
/// since `epoch`.
#[derive(Debug)]
pub(crate) struct Endpoint {
    key: EndpointKey,
    id: u64,
    epoch: Instant,
    created: Instant,
    places: Arc<Places>,
    sockets: Arc<Sockets>,
    /// Whether it has chosen HTTP/1.1 over TLS.
    is_http1: AtomicBool,
    latency: Latency,
    /// Failures in a row.
    failures: AtomicU32,
    /// Until when it is ejected, or was; 0: it never was.
    ejected_until: AtomicU64,
    passive: Mutex<Passive>,
    pub(super) backoff: Backoff,
}

/// The ejections of an endpoint.
#[derive(Debug, Default)]
pub(super) struct Passive {
    ejections: Ejections,
    /// How many there were, when the last one began, and what it was for.
    pub(super) count: u64,
    pub(super) since: Option<Instant>,
    pub(super) reason: Option<Failure>,
}

impl Endpoint {
    /// A new endpoint; `epoch` is when time begins.
    pub(super) fn new(key: EndpointKey, epoch: Instant, now: Instant) -> Self {
        Self {
            id: id(&key),
            key,
            epoch,
            created: now,
            places: Arc::default(),
            sockets: Arc::default(),
            is_http1: AtomicBool::new(false),
            latency: Latency::new(),
            failures: AtomicU32::new(0),
            ejected_until: AtomicU64::new(0),
            passive: Mutex::default(),
            backoff: Backoff::default(),
        }
    }

    /// What identifies it.
    pub(crate) fn key(&self) -> &EndpointKey {
        &self.key
    }

    /// What is dialled.
    pub(crate) fn address(&self) -> SocketAddr {
        self.key.address
    }

    /// Whether its connections are of HTTP/1.1, each for one request at a time, as far as is known.
    pub(crate) fn speaks_http1(&self) -> bool {
        match self.key.protocol {
            Protocol::Http1 => true,
            Protocol::H2c => false,
            Protocol::Https(_) => self.is_http1.load(Ordering::Relaxed),
        }
    }

    /// What it has chosen for requests that both versions of HTTP carry (RFC 7301).
    pub(crate) fn has_chosen(&self, is_http2: bool) {
        self.is_http1.store(!is_http2, Ordering::Relaxed);
    }

    /// A hash of address, protocol and TLS name: the same in every process.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Counts a request as in flight until the guard is dropped.
    pub(crate) fn begin(&self) -> InFlight {
        InFlight::begin(&self.places)
    }

    /// The same, unless `limit` requests are in flight.
    pub(crate) fn begin_below(&self, limit: NonZeroU32) -> Option<InFlight> {
        InFlight::begin_below(&self.places, limit)
    }

    /// Whether a place is at this endpoint.
    pub(crate) fn has(&self, place: &InFlight) -> bool {
        place.is_of(&self.places)
    }

    /// The places that requests take here.
    pub(super) fn places(&self) -> &Arc<Places> {
        &self.places
    }

    /// Its connections of HTTP/1.1.
    pub(crate) fn sockets(&self) -> &Arc<Sockets> {
        &self.sockets
    }

    /// How many requests are in flight.
    pub(crate) fn in_flight(&self) -> u32 {
        self.places.taken()
    }

    /// It has answered a request, and not with a failure.
    pub(crate) fn succeeded(&self) {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// It has failed a request. Returns whether it has failed as many in a row as `terms` allow.
    /// While it is ejected, nothing counts.
    pub(super) fn failed(&self, terms: &Ejection, now: Instant) -> bool {
        if terms.errors == 0 || self.is_ejected(now) {
            return false;
        }
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        failures >= terms.errors
    }

    /// Ejects it.
    pub(super) fn eject(&self, terms: &Ejection, why: Failure, now: Instant) -> Duration {
        let mut passive = self.passive();
        let until = passive.ejections.eject(terms, now);
        passive.count += 1;
        passive.since = Some(now);
        passive.reason = Some(why);
        self.failures.store(0, Ordering::Relaxed);
        self.ejected_until.store(self.millis(until).max(1), Ordering::Relaxed);
        until.saturating_duration_since(now)
    }

    /// Whether it is ejected.
    pub(crate) fn is_ejected(&self, now: Instant) -> bool {
        let until = self.ejected_until.load(Ordering::Relaxed);
        until != 0 && self.millis(now) < until
    }

    /// Whether it is passed over for a use while its backend has others, because it has not
    /// accepted connections.
    pub(crate) fn is_passed_over(&self, used: Use<'_>, now: Instant) -> bool {
        self.backoff.is_passed_over(used, now)
    }

    /// Adds the time from sending a request to its answer's first byte.
    pub(crate) fn took(&self, latency: Duration, now: Instant) {
        self.latency.add(self.millis(now), latency);
    }

    /// The moving average of these times; `None` if it was never measured.
    pub(crate) fn latency(&self) -> Option<Duration> {
        self.latency.get()
    }

    /// How long ago it was measured; `None`: never.
    pub(super) fn measured(&self, now: Instant) -> Option<Duration> {
        self.latency.age(self.millis(now))
    }

    /// Since when it has been there without interruption, as far as ejections go.
    pub(super) fn since(&self) -> Instant {
        let returned = Duration::from_millis(self.ejected_until.load(Ordering::Relaxed));
        self.created.max(self.epoch.checked_add(returned).unwrap_or(self.created))
    }

    pub(super) fn passive(&self) -> MutexGuard<'_, Passive> {
        self.passive.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn millis(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.epoch).as_millis().try_into().unwrap_or(u64::MAX)
    }
}

/// The first 64 bits of a SHA-256 of what a peer is told by: no hasher of the standard library is
/// the same in every release.
fn id(key: &EndpointKey) -> u64 {
    let (protocol, name) = match &key.protocol {
        Protocol::Http1 => ("http/1.1", String::new()),
        Protocol::H2c => ("h2c", String::new()),
        Protocol::Https(tls) => (
            "https",
            tls.server_name.as_ref().map_or_else(String::new, |name| name.to_str().into()),
        ),
    };
    let hash = Sha256::digest(format!("portico endpoint {} {protocol} {name}", key.address));
    hash.iter().take(8).fold(0, |id, byte| id << 8 | u64::from(*byte))
}

/// An endpoint of a backend, under its Route's `health`.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) endpoint: Arc<Endpoint>,
    /// The results of its active checks; `None`: there are none.
    pub(crate) check: Option<Arc<CheckState>>,
}

impl Member {
    /// Whether it is neither unhealthy nor ejected.
    pub(crate) fn is_available(&self, terms: &Ejection, now: Instant) -> bool {
        let is_ejected = terms.errors > 0 && self.endpoint.is_ejected(now);
        !is_ejected && self.check.as_ref().is_none_or(|check| check.is_healthy())
    }

    /// How much of its full share it gets, from 0 to 1, if that is reached over `slow_start`.
    pub(crate) fn share(&self, slow_start: Duration, now: Instant) -> f32 {
        if slow_start.is_zero() {
            return 1.0;
        }
        let healthy = self.check.as_ref().and_then(|check| check.recovered());
        let since = self.endpoint.since().max(healthy.unwrap_or(self.endpoint.created));
        let age = now.saturating_duration_since(since);
        (age.as_secs_f32() / slow_start.as_secs_f32()).min(1.0)
    }
}
