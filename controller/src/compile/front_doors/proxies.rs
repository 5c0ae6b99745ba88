//! Whose forwarding headers a FrontDoor believes, and which.

use crate::{
    compile::{
        options::{Options, networks},
        report::Report,
    },
    diagnostic::{FieldPath, Reason},
};
use ipnet::IpNet;
use portico_crds as crds;
use portico_dataplane::table::TrustedHeaders;
use std::sync::Arc;

/// The proxies that a FrontDoor trusts: its own or, if it lists none, the install's; and the family
/// of headers in which they report the client.
pub(super) fn compile(
    spec: &crds::FrontDoorSpec,
    options: &Options,
    report: &mut Report,
) -> (Arc<[IpNet]>, TrustedHeaders) {
    let at = FieldPath::SPEC;
    let proxies = match spec.trusted_proxies.as_slice() {
        [] => options.trusted_proxies.clone(),
        texts => networks(texts, &at.child("trustedProxies"), report).into(),
    };
    let has_proxies = !spec.trusted_proxies.is_empty() || !proxies.is_empty();
    let headers = trusted_headers(spec, has_proxies, &at.child("trustedHeaders"), report);
    (proxies, headers)
}

fn trusted_headers(
    spec: &crds::FrontDoorSpec,
    has_proxies: bool,
    at: &FieldPath<'_>,
    report: &mut Report,
) -> TrustedHeaders {
    match spec.trusted_headers {
        crds::TrustedHeaders::XForwarded => TrustedHeaders::XForwarded,
        crds::TrustedHeaders::Forwarded => {
            if !has_proxies {
                report.warn(
                    at,
                    Reason::NoEffect,
                    "has no effect, since no proxy is trusted: list the proxies in front in trustedProxies, or have the install trust them with --trusted-proxy (in the chart: trustedProxies)",
                );
            }
            TrustedHeaders::Forwarded
        }
    }
}
