//! Paths as they are, and the values that objects take.

/// A path that stands for itself in a pattern or a template, or why it can't.
pub(super) fn path(text: &str) -> Result<String, String> {
    if !text.starts_with('/') {
        return Err(format!("{text:?} is not a path: it does not begin with a slash"));
    }
    let special = |c: char| "{}*?#\\%$\"".contains(c) || c.is_control() || c.is_whitespace();
    if let Some(c) = text.chars().find(|c| special(*c)) {
        return Err(format!("a path can't have {c:?} here"));
    }
    if text.len() > 900 {
        return Err("the path is too long".to_owned());
    }
    let segments = text.get(1..).unwrap_or_default().split('/').collect::<Vec<_>>();
    let empty = segments.split_last().is_some_and(|(_, before)| before.contains(&""));
    if empty || segments.iter().any(|it| [".", ".."].contains(it) || it.starts_with(';')) {
        return Err("a path can't have empty segments, or dots alone, here".to_owned());
    }
    Ok(text.to_owned())
}

/// Whether this is a token (RFC 9110 §5.6.2): a field name, a method, a cookie's name.
pub(super) fn is_token(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    (1..=256).contains(&text.len()) && text.chars().all(inside)
}

/// Whether this header may be edited, with this value.
pub(super) fn is_header(name: &str, value: &str) -> bool {
    let is_editable =
        !portico_crds::UNEDITABLE_HEADERS.iter().any(|it| it.eq_ignore_ascii_case(name));
    let is_printable = value.chars().all(|c| c == '\t' || (' '..='~').contains(&c));
    is_token(name) && is_editable && is_printable && value.len() <= 4096 && value.trim() == value
}

/// The name of a Secret, or another object (RFC 1123 subdomain).
pub(super) fn is_object_name(name: &str) -> bool {
    let is_lower = !name.chars().any(|c| c.is_ascii_uppercase());
    let is_label = |label: &str| {
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '-';
        !label.is_empty()
            && label.chars().all(inside)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    is_lower && name.len() <= 253 && name.split('.').all(is_label)
}

/// Whether this is an RFC 1123 label: a namespace, a Service.
pub(super) fn is_label(name: &str) -> bool {
    name.len() <= 63 && !name.contains('.') && is_object_name(name)
}

/// Whether this is the name of a Service's port: a label with a letter, and no two hyphens.
pub(super) fn is_port_name(name: &str) -> bool {
    let has_letter = name.chars().any(|c| c.is_ascii_lowercase());
    name.len() <= 63 && is_label(name) && has_letter && !name.contains("--")
}

/// A time of whole seconds, up to a day or so, as objects have it.
pub(super) fn duration(seconds: u64) -> String {
    match (seconds % 3600, seconds % 60) {
        (0, _) if seconds > 0 => format!("{}h", seconds / 3600),
        (_, 0) if seconds > 0 => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

/// Characters that mean themselves in a regular expression.
pub(super) fn escaped(text: &str) -> String {
    regex_syntax::escape(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_for_itself_is_a_path() {
        for good in ["/", "/a", "/a/", "/a-b_c.d/~e", "/straße", "/a(b)"] {
            assert_eq!(path(good).as_deref(), Ok(good));
        }
        for bad in ["", "a", "/a*", "/{a}", "/a//b", "//", "/a/../b", "/%2F", "/a b", "/$1", "/;a"]
        {
            assert!(path(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn headers_that_may_be_edited() {
        assert!(is_header("x-a", "b c"));
        for (name, value) in
            [("host", "a"), ("x a", "a"), ("x-a", "a\nb"), ("x-a", " a"), ("te", "a")]
        {
            assert!(!is_header(name, value), "{name}: {value}");
        }
        assert!(is_port_name("http-2") && !is_port_name("80") && !is_port_name("a--b"));
    }
}
