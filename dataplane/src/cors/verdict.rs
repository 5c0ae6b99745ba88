//! What a policy says about a request: counted, logged and explained.

/// What a policy says about a request, and whether it only reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Verdict {
    /// What the policy says.
    pub(crate) outcome: Outcome,
    /// Whether the policy's mode is `Report`, so that nothing has changed.
    pub(crate) report_only: bool,
}

/// What a policy says about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// The page may send the request that the preflight announces.
    PreflightAllowed,
    /// It may not.
    PreflightDenied(Denial),
    /// The backend decides.
    PreflightForwarded,
    /// The page may read the response.
    Allowed,
    /// It may not; the request is forwarded all the same.
    Disallowed,
    /// It may not, and the request is refused.
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
    /// The method that a preflight announces.
    Method,
    /// One of the header names that it announces.
    Header,
    /// What it announces can't be read, or exceeds a limit.
    Malformed,
}
