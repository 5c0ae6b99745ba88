//! CEL rules shared by several fields.

use kube::core::Rule;
use schemars::Schema;
use serde_json::{Value, json};

/// Header fields that no edit and no fixed response may name: Host, the fields that frame a
/// message, and connection-specific ones (RFC 9110 §7.6.1). Lower case.
pub const UNEDITABLE_HEADERS: [&str; 9] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Methods that a script can never use, in any case (Fetch, "forbidden method"). Upper case.
pub const FORBIDDEN_METHODS: [&str; 3] = ["CONNECT", "TRACE", "TRACK"];

/// Prefixes of other request headers that a script can never set. Lower case.
pub const FORBIDDEN_HEADER_PREFIXES: [&str; 3] = ["proxy-", "sec-", "access-control-"];

/// Request headers that a script can never set, so that allowing them is a mistake (Fetch,
/// "forbidden request-header"). Lower case.
pub const FORBIDDEN_REQUEST_HEADERS: [&str; 19] = [
    "accept-charset",
    "accept-encoding",
    "connection",
    "content-length",
    "cookie",
    "cookie2",
    "date",
    "dnt",
    "expect",
    "host",
    "keep-alive",
    "origin",
    "referer",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Rules for a header name that an edit may use.
pub(crate) fn editable() -> Value {
    json!([
        Rule::new(format!("!(self.lowerAscii() in {})", list(&UNEDITABLE_HEADERS)))
            .message("Portico itself sets Host and the headers for framing and the connection; leave it out (rewrite.host sets the Host)")
    ])
}

/// Rules for a request header name that a script can send.
pub(crate) fn sendable() -> Value {
    json!([
        Rule::new(format!("!(self.lowerAscii() in {})", list(&FORBIDDEN_REQUEST_HEADERS)))
            .message("a script can't set this header (Fetch, forbidden request-header); leave it out"),
        Rule::new(format!("!self.lowerAscii().matches('^({})')", FORBIDDEN_HEADER_PREFIXES.join("|"))).message(
            "a script can't set headers that start with proxy-, sec- or access-control-; leave it out"
        ),
    ])
}

/// Rules for a response header name that a script can read.
pub(crate) fn readable() -> Value {
    json!([
        Rule::new("!(self.lowerAscii() in ['set-cookie', 'set-cookie2'])")
            .message("a script can never read Set-Cookie (Fetch, forbidden response-header name); leave it out"),
        Rule::new("!self.lowerAscii().startsWith('access-control-')")
            .message("the edge sets Access-Control-* itself; leave it out"),
    ])
}

/// Rules for a method that a script can use.
pub(crate) fn usable_method() -> Value {
    json!([Rule::new(format!("!(self.upperAscii() in {})", list(&FORBIDDEN_METHODS))).message(
        "a script can't use CONNECT, TRACE and TRACK (Fetch, forbidden method); leave it out"
    )])
}

/// Rules for a method that can be forwarded at all.
pub(crate) fn forwardable() -> Value {
    json!([Rule::new(format!("!(self in {})", list(&FORBIDDEN_METHODS)))
        .message("CONNECT, TRACE and TRACK are never forwarded; leave it out")])
}

/// A block that is `disabled` has none of its other `fields`.
pub(crate) fn alone(fields: &[&str]) -> Rule {
    none_if_disabled(fields.iter().map(|field| format!("has(self.{field})")))
}

/// The same for a block whose fields had `defaults` in an earlier schema: the API server has stored
/// them in objects whose authors never wrote them.
pub(crate) fn alone_but_for(defaults: &[(&str, &str)]) -> Rule {
    let is_own =
        |(field, default): &(_, _)| format!("has(self.{field}) && self.{field} != '{default}'");
    none_if_disabled(defaults.iter().map(is_own))
}

fn none_if_disabled(given: impl Iterator<Item = String>) -> Rule {
    let given: Vec<String> = given.collect();
    Rule::new(format!("!has(self.disabled) || !self.disabled || !({})", given.join(" || ")))
        .message("disabled: true switches the whole block off: leave its other fields out")
        .field_path(".disabled")
}

/// Rules for the duration `name`, which must lie within bounds.
pub(crate) fn between(name: &str, min: &str, max: &str) -> Value {
    json!([Rule::new(format!(
        "duration(self) >= duration('{min}') && duration(self) <= duration('{max}')"
    ))
    .message(format!("{name} must be {min} to {max}").as_str())])
}

/// Rules for a status code or a range of them.
pub(crate) fn status_range() -> Value {
    json!([Rule::new(
        "size(self) == 3 || (size(self) == 7 && self.substring(0, 3) <= self.substring(4))"
    )
    .message("a range of status codes goes from the lower to the higher, such as 200-399")])
}

/// YAML 1.1, which kubectl and Helm read, takes an unquoted `on` for a boolean, and they make the
/// key `true` of it. It is accepted as what it was meant to be.
pub(crate) fn on_unquoted(schema: &mut Schema) {
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    if let Some(Value::Object(on)) = properties.get("on") {
        let mut unquoted = on.clone();
        let about =
            "The same as `on`, which kubectl and Helm read as `true` where it is not in quotes.";
        unquoted.insert("description".to_owned(), about.into());
        properties.insert("true".to_owned(), Value::Object(unquoted));
    }
}

/// Applies `rules` to each item of a list.
pub(crate) fn each(rules: Value) -> impl FnMut(&mut Schema) {
    move |schema| {
        if let Some(Value::Object(items)) = schema.get_mut("items") {
            items.insert("x-kubernetes-validations".to_owned(), rules.clone());
        }
    }
}

/// Requires each name in a list of named items to be a token.
pub(crate) fn named_by_tokens(schema: &mut Schema) {
    if let Some(name) = schema.pointer_mut("/items/properties/name").and_then(Value::as_object_mut)
    {
        name.insert("pattern".to_owned(), crate::pattern::TOKEN.into());
        name.insert(
            "description".to_owned(),
            "The header's name, a token such as `x-tenant`.".into(),
        );
    }
}

/// A list of strings in CEL syntax.
fn list(items: &[&str]) -> String {
    format!("['{}']", items.join("', '"))
}
