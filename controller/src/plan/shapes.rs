//! The shape of a path: its segments, where those that look like an identifier are left open. What
//! varies between users is so neither shown nor routed one by one.

/// Stands for a segment that is left open.
pub(super) const OPEN: &str = "{}";

/// The shape of a normalised path: `/users/7/orders` has `/users/{}/orders`.
pub(super) fn of(path: &str) -> String {
    let mut shape = String::with_capacity(path.len());
    for segment in path.split('/').skip(1) {
        shape.push('/');
        shape.push_str(if is_identifier(segment) { OPEN } else { segment });
    }
    shape
}

/// Whether a segment looks like it names one thing among many: a number, a date, a UUID, a hash, a
/// token, an address; or has characters that no pattern can have as they are.
fn is_identifier(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    let count = |is: fn(&u8) -> bool| bytes.iter().filter(|byte| is(byte)).count();
    let digits = count(u8::is_ascii_digit);
    let letters = count(u8::is_ascii_alphabetic);
    let is_word = bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte));
    let is_mixed =
        digits > 0 && count(u8::is_ascii_uppercase) > 0 && count(u8::is_ascii_lowercase) > 0;
    // "orders", "v2", "2fa", "oauth2" and "order-items" are words; "2021", "3f2a9c" and "A17" are not.
    match bytes.len() {
        0 => false,
        _ if !is_word => true,
        _ if is_version(segment) => false,
        _ if letters == 0 => digits > 0,
        length @ 1..=5 => digits * 2 > length,
        length @ 6..=15 => digits * 3 >= length || is_mixed && length >= 10 || is_hash(bytes),
        16..=24 => digits > 1 || is_mixed,
        length => digits > 0 || letters == length || !segment.contains(['-', '_']),
    }
}

/// `v1`, `v2.1`, `v1beta1`.
fn is_version(segment: &str) -> bool {
    let rest = segment.strip_prefix(['v', 'V']).unwrap_or_default();
    let is_stage = |text: &str| matches!(text, "" | "." | "alpha" | "beta" | "rc");
    rest.starts_with(|c: char| c.is_ascii_digit())
        && rest.len() <= 10
        && rest.split(|c: char| c.is_ascii_digit()).all(is_stage)
}

/// Hexadecimal digits with a digit among them.
fn is_hash(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_hexdigit) && bytes.iter().any(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_is_left_open() {
        for (path, shape) in [
            ("/", "/"),
            ("/users/7", "/users/{}"),
            ("/users/7/orders/2024-05-01", "/users/{}/orders/{}"),
            ("/v1/users", "/v1/users"),
            ("/apis/v1beta1/x", "/apis/v1beta1/x"),
            ("/v2.1/x", "/v2.1/x"),
            ("/sales/2021/report", "/sales/{}/report"),
            ("/a/0b5e7c1e-8a2f-4f63-9d2e-2f0c4f1f7a11", "/a/{}"),
            ("/a/3f2a9c", "/a/{}"),
            ("/a/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "/a/{}"),
            ("/a/ada@example.com", "/a/{}"),
            ("/a/caf%C3%A9", "/a/{}"),
            ("/a/*", "/a/{}"),
            ("/a/{x}", "/a/{}"),
            ("/a;id=7/b", "/{}/b"),
            ("/a/AbcdefGhij1", "/a/{}"),
            ("/a/abcdefghijklmnopqrstuvwxyzabcdef", "/a/{}"),
            (
                "/oauth2/2fa/order-items/internationalization",
                "/oauth2/2fa/order-items/internationalization",
            ),
            ("/search_results/file.json/", "/search_results/file.json/"),
            ("//x", "//x"),
            ("/users/ada", "/users/ada"),
            ("/facade/decade/deadbeef", "/facade/decade/deadbeef"),
        ] {
            assert_eq!(of(path), shape);
        }
    }
}
