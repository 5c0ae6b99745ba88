//! The CORS-preflight fetch (Fetch §4.8).

use super::{Answer, Credentials, Fetch, Headers, NetworkError, Request, safelist};

impl Fetch {
    /// The question that goes out before the request itself.
    pub fn preflight(&self) -> Request {
        let mut headers = Headers::default();
        headers.append("Accept", "*/*");
        headers.append("Access-Control-Request-Method", &self.sent_method());
        // Sorted, in lower case, and without a space behind the comma.
        let names: Vec<_> = self.unsafe_names().into_iter().collect();
        if !names.is_empty() {
            headers.append("Access-Control-Request-Headers", &names.join(","));
        }
        headers.append("Origin", &self.origin);
        let method = "OPTIONS".to_owned();
        Request { method, target: self.target.clone(), path: self.path.clone(), headers }
    }

    /// Whether the request itself may be sent after this answer: step 7.
    pub fn heed_preflight(&self, answer: &Answer) -> Result<(), NetworkError> {
        // Of the request, not of the preflight: the request's credentials mode counts.
        if !self.passes_cors_check(answer) {
            return Err(NetworkError::PreflightCheck);
        }
        if !(200..=299).contains(&answer.status) {
            return Err(NetworkError::PreflightStatus);
        }
        let list = |name| {
            let tokens = answer.headers.tokens(name).map_err(|_| NetworkError::PreflightLists);
            tokens.map(Option::unwrap_or_default)
        };
        let methods = list("Access-Control-Allow-Methods")?;
        let names = list("Access-Control-Allow-Headers")?;
        let wildcards_count = self.credentials != Credentials::Include;

        let method = self.sent_method();
        let is_allowed = methods.contains(&method.as_str())
            || safelist::is_safelisted_method(&method)
            || wildcards_count && methods.contains(&"*");
        if !is_allowed {
            return Err(NetworkError::Method);
        }
        let is_listed = |name: &str| names.iter().any(|listed| listed.eq_ignore_ascii_case(name));
        // "CORS non-wildcard request-header name".
        if self.headers.get("Authorization").is_some() && !is_listed("Authorization") {
            return Err(NetworkError::Header);
        }
        let is_allowed = |name: &String| is_listed(name) || wildcards_count && names.contains(&"*");
        if !self.unsafe_names().iter().all(is_allowed) {
            return Err(NetworkError::Header);
        }
        Ok(())
    }
}
