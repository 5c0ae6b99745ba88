//! Certificates and authorities from Secrets and ConfigMaps.

use super::{options::Options, secrets};
use crate::objects::{MAX_VALUE_BYTES, Snapshot, Value};
use k8s_openapi::{api::core::v1::Secret, jiff::Timestamp};
use portico_crds::{AuthoritiesKind, AuthoritiesRef};
use portico_dataplane::{
    certificate::{Certificate, CertificateAuthorities},
    table::ObjectName,
};
use std::{collections::HashMap, sync::Arc};

/// The type of Secrets that certificates are read from.
const TLS_TYPE: &str = "kubernetes.io/tls";

/// The Secrets that the last compile read certificates from. Reading one takes a millisecond with
/// an RSA key, so those that have not changed are not read again; and the last good certificate of
/// each is kept.
#[derive(Debug, Default)]
pub(super) struct CertificateCache(HashMap<ObjectName, Known>);

#[derive(Debug, Default)]
struct Known {
    /// Whether this compile has met it.
    used: bool,
    secret: Option<Arc<Secret>>,
    /// What is wrong with the Secret, if it was read and something is.
    wrong: Option<String>,
    last_good: Option<Arc<Certificate>>,
}

impl Known {
    /// Reads the Secret unless it is the one that was read last.
    fn update(&mut self, secret: &Arc<Secret>) {
        let is_known =
            self.secret.as_ref().is_some_and(|it| Arc::ptr_eq(it, secret) || it == secret);
        if !is_known {
            self.wrong = match read(secret) {
                Ok(certificate) => {
                    // One that is equal stays, so that what was made from it does.
                    if self.last_good.as_deref() != Some(&certificate) {
                        self.last_good = Some(Arc::new(certificate));
                    }
                    None
                }
                Err(wrong) => Some(wrong),
            };
        }
        self.secret = Some(secret.clone());
    }
}

impl CertificateCache {
    /// Forgets Secrets that nothing has named since the last call.
    pub(super) fn forget_unused(&mut self) {
        self.0.retain(|_, known| std::mem::take(&mut known.used));
    }
}

/// The certificate of a Secret.
pub(super) struct Found {
    /// The Secret's or, if it has none that is valid, the last that it had.
    pub(super) certificate: Option<Arc<Certificate>>,
    /// What is wrong with the Secret, and how to fix it: a sentence without its end.
    pub(super) wrong: Option<String>,
}

/// Looks up certificates.
pub(super) struct Certificates<'c, 's> {
    cache: &'c mut CertificateCache,
    snapshot: &'s Snapshot,
    options: &'s Options,
    /// When what is said about the dates of a certificate changes next.
    next_date: Option<Timestamp>,
}

impl<'c, 's> Certificates<'c, 's> {
    pub(super) fn new(
        cache: &'c mut CertificateCache,
        snapshot: &'s Snapshot,
        options: &'s Options,
    ) -> Self {
        Self { cache, snapshot, options, next_date: None }
    }

    /// The certificate of a Secret.
    pub(super) fn find(&mut self, name: &ObjectName) -> Found {
        let known = self.cache.0.entry(name.clone()).or_default();
        known.used = true;
        let wrong = match secrets::find(self.snapshot, self.options, name) {
            Ok(secret) => {
                known.update(secret);
                known.wrong.as_ref().map(|wrong| format!("Secret {name} {wrong}"))
            }
            Err((_, missing)) => {
                known.secret = None;
                Some(missing)
            }
        };
        Found { certificate: known.last_good.clone(), wrong }
    }

    /// The certificates of authorities, or what is wrong with them: a sentence.
    pub(super) fn authorities(
        &self,
        namespace: &str,
        reference: &AuthoritiesRef,
    ) -> Result<CertificateAuthorities, String> {
        let name = ObjectName::new(namespace, reference.name.as_str());
        let key = &reference.key;
        let (kind, value) = match reference.kind {
            AuthoritiesKind::Secret => {
                let secret = secrets::find(self.snapshot, self.options, &name)
                    .map_err(|(_, missing)| missing)?;
                ("Secret", Value::of_secret(secret, key))
            }
            AuthoritiesKind::ConfigMap => match self.snapshot.config_maps.get(&name) {
                Some(config_map) => ("ConfigMap", Value::of_config_map(config_map, key)),
                None => return Err(format!("ConfigMap {name} does not exist: create it")),
            },
        };
        let pem = bytes(value, key).map_err(|wrong| format!("{kind} {name} {wrong}"))?;
        CertificateAuthorities::from_pem(pem)
            .map_err(|error| format!("key '{key}' of {kind} {name} {error}"))
    }

    /// When this is compiled, if dates are to be judged.
    pub(super) fn now(&self) -> Option<Timestamp> {
        self.options.now
    }

    /// What is said about a certificate changes at this time.
    pub(super) fn note_date(&mut self, date: Timestamp) {
        if self.options.now.is_some_and(|now| date > now) {
            self.next_date = Some(self.next_date.map_or(date, |next| next.min(date)));
        }
    }

    /// When what is said about the dates of a certificate changes next, if ever.
    pub(super) fn next_date(&self) -> Option<Timestamp> {
        self.next_date
    }
}

/// Reads the certificate in a Secret, or says what is wrong with it.
fn read(secret: &Secret) -> Result<Certificate, String> {
    let r#type = secret.type_.as_deref().unwrap_or("Opaque");
    if r#type != TLS_TYPE {
        return Err(format!(
            "is of type {type}, not {TLS_TYPE}: make it with `kubectl create secret tls`"
        ));
    }
    let value = |key| bytes(Value::of_secret(secret, key), key);
    let (chain, key) = (value("tls.crt")?, value("tls.key")?);
    Certificate::from_pem(chain, key).map_err(|error| format!("is not valid: {error}"))
}

fn bytes<'v>(value: Value<'v>, key: &str) -> Result<&'v [u8], String> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        Value::Missing => Err(format!("has no key '{key}': add it")),
        Value::TooLarge => Err(format!(
            "has a key '{key}' of more than {} KiB that is not PEM, or of more than 1 MiB",
            MAX_VALUE_BYTES >> 10
        )),
    }
}
