//! The syntax of labels and annotations, as the API server requires it.

/// What a label's key must be, for messages.
const KEY: &str = "a key is a name of at most 63 letters, digits, '-', '_' and '.', which starts and ends with a letter or digit; a DNS name of at most 253 characters and '/' may come before it";
/// What a label's value must be, for messages.
const VALUE: &str = "a label's value has at most 63 letters, digits, '-', '_' and '.', and starts and ends with a letter or digit, or is empty";

const SUBDOMAIN: &str = "a name has at most 253 lower-case letters, digits, '-' and '.', and each part of it starts and ends with a letter or digit";
const LABEL: &str = "a name here has at most 63 lower-case letters, digits and '-', and starts and ends with a letter or digit";
const SERVICE_NAME: &str = "the name of a Service has at most 63 lower-case letters, digits and '-', starts with a letter, and ends with a letter or digit";

/// What is wrong with a string, if something is.
pub(crate) type Check = fn(&str) -> Result<(), &'static str>;

/// What is wrong with the key of a label.
pub(crate) fn check_key(key: &str) -> Result<(), &'static str> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let is_good = prefix.is_none_or(is_subdomain) && !name.is_empty() && is_name(name);
    if is_good { Ok(()) } else { Err(KEY) }
}

/// What is wrong with the key of an annotation: the same, but its DNS name may have upper-case
/// letters.
pub(super) fn check_annotation_key(key: &str) -> Result<(), &'static str> {
    check_key(&key.to_ascii_lowercase())
}

/// What is wrong with the value of a label.
pub(crate) fn check_value(value: &str) -> Result<(), &'static str> {
    if is_name(value) { Ok(()) } else { Err(VALUE) }
}

/// At most 63 characters, of which the first and the last are letters or digits.
fn is_name(text: &str) -> bool {
    let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let outside = |b: &u8| !b.is_ascii_alphanumeric();
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && bytes.iter().all(|b| inside(*b))
        && !bytes.first().is_some_and(outside)
        && !bytes.last().is_some_and(outside)
}

/// RFC 1123 subdomain: what the names of most objects must be.
pub(crate) fn check_subdomain(name: &str) -> Result<(), &'static str> {
    if is_subdomain(name) { Ok(()) } else { Err(SUBDOMAIN) }
}

/// RFC 1123 label: what the names of Namespaces must be.
pub(crate) fn check_label(name: &str) -> Result<(), &'static str> {
    if name.len() <= 63 && is_part_of_subdomain(name) { Ok(()) } else { Err(LABEL) }
}

/// RFC 1035 label: what the names of Services must be.
pub(crate) fn check_service_name(name: &str) -> Result<(), &'static str> {
    let is_good = check_label(name).is_ok() && name.starts_with(|c: char| c.is_ascii_lowercase());
    if is_good { Ok(()) } else { Err(SERVICE_NAME) }
}

fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_part_of_subdomain)
}

/// In a subdomain, only the whole length is bounded.
fn is_part_of_subdomain(text: &str) -> bool {
    let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty() && text.bytes().all(inside) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_are_those_that_the_api_server_takes() {
        let longest = "a".repeat(63);
        let prefix = format!("{}.a", "a".repeat(251));
        for key in ["a", "A_b.c-1", "a.b/C", &longest, &format!("{prefix}/{longest}")] {
            assert_eq!(check_key(key), Ok(()), "{key}");
        }
        for key in [
            "",
            "-a",
            "a-",
            "/a",
            "a/",
            "A.b/c",
            "a/b/c",
            "a..b/c",
            "é",
            &format!("{longest}a"),
            &format!("a{prefix}/a"),
        ] {
            assert!(check_key(key).is_err(), "{key}");
        }
        for value in ["", "a", "A_b.c-1", &longest] {
            assert_eq!(check_value(value), Ok(()), "{value}");
        }
        for value in ["-a", "a.", "a b", "a/b", &format!("{longest}a")] {
            assert!(check_value(value).is_err(), "{value}");
        }
        assert_eq!(check_annotation_key("A.b/c"), Ok(()));
    }
}
