//! Envoy.

use super::{super::backend::COUNT, Settings};
use crate::process::{Cores, pinned};
use serde_json::{Value, json};
use std::{path::Path, process::Command};

const TYPES: &str = "type.googleapis.com/envoy.extensions";

pub(super) fn command(cores: &Cores, program: &Path, config: &Path) -> Command {
    let mut command = pinned(&cores.proxy, program);
    command.arg("--config-path").arg(config);
    command.args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]);
    command
}

pub(super) fn config(settings: Settings, port: u16, backends: [u16; COUNT]) -> Value {
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": { "@type": format!("{TYPES}.filters.http.router.v3.Router") },
    });
    // `reset` sends again what may have been processed, so not what is not idempotent.
    let post = json!({ "prefix": "/", "headers": [
        { "name": ":method", "string_match": { "exact": "POST" } },
    ] });
    let routes = [
        route(post, "connect-failure,reset-before-request"),
        route(json!({ "prefix": "/" }), "connect-failure,reset"),
    ];
    let manager = json!({
        "@type": format!("{TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "door",
        "http_filters": [router],
        "route_config": {
            "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": routes }],
        },
    });
    let filters = [json!({ "name": "manager", "typed_config": manager })];
    let listener = json!({
        "name": "door",
        "address": address(port),
        "tcp_backlog_size": 4096,
        "filter_chains": [{ "filters": filters }],
    });
    let clusters = [cluster(settings, backends)];
    json!({ "static_resources": { "listeners": [listener], "clusters": clusters } })
}

fn route(matched: Value, retry_on: &str) -> Value {
    json!({
        "match": matched,
        "route": {
            "cluster": "app",
            "timeout": "2.5s",
            "retry_policy": {
                "retry_on": retry_on,
                "num_retries": 1,
                "retry_host_predicate": [{
                    "name": "envoy.retry_host_predicates.previous_hosts",
                    "typed_config": {
                        "@type": format!("{TYPES}.retry.host.previous_hosts.v3.PreviousHostsPredicate"),
                    },
                }],
                "host_selection_retry_max_attempts": 5,
            },
        },
    })
}

/// The backends, with limits that no fault reaches: the default of three retries at a time is one.
fn cluster(settings: Settings, backends: [u16; COUNT]) -> Value {
    let endpoints = backends.map(|port| json!({ "endpoint": { "address": address(port) } }));
    let mut cluster = json!({
        "name": "app",
        "type": "STATIC",
        "lb_policy": "LEAST_REQUEST",
        "connect_timeout": "2s",
        "circuit_breakers": { "thresholds": [{
            "max_connections": 100_000, "max_pending_requests": 100_000, "max_requests": 100_000,
            "max_retries": 100_000,
        }] },
        "outlier_detection": {
            "consecutive_5xx": 5, "base_ejection_time": "30s", "max_ejection_percent": 50,
        },
        "load_assignment": {
            "cluster_name": "app",
            "endpoints": [{ "lb_endpoints": endpoints }],
        },
    });
    if settings == Settings::Active {
        cluster["health_checks"] = json!([{
            "interval": "1s",
            "timeout": "1s",
            "healthy_threshold": 2,
            "unhealthy_threshold": 2,
            "http_health_check": {
                "path": "/healthz",
                "expected_statuses": [{ "start": 200, "end": 400 }],
            },
        }]);
    }
    cluster
}

fn address(port: u16) -> Value {
    json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } })
}
