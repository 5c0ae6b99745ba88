//! Problems: the one form in which everything that is wrong with an object is reported, whether the
//! schema or the compiler found it. They become conditions, Events and the output of `portico
//! check`.

mod field;
mod written;

pub use written::{Subject, WrittenAt};

pub(crate) use field::{FieldPath, is_child, is_within, sort_key, without_indices};

use portico_dataplane::table::ObjectName;
use serde::Serialize;
use std::{borrow::Cow, fmt};

/// A URL or an origin for display, without what precedes an `@`: it may contain a password, and
/// messages end up in logs and statuses.
pub(crate) fn without_user(written: &str) -> Cow<'_, str> {
    match written.rsplit_once('@') {
        Some((_, rest)) => Cow::Owned(format!("…@{rest}")),
        None => Cow::Borrowed(written),
    }
}

/// The kinds that have a status: Portico's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Kind {
    /// `FrontDoor`.
    FrontDoor,
    /// `Route`.
    Route,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::FrontDoor, Self::Route];

    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind's name in manifests.
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

/// A reference to an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// The object's kind.
    pub kind: Kind,
    /// The object's namespace and name.
    pub name: ObjectName,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// How serious a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Severity {
    /// The object, or one of its references, can't be honoured.
    Error,
    /// Worth knowing, but nothing is rejected because of it.
    Warning,
}

/// The condition that an error makes false.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum ConditionType {
    /// `Accepted`: nothing of the object is served. The exception is an error in a FrontDoor's CORS
    /// policy, which only affects the Routes that would inherit it.
    Accepted,
    /// `ResolvedRefs`: an object that it references is missing or unusable.
    ResolvedRefs,
}

/// A problem's cause in one CamelCase word: the `reason` of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Reason {
    /// The object violates the schema: an unknown or missing field, a wrong type, a value out of
    /// bounds.
    Invalid,
    /// A key appears twice in one mapping.
    DuplicateField,
    /// The same object is defined twice. An error if the definitions differ.
    DuplicateObject,
    /// An older object has the same host, or the same host, path and predicates.
    Conflicted,
    /// `--host-claims` does not let this namespace have the host.
    HostNotClaimed,
    /// The FrontDoor does not let this namespace attach, or not at this path.
    NotAllowedByFrontDoor,
    /// The FrontDoor does not exist.
    FrontDoorNotFound,
    /// The FrontDoor exists but is not accepted.
    FrontDoorNotAccepted,
    /// The Route names a host that the FrontDoor does not serve.
    HostNotFound,
    /// The Service does not exist.
    ServiceNotFound,
    /// The Service has no such port.
    PortNotFound,
    /// The Secret, or the key in it, does not exist, or this install does not read it.
    SecretNotFound,
    /// The Secret exists, but the API server has not given it to this install.
    SecretNotRead,
    /// A Secret without a valid certificate, or authorities that are missing or invalid.
    InvalidCertificate,
    /// The certificate does not name the host. Only a warning.
    CertificateName,
    /// The certificate has expired, will within 14 days, or is not valid yet. Only a warning.
    CertificateExpiry,
    /// The address of an endpoint or an external backend must not be dialled.
    AddressNotAllowed,
    /// The Service has a type without endpoints, or a port that is not TCP; as a warning, an unknown
    /// `appProtocol`.
    UnsupportedService,
    /// The Service has no ready endpoint. Only a warning, because endpoints come and go.
    NoEndpoints,
    /// Something has no effect, or less than it seems to. Only a warning.
    NoEffect,
    /// Something is valid, but probably not what was meant. Only a warning.
    LikelyMistake,
}

impl Reason {
    /// Whether only an edit of the object itself ends an error with this reason. Others may also go
    /// away when another object changes.
    pub fn needs_an_edit(self) -> bool {
        match self {
            Self::Invalid | Self::DuplicateField | Self::DuplicateObject => true,
            Self::FrontDoorNotFound
            | Self::HostNotFound
            | Self::Conflicted
            | Self::NotAllowedByFrontDoor
            | Self::FrontDoorNotAccepted
            | Self::HostNotClaimed
            | Self::ServiceNotFound
            | Self::PortNotFound
            | Self::SecretNotFound
            | Self::SecretNotRead
            | Self::InvalidCertificate
            | Self::CertificateName
            | Self::CertificateExpiry
            | Self::AddressNotAllowed
            | Self::UnsupportedService
            | Self::NoEndpoints
            | Self::NoEffect
            | Self::LikelyMistake => false,
        }
    }

    /// Whether an error with this reason is a mistake in what the object itself says. Other errors
    /// are about what others say: a conflict, or a FrontDoor that lets nobody attach.
    pub fn is_of_content(self) -> bool {
        match self {
            Self::Invalid
            | Self::DuplicateField
            | Self::DuplicateObject
            | Self::FrontDoorNotFound
            | Self::HostNotFound => true,
            Self::Conflicted
            | Self::NotAllowedByFrontDoor
            | Self::FrontDoorNotAccepted
            | Self::HostNotClaimed
            | Self::ServiceNotFound
            | Self::PortNotFound
            | Self::SecretNotFound
            | Self::SecretNotRead
            | Self::InvalidCertificate
            | Self::CertificateName
            | Self::CertificateExpiry
            | Self::AddressNotAllowed
            | Self::UnsupportedService
            | Self::NoEndpoints
            | Self::NoEffect
            | Self::LikelyMistake => false,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A problem of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The object.
    pub object: ObjectRef,
    /// How serious it is.
    pub severity: Severity,
    /// The condition that it makes false, if it is an error.
    pub condition: ConditionType,
    /// The path of the field, as Kubernetes writes it: `spec.matches[0].path`.
    pub field: String,
    /// The cause in one word.
    pub reason: Reason,
    /// The cause in a sentence, and how to fix it.
    pub message: String,
}

/// How the message about an unknown field begins.
pub(crate) const UNKNOWN_FIELD: &str = "unknown field";

impl Problem {
    /// What it is about.
    pub fn subject(&self) -> Subject<'_> {
        let is_name = Self::is_about_name(Some(self.reason), &self.message);
        Subject { object: &self.object, field: &self.field, is_name }
    }

    /// Whether a problem is about a field's name rather than its value.
    pub(crate) fn is_about_name(reason: Option<Reason>, message: &str) -> bool {
        reason == Some(Reason::DuplicateField) || message.starts_with(UNKNOWN_FIELD)
    }
}
