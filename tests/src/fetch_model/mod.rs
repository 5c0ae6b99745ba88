//! A browser's side of CORS, from the text of the Fetch Standard (<https://fetch.spec.whatwg.org>):
//! what it sends for a script's `fetch()`, and what of the answers it lets the script have. It does
//! no I/O, knows nothing of Portico, and shares no code with it, so that the two can be held against
//! each other. Redirects and the preflight cache are left out.

mod cache;
mod message;
mod preflight;
mod response;
mod safelist;
#[cfg(test)]
mod tests;

pub use cache::SharedCache;
pub use message::{Answer, Headers, Request};
pub use response::Readable;

/// A request's credentials mode (Fetch §2.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// Never sent.
    Omit,
    /// Sent to the page's own origin; what `fetch()` does unless told.
    SameOrigin,
    /// Always sent.
    Include,
}

/// What a script asks of `fetch()`, in mode "cors".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// The page's origin, serialised; `null` where it is opaque.
    pub origin: String,
    /// The URL's origin, serialised.
    pub target: String,
    /// The URL's path and query.
    pub path: String,
    /// The method, as the script writes it.
    pub method: String,
    /// The headers that the script sets, none of them a forbidden one.
    pub headers: Headers,
    /// Whether cookies go along.
    pub credentials: Credentials,
}

/// At which step a fetch becomes a network error, of which a script learns nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkError {
    /// The CORS check (§4.10) of the preflight's answer.
    PreflightCheck,
    /// The preflight's answer has no ok status (§4.8 step 7).
    PreflightStatus,
    /// The preflight's answer has a list that can't be parsed (§4.8 step 7.3).
    PreflightLists,
    /// The method is not allowed (§4.8 step 7.5).
    Method,
    /// A header is not allowed (§4.8 steps 7.6 and 7.7).
    Header,
    /// The CORS check (§4.10) of the answer itself.
    Check,
}

impl Fetch {
    /// The method that is sent (§2.2.1, "normalize a method").
    pub fn sent_method(&self) -> String {
        let upper = self.method.to_ascii_uppercase();
        match upper.as_str() {
            "DELETE" | "GET" | "HEAD" | "OPTIONS" | "POST" | "PUT" => upper,
            _ => self.method.clone(),
        }
    }

    /// Whether the page is of the origin that it talks to; an opaque origin is the same as no other
    /// (HTML, "same origin").
    pub fn is_same_origin(&self) -> bool {
        self.origin == self.target && self.origin != "null"
    }

    /// The request itself, which goes out after a successful preflight or without one.
    pub fn request(&self) -> Request {
        let method = self.sent_method();
        let mut headers = self.headers.clone();
        // §3.2, "append a request `Origin` header": a cross-origin request names its origin, and so
        // does one to the own origin that may change something.
        if !self.is_same_origin() || !matches!(method.as_str(), "GET" | "HEAD") {
            headers.append("Origin", &self.origin);
        }
        // §4.6, HTTP-network-or-cache fetch: whether credentials are included.
        let sends_cookies = match self.credentials {
            Credentials::Include => true,
            Credentials::SameOrigin => self.is_same_origin(),
            Credentials::Omit => false,
        };
        if sends_cookies {
            headers.append("Cookie", "session=1");
        }
        Request { method, target: self.target.clone(), path: self.path.clone(), headers }
    }
}
