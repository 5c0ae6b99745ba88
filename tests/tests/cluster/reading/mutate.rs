//! Makes mistakes in objects.

use super::{
    grow::{self, TEXTS},
    schema::{self, Place, bound, names},
};
use portico_tests::random::Random;
use serde_json::{Map, Number, Value, json};

/// Makes one mistake, or what looks like one.
pub(super) fn mutate(whole: &Value, object: &mut Value, random: &mut Random) {
    let places = schema::places(whole, object);
    let inside: Vec<_> = places.iter().filter(|place| !place.pointer.is_empty()).collect();
    let place = *random.pick(&inside);
    let at = object.pointer_mut(&place.pointer).unwrap();
    match (random.below(6), at) {
        (0, at) => *at = other_type(random),
        (1, at) => *at = Value::Null,
        (_, Value::Object(fields)) => in_object(place, fields, random),
        (_, Value::Array(items)) => in_list(place, items, random),
        (_, Value::String(text)) => *text = in_text(place, text, random),
        (_, Value::Number(number)) => *number = in_number(place, random),
        (_, at) => *at = other_type(random),
    }
}

/// A value that many fields don't take.
fn other_type(random: &mut Random) -> Value {
    let values = [
        json!({}),
        json!([]),
        json!(""),
        json!("x"),
        json!("80"),
        json!("true"),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(70_000),
        json!(1_i64 << 40),
        json!(u64::MAX),
        json!([null]),
        json!([[]]),
        json!({"a": null}),
    ];
    random.pick(&values).clone()
}

fn in_object(place: &Place<'_>, fields: &mut Map<String, Value>, random: &mut Random) {
    if let Some(values) = place.schema.get("additionalProperties") {
        let long = "k".repeat(64);
        let keys = ["", "a b", "-a", "A/b", "a/b/c", "é", &long, "ok"];
        let value = if random.percent(30) { Value::Null } else { grow::value(values, random) };
        match random.below(3) {
            0 => fields.clear(),
            1 => drop(fields.insert((*random.pick(&keys)).to_owned(), value)),
            _ => {
                let max = usize::try_from(bound(place.schema, "maxProperties", 32)).unwrap();
                fields.extend((0..=max).map(|i| (format!("k{i}"), json!("v"))));
            }
        }
        return;
    }
    let known = names(place.schema);
    let name = (*random.pick(&known)).clone();
    match random.below(4) {
        0 => drop(fields.remove(&name)),
        1 => drop(fields.insert(near(&name, random), json!("x"))),
        2 => drop(fields.insert("unknown".to_owned(), json!({}))),
        _ => {
            // Beside what excludes it, more often than not.
            let value = grow::value(&place.schema["properties"][&name], random);
            fields.insert(name, value);
        }
    }
}

/// A misspelt name.
fn near(name: &str, random: &mut Random) -> String {
    match random.below(4) {
        0 => name.to_ascii_lowercase() + "s",
        1 => name.to_ascii_uppercase(),
        2 => name.chars().skip(1).collect(),
        _ => format!("{name} "),
    }
}

fn in_list(place: &Place<'_>, items: &mut Vec<Value>, random: &mut Random) {
    match random.below(5) {
        0 => items.clear(),
        1 => items.extend(items.first().cloned()),
        2 => items.push(Value::Null),
        3 => items.push(grow::value(&place.schema["items"], random)),
        _ => {
            let max = usize::try_from(bound(place.schema, "maxItems", 8)).unwrap();
            let item = grow::value(&place.schema["items"], random);
            items.resize(if max < 300 { max + 1 } else { 2 }, item);
        }
    }
}

fn in_text(place: &Place<'_>, text: &str, random: &mut Random) -> String {
    match random.below(9) {
        0 => String::new(),
        1 => format!("{text}\n"),
        2 => format!(" {text}"),
        3 => format!("{text}é"),
        4 => text.to_ascii_lowercase(),
        5 => text.to_ascii_uppercase(),
        6 => text.repeat(2),
        7 => {
            let max = usize::try_from(bound(place.schema, "maxLength", 64)).unwrap();
            let filler = if text.starts_with('/') { "/a" } else { "a" };
            filler.repeat(max).chars().take(max + random.below(2)).collect()
        }
        _ => (*random.pick(TEXTS)).to_owned(),
    }
}

fn in_number(place: &Place<'_>, random: &mut Random) -> Number {
    let (min, max) = (bound(place.schema, "minimum", 0), bound(place.schema, "maximum", 1000));
    (*random.pick(&[min - 1, min, max, max + 1, 0, -1, 1 << 31, 1 << 53])).into()
}
