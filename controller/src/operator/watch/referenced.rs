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
    time::Duration,
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
}

/// What is known of the objects that are referenced.
#[derive(Debug)]
pub(super) struct Known<K> {
    /// Those that have been read, perhaps in an older version.
    pub(super) objects: BTreeMap<ObjectName, Arc<K>>,
    /// Those that exist, but have not been read.
    pub(super) unread: Vec<ObjectName>,
    /// Whether each has been asked for once.
    pub(super) is_complete: bool,
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
        let held = Held { named: BTreeSet::new(), data: BTreeMap::new() };
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

    /// What is known of the `named` objects. The data of all others is dropped.
    pub(super) fn named(&self, named: BTreeSet<ObjectName>) -> Known<K> {
        let mut held = self.held();
        if held.named != named {
            held.data.retain(|name, _| named.contains(name));
            held.named = named;
            self.changed.notify_one();
        }
        let exists = |name: &ObjectName| self.versions.get(name).is_some();
        held.data.retain(|name, _| exists(name));
        let mut known = Known { objects: BTreeMap::new(), unread: Vec::new(), is_complete: true };
        for name in &held.named {
            let Some(Version(version)) = self.versions.get(name) else { continue };
            match held.data.get(name) {
                Some(Data { object: Some(object), .. }) => {
                    known.objects.insert(name.clone(), object.clone());
                }
                // It was gone when it was asked for; the watch is yet to say so.
                Some(data) if data.versions.contains(&version) => {}
                data => {
                    known.is_complete &= data.is_some();
                    known.unread.push(name.clone());
                }
            }
        }
        known
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
