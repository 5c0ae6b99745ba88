//! Canaries: Ingresses that take some of the requests of another one.

use super::super::{
    annotation::Annotation,
    literal,
    settings::{Canary, Settings},
};
use portico_dataplane::full_match::FullMatch;
use serde_json::{Value, json};

/// `canary`, with all that belongs to it. Headers come before cookies, and those before weights.
pub(super) fn canary(it: &Annotation<'_, '_>, settings: &mut Settings) {
    if !it.is_true() {
        return it.kept();
    }
    let mut canary = Canary { total: 100, ..Canary::default() };
    header(it, &mut canary);
    if let Some(name) = it.other("canary-by-cookie") {
        match literal::is_token(name) {
            true => canary.conditions.extend(always_and_never("cookie", name)),
            false => it.dropped_at("canary-by-cookie", "is not the name of a cookie"),
        }
    }
    if let Some(weight) = it.other("canary-weight") {
        let total = it.other("canary-weight-total").and_then(|total| total.parse().ok());
        canary.total = total.unwrap_or(100).clamp(100, 1_000_000);
        match weight.parse::<u32>() {
            Ok(weight) => canary.weight = weight.min(canary.total),
            Err(_) => it.dropped_at("canary-weight", "is not a number: it has no effect"),
        }
    }
    settings.canary = Some(canary);
    it.kept();
}

fn header(it: &Annotation<'_, '_>, canary: &mut Canary) {
    let Some(name) = it.other("canary-by-header") else { return };
    if !literal::is_token(name) {
        return it.dropped_at("canary-by-header", "is not the name of a header");
    }
    let value = it.other("canary-by-header-value").filter(|value| !value.is_empty());
    let pattern = it.other("canary-by-header-pattern").filter(|pattern| !pattern.is_empty());
    match (value, pattern) {
        (Some(value), pattern) => {
            canary.conditions.push((json!({"header": {"name": name, "value": value}}), true));
            if pattern.is_some() {
                let why = "has no effect beside canary-by-header-value";
                it.dropped_at("canary-by-header-pattern", why);
            }
        }
        (None, Some(pattern)) => {
            // Where it matches does not matter to ingress-nginx.
            let whole = format!("(?s:.*)(?:{pattern})(?s:.*)");
            match FullMatch::check_syntax(&whole) {
                Ok(()) => canary.conditions.push((
                    json!({"header": {"name": name, "type": "Regex", "value": whole}}),
                    true,
                )),
                Err(error) => it.dropped_at(
                    "canary-by-header-pattern",
                    format!("is not a regular expression here, and takes no requests: {error}"),
                ),
            }
        }
        (None, None) => canary.conditions.extend(always_and_never("header", name)),
    }
}

fn always_and_never(part: &str, name: &str) -> [(Value, bool); 2] {
    [("always", true), ("never", false)]
        .map(|(value, takes)| (json!({part: {"name": name, "value": value}}), takes))
}
