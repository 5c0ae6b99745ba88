//! Azure's server variables in values, as Portico's.

/// Where a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a header's value.
    Header,
    /// In a path.
    Path,
}

/// A text with its variables translated; why that is impossible, otherwise.
pub(super) fn text(given: &str, place: Place) -> Result<String, String> {
    let mut text = String::new();
    let mut rest = given;
    while let Some(at) = rest.find(['{', '}']) {
        text.push_str(&literal(&rest[..at], place));
        rest = &rest[at..];
        let variable = rest.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        match variable.filter(|(name, _)| is_variable(name)) {
            Some((name, after)) => {
                if name.eq_ignore_ascii_case("url_path") && place == Place::Path {
                    // Azure's has no slash in front, Portico's has.
                    let before = text.strip_suffix('/').ok_or("{url_path} must follow a slash")?;
                    text = format!("{before}{{path}}");
                } else {
                    text.push_str(&translated(name)?);
                }
                rest = after;
            }
            None => {
                let brace = &rest[..1];
                text.push_str(&if place == Place::Header {
                    brace.repeat(2)
                } else {
                    literal(brace, place)
                });
                rest = &rest[1..];
            }
        }
    }
    text.push_str(&literal(rest, place));
    Ok(text)
}

/// Whether a text has variables.
pub(super) fn has_variables(text: &str) -> bool {
    let mut inner = text.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    inner.any(|(name, _)| is_variable(name))
}

fn literal(text: &str, place: Place) -> String {
    match place {
        Place::Path => crate::import::azure::pattern::escaped(text),
        Place::Header => text.to_owned(),
    }
}

fn is_variable(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-:".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_part)
}

fn translated(name: &str) -> Result<String, String> {
    let lower = name.to_ascii_lowercase();
    let is_token = |name: &str| !name.is_empty() && !name.contains(':');
    let own = match lower.as_str() {
        "hostname" => "host",
        "url_path" => "path",
        "query_string" => "query",
        "client_ip" | "socket_ip" => "clientAddress",
        "request_scheme" => "scheme",
        "http_method" | "request_method" => "method",
        other => {
            let header = other.strip_prefix("http_req_header_");
            let argument =
                other.strip_prefix("http_req_arg_").and(name.get("http_req_arg_".len()..));
            return match (header, argument) {
                (Some(header), _) if is_token(header) => Ok(format!("{{header.{header}}}")),
                (_, Some(argument)) if is_token(argument) => Ok(format!("{{query.{argument}}}")),
                _ => Err(format!("the variable {{{name}}} has no equal")),
            };
        }
    };
    Ok(format!("{{{own}}}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_translated() {
        for (place, given, expected) in [
            (Place::Header, "a {client_ip} {b c} }", "a {clientAddress} {{b c}} }}"),
            (Place::Header, "{http_req_header_X-A}{http_req_arg_Id}", "{header.x-a}{query.Id}"),
            (Place::Path, "/x/{url_path}", "/x{path}"),
            (Place::Path, "/{hostname}/{ }*", "/{host}/%7B%20%7D%2A"),
        ] {
            assert_eq!(text(given, place).unwrap(), expected);
        }
        assert!(has_variables("a{b}") && !has_variables("{b c}{"));
        for given in ["{geo_country}", "{client_ip:3}", "{http_req_header_}"] {
            assert!(text(given, Place::Header).is_err(), "{given}");
        }
        assert!(text("x{url_path}", Place::Path).is_err());
    }
}
