//! The operator's page, which is compiled in.

use super::respond::{Response, respond};
use http::{HeaderValue, StatusCode, header};

/// A file of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asset {
    Page,
    Style,
    Script,
    Icon,
}

/// What the page may load: its own files, and its own data. Nothing may be written into it, and
/// nobody may frame it.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

impl Asset {
    pub(super) fn at(path: &str) -> Option<Self> {
        Some(match path {
            "/" => Self::Page,
            "/page.css" => Self::Style,
            "/page.js" => Self::Script,
            "/page.svg" => Self::Icon,
            _ => return None,
        })
    }

    pub(super) fn response(self) -> Response {
        let (content_type, body) = match self {
            Self::Page => ("text/html; charset=utf-8", include_str!("assets/page.html")),
            Self::Style => ("text/css; charset=utf-8", include_str!("assets/page.css")),
            Self::Script => ("text/javascript; charset=utf-8", include_str!("assets/page.js")),
            Self::Icon => ("image/svg+xml", include_str!("assets/page.svg")),
        };
        let mut response = respond(StatusCode::OK, HeaderValue::from_static(content_type), body);
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY);
        response
    }
}
