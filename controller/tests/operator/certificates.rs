//! What is told of certificates.

use crate::{
    api_server::{FRONT_DOORS, ROUTES, SECRETS},
    cluster, condition, front_door, metadata,
    program::{Operator, until},
};
use k8s_openapi::ByteString;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

/// A Secret with a certificate that has expired.
fn expired(name: &str, host: &str) -> Value {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2001, 1, 1);
    params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    let certificate = params.self_signed(&key).unwrap().pem();
    let [certificate, key] = [certificate, key.serialize_pem()].map(|pem| ByteString(pem.into()));
    json!({
        "metadata": metadata(name, 1, "5"), "type": "kubernetes.io/tls",
        "data": {"tls.crt": certificate, "tls.key": key},
    })
}

#[test]
fn one_that_has_expired_is_an_event_of_its_front_door() {
    let api = cluster();
    let mut front_door = front_door("ours", "portico");
    front_door["spec"]["hosts"][0]["tls"] = json!({"secretRef": {"name": "ours-tls"}});
    api.lists(FRONT_DOORS, vec![front_door]);
    api.lists(ROUTES, Vec::new());
    api.lists(SECRETS, vec![json!({"metadata": metadata("ours-tls", 1, "5")})]);
    let secret = expired("ours-tls", "ours.example");
    let path = "/api/v1/namespaces/web/secrets/ours-tls".to_owned();
    api.0.lock().unwrap().objects.insert(path, secret);
    let folder = tempfile::tempdir().unwrap();
    let _operator = Operator::start(api.start(), folder.path(), &["--admin=127.0.0.1:0"]);

    let mut events = Vec::new();
    until("an Event", || {
        events = api.asked("POST", "/events");
        !events.is_empty()
    });
    let event = &events[0].body;
    assert_eq!(
        (&event["reason"], &event["type"]),
        (&"CertificateExpiry".into(), &"Warning".into())
    );
    assert_eq!(event["regarding"]["name"], "ours");
    let note = event["note"].as_str().unwrap();
    assert!(note.contains("expired on 2002-01-01T00:00:00Z"), "{note}");
    until("a status", || !api.asked("PATCH", "/frontdoors/ours/status").is_empty());
    assert_eq!(condition(&api, "frontdoors/ours", "ResolvedRefs")["status"], "True");
}
