//! Certificates and authorities from Secrets and ConfigMaps.

use super::{options::Options, secrets};
use crate::objects::{MAX_VALUE_BYTES, Snapshot, Value};
use k8s_openapi::{
    api::core::v1::{ConfigMap, Secret},
    jiff::Timestamp,
};
use portico_crds::{AuthoritiesKind, AuthoritiesRef};
use portico_dataplane::{
    certificate::{AuthoritiesReader, Certificate, CertificateAuthorities},
    table::ObjectName,
};
use std::{collections::HashMap, sync::Arc};

/// The type of Secrets that certificates are read from.
const TLS_TYPE: &str = "kubernetes.io/tls";

/// What the last compile read certificates and authorities from. Reading a certificate takes a
/// millisecond with an RSA key, and a file of authorities may hold hundreds, so what has not changed
/// is not read again; and the last good certificate of each Secret is kept.
#[derive(Debug, Default)]
pub(super) struct CertificateCache {
    secrets: HashMap<ObjectName, Known>,
    /// By the references to them, as text.
    authorities: HashMap<Vec<String>, KnownAuthorities>,
}

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

/// What authorities are read from, or why there is none.
type Sources = Vec<Result<Source, String>>;

/// Authorities, or what is wrong with each reference: its index, and a sentence without its end.
pub(super) type ReadAuthorities = Result<CertificateAuthorities, Vec<(usize, String)>>;

#[derive(Debug)]
struct KnownAuthorities {
    /// Whether this compile has met them.
    used: bool,
    sources: Sources,
    read: ReadAuthorities,
}

/// An object that holds authorities.
#[derive(Clone, Debug)]
enum Source {
    Secret(Arc<Secret>),
    ConfigMap(Arc<ConfigMap>),
}

impl Source {
    fn value(&self, key: &str) -> Value<'_> {
        match self {
            Self::Secret(secret) => Value::of_secret(secret, key),
            Self::ConfigMap(config_map) => Value::of_config_map(config_map, key),
        }
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Secret(a), Self::Secret(b)) => Arc::ptr_eq(a, b) || a == b,
            (Self::ConfigMap(a), Self::ConfigMap(b)) => Arc::ptr_eq(a, b) || a == b,
            (Self::Secret(_), Self::ConfigMap(_)) | (Self::ConfigMap(_), Self::Secret(_)) => false,
        }
    }
}

impl CertificateCache {
    /// Forgets what nothing has named since the last call.
    pub(super) fn forget_unused(&mut self) {
        self.secrets.retain(|_, known| std::mem::take(&mut known.used));
        self.authorities.retain(|_, known| std::mem::take(&mut known.used));
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
    /// Whether anybody has asked for one since the last call of [`asked`](Self::asked).
    asked: bool,
}

impl<'c, 's> Certificates<'c, 's> {
    pub(super) fn new(
        cache: &'c mut CertificateCache,
        snapshot: &'s Snapshot,
        options: &'s Options,
    ) -> Self {
        Self { cache, snapshot, options, next_date: None, asked: false }
    }

    /// Whether anybody has asked for a certificate or authorities since the last call.
    pub(super) fn asked(&mut self) -> bool {
        std::mem::take(&mut self.asked)
    }

    /// The certificate of a Secret.
    pub(super) fn find(&mut self, name: &ObjectName) -> Found {
        self.asked = true;
        let known = self.cache.secrets.entry(name.clone()).or_default();
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

    /// The authorities that all references together name.
    pub(super) fn authorities(
        &mut self,
        namespace: &str,
        references: &[AuthoritiesRef],
    ) -> ReadAuthorities {
        self.asked = true;
        let sources: Sources =
            references.iter().map(|reference| self.source(namespace, reference)).collect();
        let names = references.iter().map(|reference| authority(namespace, reference)).collect();
        let known = self.cache.authorities.entry(names).or_insert_with(|| KnownAuthorities {
            used: true,
            read: read_authorities(namespace, references, &sources),
            sources: sources.clone(),
        });
        known.used = true;
        if known.sources != sources {
            known.read = read_authorities(namespace, references, &sources);
            known.sources = sources;
        }
        known.read.clone()
    }

    fn source(&self, namespace: &str, reference: &AuthoritiesRef) -> Result<Source, String> {
        let name = ObjectName::new(namespace, reference.name.as_str());
        match reference.kind {
            AuthoritiesKind::Secret => secrets::find(self.snapshot, self.options, &name)
                .map(|secret| Source::Secret(secret.clone()))
                .map_err(|(_, missing)| missing),
            AuthoritiesKind::ConfigMap => {
                secrets::find_config_map(self.snapshot, self.options, &name)
                    .map(|config_map| Source::ConfigMap(config_map.clone()))
            }
        }
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

/// A reference to authorities, for the table: `ConfigMap web/partners, key ca.crt`.
pub(super) fn authority(namespace: &str, reference: &AuthoritiesRef) -> String {
    let AuthoritiesRef { kind, name, key } = reference;
    format!("{kind:?} {namespace}/{name}, key {key}")
}

/// Reads what references refer to.
fn read_authorities(
    namespace: &str,
    references: &[AuthoritiesRef],
    sources: &Sources,
) -> ReadAuthorities {
    let mut reader = AuthoritiesReader::default();
    let mut read = |(reference, source): (&AuthoritiesRef, &Result<Source, String>)| {
        let AuthoritiesRef { kind, name, key } = reference;
        let source = source.as_ref().map_err(String::clone)?;
        let pem = bytes(source.value(key), key)
            .map_err(|wrong| format!("{kind:?} {namespace}/{name} {wrong}"))?;
        reader
            .read(pem)
            .map_err(|error| format!("key '{key}' of {kind:?} {namespace}/{name} {error}"))
    };
    let all = references.iter().zip(sources).enumerate();
    let wrong: Vec<_> = all.filter_map(|(index, one)| Some((index, read(one).err()?))).collect();
    if wrong.is_empty() { Ok(reader.finish()) } else { Err(wrong) }
}

/// Reads the certificate in a Secret, or says what is wrong with it.
fn read(secret: &Secret) -> Result<Certificate, String> {
    let r#type = secret.type_.as_deref().unwrap_or("Opaque");
    if r#type != TLS_TYPE {
        return Err(format!(
            "is of type {type}, not {TLS_TYPE}: create it with `kubectl create secret tls`"
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
            "has a key '{key}' that is larger than {} KiB and not PEM, or larger than 1 MiB",
            MAX_VALUE_BYTES >> 10
        )),
    }
}
