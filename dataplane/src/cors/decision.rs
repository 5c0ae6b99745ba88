//! What a policy says of a request.

use super::{
    Asking, DisallowedOrigin, Policy, Preflight, PreflightHandling, Treatment, origin, preflight,
    treatment::AnswerHeaders,
};
use http::{HeaderMap, HeaderValue};

/// A policy's word on a request: counted, logged and explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// The page may send the request that it asks for.
    PreflightAllowed,
    /// It may not.
    PreflightDenied(Denial),
    /// The backend is asked.
    PreflightForwarded,
    /// The page may read the answer.
    Allowed,
    /// It may not; the request is forwarded all the same.
    Disallowed,
    /// It may not, and the request is refused.
    Rejected,
}

impl Verdict {
    /// What is not allowed, if anything.
    pub(crate) fn denial(self) -> Option<Denial> {
        match self {
            Self::PreflightDenied(denial) => Some(denial),
            Self::Disallowed | Self::Rejected => Some(Denial::Origin),
            Self::PreflightAllowed | Self::PreflightForwarded | Self::Allowed => None,
        }
    }
}

/// What of a request is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Denial {
    /// The page's origin.
    Origin,
    /// The method that a preflight asks for.
    Method,
    /// One of the headers that it asks for.
    Header,
    /// What it asks for can't be read, or is out of bounds.
    Malformed,
}

impl Denial {
    /// Why, in a sentence for whoever mends the policy or the page.
    pub(crate) fn why(self, policy: &Policy, asking: &Asking<'_>) -> String {
        match (self, asking) {
            (Self::Origin, Asking::CrossOrigin(Some(origin))) => not_allowed(origin),
            (Self::Origin, Asking::CrossOrigin(None)) => "Origin came twice".to_owned(),
            (Self::Origin, Asking::Preflight(asked)) => not_allowed(asked.origin),
            (Self::Method | Self::Header | Self::Malformed, Asking::Preflight(asked)) => {
                preflight::grant(policy, asked).err().map(|why| why.to_string()).unwrap_or_default()
            }
            // Neither is ever denied.
            (_, Asking::Plain | Asking::SameOrigin | Asking::CrossOrigin(_)) => String::new(),
        }
    }
}

fn not_allowed(origin: &HeaderValue) -> String {
    match origin.to_str() {
        Ok(text) if text.len() <= origin::MAX_BYTES => format!("origin '{text}' is not allowed"),
        Ok(_) | Err(_) => "Origin is too long, or not ASCII".to_owned(),
    }
}

/// A verdict, and whether it is only counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Judged {
    /// The verdict.
    pub(crate) verdict: Verdict,
    /// Whether the policy only reports, so that nothing has changed.
    pub(crate) report_only: bool,
}

/// What becomes of a request, and of its answer's headers.
#[derive(Debug, Default)]
pub(crate) struct Decision<'t> {
    /// The verdict; `None` where the request is not cross-origin, or no policy speaks of it.
    pub(crate) judged: Option<Judged>,
    /// What becomes of the request.
    pub(crate) step: Step,
    /// What becomes of the answer's headers.
    pub(crate) treatment: Treatment<'t>,
}

/// What becomes of a request.
#[derive(Debug, Default)]
pub(crate) enum Step {
    /// It goes its way.
    #[default]
    Proceed,
    /// It is a preflight, which is answered here, with these headers. Boxed: most are none.
    Answer(Box<HeaderMap>),
    /// It is refused with 403.
    Refuse(Denial),
}

impl<'t> Decision<'t> {
    /// Decides on a request, of which `policy`, if any, has the say.
    pub(crate) fn of(policy: Option<&'t Policy>, asking: &Asking<'_>) -> Self {
        let Some(policy) = policy else { return Self::default() };
        let (verdict, step, headers) = match asking {
            Asking::Plain | Asking::SameOrigin => (None, Step::Proceed, AnswerHeaders::Withheld),
            Asking::CrossOrigin(origin) => actual(policy, *origin),
            Asking::Preflight(preflight) => beforehand(policy, preflight),
        };
        let judged = verdict.map(|verdict| Judged { verdict, report_only: policy.report_only });
        if policy.report_only {
            return Self { judged, ..Self::default() };
        }
        let why = verdict
            .filter(|_| policy.debug)
            .and_then(Verdict::denial)
            .and_then(|denial| HeaderValue::from_str(&denial.why(policy, asking)).ok());
        Self { judged, step, treatment: Treatment { headers, why } }
    }
}

type Parts<'t> = (Option<Verdict>, Step, AnswerHeaders<'t>);

/// A request that the browser sends without asking, or has asked for.
fn actual<'t>(policy: &'t Policy, origin: Option<&HeaderValue>) -> Parts<'t> {
    if let Some(origin) = origin.filter(|origin| policy.origins.admit(origin.as_bytes())) {
        let headers = AnswerHeaders::Granted(policy, origin.clone());
        return (Some(Verdict::Allowed), Step::Proceed, headers);
    }
    let (verdict, step) = match policy.disallowed_origin {
        DisallowedOrigin::Forward => (Verdict::Disallowed, Step::Proceed),
        DisallowedOrigin::Reject => (Verdict::Rejected, Step::Refuse(Denial::Origin)),
    };
    (Some(verdict), step, AnswerHeaders::Withheld)
}

/// A browser's question whether it may send a request.
fn beforehand<'t>(policy: &'t Policy, asked: &Preflight<'_>) -> Parts<'t> {
    let denied = |denial| {
        (Some(Verdict::PreflightDenied(denial)), Step::Refuse(denial), AnswerHeaders::Preflight)
    };
    let is_allowed = policy.origins.admit(asked.origin.as_bytes());
    match (policy.preflight, policy.disallowed_origin) {
        (PreflightHandling::Answer, _) | (PreflightHandling::Forward, DisallowedOrigin::Reject)
            if !is_allowed =>
        {
            denied(Denial::Origin)
        }
        (PreflightHandling::Forward, DisallowedOrigin::Forward | DisallowedOrigin::Reject) => {
            (Some(Verdict::PreflightForwarded), Step::Proceed, AnswerHeaders::Untouched)
        }
        (PreflightHandling::Answer, DisallowedOrigin::Forward | DisallowedOrigin::Reject) => {
            match preflight::grant(policy, asked) {
                Ok(headers) => {
                    let step = Step::Answer(Box::new(headers));
                    (Some(Verdict::PreflightAllowed), step, AnswerHeaders::Preflight)
                }
                Err(why) => denied(why.denial()),
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
