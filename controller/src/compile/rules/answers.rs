//! Redirects and fixed responses by rules.

use super::texts::{Scope, sample};
use crate::{
    compile::{action, authority, headers, report::Report},
    diagnostic::{FieldPath, Reason},
};
use bytes::Bytes;
use http::{HeaderName, header::CONTENT_TYPE};
use portico_crds as crds;
use portico_dataplane::table::{
    Escape, FieldText, HostPattern, Redirect, Respond, RulePath, RuleRedirect, RuleReply,
    RuleRespond, Text, Variable,
};
use serde::de::IgnoredAny;

/// Compiles a redirect.
pub(super) fn redirect(
    redirect: &crds::RuleRedirect,
    scope: &Scope<'_>,
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Option<RuleReply> {
    let crds::RuleRedirect { scheme, host, allowed_hosts, port, path, status } = redirect;
    let is_own = |part: &Option<String>, variable| part.as_deref().is_none_or(|it| it == variable);
    if scheme.is_none() && port.is_none() && is_own(host, "{host}") && is_own(path, "{path}") {
        action::refuse_same_url(at, report);
    }
    let status = action::redirect_status(*status, &at.child("status"), report);
    let host = host.as_deref().map(|host| host_of(host, scope, &at.child("host"), report));
    let allowed = allowed(allowed_hosts, &at.child("allowedHosts"), report);
    let (host, host_text) = match host {
        None => (None, None),
        Some(host) => host?,
    };
    match (&host_text, allowed_hosts.is_empty()) {
        (Some(_), true) if !report.is_incomplete(&at.child("allowedHosts")) => report.invalid(
            &at.child("host"),
            "comes of the request: list the hosts that it may be in allowedHosts",
        ),
        (None, false) => report.warn(
            &at.child("allowedHosts"),
            Reason::NoEffect,
            "has no effect, since the host does not come of the request",
        ),
        (Some(_) | None, _) => {}
    }
    let path = path.as_deref().and_then(|path| scope.path(path, &at.child("path"), report));
    let (path, path_text) = match path {
        None => (None, None),
        Some(RulePath::Template(path)) => (Some(path), None),
        Some(RulePath::Text(path)) => (None, Some(path)),
    };
    let port = port.and_then(|port| action::redirect_port(port, &at.child("port"), report));
    let scheme = scheme.map(action::redirect_scheme);
    let redirect = Redirect { scheme, host, port, path, status: status? };
    let redirect = RuleRedirect { redirect, host_text, allowed_hosts: allowed, path_text };
    Some(RuleReply::Redirect(Box::new(redirect)))
}

/// The host of a redirect: a fixed one, or one that comes of the request.
fn host_of(
    given: &str,
    scope: &Scope<'_>,
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Option<(Option<String>, Option<Text>)> {
    let text = scope.parse(given, at, report)?;
    if let Some(fixed) = text.fixed() {
        return action::redirect_host(fixed, at, report).map(|host| (Some(host), None));
    }
    let has_path = text.variables().any(|it| *it == Variable::Path);
    if has_path || authority::host_name(&sample(&text)).is_err() {
        report.invalid(
            at,
            format!("'{given}' makes no host: a host is a name, without scheme, port and path"),
        );
        return None;
    }
    Some((None, Some(text)))
}

/// The hosts that a host of the request may be.
fn allowed(texts: &[String], at: &FieldPath<'_>, report: &mut Report) -> Vec<HostPattern> {
    let mut good = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let at = at.index(index);
        match text.parse() {
            Ok(HostPattern::Any) => report.invalid(
                &at,
                "'*' lets whoever makes a link choose where it leads: list names, or '*.suffix'",
            ),
            Ok(host @ (HostPattern::Exact(_) | HostPattern::Suffix(_))) => good.push(host),
            Err(error) => report.invalid(&at, format!("'{text}' {error}")),
        }
    }
    good
}

/// Compiles a fixed response, or one that has something of the request in it. `edits` are those of
/// the same rule.
pub(super) fn respond(
    respond: &crds::Respond,
    edits: Option<&crds::HeaderEdits>,
    scope: &Scope<'_>,
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Option<RuleReply> {
    let status = action::respond_status(respond, at, report);
    let at_headers = at.child("headers");
    let mut lines = Vec::with_capacity(respond.headers.len());
    for (index, line) in respond.headers.iter().enumerate() {
        let at = at_headers.index(index);
        let name = headers::name(&line.name, &at.child("name"), report);
        let value = scope.response_value(&line.name, &line.value, &at.child("value"), report);
        lines.extend(name.zip(value));
    }
    let at_body = at.child("body");
    let body = scope.parse(respond.body.as_deref().unwrap_or_default(), &at_body, report)?;
    let is_fixed = body.fixed().is_some();
    if is_fixed {
        action::warn_without_type(respond, at, report);
    }
    let status = status?;
    if let (Some(body), Some(headers)) = (body.fixed(), headers::fixed(&lines)) {
        let body = Bytes::copy_from_slice(body.as_bytes());
        return Some(RuleReply::Respond(Respond { status, headers, body }));
    }
    let escape = match is_fixed {
        true => Escape::Plain,
        false => escape(&body, &lines, edits, &at_body, report)?,
    };
    Some(RuleReply::Fill(Box::new(RuleRespond { status, headers: lines, body, escape })))
}

/// How variables are escaped in a body, which its type decides.
fn escape(
    body: &Text,
    lines: &[(HeaderName, FieldText)],
    edits: Option<&crds::HeaderEdits>,
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Option<Escape> {
    const KNOWN: &str = "text/html, application/json, a type that ends in +json, or text/plain";
    let types: Vec<_> = lines.iter().filter(|(name, _)| name == CONTENT_TYPE).collect();
    let [(_, FieldText::Fixed(given))] = types.as_slice() else {
        report.invalid(
            at,
            format!("has variables, which are escaped as its type requires: write one content-type without variables under headers, {KNOWN}"),
        );
        return None;
    };
    if edits.is_some_and(edits_type) {
        report.invalid(
            at,
            "has variables, which are escaped as its content-type requires: leave the content-type out of responseHeaders",
        );
        return None;
    }
    let given = String::from_utf8_lossy(given.as_bytes()).to_ascii_lowercase();
    let essence = given.split(';').next().unwrap_or_default().trim();
    match essence {
        "text/html" => Some(Escape::Html),
        "text/plain" => Some(Escape::Plain),
        json if json == "application/json" || json.ends_with("+json") => {
            let is_json = serde_json::from_str::<IgnoredAny>(&sample(body)).is_ok();
            if !is_json {
                report.invalid(
                    at,
                    format!("is no {json} with text in place of its variables: write each within a string, such as \"{{path}}\", and braces as '{{{{' and '}}}}'"),
                );
            }
            is_json.then_some(Escape::Json)
        }
        other => {
            report.invalid(
                at,
                format!("has variables, for which '{other}' knows no escapes: use {KNOWN}"),
            );
            None
        }
    }
}

/// Whether edits change the type of a body.
fn edits_type(edits: &crds::HeaderEdits) -> bool {
    let lines = edits.set.iter().chain(&edits.add).map(|line| &line.name);
    lines.chain(&edits.remove).any(|name| name.eq_ignore_ascii_case(CONTENT_TYPE.as_str()))
}
