//! A kind of which the versions of all objects are watched, but only referenced objects are read,
//! such as Secrets.

use super::{store::Store, trim::Version};
use crate::{objects::ObjectKind, operator::failure_log::FailureLog, publish::Trigger};
use futures_util::{StreamExt, stream};
use k8s_openapi::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use portico_dataplane::table::ObjectName;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

/// How many objects are read at a time.
const MAX_CONCURRENT_READS: usize = 8;
/// How long reading an object may take.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// How soon a failed read is retried.
const RETRY_DELAY: Duration = Duration::from_secs(5);
/// How soon at the earliest, whatever else happens.
const MIN_RETRY_DELAY: Duration = Duration::from_secs(1);

/// How long everything waits for an object that is referenced from now on. After that, what refers
/// to it is compiled without it.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// The objects of a kind, as far as they are referenced.
#[derive(Debug)]
pub(super) struct Referenced<K> {
    versions: Arc<Store<Version>>,
    /// Notified when there may be something to read.
    changed: Arc<Notify>,
    held: Mutex<Held<K>>,
}

#[derive(Debug)]
struct Held<K> {
    named: BTreeSet<ObjectName>,
    data: BTreeMap<ObjectName, Data<K>>,
    waits: Waits,
}

/// Whether objects are waited for.
#[derive(Clone, Copy, Debug)]
enum Waits {
    /// Nothing is served yet, so however long it takes to request each once.
    ForAll,
    No,
    Since(Instant),
}

/// The result of reading an object.
#[derive(Debug)]
struct Data<K> {
    /// The versions that it stands for: the one that was known when it was requested, and the one
    /// that was read. Empty if it must be read again.
    versions: Vec<Arc<str>>,
    /// `None` if it could not be read.
    object: Option<Arc<K>>,
}

impl<K: ObjectKind> Referenced<K> {
    /// An empty set, fed by `watches` watches.
    pub(super) fn new(watches: usize) -> Self {
        let (named, data) = (BTreeSet::new(), BTreeMap::new());
        let held = Held { named, data, waits: Waits::ForAll };
        Self { versions: Store::new(watches), changed: Arc::default(), held: Mutex::new(held) }
    }

    pub(super) fn versions(&self) -> Arc<Store<Version>> {
        self.versions.clone()
    }

    /// To be notified of every event.
    pub(super) fn changed(&self) -> Arc<Notify> {
        self.changed.clone()
    }

    pub(super) fn synced(&self) -> bool {
        self.versions.synced()
    }

    fn held(&self) -> MutexGuard<'_, Held<K>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The `named` objects that exist. The data of all others is dropped. `None` while one of them
    /// has never been requested; but after the first time, it is left out after [`MAX_WAIT`].
    pub(super) fn named(
        &self,
        named: BTreeSet<ObjectName>,
        now: Instant,
    ) -> Option<BTreeMap<ObjectName, Arc<K>>> {
        let mut held = self.held();
        if held.named != named {
            held.data.retain(|name, _| named.contains(name));
            held.named = named;
            self.changed.notify_one();
        }
        let exists = |name: &ObjectName| self.versions.get(name).is_some();
        held.data.retain(|name, _| exists(name));
        let Held { named, data, waits } = &mut *held;
        let mut objects = BTreeMap::new();
        let mut is_complete = true;
        for name in named.iter().filter(|name| exists(name)) {
            let data = data.get(name);
            is_complete &= data.is_some();
            if let Some(object) = data.and_then(|data| data.object.as_ref()) {
                objects.insert(name.clone(), object.clone());
            }
        }
        // The time counts from the last success: whoever keeps naming others delays nobody for more.
        *waits = match *waits {
            _ if is_complete => Waits::No,
            Waits::ForAll => return None,
            Waits::No => Waits::Since(now),
            Waits::Since(since) if now.saturating_duration_since(since) >= MAX_WAIT => Waits::No,
            Waits::Since(since) => Waits::Since(since),
        };
        (!matches!(waits, Waits::Since(_))).then_some(objects)
    }

    /// How soon [`named`](Self::named) has to be called again at the latest.
    pub(super) fn wait_ends_after(&self) -> Duration {
        match self.held().waits {
            Waits::ForAll | Waits::No => Duration::MAX,
            Waits::Since(since) => MAX_WAIT.saturating_sub(since.elapsed()),
        }
    }

    /// The named objects that exist but are not held in their latest version.
    fn wanted(&self) -> Vec<(ObjectName, Arc<str>)> {
        let held = self.held();
        let wanted = held.named.iter().filter_map(|name| {
            let Version(version) = self.versions.get(name)?;
            let data = held.data.get(name);
            let is_held = data.is_some_and(|data| data.versions.contains(&version));
            (!is_held).then(|| (name.clone(), version))
        });
        wanted.collect()
    }

    /// Handles the answer to a request; if there was none, what is held stays. Returns whether
    /// there was one.
    fn take(&self, name: ObjectName, version: Arc<str>, answer: Answer<K>) -> bool {
        let mut held = self.held();
        if !held.named.contains(&name) {
            return true;
        }
        let data = match answer {
            Answer::Object(mut object) => {
                let came = object.meta().resource_version.as_deref().map(Arc::from);
                let versions = came.into_iter().chain([version]).collect();
                object.trim();
                Data { versions, object: Some(Arc::new(*object)) }
            }
            Answer::Gone => Data { versions: vec![version], object: None },
            Answer::None => {
                let before = held.data.remove(&name).and_then(|data| data.object);
                held.data.insert(name, Data { versions: Vec::new(), object: before });
                return false;
            }
        };
        held.data.insert(name, data);
        true
    }
}

impl<K: ObjectKind + Resource<Scope = NamespaceResourceScope>> Referenced<K> {
    /// Keeps reading whatever is needed.
    pub(super) async fn read(
        self: Arc<Self>,
        client: Client,
        trigger: Trigger,
        failure_log: FailureLog,
    ) {
        loop {
            let wanted = self.wanted();
            if wanted.is_empty() {
                self.changed.notified().await;
                continue;
            }
            let answers = stream::iter(wanted).map(|(name, version)| {
                let (client, failure_log) = (&client, &failure_log);
                async move {
                    let answer = ask(client, &name, failure_log).await;
                    (name, version, answer)
                }
            });
            let mut answers = answers.buffer_unordered(MAX_CONCURRENT_READS);
            let mut all = true;
            while let Some((name, version, answer)) = answers.next().await {
                all &= self.take(name, version, answer);
            }
            trigger.fire();
            if !all {
                // An object that is referenced from now on need not wait for one that failed.
                sleep(MIN_RETRY_DELAY).await;
                let _ = timeout(RETRY_DELAY, self.changed.notified()).await;
            }
        }
    }
}

enum Answer<K> {
    Object(Box<K>),
    Gone,
    None,
}

async fn ask<K: ObjectKind + Resource<Scope = NamespaceResourceScope>>(
    client: &Client,
    name: &ObjectName,
    failure_log: &FailureLog,
) -> Answer<K> {
    let what = format!("reading {} {name}", K::NAME);
    let api: Api<K> = Api::namespaced(client.clone(), &name.namespace);
    let answer = match timeout(READ_TIMEOUT, api.get_opt(&name.name)).await {
        Ok(Ok(Some(object))) => Answer::Object(Box::new(object)),
        Ok(Ok(None)) => Answer::Gone,
        Ok(Err(error)) => {
            failure_log.failed(&what, &error);
            return Answer::None;
        }
        Err(error) => {
            failure_log.failed(&what, &error);
            return Answer::None;
        }
    };
    failure_log.worked(&what);
    answer
}

#[cfg(test)]
mod tests;
