//! The refusals that Portico generates: one closed enum, with one exhaustive function each for the
//! status code, the metric label and the sentence sent to the client.

use crate::{cors::Denial, path::PathError};
use http::StatusCode;

/// Why Portico answers a request itself instead of the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Refusal {
    /// Ambiguous framing: two parsers could read it differently (RFC 9112 §6.3, §11.2).
    AmbiguousFraming,
    /// A transfer coding other than a sole `chunked` (RFC 9112 §6.1).
    UnknownTransferCoding,
    /// Not an HTTP/1.1 head: bare line feeds, folded lines, spaces around a name (RFC 9112 §2.2,
    /// §5).
    MalformedHead,
    /// A request line longer than `--max-uri-bytes`.
    UriTooLong,
    /// A head longer than `--max-head-bytes`.
    HeadTooLarge,
    /// A head with more fields than are allowed.
    TooManyFields,
    /// A head that was not complete in time.
    HeadTimeout,
    /// CONNECT: Portico is not a forward proxy.
    Connect,
    /// TRACE or TRACK, which would show a client what the edge adds to its requests.
    MethodNotAllowed,
    /// Host is missing, repeated or invalid (RFC 9112 §3.2).
    InvalidHost,
    /// A trusted proxy reports a host that the FrontDoor does not have.
    InvalidForwardedHost,
    /// A target that is neither a path nor an absolute http(s) URL.
    InvalidTarget,
    /// A `Destination` that is neither a path nor an absolute http(s) URL (RFC 4918 §10.3).
    InvalidDestination,
    /// A `Destination` that is not at the request's backend, as far as the front door's Routes go
    /// (RFC 4918 §9.8.5, §9.9.4).
    ForeignDestination,
    /// A path that can't be normalised (RFC 3986 §6.2.2).
    InvalidPath(PathError),
    /// This install's name is already in `Via` (RFC 9110 §7.6.3).
    Loop,
    /// No FrontDoor serves the host.
    NoHost,
    /// The TLS connection was opened for a host with other TLS (RFC 9110 §15.5.20).
    Misdirected,
    /// Plain HTTP for a host that refuses it.
    PlainHttp,
    /// Plain HTTP on the port for HTTPS.
    HttpsExpected,
    /// No Route of the host matches the request.
    NoRoute,
    /// The predicates of the path's Routes, or rules, would have to look at too much of the request.
    PredicatesTooCostly,
    /// The host's FrontDoor is not accepted, and only holds the host.
    FrontDoorNotAccepted,
    /// The Route is not accepted, and only holds its place.
    RouteNotAccepted,
    /// A rule's redirect leads to a host that comes of the request, and is none of those that it may
    /// lead to.
    RedirectHostNotAllowed,
    /// The CORS policy does not allow the page's origin, or what its preflight requests.
    CorsDenied(Denial),
    /// The Route, or a rule of its FrontDoor, names a Secret that does not exist.
    NotResolved,
    /// No backend of the Route has a ready endpoint.
    NoEndpoint,
    /// All endpoints have as many requests as they may, and as many wait, or it waited too long.
    Overloaded,
    /// The body is longer than `--max-body-bytes`.
    BodyTooLarge,
    /// The client's body is malformed or was cut off.
    BodyBroken,
    /// The client stopped sending its body.
    BodyTimeout,
    /// The backend's name does not resolve.
    NameNotResolved,
    /// The backend's name resolves to an address that is not allowed.
    AddressNotAllowed,
    /// The backend does not accept connections.
    ConnectFailed,
    /// The backend did not accept a connection in time.
    ConnectTimeout,
    /// The TLS handshake with the backend failed.
    TlsFailed,
    /// The backend closed the connection before its response's head, or later its body, was
    /// complete.
    BackendBroken,
    /// The backend's response breaks a rule of HTTP or a bound.
    BackendMalformed,
    /// A WebSocket handshake for a backend whose protocol can't carry it.
    UpgradeUnsupported,
    /// The backend's response did not begin in time.
    BackendTimeout,
    /// Too many requests that are costly to serve wait for their turn, or this one has waited too
    /// long.
    Busy,
}

impl Refusal {
    /// The status code of the response.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::AmbiguousFraming
            | Self::MalformedHead
            | Self::InvalidHost
            | Self::InvalidForwardedHost
            | Self::InvalidTarget
            | Self::InvalidDestination
            | Self::InvalidPath(_)
            | Self::RedirectHostNotAllowed
            | Self::HttpsExpected
            | Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::UnknownTransferCoding | Self::UpgradeUnsupported => StatusCode::NOT_IMPLEMENTED,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadTooLarge | Self::TooManyFields | Self::PredicatesTooCostly => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            Self::HeadTimeout | Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::Connect | Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Loop => StatusCode::LOOP_DETECTED,
            Self::CorsDenied(_) | Self::PlainHttp => StatusCode::FORBIDDEN,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::NoHost | Self::NoRoute => StatusCode::NOT_FOUND,
            Self::FrontDoorNotAccepted
            | Self::RouteNotAccepted
            | Self::NotResolved
            | Self::NoEndpoint
            | Self::Overloaded
            | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::ForeignDestination
            | Self::NameNotResolved
            | Self::AddressNotAllowed
            | Self::ConnectFailed
            | Self::TlsFailed
            | Self::BackendBroken
            | Self::BackendMalformed => StatusCode::BAD_GATEWAY,
            Self::ConnectTimeout | Self::BackendTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The `reason` of metrics, the access log and problem details.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::AmbiguousFraming => "AmbiguousFraming",
            Self::UnknownTransferCoding => "UnknownTransferCoding",
            Self::MalformedHead => "MalformedHead",
            Self::UriTooLong => "UriTooLong",
            Self::HeadTooLarge => "HeadTooLarge",
            Self::TooManyFields => "TooManyFields",
            Self::HeadTimeout => "HeadTimeout",
            Self::Connect => "Connect",
            Self::MethodNotAllowed => "MethodNotAllowed",
            Self::InvalidHost => "InvalidHost",
            Self::InvalidForwardedHost => "InvalidForwardedHost",
            Self::InvalidTarget => "InvalidTarget",
            Self::InvalidDestination => "InvalidDestination",
            Self::ForeignDestination => "ForeignDestination",
            Self::InvalidPath(_) => "InvalidPath",
            Self::Loop => "Loop",
            Self::NoHost => "NoHost",
            Self::Misdirected => "Misdirected",
            Self::PlainHttp => "PlainHttp",
            Self::HttpsExpected => "HttpsExpected",
            Self::NoRoute => "NoRoute",
            Self::PredicatesTooCostly => "PredicatesTooCostly",
            Self::FrontDoorNotAccepted => "FrontDoorNotAccepted",
            Self::RouteNotAccepted => "RouteNotAccepted",
            Self::RedirectHostNotAllowed => "RedirectHostNotAllowed",
            Self::CorsDenied(Denial::Origin) => "CorsOrigin",
            Self::CorsDenied(Denial::Method) => "CorsMethod",
            Self::CorsDenied(Denial::Header) => "CorsHeader",
            Self::CorsDenied(Denial::Malformed) => "CorsMalformed",
            Self::NotResolved => "NotResolved",
            Self::NoEndpoint => "NoEndpoint",
            Self::Overloaded => "Overloaded",
            Self::BodyTooLarge => "BodyTooLarge",
            Self::BodyBroken => "BodyBroken",
            Self::BodyTimeout => "BodyTimeout",
            Self::NameNotResolved => "NameNotResolved",
            Self::AddressNotAllowed => "AddressNotAllowed",
            Self::ConnectFailed => "ConnectFailed",
            Self::ConnectTimeout => "ConnectTimeout",
            Self::TlsFailed => "TlsFailed",
            Self::BackendBroken => "BackendBroken",
            Self::BackendMalformed => "BackendMalformed",
            Self::UpgradeUnsupported => "UpgradeUnsupported",
            Self::BackendTimeout => "BackendTimeout",
            Self::Busy => "Busy",
        }
    }

    /// The `detail` of problem details: one sentence for the caller.
    pub(crate) fn detail(self) -> String {
        match self {
            Self::AmbiguousFraming => "The length of the request's body is ambiguous: send either one Content-Length or Transfer-Encoding: chunked.",
            Self::UnknownTransferCoding => "The only supported transfer coding is 'chunked', on its own.",
            Self::MalformedHead => "The request's head is malformed: lines must end in CR LF, must not be folded, and must not have a space before the colon.",
            Self::UriTooLong => "The request line is too long.",
            Self::HeadTooLarge => "The request's header fields are too large.",
            Self::TooManyFields => "The request has too many header fields.",
            Self::HeadTimeout => "The request's head did not arrive in time.",
            Self::Connect => "CONNECT is not supported: this is not a forward proxy.",
            Self::MethodNotAllowed => "TRACE and TRACK are not supported: the response would show what the front door adds to requests.",
            Self::InvalidForwardedHost => "The trusted proxy in front reports a host that the FrontDoor does not have: it passes on what the client sent in X-Forwarded-Host or Forwarded, or the host is missing from the FrontDoor.",
            Self::InvalidHost => "The request must have exactly one valid Host.",
            Self::InvalidTarget => "The request target must be a path or an absolute http or https URL, without a fragment.",
            Self::InvalidDestination => "Destination must be one absolute path or http or https URL.",
            Self::ForeignDestination => "Destination must be a URL at this front door that a Route sends to the same backend.",
            Self::InvalidPath(why) => return format!("The request's path is refused: {why}."),
            Self::Loop => "The request has already passed through this front door: a backend points back at it.",
            Self::NoHost => "No FrontDoor has this host.",
            Self::Misdirected => "This TLS connection was opened for another host: open one for this host.",
            Self::PlainHttp => "This host is served over https only.",
            Self::HttpsExpected => "This port serves https, and the request is plain HTTP.",
            Self::NoRoute => "No Route of this host matches the request.",
            Self::PredicatesTooCostly => "The request's header fields and query are too large for the conditions and rules that apply to it.",
            Self::FrontDoorNotAccepted => "The FrontDoor of this host is not accepted: its status says why.",
            Self::RouteNotAccepted => "The Route for this request is not accepted: its status says why.",
            Self::RedirectHostNotAllowed => "The request asks to be redirected to a host that the front door does not redirect to.",
            Self::CorsDenied(Denial::Origin) => "The CORS policy does not allow the page's origin.",
            Self::CorsDenied(Denial::Method) => "The CORS policy does not allow the method that the preflight requests.",
            Self::CorsDenied(Denial::Header) => "The CORS policy does not allow a header that the preflight requests.",
            Self::CorsDenied(Denial::Malformed) => "The preflight's Access-Control-Request-Method or -Headers is malformed.",
            Self::NotResolved => "The Route, or its FrontDoor, refers to something that does not exist.",
            Self::NoEndpoint => "No backend of the Route has a ready endpoint.",
            Self::Overloaded => "The backend already has as many requests as its limits allow: try again later.",
            Self::BodyTooLarge => "The request's body is too large.",
            Self::BodyBroken => "The request's body is malformed or was cut off.",
            Self::BodyTimeout => "The request's body stopped arriving.",
            Self::NameNotResolved => "The backend's host name does not resolve.",
            Self::AddressNotAllowed => "The backend's host resolves to an address that is not allowed.",
            Self::ConnectFailed => "The backend does not accept connections.",
            Self::ConnectTimeout => "The backend did not accept a connection in time.",
            Self::TlsFailed => "The TLS handshake with the backend failed.",
            Self::BackendBroken => "The backend closed the connection without a complete response.",
            Self::BackendMalformed => "The backend's response is not valid HTTP, or exceeds a limit.",
            Self::UpgradeUnsupported => "No WebSocket was opened. A backend that speaks HTTP/2 carries one only if it announces extended CONNECT (RFC 8441): otherwise give WebSockets a Service port with appProtocol 'http' or 'kubernetes.io/ws'.",
            Self::BackendTimeout => "The backend did not respond in time.",
            Self::Busy => "Too many requests that are as costly to serve as this one are already waiting: try again later.",
        }
        .to_owned()
    }

    /// Whether the connection must close, because its framing can no longer be trusted or it is the
    /// wrong one.
    pub(crate) fn closes_connection(self) -> bool {
        match self {
            Self::AmbiguousFraming
            | Self::UnknownTransferCoding
            | Self::MalformedHead
            | Self::UriTooLong
            | Self::HeadTooLarge
            | Self::TooManyFields
            | Self::HeadTimeout
            | Self::Connect
            | Self::InvalidHost
            | Self::Misdirected
            | Self::HttpsExpected
            | Self::BodyTooLarge
            | Self::BodyBroken
            | Self::BodyTimeout => true,
            Self::MethodNotAllowed
            | Self::InvalidForwardedHost
            | Self::InvalidTarget
            | Self::InvalidDestination
            | Self::ForeignDestination
            | Self::InvalidPath(_)
            | Self::Loop
            | Self::NoHost
            | Self::PlainHttp
            | Self::NoRoute
            | Self::PredicatesTooCostly
            | Self::FrontDoorNotAccepted
            | Self::RouteNotAccepted
            | Self::RedirectHostNotAllowed
            | Self::CorsDenied(_)
            | Self::NotResolved
            | Self::NoEndpoint
            | Self::Overloaded
            | Self::NameNotResolved
            | Self::AddressNotAllowed
            | Self::ConnectFailed
            | Self::ConnectTimeout
            | Self::TlsFailed
            | Self::BackendBroken
            | Self::BackendMalformed
            | Self::UpgradeUnsupported
            | Self::BackendTimeout
            | Self::Busy => false,
        }
    }

    /// After how many seconds the client may try again (RFC 9110 §10.2.3), if that is known.
    pub(crate) fn retry_after(self) -> Option<u32> {
        matches!(self, Self::Overloaded | Self::Busy).then_some(1)
    }
}
