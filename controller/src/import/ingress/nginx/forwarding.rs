//! The way to the backend.

use super::super::{annotation::Annotation, hosts, literal, settings::Settings};
use serde_json::{Value, json};

/// The block of this name.
fn block<'b>(settings: &'b mut Settings, name: &str) -> &'b mut Value {
    settings.forwarding.entry(name).or_insert_with(|| json!({}))
}

/// A whole number of seconds above 0, up to a day.
fn seconds(text: &str) -> Option<u32> {
    text.trim().parse().ok().filter(|seconds| (1..=86_400).contains(seconds))
}

const NO_SECONDS: &str = "is not a number of seconds, 1 to 86400: set timeouts of the Route";

/// `proxy-connect-timeout`.
pub(super) fn connect_timeout(it: &Annotation<'_, '_>, settings: &mut Settings) {
    match seconds(it.text) {
        Some(seconds) => {
            block(settings, "timeouts")["connect"] = literal::duration(seconds.into()).into();
            it.kept();
        }
        None => it.dropped(NO_SECONDS),
    }
}

/// `proxy-read-timeout`: how long the response may take, and pause.
pub(super) fn read_timeout(it: &Annotation<'_, '_>, settings: &mut Settings) {
    let Some(read) = seconds(it.text) else { return it.dropped(NO_SECONDS) };
    let send = it.other("proxy-send-timeout").and_then(seconds).unwrap_or(60);
    let timeouts = block(settings, "timeouts");
    timeouts["request"] = literal::duration(read.into()).into();
    timeouts["idle"] = literal::duration(read.max(send).into()).into();
    it.kept();
}

/// `proxy-send-timeout`: how long the request may pause.
pub(super) fn send_timeout(it: &Annotation<'_, '_>, settings: &mut Settings) {
    let Some(send) = seconds(it.text) else { return it.dropped(NO_SECONDS) };
    let read = it.other("proxy-read-timeout").and_then(seconds).unwrap_or(60);
    block(settings, "timeouts")["idle"] = literal::duration(read.max(send).into()).into();
    match read == send {
        true => it.kept(),
        false => it.changed(format!(
            "requests and responses pause for the same time at most: the longer one, {}s",
            read.max(send)
        )),
    }
}

/// `proxy-next-upstream`.
pub(super) fn next_upstream(it: &Annotation<'_, '_>, settings: &mut Settings) {
    let mut on = Vec::new();
    for word in it.text.split_whitespace() {
        match word {
            "error" => on.extend(["ConnectFailure", "Reset"]),
            "timeout" => {
                on.push("ConnectFailure");
                it.changed("of timeouts, that of connecting is tried again: for others set perTry");
            }
            "off" => {
                block(settings, "retry")["disabled"] = true.into();
                return it.kept();
            }
            "non_idempotent" => it.changed("only idempotent requests are sent again"),
            "invalid_header" => it.changed("a broken response is not asked for again"),
            _ => match word.strip_prefix("http_") {
                Some(code @ ("429" | "500" | "502" | "503" | "504")) => on.push(code),
                _ => it.changed(format!("{word} is not tried again")),
            },
        }
    }
    on.dedup();
    let mut unique = Vec::new();
    on.into_iter().for_each(|it| {
        if !unique.contains(&it) {
            unique.push(it)
        }
    });
    match unique.is_empty() {
        true => block(settings, "retry")["disabled"] = true.into(),
        false => block(settings, "retry")["on"] = json!(unique),
    }
    it.kept();
}

/// `proxy-next-upstream-tries`.
pub(super) fn next_upstream_tries(it: &Annotation<'_, '_>, settings: &mut Settings) {
    let Ok(tries) = it.text.parse::<u32>() else { return it.dropped("is not a number") };
    if settings.forwarding.get("retry").is_some_and(|retry| retry["disabled"] == true) {
        return it.dropped("has no effect: nothing is tried again");
    }
    let attempts = if tries == 0 { 5 } else { (tries - 1).min(5) };
    block(settings, "retry")["attempts"] = attempts.into();
    match (1..=6).contains(&tries) {
        true => it.kept(),
        false => it.changed("there are 6 tries at most"),
    }
}

/// `proxy-body-size`, of which there is one for all of Portico.
pub(super) fn body_size(it: &Annotation<'_, '_>, _: &mut Settings) {
    match it.text {
        "0" => it.kept(),
        _ => it.dropped("the limit is one for all of Portico: start it with --max-body-bytes"),
    }
}

/// `backend-protocol`, which the Service says.
pub(super) fn backend_protocol(it: &Annotation<'_, '_>, settings: &mut Settings) {
    let protocol = match it.text.to_ascii_uppercase().as_str() {
        "HTTP" => return it.kept(),
        "AUTO_HTTP" => {
            return it.changed("the port of the Service says what it speaks, with appProtocol");
        }
        "FCGI" => return it.closes(settings, "Portico does not speak FastCGI to backends"),
        "HTTPS" | "GRPCS" => "https",
        "GRPC" => "grpc",
        _ => return it.dropped("is not a protocol: ingress-nginx takes it for HTTP"),
    };
    it.changed(format!(
        "the Service says it: set appProtocol: {protocol} on its port, or it is spoken to in HTTP/1.1"
    ));
}

/// `upstream-vhost`: the Host that backends get.
pub(super) fn upstream_vhost(it: &Annotation<'_, '_>, settings: &mut Settings) {
    let (host, port) = it.text.split_once(':').unwrap_or((it.text, "80"));
    let host = host.to_ascii_lowercase();
    if hosts::is_name(&host) && port.parse::<u16>().is_ok_and(|port| port > 0) {
        block(settings, "rewrite")["host"] = it.text.to_ascii_lowercase().into();
        it.kept();
    } else {
        it.dropped("is not the name of a host: set rewrite.host of the Route");
    }
}

/// `service-upstream`: the Service's address instead of those of its Pods.
pub(super) fn service_upstream(it: &Annotation<'_, '_>, _: &mut Settings) {
    match it.is_true() {
        false => it.kept(),
        true => {
            it.dropped("requests go to the endpoints of the Service, which may retry: leave it out")
        }
    }
}

/// `load-balance`.
pub(super) fn load_balance(it: &Annotation<'_, '_>, settings: &mut Settings) {
    match it.text {
        "round_robin" => {
            if settings.forwarding.get("balance").is_none() {
                block(settings, "balance")["policy"] = "RoundRobin".into();
            }
            it.kept();
        }
        "ewma" => it.changed("of two endpoints, the one with fewer requests is taken"),
        _ => it.dropped("is no way to balance: see spec.balance of Routes"),
    }
}

/// `upstream-hash-by`: what stays with its endpoint.
pub(super) fn hash_by(it: &Annotation<'_, '_>, settings: &mut Settings) {
    let variable = it.text.strip_prefix('$').unwrap_or_default();
    let variable = variable.trim_start_matches('{').trim_end_matches('}');
    let hash = match (variable, variable.strip_prefix("http_"), variable.strip_prefix("cookie_")) {
        ("remote_addr" | "binary_remote_addr", _, _) => json!({"on": "ClientAddress"}),
        (_, Some(name), _) if literal::is_token(name) => {
            json!({"on": "Header", "name": name.replace('_', "-")})
        }
        (_, _, Some(name)) if literal::is_token(name) => json!({"on": "Cookie", "name": name}),
        _ => {
            return it.dropped(
                "only a header, a cookie or the client's address can be hashed: see spec.balance",
            );
        }
    };
    let balance = json!({"policy": "Hash", "hash": hash});
    settings.forwarding.insert("balance".to_owned(), balance);
    it.kept();
}

/// `affinity`: a cookie.
pub(super) fn affinity(it: &Annotation<'_, '_>, settings: &mut Settings) {
    if it.text != "cookie" {
        return it.dropped("is no way to keep clients: see spec.affinity");
    }
    let mut name = it.other("session-cookie-name").unwrap_or("INGRESSCOOKIE");
    if !literal::is_token(name) {
        it.changed_at("session-cookie-name", "is not the name of a cookie: INGRESSCOOKIE");
        name = "INGRESSCOOKIE";
    }
    let affinity = block(settings, "affinity");
    affinity["cookie"] = name.into();
    let age = it.other("session-cookie-max-age").or(it.other("session-cookie-expires"));
    match age.map(|age| (age, age.parse::<u32>())) {
        None | Some(("", _)) => {}
        Some((_, Ok(age))) => {
            affinity["maxAge"] = literal::duration(age.min(99_999).into()).into();
            if age > 99_999 {
                let whole = u64::from(age.min(99_999 * 3600) / 3600 * 3600);
                affinity["maxAge"] = literal::duration(whole).into();
            }
        }
        Some((_, Err(_))) => it.changed_at("session-cookie-max-age", "is not a number"),
    }
    it.changed("cookies that clients have are not known here: each gets a new one");
}

/// `affinity-mode`.
pub(super) fn affinity_mode(it: &Annotation<'_, '_>, _: &mut Settings) {
    match it.text {
        "persistent" => it.kept(),
        _ => it.changed("clients stay with their endpoint as long as it is there"),
    }
}

/// `session-cookie-path`.
pub(super) fn cookie_path(it: &Annotation<'_, '_>, _: &mut Settings) {
    match it.text {
        "/" => it.kept(),
        _ => it.changed("the cookie is for all paths of its host"),
    }
}

/// `session-cookie-samesite`.
pub(super) fn cookie_same_site(it: &Annotation<'_, '_>, _: &mut Settings) {
    match it.text.eq_ignore_ascii_case("lax") {
        true => it.kept(),
        false => it.dropped("the cookie is SameSite=Lax: pages of other sites don't send it"),
    }
}

/// `session-cookie-change-on-failure`, which Portico always does.
pub(super) fn cookie_change(it: &Annotation<'_, '_>, _: &mut Settings) {
    match it.is_true() {
        true => it.kept(),
        false => it.changed("a client whose endpoint is not available gets another one"),
    }
}

/// `proxy-http-version`.
pub(super) fn http_version(it: &Annotation<'_, '_>, _: &mut Settings) {
    match it.text {
        "1.1" => it.kept(),
        _ => it.dropped("backends are spoken to in HTTP/1.1, or HTTP/2"),
    }
}

/// `proxy-buffering` and `proxy-request-buffering`.
pub(super) fn buffering(it: &Annotation<'_, '_>, _: &mut Settings) {
    match it.text {
        "off" => it.kept(),
        _ => it.dropped("bodies are streamed, never kept whole"),
    }
}
