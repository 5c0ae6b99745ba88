//! What of an answer the script may have.

use super::{Answer, Credentials, Fetch, NetworkError};
use std::collections::BTreeSet;

/// What of an answer a script can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readable {
    /// The status code.
    pub status: u16,
    /// The names of the headers, in lower case.
    pub names: BTreeSet<String>,
    /// The body.
    pub body: String,
}

impl Fetch {
    /// What the script gets of the answer to the request itself: a basic filtered response from its
    /// own origin, a CORS filtered response (§2.2.6) from another, if the CORS check allows.
    pub fn read(&self, answer: &Answer) -> Result<Readable, NetworkError> {
        let names = answer.headers.iter().map(|(name, _)| name.to_ascii_lowercase());
        let names: BTreeSet<_> = if self.is_same_origin() {
            names.filter(|name| !is_forbidden(name)).collect()
        } else if self.passes_cors_check(answer) {
            let exposed = self.exposed(answer);
            names.filter(|name| is_safelisted(name, &exposed)).collect()
        } else {
            return Err(NetworkError::Check);
        };
        Ok(Readable { status: answer.status, names, body: answer.body.clone() })
    }

    /// The CORS check (§4.10).
    pub(super) fn passes_cors_check(&self, answer: &Answer) -> bool {
        let Some(origin) = answer.headers.get("Access-Control-Allow-Origin") else { return false };
        match self.credentials {
            Credentials::Omit | Credentials::SameOrigin => origin == "*" || origin == self.origin,
            Credentials::Include => {
                let credentials = answer.headers.get("Access-Control-Allow-Credentials");
                origin == self.origin && credentials.as_deref() == Some("true")
            }
        }
    }

    /// The response's CORS-exposed header-name list (§4.1, main fetch), in lower case.
    fn exposed(&self, answer: &Answer) -> BTreeSet<String> {
        let listed = answer.headers.tokens("Access-Control-Expose-Headers");
        let listed = listed.ok().flatten().unwrap_or_default();
        if self.credentials != Credentials::Include && listed.contains(&"*") {
            return answer.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        }
        listed.into_iter().map(str::to_ascii_lowercase).collect()
    }
}

/// "CORS-safelisted response-header name" (§2.2.2).
fn is_safelisted(name: &str, exposed: &BTreeSet<String>) -> bool {
    let always = [
        "cache-control",
        "content-language",
        "content-length",
        "content-type",
        "expires",
        "last-modified",
        "pragma",
    ];
    always.contains(&name) || exposed.contains(name) && !is_forbidden(name)
}

/// "Forbidden response-header name" (§2.2.2).
fn is_forbidden(name: &str) -> bool {
    matches!(name, "set-cookie" | "set-cookie2")
}
