//! A policy's verdict on a request, which is counted, logged and explained.

/// A policy's verdict on a request, and whether it is only reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Verdict {
    /// The verdict itself.
    pub(crate) outcome: Outcome,
    /// Whether the policy's mode is `Report`, so that nothing has changed.
    pub(crate) report_only: bool,
}

/// What a policy decides about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// The page may send the request that the preflight announces.
    PreflightAllowed,
    /// The page may not send it.
    PreflightDenied(Denial),
    /// The backend decides.
    PreflightForwarded,
    /// The page may read the response (Fetch, "CORS check").
    Allowed,
    /// The page may not read the response, but the request is forwarded.
    Disallowed,
    /// The page may not read the response, and the request is refused.
    Rejected,
}

impl Outcome {
    /// What is not allowed, if anything.
    pub(crate) fn denial(self) -> Option<Denial> {
        match self {
            Self::PreflightDenied(denial) => Some(denial),
            Self::Disallowed | Self::Rejected => Some(Denial::Origin),
            Self::PreflightAllowed | Self::PreflightForwarded | Self::Allowed => None,
        }
    }
}

/// Which part of a request is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Denial {
    /// The page's origin.
    Origin,
    /// The method that a preflight requests.
    Method,
    /// One of the header names that it requests.
    Header,
    /// What it requests is malformed, or exceeds a limit.
    Malformed,
}
