//! Looks up Secrets, which this install may not read.

use super::options::Options;
use crate::{diagnostic::Reason, objects::Snapshot};
use k8s_openapi::api::core::v1::Secret;
use portico_dataplane::table::ObjectName;
use std::sync::Arc;

/// The Secret with this name, or why there is none: a sentence without its end.
pub(super) fn find<'s>(
    snapshot: &'s Snapshot,
    options: &Options,
    name: &ObjectName,
) -> Result<&'s Arc<Secret>, (Reason, String)> {
    let namespace = &*name.namespace;
    if !options.reads_secrets_of(namespace) {
        let way_out = if options.reads_no_secrets() {
            "without --no-secrets (in the chart: secrets.enabled)".to_owned()
        } else {
            format!("with --secret-namespace {namespace} (in the chart: secrets.namespaces)")
        };
        let message = format!(
            "this install does not read Secrets of namespace {namespace}, and so not Secret {name}: have it read them, {way_out}"
        );
        return Err((Reason::SecretNotFound, message));
    }
    snapshot.secrets.get(name).ok_or_else(|| {
        if snapshot.is_unread::<Secret>(name) {
            let message = format!(
                "Secret {name} exists, but the API server has not given it to this install, which goes on asking and logs why"
            );
            (Reason::SecretNotRead, message)
        } else {
            (Reason::SecretNotFound, format!("Secret {name} does not exist: create it"))
        }
    })
}
