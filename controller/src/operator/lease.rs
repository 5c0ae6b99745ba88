//! The Lease of the install's class. Replicas compete for it, and its annotations say what each of
//! them serves.

use k8s_openapi::api::coordination::v1 as coordination;
use kube::{Api, Client};

/// Where the Lease is.
#[derive(Clone)]
pub(crate) struct Lease {
    /// A client that gives up after a few seconds.
    pub(crate) client: Client,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Lease {
    /// Access to it.
    pub(crate) fn api(&self) -> Api<coordination::Lease> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}
