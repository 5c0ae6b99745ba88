//! TLS of a FrontDoor's hosts.

use crate::{
    compile::{
        certificates::{Certificates, authority},
        durations,
        report::Report,
    },
    diagnostic::{FieldPath, Reason},
};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use portico_crds as crds;
use portico_dataplane::{
    certificate::Certificate,
    table::{
        ClientCertificateMode, ClientCertificates, HostPattern, HostTls, Hsts, ObjectName,
        PlainHttp, TlsVersion,
    },
};
use std::{sync::Arc, time::Duration};

/// How long before a certificate expires there is a warning.
const EXPIRY_WARNING: SignedDuration = SignedDuration::from_hours(14 * 24);
/// What `hsts.preload` needs for `hsts.maxAge` (hstspreload.org).
const PRELOAD_MIN: Duration = Duration::from_hours(365 * 24);
/// How many names of a certificate a message lists.
const MAX_NAMES_SHOWN: usize = 5;

/// What all hosts of a FrontDoor with a certificate have in common.
struct Common {
    min_version: TlsVersion,
    client_certificates: Option<Arc<ClientCertificates>>,
    plain_http: PlainHttp,
    hsts: Option<Hsts>,
}

/// The TLS of each host, in their order. Hosts that don't parse have theirs too.
pub(super) fn compile(
    front_door: &ObjectName,
    spec: &crds::FrontDoorSpec,
    hosts: &[Option<HostPattern>],
    certificates: &mut Certificates<'_, '_>,
    report: &mut Report,
) -> Vec<Option<Arc<HostTls>>> {
    let common = common(front_door, spec, certificates, report);
    let at = FieldPath::SPEC;
    if !has_tls(spec) {
        warn_of_no_effect(spec, &at, report);
    }
    let at = at.child("hosts");
    let all = spec.hosts.iter().zip(hosts).enumerate();
    all.map(|(index, (host, pattern))| {
        let at = at.index(index);
        let tls = host.tls.as_ref()?;
        let at = at.child("tls");
        Some(Arc::new(of_host(
            front_door,
            tls,
            pattern.as_ref(),
            &common,
            certificates,
            &at,
            report,
        )))
    })
    .collect()
}

fn has_tls(spec: &crds::FrontDoorSpec) -> bool {
    spec.hosts.iter().any(|host| host.tls.is_some())
}

/// Warns of clients that need a certificate over TLS, but none over plain HTTP.
fn warn_of_plain_http(spec: &crds::FrontDoorSpec, report: &mut Report) {
    let clients = spec.tls.as_ref().and_then(|tls| tls.client_certificates.as_ref());
    let is_required =
        clients.is_some_and(|clients| clients.mode == crds::ClientCertificateMode::Require);
    if is_required && spec.plain_http == crds::PlainHttp::Serve {
        report.warn(
            &FieldPath::SPEC.child("plainHttp"),
            Reason::NoEffect,
            "Serve lets every client in over plain HTTP, where none can be asked for a certificate, although tls.clientCertificates requires one: use Redirect or Refuse",
        );
    }
}

fn warn_of_no_effect(spec: &crds::FrontDoorSpec, at: &FieldPath<'_>, report: &mut Report) {
    let no_effect =
        "has no effect, since no host has tls: give one a certificate under hosts[].tls";
    if spec.tls.is_some() {
        report.warn(&at.child("tls"), Reason::NoEffect, no_effect);
    }
    match spec.plain_http {
        crds::PlainHttp::Redirect => {}
        crds::PlainHttp::Serve | crds::PlainHttp::Refuse => {
            report.warn(&at.child("plainHttp"), Reason::NoEffect, no_effect);
        }
    }
}

fn common(
    front_door: &ObjectName,
    spec: &crds::FrontDoorSpec,
    certificates: &mut Certificates<'_, '_>,
    report: &mut Report,
) -> Common {
    let plain_http = match spec.plain_http {
        crds::PlainHttp::Redirect => PlainHttp::Redirect,
        crds::PlainHttp::Serve => PlainHttp::Serve,
        crds::PlainHttp::Refuse => PlainHttp::Refuse,
    };
    let at = FieldPath::SPEC;
    let at = at.child("tls");
    let settings = spec.tls.as_ref();
    let min_version = match settings.map(|settings| settings.min_version).unwrap_or_default() {
        crds::TlsVersion::Tls12 => TlsVersion::Tls12,
        crds::TlsVersion::Tls13 => TlsVersion::Tls13,
    };
    let hsts = settings.and_then(|settings| settings.hsts.as_ref());
    let hsts = hsts.and_then(|given| hsts_field(given, &at.child("hsts"), report));
    let clients = settings.and_then(|settings| settings.client_certificates.as_ref());
    let client_certificates = clients.map(|given| {
        let at = at.child("clientCertificates");
        Arc::new(client_certificates(&front_door.namespace, given, certificates, &at, report))
    });
    if has_tls(spec) {
        warn_of_plain_http(spec, report);
    }
    Common { min_version, client_certificates, plain_http, hsts }
}

fn hsts_field(given: &crds::Hsts, at: &FieldPath<'_>, report: &mut Report) -> Option<Hsts> {
    let text = &given.max_age.0;
    let age_at = at.child("maxAge");
    let Some(max_age) = durations::parse(text) else {
        report.invalid(&age_at, durations::refusal(text, "8760h"));
        return None;
    };
    if text.contains("ms") {
        report.invalid(&age_at, format!("'{text}' is not in whole seconds: use h, m and s"));
        return None;
    }
    if given.preload && !(given.include_sub_domains && max_age >= PRELOAD_MIN) {
        report.invalid(
            &at.child("preload"),
            "needs includeSubDomains and a maxAge of at least 8760h (a year), or no browser preloads the host",
        );
        return None;
    }
    Some(Hsts::new(max_age, given.include_sub_domains, given.preload))
}

fn client_certificates(
    namespace: &str,
    given: &crds::ClientCertificates,
    certificates: &mut Certificates<'_, '_>,
    at: &FieldPath<'_>,
    report: &mut Report,
) -> ClientCertificates {
    let at = at.child("caRefs");
    if given.ca_refs.is_empty() {
        report.invalid(&at, "is empty: name at least one authority");
    }
    let read = certificates.authorities(namespace, &given.ca_refs);
    for (index, wrong) in read.as_ref().err().into_iter().flatten() {
        let message = format!("{wrong}; until then no client is let in over TLS");
        report.unresolved(&at.index(*index), Reason::InvalidCertificate, message);
    }
    let authority = |reference| authority(namespace, reference);
    ClientCertificates {
        authorities: given.ca_refs.iter().map(authority).collect(),
        mode: match given.mode {
            crds::ClientCertificateMode::Require => ClientCertificateMode::Require,
            crds::ClientCertificateMode::Optional => ClientCertificateMode::Optional,
        },
        roots: read.ok().filter(|_| !given.ca_refs.is_empty()),
    }
}

fn of_host(
    front_door: &ObjectName,
    tls: &crds::HostTls,
    host: Option<&HostPattern>,
    common: &Common,
    certificates: &mut Certificates<'_, '_>,
    at: &FieldPath<'_>,
    report: &mut Report,
) -> HostTls {
    let secret = ObjectName::new(front_door.namespace.clone(), tls.secret_ref.name.as_str());
    let at = at.child("secretRef");
    let found = certificates.find(&secret);
    if let Some(wrong) = found.wrong {
        let consequence = match &found.certificate {
            Some(certificate) => format!(
                "the last good certificate, valid until {}, is still presented",
                date(certificate.not_after())
            ),
            None => "until then the host's TLS handshakes fail".to_owned(),
        };
        let message = format!("{wrong}; {consequence}");
        report.unresolved(&at, Reason::InvalidCertificate, message);
    }
    if let Some(certificate) = &found.certificate {
        warn_of_name(&secret, certificate, host, &at, report);
        warn_of_dates(&secret, certificate, certificates, &at, report);
    }
    HostTls {
        secret,
        certificate: found.certificate,
        min_version: common.min_version,
        client_certificates: common.client_certificates.clone(),
        plain_http: common.plain_http,
        hsts: common.hsts.clone(),
    }
}

/// Warns of a certificate that does not name the host. No certificate names every host.
fn warn_of_name(
    secret: &ObjectName,
    certificate: &Certificate,
    host: Option<&HostPattern>,
    at: &FieldPath<'_>,
    report: &mut Report,
) {
    let Some(host) = host.filter(|host| **host != HostPattern::Any) else { return };
    if certificate.covers(&host.to_string()) {
        return;
    }
    let more = certificate.names().len().saturating_sub(MAX_NAMES_SHOWN);
    let names: Vec<_> = certificate.names().take(MAX_NAMES_SHOWN).collect();
    let names = match (names.as_slice(), more) {
        ([], _) => format!("has no subjectAltName, so it is not for '{host}'"),
        (names, 0) => format!("is for {}, not for '{host}'", names.join(", ")),
        (names, more) => format!("is for {} and {more} more, not for '{host}'", names.join(", ")),
    };
    report.warn(
        at,
        Reason::CertificateName,
        format!("the certificate in Secret {secret} {names}: browsers refuse it"),
    );
}

/// Warns of a certificate that has expired, will soon, or is not valid yet.
fn warn_of_dates(
    secret: &ObjectName,
    certificate: &Certificate,
    certificates: &mut Certificates<'_, '_>,
    at: &FieldPath<'_>,
    report: &mut Report,
) {
    let Some(now) = certificates.now() else { return };
    let (begin, end) = (date(certificate.not_before()), date(certificate.not_after()));
    let warning = end.checked_sub(EXPIRY_WARNING).unwrap_or(Timestamp::MIN);
    [begin, warning, end].into_iter().for_each(|date| certificates.note_date(date));
    let said = if now >= end {
        format!("expired on {end}: browsers refuse it; renew it")
    } else if now < begin {
        format!("is not valid before {begin}: browsers refuse it until then")
    } else if now >= warning {
        format!("expires on {end}: renew it")
    } else {
        return;
    };
    let message = format!("the certificate in Secret {secret} {said}");
    report.warn(at, Reason::CertificateExpiry, message);
}

/// A certificate's date. X.509 has years up to 9999, as `Timestamp` does.
fn date(time: std::time::SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(Timestamp::MAX)
}
