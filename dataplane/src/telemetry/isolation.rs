//! What is changed so that the backends under one origin are kept apart.

/// A change to one cookie or header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IsolationChange {
    /// A cookie that a backend sets is confined to its Route's paths.
    CookiePath,
    /// A cookie that a backend sets gets its Route's name.
    CookieRenamed,
    /// A cookie of a request is kept from the backend.
    CookieWithheld,
    /// A cookie that a backend sets is removed.
    CookieRemoved,
    /// A header of a backend's response is removed.
    HeaderRemoved,
}

impl IsolationChange {
    /// Every kind, in order.
    pub(super) const ALL: [Self; 5] = [
        Self::CookiePath,
        Self::CookieRenamed,
        Self::CookieWithheld,
        Self::CookieRemoved,
        Self::HeaderRemoved,
    ];

    /// The value of the label `kind`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::CookiePath => "cookie-path",
            Self::CookieRenamed => "cookie-renamed",
            Self::CookieWithheld => "cookie-withheld",
            Self::CookieRemoved => "cookie-removed",
            Self::HeaderRemoved => "header-removed",
        }
    }
}

/// Counts of changes, in the order of [`IsolationChange::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct IsolationChanges([u64; IsolationChange::ALL.len()]);

impl IsolationChanges {
    /// Counts one.
    pub(crate) fn count(&mut self, change: IsolationChange) {
        self.0[change as usize] += 1;
    }

    /// How many there are of this kind.
    pub(crate) fn of(&self, change: IsolationChange) -> u64 {
        self.0[change as usize]
    }

    /// Adds the counts of others.
    pub(crate) fn merge(&mut self, others: &Self) {
        self.0.iter_mut().zip(others.0).for_each(|(own, other)| *own += other);
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
