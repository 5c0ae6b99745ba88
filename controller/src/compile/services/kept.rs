//! What references to ports have resolved to, for the next compile.

use super::port::Port;
use crate::{diagnostic::Reason, differences::differences, objects::Snapshot};
use k8s_openapi::{
    api::discovery::v1::EndpointSlice, apimachinery::pkg::util::intstr::IntOrString,
};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// The label that ties an EndpointSlice to its Service.
pub(super) const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// How many ports of a Service are kept although no Route is known to use them.
pub(super) const MAX_UNUSED: usize = 64;

/// What a reference to a Service's port resolves to.
#[derive(Debug)]
pub(in crate::compile) struct Resolution {
    /// Why it does not resolve, if it doesn't.
    pub(in crate::compile) port: Result<Port, (Reason, String)>,
    /// Whether it would come out the same.
    pub(super) is_current: AtomicBool,
}

impl Resolution {
    /// Whether the reference would still resolve to the same.
    pub(in crate::compile) fn is_current(&self) -> bool {
        self.is_current.load(Ordering::Relaxed)
    }

    /// Nobody who keeps it takes it for current any more.
    fn expire(&self) {
        self.is_current.store(false, Ordering::Relaxed);
    }
}

/// What the ports of a Service resolve to, by how they are referenced.
pub(super) type Ports = Vec<(IntOrString, Arc<Resolution>)>;

/// What has been resolved, for the next compile: by namespace, then by the Service's name.
#[derive(Debug, Default)]
pub(in crate::compile) struct KeptServices(pub(super) HashMap<Arc<str>, HashMap<Box<str>, Ports>>);

impl KeptServices {
    /// Forgets what may resolve to something else in `now` than it did in `before`.
    pub(in crate::compile) fn forget_changed(&mut self, before: &Snapshot, now: &Snapshot) {
        for (name, ..) in differences(&before.services, &now.services, Arc::ptr_eq) {
            self.forget(&name.namespace, &name.name);
        }
        let slices = differences(&before.endpoint_slices, &now.endpoint_slices, Arc::ptr_eq);
        for (name, before, now) in slices {
            for service in before.into_iter().chain(now).filter_map(|slice| service_of(slice)) {
                self.forget(&name.namespace, service);
            }
        }
        self.forget_expired();
    }

    fn forget(&mut self, namespace: &str, service: &str) {
        let ports = self.0.get_mut(namespace).and_then(|services| services.remove(service));
        ports.into_iter().flatten().for_each(|(_, resolution)| resolution.expire());
    }

    /// Forgets what depends on more than its Service, which is never current, and what many Routes
    /// may have named that name something else by now.
    fn forget_expired(&mut self) {
        self.0.retain(|_, services| {
            services.retain(|_, ports| {
                let are_many = ports.len() > MAX_UNUSED;
                ports.retain(|(_, resolution)| {
                    resolution.is_current() && !(are_many && Arc::strong_count(resolution) == 1)
                });
                !ports.is_empty()
            });
            !services.is_empty()
        });
    }
}

/// The Service that a slice belongs to.
pub(super) fn service_of(slice: &EndpointSlice) -> Option<&str> {
    slice.metadata.labels.as_ref()?.get(SERVICE_NAME).map(String::as_str)
}
