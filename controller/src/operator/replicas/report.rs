//! What a replica reports: how far what it serves has come.

use super::lacking::Need;
use crate::{objects::Positions, operator::pod::Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portico_dataplane::stable_hash::fnv1a;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What precedes the hash of a Pod's name in the key of an annotation. That name may be too long for
/// a key, which its value may not.
const PREFIX: &str = "replica.portico.dev/";

/// The report of a replica, the value of an annotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Report {
    /// The Pod's name.
    pub(super) pod: String,
    /// The Pod's uid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) uid: Option<String>,
    /// What it serves has come this far, by kind and namespace; the namespace is empty if one watch
    /// is for all.
    seen: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Report {
    pub(super) fn new(pod: &Pod, positions: &Positions) -> Self {
        let mut seen = BTreeMap::<_, BTreeMap<_, _>>::new();
        for (kind, namespace, position) in positions.iter() {
            let of_kind = seen.entry(kind.name().to_owned()).or_default();
            of_kind.insert(namespace.to_owned(), position.seen);
        }
        Self { pod: pod.name.clone(), uid: pod.uid.clone(), seen }
    }

    /// The report in an annotation; `None` if that is none.
    pub(super) fn read(key: &str, value: &str) -> Option<Self> {
        key.strip_prefix(PREFIX)?;
        let report: Self = serde_json::from_str(value).ok()?;
        (report.key() == key).then_some(report)
    }

    /// The key of a Pod's annotation.
    pub(super) fn key_of(pod: &str) -> String {
        format!("{PREFIX}{:016x}", fnv1a(pod.as_bytes()))
    }

    /// The key of its annotation.
    pub(super) fn key(&self) -> String {
        Self::key_of(&self.pod)
    }

    /// The value of its annotation.
    pub(super) fn value(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether the replica serves everything that is needed. What it does not watch it does not
    /// serve.
    pub(super) fn meets(&self, needs: &[Need]) -> bool {
        needs.iter().all(|need| {
            let seen = self.seen.get(need.kind.name());
            let seen = seen.and_then(|seen| seen.get(&*need.namespace).or_else(|| seen.get("")));
            seen.is_some_and(|seen| *seen >= need.since)
        })
    }

    /// Whether these positions bring an object or a generation that this report does not have.
    pub(super) fn is_behind(&self, positions: &Positions) -> bool {
        positions.iter().any(|(kind, namespace, position)| {
            let seen = self.seen.get(kind.name()).and_then(|seen| seen.get(namespace));
            seen.is_none_or(|seen| *seen < position.newest)
        })
    }
}

/// The reports of the other replicas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reports {
    /// The Lease's resource version.
    pub(super) version: String,
    /// By the key of their annotation.
    pub(super) by_key: BTreeMap<String, Report>,
}

impl Reports {
    /// Those in a Lease's annotations, except the one with this replica's own key.
    pub(super) fn read(lease: ObjectMeta, own_key: &str) -> Self {
        let version = lease.resource_version.unwrap_or_default();
        let annotations = lease.annotations.unwrap_or_default().into_iter();
        let by_key = annotations
            .filter(|(key, _)| key != own_key)
            .filter_map(|(key, value)| Some((key.clone(), Report::read(&key, &value)?)));
        Self { version, by_key: by_key.collect() }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod tests {
    use super::*;
    use crate::{diagnostic::Kind, objects::Position};

    pub(in super::super) fn pod(name: &str) -> Pod {
        Pod { namespace: "front".to_owned(), name: name.to_owned(), uid: Some("u1".to_owned()) }
    }

    /// Where watches of everything have come.
    pub(in super::super) fn positions(front_doors: u64, routes: u64, newest: u64) -> Positions {
        let mut positions = Positions::default();
        for (kind, seen) in [(Kind::FrontDoor, front_doors), (Kind::Route, routes)] {
            positions.insert(kind, None, Position { seen, newest: newest.min(seen) });
        }
        positions
    }

    fn need(kind: Kind, namespace: &str, since: u64) -> Need {
        Need { kind, namespace: namespace.into(), since }
    }

    #[test]
    fn an_annotation_is_read_as_it_was_written() {
        let name = "portico-".repeat(30);
        let report = Report::new(&pod(&name), &positions(7, 9, 9));
        let (key, value) = (report.key(), report.value());
        let (_, hash) = key.split_once('/').unwrap();
        assert_eq!((hash.len(), key.len()), (16, 36));
        assert!(
            value.ends_with(r#","uid":"u1","seen":{"FrontDoor":{"":7},"Route":{"":9}}}"#),
            "{value}"
        );
        assert_eq!(Report::read(&key, &value), Some(report));
        for (key, value) in [
            ("replica.portico.dev/0000000000000000", value.as_str()),
            ("other.portico.dev/0000000000000000", &value),
            (&key, "{}"),
            (&key, ""),
        ] {
            assert_eq!(Report::read(key, value), None, "{key}: {value}");
        }
    }

    #[test]
    fn it_meets_what_it_has_seen() {
        let report = Report::new(&pod("a"), &positions(7, 9, 9));
        assert!(report.meets(&[need(Kind::Route, "web", 9), need(Kind::FrontDoor, "web", 7)]));
        assert!(!report.meets(&[need(Kind::Route, "web", 9), need(Kind::FrontDoor, "web", 8)]));
        assert!(report.meets(&[need(Kind::Route, "web", 0)]));
        let mut web = Positions::default();
        web.insert(Kind::Route, Some("web"), Position { seen: 9, newest: 9 });
        let report = Report::new(&pod("a"), &web);
        assert!(report.meets(&[need(Kind::Route, "web", 9)]));
        assert!(!report.meets(&[need(Kind::Route, "sales", 0)]), "it does not watch that");
    }

    #[test]
    fn a_new_status_is_no_news() {
        let report = Report::new(&pod("a"), &positions(7, 9, 9));
        assert!(!report.is_behind(&positions(7, 15, 9)));
        assert!(report.is_behind(&positions(7, 15, 11)));
        assert!(!report.is_behind(&Positions::default()));
    }

    #[test]
    fn its_own_report_and_what_is_none_are_not_read() {
        let report = |name: &str| Report::new(&pod(name), &positions(1, 1, 1));
        let (own, other) = (report("a"), report("b"));
        let lease = ObjectMeta {
            resource_version: Some("7".to_owned()),
            annotations: Some(
                [
                    (own.key(), own.value()),
                    (other.key(), other.value()),
                    (report("c").key(), "{".to_owned()),
                    ("meta.helm.sh/release-name".to_owned(), "portico".to_owned()),
                ]
                .into(),
            ),
            ..ObjectMeta::default()
        };
        let reports = Reports::read(lease, &own.key());
        assert_eq!(reports.version, "7");
        assert_eq!(reports.by_key, [(other.key(), other)].into());
    }
}
