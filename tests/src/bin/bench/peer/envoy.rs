//! Envoy.

use super::{Place, Proxy, Setup};
use crate::{process::pinned, scenario::ORIGIN};
use anyhow::Result;
use serde_json::{Value, json};

const TYPES: &str = "type.googleapis.com/envoy.extensions";
const CORS: &str = "envoy.filters.http.cors";

pub(super) fn proxy(place: &Place, setup: &Setup<'_>) -> Result<Proxy> {
    let config = place.file("envoy.json", &config(place, setup).to_string())?;
    let mut command = pinned(&setup.cores.proxy, &setup.programs.envoy);
    command.arg("--config-path").arg(config);
    command.args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]);
    place.start(command)
}

fn config(place: &Place, setup: &Setup<'_>) -> Value {
    let mut listeners = vec![listener(place.http, place, setup, None)];
    if setup.scenario.is_tls() {
        let tls = json!({
            "name": "tls",
            "typed_config": {
                "@type": format!("{TYPES}.transport_sockets.tls.v3.DownstreamTlsContext"),
                "common_tls_context": {
                    "alpn_protocols": ["h2", "http/1.1"],
                    "tls_params": { "tls_minimum_protocol_version": "TLSv1_3" },
                    "tls_certificates": [{
                        "certificate_chain": { "filename": setup.certificate.chain },
                        "private_key": { "filename": setup.certificate.key },
                    }],
                },
            },
        });
        listeners.push(listener(place.https, place, setup, Some(tls)));
    }
    json!({ "static_resources": { "listeners": listeners, "clusters": [cluster(setup.backend)] } })
}

fn listener(port: u16, place: &Place, setup: &Setup<'_>, tls: Option<Value>) -> Value {
    let manager = json!({ "name": "manager", "typed_config": manager(place, setup) });
    let mut chain = json!({ "filters": [manager] });
    if let Some(tls) = tls {
        chain["transport_socket"] = tls;
    }
    json!({
        "name": format!("listener-{port}"),
        "address": address(port),
        "tcp_backlog_size": 4096,
        "filter_chains": [chain],
    })
}

fn manager(place: &Place, setup: &Setup<'_>) -> Value {
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": format!("{TYPES}.filters.http.router.v3.Router"),
            "suppress_envoy_headers": true,
        },
    });
    let mut filters = vec![router];
    if setup.scenario.cors() {
        let config = json!({ "@type": format!("{TYPES}.filters.http.cors.v3.Cors") });
        filters.insert(0, json!({ "name": CORS, "typed_config": config }));
    }
    let log = json!({
        "name": "log",
        "typed_config": {
            "@type": format!("{TYPES}.access_loggers.file.v3.FileAccessLog"),
            "path": place.log(),
        },
    });
    json!({
        "@type": format!("{TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "door",
        "use_remote_address": true,
        "always_set_request_id_in_response": true,
        "normalize_path": true,
        "http_filters": filters,
        "access_log": if setup.is_logged { vec![log] } else { vec![] },
        "route_config": routes(setup),
    })
}

/// The routes, the policy of their host, and what is added to requests.
fn routes(setup: &Setup<'_>) -> Value {
    let header = |name: &str, value: &str| {
        json!({
            "header": { "key": name, "value": value },
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        })
    };
    let route = |i| {
        json!({
            "match": { "prefix": format!("/route-{i}/") },
            "route": { "cluster": "backend", "timeout": "60s" },
        })
    };
    let routes: Vec<_> = (0..setup.scenario.routes()).map(route).collect();
    let mut host = json!({ "name": "all", "domains": ["*"], "routes": routes });
    if setup.scenario.cors() {
        host["typed_per_filter_config"][CORS] = json!({
            "@type": format!("{TYPES}.filters.http.cors.v3.CorsPolicy"),
            "allow_origin_string_match": [{ "exact": ORIGIN }],
            "allow_methods": "PUT",
            "allow_headers": "x-api-key, content-type",
            "max_age": "7200",
        });
    }
    let client = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%";
    let forwarded =
        format!(r#"for={client};host="%REQ(:AUTHORITY)%";proto=%REQ(X-FORWARDED-PROTO)%"#);
    json!({
        "virtual_hosts": [host],
        "request_headers_to_add": [
            header("X-Forwarded-Host", "%REQ(:AUTHORITY)%"),
            header("X-Forwarded-Port", "%DOWNSTREAM_LOCAL_PORT%"),
            header("Forwarded", &forwarded),
            header("X-Real-IP", client),
            header("Via", "1.1 bench"),
        ],
    })
}

/// The backend, with limits that no scenario reaches.
fn cluster(port: u16) -> Value {
    let endpoint = json!({ "endpoint": { "address": address(port) } });
    json!({
        "name": "backend",
        "type": "STATIC",
        "connect_timeout": "5s",
        "circuit_breakers": { "thresholds": [{
            "max_connections": 100_000, "max_pending_requests": 100_000, "max_requests": 100_000,
        }] },
        "load_assignment": {
            "cluster_name": "backend",
            "endpoints": [{ "lb_endpoints": [endpoint] }],
        },
    })
}

fn address(port: u16) -> Value {
    json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } })
}
