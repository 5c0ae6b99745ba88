//! `spec.backends[].tls`: how a backend proves who it is, and how Portico does.

use super::{certificates::Certificates, report::Report};
use crate::diagnostic::{FieldPath, Reason};
use portico_crds as crds;
use portico_dataplane::{
    certificate::Certificate,
    table::{BackendTls, ObjectName, ServerName, Verification},
};
use std::{slice, sync::Arc};

/// What follows from a reference that leads to nothing valid.
const CONSEQUENCE: &str = "until then this backend gets no requests";

/// The name that `serverName` gives, if it gives one; `None` if it is invalid.
pub(super) type GivenName = Option<Option<ServerName<'static>>>;

/// The field of one backend.
pub(super) struct BackendTlsField<'a> {
    pub(super) namespace: &'a str,
    pub(super) is_service: bool,
    pub(super) given: &'a crds::BackendTls,
}

impl BackendTlsField<'_> {
    /// The backend's TLS, where the field leaves something out as in `default`; `None` if something
    /// is missing or invalid.
    pub(super) fn compile(
        &self,
        server_name: GivenName,
        default: &BackendTls,
        certificates: &mut Certificates<'_, '_>,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> Option<BackendTls> {
        let verification = self.verification(default, certificates, &at.child("caRef"), report);
        let at = at.child("clientCertificateRef");
        let client_certificate = self.client_certificate(certificates, &at, report);
        Some(BackendTls {
            server_name: server_name?.or_else(|| default.server_name.clone()),
            verification: verification?,
            client_certificate: client_certificate?,
        })
    }

    /// Checks what the field says by itself, which does not depend on any other object.
    pub(super) fn server_name(&self, at: &FieldPath<'_>, report: &mut Report) -> GivenName {
        match &self.given.server_name {
            None if self.is_service && self.given.ca_ref.is_some() => {
                report.invalid(
                    at,
                    "is missing: with caRef, set it to the name in the Service's certificate",
                );
                None
            }
            None => Some(None),
            Some(name) => {
                match ServerName::try_from(name.trim_matches(['[', ']']).to_ascii_lowercase()) {
                    Ok(name) => Some(Some(name)),
                    Err(_) => {
                        report
                            .invalid(at, format!("'{name}' is neither a DNS name nor an address"));
                        None
                    }
                }
            }
        }
    }

    fn verification(
        &self,
        default: &BackendTls,
        certificates: &mut Certificates<'_, '_>,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> Option<Verification> {
        let Some(reference) = &self.given.ca_ref else { return Some(default.verification.clone()) };
        match certificates.authorities(self.namespace, slice::from_ref(reference)) {
            Ok(authorities) => Some(Verification::Authorities(Arc::new(authorities))),
            Err(all) => {
                for (_, wrong) in all {
                    let message = format!("{wrong}; {CONSEQUENCE}");
                    report.unresolved(at, Reason::InvalidCertificate, message);
                }
                None
            }
        }
    }

    fn client_certificate(
        &self,
        certificates: &mut Certificates<'_, '_>,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> Option<Option<Arc<Certificate>>> {
        let Some(reference) = &self.given.client_certificate_ref else { return Some(None) };
        let found = certificates.find(&ObjectName::new(self.namespace, reference.name.as_str()));
        match found.wrong {
            None => Some(found.certificate),
            Some(wrong) => {
                let message = format!("{wrong}; {CONSEQUENCE}");
                report.unresolved(at, Reason::InvalidCertificate, message);
                None
            }
        }
    }
}
