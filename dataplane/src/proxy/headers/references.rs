//! URI references (RFC 3986 §4.1) in field values: their parts, where they stand, and whether they
//! name the front door.

use super::{super::target::Host, client::ClientInfo};
use crate::table::Scheme;
use std::{borrow::Cow, cell::Cell, ops::Range};

/// A reference that has an authority or an absolute path. A relative path is relative to the
/// request's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reference<'r> {
    /// The scheme, as written.
    pub(super) scheme: Option<&'r str>,
    /// The authority, as written.
    pub(super) authority: Option<&'r str>,
    /// The path; may be empty after an authority.
    pub(super) path: &'r str,
    /// Query and fragment, with `?` and `#`.
    pub(super) suffix: &'r str,
}

impl<'r> Reference<'r> {
    /// Splits a reference; `None` for other forms.
    pub(super) fn parse(text: &'r str) -> Option<Self> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), Some(rest)),
            Some(_) | None => (None, text.strip_prefix("//")),
        };
        let (authority, rest) = match rest {
            Some(rest) => {
                let (authority, rest) =
                    rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
                (Some(authority), rest)
            }
            None if text.starts_with('/') => (None, text),
            None => return None,
        };
        let (path, suffix) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
        Some(Self { scheme, authority, path, suffix })
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

/// The host of an `http` or `https` URL. A port that is the scheme's default counts as absent.
pub(super) fn host<'a>(scheme: &str, authority: &'a str) -> Option<(Scheme, Host<'a>)> {
    let scheme = if scheme.eq_ignore_ascii_case("http") {
        Scheme::Http
    } else if scheme.eq_ignore_ascii_case("https") {
        Scheme::Https
    } else {
        return None;
    };
    let host = Host::parse(authority.as_bytes())?;
    Some((scheme, without_default_port(host, scheme)))
}

/// A host without the port that its scheme implies.
pub(super) fn without_default_port(host: Host<'_>, scheme: Scheme) -> Host<'_> {
    let port = host.port.filter(|port| *port != scheme.default_port());
    Host { port, ..host }
}

/// Whether a host is the one that the client uses, on its port, or on the default port of either
/// scheme: whether TLS ends in front of the front door is not always known.
pub(super) fn is_front_door(client: &ClientInfo, host: &Host<'_>) -> bool {
    let own = Host::parse(client.host.as_bytes());
    own.is_some_and(|own| without_default_port(own, client.scheme) == *host)
}

/// Replaces the references in angle brackets outside quoted strings, such as the targets of `Link`
/// (RFC 8288 §3). `None` if nothing changes.
pub(super) fn map_bracketed(value: &str, map: impl Fn(&str) -> Option<String>) -> Option<String> {
    let (mut mapped, mut kept) = (String::new(), 0);
    let (mut at, mut quoted) = (0, false);
    while let Some(found) = value[at..].find(['"', '\\', '<']) {
        at += found;
        match value.as_bytes()[at] {
            b'"' => quoted = !quoted,
            b'\\' if quoted => {
                // The next character is escaped, whatever it is.
                at += 1 + value[at + 1..].chars().next().map_or(0, char::len_utf8);
                continue;
            }
            b'<' if !quoted => {
                let Some(length) = value[at + 1..].find('>') else { break };
                let target = &value[at + 1..at + 1 + length];
                if let Some(other) = map(target) {
                    mapped.push_str(&value[kept..=at]);
                    mapped.push_str(&other);
                    kept = at + 1 + length;
                }
                at += 1 + length;
            }
            _ => {}
        }
        at += 1;
    }
    (kept > 0).then(|| mapped + &value[kept..])
}

/// Where the URL is in `Refresh`, found as browsers do (HTML, "shared declarative refresh steps").
pub(super) fn refresh_url(value: &str) -> Option<Range<usize>> {
    let trimmed = value.trim_start();
    let time = trimmed.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let rest = time.trim_start();
    if time.len() == trimmed.len() {
        return None; // No time.
    }
    let separated = rest.strip_prefix([';', ',']).map(str::trim_start);
    if separated.is_none() && rest.len() == time.len() {
        return None;
    }
    let mut url = separated.unwrap_or(rest);
    if let Some(key) = url.get(..3).filter(|key| key.eq_ignore_ascii_case("url"))
        && let Some(given) = url[key.len()..].trim_start().strip_prefix('=')
    {
        url = given.trim_start();
    }
    let quote = url.chars().next().filter(|first| matches!(first, '"' | '\''));
    let start = value.len() - url.len() + quote.map_or(0, char::len_utf8);
    let text = &value[start..];
    let length = quote.and_then(|quote| text.find(quote)).unwrap_or(text.len());
    (length > 0).then_some(start..start + length)
}

/// Percent-encodes characters of a path that would be syntax where it is put.
pub(super) fn escaped<'p>(path: Cow<'p, str>, syntax: &str) -> Cow<'p, str> {
    if !path.contains(|c| syntax.contains(c)) {
        return path;
    }
    let mut escaped = String::with_capacity(path.len() + 16);
    for c in path.chars() {
        match c {
            c if syntax.contains(c) => escaped.push_str(&format!("%{:02X}", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped.into()
}

/// Fields whose references are mapped take longer than most requests if they are longer than this,
/// in bytes.
pub(super) const LONG_BYTES: usize = 4096;

/// How many bytes of paths may still be written into one message's fields. A short reference can
/// stand for a long path, and there may be thousands of them: each counts for itself, too.
#[derive(Debug)]
pub(super) struct Budget(Cell<usize>);

impl Budget {
    /// Enough for any message that is not made to be costly.
    pub(super) fn new() -> Self {
        Self(Cell::new(64 * 1024))
    }

    /// What a reference costs beside the path that is written for it.
    const REFERENCE: usize = 128;

    /// Whether another reference may be looked at.
    pub(super) fn admits(&self) -> bool {
        let left = self.0.get().checked_sub(Self::REFERENCE);
        self.0.set(left.unwrap_or(0));
        left.is_some()
    }

    /// The path, if there is room for it.
    pub(super) fn spend(&self, path: String) -> Option<String> {
        let left = self.0.get().checked_sub(path.len());
        self.0.set(left.unwrap_or(0));
        left.map(|_| path)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn references_are_split() {
        for (text, parts) in [
            ("http://a/b?c#d", Some((Some("http"), Some("a"), "/b", "?c#d"))),
            ("HTTPS://a:1", Some((Some("HTTPS"), Some("a:1"), "", ""))),
            ("http://a?b/c", Some((Some("http"), Some("a"), "", "?b/c"))),
            ("//a/b", Some((None, Some("a"), "/b", ""))),
            ("/a?http://b/", Some((None, None, "/a", "?http://b/"))),
            ("/a://b", Some((None, None, "/a://b", ""))),
            ("a/b", None),
            ("?a", None),
            ("", None),
            ("mailto:a@b", None),
        ] {
            let parsed = Reference::parse(text);
            assert_eq!(parsed.map(|r| (r.scheme, r.authority, r.path, r.suffix)), parts, "{text}");
        }
    }

    #[test]
    fn targets_in_angle_brackets_are_mapped() {
        let map = |text: &str| text.strip_prefix("b").map(|rest| format!("f-{rest}"));
        for (value, mapped) in [
            ("<b1>; rel=next", Some("<f-1>; rel=next")),
            (
                "<b1>,<x>, <b2>; a=\"<b3>, \\\" <b4>\", <b5>",
                Some("<f-1>,<x>, <f-2>; a=\"<b3>, \\\" <b4>\", <f-5>"),
            ),
            ("<x>; title=\"\\é<b>\", <b>", Some("<x>; title=\"\\é<b>\", <f->")),
            ("<b1", None),
            ("\"<b1>", None),
            ("\"\\", None),
            ("b1", None),
            ("<x>", None),
            ("", None),
        ] {
            assert_eq!(map_bracketed(value, map).as_deref(), mapped, "{value}");
        }
    }

    #[test]
    fn the_url_of_a_refresh_is_found() {
        for (value, url) in [
            ("5; url=http://a/", Some("http://a/")),
            ("0;URL = '/a;b'c", Some("/a;b")),
            ("0;url=\"/a'b", Some("/a'b")),
            (" 1.5 , /a", Some("/a")),
            ("5 /a", Some("/a")),
            ("5; url", Some("url")),
            ("5; urls", Some("urls")),
            ("5; url=", None),
            ("5; '", None),
            ("5", None),
            ("5a; url=/b", None),
            ("; url=/b", None),
            ("é; url=/b", None),
            ("5; ééé", Some("ééé")),
            ("", None),
        ] {
            assert_eq!(refresh_url(value).map(|range| &value[range]), url, "{value}");
        }
    }

    proptest! {
        /// Whatever a backend sends, in one pass.
        #[test]
        fn any_value_is_read(value in "[<>\"\\\\;,=' 0-9ulé/]{0,40}") {
            let same = map_bracketed(&value, |text| Some(text.to_owned()));
            prop_assert!(same.is_none_or(|same| same == value));
            if let Some(range) = refresh_url(&value) {
                prop_assert!(value.get(range).is_some());
            }
            let _ = Reference::parse(&value);
        }
    }
}
