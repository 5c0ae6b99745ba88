//! A compiled Route.

use super::{Action, Forward, HeaderEdits, Isolation, ObjectName, Rule, Selection, Timeouts};
use crate::{cors, router::Match};
use serde::Serialize;
use std::sync::Arc;

/// One match of a compiled Route.
pub type RouteMatch = Match<Arc<Route>>;

/// A compiled Route: what happens to the requests that it matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// The Route object.
    pub name: ObjectName,
    /// The FrontDoor that it is attached to.
    pub front_door: ObjectName,
    /// What happens to the request.
    pub action: Action,
    /// The policy for cross-origin requests: its own, or its FrontDoor's; `None` leaves CORS to the
    /// backend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors: Option<Arc<cors::Policy>>,
    /// How far its messages are kept apart from those of other Routes.
    #[serde(skip_serializing_if = "Isolation::is_none")]
    pub isolation: Isolation,
    /// Edits of the request's headers before it is forwarded.
    #[serde(skip_serializing_if = "HeaderEdits::is_empty")]
    pub request_headers: HeaderEdits,
    /// Edits of the response's headers before it is returned.
    #[serde(skip_serializing_if = "HeaderEdits::is_empty")]
    pub response_headers: HeaderEdits,
    /// The timeouts of forwarded requests.
    pub timeouts: Timeouts,
    /// How its backends and their endpoints are chosen.
    #[serde(skip_serializing_if = "is_default")]
    pub selection: Arc<Selection>,
    /// Its rules, in order.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub rules: Box<[Rule]>,
    /// Why this accepted Route can't be served (for example, a Secret is missing): every request
    /// gets 503.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<String>,
}

impl Route {
    /// Its own backends, and those of its rules.
    pub fn forwards(&self) -> impl Iterator<Item = &Forward> {
        let own = match &self.action {
            Action::Forward(forward) => Some(forward),
            Action::Redirect(_) | Action::Respond(_) | Action::NotAccepted(_) => None,
        };
        own.into_iter().chain(self.rules.iter().filter_map(|rule| rule.actions.forward.as_ref()))
    }
}

fn is_default(selection: &Selection) -> bool {
    *selection == Selection::default()
}
