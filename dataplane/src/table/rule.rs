//! Rules: conditions, and what is done with a request for which they hold.

use super::{
    Condition, Forward, HeaderEdits, HostPattern, Redirect, Respond, Retry, Text, Timeouts,
    action::status,
};
use crate::path::PathTemplate;
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use std::sync::Arc;

/// A rule of a FrontDoor or a Route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Its name, unique among those of its object.
    pub name: Arc<str>,
    /// All of these must hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Condition>,
    /// What is done then.
    #[serde(rename = "do", skip_serializing_if = "RuleActions::is_empty")]
    pub actions: RuleActions,
    /// Whether the object's further rules are not looked at, where this one holds.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stop: bool,
}

impl Rule {
    /// The headers that its conditions look at.
    pub(crate) fn headers(&self) -> impl Iterator<Item = HeaderName> {
        self.when.iter().flat_map(Condition::headers)
    }
}

/// What a rule does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleActions {
    /// The response, which ends the way.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub reply: Option<RuleReply>,
    /// The backends, in place of the Route's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forward: Option<Forward>,
    /// How path and Host are rewritten, in place of the Route's rewrite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<RuleRewrite>,
    /// Edits of the request's headers.
    #[serde(skip_serializing_if = "RuleEdits::is_empty")]
    pub request_headers: RuleEdits,
    /// Edits of the response's headers.
    #[serde(skip_serializing_if = "RuleEdits::is_empty")]
    pub response_headers: RuleEdits,
    /// The timeouts, in place of the Route's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<Timeouts>,
    /// Which failed requests are sent again, in place of what the Route says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
}

impl RuleActions {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A response by a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RuleReply {
    /// A redirect.
    Redirect(Box<RuleRedirect>),
    /// A fixed response.
    Respond(Respond),
    /// A response that has something of the request in it.
    Fill(Box<RuleRespond>),
}

/// A redirect by a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleRedirect {
    /// The parts that are fixed, or that it has of the match.
    #[serde(flatten)]
    pub redirect: Redirect,
    /// A host with variables, in place of a fixed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_text: Option<Text>,
    /// Where a host with variables may lead.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_hosts: Vec<HostPattern>,
    /// A path with variables, in place of a fixed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_text: Option<Text>,
}

/// A response with variables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleRespond {
    /// Its status code.
    #[serde(serialize_with = "status")]
    pub status: StatusCode,
    /// Its headers, in order.
    #[serde(serialize_with = "lines", skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(HeaderName, FieldText)>,
    /// Its body.
    pub body: Text,
    /// How values are escaped in the body.
    #[serde(skip)]
    pub escape: Escape,
}

/// How what comes of a request is written so that it is no syntax there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Escape {
    /// As it is: the place has no syntax.
    #[default]
    Plain,
    /// `&`, `<`, `>` and quotes as character references.
    Html,
    /// As in a JSON string (RFC 8259 §7).
    Json,
}

/// How path and Host change on the way to the backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleRewrite {
    /// The path that the backend gets; absent: the request's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<RulePath>,
    /// The Host that it gets.
    pub host: RuleHost,
}

/// A path that a rule makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum RulePath {
    /// With nothing but what the match captured.
    Template(PathTemplate),
    /// With variables.
    Text(Text),
}

/// The Host that a backend gets by a rule's rewrite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum RuleHost {
    /// An external backend's own, and the client's for any other.
    Usual,
    /// The backend's own.
    Backend,
    /// The client's own.
    Preserve,
    /// This one.
    Set(#[serde(serialize_with = "super::backend::header_value")] HeaderValue),
}

/// Edits of a message's headers by a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum RuleEdits {
    /// With fixed values.
    Fixed(HeaderEdits),
    /// With values of which at least one has variables.
    Filled(FilledEdits),
}

impl Default for RuleEdits {
    fn default() -> Self {
        Self::Fixed(HeaderEdits::default())
    }
}

impl RuleEdits {
    /// Whether there are no edits.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Fixed(edits) => edits.is_empty(),
            Self::Filled(_) => false,
        }
    }
}

/// Header edits with variables, applied in the order remove, set, add.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FilledEdits {
    /// Fields to remove.
    #[serde(serialize_with = "super::edits::names", skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<HeaderName>,
    /// Fields to replace with this one value.
    #[serde(serialize_with = "lines", skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<(HeaderName, FieldText)>,
    /// Field lines to append.
    #[serde(serialize_with = "lines", skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<(HeaderName, FieldText)>,
}

/// A header's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldText {
    /// Without variables; may be from a Secret.
    Fixed(HeaderValue),
    /// With variables.
    Text(Text),
}

fn lines<S: serde::Serializer>(
    lines: &[(HeaderName, FieldText)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Line<'a> {
        name: &'a str,
        value: String,
    }
    serializer.collect_seq(lines.iter().map(|(name, value)| Line {
        name: name.as_str(),
        value: match value {
            FieldText::Fixed(value) => super::redacted(value),
            FieldText::Text(text) => text.to_string(),
        },
    }))
}
