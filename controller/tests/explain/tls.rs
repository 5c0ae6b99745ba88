//! What http and https URLs meet.

use crate::{field, forward, told};
use serde_json::Value;

/// A FrontDoor with hosts with and without TLS, and further fields of its `spec`.
fn manifests(spec: &str) -> String {
    let made = rcgen::generate_simple_self_signed(["www.ep.com".to_owned()]).unwrap();
    let indented = |pem: String| pem.replace('\n', "\n    ");
    let (certificate, key) =
        (indented(made.cert.pem()), indented(made.signing_key.serialize_pem()));
    format!(
        "apiVersion: portico.dev/v1alpha1
kind: FrontDoor
metadata: {{name: ep, namespace: web}}
spec:
  hosts:
  - {{name: www.ep.com, tls: {{secretRef: {{name: ep-com}}}}}}
  - {{name: '*.ep.com', tls: {{secretRef: {{name: ep-com}}}}}}
  - {{name: plain.ep.com}}
  - {{name: plain.example}}
  - {{name: missing.example, tls: {{secretRef: {{name: missing}}}}}}
  {spec}
---
apiVersion: v1
kind: Secret
metadata: {{name: ep-com, namespace: web}}
type: kubernetes.io/tls
stringData:
  tls.crt: |
    {certificate}
  tls.key: |
    {key}
{}",
        forward("a", "{path: /a}", "")
    )
}

fn has_note(told: &Value, words: &str) -> bool {
    let mut notes = told["notes"].as_array().unwrap().iter();
    notes.any(|note| note.as_str().unwrap().contains(words))
}

#[test]
fn plain_http_is_redirected_before_routes_are_looked_for() {
    let told = told(&manifests(""), "http://www.ep.com/a?b=c", &[]);
    assert_eq!(told["response"]["status"], 308);
    let location = field(&told["response"]["headers"], "location");
    assert_eq!(location, Some("https://www.ep.com/a?b=c"));
    assert_eq!(told["winner"], Value::Null);
    assert_eq!(told["losers"], Value::Array(Vec::new()));
    assert!(has_note(&told, "plain HTTP is redirected"), "{}", told["notes"]);
}

#[test]
fn plain_http_is_refused_or_served_as_the_front_door_says() {
    let refused = told(&manifests("plainHttp: Refuse"), "http://www.ep.com/a", &[]);
    let response = &refused["response"];
    assert_eq!((&response["status"], &response["reason"]), (&403.into(), &"PlainHttp".into()));
    assert!(has_note(&refused, "plain HTTP is refused"), "{}", refused["notes"]);
    let served = told(&manifests("plainHttp: Serve"), "http://www.ep.com/a", &[]);
    assert_eq!(served["winner"]["route"], "web/a");
}

#[test]
fn https_is_served_with_hsts() {
    let told = told(&manifests("tls: {hsts: {maxAge: 1h}}"), "https://www.ep.com/a", &[]);
    assert_eq!(told["winner"]["route"], "web/a");
    let hsts = field(&told["response"]["sets"], "strict-transport-security");
    assert_eq!(hsts, Some("max-age=3600"), "{}", told["response"]);
    assert!(!has_note(&told, "handshake"), "{}", told["notes"]);
}

#[test]
fn a_host_without_tls_is_misdirected_on_another_hosts_connection() {
    let told = told(&manifests(""), "https://plain.ep.com/a", &[]);
    let response = &told["response"];
    assert_eq!((&response["status"], &response["reason"]), (&421.into(), &"Misdirected".into()));
}

#[test]
fn a_handshake_that_fails_is_said() {
    let manifests = manifests("");
    let plain = told(&manifests, "https://plain.example/a", &[]);
    assert!(has_note(&plain, "unrecognized_name"), "{}", plain["notes"]);
    assert_eq!(plain["winner"]["route"], "web/a", "as it is if TLS ends in front");
    let missing = told(&manifests, "https://missing.example/a", &[]);
    assert!(has_note(&missing, "Secret web/missing has no valid"), "{}", missing["notes"]);
    assert_nothing_is_served(&missing);
}

/// Nothing is said of a request that no connection carries.
fn assert_nothing_is_served(told: &Value) {
    for field in ["winner", "request", "response", "preflight"] {
        assert_eq!(told[field], Value::Null, "{field}: {told}");
    }
}

#[test]
fn redirects_name_the_port_that_is_asked_about() {
    let manifests = manifests("");
    let location = |url: &str, flags: &[&str]| {
        let told = told(&manifests, url, flags);
        field(&told["response"]["headers"], "location").unwrap().to_owned()
    };
    let usual = "http://www.ep.com/a";
    assert_eq!(location(usual, &[]), "https://www.ep.com/a");
    assert_eq!(location(usual, &["--public-https-port=30443"]), "https://www.ep.com:30443/a");
    let direct = "http://www.ep.com:8080/a";
    assert_eq!(location(direct, &[]), "https://www.ep.com:8443/a");
    assert_eq!(location(direct, &["--public-https-port=443"]), "https://www.ep.com/a");
}

#[test]
fn clients_are_told_which_certificate_they_need() {
    let of = |name: &str| {
        let refs = format!("caRefs: [{{kind: Secret, name: ep-com, key: {name}}}]");
        let manifests = manifests(&format!("tls: {{clientCertificates: {{{refs}}}}}"));
        told(&manifests, "https://www.ep.com/a", &[])
    };
    let told = of("tls.crt");
    assert!(has_note(
        &told,
        "needs a client certificate from one of Secret web/ep-com, key tls.crt"
    ));
    assert_nothing_is_served(&told);
    let missing = of("ca.crt");
    assert!(has_note(&missing, "the TLS handshake fails: an authority"));
    assert_nothing_is_served(&missing);
}
