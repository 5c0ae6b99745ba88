//! The Pod that this replica runs in.

use std::env;

/// The Pod that this replica runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pod {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// `metadata.uid`, if it is known.
    pub(crate) uid: Option<String>,
}

impl Pod {
    /// What `POD_NAME` and `POD_UID` say; `None` outside a Pod. The name of the host would not do:
    /// with `hostNetwork`, it is the node's.
    pub(crate) fn of_environment(namespace: &str) -> Option<Self> {
        let value = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let name = value("POD_NAME")?;
        Some(Self { namespace: namespace.to_owned(), name, uid: value("POD_UID") })
    }
}
