//! The rules of how backends are chosen, on a Route and in a FrontDoor's defaults.

use super::{Case, front_door, route, run};
use serde_json::{Value, json};

/// Cases of a block `name`, by its value and where in it and why it is refused, for both kinds.
fn run_both(name: &str, cases: &[(Value, &str, &str)]) {
    let at = |spec: &str, field: &str, words: &str| match (words, field) {
        ("", _) => String::new(),
        (_, "") => format!("{spec}.{name}"),
        (_, field) => format!("{spec}.{name}.{field}"),
    };
    let places: Vec<_> = cases
        .iter()
        .map(|(_, field, words)| {
            (at("spec", field, words), at("spec.defaults", field, words), *words)
        })
        .collect();
    let of_route: Vec<Case<'_>> = cases
        .iter()
        .zip(&places)
        .map(|((value, ..), (at, _, words))| (json!({name: value}), at.as_str(), *words))
        .collect();
    run("Route", &route(), &of_route);
    let of_front_door: Vec<Case<'_>> = cases
        .iter()
        .zip(&places)
        .map(|((value, ..), (_, at, words))| {
            (json!({"defaults": {name: value}}), at.as_str(), *words)
        })
        .collect();
    run("FrontDoor", &front_door(), &of_front_door);
}

#[test]
fn a_block_that_is_switched_off_has_no_other_field() {
    const WORDS: &str = "leave its other fields out";
    for (name, other) in [
        ("health", json!({"path": "/"})),
        ("ejection", json!({"errors": 0})),
        ("balance", json!({"slowStart": "1s"})),
        ("retry", json!({"on": ["Reset"]})),
        ("retry", json!({"true": ["Reset"]})),
        ("limits", json!({"queue": 0})),
        ("timeouts", json!({"idle": "0s"})),
    ] {
        let mut both = other.clone();
        both["disabled"] = true.into();
        let mut neither = other.clone();
        neither["disabled"] = false.into();
        run_both(
            name,
            &[
                (json!({"disabled": true}), "", ""),
                (other, "", ""),
                (neither, "", ""),
                (both, "disabled", WORDS),
            ],
        );
    }
}

/// Objects of an earlier schema have them, whoever wrote them.
#[test]
fn timeouts_that_are_switched_off_may_say_their_defaults() {
    const WORDS: &str = "leave its other fields out";
    let off = |fields: Value| {
        let mut block = json!({"disabled": true, "connect": "2s", "request": "60s", "idle": "5m"});
        block.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        block
    };
    run_both(
        "timeouts",
        &[
            (off(json!({})), "", ""),
            (json!({"disabled": true, "idle": "5m"}), "", ""),
            (off(json!({"request": "61s"})), "disabled", WORDS),
        ],
    );
}

#[test]
fn a_check_has_a_path_and_ends_before_the_next() {
    let with = |mut fields: Value| {
        fields["path"] = "/healthz".into();
        fields
    };
    const INTERVAL: &str = "interval must be 1s to 1h";
    const TIMEOUT: &str = "timeout may not be longer than interval";
    run_both(
        "health",
        &[
            (json!({}), "", "path is required"),
            (json!({"disabled": false}), "", "path is required"),
            (with(json!({"interval": "1s"})), "", ""),
            (with(json!({"interval": "1h", "timeout": "1h"})), "", ""),
            (with(json!({"interval": "999ms"})), "interval", INTERVAL),
            (with(json!({"interval": "1h1ms"})), "interval", INTERVAL),
            (with(json!({"timeout": "10s"})), "", ""),
            (with(json!({"timeout": "0s"})), "timeout", "timeout must be 1ms to 1h"),
            (with(json!({"timeout": "11s"})), "timeout", TIMEOUT),
            (with(json!({"timeout": "6s", "interval": "5s"})), "timeout", TIMEOUT),
            (with(json!({"expect": ["204", "200-200", "200-399"]})), "", ""),
            (
                with(json!({"expect": ["204", "399-200"]})),
                "expect[1]",
                "from the lower to the higher",
            ),
        ],
    );
}

#[test]
fn an_ejection_grows_longer() {
    const LONGER: &str = "maxTime may not be shorter than time";
    run_both(
        "ejection",
        &[
            (json!({}), "", ""),
            (json!({"time": "10m"}), "", ""),
            (json!({"time": "10m", "maxTime": "10m"}), "", ""),
            (json!({"maxTime": "29s"}), "maxTime", LONGER),
            (json!({"time": "10m", "maxTime": "5m"}), "maxTime", LONGER),
            (json!({"time": "0s"}), "time", "time must be 1ms to 24h"),
            (json!({"maxTime": "25h"}), "maxTime", "maxTime must be 1ms to 24h"),
        ],
    );
}

#[test]
fn a_hash_says_of_what() {
    let hash = |hash: Value| json!({"policy": "Hash", "hash": hash});
    const TOGETHER: &str = "hash and policy: Hash need each other";
    const NAME: &str = "name is required with Header and Cookie";
    run_both(
        "balance",
        &[
            (json!({}), "", ""),
            (json!({"policy": "RoundRobin"}), "", ""),
            (json!({"policy": "Hash"}), "hash", TOGETHER),
            (json!({"hash": {"on": "ClientAddress"}}), "hash", TOGETHER),
            (json!({"policy": "RoundRobin", "hash": {"on": "ClientAddress"}}), "hash", TOGETHER),
            (hash(json!({"on": "ClientAddress"})), "", ""),
            (hash(json!({"on": "Header", "name": "x-user"})), "", ""),
            (hash(json!({"true": "Cookie", "name": "user"})), "", ""),
            (hash(json!({"true": "ClientAddress"})), "", ""),
            (hash(json!({"on": "Header"})), "hash.name", NAME),
            (hash(json!({"true": "Cookie"})), "hash.name", NAME),
            (hash(json!({"on": "ClientAddress", "name": "x"})), "hash.name", NAME),
            (hash(json!({"true": "ClientAddress", "name": "x"})), "hash.name", NAME),
            (hash(json!({"name": "x"})), "hash", "set on exactly once"),
            (
                hash(json!({"on": "Header", "true": "Header", "name": "x"})),
                "hash",
                "set on exactly once",
            ),
        ],
    );
}

#[test]
fn retries_and_limits_have_bounds() {
    run_both(
        "retry",
        &[
            (json!({}), "", ""),
            (json!({"on": []}), "", ""),
            (json!({"on": ["Reset"], "true": ["Reset"]}), "", "set on only once"),
            (json!({"backoff": "0s"}), "", ""),
            (json!({"backoff": "61s"}), "backoff", "backoff must be 0s to 1m"),
        ],
    );
    run_both(
        "limits",
        &[
            (json!({}), "", ""),
            (json!({"queueTime": "0s"}), "queueTime", "queueTime must be 1ms to 1h"),
            (json!({"queueTime": "2h"}), "queueTime", "queueTime must be 1ms to 1h"),
        ],
    );
}

#[test]
fn affinity_lasts_for_whole_seconds() {
    run(
        "Route",
        &route(),
        &[
            (json!({"affinity": {}}), "", ""),
            (json!({"affinity": {"maxAge": "24h"}}), "", ""),
            (json!({"affinity": {"maxAge": "1500ms"}}), "spec.affinity.maxAge", "whole seconds"),
        ],
    );
}
