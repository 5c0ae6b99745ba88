//! What is written passes `portico check`: whatever does not is replaced by something that does.

use crate::{
    compile::{Options, compile},
    diagnostic::{ConditionType, Severity},
    files,
    import::{Entry, Imported, Object, Verdict},
};
use serde_json::json;
use std::collections::BTreeMap;

/// How often is looked: an object that is replaced may be in the way of another.
const ROUNDS: usize = 4;

/// The same, with what Portico would refuse replaced or left out, and reported.
pub(super) fn accepted(mut imported: Imported) -> Imported {
    for round in 0..ROUNDS {
        let refused = refused(&imported);
        if refused.is_empty() {
            return imported;
        }
        let mut kept = Vec::new();
        for object in std::mem::take(&mut imported.objects) {
            let name = format!("{} {}/{}", object.kind, object.namespace, object.name);
            let Some(why) = refused.get(&name) else {
                kept.push(object);
                continue;
            };
            // A Route that stays in its place keeps its requests from wider ones.
            let is_route = object.kind == "Route" && round == 0;
            let instead = if is_route { "its requests get 503" } else { "it is left out" };
            imported.report.push(Entry {
                source: name,
                field: String::new(),
                verdict: Verdict::Dropped,
                why: format!("Portico refuses what this became, so {instead}: {why}"),
            });
            kept.extend(is_route.then(|| unavailable(object)));
        }
        imported.objects = kept;
    }
    imported.objects.clear();
    imported
}

/// The objects that Portico refuses, and why.
fn refused(imported: &Imported) -> BTreeMap<String, String> {
    let files = match imported.files() {
        Ok(files) => files,
        Err(error) => {
            let all = imported.objects.iter();
            return all
                .map(|it| (format!("{} {}/{}", it.kind, it.namespace, it.name), error.to_string()))
                .collect();
        }
    };
    let merged =
        files::read_texts(files.iter().map(|file| (file.name.as_str(), file.text.as_str())));
    let compiled = compile(&merged.snapshot, &Options::default());
    let refused = compiled.statuses.iter().filter(|(_, status)| !status.is_accepted());
    let why = refused.map(|(object, status)| {
        let errors = status.problems.iter().filter(|it| it.condition == ConditionType::Accepted);
        let mut errors = errors.filter(|it| it.severity == Severity::Error);
        let why = errors.next().map(|error| format!("{}: {}", error.field, error.message));
        (object.to_string(), why.unwrap_or_default())
    });
    why.collect()
}

/// A Route with the same requests, which get 503.
fn unavailable(mut object: Object) -> Object {
    let spec = &mut object.content["spec"];
    let mut instead = json!({"respond": {"status": 503}});
    for name in ["frontDoorRef", "hosts", "matches"] {
        if let Some(value) = spec.get(name) {
            instead[name] = value.clone();
        }
    }
    *spec = instead;
    object
}
