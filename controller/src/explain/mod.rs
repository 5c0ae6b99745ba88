//! What becomes of a request, and why: the dataplane's explanation, with what only the controller
//! knows of objects that are not served.

mod refused;
mod text;

pub(crate) use text::Text;

use crate::{
    compile::Status,
    diagnostic::{Kind, ObjectRef, Severity},
    objects::Snapshot,
};
use portico_dataplane::{
    explain::{self, Explanation, Question, QuestionError},
    table::{ObjectName, Scheme, Table, VirtualHost},
};
use std::{collections::BTreeMap, sync::Arc};

/// What is served, and the objects that it comes of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Served<'s> {
    /// What is served.
    pub(crate) table: &'s Table,
    /// What became of each object.
    pub(crate) statuses: &'s BTreeMap<ObjectRef, Arc<Status>>,
    /// The objects.
    pub(crate) objects: &'s Snapshot,
}

/// Explains what happens to a request.
///
/// # Errors If the name in `Via` is not a token.
pub(crate) fn explain(
    question: &Question,
    served: &Served<'_>,
) -> Result<Explanation, QuestionError> {
    let target = &question.target;
    let host = target.find_in(&served.table.hosts);
    let refused = host.map(|host| refused::routes(served, host)).unwrap_or_default();
    let mut explanation = explain::explain(served.table, question, &refused)?;
    let notes = &mut explanation.notes;
    if host.is_none_or(|host| host.not_accepted.is_some()) {
        notes.extend(refused::hosts(served, target));
    }
    let is_plain = |host: &&VirtualHost| host.tls.is_none() && host.trusted_proxies.is_empty();
    if let Some(host) = host.filter(is_plain)
        && target.scheme() == Scheme::Https
    {
        notes.push(format!(
            "behind a proxy that terminates TLS, list that proxy in trustedProxies of FrontDoor {} or give its address to --trusted-proxy, or requests through it count as http",
            host.front_door
        ));
    }
    if let Some(winner) = &explanation.winner {
        notes.extend(problems(served, &winner.route));
    }
    Ok(explanation)
}

/// The problems of the winning Route, which is served in spite of them.
fn problems(served: &Served<'_>, route: &ObjectName) -> impl Iterator<Item = String> {
    let object = ObjectRef { kind: Kind::Route, name: route.clone() };
    let problems = served.statuses.get(&object).into_iter().flat_map(|status| &status.problems);
    problems.map(|problem| {
        let severity = match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let (object, field) = (&problem.object, &problem.field);
        format!("{severity} of {object}, {field} ({}): {}", problem.reason, problem.message)
    })
}
