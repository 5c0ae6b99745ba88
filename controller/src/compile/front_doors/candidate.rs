//! A Route between its own compilation and the table.

use super::host_set::HostSet;
use crate::compile::{
    report::{Precedence, Report},
    services::Resolution,
};
use k8s_openapi::jiff::Timestamp;
use portico_dataplane::table::RouteMatch;
use std::sync::Arc;

/// A version of a Route compiled on its own, before conflicts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Draft {
    pub(super) report: Report,
    /// When the Route was created, if that is known.
    pub(super) created: Option<Timestamp>,
    /// The FrontDoor's hosts at which it is served.
    pub(super) hosts: HostSet,
    /// The matches that it serves, each with its index in `spec.matches`; empty if it is rejected.
    pub(super) matches: Vec<(usize, RouteMatch)>,
    /// The matches at which it may hold its place if it is rejected.
    pub(super) held: Vec<RouteMatch>,
}

impl Draft {
    pub(super) fn precedence(&self) -> Precedence<'_> {
        Precedence::new(self.created, &self.report.object().name)
    }
}

/// A Route that competes for its matches.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// The version that is served, unless it loses. Shared with the next compile.
    pub(super) draft: Arc<Draft>,
    /// The index of the FrontDoor that it attaches to.
    pub(super) front_door: Option<usize>,
    /// The current version, if it is accepted and `draft` is an earlier one that stands in for it.
    pub(super) current: Option<Box<Self>>,
}

impl Candidate {
    /// The draft, to be changed by what other Routes do to it.
    pub(super) fn draft_mut(&mut self) -> &mut Draft {
        Arc::make_mut(&mut self.draft)
    }
}

/// A Route as it was compiled.
pub(super) struct Drafted {
    pub(super) candidate: Candidate,
    /// What it was compiled against besides its FrontDoor. `None` if that includes something that is
    /// not tracked, so that it has to be compiled each time.
    pub(super) reads: Option<Reads>,
}

/// The Services that a Route was compiled against.
#[derive(Debug)]
pub(super) struct Reads(Box<[Arc<Resolution>]>);

impl Reads {
    pub(super) fn new(services: Box<[Arc<Resolution>]>) -> Self {
        Self(services)
    }

    /// Whether all of them are as they were.
    pub(super) fn are_current(&self) -> bool {
        self.0.iter().all(|resolution| resolution.is_current())
    }
}
