//! Secrets: the versions of all, the data of those alone that a FrontDoor or Route names.

use super::{store::Store, trim::SecretVersion};
use crate::{objects::Entry, operator::failure_log::FailureLog, publish::Trigger};
use futures_util::{StreamExt, stream};
use k8s_openapi::{api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{Api, Client};
use portico_crds::{FrontDoor, Route};
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

/// Secrets that are asked for at a time.
const MAX_CONCURRENT_READS: usize = 8;
/// How long one may take.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// How soon one that could not be had is asked for again.
const RETRY_DELAY: Duration = Duration::from_secs(10);
/// How soon at the soonest, whatever else happens.
const MIN_RETRY_DELAY: Duration = Duration::from_secs(1);

/// What is known of Secrets.
#[derive(Debug)]
pub(crate) struct Secrets {
    versions: Arc<Store<SecretVersion>>,
    /// Told where there may be something to ask for.
    changed: Arc<Notify>,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    named: BTreeSet<ObjectName>,
    data: BTreeMap<ObjectName, Data>,
}

/// A Secret that was asked for.
#[derive(Clone, Debug)]
struct Data {
    /// The versions that it stands for: the one that was known when it was asked for, and the one
    /// that came. Empty where it is to be asked for again.
    versions: Vec<Arc<str>>,
    /// `None`: it could not be had.
    secret: Option<Arc<Secret>>,
}

impl Secrets {
    /// None yet; their versions will come from so many watches.
    pub(crate) fn new(watches: usize) -> Self {
        let versions = Store::new(watches);
        Self { versions, changed: Arc::default(), held: Mutex::default() }
    }

    pub(crate) fn versions(&self) -> Arc<Store<SecretVersion>> {
        self.versions.clone()
    }

    /// What to tell of an event.
    pub(crate) fn changed(&self) -> Arc<Notify> {
        self.changed.clone()
    }

    pub(crate) fn synced(&self) -> bool {
        self.versions.synced()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The Secrets that are `named` and there; any other's data is forgotten. `None` while one of
    /// them was never asked for.
    pub(crate) fn of(
        &self,
        named: BTreeSet<ObjectName>,
    ) -> Option<BTreeMap<ObjectName, Arc<Secret>>> {
        let mut held = self.held();
        if held.named != named {
            held.data.retain(|name, _| named.contains(name));
            held.named = named;
            self.changed.notify_one();
        }
        let there = |name: &ObjectName| self.versions.get(name).is_some();
        held.data.retain(|name, _| there(name));
        let mut secrets = BTreeMap::new();
        for name in held.named.iter().filter(|name| there(name)) {
            if let Some(secret) = &held.data.get(name)?.secret {
                secrets.insert(name.clone(), secret.clone());
            }
        }
        Some(secrets)
    }

    /// The Secrets that are named, are there, and are not held in their newest version.
    fn wanted(&self) -> Vec<(ObjectName, Arc<str>)> {
        let held = self.held();
        let wanted = held.named.iter().filter_map(|name| {
            let SecretVersion(version) = self.versions.get(name)?;
            let data = held.data.get(name);
            let is_held = data.is_some_and(|data| data.versions.contains(&version));
            (!is_held).then(|| (name.clone(), version))
        });
        wanted.collect()
    }

    /// Takes up an answer, or that there was none: then what is held stays. Whether there was one.
    fn take(&self, name: ObjectName, version: Arc<str>, answer: Answer) -> bool {
        let mut held = self.held();
        if !held.named.contains(&name) {
            return true;
        }
        let data = match answer {
            Answer::Secret(secret) => {
                let came = secret.metadata.resource_version.as_deref().map(Arc::from);
                let versions = came.into_iter().chain([version]).collect();
                Data { versions, secret: Some(Arc::new(trimmed(*secret))) }
            }
            Answer::Gone => Data { versions: vec![version], secret: None },
            Answer::None => {
                let before = held.data.remove(&name).and_then(|data| data.secret);
                held.data.insert(name, Data { versions: Vec::new(), secret: before });
                return false;
            }
        };
        held.data.insert(name, data);
        true
    }

    /// Asks for what is wanted, from now on.
    pub(crate) async fn fetch(
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
                // A Secret that is named now need not wait for that one.
                sleep(MIN_RETRY_DELAY).await;
                let _ = timeout(RETRY_DELAY, self.changed.notified()).await;
            }
        }
    }
}

enum Answer {
    Secret(Box<Secret>),
    Gone,
    None,
}

async fn ask(client: &Client, name: &ObjectName, failure_log: &FailureLog) -> Answer {
    let what = format!("reading Secret {name}");
    let api: Api<Secret> = Api::namespaced(client.clone(), &name.namespace);
    let answer = match timeout(READ_TIMEOUT, api.get_opt(&name.name)).await {
        Ok(Ok(Some(secret))) => Answer::Secret(Box::new(secret)),
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

/// A Secret's data alone; the annotations may hold that of an older version.
fn trimmed(secret: Secret) -> Secret {
    let metadata = ObjectMeta {
        name: secret.metadata.name,
        namespace: secret.metadata.namespace,
        ..ObjectMeta::default()
    };
    Secret { metadata, data: secret.data, type_: secret.type_, ..Secret::default() }
}

/// The Secrets that are named by FrontDoors of this class, and by Routes unless their FrontDoor is
/// of another.
pub(crate) fn named(
    front_doors: &BTreeMap<ObjectName, Entry<FrontDoor>>,
    routes: &BTreeMap<ObjectName, Entry<Route>>,
    class: &str,
) -> BTreeSet<ObjectName> {
    let mut named = BTreeSet::new();
    for (name, entry) in front_doors {
        let Some(front_door) =
            entry.object.as_ref().filter(|front_door| front_door.spec.class_name == class)
        else {
            continue;
        };
        let certificates = front_door.spec.hosts.iter().filter_map(|host| host.tls.as_ref());
        named.extend(certificates.map(|tls| secret_of(name, &tls.secret_ref.name)));
    }
    for (name, entry) in routes {
        let Some(route) = &entry.object else { continue };
        let front_door = &route.spec.front_door_ref;
        let namespace = front_door.namespace.as_deref().unwrap_or(&name.namespace);
        let front_door = front_doors.get(&ObjectName::new(namespace, front_door.name.as_str()));
        let front_door = front_door.and_then(|entry| entry.object.as_ref());
        if front_door.is_some_and(|front_door| front_door.spec.class_name != class) {
            continue;
        }
        let edits = [&route.spec.request_headers, &route.spec.response_headers];
        let values =
            edits.into_iter().flatten().flat_map(|edits| edits.set.iter().chain(&edits.add));
        let sources = values.filter_map(|value| value.value_from.as_ref());
        named.extend(sources.map(|from| secret_of(name, &from.secret_key_ref.name)));
    }
    named
}

fn secret_of(object: &ObjectName, secret: &str) -> ObjectName {
    ObjectName::new(object.namespace.clone(), secret)
}

#[cfg(test)]
mod tests;
