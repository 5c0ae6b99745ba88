//! The rules of a classic Front Door's rules engine.

use super::{
    Context, PathChange, Rule,
    action::{self, CACHING, RedirectFields},
    condition::{Fields, condition},
    when::When,
};
use crate::import::{
    Node,
    azure::{
        pattern::is_path,
        read::{Given, Unclear, list, number, properties, text, unclear},
    },
};

const FIELDS: Fields = Fields { operator: "rulesEngineOperator", values: "rulesEngineMatchValue" };

/// The fields of a classic redirect.
pub(in crate::import::azure) const REDIRECT: RedirectFields =
    RedirectFields { protocol: "redirectProtocol", host: "customHost" };

/// The rules of a rules engine, in their order; those that have no equal are reported.
pub(in crate::import::azure) fn rules<'s>(
    engine: &Node<'s>,
    context: &Context<'_, 's>,
) -> Vec<Rule<'s>> {
    let mut rules = Vec::new();
    for node in list(&properties(engine), "rules").unwrap_or_default() {
        match rule(&node, context) {
            Ok(rule) => rules.extend(rule),
            Err(Unclear) => super::left_out(&node),
        }
    }
    rules.sort_by_key(|(order, _)| *order);
    rules.into_iter().map(|(_, rule)| rule).collect()
}

/// A rule and its place in the order; `None` if it has no effect.
fn rule<'s>(node: &Node<'s>, context: &Context<'_, 's>) -> Given<(u32, Rule<'s>)> {
    let order = number(node, "priority", (0, u32::MAX))?.unwrap_or(0);
    let mut rule =
        Rule { name: text(node, "name")?.unwrap_or("rule").to_owned(), ..Rule::default() };
    rule.stop = super::stops(node)?;
    for item in list(node, "matchConditions")? {
        let subject = text(&item, "rulesEngineMatchVariable")?.unwrap_or_default();
        match condition(subject, &item, &FIELDS, context.hosts)? {
            When::All(all) => rule.when.extend(all),
            When::Never => return Ok(super::never(node)),
        }
    }
    let Some(does) = node.field("action") else {
        return Err(unclear(node, "a rule with an action"));
    };
    for (name, is_request) in [("requestHeaderActions", true), ("responseHeaderActions", false)] {
        let edits = if is_request { &mut rule.does.request } else { &mut rule.does.response };
        for item in list(&does, name)? {
            action::header(&item, "headerActionType", is_request, edits);
        }
    }
    if let Some(route) = does.field("routeConfigurationOverride") {
        if is_redirect(&route) {
            rule.does.redirect = Some(action::redirect(&route, &REDIRECT)?);
        } else {
            forward(&route, context, &mut rule)?;
        }
    }
    Ok(super::finished(node, rule).map(|rule| (order, rule)))
}

/// Whether a route configuration is a redirect.
pub(in crate::import::azure) fn is_redirect(route: &Node<'_>) -> bool {
    let kind = route.field("@odata.type").or_else(|| route.field("odataType"));
    if let Some(kind) = kind.as_ref().filter(|kind| kind.text().is_some()) {
        kind.kept();
    }
    match kind.and_then(|kind| kind.text()) {
        Some(kind) => kind.to_ascii_lowercase().contains("redirect"),
        None => route.field("redirectType").is_some(),
    }
}

fn forward<'s>(
    route: &Node<'s>,
    context: &Context<'_, 's>,
    rule: &mut Rule<'s>,
) -> Result<(), Unclear> {
    action::pool(route, "backendPool", context, &mut rule.does)?;
    if let Some(path) = text(route, "customForwardingPath")? {
        if !is_path(path) || path.contains('{') {
            return Err(unclear(route, "a forwarding path"));
        }
        rule.does.path = Some(PathChange::Forwarding(path.to_owned()));
    }
    if let Some(cache) = route.field("cacheConfiguration") {
        cache.dropped(CACHING);
    }
    Ok(())
}
