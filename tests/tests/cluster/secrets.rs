//! Secrets: followed when they change, and no more of them read than is named.

use crate::manifests::{PROGRAMMED, front_door, route};
use anyhow::ensure;
use portico_tests::cluster::{
    apply, in_node,
    install::{Install, condition},
    k, kubectl,
    patience::eventually,
    scope::Scope,
};
use serde_json::Value;

const KEY: &str =
    ", requestHeaders: {set: [{name: x-key, valueFrom: {secretKeyRef: {name: key, key: k}}}]}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_changes_is_followed_and_no_other_is_read() {
    let mut scope = Scope::new().unwrap();
    scope.namespace("vault", &[]).unwrap();
    scope.namespace("closed", &[]).unwrap();
    k("create secret generic key -n vault --from-literal=k=first").unwrap();
    k("create secret generic unnamed -n vault --from-literal=k=secret").unwrap();
    k("create secret generic key -n closed --from-literal=k=closed").unwrap();
    let limited = ["secrets.namespaces={vault}"];
    let install = Install::small(&mut scope, "vault", 30080, &limited).unwrap();
    for namespace in ["vault", "closed"] {
        scope.backend(namespace, "shop", 1).unwrap();
    }
    let attach = ", attach: [{namespaces: [vault, closed]}]";
    apply(
        &(front_door(&install, "vault", "vault.example", attach)
            + &route("vault", "all", "/*", "shop", KEY)),
    )
    .unwrap();
    condition("vault", "route/all", PROGRAMMED).await.unwrap();
    let port = install.published("vault.example").unwrap();
    let carries = |value: &'static str| {
        let port = &port;
        move || async move {
            let answer = port.asked("/").await?;
            ensure!(answer["headers"]["x-key"] == value, "{answer}");
            Ok(())
        }
    };
    eventually(carries("first")).await.unwrap();
    kubectl(["patch", "secret", "key", "-n", "vault", "-p", r#"{"stringData": {"k": "second"}}"#])
        .unwrap();
    let (_, late) = eventually(carries("second")).await.unwrap();
    println!("the new value of a Secret is sent {late:?} after it was written");

    // Of a namespace that is not listed.
    let guest = route("closed", "guest", "/guest", "shop", KEY);
    apply(&guest.replace("{name: door}", "{name: door, namespace: vault}")).unwrap();
    let message = condition("closed", "route/guest", "ResolvedRefs=False/SecretNotFound").await;
    assert!(message.unwrap().contains("secrets.namespaces"));
    port.expect("/guest", 503).await.unwrap();
    let account = account(&install);
    for (verb, namespace, may) in [
        ("get", "vault", true),
        ("list", "vault", true),
        ("get", "closed", false),
        ("list", "closed", false),
        ("get", "kube-system", false),
        ("update", "vault", false),
    ] {
        let answer = k(&format!("auth can-i {verb} secrets -n {namespace} --as={account}"));
        assert_eq!(answer.is_ok(), may, "{verb} in {namespace}: {answer:?}");
    }
    assert_audit_log_shows_no_other_secret(&account);
}

fn account(install: &Install) -> String {
    let pod = &install.pods().unwrap()[0];
    let name = pod["spec"]["serviceAccountName"].as_str().unwrap();
    format!("system:serviceaccount:{}:{name}", install.namespace)
}

/// The data of one Secret was asked for; of the others it got metadata.
fn assert_audit_log_shows_no_other_secret(account: &str) {
    let Some(log) = in_node(&["cat", "/var/log/kubernetes/audit.log"]) else {
        return println!("skipped, the node can't be reached into: the API server's audit log");
    };
    let log = log.unwrap();
    // The last line may be on its way.
    let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_account = events.filter(|event| event["user"]["username"] == account);
    let (mut gets, mut lists) = (0, 0);
    for event in of_account {
        let object = &event["objectRef"];
        assert_eq!(object["namespace"], "vault", "{event}");
        match event["verb"].as_str().unwrap() {
            "get" => {
                assert_eq!(object["name"], "key", "{event}");
                gets += 1;
            }
            "list" => {
                let answer = &event["responseObject"];
                assert_eq!(answer["kind"], "PartialObjectMetadataList", "{event}");
                lists += 1;
            }
            // What a watch brought is not in the log.
            "watch" => {}
            other => panic!("{other}: {event}"),
        }
    }
    assert!(gets >= 2 && lists >= 1, "{gets} gets, {lists} lists");
}
