//! External names and their addresses. One thread looks up all names of the table, again before
//! their records expire; requests read what it has found, and wait for it only where a name is new.

mod look_up;
mod record;
mod refresh;

use crate::address_guard::AddressGuard;
use record::Record;
use std::{
    collections::{HashMap, HashSet},
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};
use tokio::{runtime::Builder, sync::watch};

/// How long the addresses of a name are kept that no table has any more.
const UNWANTED_KEPT: Duration = Duration::from_secs(60);

/// The addresses of all external names of the table. Its thread ends when it is dropped.
pub(crate) struct Names {
    found: Arc<Found>,
    /// The names to look up.
    wanted: watch::Sender<HashSet<Arc<str>>>,
}

/// What is known of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// The addresses that may be dialled; at least one.
    Known(Arc<[IpAddr]>),
    /// The first look-up has not ended.
    Pending,
    /// There is no address to dial.
    Failed(NameFailure),
}

/// Why a name has no address to dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameFailure {
    /// It does not resolve.
    Unresolved,
    /// It resolves only to addresses that the address guard does not allow.
    NotAllowed,
}

impl NameFailure {
    fn message(self) -> &'static str {
        match self {
            Self::Unresolved => "an external name does not resolve",
            Self::NotAllowed => {
                "an external name resolves only to addresses that may not be dialled (--allow-external)"
            }
        }
    }
}

/// What has been found, for requests to read.
struct Found {
    guard: AddressGuard,
    names: Mutex<HashMap<Arc<str>, Name>>,
    /// Tells those that wait for a name that there is news of one.
    news: watch::Sender<()>,
}

/// A name that has been looked up.
struct Name {
    resolution: Resolution,
    /// Since when it does not resolve, and its last addresses are used if there are any.
    failing: Option<Instant>,
    /// Since when no table has it.
    unwanted: Option<Instant>,
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").finish_non_exhaustive()
    }
}

impl Names {
    /// Without names yet; addresses are dialled if `guard` allows them.
    pub(crate) fn new(guard: AddressGuard) -> Self {
        let news = watch::Sender::new(());
        let found = Arc::new(Found { guard, names: Mutex::default(), news });
        Self { found, wanted: watch::Sender::default() }
    }

    /// Starts the thread. It asks `name_servers`, or without any those of the system, and calls
    /// `on_change` after the addresses of a name have changed.
    ///
    /// # Errors If the thread can't be started.
    pub(crate) fn start(
        &self,
        name_servers: Arc<[SocketAddr]>,
        on_change: impl Fn() + Send + 'static,
    ) -> io::Result<()> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (found, mut wanted) = (self.found.clone(), self.wanted.subscribe());
        // What is wanted by now counts as news.
        wanted.mark_changed();
        let running = async move { refresh::run(&found, &name_servers, wanted, on_change).await };
        thread::Builder::new()
            .name("names".to_owned())
            .spawn(move || runtime.block_on(running))
            .map(drop)
    }

    /// Looks up these names from now on, and forgets all others.
    pub(crate) fn keep<'h>(&self, hosts: impl Iterator<Item = &'h str>) {
        let hosts: HashSet<Arc<str>> =
            hosts.filter(|host| literal(host).is_none()).map(Arc::from).collect();
        self.wanted.send_if_modified(|wanted| {
            let is_modified = *wanted != hosts;
            if is_modified {
                *wanted = hosts;
            }
            is_modified
        });
    }

    /// The addresses of a name, or the one that `host` is. A name that is not kept is pending:
    /// requests may come with a new table sooner than [`Names::keep`] is called.
    pub(crate) fn addresses(&self, host: &str) -> Resolution {
        if let Some(address) = literal(host) {
            return self.found.allowed(host, [address].into_iter());
        }
        let names = self.found.lock();
        names.get(host).map_or(Resolution::Pending, |name| name.resolution.clone())
    }

    /// Waits for the end of a name's first look-up, and until `is_known` what has come of it.
    pub(super) async fn looked_up(&self, host: &str, is_known: impl Fn() -> bool) {
        let mut news = self.found.news.subscribe();
        let is_pending = || self.addresses(host) == Resolution::Pending || !is_known();
        while is_pending() && news.changed().await.is_ok() {}
    }

    /// What the thread does with an answer. Returns whether the addresses have changed.
    #[cfg(test)]
    pub(super) fn answered(&self, host: &str, addresses: &[&str]) -> bool {
        let addresses = addresses.iter().filter_map(|address| literal(address)).collect();
        let found = record::Answer::Found(addresses, std::time::Duration::from_secs(1));
        let (mut record, now) = (Record::default(), Instant::now());
        record.answered([record::Answer::Nothing, found], now, 0.0);
        self.found.publish(&host.into(), &mut record, now)
    }

    /// Since when a name does not resolve.
    pub(crate) fn failing_since(&self, host: &str) -> Option<Instant> {
        self.found.lock().get(host)?.failing
    }
}

impl Found {
    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Name>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets names that are not wanted, and have not been for a while: requests that began with an
    /// older table still go on.
    fn retain(&self, wanted: &HashSet<Arc<str>>, now: Instant) {
        self.lock().retain(|host, name| {
            if wanted.contains(host) {
                name.unwanted = None;
                return true;
            }
            let since = *name.unwanted.get_or_insert(now);
            now.saturating_duration_since(since) < UNWANTED_KEPT
        });
    }

    /// Those of a name's addresses that may be dialled.
    fn allowed(&self, host: &str, addresses: impl Iterator<Item = IpAddr>) -> Resolution {
        let mut any = false;
        let addresses = addresses.inspect(|_| any = true);
        let allowed: Arc<[IpAddr]> =
            addresses.filter(|address| self.guard.allows(host, *address)).collect();
        match (any, allowed.is_empty()) {
            (false, _) => Resolution::Failed(NameFailure::Unresolved),
            (true, true) => Resolution::Failed(NameFailure::NotAllowed),
            (true, false) => Resolution::Known(allowed),
        }
    }

    /// Publishes what is known of a name, and logs what is wrong with it once a minute. Returns
    /// whether its addresses have changed.
    fn publish(&self, host: &Arc<str>, record: &mut Record, now: Instant) -> bool {
        let (failing, resolution) = (record.failing(), self.allowed(host, record.addresses()));
        match (&resolution, failing) {
            (Resolution::Failed(failure), _) if record.is_log_due(now) => {
                tracing::warn!(%host, "{}", failure.message());
            }
            (Resolution::Known(_), Some(since)) if record.is_log_due(now) => {
                let left = record::KEPT.saturating_sub(now.saturating_duration_since(since));
                tracing::warn!(
                    %host,
                    "an external name no longer resolves; its last addresses are used for {} s more",
                    left.as_secs()
                );
            }
            (Resolution::Known(_) | Resolution::Pending | Resolution::Failed(_), _) => {}
        }
        let fresh = resolution.clone();
        let before = self.lock().insert(host.clone(), Name { resolution, failing, unwanted: None });
        before.is_none_or(|before| before.resolution != fresh)
    }
}

/// The address that a host is.
fn literal(host: &str) -> Option<IpAddr> {
    host.parse().ok()
}
