//! Status codes as a metric's label.

use std::fmt;

/// A status code that is registered, or the class of any other: a backend can send 800 different
/// ones, each of which would make a series of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum StatusLabel {
    /// A registered code, or 499.
    Code(u16),
    /// The class of any other: 2 for 2xx.
    Class(u16),
}

impl StatusLabel {
    pub(super) fn of(status: u16) -> Self {
        if is_registered(status) { Self::Code(status) } else { Self::Class(status / 100) }
    }
}

/// Whether a code is in IANA's HTTP Status Code Registry, or is 499, under which requests are
/// counted whose client left before the response.
fn is_registered(status: u16) -> bool {
    matches!(
        status,
        100..=104
            | 200..=208
            | 226
            | 300..=308
            | 400..=418
            | 421..=426
            | 428
            | 429
            | 431
            | 451
            | 499
            | 500..=508
            | 510
            | 511
    )
}

impl fmt::Display for StatusLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => code.fmt(f),
            Self::Class(class) => write!(f, "{class}xx"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::StatusLabel;
    use std::collections::BTreeSet;

    #[test]
    fn codes_that_are_not_registered_count_as_their_class() {
        for (status, label) in [
            (200, "200"),
            (404, "404"),
            (499, "499"),
            (511, "511"),
            (299, "2xx"),
            (420, "4xx"),
            (599, "5xx"),
            (600, "6xx"),
            (999, "9xx"),
        ] {
            assert_eq!(StatusLabel::of(status).to_string(), label);
        }
        let labels: BTreeSet<_> = (100..1000).map(StatusLabel::of).collect();
        assert!(labels.len() < 80, "{}", labels.len());
    }
}
