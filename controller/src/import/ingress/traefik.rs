//! The annotations of Traefik.

use super::{
    annotation::{
        Annotation,
        Becomes::{Closes, Dropped, Is, Needless},
        Table, items,
    },
    literal,
    settings::{PlainHttp, Settings},
};
use serde_json::json;

/// The prefix of its annotations.
pub(super) const PREFIX: &str = "traefik.ingress.kubernetes.io/";

/// All annotations.
pub(super) const TABLE: Table = &[
    ("router.entrypoints", Is(entry_points)),
    ("router.tls", Needless),
    (
        "router.tls.certresolver",
        Dropped("Portico issues no certificates: have cert-manager write the Secret"),
    ),
    ("router.tls.domains", Dropped("spec.tls of the Ingress says which Secret is for which host")),
    ("router.tls.options", Dropped("set spec.tls of the FrontDoor")),
    (
        "router.middlewares",
        Closes(
            "middlewares, which may keep requests out, are not read: write what they do as \
                rules of the Route",
        ),
    ),
    ("router.priority", Dropped("the most specific path wins: see docs/concepts.md")),
    ("router.pathmatcher", Is(path_matcher)),
    ("router.observability.accesslogs", Dropped("logs are set for all of Portico")),
    ("router.observability.metrics", Dropped("metrics are set for all of Portico")),
    ("router.observability.tracing", Dropped("Portico does not trace")),
    ("service.sticky.cookie", Is(sticky)),
    ("service.sticky.cookie.name", Needless),
    ("service.sticky.cookie.secure", Dropped("the cookie is Secure over https")),
    ("service.sticky.cookie.httponly", Needless),
    ("service.sticky.cookie.samesite", Dropped("the cookie is SameSite=Lax")),
    ("service.serversscheme", Is(scheme)),
    ("service.serverstransport", Dropped("set backends[].tls of the Route")),
    ("service.passhostheader", Is(pass_host)),
    ("service.nativelb", Dropped("requests go to the endpoints of the Service")),
];

fn entry_points(it: &Annotation<'_, '_>, settings: &mut Settings) {
    match items(it.text).all(|name| name == "websecure") {
        true => {
            settings.plain_http = PlainHttp::Redirect;
            it.changed("plain HTTP is redirected to https, where Traefik would answer 404");
        }
        false => it.changed("hosts are served at --http, and with a certificate at --https"),
    }
}

fn path_matcher(it: &Annotation<'_, '_>, settings: &mut Settings) {
    match it.text {
        "PathPrefix" | "Path" => it.kept(),
        _ => {
            it.closes(settings, "paths are no regular expressions here: write rules with pathRegex")
        }
    }
}

fn sticky(it: &Annotation<'_, '_>, settings: &mut Settings) {
    if it.is_true() {
        let name = it.other("service.sticky.cookie.name").filter(|name| literal::is_token(name));
        let affinity = match name {
            Some(name) => json!({"cookie": name}),
            None => json!({}),
        };
        settings.forwarding.insert("affinity".to_owned(), affinity);
    }
    it.kept();
}

fn scheme(it: &Annotation<'_, '_>, _: &mut Settings) {
    match it.text {
        "http" => it.kept(),
        other => it.changed(format!(
            "the Service says it: set appProtocol: {other} on its port, or it is spoken to in HTTP/1.1"
        )),
    }
}

fn pass_host(it: &Annotation<'_, '_>, settings: &mut Settings) {
    if !it.is_true() {
        settings.forwarding.insert("rewrite".to_owned(), json!({"host": "Backend"}));
    }
    it.kept();
}
