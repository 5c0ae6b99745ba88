//! When something holds: conditions of rules, put together.

use portico_crds::{MAX_ALTERNATIVES, RuleCondition, RuleScheme};

/// When something holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum When {
    /// Where all of these conditions do.
    All(Vec<RuleCondition>),
    /// Never.
    Never,
}

/// A condition that holds if another does not.
pub(super) fn not(condition: RuleCondition) -> RuleCondition {
    RuleCondition { not: Some(Box::new(condition)), ..RuleCondition::default() }
}

/// A condition that holds if one of these does, of which there is at least one.
pub(super) fn any(mut conditions: Vec<RuleCondition>) -> Result<When, String> {
    if conditions.len() > MAX_ALTERNATIVES * MAX_ALTERNATIVES {
        return Err("it has too many values: make several rules".to_owned());
    }
    if conditions.len() > MAX_ALTERNATIVES {
        let groups = conditions.chunks(MAX_ALTERNATIVES).map(|group| alternatives(group.to_vec()));
        conditions = groups.collect();
    }
    Ok(When::All(match conditions.len() {
        1 => conditions,
        _ => vec![alternatives(conditions)],
    }))
}

fn alternatives(conditions: Vec<RuleCondition>) -> RuleCondition {
    RuleCondition { any: Some(conditions), ..RuleCondition::default() }
}

/// A condition that the client uses a scheme.
pub(in crate::import::azure) fn scheme(scheme: RuleScheme) -> RuleCondition {
    RuleCondition { scheme: Some(scheme), ..RuleCondition::default() }
}
