//! `portico import ingress`: reports, statuses, folders, and bad input.

use crate::{check, import, ingress, manifests, portico_with, report, verdict};
use serde_json::json;
use std::fs;

const ANNOTATION: &str = "metadata.annotations.nginx.ingress.kubernetes.io/";

#[test]
fn what_is_kept_is_kept_in_silence() {
    let input = ingress("a", "proxy-connect-timeout: '3'", "/a", "a");
    let (report, code) = report(&input);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(
        report["objects"],
        json!([
            {"kind": "FrontDoor", "namespace": "web", "name": "www-ep-com"},
            {"kind": "Route", "namespace": "web", "name": "a"},
        ])
    );
    let field = format!("{ANNOTATION}proxy-connect-timeout");
    assert_eq!(verdict(&report, "Ingress web/a", &field), ("kept", ""));
    assert_eq!(verdict(&report, "Ingress web/a", "spec.rules[0].host"), ("kept", ""));
    assert!(manifests(&input).contains("connect: 3s"));
}

#[test]
fn what_is_not_kept_says_why_and_the_status_is_3() {
    let input = ingress("a", "limit-rps: '5'\nodd: x\ncanary-weight: '5'", "/a", "a");
    let (report, code) = report(&input);
    assert_eq!(code, 3);
    for (name, part) in [
        ("limit-rps", "rate limits"),
        ("odd", "not known"),
        ("canary-weight", "no effect without canary"),
    ] {
        let field = format!("{ANNOTATION}{name}");
        let (verdict, why) = verdict(&report, "Ingress web/a", &field);
        assert!(verdict == "dropped" && why.contains(part), "{name}: {why}");
    }
    let ran = import(&["ingress"], &input);
    assert_eq!(ran.code, 3);
    assert!(ran.out.contains("FrontDoor web/www-ep-com\n"), "{}", ran.out);
    assert!(ran.out.contains(&format!("  dropped {ANNOTATION}limit-rps: ")), "{}", ran.out);
}

#[test]
fn nothing_is_served_without_what_kept_others_out() {
    for annotations in [
        "auth-url: https://auth.ep.com",
        "auth-type: basic\nauth-secret: users",
        "whitelist-source-range: nonsense",
        "configuration-snippet: 'if ($a) { return 403; }'",
        "configuration-snippet: deny all;",
        "rewrite-target: /x?y=$1",
        "permanent-redirect: https://a/?b=c",
        "ssl-passthrough: 'true'",
        "backend-protocol: FCGI",
        "auth-tls-secret: web/ca\nauth-tls-match-cn: CN=me",
        "auth-tls-secret: web/ca\nauth-tls-verify-client: optional_no_ca",
        "proxy-ssl-secret: web/tls\nproxy-ssl-verify: 'on'",
    ] {
        let text = manifests(&ingress("a", annotations, "/a", "a"));
        assert!(text.contains("status: 503"), "{annotations}: {text}");
        assert!(!text.contains("backends:"), "{annotations}: {text}");
    }
    let text = manifests(&ingress("a", "server-snippet: deny all;", "/a", "a"));
    assert!(text.contains("name: closed"), "{text}");
    let harmless = "configuration-snippet: 'more_set_headers \"X-A: b\"; gzip on;'";
    let text = manifests(&ingress("a", harmless, "/a", "a"));
    assert!(text.contains("backends:") && text.contains("name: X-A"), "{text}");
}

#[test]
fn hosts_of_several_namespaces_share_a_front_door() {
    let first = ingress("a", "", "/", "a").replace(
        "spec:\n",
        "  creationTimestamp: '2026-01-02T00:00:00Z'\nspec:\n  tls: [{secretName: own}]\n",
    );
    let second = ingress("b", "", "/b", "b")
        .replace("namespace: web", "namespace: shop")
        .replace("spec:\n", "  creationTimestamp: '2026-01-01T00:00:00Z'\nspec:\n");
    let wildcard = ingress("c", "", "/", "c")
        .replace("namespace: web", "namespace: all")
        .replace("host: www.ep.com", "host: '*.ep.com'");
    let input = [first, second, wildcard].concat();
    let text = manifests(&input);
    assert!(text.contains("# Copy Secret web/own to namespace shop, for www.ep.com."), "{text}");
    let (report, _) = report(&input);
    assert_eq!(
        report["objects"],
        json!([
            {"kind": "FrontDoor", "namespace": "shop", "name": "www-ep-com"},
            {"kind": "Route", "namespace": "shop", "name": "b"},
            {"kind": "Route", "namespace": "web", "name": "a"},
            {"kind": "FrontDoor", "namespace": "all", "name": "any-ep-com"},
            {"kind": "Route", "namespace": "all", "name": "c"},
        ])
    );
    let (_, why) = verdict(&report, "Ingress web/a", "spec.tls[0].secretName");
    assert!(why.contains("namespace shop"), "{why}");
}

#[test]
fn one_of_two_equal_paths_is_taken() {
    let input = [ingress("a", "", "/a", "a"), ingress("b", "", "/a", "b")].concat();
    let (report, code) = report(&input);
    assert_eq!(code, 3);
    let (verdict, why) = verdict(&report, "Ingress web/b", "spec.rules[0].http.paths[0]");
    assert_eq!(verdict, "dropped");
    assert!(why.contains("Ingress web/a"), "{why}");
    assert!(!manifests(&input).contains("name: b"));
}

#[test]
fn expressions_without_an_equal_are_answered_with_503() {
    let input = ingress("a", "use-regex: 'true'", "/v[0-9]+/x", "a");
    let text = manifests(&input);
    assert!(text.contains("pathRegex") && text.contains("status: 503"), "{text}");
    let (report, _) = report(&input);
    let (_, why) = verdict(&report, "Ingress web/a", "spec.rules[0].http.paths[0]");
    assert!(why.contains("no equal"), "{why}");
}

#[test]
fn other_objects_and_versions_are_reported() {
    let input = "\
apiVersion: v1
kind: List
items:
- apiVersion: networking.k8s.io/v1
  kind: IngressClass
  metadata: {name: nginx}
  spec: {controller: k8s.io/ingress-nginx}
- {apiVersion: v1, kind: Service, metadata: {name: a, namespace: web}}
- {apiVersion: extensions/v1beta1, kind: Ingress, metadata: {name: old, namespace: web}}
- [1]
";
    let (report, code) = report(input);
    assert_eq!(code, 3);
    assert_eq!(report["objects"], json!([]));
    for (source, part) in [
        ("IngressClass nginx", "needs no class"),
        ("Service web/a", "not read"),
        ("Ingress web/old", "networking.k8s.io/v1"),
        ("document in -", "no kind"),
    ] {
        let (verdict, why) = verdict(&report, source, "");
        assert!(verdict == "dropped" && why.contains(part), "{source}: {why}");
    }
}

#[test]
fn broken_objects_are_reported_not_served() {
    for spec in [
        "spec: 7",
        "spec: {rules: [7]}",
        "spec: {rules: {a: b}}",
        "spec: {rules: [{host: 'a b', http: {paths: [{path: /, backend: {service: {name: a, port: {number: 80}}}}]}}]}",
        "spec: {rules: [{host: a, http: {paths: [{path: /}]}}]}",
        "spec: {rules: [{host: a, http: {paths: [{path: x, backend: {service: {name: A B, port: {number: 0}}}}]}}]}",
        "spec: {rules: [{host: a, http: {paths: [{path: '/*', backend: {resource: {kind: B, name: c}}}]}}]}",
        "spec: {tls: [{hosts: [b], secretName: 'A B'}], rules: [{host: a}]}",
        "metadata2: {}",
    ] {
        let input = format!(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: a, annotations: {{nginx.ingress.kubernetes.io/app-root: 7}}}}\n{spec}\n"
        );
        let (report, code) = report(&input);
        assert_eq!(code, 3, "{spec}: {report:#}");
        let text = import(&["ingress", "-o", "yaml"], &input).out;
        assert!(text.is_empty() || check(&text).code == 0, "{spec}: {text}");
        assert!(!text.contains("backends:"), "{spec}: {text}");
    }
}

#[test]
fn unreadable_input_is_an_error() {
    for (input, part) in [("a: [", "line 2"), ("{\"a\": ", "line 2")] {
        let ran = import(&["ingress"], input);
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert!(ran.err.contains(part), "{}", ran.err);
    }
    let folder = tempfile::tempdir().unwrap();
    let ran = portico_with(folder.path(), &["import", "ingress", "none.yaml"], b"");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("none.yaml"), "{}", ran.err);
    let ran = import(&["ingress", "--from", "caddy"], "");
    assert!(ran.code == 2 && ran.err.contains("traefik"), "{}", ran.err);
    let ran = import(&["azure-front-door", "--from", "traefik"], "");
    assert!(ran.code == 2 && ran.err.contains("--from is for ingress"), "{}", ran.err);
}

#[test]
fn manifests_are_written_into_a_folder_and_overwrite_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.yaml"), ingress("a", "", "/a", "a")).unwrap();
    let args = ["import", "ingress", "in.yaml", "--out", "out"];
    let ran = portico_with(folder.path(), &args, b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
    for file in ["frontdoor-web-www-ep-com.yaml", "route-web-a.yaml"] {
        assert!(folder.path().join("out").join(file).exists(), "{file}");
    }
    assert_eq!(portico_with(folder.path(), &["check", "out"], b"").code, 0);
    // A folder stands for its files, of which other kinds are not read.
    fs::create_dir(folder.path().join("inputs")).unwrap();
    fs::write(folder.path().join("inputs/b.yaml"), ingress("b", "", "/b", "b")).unwrap();
    fs::write(folder.path().join("inputs/notes.txt"), "a: [").unwrap();
    let ran = portico_with(folder.path(), &["import", "ingress", "in.yaml", "inputs"], b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out.contains("Ingress web/a\n") && ran.out.contains("Ingress web/b\n"),
        "{}",
        ran.out
    );
    fs::create_dir(folder.path().join("none")).unwrap();
    let ran = portico_with(folder.path(), &["import", "ingress", "none"], b"");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("none: no YAML or JSON files"), "{}", ran.err);
    let again = portico_with(folder.path(), &args, b"");
    assert_eq!(again.code, 1);
    assert!(again.err.contains("exists"), "{}", again.err);
}

#[test]
fn the_annotations_of_other_controllers() {
    let input = ingress("a", "app-root: /x", "/a", "a").replace(
        "    kubernetes.io/ingress.class: nginx\n",
        "    traefik.ingress.kubernetes.io/router.middlewares: web-auth@kubernetescrd\n    haproxy.org/path-rewrite: /b\n    haproxy.org/allow-list: 10.0.0.0/8\n",
    );
    let ran = import(&["ingress", "--from", "traefik", "-o", "yaml"], &input);
    assert!(ran.out.contains("status: 503") && check(&ran.out).code == 0, "{}", ran.out);
    let ran = import(&["ingress", "--from", "haproxy", "-o", "yaml"], &input);
    assert!(ran.out.contains("path: /b/*") && ran.out.contains("allowed-addresses"), "{}", ran.out);
    assert_eq!(check(&ran.out).code, 0);
    let ran = import(&["ingress", "--from", "haproxy"], &input);
    assert!(ran.out.contains("is read with --from nginx"), "{}", ran.out);
}

#[test]
fn many_annotations_on_the_paths_of_one_host() {
    let all = [
        ingress("one", "rewrite-target: /$2\nuse-regex: 'true'", "/one(/|$)(.*)", "one"),
        ingress("two", "app-root: /home\nssl-redirect: 'false'", "/two", "two"),
        ingress("three", "permanent-redirect: https://new.ep.com\npermanent-redirect-code: '308'", "/three", "three"),
        ingress("four", "temporal-redirect: https://new.ep.com/x", "/four", "four"),
        ingress("five", "from-to-www-redirect: 'true'\nforce-ssl-redirect: 'true'", "/five", "five"),
        ingress("six", "enable-cors: 'true'\ncors-allow-origin: https://app.ep.com,https://*.co.uk\ncors-expose-headers: '*'", "/six", "six"),
        ingress("seven", "proxy-connect-timeout: '3'\nproxy-read-timeout: '90'\nproxy-send-timeout: '30'\nproxy-body-size: 8m", "/seven", "seven"),
        ingress("eight", "backend-protocol: GRPC\nproxy-next-upstream: error timeout http_503\nproxy-next-upstream-tries: '3'", "/eight", "eight"),
        ingress("nine", "backend-protocol: HTTPS\nproxy-ssl-secret: web/tls\nproxy-ssl-verify: 'on'\nproxy-ssl-name: a.internal", "/nine", "nine"),
        ingress("ten", "canary: 'true'\ncanary-by-header: x-canary\ncanary-by-cookie: canary\ncanary-weight: '5'\ncanary-weight-total: '200'", "/nine", "ten"),
        ingress("eleven", "affinity: cookie\nsession-cookie-name: route\nsession-cookie-max-age: '3600'\nupstream-hash-by: $http_x_user", "/eleven", "eleven"),
        ingress("twelve", "upstream-vhost: a.internal\ncustom-headers: web/headers\nx-forwarded-prefix: /x", "/twelve", "twelve"),
        ingress("thirteen", "whitelist-source-range: 10.0.0.0/8\ndenylist-source-range: 10.1.0.0/16\nlimit-rps: '5'", "/thirteen", "thirteen"),
        ingress("fourteen", "auth-url: https://auth.ep.com\nauth-signin: https://auth.ep.com/in", "/fourteen", "fourteen"),
        ingress("fifteen", "server-alias: shop.ep.com\nconfiguration-snippet: 'add_header X-A b;'\nauth-tls-secret: web/ca", "/fifteen", "fifteen"),
    ]
    .concat();
    let text = manifests(&all);
    for part in [
        "path: /one/*",
        "path: /home",
        "status: 308",
        "host: new.ep.com",
        "name: ep.com",
        "name: shop.ep.com",
        "https://app.ep.com",
        "connect: 3s",
        "idle: 90s",
        "attempts: 2",
        "serverName: a.internal",
        "weight: 195",
        "name: canary-4",
        "maxAge: 1h",
        "name: x-user",
        "host: a.internal",
        "allowed-addresses",
        "denied-addresses",
        "clientCertificates:",
        "name: X-A",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("name: fourteen\n    port"), "{text}");
    let (report, code) = report(&all);
    assert_eq!(code, 3);
    // Nothing in silence: each annotation has a verdict.
    for line in all.lines().filter(|line| line.contains("nginx.ingress.kubernetes.io/")) {
        let name = line.trim().split(':').next().unwrap();
        let field = format!("metadata.annotations.{name}");
        let entries = report["report"].as_array().unwrap();
        assert!(entries.iter().any(|entry| entry["field"] == field.as_str()), "{field}");
    }
}
