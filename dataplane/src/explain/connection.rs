//! The connection that a request comes over, and what of it the response does not show.

use super::{Target, simulation::DryRun};
use crate::{
    proxy::{Peer, Session},
    table::{ClientCertificateMode, HostTls, PlainHttp, Scheme, Table, TlsVersion},
};
use std::{net::Ipv4Addr, sync::Arc};

/// A client on this machine. Over https, its connection is opened for the URL's host; if no host
/// with TLS has that name, TLS ends in front of Portico.
pub(super) fn peer(table: &Table, target: &Target) -> Peer {
    let address = (Ipv4Addr::LOCALHOST, 0).into();
    match tls(table, target) {
        Some(host) => {
            let (host, version) = (host.clone(), TlsVersion::Tls13);
            Peer::over_tls(address, Session { host, version, is_resumed: false, client: None })
        }
        None => Peer::new(address, target.scheme()),
    }
}

/// TLS of the host that a handshake for the target finds.
fn tls<'t>(table: &'t Table, target: &Target) -> Option<&'t Arc<HostTls>> {
    match target.scheme() {
        Scheme::Http => None,
        Scheme::Https => table.hosts.find_tls(&target.server_name()),
    }
}

/// Why the target's handshake fails, and so no request is read: each cause. Empty if it succeeds, or
/// if TLS ends in front of Portico.
pub(super) fn failures(table: &Table, target: &Target) -> Vec<String> {
    let Some(tls) = tls(table, target) else { return Vec::new() };
    let mut failures = Vec::new();
    if tls.certificate.is_none() {
        failures.push(format!(
            "the TLS handshake fails: Secret {} has no valid certificate ('portico check' says why)",
            tls.secret
        ));
    }
    if let Some(clients) = &tls.client_certificates {
        let authorities = clients.authorities.join("; ");
        match (&clients.roots, clients.mode) {
            (None, _) => failures.push(format!(
                "the TLS handshake fails: an authority for client certificates is missing or invalid ({authorities})"
            )),
            (Some(_), ClientCertificateMode::Require) => failures.push(format!(
                "the TLS handshake fails: it needs a client certificate from one of {authorities}, which the backend gets as Client-Cert; none is given here"
            )),
            (Some(_), ClientCertificateMode::Optional) => {}
        }
    }
    failures
}

/// What holds of the connection, although its handshake does not fail.
pub(super) fn note(table: &Table, target: &Target) -> Option<String> {
    let Some(tls) = tls(table, target) else {
        return match target.scheme() {
            Scheme::Http => None,
            Scheme::Https => Some(
                "no host with tls has this name, so a TLS handshake with Portico fails (unrecognized_name); this explanation applies to requests whose TLS is terminated in front of Portico".to_owned(),
            ),
        };
    };
    let clients = tls.client_certificates.as_ref()?;
    match clients.mode {
        ClientCertificateMode::Require => None,
        ClientCertificateMode::Optional => Some(format!(
            "a client certificate from one of {} would reach the backend as Client-Cert; none is given here",
            clients.authorities.join("; ")
        )),
    }
}

/// Why no Route is looked for: plain HTTP is not served here.
pub(super) fn turned_away(run: &DryRun<'_>) -> Option<&'static str> {
    match run.arrived.destination.as_ref()?.plain_http()? {
        PlainHttp::Redirect => Some(
            "plain HTTP is redirected before any Route is considered (plainHttp of the FrontDoor): explain the https URL instead",
        ),
        PlainHttp::Refuse => Some(
            "plain HTTP is refused before any Route is considered (plainHttp of the FrontDoor): explain the https URL instead",
        ),
        PlainHttp::Serve => None,
    }
}
