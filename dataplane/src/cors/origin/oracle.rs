//! The matcher and both parsers against a linear scan of the patterns that shares no code with them
//! except the patterns' types.

use super::*;
use crate::full_match::FullMatch;
use proptest::{collection::vec, option, prelude::*, sample::select};

/// `scheme`, `host`, `port` of an origin as browsers spell it, found by ruling out everything else.
fn split(origin: &str) -> Option<(&str, &str, Option<u16>)> {
    let (scheme, authority) = origin.split_once("://")?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (authority, None),
    };
    let number: Option<u16> = port.map(str::parse).transpose().ok()?;
    let of = |text: &str, more: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_digit() || c.is_ascii_lowercase() || more.contains(c))
    };
    let host_fits = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => of(address, ":") && !address.contains(|c| c > 'f'),
        None => of(host, "-._") && !host.starts_with('.') && !host.contains(".."),
    };
    let canonical = origin.len() <= 512
        && of(scheme, "+-.")
        && scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && host_fits
        && number.is_none_or(|number| number > 0)
        && number.map(|number| number.to_string()).as_deref() == port;
    canonical.then_some((scheme, host, number))
}

fn matches_pattern(pattern: &OriginPattern, origin: &str) -> bool {
    let OriginPattern::Tuple { scheme, host, port } = pattern else {
        return origin == "null" || split(origin).is_some();
    };
    split(origin).is_some_and(|(its_scheme, its_host, its_port)| {
        let host_fits = match host {
            OriginHost::Exact(host) => **host == *its_host,
            OriginHost::Subdomains(suffix) => {
                its_host.strip_suffix(&format!(".{suffix}")).is_some_and(|rest| !rest.is_empty())
            }
        };
        let port_fits = match port {
            OriginPort::Default => its_port.is_none(),
            OriginPort::Number(port) => its_port == Some(*port),
            OriginPort::Any => true,
        };
        **scheme == *its_scheme && host_fits && port_fits
    })
}

const SCHEMES: [&str; 5] = ["https", "http", "ws", "x", "app+y"];

/// Few enough that origins match patterns often.
fn name() -> impl Strategy<Value = String> {
    let label = select(&["a", "b", "a-b", "com", "xa", "1a"]);
    (vec(label, 1..5), select(&["", "", "", "."]))
        .prop_map(|(labels, root)| labels.join(".") + root)
}

fn host() -> impl Strategy<Value = String> {
    let address =
        select(&["127.0.0.1", "10.0.0.1", "[::1]", "[2001:db8::a]"]).prop_map(String::from);
    prop_oneof![4 => name(), 1 => address]
}

fn port() -> impl Strategy<Value = OriginPort> {
    let number = select(&[1, 81, 443, 80, 8080, 65535]).prop_map(OriginPort::Number);
    prop_oneof![Just(OriginPort::Default), number, Just(OriginPort::Any)]
}

/// Every pattern that the strict parser accepts, except `*`.
fn tuple() -> impl Strategy<Value = OriginPattern> {
    let host = prop_oneof![
        host().prop_map(|host| OriginHost::Exact(host.into())),
        name().prop_map(|suffix| OriginHost::Subdomains(suffix.into())),
    ];
    (select(&SCHEMES), host, port()).prop_map(|(scheme, host, port)| {
        let default = match port {
            OriginPort::Number(80) => ["http", "ws"].contains(&scheme),
            OriginPort::Number(443) => scheme == "https",
            OriginPort::Number(_) | OriginPort::Default | OriginPort::Any => false,
        };
        let port = if default { OriginPort::Default } else { port };
        OriginPattern::Tuple { scheme: scheme.into(), host, port }
    })
}

/// An origin that matches this pattern, with values for its wildcards.
fn member(pattern: &OriginPattern, labels: &str, port: Option<u16>) -> String {
    let text = pattern.to_string();
    let port = port.map_or(String::new(), |port| format!(":{port}"));
    match text.strip_suffix(":*") {
        Some(text) => text.replace('*', labels) + &port,
        None => text.replace('*', labels),
    }
}

/// Makes one significant change somewhere in an origin.
fn mutated(origin: &str, at: usize, change: &str, remove: usize) -> String {
    let at = at % (origin.len() + 1);
    let rest = (at + remove).min(origin.len());
    format!("{}{change}{}", &origin[..at], &origin[rest..])
}

/// Origins that match, or nearly match, some pattern.
fn origin() -> impl Strategy<Value = String> {
    let labels = select(&["a", "b.a", "com", ".", "", "*", "a.", "A"]);
    let ports = option::of(select(&[1, 81, 443, 80, 65535]));
    let change = select(&["", "", "a", ".", ":", ":81", "0", "A", "/", "*", "@", " ", "[", "é"]);
    (tuple(), labels, ports, option::of((0..64_usize, change, 0..3_usize))).prop_map(
        |(pattern, labels, port, mutation)| {
            let member = member(&pattern, labels, port);
            match mutation {
                Some((at, change, remove)) => mutated(&member, at, change, remove),
                None => member,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn rule_24_the_matcher_admits_what_some_pattern_matches(
        patterns in vec(prop_oneof![30 => tuple(), 1 => Just(OriginPattern::Any)], 0..40),
        origins in vec(prop_oneof![30 => origin(), 1 => Just("null".to_owned())], 1..20),
        own in any::<prop::sample::Index>(),
        port in option::of(1_u16..),
    ) {
        let all = Origins::new(patterns.clone(), Vec::new());
        let own = patterns.get(own.index(patterns.len().max(1)));
        let member = own.map(|pattern| member(pattern, "z.y", port));
        for origin in origins.iter().chain(member.as_ref()) {
            let expected = patterns.iter().any(|pattern| matches_pattern(pattern, origin));
            prop_assert_eq!(all.admit(origin.as_bytes()), expected, "{}", origin);
        }
    }

    #[test]
    fn rule_25_an_expression_admits_only_origins(origin in origin()) {
        let all = Origins::new(Vec::new(), vec![FullMatch::new("(?s).*").unwrap()]);
        prop_assert_eq!(all.admit(origin.as_bytes()), split(&origin).is_some());
    }

    #[test]
    fn rule_23_canonical_patterns_round_trip(pattern in tuple()) {
        prop_assert_eq!(pattern.to_string().parse(), Ok(pattern));
    }

    /// For near misses and arbitrary text: an accepted entry is printed as it was written, apart
    /// from its host's case, and the spelling suggested for a rejected one is accepted.
    #[test]
    fn rule_23_the_parser_accepts_what_it_suggests(
        entry in prop_oneof![origin(), tuple().prop_map(|p| p.to_string()), ".{0,20}", "https?://.{0,20}"],
    ) {
        match entry.parse::<OriginPattern>() {
            Ok(pattern) => prop_assert_eq!(pattern.to_string(), entry.to_ascii_lowercase()),
            Err(OriginPatternError { canonical: Some(canonical), .. }) => {
                prop_assert_eq!(canonical.to_string().parse(), Ok(canonical));
            }
            Err(OriginPatternError { canonical: None, .. }) => {}
        }
    }

    /// The strict parser accepts only what a request can send, and an entry allows only that
    /// origin.
    #[test]
    fn rule_23_a_listed_origin_admits_its_text_alone(
        entry in prop_oneof![origin(), "https?://[a-z0-9.\\[\\]:_-]{1,12}(:[0-9]{1,5})?"],
        at in 0..64_usize,
        change in select(&["", "a", ".", "0", ":1", "A", "/"]),
        remove in 0..3_usize,
    ) {
        let Ok(pattern) = entry.parse::<OriginPattern>() else { return Ok(()) };
        let text = pattern.to_string();
        if text.contains('*') {
            return Ok(());
        }
        let one = Origins::new(vec![pattern], Vec::new());
        prop_assert!(one.admit(text.as_bytes()), "{}", text);
        let near = mutated(&text, at, change, remove);
        prop_assert_eq!(one.admit(near.as_bytes()), near == text, "{}", near);
    }
}
