//! Names that were probably meant where an object does not exist.

use crate::schema;
use portico_dataplane::table::ObjectName;
use std::collections::BTreeMap;

/// How many objects of a namespace are compared with a name. Comparing costs microseconds, and every
/// Route may name an object that does not exist.
const MAX_COMPARED: usize = 30;

/// What to do about a reference to an object of the referring object's own namespace that does not
/// exist: a similar name there or, if `others` may be named, the namespace that has it.
pub(super) fn hint<T>(
    all: &BTreeMap<ObjectName, T>,
    missing: &ObjectName,
    others: bool,
) -> Option<String> {
    if let Some(near) = similar(all, missing) {
        return Some(format!("did you mean '{near}'?"));
    }
    let elsewhere = all.keys().filter(|_| others).find(|name| name.name == missing.name)?;
    Some(format!(
        "{elsewhere} is in another namespace, and only those in namespace '{}' can be referenced here: move one of the two",
        missing.namespace
    ))
}

/// The most similar name in the same namespace.
pub(super) fn similar<'s, T>(
    all: &'s BTreeMap<ObjectName, T>,
    missing: &ObjectName,
) -> Option<&'s str> {
    let first = ObjectName::new(missing.namespace.clone(), "");
    let own = all.range(first..).take_while(|(name, _)| name.namespace == missing.namespace);
    schema::nearest(&missing.name, own.take(MAX_COMPARED).map(|(name, _)| &*name.name))
}
