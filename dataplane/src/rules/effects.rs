//! What the rules that act on a request make of it.

use super::{Edits, Values, edits};
use crate::{
    refusal::Refusal,
    table::{HeaderEdits, Rule, RuleActions, RuleEdits},
};
use std::borrow::Cow;

/// What the rules that act on a request make of it.
#[derive(Default)]
pub(crate) struct Effects<'t> {
    /// The FrontDoor's rules that act, in order.
    pub(crate) front_door: Vec<&'t Rule>,
    /// The Route's.
    pub(crate) route: Vec<&'t Rule>,
    /// Whether the Route's have been looked at.
    pub(crate) met_route: bool,
    request: Sides<'t>,
    response: Sides<'t>,
}

/// The header edits of one direction, their values filled in.
#[derive(Default)]
struct Sides<'t> {
    front_door: Vec<Cow<'t, HeaderEdits>>,
    route: Vec<Cow<'t, HeaderEdits>>,
}

impl<'t> Effects<'t> {
    /// Of these rules of a FrontDoor.
    pub(crate) fn of_front_door(acting: Vec<&'t Rule>) -> Self {
        Self { front_door: acting, ..Self::default() }
    }

    /// Fills in the edits of a response, those of the FrontDoor's rules with `front_door`.
    ///
    /// # Errors
    /// If the values are too long.
    pub(crate) fn fill_response(
        &mut self,
        front_door: &Values<'_>,
        route: &Values<'_>,
    ) -> Result<(), Refusal> {
        self.response = self.filled(front_door, route, |actions| &actions.response_headers)?;
        Ok(())
    }

    /// The same of a request.
    ///
    /// # Errors
    /// If the values are too long.
    pub(crate) fn fill_request(
        &mut self,
        front_door: &Values<'_>,
        route: &Values<'_>,
    ) -> Result<(), Refusal> {
        self.request = self.filled(front_door, route, |actions| &actions.request_headers)?;
        Ok(())
    }

    /// The edits of one direction.
    fn filled(
        &self,
        front_door: &Values<'_>,
        route: &Values<'_>,
        side: fn(&RuleActions) -> &RuleEdits,
    ) -> Result<Sides<'t>, Refusal> {
        let fill = |rules: &[&'t Rule], values: &Values<'_>| {
            edits::filled(rules.iter().map(|rule| side(&rule.actions)), values)
        };
        Ok(Sides {
            front_door: fill(&self.front_door, front_door)?,
            route: fill(&self.route, route)?,
        })
    }

    /// All edits of the request's headers: the FrontDoor's rules', the Route's `own`, its rules'.
    pub(crate) fn request_edits<'a>(&'a self, own: Option<&'a HeaderEdits>) -> Edits<'a> {
        let Sides { front_door, route } = &self.request;
        Edits { before: front_door, own, after: [route, &[]] }
    }

    /// All edits of the response's headers: the Route's `own`, its rules', the FrontDoor's rules'.
    pub(crate) fn response_edits<'a>(&'a self, own: Option<&'a HeaderEdits>) -> Edits<'a> {
        let Sides { front_door, route } = &self.response;
        Edits { before: &[], own, after: [route, front_door] }
    }
}
