//! Which certificate a host has from one compile to the next.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use portico::{
    compile::{Compiled, Memory, Options, Status, compile_after},
    diagnostic::{Kind, ObjectRef, Reason},
    files,
};
use portico_dataplane::{certificate::Certificate, table::ObjectName};
use rcgen::{CertificateParams, KeyPair};
use std::sync::Arc;

const FRONT_DOOR: &str = "---
apiVersion: portico.dev/v1alpha1
kind: FrontDoor
metadata: {name: ep, namespace: web}
spec: {hosts: [{name: www.ep.com, tls: {secretRef: {name: SECRET}}}, {name: a.ep.com}]}
";

fn front_door(secret: &str) -> String {
    FRONT_DOOR.replace("SECRET", secret)
}

/// A Secret with a new certificate for www.ep.com that expires in the year.
fn secret(name: &str, year: i32) -> String {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["www.ep.com".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(year, 1, 1);
    let certificate = params.self_signed(&key).unwrap().pem();
    let indented = |pem: String| pem.replace('\n', "\n    ");
    format!(
        "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: web}}\ntype: kubernetes.io/tls\nstringData:\n  tls.crt: |\n    {}\n  tls.key: |\n    {}\n",
        indented(certificate),
        indented(key.serialize_pem())
    )
}

#[derive(Default)]
struct Cluster {
    memory: Memory,
    options: Options,
}

impl Cluster {
    fn compile(&mut self, objects: &[&str]) -> Compiled {
        let merged = files::read_texts([("objects.yaml", objects.concat().as_str())]);
        assert!(merged.problems.is_empty(), "{:?}", merged.problems);
        compile_after(&Arc::new(merged.snapshot), &mut self.memory, &self.options)
    }
}

fn certificate(compiled: &Compiled) -> Option<Arc<Certificate>> {
    let host = compiled.table.hosts.find("www.ep.com").unwrap();
    host.tls.as_ref().unwrap().certificate.clone()
}

fn status(compiled: &Compiled) -> &Status {
    let name = ObjectName::new("web", "ep");
    &compiled.statuses[&ObjectRef { kind: Kind::FrontDoor, name }]
}

/// The message of `ResolvedRefs`; empty if it is true.
fn unresolved(compiled: &Compiled) -> &str {
    let status = status(compiled);
    assert!(status.is_accepted());
    let resolved = &status.conditions[1];
    assert_eq!(resolved.reason == "InvalidCertificate", !resolved.status, "{}", resolved.reason);
    &resolved.message
}

#[test]
fn the_last_good_certificate_stays_until_there_is_another() {
    let mut cluster = Cluster::default();
    let (door, first, second) = (front_door("s"), secret("s", 2030), secret("s", 2031));
    let compiled = cluster.compile(&[&door, &first]);
    let kept = certificate(&compiled).unwrap();
    assert_eq!(unresolved(&compiled), "");
    for (gone, says) in [
        (first.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"), "tls.key is encrypted"),
        (String::new(), "Secret web/s does not exist"),
        (first.replace("kubernetes.io/tls", "Opaque"), "is of type Opaque"),
    ] {
        let compiled = cluster.compile(&[&door, &gone]);
        assert_eq!(certificate(&compiled).as_deref(), Some(&*kept));
        let message = unresolved(&compiled);
        assert!(message.contains(says), "{message}");
        let last =
            "the last good certificate, valid until 2030-01-01T00:00:00Z, is still presented";
        assert!(message.ends_with(last), "{message}");
    }
    let compiled = cluster.compile(&[&door, &second]);
    assert_eq!(unresolved(&compiled), "");
    assert_ne!(certificate(&compiled).unwrap(), kept);
}

#[test]
fn a_certificate_that_has_not_changed_is_not_read_again() {
    let mut cluster = Cluster::default();
    let (door, secret) = (front_door("s"), secret("s", 2030));
    let first = certificate(&cluster.compile(&[&door, &secret])).unwrap();
    let again = certificate(&cluster.compile(&[&door, &secret])).unwrap();
    assert!(Arc::ptr_eq(&first, &again));
}

#[test]
fn authorities_that_have_not_changed_are_not_read_again() {
    let mut cluster = Cluster::default();
    let door = "---
apiVersion: portico.dev/v1alpha1
kind: FrontDoor
metadata: {name: ep, namespace: web}
spec:
  hosts: [{name: www.ep.com, tls: {secretRef: {name: s}}}]
  tls: {clientCertificates: {caRefs: [{kind: Secret, name: s, key: tls.crt}, {kind: Secret, name: t, key: tls.crt}]}}
";
    let (s, t, other) = (secret("s", 2030), secret("t", 2030), secret("t", 2031));
    let mut compile = |objects: &[&str]| {
        let compiled = cluster.compile(objects);
        let tls = compiled.table.hosts.find("www.ep.com").unwrap().tls.clone().unwrap();
        tls.client_certificates.as_ref().unwrap().roots.clone()
    };
    let first = compile(&[door, &s, &t]).unwrap();
    assert_eq!(first.roots().len(), 2);
    let again = compile(&[door, &s, &t]).unwrap();
    assert!(Arc::ptr_eq(first.roots(), again.roots()));
    assert_ne!(compile(&[door, &s, &other]).unwrap(), first);
    assert_eq!(compile(&[door, &s]), None);
    assert_eq!(compile(&[door, &s, &t]), Some(first));
}

#[test]
fn a_certificate_that_no_host_has_any_more_is_forgotten() {
    let mut cluster = Cluster::default();
    let secret = secret("s", 2030);
    assert!(certificate(&cluster.compile(&[&front_door("s"), &secret])).is_some());
    assert_eq!(certificate(&cluster.compile(&[&front_door("other"), &secret])), None);
    let compiled = cluster.compile(&[&front_door("s")]);
    assert_eq!(certificate(&compiled), None);
    let message = unresolved(&compiled);
    assert!(message.ends_with("until then the host's TLS handshakes fail"), "{message}");
}

#[test]
fn warnings_come_on_the_dates_that_are_announced() {
    let end: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
    let warning = end - SignedDuration::from_hours(14 * 24);
    let second = SignedDuration::from_secs(1);
    let mut cluster = Cluster::default();
    let (door, secret) = (front_door("s"), secret("s", 2030));
    for (now, says, next) in [
        (warning - second, None, Some(warning)),
        (warning, Some("expires on 2030-01-01T00:00:00Z"), Some(end)),
        (end - second, Some("expires on 2030-01-01T00:00:00Z"), Some(end)),
        (end, Some("expired on 2030-01-01T00:00:00Z"), None),
    ] {
        cluster.options.now = Some(now);
        let compiled = cluster.compile(&[&door, &secret]);
        assert_eq!(compiled.next_date, next, "{now}");
        let problems = &status(&compiled).problems;
        match says {
            None => assert_eq!(problems, &[], "{now}"),
            Some(says) => {
                assert_eq!((problems.len(), problems[0].reason), (1, Reason::CertificateExpiry));
                assert!(problems[0].message.contains(says), "{now}: {}", problems[0].message);
            }
        }
    }
}
