//! Looks up Secrets and ConfigMaps, which this install may not read.

use super::{names, options::Options};
use crate::{
    diagnostic::Reason,
    objects::{ObjectKind, Snapshot},
};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
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
            "this install does not read Secrets of namespace {namespace}, so Secret {name} is unknown: run it {way_out}"
        );
        return Err((Reason::SecretNotFound, message));
    }
    snapshot.secrets.get(name).ok_or_else(|| {
        if snapshot.is_unread::<Secret>(name) {
            (Reason::SecretNotRead, unread::<Secret>(name))
        } else {
            let hint = options.names_others.then(|| names::hint(&snapshot.secrets, name, true));
            let hint = hint.flatten().unwrap_or_else(|| "create it".to_owned());
            (Reason::SecretNotFound, format!("Secret {name} does not exist: {hint}"))
        }
    })
}

/// The ConfigMap with this name, or why there is none: a sentence without its end.
pub(super) fn find_config_map<'s>(
    snapshot: &'s Snapshot,
    options: &Options,
    name: &ObjectName,
) -> Result<&'s Arc<ConfigMap>, String> {
    if options.no_config_maps {
        return Err(format!(
            "this install does not read ConfigMaps, so ConfigMap {name} is unknown: run it without --no-config-maps (in the chart: configMaps.enabled), or use a Secret"
        ));
    }
    snapshot.config_maps.get(name).ok_or_else(|| {
        if snapshot.is_unread::<ConfigMap>(name) {
            unread::<ConfigMap>(name)
        } else if snapshot.is_refused::<ConfigMap>() {
            format!(
                "ConfigMap {name} is unknown, since the API server does not let this install read ConfigMaps: permit it to list, watch and get them (in the chart: configMaps.enabled), or use a Secret"
            )
        } else {
            format!("ConfigMap {name} does not exist: create it")
        }
    })
}

fn unread<K: ObjectKind>(name: &ObjectName) -> String {
    format!(
        "{} {name} exists, but the API server has not returned it to this install, which keeps trying and logs why",
        K::NAME
    )
}
