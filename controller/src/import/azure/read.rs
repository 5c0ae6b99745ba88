//! Fields of Azure's objects, as ARM and az spell them. What is read counts as kept, unless somebody
//! says more of it.

use super::{resource::Id, scope::is_missing};
use crate::import::Node;
use serde_json::Value;

/// A field can't be read, which has been reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unclear;

/// What a field has, if it is there.
pub(super) type Given<T> = Result<Option<T>, Unclear>;

/// The object's own fields: ARM has them in `properties`, az beside its name. Its bookkeeping is kept,
/// wherever it stands.
pub(super) fn properties<'s>(node: &Node<'s>) -> Node<'s> {
    bookkeeping(node);
    let Some(inner) = node.field("properties").filter(|inner| inner.value.is_object()) else {
        return node.clone();
    };
    bookkeeping(&inner);
    inner
}

/// Reports a field that is not what it should be.
pub(super) fn unclear(node: &Node<'_>, expected: &str) -> Unclear {
    if is_missing(node.value) {
        return Unclear;
    }
    node.dropped(format!("is not {expected}: correct it"));
    Unclear
}

/// A text; an empty one is none.
pub(super) fn text<'s>(of: &Node<'s>, name: &str) -> Given<&'s str> {
    let Some(node) = of.field(name) else { return Ok(None) };
    let text = node.text().ok_or_else(|| unclear(&node, "a text"))?;
    node.kept();
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// True or false, or `Enabled` or `Disabled`.
pub(super) fn flag(of: &Node<'_>, name: &str) -> Given<bool> {
    let Some(node) = of.field(name) else { return Ok(None) };
    let lower = node.text().map(str::to_ascii_lowercase);
    let flag = match (node.value, lower.as_deref()) {
        (Value::Bool(flag), _) => Some(*flag),
        (_, Some("true" | "enabled")) => Some(true),
        (_, Some("false" | "disabled")) => Some(false),
        _ => None,
    };
    let flag = flag.ok_or_else(|| unclear(&node, "Enabled or Disabled"))?;
    node.kept();
    Ok(Some(flag))
}

/// A whole number within bounds.
pub(super) fn number(of: &Node<'_>, name: &str, bounds: (u32, u32)) -> Given<u32> {
    let Some(node) = of.field(name) else { return Ok(None) };
    let number = match node.value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_u64().and_then(|number| u32::try_from(number).ok()),
    };
    let number = number.filter(|number| (bounds.0..=bounds.1).contains(number));
    let expected = format!("a number from {} to {}", bounds.0, bounds.1);
    let number = number.ok_or_else(|| unclear(&node, &expected))?;
    node.kept();
    Ok(Some(number))
}

/// A list of texts; numbers and booleans count as what they look like.
pub(super) fn texts(of: &Node<'_>, name: &str) -> Given<Vec<String>> {
    let Some(node) = of.field(name) else { return Ok(None) };
    if !node.value.is_array() {
        return Err(unclear(&node, "a list"));
    }
    let mut all = Vec::new();
    for item in node.items() {
        all.push(match item.value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                return Err(unclear(&item, "a text"));
            }
        });
        item.kept();
    }
    node.kept();
    Ok(Some(all))
}

/// The items of a list.
pub(super) fn list<'s>(of: &Node<'s>, name: &str) -> Result<Vec<Node<'s>>, Unclear> {
    let Some(node) = of.field(name) else { return Ok(Vec::new()) };
    match node.value.as_array() {
        Some(items) if items.is_empty() => node.kept(),
        Some(_) => {}
        None => return Err(unclear(&node, "a list")),
    }
    Ok(node.items().collect())
}

/// What another object is called: `{"id": …}`.
pub(super) fn reference(of: &Node<'_>, name: &str) -> Given<Id> {
    of.field(name).map(|node| id(&node)).transpose()
}

/// The ids in a list of references.
pub(super) fn references<'s>(of: &Node<'s>, name: &str) -> Result<Vec<(Node<'s>, Id)>, Unclear> {
    list(of, name)?.into_iter().map(|item| id(&item).map(|id| (item, id))).collect()
}

fn id(node: &Node<'_>) -> Result<Id, Unclear> {
    let inner = node.field("id");
    let own = inner.as_ref().unwrap_or(node);
    let id = own.text().and_then(Id::parse).ok_or_else(|| unclear(own, "the id of an object"))?;
    node.kept();
    Ok(id)
}

/// Fields that say nothing of how requests are handled, and what Azure writes itself.
pub(super) fn bookkeeping(node: &Node<'_>) {
    const OWN: [&str; 33] = [
        "id",
        "name",
        "type",
        "apiVersion",
        "location",
        "etag",
        "dependsOn",
        "condition",
        "sku",
        "kind",
        "resourceGroup",
        "systemData",
        "comments",
        "provisioningState",
        "resourceState",
        "deploymentStatus",
        "friendlyName",
        "cname",
        "frontdoorId",
        "frontDoorId",
        "profileName",
        "endpointName",
        "originGroupName",
        "ruleSetName",
        "autoGeneratedDomainNameLabelScope",
        "domainValidationState",
        "validationProperties",
        "extendedProperties",
        "scope",
        "customHttpsProvisioningState",
        "customHttpsProvisioningSubstate",
        "backendPoolName",
        "existing",
    ];
    for name in OWN {
        if let Some(field) = node.field(name).filter(|field| !is_missing(field.value)) {
            field.kept();
        }
    }
    match node.field("tags") {
        Some(tags) if tags.fields().next().is_some() => {
            tags.dropped("Azure's tags stay there: write labels where you need them");
        }
        Some(tags) => tags.kept(),
        None => {}
    }
}
