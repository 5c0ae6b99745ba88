//! A condition of a rules engine or rule set, as conditions of a rule.

use super::{
    subject::Subject,
    test::{Outcome, Test},
    when::{When, not},
};
use crate::import::{
    Node,
    azure::read::{Unclear, flag, text, texts, unclear},
};
use portico_crds::RuleCondition;

/// The fields of a condition, which differ.
pub(super) struct Fields {
    pub(super) operator: &'static str,
    pub(super) values: &'static str,
}

/// Translates a condition on a subject. If it has no equal, that has been reported.
pub(super) fn condition(
    subject: &str,
    of: &Node<'_>,
    fields: &Fields,
    hosts: &[String],
) -> Result<When, Unclear> {
    let mut operator = text(of, fields.operator)?.unwrap_or("Equal");
    let mut negates = flag(of, "negateCondition")?.unwrap_or(false);
    let values = texts(of, fields.values)?.unwrap_or_default();
    let transforms = texts(of, "transforms")?.unwrap_or_default();
    let selector = text(of, "selector")?;
    let none = |why: String| {
        of.dropped(format!("the condition on {subject} is not kept: {why}"));
        Unclear
    };
    let subject = Subject::new(subject, selector, hosts).map_err(none)?;
    if let (Some(opposite), true) = (opposite(operator), negates) {
        if values.len() > 1 {
            return Err(none("the negation of several lengths has no equal".to_owned()));
        }
        // What is absent has no length, neither the one nor the other.
        (operator, negates) = (opposite, false);
    }
    let is_any = operator.eq_ignore_ascii_case("Any");
    if values.is_empty() && !is_any {
        return Err(unclear(of, "a condition with values to match"));
    }
    let when = if is_any {
        subject.present().map_err(none)?
    } else if subject.is_listed() {
        subject.listed(operator, &values).map_err(none)?
    } else {
        let mut tests = Vec::new();
        for value in &values {
            match Test::parse(operator, value, &subject.needed(&transforms, value)).map_err(none)? {
                Outcome::Test(test) => tests.push(test),
                Outcome::Never => {}
            }
        }
        match tests.as_slice() {
            [] => When::Never,
            tests => subject.tested(tests).map_err(none)?,
        }
    };
    if let Some(how) = subject.differs() {
        of.field(fields.values).iter().for_each(|values| values.changed(how));
    }
    match (when, negates) {
        (when, false) => Ok(when),
        (When::Never, true) => Ok(When::All(Vec::new())),
        (When::All(all), true) => match <[RuleCondition; 1]>::try_from(all) {
            Ok([one]) if subject.is_exact() => Ok(When::All(vec![not(one)])),
            Ok(_) => {
                Err(none("what it becomes holds for less, and its negation for more".to_owned()))
            }
            Err(all) if all.is_empty() => Ok(When::Never),
            Err(_) => Err(none("the negation of several conditions has no equal".to_owned())),
        },
    }
}

/// The operator that holds for the other lengths.
fn opposite(operator: &str) -> Option<&'static str> {
    Some(match operator.to_ascii_lowercase().as_str() {
        "lessthan" => "GreaterThanOrEqual",
        "lessthanorequal" => "GreaterThan",
        "greaterthan" => "LessThanOrEqual",
        "greaterthanorequal" => "LessThan",
        _ => return None,
    })
}
