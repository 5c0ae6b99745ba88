//! The watches: one per kind, or one per kind and namespace.

mod cluster;
mod referenced;
mod scopes;
mod store;
mod trim;

pub(super) use cluster::Cluster;
pub(super) use scopes::Scopes;
pub(super) use trim::Observed;

use super::{
    client::RetryDelays,
    failure_log::{self, FailureLog},
    metrics::{Metrics, WatchMetrics},
};
use crate::{
    objects::{self, CustomKind, ObjectKind, Restriction, Visitor},
    publish::Trigger,
};
use futures_util::{Stream, StreamExt};
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope, api::core::v1::Service};
use kube::{
    Api, Client, Resource,
    core::{ApiResource, DynamicObject},
    runtime::{
        WatchStreamExt,
        watcher::{self, watcher},
    },
};
use portico_dataplane::table::ObjectName;
use referenced::Referenced;
use serde::de::DeserializeOwned;
use std::{fmt::Debug, pin::pin, sync::Arc, time::Duration};
use store::{Cached, Store};
use tokio::{sync::Notify, time::timeout};

/// Seconds after which a watch is restarted where it left off. That uncovers watches that died
/// although their connections are alive, behind a load balancer for example.
const WATCH_SECONDS: u32 = 60;

/// The longest that a failing watch stays silent: attempts are seconds apart, and each fails after a
/// minute and a half without a byte. A watch that is silent for longer works.
const SILENCE_TIMEOUT: Duration = Duration::from_mins(2);

/// A watch of one kind, and what it notifies.
struct Watch {
    what: String,
    number: usize,
    trigger: Trigger,
    /// Notified of every event.
    events: Option<Arc<Notify>>,
    /// Whether a missing permission is treated as "there are none".
    optional: bool,
    failure_log: FailureLog,
    metrics: WatchMetrics,
}

/// What all watches need.
pub(super) struct Watches<'a> {
    pub(super) client: &'a Client,
    pub(super) scopes: &'a Scopes,
    /// The Service whose addresses go into statuses.
    pub(super) publish: Option<&'a ObjectName>,
    pub(super) trigger: &'a Trigger,
    pub(super) failure_log: &'a FailureLog,
    pub(super) metrics: &'a Metrics,
}

impl Watches<'_> {
    /// Starts all watches. They run as long as the runtime does.
    pub(super) fn start(self, class: String) -> Cluster {
        let cluster = Cluster::new(class, self.scopes.objects.clone());
        let mut start = Start { watches: self, cluster };
        objects::visit(&mut start);
        start.published_service();
        start.cluster
    }

    fn watch(&self, kind: &'static str, number: usize, namespace: Option<&str>) -> Watch {
        let of = namespace.map(|namespace| format!(" of {namespace}")).unwrap_or_default();
        Watch {
            what: format!("watching {kind}s{of}"),
            number,
            trigger: self.trigger.clone(),
            events: None,
            optional: false,
            failure_log: self.failure_log.clone(),
            metrics: self.metrics.watch(kind),
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

    fn custom_api<K: CustomKind>(&self, namespace: Option<&str>) -> Api<DynamicObject> {
        let resource = ApiResource::erase::<K>(&());
        match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        }
    }
}

/// Starts the watches kind by kind.
struct Start<'a> {
    watches: Watches<'a>,
    cluster: Cluster,
}

impl Visitor for Start<'_> {
    fn custom<K: CustomKind>(&mut self) {
        let scopes = &self.watches.scopes.objects;
        let store = Store::new(scopes.len());
        for (number, namespace) in scopes.iter().enumerate() {
            let namespace = namespace.as_deref();
            let events = Some(self.cluster.observed.clone());
            let watch = Watch { events, ..self.watches.watch(K::NAME, number, namespace) };
            let api = self.watches.custom_api::<K>(namespace);
            spawn(api, config(), watch, store.clone(), trim::custom::<K>);
        }
        self.cluster.custom(store);
    }

    fn namespaced<K>(&mut self)
    where
        K: ObjectKind<Held = Arc<K>> + Resource<Scope = NamespaceResourceScope>,
    {
        let scopes = &self.watches.scopes.objects;
        let store = Store::new(scopes.len());
        for (number, namespace) in scopes.iter().enumerate() {
            let namespace = namespace.as_deref();
            let watch = self.watches.watch(K::NAME, number, namespace);
            let api = self.watches.api(namespace);
            spawn(api, config(), watch, store.clone(), trim::core::<K>);
        }
        self.cluster.core(store);
    }

    /// An operator that is restricted to some namespaces may lack permission to read cluster-scoped
    /// objects, such as those Namespaces for their labels. Then there are none.
    fn cluster<K>(&mut self)
    where
        K: ObjectKind<Held = Arc<K>> + Resource<Scope = ClusterResourceScope>,
    {
        let scopes = &self.watches.scopes.objects;
        let store = Store::new(scopes.len());
        for (number, namespace) in scopes.iter().enumerate() {
            let namespace = namespace.as_deref();
            let mut config = config();
            let mut watch = self.watches.watch(K::NAME, number, namespace);
            if let Some(name) = namespace {
                config = config.fields(&format!("metadata.name={name}"));
                watch.optional = true;
            }
            let api = Api::all(self.watches.client.clone());
            spawn(api, config, watch, store.clone(), trim::core::<K>);
        }
        self.cluster.core(store);
    }

    /// Only watches metadata.
    fn referenced<K>(&mut self)
    where
        K: ObjectKind<Held = Arc<K>> + Resource<Scope = NamespaceResourceScope>,
    {
        let Watches { client, scopes, trigger, failure_log, .. } = self.watches;
        let scopes = match K::RESTRICTION {
            Restriction::WatchNamespace => &scopes.objects,
            Restriction::Secrets => &scopes.secrets,
            Restriction::ConfigMaps => &scopes.config_maps,
        };
        let objects = Arc::new(Referenced::<K>::new(scopes.len()));
        for (number, namespace) in scopes.iter().enumerate() {
            let namespace = namespace.as_deref();
            let events = Some(objects.changed());
            let watch = self.watches.watch(K::NAME, number, namespace);
            let watch = Watch { events, optional: K::IS_OPTIONAL, ..watch };
            let api = self.watches.api(namespace);
            spawn(api, config(), watch, objects.versions(), trim::version::<K>);
        }
        let read = objects.clone().read(client.clone(), trigger.clone(), failure_log.clone());
        tokio::spawn(read);
        self.cluster.referenced(objects);
    }
}

impl Start<'_> {
    /// Watches the Service whose addresses go into statuses, including its status.
    fn published_service(&mut self) {
        let Some(name) = self.watches.publish else { return };
        let store = Store::new(1);
        let watch = Watch {
            what: format!("watching --publish-service {name}"),
            events: Some(self.cluster.observed.clone()),
            ..self.watches.watch(Service::NAME, 0, None)
        };
        let api = self.watches.api(Some(&name.namespace));
        let config = config().fields(&format!("metadata.name={}", name.name));
        spawn(api, config, watch, store.clone(), trim::published);
        self.cluster.published = Some(store);
    }
}

/// How to watch anything.
pub(super) fn config() -> watcher::Config {
    watcher::Config::default().timeout(WATCH_SECONDS)
}

fn spawn<K, T>(
    api: Api<K>,
    config: watcher::Config,
    watch: Watch,
    store: Arc<Store<T>>,
    trim: fn(K) -> (ObjectName, Option<T>),
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    T: Cached + Send + 'static,
{
    let events = watcher(api, config).backoff(RetryDelays::default());
    tokio::spawn(watch.follow(events, SILENCE_TIMEOUT, store, trim));
}

impl Watch {
    async fn follow<K, T: Cached>(
        mut self,
        events: impl Stream<Item = watcher::Result<watcher::Event<K>>>,
        silence: Duration,
        store: Arc<Store<T>>,
        trim: fn(K) -> (ObjectName, Option<T>),
    ) {
        let mut events = pin!(events);
        loop {
            match timeout(silence, events.next()).await {
                Ok(Some(event)) => self.take(event, &store, trim),
                Ok(None) => return,
                // A watch that resumed where it left off reports nothing until the next event.
                Err(_) => self.works(),
            }
        }
    }

    fn works(&mut self) {
        self.failure_log.worked(&self.what);
        self.metrics.works(true);
    }

    fn take<K, T: Cached>(
        &mut self,
        event: watcher::Result<watcher::Event<K>>,
        store: &Store<T>,
        trim: fn(K) -> (ObjectName, Option<T>),
    ) {
        let differs = match event {
            Ok(event) => {
                // `Init` only means that a list will be requested.
                if !matches!(event, watcher::Event::Init) {
                    self.works();
                }
                self.metrics.saw(&event);
                store.take(self.number, event, trim)
            }
            Err(error) => {
                self.failure_log.failed(&self.what, &error);
                let refused = self.optional && failure_log::is_forbidden(&error);
                // Nothing is missing if the objects are optional.
                self.metrics.works(refused);
                refused && store.skip(self.number)
            }
        };
        if differs {
            self.trigger.fire();
        }
        if let Some(events) = &self.events {
            events.notify_one();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::publish::debouncer;
    use futures_util::stream;
    use kube::{
        core::Status,
        runtime::watcher::{Error, Event},
    };

    type Events = Vec<watcher::Result<Event<u32>>>;

    async fn follow(
        metrics: &Metrics,
        optional: bool,
        events: impl Stream<Item = watcher::Result<Event<u32>>>,
    ) {
        let watch = Watch {
            what: "watching Routes".to_owned(),
            number: 0,
            trigger: debouncer().0,
            events: None,
            optional,
            failure_log: FailureLog::default(),
            metrics: metrics.watch("Route"),
        };
        let trim = |number| (ObjectName::new("web", "app"), Some(Arc::new(number)));
        watch.follow(events, Duration::from_millis(1), Store::new(1), trim).await;
    }

    async fn up_after(optional: bool, events: Events) -> i64 {
        let metrics = Metrics::default();
        follow(&metrics, optional, stream::iter(events)).await;
        metrics.up("Route")
    }

    fn forbidden() -> watcher::Result<Event<u32>> {
        let status = Status::failure("no", "Forbidden").boxed();
        Err(Error::InitialListFailed(kube::Error::Api(status)))
    }

    #[tokio::test]
    async fn a_watch_is_up_once_it_brings_something_and_until_it_fails() {
        assert_eq!(up_after(false, vec![Ok(Event::Init)]).await, 0, "a list will be asked for");
        assert_eq!(up_after(false, vec![Ok(Event::Init), Ok(Event::InitApply(1))]).await, 1);
        let fails = vec![Ok(Event::Apply(1)), Err(Error::NoResourceVersion)];
        assert_eq!(up_after(false, fails).await, 0);
        assert_eq!(up_after(false, vec![forbidden(), Ok(Event::InitDone)]).await, 1);
    }

    #[tokio::test]
    async fn what_can_be_done_without_is_not_down() {
        assert_eq!(up_after(false, vec![forbidden()]).await, 0);
        assert_eq!(up_after(true, vec![forbidden()]).await, 1);
        assert_eq!(up_after(true, vec![Err(Error::NoResourceVersion)]).await, 0, "not refused");
    }

    #[tokio::test]
    async fn a_watch_that_fails_no_more_is_up_though_nothing_happens() {
        let metrics = Metrics::default();
        let events = stream::iter([Err(Error::NoResourceVersion)]).chain(stream::pending());
        let is_up = async {
            while metrics.up("Route") == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            () = follow(&metrics, false, events) => unreachable!("it never ends"),
            up = timeout(Duration::from_secs(30), is_up) => up.unwrap(),
        }
    }
}
