//! Collects the problems of one object, and turns them into its status.

mod limits;
mod precedence;

pub(super) use precedence::Precedence;

use super::status::{ComputedCondition, Status, Version};
use crate::{
    diagnostic::{
        ConditionType, FieldPath, Kind, ObjectRef, Problem, Reason, Severity, UNKNOWN_FIELD,
        is_child, is_within, sort_key, without_indices,
    },
    objects::{CustomKind, Entry, reference_fields},
    schema,
};
use limits::{describe, listed, message, shortened};
use portico_dataplane::table::ObjectName;

/// The problems found in one object so far.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Report {
    object: ObjectRef,
    uid: Option<String>,
    generation: Option<i64>,
    problems: Vec<Problem>,
    /// How many of them were found while reading the object.
    read: usize,
    /// The paths of fields that did not decode.
    undecoded: Vec<String>,
    /// Whether nothing of the object decoded.
    nothing_read: bool,
    /// The version that is served in place of this one.
    last_good: Option<Version>,
    /// Whether requests at its place get 503.
    holds_place: bool,
    /// Whether another install writes the status.
    reported_elsewhere: bool,
}

impl Report {
    /// Starts with the problems found while reading the object.
    pub(super) fn new<K: CustomKind>(name: &ObjectName, entry: &Entry<K>) -> Self {
        let metadata = entry.object.as_ref().map(|object| object.meta());
        let mut report = Self {
            object: ObjectRef { kind: K::KIND, name: name.clone() },
            uid: metadata.and_then(|metadata| metadata.uid.clone()),
            generation: metadata.and_then(|metadata| metadata.generation),
            problems: entry.problems.clone(),
            read: entry.problems.len(),
            undecoded: entry.undecoded.clone(),
            nothing_read: entry.object.is_none(),
            last_good: None,
            holds_place: false,
            reported_elsewhere: false,
        };
        if entry.object.is_none() && report.accepted() {
            report.invalid(&FieldPath::SPEC, "can't be read");
        }
        report
    }

    /// Reports an error that keeps the whole object from being served.
    pub(super) fn refuse(
        &mut self,
        field: &FieldPath<'_>,
        reason: Reason,
        message: impl Into<String>,
    ) {
        self.push(Severity::Error, ConditionType::Accepted, field, reason, message.into());
    }

    /// Reports a violation of the kind's rules.
    pub(super) fn invalid(&mut self, field: &FieldPath<'_>, message: impl Into<String>) {
        self.refuse(field, Reason::Invalid, message);
    }

    /// Reports a violation of a rule about which of these members may appear together. Reports
    /// nothing if one of them was given but did not decode, or may be the unknown field next to
    /// them.
    pub(super) fn invalid_members(
        &mut self,
        field: &FieldPath<'_>,
        members: &[&'static str],
        message: impl Into<String>,
    ) {
        let failed = |member: &&str| self.failed_to_decode(&field.child(member));
        if !members.iter().any(failed) && !self.may_be_unknown(field, members) {
            let message = message.into();
            self.add(Severity::Error, ConditionType::Accepted, field, Reason::Invalid, message);
        }
    }

    /// Whether there is an unknown field beside `members` whose message names one of them.
    pub(super) fn may_be_unknown(&self, field: &FieldPath<'_>, members: &[&'static str]) -> bool {
        let parent = field.to_string();
        self.errors(ConditionType::Accepted).any(|problem| {
            is_child(&problem.field, &parent)
                && problem.message.starts_with(UNKNOWN_FIELD)
                && members.iter().any(|member| problem.message.contains(member))
        })
    }

    /// Reports a reference to something that is missing or unusable; unless the reference itself is
    /// wrong, which has been said.
    pub(super) fn unresolved(
        &mut self,
        field: &FieldPath<'_>,
        reason: Reason,
        message: impl Into<String>,
    ) {
        if self.is_wrong_reference(field) {
            return;
        }
        self.push(Severity::Error, ConditionType::ResolvedRefs, field, reason, message.into());
    }

    /// Reports a warning.
    pub(super) fn warn(
        &mut self,
        field: &FieldPath<'_>,
        reason: Reason,
        message: impl Into<String>,
    ) {
        self.push(Severity::Warning, ConditionType::Accepted, field, reason, message.into());
    }

    fn push(
        &mut self,
        severity: Severity,
        condition: ConditionType,
        field: &FieldPath<'_>,
        reason: Reason,
        message: String,
    ) {
        // Placeholders are not the user's mistake, and neither is what is missing from them.
        if !self.is_incomplete(field) {
            self.add(severity, condition, field, reason, message);
        }
    }

    fn add(
        &mut self,
        severity: Severity,
        condition: ConditionType,
        field: &FieldPath<'_>,
        reason: Reason,
        message: String,
    ) {
        let (object, field) = (self.object.clone(), field.to_string());
        // The schema describes the same mistake in general terms; this message is more specific.
        let mut read = self.problems.iter().take(self.read);
        if reason == Reason::Invalid
            && let Some(said) = read.position(|p| p.reason == reason && p.field == field)
        {
            if self.problems[said].message.contains(schema::RENDER) {
                return; // Except that a template is not a value at all.
            }
            self.problems.remove(said);
            self.read -= 1;
        }
        self.problems.push(Problem { object, severity, condition, field, reason, message });
    }

    /// Whether nothing keeps the object from being served.
    pub(super) fn accepted(&self) -> bool {
        !self.errors(ConditionType::Accepted).any(|_| true)
    }

    /// Whether it is not accepted because of what the object itself says.
    pub(super) fn is_invalid(&self) -> bool {
        self.errors(ConditionType::Accepted).any(|problem| problem.reason.is_of_content())
    }

    /// Whether a version that was accepted earlier serves better than this one: what this one says
    /// is invalid, or what it refers to has not been read.
    pub(super) fn yields_to_last_good(&self) -> bool {
        self.is_invalid() || (self.accepted() && self.refers_to_unread())
    }

    /// Whether it refers to something that exists, but has not been read.
    pub(super) fn refers_to_unread(&self) -> bool {
        self.errors(ConditionType::ResolvedRefs).any(|p| p.reason == Reason::SecretNotRead)
    }

    /// Whether nothing keeps the object from being served except errors for this reason.
    pub(super) fn accepted_except_for(&self, reason: Reason) -> bool {
        self.errors(ConditionType::Accepted).all(|problem| problem.reason == reason)
    }

    /// Whether it is not accepted for this reason, perhaps among others.
    pub(super) fn is_refused_for(&self, reason: Reason) -> bool {
        self.errors(ConditionType::Accepted).any(|problem| problem.reason == reason)
    }

    /// Whether what is written at this field, and below it, is known and well-formed.
    pub(super) fn is_readable(&self, field: &FieldPath<'_>) -> bool {
        let unreadable = |problem: &Problem| {
            matches!(problem.reason, Reason::Invalid | Reason::DuplicateField)
                && field.contains(&problem.field)
        };
        !self.is_incomplete(field) && !self.errors(ConditionType::Accepted).any(unreadable)
    }

    /// Whether there is an error at this very field.
    pub(super) fn has_error_at(&self, field: &FieldPath<'_>) -> bool {
        let field = field.to_string();
        self.errors(ConditionType::Accepted).any(|problem| problem.field == field)
    }

    /// Whether there is an error at a reference, or at the name in it.
    pub(super) fn is_wrong_reference(&self, field: &FieldPath<'_>) -> bool {
        self.has_error_at(field) || self.has_error_at(&field.child("name"))
    }

    /// Whether a field of `spec` that has an error may be a misspelt `name`.
    pub(super) fn may_misspell(&self, name: &str) -> bool {
        let stem = name.trim_end_matches('s').to_ascii_lowercase();
        let resembles = |field: &str| {
            let field = field.to_ascii_lowercase();
            field.contains(&stem) || schema::nearest(&field, [name].into_iter()).is_some()
        };
        self.errors(ConditionType::Accepted).any(|problem| {
            let field = problem.field.strip_prefix("spec.").unwrap_or_default();
            !field.is_empty() && !field.contains(['.', '[']) && field != name && resembles(field)
        })
    }

    /// An earlier version is served in place of this one. `of_version` is what compiling it has
    /// found: references that it can't resolve are unresolved, whatever this version refers to.
    pub(super) fn serve_last_good(&mut self, version: Version, of_version: &Self) {
        self.last_good = Some(version);
        let unresolved = of_version.errors(ConditionType::ResolvedRefs).map(|problem| Problem {
            message: format!("its last accepted version: {}", problem.message),
            ..problem.clone()
        });
        self.problems.extend(unresolved);
    }

    /// No version is served after all.
    pub(super) fn withdraw(&mut self) {
        self.last_good = None;
    }

    /// Requests at its place get 503.
    pub(super) fn hold_place(&mut self) {
        self.holds_place = true;
    }

    /// Another install writes the status.
    pub(super) fn report_elsewhere(&mut self) {
        self.reported_elsewhere = true;
    }

    /// Whether another install writes the status.
    pub(super) fn is_reported_elsewhere(&self) -> bool {
        self.reported_elsewhere
    }

    /// Whether an earlier version is served in place of this one.
    pub(super) fn serves_last_good(&self) -> bool {
        self.last_good.is_some()
    }

    /// Whether this or an earlier version is served.
    pub(super) fn is_served(&self) -> bool {
        self.accepted() || self.serves_last_good()
    }

    /// Why it is not accepted: the first error.
    pub(super) fn why(&self) -> String {
        let mut errors = self.errors(ConditionType::Accepted);
        let first = errors.next().map(describe).unwrap_or_default();
        let more = errors.count();
        if more == 0 { first } else { format!("{first} (and {more} more)") }
    }

    /// Whether an error at this field or below it keeps the object from being accepted.
    pub(super) fn refuses(&self, field: &FieldPath<'_>) -> bool {
        self.errors(ConditionType::Accepted).any(|problem| field.contains(&problem.field))
    }

    /// Whether the object is accepted, apart from errors in its CORS policy.
    pub(super) fn accepted_except_for_cors(&self) -> bool {
        let cors = FieldPath::SPEC.child("cors");
        self.errors(ConditionType::Accepted).all(|problem| cors.contains(&problem.field))
    }

    /// Whether this is a FrontDoor that is not accepted because of its CORS policy alone, and so
    /// still serves the Routes that don't inherit it.
    fn serves_in_part(&self) -> bool {
        self.object.kind == Kind::FrontDoor && !self.accepted() && self.accepted_except_for_cors()
    }

    /// Whether this field did not decode: it is absent, or a placeholder.
    pub(super) fn failed_to_decode(&self, field: &FieldPath<'_>) -> bool {
        // An object that decoded costs nothing here.
        !self.undecoded.is_empty() && {
            let field = field.to_string();
            self.undecoded.iter().any(|path| is_within(&field, path))
        }
    }

    /// Whether this field or anything below it did not decode, so that its content is not fully
    /// known.
    pub(super) fn is_incomplete(&self, field: &FieldPath<'_>) -> bool {
        !self.undecoded.is_empty() && {
            let field = field.to_string();
            let overlaps = |path: &String| is_within(&field, path) || is_within(path, &field);
            self.undecoded.iter().any(overlaps)
        }
    }

    /// Fields that may have named other objects, and did not decode.
    fn unread_references(&self) -> impl Iterator<Item = &str> {
        let fields = reference_fields(self.object.kind);
        let may_name = move |path: &&str| {
            let place = without_indices(path);
            fields.iter().any(|field| is_within(field, &place) || is_within(&place, field))
        };
        let unread = self.undecoded.iter().map(String::as_str);
        let whole = self.nothing_read.then_some("spec");
        whole.into_iter().chain(unread.filter(may_name))
    }

    fn errors(&self, condition: ConditionType) -> impl Iterator<Item = &Problem> {
        self.problems
            .iter()
            .filter(move |p| p.severity == Severity::Error && p.condition == condition)
    }

    /// The object that it is about.
    pub(super) fn object(&self) -> &ObjectRef {
        &self.object
    }

    /// The status, with problems sorted by severity, then by field.
    pub(super) fn status(&self, attached_routes: usize) -> Status {
        let rank = |p: &Problem| (p.severity, p.condition);
        let mut sorted = self.clone();
        sorted.problems.sort_by(|a, b| {
            rank(a).cmp(&rank(b)).then_with(|| sort_key(&a.field).cmp(sort_key(&b.field)))
        });
        for problem in &mut sorted.problems {
            problem.message = shortened(std::mem::take(&mut problem.message));
        }
        let accepted = sorted.condition("Accepted", ConditionType::Accepted);
        let resolved = sorted.condition("ResolvedRefs", ConditionType::ResolvedRefs);
        let Self { uid, generation, problems, last_good, holds_place, reported_elsewhere, .. } =
            sorted;
        Status {
            uid,
            generation,
            conditions: vec![accepted, resolved],
            problems: listed(problems),
            attached_routes,
            last_good,
            holds_place,
            reported_elsewhere,
        }
    }

    /// What is served although the object is not accepted.
    fn consequence(&self) -> Option<String> {
        if let Some(version) = &self.last_good {
            return Some(version.to_string());
        }
        if self.holds_place {
            return Some("until it is accepted, its requests get 503".to_owned());
        }
        self.serves_in_part().then(|| "Routes with their own cors are still served".to_owned())
    }

    fn condition(&self, r#type: &'static str, condition: ConditionType) -> ComputedCondition {
        let mut reason = self.errors(condition).next().map(|problem| problem.reason.to_string());
        let mut messages: Vec<_> = self.errors(condition).map(describe).collect();
        if condition == ConditionType::ResolvedRefs {
            let unread = self.unread_references();
            let unread: Vec<_> = unread
                .map(|field| format!("{field}: can't be read, so what it refers to is unknown"))
                .map(shortened)
                .collect();
            if !unread.is_empty() {
                reason.get_or_insert_with(|| Reason::Invalid.to_string());
                messages.extend(unread);
            }
        }
        let is_cause = match condition {
            ConditionType::Accepted => !self.accepted(),
            ConditionType::ResolvedRefs => self.accepted(),
        };
        let consequence = if is_cause { self.consequence() } else { None };
        ComputedCondition {
            r#type,
            status: reason.is_none(),
            reason: reason.unwrap_or_else(|| r#type.to_owned()),
            message: message(messages, consequence),
        }
    }
}
