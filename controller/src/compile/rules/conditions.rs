//! The conditions of rules.

use crate::{
    compile::{
        expressions::{Expressions, Missing},
        matches,
        options::networks,
        predicates::{self, any_name, header_name, warn_of_removed_header},
        report::Report,
    },
    diagnostic::FieldPath,
};
use http::Version;
use portico_crds as crds;
use portico_dataplane::{
    config::Underscores,
    table::{Condition, HostPattern, Scheme, TlsVersion},
};

/// How many conditions a rule may have, `not` and `any` not counted.
const MAX_OF_RULE: usize = 64;
/// How many the rules of an object may have.
const MAX_OF_OBJECT: usize = 512;

/// Compiles the conditions of one object's rules.
pub(super) struct Conditions<'a, 'c> {
    pub(super) expressions: &'a mut Expressions<'c>,
    pub(super) underscores: Underscores,
    /// How many there are so far.
    pub(super) count: usize,
}

impl Conditions<'_, '_> {
    /// Compiles the conditions of a rule; `None` unless all are valid.
    pub(super) fn of_rule(
        &mut self,
        when: &[crds::RuleCondition],
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> Option<Vec<Condition>> {
        let count: usize = when.iter().map(count).sum();
        let before = self.count;
        self.count += count;
        if count > MAX_OF_RULE {
            report.invalid(
                at,
                format!("has {count} conditions: write at most {MAX_OF_RULE}, or make two rules"),
            );
            return None;
        }
        if self.count > MAX_OF_OBJECT {
            if before <= MAX_OF_OBJECT {
                report.invalid(
                    at,
                    format!("is where the object has more than {MAX_OF_OBJECT} conditions in all its rules: write fewer, or make two objects"),
                );
            }
            return None;
        }
        self.all(when, 0, at, report)
    }

    /// Compiles conditions that are in this many others; `None` unless all are valid.
    fn all(
        &mut self,
        given: &[crds::RuleCondition],
        depth: usize,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> Option<Vec<Condition>> {
        let compiled: Vec<_> = given
            .iter()
            .enumerate()
            .filter_map(|(index, one)| self.one(one, depth, &at.index(index), report))
            .collect();
        (compiled.len() == given.len()).then_some(compiled)
    }

    fn one(
        &mut self,
        given: &crds::RuleCondition,
        depth: usize,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> Option<Condition> {
        let key = only_key(given, at, report)?;
        let at = &at.child(key);
        let crds::RuleCondition {
            header,
            query,
            cookie,
            method,
            host,
            path,
            path_regex,
            file_extension,
            client_address,
            scheme,
            http_version,
            tls_version,
            client_certificate,
            not,
            any,
        } = given;
        if let Some(header) = header {
            warn_of_removed_header(&header.name, self.underscores, &at.child("name"), report);
            let header = predicates::compile(header, header_name, at, self.expressions, report);
            header.map(Condition::Header)
        } else if let Some(query) = query {
            let query = predicates::compile(query, any_name, at, self.expressions, report);
            query.map(Condition::Query)
        } else if let Some(cookie) = cookie {
            let cookie = predicates::compile(cookie, any_name, at, self.expressions, report);
            cookie.map(Condition::Cookie)
        } else if let Some(method) = method {
            refuse_empty(method, at, report);
            let methods = matches::methods(method, at, report);
            (methods.len() == method.len()).then_some(Condition::Method(methods))
        } else if let Some(host) = host {
            each(host, at, report, host_pattern).map(Condition::Host)
        } else if let Some(path) = path {
            matches::path(path, at, report).map(Condition::Path)
        } else if let Some(expression) = path_regex {
            self.path_regex(expression, at, report)
        } else if let Some(extensions) = file_extension {
            each(extensions, at, report, extension).map(Condition::FileExtension)
        } else if let Some(texts) = client_address {
            refuse_empty(texts, at, report);
            let networks = networks(texts, at, report);
            (networks.len() == texts.len()).then_some(Condition::ClientAddress(networks))
        } else if let Some(scheme) = scheme {
            Some(Condition::Scheme(match scheme {
                crds::RuleScheme::Http => Scheme::Http,
                crds::RuleScheme::Https => Scheme::Https,
            }))
        } else if let Some(versions) = http_version {
            refuse_empty(versions, at, report);
            Some(Condition::HttpVersion(versions.iter().copied().map(version).collect()))
        } else if let Some(version) = tls_version {
            Some(Condition::TlsVersion(match version {
                crds::TlsVersion::Tls12 => TlsVersion::Tls12,
                crds::TlsVersion::Tls13 => TlsVersion::Tls13,
            }))
        } else if let Some(presence) = client_certificate {
            Some(Condition::ClientCertificate(match presence {
                crds::Presence::Present => true,
                crds::Presence::Absent => false,
            }))
        } else if let Some(inner) = not {
            refuse_deep(depth, at, report)?;
            let inner = self.one(inner, depth + 1, at, report)?;
            Some(Condition::Not(Box::new(inner)))
        } else {
            let inner = any.as_deref()?;
            refuse_empty(inner, at, report);
            refuse_deep(depth, at, report)?;
            self.all(inner, depth + 1, at, report).map(Condition::Any)
        }
    }

    fn path_regex(
        &mut self,
        expression: &str,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> Option<Condition> {
        match self.expressions.full_match(expression) {
            Ok(regex) => Some(Condition::PathRegex(regex)),
            Err(Missing::Wrong(message)) => {
                report.invalid(at, message);
                None
            }
            Err(Missing::LeftOut) => None,
        }
    }
}

/// How many conditions there are in this one, `not` and `any` not counted.
fn count(given: &crds::RuleCondition) -> usize {
    let inner = given.not.as_deref().into_iter().chain(given.any.iter().flatten());
    let leaf = usize::from(given.not.is_none() && given.any.is_none());
    leaf + inner.map(count).sum::<usize>()
}

/// The name of the one field that a condition has.
fn only_key(
    given: &crds::RuleCondition,
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Option<&'static str> {
    let keys = [
        ("header", given.header.is_some()),
        ("query", given.query.is_some()),
        ("cookie", given.cookie.is_some()),
        ("method", given.method.is_some()),
        ("host", given.host.is_some()),
        ("path", given.path.is_some()),
        ("pathRegex", given.path_regex.is_some()),
        ("fileExtension", given.file_extension.is_some()),
        ("clientAddress", given.client_address.is_some()),
        ("scheme", given.scheme.is_some()),
        ("httpVersion", given.http_version.is_some()),
        ("tlsVersion", given.tls_version.is_some()),
        ("clientCertificate", given.client_certificate.is_some()),
        ("not", given.not.is_some()),
        ("any", given.any.is_some()),
    ];
    let given: Vec<_> =
        keys.into_iter().filter_map(|(name, given)| given.then_some(name)).collect();
    let members = keys.map(|(name, _)| name);
    match given.as_slice() {
        [only] => return Some(only),
        [] => report.invalid_members(
            at,
            &members,
            format!("is empty, but a condition is one of {}: write one", members.join(", ")),
        ),
        several => report.invalid_members(
            at,
            &members,
            format!(
                "has {}: give each an item of its own, all of which must hold, or put them under any",
                several.join(" and ")
            ),
        ),
    }
    None
}

/// Compiles every item of a list; `None` unless there are some and all are valid.
fn each<T>(
    texts: &[String],
    at: &FieldPath<'_>,
    report: &mut Report,
    compile: fn(&str, &FieldPath<'_>, &mut Report) -> Option<T>,
) -> Option<Vec<T>> {
    refuse_empty(texts, at, report);
    let items = texts.iter().enumerate();
    let good: Vec<_> =
        items.filter_map(|(index, text)| compile(text, &at.index(index), report)).collect();
    (good.len() == texts.len()).then_some(good)
}

fn host_pattern(text: &str, at: &FieldPath<'_>, report: &mut Report) -> Option<HostPattern> {
    match text.parse() {
        Ok(HostPattern::Any) => {
            report.invalid(at, "'*' always holds: name hosts, or leave the condition out");
            None
        }
        Ok(host @ (HostPattern::Exact(_) | HostPattern::Suffix(_))) => Some(host),
        Err(error) => {
            report.invalid(at, format!("'{text}' {error}"));
            None
        }
    }
}

fn extension(text: &str, at: &FieldPath<'_>, report: &mut Report) -> Option<Box<str>> {
    let is_good = |text: &str| {
        let inside = |b: u8| b.is_ascii_alphanumeric() || b"_~+-".contains(&b);
        !text.is_empty() && text.bytes().all(inside)
    };
    if is_good(text) {
        return Some(text.to_ascii_lowercase().into());
    }
    let shown = text.escape_debug();
    let last = text.rsplit('.').next().filter(|last| is_good(last));
    report.invalid(
        at,
        match last {
            Some(last) => format!("'{shown}' has a dot: an extension is what follows the last one, so write {last}"),
            None => format!("'{shown}' is not a file's extension: write letters, digits, '_', '~', '+' and '-', without the dot"),
        },
    );
    None
}

fn version(version: crds::HttpVersion) -> Version {
    match version {
        crds::HttpVersion::Http10 => Version::HTTP_10,
        crds::HttpVersion::Http11 => Version::HTTP_11,
        crds::HttpVersion::Http2 => Version::HTTP_2,
    }
}

fn refuse_empty<T>(list: &[T], at: &FieldPath<'_>, report: &mut Report) {
    if list.is_empty() {
        report
            .invalid(at, "is empty, so it never holds: list something, or leave the condition out");
    }
}

/// Refuses a condition that has others, and is in this many; `None` if that is too deep.
fn refuse_deep(depth: usize, at: &FieldPath<'_>, report: &mut Report) -> Option<()> {
    if depth < crds::MAX_NESTING {
        return Some(());
    }
    report.invalid(
        at,
        format!("is in {depth} others: not and any nest at most {} deep; make two rules, or say it with fewer", crds::MAX_NESTING),
    );
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{compile::expressions::ExpressionCache, objects::Entry};
    use portico_dataplane::table::ObjectName;

    fn path() -> crds::RuleCondition {
        crds::RuleCondition { path: Some("/a".to_owned()), ..Default::default() }
    }

    /// So many conditions, eight to an `any`.
    fn conditions(count: usize) -> Vec<crds::RuleCondition> {
        let any =
            |count| crds::RuleCondition { any: Some(vec![path(); count]), ..Default::default() };
        let not = |inner| crds::RuleCondition { not: Some(Box::new(inner)), ..Default::default() };
        let of_eight = (0..count / 8).map(|_| not(any(8)));
        of_eight.chain((0..count % 8).map(|_| path())).collect()
    }

    /// The first rule with an error, if rules have so many conditions each.
    fn refused(counts: &[usize]) -> Option<usize> {
        let name = ObjectName::new("web", "a");
        let mut report = Report::new(&name, &Entry::<crds::Route>::unknown());
        let mut cache = ExpressionCache::default();
        let mut expressions = Expressions::new(&mut cache);
        let underscores = Underscores::default();
        let mut all = Conditions { expressions: &mut expressions, underscores, count: 0 };
        let spec = FieldPath::SPEC;
        let rules = spec.child("rules");
        counts.iter().enumerate().position(|(index, count)| {
            let at = rules.index(index);
            let at = at.child("when");
            let compiled = all.of_rule(&conditions(*count), &at, &mut report);
            assert_eq!(compiled.is_none(), report.has_error_at(&at));
            compiled.is_none()
        })
    }

    #[test]
    fn conditions_are_limited_wherever_they_are() {
        assert_eq!(refused(&[64; 8]), None);
        assert_eq!(refused(&[64, 65]), Some(1));
        assert_eq!(refused(&[64, 64, 64, 64, 64, 64, 64, 64, 1]), Some(8));
    }
}
