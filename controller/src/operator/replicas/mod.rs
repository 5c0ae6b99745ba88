//! How the leader knows that all replicas serve an object, before it says `Programmed=True`.
//!
//! 1. Every replica knows how far its watches have come: [`Positions`], which travel from the
//!    watches with the snapshot to the table that is compiled from it.
//! 2. A replica that does not lead writes the positions of the table that all its workers serve into
//!    an annotation of the Lease (`report`, [`Reporter`]).
//! 3. The leader watches the Lease ([`Peers`]). A replica serves an object if its positions are not
//!    before the version that brought the object's present generation ([`Need`]). Those that are
//!    [`Lacking`] it go into the object's status.
//! 4. Of a replica that stays behind, the leader reads the Pod (`laggards`): one that is gone or not
//!    ready does not count.
//!
//! [`Positions`]: crate::objects::Positions

mod lacking;
mod laggards;
mod peers;
mod report;
mod reporter;

pub(super) use lacking::{Lacking, Need};
pub(super) use peers::Peers;
pub(super) use reporter::{Reporter, Serving};

use super::{failure_log::FailureLog, lease::Lease, pod::Pod};
use kube::{
    Client,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

/// The field manager of the annotations.
const FIELD_MANAGER: &str = "portico-replica";
/// How long a request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// This replica, and how it reaches the others.
#[derive(Clone)]
pub(super) struct Replica {
    /// A client for watches.
    pub(super) client: Client,
    pub(super) lease: Lease,
    pub(super) pod: Pod,
    pub(super) failure_log: FailureLog,
}

impl Replica {
    /// Writes an annotation of the Lease, or removes it. With `version`, only if the Lease still has
    /// that resource version.
    async fn annotate(
        &self,
        key: &str,
        value: Option<&str>,
        version: Option<&str>,
    ) -> Result<(), Failure> {
        let mut metadata = json!({"annotations": {(key): value}});
        if let Some(version) = version {
            metadata["resourceVersion"] = Value::from(version);
        }
        let patch = Patch::Merge(json!({"metadata": metadata}));
        let field_manager = Some(FIELD_MANAGER.to_owned());
        let params = PatchParams { field_manager, ..PatchParams::default() };
        let (api, name) = (self.lease.api(), &self.lease.name);
        match timeout(REQUEST_TIMEOUT, api.patch_metadata(name, &params, &patch)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(kube::Error::Api(status))) if [404, 409].contains(&status.code) => {
                Err(Failure::Conflict)
            }
            Ok(Err(error)) => Err(Failure::Error(Box::new(error))),
            Err(error) => Err(Failure::Error(Box::new(error))),
        }
    }
}

/// Why the Lease was not written.
enum Failure {
    /// It does not exist yet, or others write at the same time.
    Conflict,
    Error(Box<dyn std::error::Error + Send + Sync>),
}
