//! HAProxy.

use super::{Place, Proxy, Setup};
use crate::{process::pinned, scenario::ORIGIN};
use anyhow::Result;
use std::fmt::Write as _;

/// The CORS policy, for requests and for responses.
fn cors() -> (String, &'static str) {
    let requests = format!(
        r#"
    acl allowed req.hdr(origin) -m str {ORIGIN}
    http-request set-var(txn.origin) req.hdr(origin) if allowed
    http-request return status 204 hdr Access-Control-Allow-Origin "%[var(txn.origin)]" hdr Access-Control-Allow-Methods PUT hdr Access-Control-Allow-Headers "x-api-key, content-type" hdr Access-Control-Max-Age 7200 hdr Vary "Origin, Access-Control-Request-Method, Access-Control-Request-Headers" hdr X-Request-Id "%[unique-id]" if {{ method OPTIONS }} {{ req.hdr(access-control-request-method) -m found }} allowed"#
    );
    let responses = r"
    http-response set-header Access-Control-Allow-Origin %[var(txn.origin)] if { var(txn.origin) -m found }
    http-response add-header Vary Origin";
    (requests, responses)
}

pub(super) fn proxy(place: &Place, setup: &Setup<'_>) -> Result<Proxy> {
    let config = place.file("haproxy.cfg", &config(place, setup)?)?;
    let mut command = pinned(&setup.cores.proxy, "haproxy");
    command.arg("-db").arg("-f").arg(config);
    place.start(command)
}

fn config(place: &Place, setup: &Setup<'_>) -> Result<String> {
    let (requests, responses) = if setup.scenario.cors() { cors() } else { (String::new(), "") };
    let tls = match setup.scenario.is_tls() {
        true => format!(
            "bind 127.0.0.1:{} backlog 4096 ssl crt {} alpn h2,http/1.1",
            place.https,
            setup.certificate.both.display()
        ),
        false => String::new(),
    };
    let (log, format) = match setup.is_logged {
        true => ("log stdout format raw local0 info", "log global\n    option httplog"),
        false => ("", ""),
    };
    // A prefix tree, as fast as routes can be told apart here.
    let mut map = String::new();
    for i in 0..setup.scenario.routes() {
        // A String takes every write.
        let _ = writeln!(map, "/route-{i}/ backend");
    }
    let map = place.file("routes.map", &map)?;
    Ok(format!(
        r#"global
    nbthread 1
    maxconn 4096
    ssl-default-bind-options ssl-min-ver TLSv1.3
    {log}
defaults
    mode http
    {format}
    http-reuse always
    timeout connect 5s
    timeout client 75s
    timeout server 60s
frontend door
    bind 127.0.0.1:{http} backlog 4096
    {tls}
    unique-id-format %[uuid()]
    http-request set-header X-Request-Id %[unique-id]
    http-request set-header X-Forwarded-For %[src]
    http-request set-header X-Forwarded-Proto http if !{{ ssl_fc }}
    http-request set-header X-Forwarded-Proto https if {{ ssl_fc }}
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    http-request set-header X-Forwarded-Port %[dst_port]
    http-request set-header Forwarded "for=%[src];host=\"%[req.hdr(host)]\";proto=http" if !{{ ssl_fc }}
    http-request set-header Forwarded "for=%[src];host=\"%[req.hdr(host)]\";proto=https" if {{ ssl_fc }}
    http-request set-header X-Real-IP %[src]
    http-request set-header Via "1.1 bench"{requests}
    http-response set-header X-Request-Id %[unique-id]{responses}
    use_backend %[path,map_beg({map})]
backend backend
    server backend 127.0.0.1:{backend} pool-max-conn 1000
"#,
        http = place.http,
        map = map.display(),
        backend = setup.backend,
    ))
}
