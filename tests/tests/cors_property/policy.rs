//! A policy as a user writes it, and what it permits, read from it as naively as its documentation
//! reads: this is what the edge is held against.

use portico_tests::fetch_model::{Credentials, Fetch};
use serde::Serialize;

/// `spec.cors` of a Route or a FrontDoor.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Policy {
    pub(crate) allow_origins: Vec<String>,
    pub(crate) allow_origin_regex: Vec<&'static str>,
    pub(crate) allow_credentials: bool,
    pub(crate) allow_methods: Vec<&'static str>,
    pub(crate) allow_headers: Vec<&'static str>,
    pub(crate) expose_headers: Vec<&'static str>,
    pub(crate) max_age: &'static str,
    pub(crate) disallowed_origin: &'static str,
    pub(crate) mode: &'static str,
    pub(crate) debug: bool,
    pub(crate) dangerously_allow: Vec<&'static str>,
}

/// A regular expression for `allowOriginRegex`, and the same in plain words.
pub(crate) struct Expression {
    pub(crate) text: &'static str,
    /// Some that it fits.
    pub(crate) samples: &'static [&'static str],
    fits: fn(&str) -> bool,
}

/// Those that policies are made of. The last would fit far more were its ends not held.
pub(crate) const EXPRESSIONS: [Expression; 3] = [
    Expression {
        text: r"https://pr-[0-9]+\.example\.com",
        samples: &["https://pr-1.example.com", "https://pr-42.example.com"],
        fits: |origin| {
            let number = origin.strip_prefix("https://pr-");
            let number = number.and_then(|rest| rest.strip_suffix(".example.com"));
            number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        },
    },
    Expression {
        text: r"http://localhost:300[0-9]",
        samples: &["http://localhost:3000"],
        fits: |origin| origin.len() == 21 && origin.starts_with("http://localhost:300"),
    },
    Expression {
        text: r"https://x\.test|https://y\.example\.com",
        samples: &["https://x.test", "https://y.example.com"],
        fits: |origin| origin == "https://x.test" || origin == "https://y.example.com",
    },
];

/// Values of `maxAge`, and the seconds that they are.
pub(crate) const MAX_AGES: [(&str, &str); 3] = [("2h", "7200"), ("0s", "0"), ("10m", "600")];

/// Why a policy does not let a script read an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Denied {
    Origin,
    Method,
    Header,
    Credentials,
}

impl Policy {
    /// Whether a page of another origin may have what it fetches.
    pub(crate) fn permits(&self, fetch: &Fetch) -> Result<(), Denied> {
        self.grants(fetch)?;
        let asks_too_much = fetch.credentials == Credentials::Include && !self.allow_credentials;
        if asks_too_much { Err(Denied::Credentials) } else { Ok(()) }
    }

    /// The same without a look at credentials, of which a preflight says nothing.
    pub(crate) fn grants(&self, fetch: &Fetch) -> Result<(), Denied> {
        if !self.allows_origin(&fetch.origin) {
            return Err(Denied::Origin);
        }
        if !self.allows_method(&fetch.sent_method()) {
            return Err(Denied::Method);
        }
        let names = fetch.unsafe_names();
        if names.len() > 64 || !names.iter().all(|name| self.allows_header(name)) {
            return Err(Denied::Header);
        }
        Ok(())
    }

    pub(crate) fn allows_origin(&self, origin: &str) -> bool {
        if origin == "null" {
            return self.allow_origins == ["*"];
        }
        let expressions =
            EXPRESSIONS.iter().filter(|known| self.allow_origin_regex.contains(&known.text));
        is_serialised(origin)
            && (self.allow_origins.iter().any(|entry| fits(&entry.to_ascii_lowercase(), origin))
                || expressions.into_iter().any(|known| (known.fits)(origin)))
    }

    fn allows_method(&self, method: &str) -> bool {
        self.allow_methods.is_empty()
            || self.allow_methods.contains(&"*")
            || self.allow_methods.contains(&method)
            || ["GET", "HEAD", "POST"].contains(&method)
    }

    fn allows_header(&self, name: &str) -> bool {
        let safelisted = ["accept", "accept-language", "content-language", "content-type", "range"];
        self.allow_headers.is_empty()
            || self.allow_headers.contains(&"*")
            || self.allow_headers.iter().any(|listed| listed.eq_ignore_ascii_case(name))
            || safelisted.contains(&name)
    }

    /// Whether a script from an allowed origin can read a header of the answer.
    pub(crate) fn exposes(&self, name: &str) -> bool {
        let safelisted = [
            "cache-control",
            "content-language",
            "content-length",
            "content-type",
            "expires",
            "last-modified",
            "pragma",
        ];
        safelisted.contains(&name)
            || name != "set-cookie"
                && (self.expose_headers.contains(&"*")
                    || self.expose_headers.iter().any(|listed| listed.eq_ignore_ascii_case(name)))
    }

    /// How many seconds the answer to a preflight may be remembered.
    pub(crate) fn seconds(&self) -> Option<&'static str> {
        MAX_AGES.into_iter().find(|(text, _)| *text == self.max_age).map(|(_, seconds)| seconds)
    }

    /// Whether it is more than a report, and not disabled.
    pub(crate) fn applies(&self) -> bool {
        self.mode == "Enforce"
    }

    pub(crate) fn rejects(&self) -> bool {
        self.disallowed_origin == "Reject"
    }
}

/// Whether an entry of `allowOrigins` stands for an origin.
fn fits(entry: &str, origin: &str) -> bool {
    if entry == "*" {
        return true;
    }
    let (entry, origin) = match entry.strip_suffix(":*") {
        Some(entry) => (entry, without_port(origin)),
        None => (entry, origin),
    };
    let Some((scheme, suffix)) = entry.split_once("*.") else { return entry == origin };
    let labels = origin.strip_prefix(scheme).and_then(|host| host.strip_suffix(suffix));
    labels.is_some_and(|labels| labels.len() > 1 && labels.ends_with('.'))
}

/// An origin without its port.
pub(crate) fn without_port(origin: &str) -> &str {
    match origin.rsplit_once(':') {
        Some((portless, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => portless,
        Some(_) | None => origin,
    }
}

/// Whether this is an origin as rule 23 has it; a written default port is a port like another.
fn is_serialised(origin: &str) -> bool {
    let Some((_, authority)) = origin.split_once("://") else { return false };
    let host = without_port(authority);
    let port_is_good = authority.strip_prefix(host).is_some_and(|port| {
        let number = port.strip_prefix(':').map(|port| (port, port.parse::<u16>()));
        number.is_none_or(|(text, number)| number.is_ok_and(|n| n > 0 && n.to_string() == text))
    });
    let is_address = host.starts_with('[') && host.ends_with(']');
    let is_name =
        host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b));
    let labels_are_whole = !host.is_empty() && !host.starts_with('.') && !host.contains("..");
    origin.len() <= 512 && port_is_good && labels_are_whole && (is_name || is_address)
}
