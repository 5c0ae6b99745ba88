//! Lists of networks, as rules.

use super::{
    annotation::{Annotation, items},
    settings::Settings,
};
use crate::compile::network;
use portico_crds::MAX_ALTERNATIVES;
use serde_json::{Value, json};

/// How many networks a condition may have.
const MAX_NETWORKS: usize = 64;

/// Keeps an annotation that lists the networks whose clients are `allowed`, or are not.
pub(super) fn decide(it: &Annotation<'_, '_>, settings: &mut Settings, allowed: bool) {
    let name = if allowed { "allowed-addresses" } else { "denied-addresses" };
    match rule(name, it.text, allowed) {
        Ok(Some(rule)) => {
            // A list may have two names, and is one setting.
            settings.access.retain(|known| known["name"] != rule["name"]);
            settings.access.push(rule);
            it.kept();
        }
        Ok(None) => it.dropped("has no effect: the list is empty"),
        Err(why) => it.closes(settings, why),
    }
}

/// A rule that answers 403 to clients in these networks or, if they are `allowed`, outside of them;
/// `None` if there are none.
///
/// # Errors
/// If one of them is no network, or there are too many.
fn rule(name: &str, list: &str, allowed: bool) -> Result<Option<Value>, String> {
    let mut networks = Vec::new();
    for item in items(list) {
        let network = network(item).ok_or_else(|| format!("{item:?} is not a network"))?;
        let network = network.to_string();
        if !networks.contains(&network) {
            networks.push(network);
        }
    }
    let mut conditions: Vec<_> =
        networks.chunks(MAX_NETWORKS).map(|some| json!({"clientAddress": some})).collect();
    let condition = match conditions.len() {
        0 => return Ok(None),
        1 => conditions.swap_remove(0),
        2..=MAX_ALTERNATIVES => json!({"any": conditions}),
        _ => return Err(format!("{} networks are more than a rule takes", networks.len())),
    };
    let condition = if allowed { json!({"not": condition}) } else { condition };
    Ok(Some(json!({"name": name, "when": [condition], "do": {"respond": {"status": 403}}})))
}
