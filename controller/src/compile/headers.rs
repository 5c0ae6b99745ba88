//! Header edits, including values from Secrets.

use super::{options::Options, report::Report, secrets};
use crate::{
    diagnostic::{FieldPath, Reason},
    objects::{MAX_VALUE_BYTES, Snapshot, Value},
};
use http::{HeaderName, HeaderValue};
use portico_crds as crds;
use portico_dataplane::table::{HeaderEdits, ObjectName};

/// How much the lines that are set and added in one direction may take.
const MAX_BYTES: usize = 64 << 10;

/// Compiles the header edits of one Route.
pub(super) struct Headers<'s> {
    pub(super) snapshot: &'s Snapshot,
    pub(super) options: &'s Options,
    /// Its Secrets are in the same namespace.
    pub(super) route: &'s ObjectName,
    /// Why the first unavailable value is unavailable.
    pub(super) unavailable: Option<String>,
}

impl Headers<'_> {
    pub(super) fn edits(
        &mut self,
        edits: Option<&crds::HeaderEdits>,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> HeaderEdits {
        let Some(edits) = edits else { return HeaderEdits::default() };
        let set = self.lines(&edits.set, &at.child("set"), report);
        let twice = set
            .iter()
            .enumerate()
            .find(|(i, (name, _))| set.iter().take(*i).any(|(n, _)| n == name));
        if let Some((_, (name, _))) = twice {
            report.invalid(
                &at.child("set"),
                format!("sets '{name}' twice: keep one, or put further lines under add"),
            );
        }
        let add = self.lines(&edits.add, &at.child("add"), report);
        self.check_size(&set, &add, at, report);
        HeaderEdits { remove: names(&edits.remove, &at.child("remove"), report), set, add }
    }

    /// Every message carries these lines. Secrets may make them too long at any time, which is not
    /// the Route's mistake.
    fn check_size(
        &mut self,
        set: &[(HeaderName, HeaderValue)],
        add: &[(HeaderName, HeaderValue)],
        at: &FieldPath<'_>,
        report: &mut Report,
    ) {
        let size = |(name, value): &(HeaderName, HeaderValue)| name.as_str().len() + value.len();
        let lines = || set.iter().chain(add);
        let all: usize = lines().map(size).sum();
        let written: usize = lines().filter(|(_, value)| !value.is_sensitive()).map(size).sum();
        if all <= MAX_BYTES {
            return;
        }
        let message = |bytes: usize| {
            let kib = bytes.div_ceil(1 << 10);
            format!("adds up to {kib} KiB of names and values: at most 64 KiB is allowed")
        };
        if written > MAX_BYTES {
            report.invalid(at, message(written));
        } else {
            let message = format!(
                "{}; shorten the values in Secrets; until then requests get 503",
                message(all)
            );
            report.unresolved(at, Reason::Invalid, message.as_str());
            self.unavailable.get_or_insert(message);
        }
    }

    fn lines(
        &mut self,
        lines: &[crds::HeaderValue],
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> Vec<(HeaderName, HeaderValue)> {
        let mut good = Vec::with_capacity(lines.len());
        for (index, line) in lines.iter().enumerate() {
            let at = at.index(index);
            let name = name(&line.name, &at.child("name"), report);
            let value = self.value(line, &at, report);
            good.extend(name.zip(value));
        }
        good
    }

    fn value(
        &mut self,
        line: &crds::HeaderValue,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> Option<HeaderValue> {
        match (&line.value, &line.value_from) {
            (Some(text), None) => value(text, &at.child("value"), report),
            (None, Some(from)) => {
                let secret = self.secret_value(&from.secret_key_ref);
                secret
                    .map_err(|(reason, message)| {
                        let at = at.child("valueFrom");
                        report.unresolved(&at.child("secretKeyRef"), reason, message.as_str());
                        self.unavailable.get_or_insert(message);
                    })
                    .ok()
            }
            (Some(_), Some(_)) => {
                report.invalid_members(
                    at,
                    &["value", "valueFrom"],
                    "has both value and valueFrom: keep one of them",
                );
                None
            }
            (None, None) => {
                report.invalid_members(
                    at,
                    &["value", "valueFrom"],
                    "has neither value nor valueFrom: set one of them",
                );
                None
            }
        }
    }

    /// Reads a value from a Secret in the Route's namespace. No message contains any of it.
    fn secret_value(&self, from: &crds::SecretKeyRef) -> Result<HeaderValue, (Reason, String)> {
        let name = ObjectName::new(self.route.namespace.clone(), from.name.as_str());
        let secret =
            secrets::find(self.snapshot, self.options, &name).map_err(|(reason, missing)| {
                (reason, format!("{missing}; until then requests get 503"))
            })?;
        let bytes = match Value::of_secret(secret, &from.key) {
            Value::Bytes(bytes) if bytes.len() <= MAX_VALUE_BYTES => bytes,
            Value::Bytes(_) | Value::TooLarge => {
                let message = format!(
                    "key '{}' of Secret {name} is larger than {} KiB, the limit for a header value: shorten it; until then requests get 503",
                    from.key,
                    MAX_VALUE_BYTES >> 10
                );
                return Err((Reason::Invalid, message));
            }
            Value::Missing => {
                let message = format!(
                    "Secret {name} has no key '{}': add it; until then requests get 503",
                    from.key
                );
                return Err((Reason::SecretNotFound, message));
            }
        };
        let mut value = HeaderValue::from_bytes(bytes).map_err(|_| {
            let message = if bytes.ends_with(b"\n") {
                "ends in a line break, so it is not a valid header value: create the Secret with `kubectl create secret --from-literal`, or remove the line break"
            } else {
                "is not a valid header value: it has line breaks or control characters"
            };
            (Reason::Invalid, format!("key '{}' of Secret {name} {message}", from.key))
        })?;
        value.set_sensitive(true);
        Ok(value)
    }
}

fn names(names: &[String], at: &FieldPath<'_>, report: &mut Report) -> Vec<HeaderName> {
    names.iter().enumerate().filter_map(|(i, text)| name(text, &at.index(i), report)).collect()
}

/// Parses the name of a header that may be edited.
pub(super) fn name(text: &str, at: &FieldPath<'_>, report: &mut Report) -> Option<HeaderName> {
    match HeaderName::from_bytes(text.as_bytes()) {
        Ok(name) if name == http::header::HOST => {
            report.invalid(at, "Host can't be edited as a header: use rewrite.host");
            None
        }
        Ok(name) if crds::UNEDITABLE_HEADERS.contains(&name.as_str()) => {
            report.invalid(
                at,
                format!("'{text}' belongs to one connection or frames the message, so only the edge sets it: remove the edit"),
            );
            None
        }
        Ok(name) => Some(name),
        Err(_) => {
            report.invalid(at, format!("'{}' is not a header name", text.escape_debug()));
            None
        }
    }
}

/// Parses a literal value.
pub(super) fn value(text: &str, at: &FieldPath<'_>, report: &mut Report) -> Option<HeaderValue> {
    HeaderValue::from_str(text)
        .map_err(|_| {
            report.invalid(
                at,
                format!(
                    "'{}' is not a header value: no line breaks or control characters",
                    text.escape_debug()
                ),
            );
        })
        .ok()
}
