//! What is wrong with an object: the one shape of every complaint, from the schema's to the
//! compiler's. Problems become conditions, the lines of `portico check`, and events.

mod field;

pub(crate) use field::{FieldPath, sort_key};

use portico_dataplane::table::ObjectName;
use serde::Serialize;
use std::{borrow::Cow, fmt};

/// What was written for a URL or an origin, as messages show it: what stands before an `@` may be a
/// password, and messages go to logs and statuses.
pub(crate) fn without_user(written: &str) -> Cow<'_, str> {
    match written.rsplit_once('@') {
        Some((_, rest)) => Cow::Owned(format!("…@{rest}")),
        None => Cow::Borrowed(written),
    }
}

/// The kinds that have a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Kind {
    /// `FrontDoor`.
    FrontDoor,
    /// `Route`.
    Route,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::FrontDoor, Self::Route];

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind's name, as manifests have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::FrontDoor => "FrontDoor",
            Self::Route => "Route",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace and name.
    pub name: ObjectName,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Severity {
    /// The object, or a reference of it, can't be honoured.
    Error,
    /// Worth knowing; nothing is refused for it.
    Warning,
}

/// Which condition an error makes false.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum ConditionType {
    /// `Accepted`: nothing of the object is served; but what is wrong with a FrontDoor's CORS policy
    /// concerns only the Routes that would inherit it.
    Accepted,
    /// `ResolvedRefs`: something it names is not there.
    ResolvedRefs,
}

/// Why; one word each, the `reason` of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Reason {
    /// The object breaks the schema: unknown or missing field, wrong type, value out of bounds.
    Invalid,
    /// A key that stands twice in one mapping.
    DuplicateField,
    /// The same object in two files.
    DuplicateObject,
    /// A field that this version can't honour yet.
    Unsupported,
    /// Another object, which is older, has the same host, or the same host, path and predicates.
    Conflicted,
    /// The FrontDoor does not let this namespace attach, or not at this path.
    NotAllowedByFrontDoor,
    /// The FrontDoor does not exist.
    FrontDoorNotFound,
    /// The FrontDoor exists but is not accepted.
    FrontDoorNotAccepted,
    /// The Route names a host that the FrontDoor does not have.
    HostNotFound,
    /// The Service does not exist.
    ServiceNotFound,
    /// The Service has no such port.
    PortNotFound,
    /// The Secret, or the key in it, does not exist, or this install does not read it.
    SecretNotFound,
    /// An endpoint's or an external backend's address may not be dialled.
    AddressNotAllowed,
    /// The Service has an `appProtocol` that can't be spoken, or a type that has no endpoints.
    UnsupportedService,
    /// The Service has no ready endpoint; only a warning, for endpoints come and go.
    NoEndpoints,
    /// Something that does nothing, or less than it says; only a warning.
    NoEffect,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// One problem of one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The object.
    pub object: ObjectRef,
    /// How bad.
    pub severity: Severity,
    /// Which condition it makes false, where it is an error.
    pub condition: ConditionType,
    /// Field path, as Kubernetes writes it: `spec.matches[0].path`.
    pub field: String,
    /// Why, in one word.
    pub reason: Reason,
    /// Why, in a sentence that names the way out.
    pub message: String,
}
