//! How many objects there are.

use crate::{
    compile::Status,
    diagnostic::{Kind, ObjectRef},
};
use std::collections::BTreeMap;

/// How many objects there are, kept up to date by what changes.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// By kind, and by whether they are accepted.
    objects: BTreeMap<(Kind, bool), usize>,
    /// Routes that are served.
    served_routes: usize,
}

impl Counts {
    pub(super) fn add(&mut self, object: &ObjectRef, status: &Status) {
        *self.accepted(object, status) += 1;
        self.served_routes += usize::from(is_served_route(object, status));
    }

    /// Removes what was added before.
    pub(super) fn remove(&mut self, object: &ObjectRef, status: &Status) {
        *self.accepted(object, status) -= 1;
        self.served_routes -= usize::from(is_served_route(object, status));
    }

    fn accepted(&mut self, object: &ObjectRef, status: &Status) -> &mut usize {
        self.objects.entry((object.kind, status.is_accepted())).or_default()
    }

    pub(super) fn objects(&self, kind: Kind, accepted: bool) -> usize {
        self.objects.get(&(kind, accepted)).copied().unwrap_or_default()
    }

    pub(super) fn served_routes(&self) -> usize {
        self.served_routes
    }
}

fn is_served_route(object: &ObjectRef, status: &Status) -> bool {
    object.kind == Kind::Route && status.is_served()
}
