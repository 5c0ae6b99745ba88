//! What is written passes `portico check`: an object that the compiler refuses is replaced.

use super::{doors::Written, object::Ingress};
use crate::{compile, files, import::Object};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Replaces Routes that the compiler refuses by Routes that answer 503, and leaves out what it
/// refuses nevertheless; says so of their Ingress.
pub(super) fn only_accepted(written: Vec<Written>, ingresses: &[Ingress<'_>]) -> Vec<Object> {
    let mut kept: Vec<Written> = written;
    for is_last in [false, true] {
        let mut refused = refused(&kept);
        if refused.is_empty() {
            break;
        }
        let mut at = 0;
        kept.retain_mut(|(object, ingress)| {
            let why = refused.get_mut(at).and_then(Option::take);
            at += 1;
            let Some(why) = why else { return true };
            let Object { kind, namespace, name, .. } = &*object;
            let what = if is_last { "left out" } else { "answers 503" };
            if let Some(node) = name_of(&ingresses[*ingress]) {
                node.dropped(format!("{kind} {namespace}/{name} {what}: {why}"));
            }
            if !is_last && object.kind == "Route" {
                object.content = placeholder(&object.content);
            }
            !is_last
        });
    }
    kept.into_iter().map(|(object, _)| object).collect()
}

fn name_of<'s>(ingress: &Ingress<'s>) -> Option<super::Node<'s>> {
    ingress.node.field("metadata")?.field("name")
}

fn placeholder(content: &Value) -> Value {
    let mut spec = json!({"respond": {"status": 503}});
    for field in ["frontDoorRef", "hosts", "matches"] {
        if let Some(value) = content["spec"].get(field) {
            spec[field] = value.clone();
        }
    }
    json!({"spec": spec})
}

/// What the compiler has against each object; empty if it has nothing against any.
fn refused(written: &[Written]) -> Vec<Option<String>> {
    let texts: Vec<_> = written
        .iter()
        .enumerate()
        .map(|(at, (object, _))| (format!("{at}.json"), object.to_manifest().to_string()))
        .collect();
    let texts = texts.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let merged = files::read_texts(texts);
    let options = compile::Options { names_others: true, ..compile::Options::default() };
    let statuses = compile::compile(&merged.snapshot, &options).statuses;
    let refused: BTreeMap<_, _> = statuses
        .iter()
        .filter(|(_, status)| !status.is_accepted())
        .map(|(object, status)| (object.to_string(), status))
        .collect();
    let why = |(object, _): &Written| {
        let Object { kind, namespace, name, .. } = object;
        let status = refused.get(&format!("{kind} {namespace}/{name}"))?;
        Some(status.problems.first().map_or_else(String::new, |problem| problem.message.clone()))
    };
    let all: Vec<_> = written.iter().map(why).collect();
    if all.iter().all(Option::is_none) { Vec::new() } else { all }
}
