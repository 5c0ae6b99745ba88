//! All of it from manifests, as they are applied.

use super::*;

const SPEC: &str = r"hosts:
  - {name: www.ep.com, tls: {secretRef: {name: one}}}
  - {name: plain.ep.com}
  plainHttp: Refuse
  tls:
    minVersion: VersionTLS13
    hsts: {maxAge: 1h}
    clientCertificates: {caRefs: [{kind: ConfigMap, name: partners}]}
";

#[tokio::test]
async fn what_a_front_door_says_of_tls_is_what_clients_meet() {
    let backend = Backend::saying("served").await.unwrap();
    let authority = Authority::new("test").unwrap();
    let pair = authority.issue(&["www.ep.com"]).unwrap();
    let door = format!(
        "---\napiVersion: portico.dev/v1alpha1\nkind: FrontDoor\nmetadata: {{name: ep, namespace: web}}\nspec:\n  {SPEC}"
    );
    let app = route("app", "backends: [{service: {name: app, port: 80}}]");
    let services = service("app", "http", &[backend.address()]);
    let rest = [door, services, app, authority.config_map("partners")].concat();
    let edge = Edge::start(&(rest.clone() + &pair.secret("one"))).await.unwrap();
    let alice = authority.issue_client("alice").unwrap();

    let mut connected = Client::with(&alice).unwrap().connect(&edge, "www.ep.com").await.unwrap();
    assert_eq!(connected.certificate, *pair.der());
    let answer = get(&mut connected.wire, "www.ep.com").await;
    assert_eq!(answer.text(), "served");
    assert_eq!(answer.field("strict-transport-security"), "max-age=3600");
    assert!(backend.last().unwrap().field("client-cert").starts_with(":MII"));
    assert_eq!(get(&mut connected.wire, "plain.ep.com").await.status(), 421);
    let old = Client::of_with(&rustls::version::TLS12, &alice).unwrap();
    assert!(old.connect(&edge, "www.ep.com").await.is_err());
    assert!(old.connect(&edge, "plain.ep.com").await.is_err());
    let mut plain = Wire::connect(edge.address()).await.unwrap();
    assert_eq!(get(&mut plain, "www.ep.com").await.reason(), "PlainHttp");
    assert_eq!(get(&mut plain, "plain.ep.com").await.text(), "served");

    let next = authority.issue(&["www.ep.com"]).unwrap();
    edge.serve(&(rest + &next.secret("one"))).await.unwrap();
    let fresh = Client::with(&alice).unwrap().connect(&edge, "www.ep.com").await.unwrap();
    assert_eq!(fresh.certificate, *next.der());
}
