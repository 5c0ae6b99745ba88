//! References between objects. Some kinds are only read as far as they are referenced, so
//! everything that the compiler looks up must be listed here; a property test checks that it is.

use super::{
    Entry,
    kinds::{ObjectKind, Snapshot},
    last_good::LastGood,
};
use crate::diagnostic::Kind;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use portico_crds::{
    AuthoritiesKind, AuthoritiesRef, BackendTls, FrontDoorRef, FrontDoorSpec, HeaderEdits,
    RouteSpec,
};
use portico_dataplane::table::ObjectName;
use std::collections::{BTreeMap, BTreeSet};

/// Referenced objects, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References(BTreeSet<(&'static str, ObjectName)>);

/// A kind and a name; the namespace is that of the referencing object.
type Local<'s> = (&'static str, &'s str);

/// What a FrontDoor references. One entry for each field.
fn of_front_door(spec: &FrontDoorSpec) -> impl Iterator<Item = Local<'_>> {
    let certificates = spec.hosts.iter().filter_map(|host| host.tls.as_ref());
    let certificates = certificates.map(|tls| (Secret::NAME, tls.secret_ref.name.as_str()));
    let clients = spec.tls.as_ref().and_then(|tls| tls.client_certificates.as_ref());
    let authorities = clients.into_iter().flat_map(|it| &it.ca_refs).map(of_authorities);
    let actions = spec.rules.iter().filter_map(|rule| rule.r#do.as_deref());
    let edits = actions.flat_map(|actions| [&actions.request_headers, &actions.response_headers]);
    certificates.chain(authorities).chain(edits.flatten().flat_map(of_edits))
}

fn of_authorities(reference: &AuthoritiesRef) -> Local<'_> {
    let kind = match reference.kind {
        AuthoritiesKind::ConfigMap => ConfigMap::NAME,
        AuthoritiesKind::Secret => Secret::NAME,
    };
    (kind, &reference.name)
}

/// What a Route references. One entry for each field.
fn of_route(spec: &RouteSpec) -> impl Iterator<Item = Local<'_>> {
    let actions = || spec.rules.iter().filter_map(|rule| rule.r#do.as_deref());
    let edits = [&spec.request_headers, &spec.response_headers].into_iter().flatten();
    let edits = edits.map(|edits| &**edits);
    let of_rules = actions().flat_map(|it| [&it.request_headers, &it.response_headers]);
    let edits = edits.chain(of_rules.flatten()).flat_map(of_edits);
    let backends = spec.backends.iter().chain(actions().filter_map(|it| it.backends.as_ref()));
    let tls = backends.flatten().filter_map(|backend| backend.tls.as_deref());
    edits.chain(tls.flat_map(of_backend_tls))
}

fn of_edits(edits: &HeaderEdits) -> impl Iterator<Item = Local<'_>> {
    let values = edits.set.iter().chain(&edits.add);
    let sources = values.filter_map(|value| value.value_from.as_ref());
    sources.map(|from| (Secret::NAME, from.secret_key_ref.name.as_str()))
}

fn of_backend_tls(tls: &BackendTls) -> impl Iterator<Item = Local<'_>> {
    let authorities = tls.ca_ref.iter().map(of_authorities);
    let certificate = tls.client_certificate_ref.iter();
    authorities.chain(certificate.map(|secret| (Secret::NAME, secret.name.as_str())))
}

/// The fields by which the kind refers to what its condition `ResolvedRefs` is about, without the
/// indices of lists.
pub(crate) fn reference_fields(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::FrontDoor => &[
            "spec.hosts.tls.secretRef",
            "spec.tls.clientCertificates.caRefs",
            "spec.rules.do.requestHeaders.set.valueFrom",
            "spec.rules.do.requestHeaders.add.valueFrom",
            "spec.rules.do.responseHeaders.set.valueFrom",
            "spec.rules.do.responseHeaders.add.valueFrom",
        ],
        Kind::Route => &[
            "spec.backends.service",
            "spec.backends.tls.caRef",
            "spec.backends.tls.clientCertificateRef",
            "spec.requestHeaders.set.valueFrom",
            "spec.requestHeaders.add.valueFrom",
            "spec.responseHeaders.set.valueFrom",
            "spec.responseHeaders.add.valueFrom",
            "spec.rules.do.backends.service",
            "spec.rules.do.backends.tls.caRef",
            "spec.rules.do.backends.tls.clientCertificateRef",
            "spec.rules.do.requestHeaders.set.valueFrom",
            "spec.rules.do.requestHeaders.add.valueFrom",
            "spec.rules.do.responseHeaders.set.valueFrom",
            "spec.rules.do.responseHeaders.add.valueFrom",
        ],
    }
}

/// The FrontDoor that a Route attaches to.
pub fn front_door_of(route: &ObjectName, reference: &FrontDoorRef) -> ObjectName {
    match &reference.namespace {
        Some(namespace) => ObjectName::new(namespace.as_str(), reference.name.as_str()),
        None => ObjectName::new(route.namespace.clone(), reference.name.as_str()),
    }
}

impl References {
    /// What the FrontDoors of this class reference, and all Routes except those of other classes'
    /// FrontDoors. What their last accepted versions reference is included.
    pub fn of(snapshot: &Snapshot, last_good: &LastGood, class: &str) -> Self {
        let Snapshot { front_doors, routes, .. } = snapshot;
        let mut references = Self::default();
        for (name, front_door) in decoded(front_doors) {
            if front_door.spec.class_name == class {
                references.add(name, of_front_door(&front_door.spec));
            }
        }
        for (name, route) in decoded(routes) {
            let front_door = front_doors.get(&front_door_of(name, &route.spec.front_door_ref));
            if front_door.and_then(Entry::class).is_none_or(|it| it == class) {
                references.add(name, of_route(&route.spec));
            }
        }
        for (name, front_door) in last_good.other_front_doors(snapshot) {
            references.add(name, of_front_door(&front_door.spec));
        }
        for (name, route) in last_good.other_routes(snapshot) {
            references.add(name, of_route(&route.spec));
        }
        references
    }

    fn add<'s>(&mut self, object: &ObjectName, named: impl Iterator<Item = Local<'s>>) {
        let full = |name: &str| ObjectName::new(object.namespace.clone(), name);
        self.0.extend(named.map(|(kind, name)| (kind, full(name))));
    }

    /// The referenced objects of one kind.
    pub fn to<K: ObjectKind>(&self) -> BTreeSet<ObjectName> {
        let of_kind = self.0.iter().filter(|(kind, _)| *kind == K::NAME);
        of_kind.map(|(_, name)| name.clone()).collect()
    }
}

fn decoded<T>(entries: &BTreeMap<ObjectName, Entry<T>>) -> impl Iterator<Item = (&ObjectName, &T)> {
    entries.iter().filter_map(|(name, entry)| Some((name, entry.object.as_deref()?)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn name(name: &str) -> ObjectName {
        ObjectName::new("web", name)
    }

    #[test]
    fn only_what_is_of_this_class_refers_to_anything() {
        fn entry<T: serde::de::DeserializeOwned>(spec: serde_json::Value) -> Entry<T> {
            let object = json!({
                "apiVersion": "portico.dev/v1alpha1", "kind": "Any",
                "metadata": {"name": "x", "namespace": "web"}, "spec": spec,
            });
            Entry::good(serde_json::from_value(object).unwrap())
        }
        let front_door = |class: &str| {
            let tls = json!({"secretRef": {"name": format!("tls-{class}")}});
            let authorities = json!([
                {"kind": "ConfigMap", "name": format!("partners-{class}")},
                {"kind": "Secret", "name": format!("ca-{class}")},
            ]);
            entry(json!({
                "className": class,
                "hosts": [{"name": "a.example", "tls": tls}],
                "tls": {"clientCertificates": {"caRefs": authorities}},
            }))
        };
        let route = |front_door: &str, secret: &str| {
            let from = json!({"secretKeyRef": {"name": secret, "key": "token"}});
            let set = json!([{"name": "x-a", "value": "b"}, {"name": "x-key", "valueFrom": from}]);
            entry(json!({"frontDoorRef": {"name": front_door}, "requestHeaders": {"set": set}}))
        };
        let front_doors =
            [(name("ours"), front_door("portico")), (name("theirs"), front_door("other"))].into();
        let routes = [
            (name("a"), route("ours", "a")),
            (name("b"), route("theirs", "b")),
            (name("c"), route("nobody", "c")),
        ];
        let snapshot = Snapshot { front_doors, routes: routes.into(), ..Snapshot::default() };
        let references = References::of(&snapshot, &LastGood::default(), "portico");
        let secrets = ["a", "c", "tls-portico", "ca-portico"].map(name);
        assert_eq!(references.to::<Secret>(), secrets.into());
        assert_eq!(references.to::<ConfigMap>(), [name("partners-portico")].into());
    }
}
