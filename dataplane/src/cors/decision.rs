//! Applies a CORS policy to a request and decides what happens to its response's headers.

use super::{
    CorsRequest, Denial, DisallowedOrigin, Outcome, Policy, Preflight, PreflightHandling,
    ResponseHeaders, Verdict, origin, preflight, response_headers::CorsHeaders,
};
use http::{HeaderMap, HeaderValue};

/// What a policy decides about a request and its response's headers.
#[derive(Debug, Default)]
pub(crate) struct Decision<'t> {
    /// The verdict; `None` if the request is not cross-origin, or no policy applies.
    pub(crate) verdict: Option<Verdict>,
    /// What happens to the request.
    pub(crate) disposition: Disposition,
    /// What happens to the response's headers.
    pub(crate) response_headers: ResponseHeaders<'t>,
}

/// What happens to a request.
#[derive(Debug, Default)]
pub(crate) enum Disposition {
    /// Continues to its Route.
    #[default]
    Proceed,
    /// A preflight, answered here with these headers. Boxed because few requests are preflights.
    Answer(Box<HeaderMap>),
    /// Refused with 403.
    Refuse(Denial),
}

impl<'t> Decision<'t> {
    /// Applies `policy`, if there is one, to a request.
    pub(crate) fn of(policy: Option<&'t Policy>, cors_request: &CorsRequest<'_>) -> Self {
        let Some(policy) = policy else { return Self::default() };
        let (outcome, disposition, headers) = match cors_request {
            CorsRequest::Plain | CorsRequest::SameOrigin => {
                (None, Disposition::Proceed, CorsHeaders::Withheld)
            }
            CorsRequest::CrossOrigin(origin) => actual_request(policy, *origin),
            CorsRequest::Preflight(preflight) => preflight_request(policy, preflight),
        };
        let verdict = outcome.map(|outcome| Verdict { outcome, report_only: policy.report_only });
        if policy.report_only {
            return Self { verdict, ..Self::default() };
        }
        let why = outcome.filter(|_| policy.debug).and_then(Outcome::denial).and_then(|denial| {
            HeaderValue::from_str(&denial_reason(denial, policy, cors_request)).ok()
        });
        Self { verdict, disposition, response_headers: ResponseHeaders { headers, why } }
    }
}

type Parts<'t> = (Option<Outcome>, Disposition, CorsHeaders<'t>);

/// The actual request: one that needs no preflight, or whose preflight has succeeded (Fetch, "CORS
/// check").
fn actual_request<'t>(policy: &'t Policy, origin: Option<&HeaderValue>) -> Parts<'t> {
    if let Some(origin) = origin.filter(|origin| policy.origins.admit(origin.as_bytes())) {
        let headers = CorsHeaders::Granted(policy, origin.clone());
        return (Some(Outcome::Allowed), Disposition::Proceed, headers);
    }
    let (outcome, disposition) = match policy.disallowed_origin {
        DisallowedOrigin::Forward => (Outcome::Disallowed, Disposition::Proceed),
        DisallowedOrigin::Reject => (Outcome::Rejected, Disposition::Refuse(Denial::Origin)),
    };
    (Some(outcome), disposition, CorsHeaders::Withheld)
}

/// A CORS-preflight request (Fetch, "CORS-preflight fetch").
fn preflight_request<'t>(policy: &'t Policy, preflight: &Preflight<'_>) -> Parts<'t> {
    let denied = |denial| {
        (
            Some(Outcome::PreflightDenied(denial)),
            Disposition::Refuse(denial),
            CorsHeaders::Preflight,
        )
    };
    let is_allowed = policy.origins.admit(preflight.origin.as_bytes());
    match (policy.preflight, policy.disallowed_origin) {
        (PreflightHandling::Answer, _) | (PreflightHandling::Forward, DisallowedOrigin::Reject)
            if !is_allowed =>
        {
            denied(Denial::Origin)
        }
        (PreflightHandling::Forward, DisallowedOrigin::Forward | DisallowedOrigin::Reject) => {
            (Some(Outcome::PreflightForwarded), Disposition::Proceed, CorsHeaders::Untouched)
        }
        (PreflightHandling::Answer, DisallowedOrigin::Forward | DisallowedOrigin::Reject) => {
            match preflight::response_headers(policy, preflight) {
                Ok(headers) => {
                    let disposition = Disposition::Answer(Box::new(headers));
                    (Some(Outcome::PreflightAllowed), disposition, CorsHeaders::Preflight)
                }
                Err(why) => denied(why.denial()),
            }
        }
    }
}

/// Why a request is denied, in a sentence for whoever fixes the policy or the page; empty if it is
/// not denied.
pub(crate) fn denial_reason(
    denial: Denial,
    policy: &Policy,
    cors_request: &CorsRequest<'_>,
) -> String {
    match (denial, cors_request) {
        (Denial::Origin, CorsRequest::CrossOrigin(Some(origin))) => not_allowed(origin),
        (Denial::Origin, CorsRequest::CrossOrigin(None)) => {
            "Origin occurs more than once".to_owned()
        }
        (Denial::Origin, CorsRequest::Preflight(preflight)) => not_allowed(preflight.origin),
        (
            Denial::Method | Denial::Header | Denial::Malformed,
            CorsRequest::Preflight(preflight),
        ) => {
            let denied = preflight::response_headers(policy, preflight).err();
            denied.map(|why| why.to_string()).unwrap_or_default()
        }
        (
            Denial::Origin | Denial::Method | Denial::Header | Denial::Malformed,
            CorsRequest::Plain | CorsRequest::SameOrigin | CorsRequest::CrossOrigin(_),
        ) => String::new(),
    }
}

fn not_allowed(origin: &HeaderValue) -> String {
    match origin.to_str() {
        Ok(text) if text.len() <= origin::MAX_BYTES => format!("origin '{text}' is not allowed"),
        Ok(_) | Err(_) => "Origin is too long, or not ASCII".to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
