//! The strict parser: accepts what browsers send, and suggests it for anything else.

use super::{
    error::{OriginMistake, OriginPatternError},
    pattern::{OriginHost, OriginPattern, OriginPort},
    syntax::{MAX_BYTES, default_port, is_host_byte, is_scheme_byte},
};
use std::{net::Ipv6Addr, str::FromStr};
use url::{Host, ParseError};

impl FromStr for OriginPattern {
    type Err = OriginPatternError;

    /// Lower-cases the host, and rejects anything else that browsers would write differently, since
    /// it would never match. The error says what to write instead.
    fn from_str(entry: &str) -> Result<Self, Self::Err> {
        pattern(entry)
    }
}

/// Parses an entry of `allowOrigins`.
pub(super) fn pattern(entry: &str) -> Result<OriginPattern, OriginPatternError> {
    let mut reader = Reader { mistake: None };
    match (reader.pattern(entry), reader.mistake) {
        (Ok(pattern), None) => Ok(pattern),
        (Ok(pattern), Some(mistake)) => {
            Err(OriginPatternError { mistake, canonical: Some(pattern) })
        }
        (Err(last), first) => {
            Err(OriginPatternError { mistake: first.unwrap_or(last), canonical: None })
        }
    }
}

/// Continues after a mistake while the meaning is clear, to find out what to write instead. Its
/// functions return the mistakes that leave it unclear.
struct Reader {
    /// The first mistake after which it continued.
    mistake: Option<OriginMistake>,
}

impl Reader {
    fn note(&mut self, mistake: OriginMistake) {
        self.mistake.get_or_insert(mistake);
    }

    fn pattern(&mut self, entry: &str) -> Result<OriginPattern, OriginMistake> {
        let trimmed = entry.trim();
        match trimmed {
            "" => return Err(OriginMistake::Empty),
            _ if entry.len() > MAX_BYTES => return Err(OriginMistake::TooLong),
            _ if trimmed.eq_ignore_ascii_case("null") => return Err(OriginMistake::Null),
            _ if lists_several(trimmed) => return Err(OriginMistake::Several),
            _ if trimmed.len() < entry.len() => self.note(OriginMistake::WhiteSpace),
            _ => {}
        }
        if trimmed == "*" {
            return Ok(OriginPattern::Any);
        }
        let (scheme, rest) = match trimmed.split_once("://") {
            Some((scheme, rest)) => (self.scheme(scheme)?, rest),
            // The remainder of a scheme is not a host.
            None if trimmed.contains('/') || trimmed.ends_with(':') => {
                return Err(OriginMistake::NoScheme);
            }
            None => {
                self.note(OriginMistake::NoScheme);
                ("https".into(), trimmed)
            }
        };
        let authority = self.authority(rest);
        let (host, port) = self.split(authority);
        let host = self.host(&scheme, &host)?;
        let port = port.map_or(Ok(OriginPort::Default), |port| self.port(&scheme, port))?;
        Ok(OriginPattern::Tuple { scheme, host, port })
    }

    fn scheme(&mut self, written: &str) -> Result<Box<str>, OriginMistake> {
        let folded = written.to_ascii_lowercase();
        if written.contains('*') {
            return Err(OriginMistake::WildcardScheme);
        }
        if !folded.starts_with(|first: char| first.is_ascii_lowercase())
            || !folded.bytes().all(is_scheme_byte)
        {
            return Err(OriginMistake::Scheme);
        }
        if folded == "file" {
            return Err(OriginMistake::File);
        }
        if folded != written {
            self.note(OriginMistake::UpperCaseScheme);
        }
        Ok(folded.into())
    }

    /// Host and port, without anything that can't be part of an origin.
    fn authority<'r>(&mut self, rest: &'r str) -> &'r str {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, excess) = rest.split_at(end);
        match excess.as_bytes() {
            [] => {}
            [b'/'] => self.note(OriginMistake::TrailingSlash),
            [b'/', ..] => self.note(OriginMistake::Path),
            [b'?', ..] => self.note(OriginMistake::Query),
            [..] => self.note(OriginMistake::Fragment),
        }
        match authority.rsplit_once('@') {
            Some((_, authority)) => {
                self.note(OriginMistake::UserInfo);
                authority
            }
            None => authority,
        }
    }

    /// The host, and what follows the `:` after it.
    fn split<'a>(&mut self, authority: &'a str) -> (Box<str>, Option<&'a str>) {
        if authority.parse::<Ipv6Addr>().is_ok() {
            self.note(OriginMistake::Unbracketed);
            return (format!("[{authority}]").into(), None);
        }
        let (bracketed, rest) = authority.split_at(authority.rfind(']').map_or(0, |end| end + 1));
        match rest.split_once(':') {
            Some((host, port)) => (format!("{bracketed}{host}").into(), Some(port)),
            None => (authority.into(), None),
        }
    }

    fn host(&mut self, scheme: &str, written: &str) -> Result<OriginHost, OriginMistake> {
        let (wildcard, name) = match written.strip_prefix("*.") {
            Some(suffix) => (true, suffix),
            None => (false, written),
        };
        match name {
            "" => return Err(OriginMistake::NoHost),
            "*" if !wildcard => return Err(OriginMistake::WildcardHost),
            _ if name.contains('*') => return Err(OriginMistake::Wildcard),
            _ => {}
        }
        let folded = name.to_ascii_lowercase();
        let canonical = match canonical(scheme, &folded) {
            Ok(Host::Ipv4(_) | Host::Ipv6(_)) | Err(OriginMistake::NotIpv4) if wildcard => {
                return Err(OriginMistake::WildcardAddress);
            }
            canonical => canonical?,
        };
        let text = canonical.to_string();
        if text != folded {
            self.note(match canonical {
                _ if !folded.is_ascii() => OriginMistake::Unicode,
                Host::Domain(_) => OriginMistake::NotIdna,
                Host::Ipv4(_) => OriginMistake::Ipv4,
                Host::Ipv6(_) => OriginMistake::Ipv6,
            });
        }
        if let Host::Domain(name) = &canonical {
            labels(scheme, name, wildcard)?;
        }
        let host = if wildcard { OriginHost::Subdomains } else { OriginHost::Exact };
        Ok(host(text.into()))
    }

    fn port(&mut self, scheme: &str, written: &str) -> Result<OriginPort, OriginMistake> {
        if written.is_empty() {
            self.note(OriginMistake::EmptyPort);
            return Ok(OriginPort::Default);
        }
        if written == "*" {
            return Ok(OriginPort::Any);
        }
        // `parse` would accept a sign.
        if !written.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(OriginMistake::Port);
        }
        let number = match written.parse() {
            Ok(0) | Err(_) => return Err(OriginMistake::Port),
            Ok(number) => number,
        };
        if written.starts_with('0') {
            self.note(OriginMistake::LeadingZeros);
        }
        if default_port(scheme) == Some(number) {
            self.note(OriginMistake::DefaultPort);
            return Ok(OriginPort::Default);
        }
        Ok(OriginPort::Number(number))
    }
}

/// Whether an entry lists several origins.
fn lists_several(entry: &str) -> bool {
    let parts = entry.split(|char: char| char == ',' || char.is_whitespace());
    parts.filter(|part| part.contains("://")).count() > 1
}

/// What browsers make of a lower-case host (URL Standard, "host parsing"): for special schemes they
/// compute A-labels and addresses, for others they take the host as it is, except IPv6.
fn canonical(scheme: &str, folded: &str) -> Result<Host, OriginMistake> {
    let special = default_port(scheme).is_some();
    if folded.starts_with('[') {
        return Host::parse(folded).map_err(|_| OriginMistake::NotIpv6);
    }
    let is_invalid = |char: &char| {
        if char.is_ascii() { !is_host_byte(*char as u8) } else { !special }
    };
    if let Some(char) = folded.chars().find(is_invalid) {
        return Err(OriginMistake::Character(char));
    }
    if !special {
        return Ok(Host::Domain(folded.to_owned()));
    }
    let host = Host::parse(folded).map_err(|error| match error {
        ParseError::InvalidIpv4Address => OriginMistake::NotIpv4,
        _ => OriginMistake::NotIdna,
    })?;
    match &host {
        // Some characters map to ones that are invalid in a host, such as U+FF0A to '*'.
        Host::Domain(name) => match name.chars().find(is_invalid) {
            Some(_) => Err(OriginMistake::NotIdna),
            None => Ok(host),
        },
        Host::Ipv4(_) | Host::Ipv6(_) => Ok(host),
    }
}

/// Checks a canonical name's labels: none may be empty, and hosts of special schemes, which are
/// resolved, are subject to DNS's limits (RFC 1035 §2.3.4). The name may end in the root's dot.
fn labels(scheme: &str, name: &str, wildcard: bool) -> Result<(), OriginMistake> {
    let rooted = name.strip_suffix('.').unwrap_or(name);
    // Leave room for a label before the suffix.
    let whole = rooted.len() + if wildcard { "a.".len() } else { 0 };
    let special = default_port(scheme).is_some();
    match () {
        () if rooted.split('.').any(str::is_empty) => Err(OriginMistake::EmptyLabel),
        () if special && rooted.split('.').any(|label| label.len() > 63) => {
            Err(OriginMistake::LongLabel)
        }
        () if special && whole > 253 => Err(OriginMistake::LongHost),
        () => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
