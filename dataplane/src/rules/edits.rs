//! Header edits of a request and of its response, those of rules among them, in the order in which
//! they apply.

use super::Values;
use crate::{
    refusal::Refusal,
    table::{FieldText, FilledEdits, HeaderEdits, RuleEdits},
};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::borrow::Cow;

/// Fills in the values of edits.
///
/// # Errors
/// If the values are too long.
pub(crate) fn filled<'t>(
    edits: impl Iterator<Item = &'t RuleEdits>,
    values: &Values<'_>,
) -> Result<Vec<Cow<'t, HeaderEdits>>, Refusal> {
    let edits = edits.filter(|edits| !edits.is_empty());
    let filled = edits.map(|edits| match edits {
        RuleEdits::Fixed(edits) => Ok(Cow::Borrowed(edits)),
        RuleEdits::Filled(FilledEdits { remove, set, add }) => {
            let (set, add) = (lines(set, values)?, lines(add, values)?);
            Ok(Cow::Owned(HeaderEdits { remove: remove.clone(), set, add }))
        }
    });
    filled.collect()
}

/// Fills in the values of field lines.
///
/// # Errors
/// If the values are too long.
pub(crate) fn lines(
    lines: &[(HeaderName, FieldText)],
    values: &Values<'_>,
) -> Result<Vec<(HeaderName, HeaderValue)>, Refusal> {
    let line = |(name, text): &(HeaderName, FieldText)| {
        let value = match text {
            FieldText::Fixed(value) => value.clone(),
            FieldText::Text(text) => values.field(name, text)?,
        };
        Ok((name.clone(), value))
    };
    lines.iter().map(line).collect()
}

/// All edits of one direction.
#[derive(Clone, Copy, Default)]
pub(crate) struct Edits<'a> {
    /// Those of rules that come before the Route's own.
    pub(crate) before: &'a [Cow<'a, HeaderEdits>],
    /// The Route's own; `None` without a Route.
    pub(crate) own: Option<&'a HeaderEdits>,
    /// Those of rules that come after them.
    pub(crate) after: [&'a [Cow<'a, HeaderEdits>]; 2],
}

impl<'a> Edits<'a> {
    fn all(self) -> impl Iterator<Item = &'a HeaderEdits> {
        let rules = |edits: &'a [Cow<'a, HeaderEdits>]| edits.iter().map(|edits| &**edits);
        let [first, second] = self.after;
        rules(self.before).chain(self.own).chain(rules(first)).chain(rules(second))
    }

    /// Calls `apply` for each, in order. Mostly there are only the Route's own.
    fn for_each(self, mut apply: impl FnMut(&HeaderEdits)) {
        let [first, second] = self.after;
        self.before.iter().for_each(|edits| apply(edits));
        if let Some(own) = self.own {
            apply(own);
        }
        first.iter().chain(second).for_each(|edits| apply(edits));
    }

    /// The last of them, apart from the others.
    pub(crate) fn split_last(self) -> (Self, Self) {
        let [first, last] = self.after;
        let others = Self { after: [first, &[]], ..self };
        (others, Self { before: last, own: None, after: [&[], &[]] })
    }

    /// Whether there are none.
    pub(crate) fn is_empty(self) -> bool {
        let has_rules = !self.before.is_empty() || self.after.iter().any(|edits| !edits.is_empty());
        !has_rules && self.own.is_none_or(HeaderEdits::is_empty)
    }

    /// The fields that they change.
    pub(crate) fn names(self) -> impl Iterator<Item = &'a HeaderName> {
        self.all().flat_map(HeaderEdits::names)
    }

    /// Applies them to a request.
    pub(crate) fn apply_to_request(self, headers: &mut HeaderMap) {
        self.for_each(|edits| edits.apply_to_request(headers));
    }

    /// Applies them to an interim response.
    pub(crate) fn apply_to_interim(self, headers: &mut HeaderMap) {
        self.for_each(|edits| edits.apply_to_interim(headers));
    }

    /// Applies them to a response.
    pub(crate) fn apply(self, headers: &mut HeaderMap) {
        self.for_each(|edits| edits.apply(headers));
    }
}
