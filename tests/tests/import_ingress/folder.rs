//! The fifteen Ingresses of `examples/ingress`, as a user moves them: imported into a folder by the
//! program, checked, and served. nginx runs beside it with what ingress-nginx generates for them.

use crate::{CASE, Case, Services, echo, nginx::Nginx, send};
use portico_tests::{
    backend::{Backend, service},
    binary::{self, is_here},
    root,
    serve::Serve,
    tls::{Authority, Pair},
};
use serde_json::Value;
use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

/// Services with one endpoint that answers with what it got.
const SERVICES: [&str; 9] =
    ["shop", "shop-next", "pages", "legal", "account", "api", "api-next", "sessions", "admin"];

/// What ingress-nginx generates, without its programs in Lua: canaries are chosen by `map`. CA, CERT
/// and KEY are files.
const NGINX: &str = r#"
map $http_x_canary $shop_by_header { always shop-next; never shop; default $shop_by_cookie; }
map $cookie_beta $shop_by_cookie { always shop-next; default shop; }
map $http_x_region $api { "~^eu-" api-next; default api; }
server {
  listen LISTEN; server_name www.ep.com;
  location ~* "^/shop(/|$)(.*)" { rewrite "(?i)/shop(/|$)(.*)" /$2 break; proxy_pass http://$shop_by_header; }
  location ~* "^/" { return 404; }
}
server {
  listen LISTEN; server_name www.pages.example pages.ep.com;
  if ($uri = /) { return 302 $scheme://$http_host/home; }
  location = "/legal" { proxy_pass http://legal; }
  location "/" { proxy_pass http://pages; }
}
server { listen LISTEN; server_name pages.example; return 308 $scheme://www.pages.example$request_uri; }
server { listen LISTEN; server_name account.ep.com checkout.ep.com; return 308 https://$host$request_uri; }
server { listen LISTEN; server_name old.example; return 308 https://www.ep.com$request_uri; }
server { listen LISTEN; server_name sale.example; return 307 https://www.ep.com/shop/sale; }
server {
  listen LISTEN; server_name api.ep.com;
  location "/" {
    set $cors '';
    if ($http_origin ~* ((https://app\.ep\.com)|(https://[A-Za-z0-9\-]+\.partner\.example))$ ) { set $cors 'true'; }
    if ($request_method = 'OPTIONS') { set $cors ${cors}options; }
    if ($cors = "true") { add_header 'Access-Control-Allow-Origin' $http_origin always; }
    if ($cors = "trueoptions") {
      add_header 'Access-Control-Allow-Origin' $http_origin always;
      return 204;
    }
    proxy_pass http://$api;
  }
}
server {
  listen LISTEN; server_name uploads.ep.com; client_max_body_size 64m;
  proxy_connect_timeout 3s; proxy_read_timeout 2s; proxy_send_timeout 2s;
  proxy_next_upstream error http_503; proxy_next_upstream_tries 2;
  location "/slow/" { proxy_pass http://slow; }
  location = "/slow" { proxy_pass http://slow; }
  location "/" { proxy_pass http://uploads; }
}
server {
  listen LISTEN; server_name payments.ep.com;
  location "/" {
    proxy_ssl_certificate CERT; proxy_ssl_certificate_key KEY;
    proxy_ssl_verify on; proxy_ssl_trusted_certificate CA;
    proxy_ssl_name payments.internal; proxy_ssl_server_name on;
    proxy_set_header Host payments.internal;
    proxy_pass https://payments;
  }
}
server { listen LISTEN; server_name sessions.ep.com; location "/" { proxy_pass http://sessions; } }
server {
  listen LISTEN; server_name tenants.ep.com;
  add_header X-Served-By "tenants" always;
  location "/" { proxy_pass http://sessions; }
}
server {
  listen LISTEN; server_name admin.ep.com;
  deny 10.9.0.0/16; allow 10.0.0.0/8; allow 127.0.0.0/8; deny all;
  location "/" { proxy_pass http://admin; }
}
"#;

/// What both answer.
const ASKED: &[(&str, &str)] = &[
    ("www.ep.com/shop", "200 shop / host=www.ep.com"),
    ("www.ep.com/shop/cart?a=b", "200 shop /cart?a=b host=www.ep.com"),
    ("www.ep.com/shopping", "404"),
    ("www.ep.com/", "404"),
    ("www.ep.com/shop/x; X-Canary: always", "200 shop-next /x host=www.ep.com"),
    ("www.ep.com/shop/x; Cookie: beta=always", "200 shop-next /x host=www.ep.com"),
    ("www.ep.com/shop/x; Cookie: beta=always; X-Canary: never", "200 shop /x host=www.ep.com"),
    ("www.pages.example/", "302 http://www.pages.example/home"),
    ("pages.ep.com/", "302 http://pages.ep.com/home"),
    ("www.pages.example/x", "200 pages /x host=www.pages.example"),
    ("www.pages.example/legal", "200 legal /legal host=www.pages.example"),
    ("www.pages.example/legal/x", "200 pages /legal/x host=www.pages.example"),
    ("pages.example/x?a=b", "308 http://www.pages.example/x?a=b"),
    ("account.ep.com/x?a=b", "308 https://account.ep.com/x?a=b"),
    ("checkout.ep.com/x", "308 https://checkout.ep.com/x"),
    ("old.example/a/b?c=d", "308 https://www.ep.com/a/b?c=d"),
    ("sale.example/x", "307 https://www.ep.com/shop/sale"),
    ("api.ep.com/x", "200 api /x host=api.ep.com"),
    ("api.ep.com/x; X-Region: eu-north", "200 api-next /x host=api.ep.com"),
    ("api.ep.com/x; X-Region: us-east", "200 api /x host=api.ep.com"),
    (
        "api.ep.com/x; Origin: https://app.ep.com",
        "200 api /x host=api.ep.com access-control-allow-origin=https://app.ep.com",
    ),
    (
        "OPTIONS api.ep.com/x; Origin: https://a.partner.example; Access-Control-Request-Method: PUT",
        "204 access-control-allow-origin=https://a.partner.example",
    ),
    ("api.ep.com/x; Origin: https://elsewhere.example", "200 api /x host=api.ep.com"),
    ("uploads.ep.com/1", "200 uploads /1 host=uploads.ep.com"),
    ("uploads.ep.com/2", "200 uploads /2 host=uploads.ep.com"),
    ("uploads.ep.com/slow", "504"),
    ("payments.ep.com/x", "200 payments /x host=payments.internal"),
    ("sessions.ep.com/x", "200 sessions /x host=sessions.ep.com"),
    ("tenants.ep.com/x", "200 sessions /x host=tenants.ep.com x-served-by=tenants"),
    ("admin.ep.com/x", "200 admin /x host=admin.ep.com"),
    ("elsewhere.example/x", "404"),
];

/// Objects, and annotations of objects, that the report says are dropped.
const DROPPED: [(&str, &str); 6] = [
    ("ConfigMap web/tenant-headers", ""),
    ("Ingress web/api", "limit-connections"),
    ("Ingress web/api", "limit-rps"),
    ("Ingress web/staff", "auth-signin"),
    ("Ingress web/staff", "auth-url"),
    ("Ingress web/uploads", "proxy-body-size"),
];

fn portico(arguments: &[&str]) -> Output {
    let program = binary::portico().unwrap();
    Command::new(program).args(arguments).current_dir(root()).output().unwrap()
}

/// The input, one file for each Ingress.
fn inputs() -> Vec<String> {
    let folder = root().join("examples/ingress");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
    let files = files.map(|name| format!("examples/ingress/{}", name.to_str().unwrap()));
    let mut files: Vec<_> = files.collect();
    files.sort();
    assert_eq!(files.len(), 15);
    files
}

/// Imports all of them into a folder, and returns what was dropped: object and field.
fn import(folder: &Path) -> Vec<(String, String)> {
    let out = folder.to_str().unwrap();
    let output = portico(&["import", "ingress", "examples/ingress", "-o", "json", "--out", out]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_owned();
    let entries = report["report"].as_array().unwrap();
    // Nothing in silence: each annotation has a verdict.
    for file in &inputs() {
        let input = fs::read_to_string(root().join(file)).unwrap();
        let named = input.lines().filter_map(|line| line.trim().split_once(": "));
        for (name, _) in named.filter(|(name, _)| name.starts_with("nginx.ingress")) {
            let field = format!("metadata.annotations.{name}");
            assert!(entries.iter().any(|it| it["field"] == field.as_str()), "{file}: {field}");
        }
    }
    let dropped = entries.iter().filter(|entry| entry["verdict"] == "dropped");
    dropped.map(|entry| (text(entry, "source"), text(entry, "field"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifteen_ingresses_move_as_a_folder() {
    if !is_here("nginx", "nginx") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("manifests");
    let mut dropped = import(&written);
    dropped.sort();
    let expected = DROPPED.map(|(object, field)| match field {
        "" => (object.to_owned(), String::new()),
        _ => {
            let field = format!("metadata.annotations.nginx.ingress.kubernetes.io/{field}");
            (object.to_owned(), field)
        }
    });
    assert_eq!(dropped, expected);

    let mut services = Services::start(&SERVICES, "uploads").await;
    let authority = Authority::new("payments").unwrap();
    let pair = authority.issue(&["payments.internal"]).unwrap();
    let acceptor = pair.acceptor(Some(&authority)).unwrap();
    let payments = Backend::scripted_over_tls(acceptor, |it| echo("payments", it)).await.unwrap();
    services.add("payments", vec![payments]);
    let around = around(&services, &authority, &pair);
    fs::write(written.join("around.yaml"), around).unwrap();
    let checked = portico(&["check", written.to_str().unwrap()]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));

    let files = fs::read_dir(&written).unwrap().map(|file| file.unwrap().path());
    let manifests: String = files.map(|file| fs::read_to_string(file).unwrap()).collect();
    let serve = Serve::start(&manifests, &["--public-https-port=443"]).unwrap();
    let (certificate, key) = pair.pem();
    let mut generated = NGINX.to_owned();
    for (name, text) in [("CA", authority.pem()), ("CERT", certificate), ("KEY", key)] {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        generated = generated.replace(&format!(" {name};"), &format!(" {};", file.display()));
    }
    let nginx = Nginx::start(&generated, &services.endpoints).await.unwrap();
    for (request, expected) in ASKED {
        for (who, address) in [("nginx", nginx.address()), ("Portico", serve.http)] {
            let answer = send(address, request).await;
            let shown = ["access-control-allow-origin", "x-served-by"].iter().map(|name| {
                let value = answer.field(name);
                if value.is_empty() { value } else { format!(" {name}={value}") }
            });
            let said = Case { sent: &["host"], ..CASE }.said(&answer) + &shown.collect::<String>();
            assert_eq!(said, *expected, "{who}, {request}");
        }
    }

    // Nobody gets in without the login that ingress-nginx asked for.
    assert_eq!(send(serve.http, "staff.ep.com/x").await.status(), 503);
    // Clients stay.
    let cookie = send(serve.http, "sessions.ep.com/x").await.field("set-cookie");
    assert!(cookie.starts_with("session=") && cookie.contains("Max-Age=3600"), "{cookie}");
}

/// The Services and Secrets that the Ingresses refer to.
fn around(services: &Services, authority: &Authority, pair: &Pair) -> String {
    let protocol = |name: &str| if name == "payments" { "https" } else { "http" };
    services
        .endpoints
        .iter()
        .map(|(name, endpoints)| service(name, protocol(name), endpoints))
        .chain([secret(authority, pair), pair.secret("account")])
        .collect()
}

/// The Secret that ingress-nginx reads for `proxy-ssl-secret`: a certificate, and who is believed.
fn secret(authority: &Authority, pair: &Pair) -> String {
    let pem: String = authority.pem().lines().map(|line| format!("    {line}\n")).collect();
    format!("{}  ca.crt: |\n{pem}", pair.secret("payments-ca"))
}
