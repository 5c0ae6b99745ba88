//! The annotations of HAProxy's two controllers: HAProxy Technologies', and the community's.

use super::{
    annotation::{
        Annotation,
        Becomes::{Closes, Dropped, Is, PartOf},
        Table,
    },
    hosts, literal, networks,
    policy::{self, Asked},
    settings::{PlainHttp, Rewriting, Settings},
};
use serde_json::json;

const AUTH: &str = "Portico does not authenticate users yet: let the backend do it";
const RATE: &str = "Portico has no rate limits yet: keep one in front, or in the backend";
const SNIPPET: &str = "HAProxy's configuration may keep requests out: write rules for it";

/// The prefixes of their annotations.
pub(super) const TABLES: &[(&str, Table)] = &[
    ("haproxy.org/", TABLE),
    ("haproxy-ingress.github.io/", TABLE),
    ("ingress.kubernetes.io/", TABLE),
];

/// All annotations that are known.
const TABLE: Table = &[
    ("ssl-redirect", Is(ssl_redirect)),
    ("ssl-redirect-code", Dropped("plain HTTP is redirected with 308")),
    ("path-rewrite", Is(path_rewrite)),
    ("rewrite-target", Is(path_rewrite)),
    ("set-host", Is(set_host)),
    ("deny-list", Is(deny)),
    ("blacklist", Is(deny)),
    ("denylist-source-range", Is(deny)),
    ("allow-list", Is(allow)),
    ("whitelist", Is(allow)),
    ("whitelist-source-range", Is(allow)),
    ("allowlist-source-range", Is(allow)),
    ("auth-type", Closes(AUTH)),
    ("auth-secret", Closes(AUTH)),
    ("auth-url", Closes(AUTH)),
    ("auth-realm", Dropped(AUTH)),
    ("oauth", Closes(AUTH)),
    ("client-ca", Closes("set spec.tls.clientCertificates of the FrontDoor")),
    ("auth-tls-secret", Closes("set spec.tls.clientCertificates of the FrontDoor")),
    ("rate-limit-requests", Dropped(RATE)),
    ("limit-rps", Dropped(RATE)),
    ("limit-connections", Dropped(RATE)),
    ("cors-enable", Is(cors)),
    ("cors-allow-origin", PartOf("cors-enable")),
    ("cors-allow-methods", PartOf("cors-enable")),
    ("cors-allow-headers", PartOf("cors-enable")),
    ("cors-allow-credentials", PartOf("cors-enable")),
    ("cors-expose-headers", PartOf("cors-enable")),
    ("cors-max-age", PartOf("cors-enable")),
    ("timeout-connect", Is(connect_timeout)),
    ("timeout-server", Is(server_timeout)),
    ("timeout-client", Dropped("set timeouts.idle of the Route")),
    ("load-balance", Is(load_balance)),
    ("balance-algorithm", Is(load_balance)),
    ("cookie-persistence", Is(cookie)),
    ("session-cookie-name", Is(cookie)),
    ("affinity", PartOf("session-cookie-name")),
    ("server-ssl", Is(server_tls)),
    ("secure-backends", Is(server_tls)),
    ("backend-protocol", Is(protocol)),
    ("server-proto", Is(protocol)),
    ("request-redirect", Closes("write a Route with redirect")),
    ("redirect-to", Closes("write a Route with redirect")),
    ("app-root", Dropped("write a Route for / with redirect")),
    ("backend-config-snippet", Closes(SNIPPET)),
    ("config-backend", Closes(SNIPPET)),
    ("frontend-config-snippet", Closes(SNIPPET)),
    ("ssl-passthrough", Closes("Portico ends TLS itself: give the FrontDoor's host a certificate")),
];

fn ssl_redirect(it: &Annotation<'_, '_>, settings: &mut Settings) {
    if !it.is_true() {
        settings.plain_http = PlainHttp::Serve;
    }
    it.kept();
}

/// A path that replaces the one that matched; with two words it is a regular expression.
fn path_rewrite(it: &Annotation<'_, '_>, settings: &mut Settings) {
    match literal::path(it.text) {
        Ok(path) => {
            settings.rewrite = Rewriting::Prefix(path);
            it.kept();
        }
        Err(why) => it.closes(settings, format!("{why}: set rewrite.path of the Route")),
    }
}

fn set_host(it: &Annotation<'_, '_>, settings: &mut Settings) {
    let host = it.text.to_ascii_lowercase();
    match hosts::is_name(&host) {
        true => {
            settings.forwarding.insert("rewrite".to_owned(), json!({"host": host}));
            it.kept();
        }
        false => it.dropped("is not the name of a host: set rewrite.host of the Route"),
    }
}

fn allow(it: &Annotation<'_, '_>, settings: &mut Settings) {
    networks::decide(it, settings, true);
}

fn deny(it: &Annotation<'_, '_>, settings: &mut Settings) {
    networks::decide(it, settings, false);
}

fn cors(it: &Annotation<'_, '_>, settings: &mut Settings) {
    if !it.is_true() {
        return it.kept();
    }
    let age = it.other("cors-max-age").and_then(seconds);
    let asked = Asked {
        origins: it.other("cors-allow-origin").unwrap_or("*"),
        methods: it.other("cors-allow-methods").unwrap_or("*"),
        headers: it.other("cors-allow-headers").unwrap_or("*"),
        expose: it.other("cors-expose-headers").unwrap_or_default(),
        with_credentials: it.is_on("cors-allow-credentials"),
        max_age: age.map_or(5, u64::from),
    };
    match policy::of(&asked, |_, why| it.changed(why)) {
        Some(policy) => {
            settings.cors = Some(policy);
            it.kept();
        }
        None => it.dropped("no origin is left: CORS is the backend's"),
    }
}

/// A time such as `5s`, `1m` or `500` (milliseconds), in whole seconds, up to a day.
fn seconds(text: &str) -> Option<u32> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: u32 = number.parse().ok()?;
    let seconds = match unit {
        "" | "ms" => number.div_ceil(1000),
        "s" => number,
        "m" => number.checked_mul(60)?,
        "h" => number.checked_mul(3600)?,
        _ => return None,
    };
    (1..=86_400).contains(&seconds).then_some(seconds)
}

fn timeout(it: &Annotation<'_, '_>, settings: &mut Settings, fields: &[&str]) {
    let Some(seconds) = seconds(it.text) else {
        return it.dropped("is not a time: set timeouts of the Route");
    };
    let timeouts = settings.forwarding.entry("timeouts").or_insert_with(|| json!({}));
    for field in fields {
        timeouts[*field] = literal::duration(seconds.into()).into();
    }
    it.kept();
}

fn connect_timeout(it: &Annotation<'_, '_>, settings: &mut Settings) {
    timeout(it, settings, &["connect"]);
}

fn server_timeout(it: &Annotation<'_, '_>, settings: &mut Settings) {
    timeout(it, settings, &["request", "idle"]);
}

fn load_balance(it: &Annotation<'_, '_>, settings: &mut Settings) {
    let balance = match it.text {
        "roundrobin" => json!({"policy": "RoundRobin"}),
        "leastconn" => json!({"policy": "LeastRequest"}),
        "source" => json!({"policy": "Hash", "hash": {"on": "ClientAddress"}}),
        _ => return it.dropped("is no way to balance here: see spec.balance of Routes"),
    };
    settings.forwarding.insert("balance".to_owned(), balance);
    it.kept();
}

fn cookie(it: &Annotation<'_, '_>, settings: &mut Settings) {
    match literal::is_token(it.text) {
        true => {
            settings.forwarding.insert("affinity".to_owned(), json!({"cookie": it.text}));
            it.changed("cookies that clients have are not known here: each gets a new one");
        }
        false => it.dropped("is not the name of a cookie: see spec.affinity of Routes"),
    }
}

fn server_tls(it: &Annotation<'_, '_>, _: &mut Settings) {
    match it.is_true() {
        true => it.changed(
            "the Service says it: set appProtocol: https on its port, or it is spoken to in HTTP/1.1",
        ),
        false => it.kept(),
    }
}

fn protocol(it: &Annotation<'_, '_>, _: &mut Settings) {
    match it.text {
        "h1" => it.kept(),
        _ => it.changed("the Service says it: set appProtocol on its port"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, expected) in [
            ("5s", Some(5)),
            ("500", Some(1)),
            ("2m", Some(120)),
            ("1d", None),
            ("0s", None),
            ("s", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
