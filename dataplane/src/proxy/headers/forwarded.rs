//! `Forwarded` (RFC 7239): what each proxy reports about the request it received.

use http::{HeaderMap, header};

/// What one proxy reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::proxy) struct Element {
    /// `for`: the client that sent it the request.
    pub(in crate::proxy) client: Option<String>,
    /// `host`: the Host that it received.
    pub(in crate::proxy) host: Option<String>,
    /// `proto`: the scheme of the request it received.
    pub(in crate::proxy) proto: Option<String>,
}

/// All elements, the nearest proxy's last; empty if any of it is malformed.
pub(in crate::proxy) fn elements(headers: &HeaderMap) -> Vec<Element> {
    let mut elements = Vec::new();
    for line in headers.get_all(header::FORWARDED) {
        match line.to_str().ok().and_then(parse) {
            Some(more) => elements.extend(more),
            None => return Vec::new(),
        }
    }
    elements
}

fn parse(line: &str) -> Option<Vec<Element>> {
    split(line, b',')?.into_iter().map(element).collect()
}

fn element(text: &str) -> Option<Element> {
    let mut element = Element::default();
    for pair in split(text, b';')?.into_iter().map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        let field = match name.trim().to_ascii_lowercase().as_str() {
            "for" => &mut element.client,
            "host" => &mut element.host,
            "proto" => &mut element.proto,
            _ => continue,
        };
        *field = Some(unquoted(value.trim()));
    }
    Some(element)
}

/// Splits at separators outside quoted strings; `None` if a quoted string does not end.
fn split(text: &str, separator: u8) -> Option<Vec<&str>> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            byte if byte == separator && !quoted => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (!quoted).then_some(parts)
}

fn unquoted(value: &str) -> String {
    match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
        None => value.to_owned(),
        Some(inner) => {
            let mut escaped = false;
            let keep = |c: &char| {
                escaped = *c == '\\' && !escaped;
                !escaped
            };
            inner.chars().filter(keep).collect()
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read() {
        let read = |line: &str| {
            let elements = parse(line)?;
            let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".into());
            let lines =
                elements.iter().map(|e| [text(&e.client), text(&e.host), text(&e.proto)].join(" "));
            Some(lines.collect::<Vec<_>>().join(", "))
        };
        for (line, elements) in [
            ("for=1.2.3.4", Some("1.2.3.4 - -")),
            ("For=\"[::1]:80\";HOST=a;proto=https;by=x", Some("[::1]:80 a https")),
            ("for=a, for=b;host=\"x,y;z\"", Some("a - -, b x,y;z -")),
            ("for=\"a\\\"b\\\\c\"", Some("a\"b\\c - -")),
            (" ; for = a ;", Some("a - -")),
            ("", Some("- - -")),
            ("for", None),
            ("for=\"a", None),
        ] {
            assert_eq!(read(line).as_deref(), elements, "{line}");
        }
    }
}
