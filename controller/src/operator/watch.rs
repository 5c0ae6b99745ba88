//! The watches: one for each kind, or one for each kind and namespace.

use super::{
    keep,
    objects::Objects,
    outages::{self, Outages},
    scopes::Scopes,
    shelf::{Kept, Shelf},
};
use crate::{problem::Kind, publish::Waker};
use futures_util::StreamExt;
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        core::v1::{Namespace, Secret, Service},
        discovery::v1::EndpointSlice,
    },
};
use kube::{
    Api, Client, Resource,
    core::{ApiResource, DeserializeGuard, DynamicObject, PartialObjectMeta},
    runtime::{
        WatchStreamExt,
        watcher::{self, watcher},
    },
};
use portico_crds::{FrontDoor, Route};
use portico_dataplane::table::ObjectName;
use serde::de::DeserializeOwned;
use std::{fmt::Debug, pin::pin, sync::Arc};
use tokio::sync::Notify;

/// Seconds after which a watch begins anew where it is. A connection that died without a word is
/// noticed then.
const RENEWED: u32 = 60;

/// How a kind is watched: what is told where something differs, and whether it can be done without.
#[derive(Clone)]
struct Watch {
    what: String,
    number: usize,
    waker: Waker,
    /// Told of every event.
    events: Option<Arc<Notify>>,
    /// Whether a missing permission stands for "none".
    optional: bool,
    outages: Outages,
}

/// Starts all watches; they go on for as long as the runtime does.
pub(super) struct Watches<'a> {
    pub(super) client: &'a Client,
    pub(super) scopes: &'a Scopes,
    /// The Service whose addresses are published.
    pub(super) publish: Option<&'a ObjectName>,
    pub(super) waker: &'a Waker,
    pub(super) outages: &'a Outages,
}

impl Watches<'_> {
    pub(super) fn start(&self, objects: &Objects) {
        for (number, namespace) in self.scopes.objects.iter().enumerate() {
            let namespace = namespace.as_deref();
            let own = |what| Watch {
                events: Some(objects.seen.clone()),
                ..self.watch(what, number, namespace)
            };
            spawn(
                self.own_api::<FrontDoor>(namespace),
                config(),
                own("FrontDoors"),
                objects.front_doors.clone(),
                |object| keep::own(Kind::FrontDoor, object),
            );
            spawn(
                self.own_api::<Route>(namespace),
                config(),
                own("Routes"),
                objects.routes.clone(),
                |object| keep::own(Kind::Route, object),
            );
            let services = self.api::<DeserializeGuard<Service>>(namespace);
            let watch = self.watch("Services", number, namespace);
            spawn(services, config(), watch, objects.services.clone(), keep::service);
            let slices = self.api::<DeserializeGuard<EndpointSlice>>(namespace);
            let watch = self.watch("EndpointSlices", number, namespace);
            spawn(slices, config(), watch, objects.endpoint_slices.clone(), keep::slice);
            self.namespace(number, namespace, objects);
        }
        for (number, namespace) in self.scopes.secrets.iter().enumerate() {
            self.secrets(number, namespace.as_deref(), objects);
        }
        if let (Some(name), Some(shelf)) = (self.publish, &objects.published) {
            let services: Api<DeserializeGuard<Service>> =
                Api::namespaced(self.client.clone(), &name.namespace);
            let config = config().fields(&format!("metadata.name={}", name.name));
            let what = format!("--publish-service {name}");
            let watch = Watch { events: Some(objects.seen.clone()), ..self.watch(&what, 0, None) };
            spawn(services, config, watch, shelf.clone(), keep::published);
        }
    }

    /// Secrets are watched by their metadata alone.
    fn secrets(&self, number: usize, namespace: Option<&str>, objects: &Objects) {
        let secrets = self.api::<PartialObjectMeta<Secret>>(namespace);
        let watch = Watch {
            events: Some(objects.secrets.changed()),
            ..self.watch("Secrets", number, namespace)
        };
        spawn(secrets, config(), watch, objects.secrets.versions(), keep::secret);
    }

    /// Namespaces are asked for their labels. Who may see some namespaces alone may lack the right
    /// to that: then they have none.
    fn namespace(&self, number: usize, namespace: Option<&str>, objects: &Objects) {
        let mut config = config();
        let mut watch = self.watch("Namespaces", number, namespace);
        if let Some(name) = namespace {
            config = config.fields(&format!("metadata.name={name}"));
            watch.optional = true;
        }
        let api = Api::<DeserializeGuard<Namespace>>::all(self.client.clone());
        spawn(api, config, watch, objects.namespaces.clone(), keep::namespace);
    }

    fn watch(&self, what: &str, number: usize, namespace: Option<&str>) -> Watch {
        let of = namespace.map(|namespace| format!(" of {namespace}")).unwrap_or_default();
        Watch {
            what: format!("watching {what}{of}"),
            number,
            waker: self.waker.clone(),
            events: None,
            optional: false,
            outages: self.outages.clone(),
        }
    }

    fn api<K>(&self, namespace: Option<&str>) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }

    fn own_api<K: Resource<DynamicType = ()>>(
        &self,
        namespace: Option<&str>,
    ) -> Api<DynamicObject> {
        let resource = ApiResource::erase::<K>(&());
        match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        }
    }
}

fn config() -> watcher::Config {
    watcher::Config::default().timeout(RENEWED)
}

fn spawn<K, T>(
    api: Api<K>,
    config: watcher::Config,
    watch: Watch,
    shelf: Arc<Shelf<T>>,
    keep: fn(K) -> (ObjectName, Option<T>),
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    T: Kept + Send + 'static,
{
    tokio::spawn(async move {
        let mut events = pin!(watcher(api, config).default_backoff());
        while let Some(event) = events.next().await {
            watch.take(event, &shelf, keep);
        }
    });
}

impl Watch {
    fn take<K, T: Kept>(
        &self,
        event: watcher::Result<watcher::Event<K>>,
        shelf: &Shelf<T>,
        keep: fn(K) -> (ObjectName, Option<T>),
    ) {
        let differs = match event {
            Ok(event) => {
                // Init only says that a list will be asked for.
                if !matches!(event, watcher::Event::Init) {
                    self.outages.worked(&self.what);
                }
                shelf.take(self.number, event, keep)
            }
            Err(error) => {
                self.outages.failed(&self.what, &error);
                let refused = self.optional && outages::is_forbidden(&error);
                refused && shelf.do_without(self.number)
            }
        };
        if differs {
            self.waker.wake();
        }
        if let Some(events) = &self.events {
            events.notify_one();
        }
    }
}
