//! Header edits, including values from Secrets.

use super::{options::Options, report::Report, secrets};
use crate::{
    diagnostic::{FieldPath, Reason},
    objects::{MAX_VALUE_BYTES, Snapshot, Value},
};
use http::{HeaderName, HeaderValue};
use portico_crds as crds;
use portico_dataplane::table::{FieldText, FilledEdits, HeaderEdits, ObjectName, RuleEdits};

/// How much the lines that are set and added in one direction may take.
const MAX_BYTES: usize = 64 << 10;

/// A line as it is compiled.
type Line = (HeaderName, FieldText);

/// Reads a value that an object has itself, given the name of its header.
pub(super) type ReadValue<'r> =
    dyn Fn(&str, &str, &FieldPath<'_>, &mut Report) -> Option<FieldText> + 'r;

/// Compiles the header edits of one FrontDoor or Route.
pub(super) struct Headers<'s> {
    pub(super) snapshot: &'s Snapshot,
    pub(super) options: &'s Options,
    /// Its Secrets are in the same namespace.
    pub(super) object: &'s ObjectName,
    /// Why the first unavailable value is unavailable.
    pub(super) unavailable: Option<String>,
    /// Whether any value is from a Secret.
    pub(super) reads_secrets: bool,
}

impl<'s> Headers<'s> {
    pub(super) fn new(
        snapshot: &'s Snapshot,
        options: &'s Options,
        object: &'s ObjectName,
    ) -> Self {
        Self { snapshot, options, object, unavailable: None, reads_secrets: false }
    }

    /// Compiles edits whose values are fixed.
    pub(super) fn edits(
        &mut self,
        edits: Option<&crds::HeaderEdits>,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> HeaderEdits {
        let fixed = |_: &str, text: &str, at: &FieldPath<'_>, report: &mut Report| {
            value(text, at, report).map(FieldText::Fixed)
        };
        match self.edits_with(edits, &fixed, at, report) {
            RuleEdits::Fixed(edits) => edits,
            RuleEdits::Filled(_) => HeaderEdits::default(), // No value has variables.
        }
    }

    /// Compiles edits whose values are read like this, unless they are from Secrets.
    pub(super) fn edits_with(
        &mut self,
        edits: Option<&crds::HeaderEdits>,
        read: &ReadValue<'_>,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> RuleEdits {
        let Some(edits) = edits else { return RuleEdits::default() };
        let set = self.lines(&edits.set, read, &at.child("set"), report);
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
        let add = self.lines(&edits.add, read, &at.child("add"), report);
        self.check_size(&set, &add, at, report);
        let remove = names(&edits.remove, &at.child("remove"), report);
        match (fixed(&set), fixed(&add)) {
            (Some(set), Some(add)) => RuleEdits::Fixed(HeaderEdits { remove, set, add }),
            (None, _) | (_, None) => RuleEdits::Filled(FilledEdits { remove, set, add }),
        }
    }

    /// Every message carries these lines. Secrets may make them too long at any time, which is not
    /// the object's mistake.
    fn check_size(&mut self, set: &[Line], add: &[Line], at: &FieldPath<'_>, report: &mut Report) {
        let size = |(name, value): &Line| {
            let value = match value {
                FieldText::Fixed(value) => value.len(),
                FieldText::Text(text) => text.to_string().len(),
            };
            name.as_str().len() + value
        };
        let is_secret =
            |line: &&Line| matches!(&line.1, FieldText::Fixed(value) if value.is_sensitive());
        let lines = || set.iter().chain(add);
        let all: usize = lines().map(size).sum();
        let written: usize = lines().filter(|line| !is_secret(line)).map(size).sum();
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
        read: &ReadValue<'_>,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> Vec<Line> {
        let mut good = Vec::with_capacity(lines.len());
        for (index, line) in lines.iter().enumerate() {
            let at = at.index(index);
            let name = name(&line.name, &at.child("name"), report);
            let value = self.value(line, read, &at, report);
            good.extend(name.zip(value));
        }
        good
    }

    fn value(
        &mut self,
        line: &crds::HeaderValue,
        read: &ReadValue<'_>,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> Option<FieldText> {
        match (&line.value, &line.value_from) {
            (Some(text), None) => read(&line.name, text, &at.child("value"), report),
            (None, Some(from)) => {
                self.reads_secrets = true;
                let secret = self.secret_value(&from.secret_key_ref);
                secret
                    .map_err(|(reason, message)| {
                        let at = at.child("valueFrom");
                        report.unresolved(&at.child("secretKeyRef"), reason, message.as_str());
                        self.unavailable.get_or_insert(message);
                    })
                    .ok()
                    .map(FieldText::Fixed)
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

    /// Reads a value from a Secret in the object's namespace. No message contains any of it.
    fn secret_value(&self, from: &crds::SecretKeyRef) -> Result<HeaderValue, (Reason, String)> {
        let name = ObjectName::new(self.object.namespace.clone(), from.name.as_str());
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

/// The lines, if none has variables.
pub(super) fn fixed(lines: &[Line]) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let value = |(name, value): &Line| match value {
        FieldText::Fixed(value) => Some((name.clone(), value.clone())),
        FieldText::Text(_) => None,
    };
    lines.iter().map(value).collect()
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
