//! Certificates of clients, and TLS to backends.

use super::super::{annotation::Annotation, hosts, literal, settings::Settings};
use serde_json::{Value, json};

/// The namespace and name that `namespace/name`, or `name`, is.
fn reference<'a>(it: &Annotation<'a, '_>) -> Option<(&'a str, &'a str)> {
    let (namespace, name) = it.text.split_once('/').unwrap_or((it.namespace, it.text));
    (literal::is_label(namespace) && literal::is_object_name(name)).then_some((namespace, name))
}

/// `auth-tls-secret`, with all that belongs to it.
pub(super) fn client_certificates(it: &Annotation<'_, '_>, settings: &mut Settings) {
    let mode = match it.other("auth-tls-verify-client") {
        None | Some("on") => "Require",
        Some("optional") => "Optional",
        Some("off") => return it.kept(),
        Some(other) => {
            let why = format!("certificates of anybody ({other}) can't be let in");
            return it.closes(settings, why);
        }
    };
    let Some((namespace, name)) = reference(it) else {
        return it.closes(settings, "it does not name a Secret");
    };
    settings.client_certificates =
        Some(json!({"caRefs": [{"kind": "Secret", "name": name}], "mode": mode}));
    it.changed(format!(
        "Secret {namespace}/{name} has to be in the FrontDoor's namespace; a certificate that is \
         not valid ends the handshake, and is not answered with 400"
    ));
    let backends = "the backend gets it as Client-Cert (RFC 9440), always";
    it.changed_at("auth-tls-pass-certificate-to-upstream", backends);
    it.dropped_at("auth-tls-error-page", "the handshake ends without a page");
    it.dropped_at("auth-tls-verify-depth", "the length of the chain is not limited");
}

fn tls(settings: &mut Settings) -> &mut Value {
    settings.backend_tls.get_or_insert_with(|| json!({}))
}

/// `proxy-ssl-secret`: the certificate that backends see.
pub(super) fn backend(it: &Annotation<'_, '_>, settings: &mut Settings) {
    let Some((namespace, name)) = reference(it) else {
        return it.closes(settings, "it does not name a Secret");
    };
    tls(settings)["clientCertificateRef"] = json!({"name": name});
    match namespace == it.namespace {
        true => it.kept(),
        false => it.changed(format!(
            "Secret {namespace}/{name} has to be in the Route's namespace: copy it"
        )),
    }
}

/// `proxy-ssl-verify`.
pub(super) fn backend_verify(it: &Annotation<'_, '_>, settings: &mut Settings) {
    if it.text != "on" {
        return it.kept();
    }
    let secret = settings
        .backend_tls
        .as_ref()
        .and_then(|tls| tls["clientCertificateRef"]["name"].as_str().map(str::to_owned));
    let name = it.other("proxy-ssl-name").filter(|name| hosts::is_name(name));
    match (secret, name) {
        (Some(secret), Some(name)) => {
            let tls = tls(settings);
            tls["caRef"] = json!({"kind": "Secret", "name": secret, "key": "ca.crt"});
            tls["serverName"] = name.into();
            it.kept();
        }
        (None, _) => it.dropped("has no effect without proxy-ssl-secret"),
        (_, None) => it.closes(
            settings,
            "the backend's certificate can't be verified without its name: set proxy-ssl-name",
        ),
    }
}

/// `proxy-ssl-name`.
pub(super) fn backend_name(it: &Annotation<'_, '_>, settings: &mut Settings) {
    if !hosts::is_name(it.text) {
        it.dropped("is not the name of a host");
    } else {
        tls(settings)["serverName"] = it.text.into();
        match it.other("proxy-ssl-server-name") {
            Some("on") => it.kept(),
            _ => it.changed("the name is sent to the backend, too (SNI)"),
        }
    }
}

/// `proxy-ssl-server-name`: whether a name is sent.
pub(super) fn backend_server_name(it: &Annotation<'_, '_>, _: &mut Settings) {
    match (it.text, it.other("proxy-ssl-name")) {
        ("on", None) => it.dropped("needs proxy-ssl-name: set tls.serverName of the backend"),
        ("on", Some(_)) => it.kept(),
        _ => it.changed("a name is sent where there is one"),
    }
}
