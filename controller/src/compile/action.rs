//! What a Route does: backends, a redirect or a fixed response.

use super::{authority, headers, literals, matches::Matched, report::Report};
use crate::diagnostic::{FieldPath, Reason};
use bytes::Bytes;
use http::{StatusCode, header::CONTENT_TYPE};
use portico_crds as crds;
use portico_dataplane::{
    path::PathTemplate,
    table::{Authority, Redirect, Respond, Rewrite, Scheme},
};

/// Checks that exactly one of the three actions is given, and that no field that only makes sense
/// for a backend accompanies a redirect or a fixed response.
pub(super) fn check_one(spec: &crds::RouteSpec, report: &mut Report) {
    let actions = [
        ("backends", spec.backends.is_some()),
        ("redirect", spec.redirect.is_some()),
        ("respond", spec.respond.is_some()),
    ];
    let given: Vec<_> =
        actions.into_iter().filter_map(|(name, given)| given.then_some(name)).collect();
    match given.as_slice() {
        [_] => {}
        [] => report.invalid_members(
            &FieldPath::SPEC,
            &actions.map(|(name, _)| name),
            "has none of backends, redirect and respond: set one of them",
        ),
        several => report.invalid_members(
            &FieldPath::SPEC,
            &actions.map(|(name, _)| name),
            format!("has {}: keep one, or make two Routes", several.join(" and ")),
        ),
    }
    let has_backends =
        spec.backends.is_some() || report.failed_to_decode(&FieldPath::SPEC.child("backends"));
    if !has_backends && !given.is_empty() {
        let given = [
            spec.rewrite.is_some(),
            spec.request_headers.is_some(),
            spec.timeouts.is_some(),
            spec.health.is_some(),
            spec.ejection.is_some(),
            spec.balance.is_some(),
            spec.affinity.is_some(),
            spec.retry.is_some(),
            spec.limits.is_some(),
        ];
        let forwarding = crds::FORWARDING_FIELDS.into_iter().zip(given);
        for (name, _) in forwarding.filter(|(_, given)| *given) {
            report.invalid(
                &FieldPath::SPEC.child(name),
                "applies only to backends, and this Route has none: remove it",
            );
        }
    }
}

/// Compiles the path rewrite. `rewrite.host` is only checked here; each backend applies it.
pub(super) fn rewrite(
    rewrite: &crds::Rewrite,
    matches: &[Matched],
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Option<Rewrite> {
    if let Some(host) =
        rewrite.host.as_deref().filter(|host| !["Backend", "Preserve"].contains(host))
    {
        rewrite_host(host, &at.child("host"), report);
    }
    let path = template(rewrite.path.as_deref()?, matches, &at.child("path"), report)?;
    Some(Rewrite { path })
}

/// Compiles the name in a rewrite's `host`. No port is a default, as long as the backend is unknown.
pub(super) fn rewrite_host(
    host: &str,
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Option<Authority> {
    authority::parse(host, 0)
        .map_err(|error| report.invalid(at, format!("{error}; or write Backend or Preserve")))
        .ok()
}

/// Compiles a template, all of whose names every match must capture.
fn template(
    text: &str,
    matches: &[Matched],
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Option<PathTemplate> {
    template_of(text, text, matches, at, report)
}

/// The same for one that is made of what the object has, which is shown.
pub(super) fn template_of(
    template: &str,
    shown: &str,
    matches: &[Matched],
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Option<PathTemplate> {
    let template = PathTemplate::parse(template)
        .map_err(|error| report.invalid(at, format!("'{shown}' {error}")))
        .ok()?;
    if let Some(odd) = literals::odd_template(shown) {
        report.warn(at, Reason::LikelyMistake, format!("'{shown}' {odd}"));
    }
    for matched in matches {
        let (index, path) = (matched.index, &matched.path);
        for name in template.names().filter(|name| !path.names().any(|has| has == *name)) {
            report.invalid(
                at,
                format!(
                    "'{shown}' uses {{{name}}}, which match {index}, '{path}', does not capture"
                ),
            );
        }
        if template.has_rest() && !path.has_rest() {
            report.invalid(
                at,
                format!("'{shown}' ends in '*', but match {index}, '{path}', does not"),
            );
        }
    }
    Some(template)
}

/// Compiles a redirect.
pub(super) fn redirect(
    redirect: &crds::Redirect,
    matches: &[Matched],
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Option<Redirect> {
    let crds::Redirect { scheme, host, port, path, status } = redirect;
    if scheme.is_none() && host.is_none() && port.is_none() && path.is_none() {
        refuse_same_url(at, report);
    }
    let status = redirect_status(*status, &at.child("status"), report);
    let host = host.as_deref().and_then(|host| redirect_host(host, &at.child("host"), report));
    let port = port.and_then(|port| redirect_port(port, &at.child("port"), report));
    let path = path.as_deref().and_then(|text| template(text, matches, &at.child("path"), report));
    Some(Redirect { scheme: scheme.map(redirect_scheme), host, port, path, status: status? })
}

/// Reports a redirect that changes nothing.
pub(super) fn refuse_same_url(at: &FieldPath<'_>, report: &mut Report) {
    let members = ["scheme", "host", "port", "path"];
    report.invalid_members(
        at,
        &members,
        "would redirect to the same URL: set scheme, host, port or path",
    );
}

/// The status of a redirect.
pub(super) fn redirect_status(
    status: i32,
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Option<StatusCode> {
    match StatusCode::from_u16(u16::try_from(status).unwrap_or(0)) {
        Ok(code) if [301, 302, 303, 307, 308].contains(&code.as_u16()) => Some(code),
        _ => {
            report.invalid(at, format!("is {status}: use 301, 302, 303, 307 or 308"));
            None
        }
    }
}

/// The host that a redirect leads to.
pub(super) fn redirect_host(host: &str, at: &FieldPath<'_>, report: &mut Report) -> Option<String> {
    authority::host_name(host).map_err(|error| report.invalid(at, error)).ok()
}

/// The port that a redirect leads to.
pub(super) fn redirect_port(port: i32, at: &FieldPath<'_>, report: &mut Report) -> Option<u16> {
    match u16::try_from(port) {
        Ok(port) if port > 0 => Some(port),
        _ => {
            report.invalid(at, format!("is {port}: must be 1 to 65535"));
            None
        }
    }
}

/// The scheme that a redirect leads to.
pub(super) fn redirect_scheme(scheme: crds::RedirectScheme) -> Scheme {
    match scheme {
        crds::RedirectScheme::Http => Scheme::Http,
        crds::RedirectScheme::Https => Scheme::Https,
    }
}

/// Compiles a fixed response.
pub(super) fn respond(
    respond: &crds::Respond,
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Option<Respond> {
    let status = respond_status(respond, at, report);
    let at_headers = at.child("headers");
    let mut lines = Vec::with_capacity(respond.headers.len());
    for (index, line) in respond.headers.iter().enumerate() {
        let at = at_headers.index(index);
        let name = headers::name(&line.name, &at.child("name"), report);
        lines.extend(name.zip(headers::value(&line.value, &at.child("value"), report)));
    }
    warn_without_type(respond, at, report);
    let body = Bytes::from(respond.body.clone().unwrap_or_default());
    Some(Respond { status: status?, headers: lines, body })
}

/// The status of a fixed response, which must have no body if its status allows none.
pub(super) fn respond_status(
    respond: &crds::Respond,
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Option<StatusCode> {
    let status = match StatusCode::from_u16(u16::try_from(respond.status).unwrap_or(0)) {
        Ok(code) if (200..600).contains(&code.as_u16()) => Some(code),
        _ => {
            report
                .invalid(&at.child("status"), format!("is {}: must be 200 to 599", respond.status));
            None
        }
    };
    if let Some(code) = status.filter(|code| [204, 205, 304].contains(&code.as_u16()))
        && respond.body.as_ref().is_some_and(|body| !body.is_empty())
    {
        report.invalid(
            &at.child("body"),
            format!("is set, but a {} response has no body: remove it", code.as_u16()),
        );
    }
    status
}

/// Warns of a body whose type browsers have to guess.
pub(super) fn warn_without_type(respond: &crds::Respond, at: &FieldPath<'_>, report: &mut Report) {
    let Some(body) = respond.body.as_deref().filter(|body| !body.is_empty()) else { return };
    let is_type = |line: &crds::NamedValue| line.name.eq_ignore_ascii_case(CONTENT_TYPE.as_str());
    if !respond.headers.iter().any(is_type) && !report.may_be_unknown(at, &["headers"]) {
        report.warn(
            &at.child("body"),
            Reason::LikelyMistake,
            format!(
                "has no content-type, so browsers guess its type: write headers: [{{name: content-type, value: \"{}\"}}], or its actual type",
                likely_type(body)
            ),
        );
    }
}

/// What a body without a content-type probably is.
fn likely_type(body: &str) -> &'static str {
    match body.trim_start().bytes().next() {
        Some(b'{' | b'[') => "application/json",
        Some(b'<') => "text/html; charset=utf-8",
        Some(_) | None => "text/plain; charset=utf-8",
    }
}
