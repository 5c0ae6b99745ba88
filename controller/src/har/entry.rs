//! An entry of a recording: what is read of it. Bodies are not.

use super::lenient::{Number, Part, Text};
use serde::Deserialize;

/// A request and its response (HAR 1.2, "entries"). Fields with an underscore are Chromium's.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Entry<'e> {
    /// The page's `id`.
    #[serde(borrow)]
    pub pageref: Text<'e>,
    /// When the request started (ISO 8601).
    #[serde(borrow)]
    pub started_date_time: Text<'e>,
    /// How long it took in all, in milliseconds; negative or missing if that is not known.
    pub time: Number,
    /// An id of the TCP connection.
    #[serde(borrow)]
    pub connection: Text<'e>,
    /// What the browser loads: `document`, `xhr`, `fetch`, `preflight`, `font` and so on.
    #[serde(rename = "_resourceType", borrow)]
    pub resource_type: Text<'e>,
    /// The request.
    #[serde(borrow)]
    pub request: Part<Request<'e>>,
    /// The response.
    #[serde(borrow)]
    pub response: Part<Response<'e>>,
    /// The phases.
    pub timings: Part<Timings>,
}

/// A request (HAR 1.2, "request").
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request<'e> {
    /// The method.
    #[serde(borrow)]
    pub method: Text<'e>,
    /// The absolute URL.
    #[serde(borrow)]
    pub url: Text<'e>,
    /// The headers, as far as the recorder has them.
    #[serde(borrow)]
    pub headers: Headers<'e>,
    /// The body's description.
    #[serde(borrow)]
    pub post_data: Part<PostData<'e>>,
}

/// A response (HAR 1.2, "response").
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Response<'e> {
    /// The status code; 0 if there was no response.
    pub status: Number,
    /// The headers, as far as the recorder has them.
    #[serde(borrow)]
    pub headers: Headers<'e>,
    /// The body's description.
    #[serde(borrow)]
    pub content: Part<Content<'e>>,
    /// The target of a redirect.
    #[serde(rename = "redirectURL", borrow)]
    pub redirect_url: Text<'e>,
}

/// A header.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Field<'e> {
    /// Its name, in any case.
    #[serde(borrow)]
    pub name: Text<'e>,
    /// Its value. It must not be shown.
    #[serde(borrow)]
    pub value: Text<'e>,
}

/// The description of a request's body.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PostData<'e> {
    /// The media type.
    #[serde(borrow)]
    pub mime_type: Text<'e>,
}

/// The description of a response's body, and the start of the body.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Content<'e> {
    /// The media type.
    #[serde(borrow)]
    pub mime_type: Text<'e>,
    /// The first 16 KiB. It must not be shown.
    #[serde(borrow)]
    pub text: Text<'e>,
}

/// The phases of a request, in milliseconds; -1 for one that does not apply (HAR 1.2, "timings").
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Timings {
    /// Resolving the name.
    pub dns: Number,
    /// Connecting, with the TLS handshake.
    pub connect: Number,
    /// The TLS handshake.
    pub ssl: Number,
    /// Waiting for the response.
    pub wait: Number,
}

/// The name of the program that recorded (HAR 1.2, "creator").
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Creator<'e> {
    /// The name.
    #[serde(borrow)]
    pub name: Text<'e>,
}

/// A page that was visited (HAR 1.2, "pages").
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Page<'e> {
    /// What entries name it by.
    #[serde(borrow)]
    pub id: Text<'e>,
    /// The document's title; in Chromium's recordings its URL.
    #[serde(borrow)]
    pub title: Text<'e>,
}

/// Headers, as far as the recorder has them.
pub type Headers<'e> = Part<Vec<Part<Field<'e>>>>;

/// The value of the first header with this name, in any case.
pub fn header<'h>(headers: &'h Headers<'_>, name: &str) -> Option<&'h str> {
    values(headers, name).next()
}

/// The values of all headers with this name, in any case.
pub fn values<'h>(headers: &'h Headers<'_>, name: &str) -> impl Iterator<Item = &'h str> {
    let fields = headers.0.iter().map(|Part(field)| field);
    fields
        .filter(move |field| field.name.as_str().eq_ignore_ascii_case(name))
        .map(|field| field.value.as_str())
}
