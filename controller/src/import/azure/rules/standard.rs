//! The rules of a rule set of Standard and Premium.

use super::{
    Context, Rule,
    action::{self, CACHING, RedirectFields},
    condition::{Fields, condition},
    when::When,
};
use crate::import::{
    Node,
    azure::read::{Given, Unclear, list, number, text, unclear},
};

const FIELDS: Fields = Fields { operator: "operator", values: "matchValues" };

const REDIRECT: RedirectFields =
    RedirectFields { protocol: "destinationProtocol", host: "customHostname" };

/// A rule and its place in the order; `None` if it has no equal, which is reported, or no effect.
pub(in crate::import::azure) fn rule<'s>(
    node: &Node<'s>,
    name: &str,
    context: &Context<'_, 's>,
) -> Option<(u32, Rule<'s>)> {
    read(node, name, context).unwrap_or_else(|Unclear| {
        super::left_out(node);
        None
    })
}

fn read<'s>(own: &Node<'s>, name: &str, context: &Context<'_, 's>) -> Given<(u32, Rule<'s>)> {
    let order = number(own, "order", (0, u32::MAX))?.unwrap_or(0);
    let mut rule = Rule { name: name.to_owned(), ..Rule::default() };
    rule.stop = super::stops(own)?;
    for item in list(own, "conditions")? {
        let subject = text(&item, "name")?.unwrap_or_default();
        let parameters = item.field("parameters").unwrap_or_else(|| item.clone());
        kind_kept(&parameters);
        match condition(subject, &parameters, &FIELDS, context.hosts)? {
            When::All(all) => rule.when.extend(all),
            When::Never => return Ok(super::never(own)),
        }
    }
    for item in list(own, "actions")? {
        let name = text(&item, "name")?.unwrap_or_default();
        let parameters = item.field("parameters").unwrap_or_else(|| item.clone());
        kind_kept(&parameters);
        action(name, &parameters, context, &mut rule)?;
    }
    Ok(super::finished(own, rule).map(|rule| (order, rule)))
}

/// The kind of conditions and actions is in their names already.
fn kind_kept(parameters: &Node<'_>) {
    for name in ["typeName", "@odata.type", "odataType"] {
        if let Some(kind) = parameters.field(name) {
            kind.kept();
        }
    }
}

fn action<'s>(
    name: &str,
    of: &Node<'s>,
    context: &Context<'_, 's>,
    rule: &mut Rule<'s>,
) -> Result<(), Unclear> {
    match name.to_ascii_lowercase().as_str() {
        "urlredirect" => rule.does.redirect = Some(action::redirect(of, &REDIRECT)?),
        "urlrewrite" => rule.does.path = action::rewrite(of)?,
        "modifyrequestheader" => action::header(of, "headerAction", true, &mut rule.does.request),
        "modifyresponseheader" => {
            action::header(of, "headerAction", false, &mut rule.does.response)
        }
        "routeconfigurationoverride" => {
            if let Some(group) = of.field("originGroupOverride") {
                action::pool(&group, "originGroup", context, &mut rule.does)?;
            }
            if let Some(cache) = of.field("cacheConfiguration") {
                cache.dropped(CACHING);
            }
        }
        "origingroupoverride" => action::pool(of, "originGroup", context, &mut rule.does)?,
        "cacheexpiration" | "cachekeyquerystring" => of.dropped(CACHING),
        "urlsigning" => of.dropped("Portico signs no URLs, and checks no signatures"),
        _ => return Err(unclear(of, "an action that this importer knows")),
    }
    Ok(())
}
