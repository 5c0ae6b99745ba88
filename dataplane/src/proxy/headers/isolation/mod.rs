//! Keeps the backends that share an origin apart: which cookies a Route's backends get and set, and
//! which headers of their responses affect the whole origin.
//!
//! A cookie is renamed in [`names`], confined to a path in [`path`]; [`origin_wide`] lists the
//! headers.

mod names;
mod origin_wide;
mod path;
mod set_cookie;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod jar;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod model;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

pub(crate) use origin_wide::{remove_always, removed_names};

use super::cookies::{map_lines, pieces};
use crate::{
    path::PathPattern,
    table::{CookieIsolation, Isolation, OriginWide, RouteMatch, SharedCookie, VirtualHost},
    telemetry::{IsolationChange, IsolationChanges},
};
use http::{HeaderMap, HeaderValue, header};
use names::Restored;
use set_cookie::{Outcome, SetCookie};
use std::borrow::Cow;

/// How many bytes one response's cookies may grow by. Those that would take more are removed.
const MAX_GROWTH: usize = 64 * 1024;

/// What keeps the messages of a Route apart from those of the other Routes of its host.
#[derive(Clone, Copy)]
pub(crate) struct KeptApart<'t> {
    isolation: &'t Isolation,
    /// The path of the match that was met.
    pattern: &'t PathPattern,
    shared: &'t [SharedCookie],
    /// Whether any Route of the host has cookies of its own.
    has_tags: bool,
    /// The name of the Route's affinity cookie, which is the edge's own.
    affinity: Option<&'t str>,
}

/// What a backend gets of a cookie that a client sends.
enum Sent<'c> {
    /// The cookie as it is.
    Same,
    /// The cookie under the name that the backend uses.
    Restored(Restored<'c>),
    /// Nothing.
    Withheld,
}

impl<'t> KeptApart<'t> {
    /// What a request that has this match meets; `None` if nothing is kept apart on the host.
    pub(in crate::proxy) fn of(host: &'t VirtualHost, matched: &'t RouteMatch) -> Option<Self> {
        let route = &*matched.target;
        if !host.has_separate_cookies && route.isolation.is_none() {
            return None;
        }
        let affinity = route.selection.affinity.as_ref();
        Some(Self {
            isolation: &route.isolation,
            pattern: &matched.path,
            shared: &host.shared_cookies,
            has_tags: host.has_separate_cookies,
            affinity: affinity.map(|affinity| &*affinity.cookie),
        })
    }

    /// Leaves of a request's cookies those that the backend gets, under the names that it uses.
    pub(in crate::proxy) fn request(&self, headers: &mut HeaderMap) -> IsolationChanges {
        let mut changes = IsolationChanges::default();
        map_lines(headers, header::COOKIE, |line| self.cookies(line, &mut changes));
        changes
    }

    /// The names of a request's cookies that the backend does not get.
    pub(crate) fn withheld<'h>(
        &self,
        headers: &'h HeaderMap,
    ) -> impl Iterator<Item = Cow<'h, str>> {
        let lines = headers.get_all(header::COOKIE).iter();
        let named =
            lines.flat_map(|line| pieces(line.as_bytes())).filter(|(name, _)| !name.is_empty());
        named
            .filter(|(_, piece)| matches!(self.sent(piece), Sent::Withheld))
            .map(|(name, _)| String::from_utf8_lossy(name))
    }

    /// The name under which clients send a cookie that the backend knows by this one.
    pub(in crate::proxy) fn sent_name<'n>(&self, name: &'n str) -> Cow<'n, str> {
        match &self.isolation.cookies {
            CookieIsolation::Separate(tag) if !self.is_shared(name.as_bytes()) => {
                String::from_utf8_lossy(&names::renamed(tag, name.as_bytes())).into_owned().into()
            }
            CookieIsolation::Separate(_) | CookieIsolation::Shared | CookieIsolation::Confined => {
                name.into()
            }
        }
    }

    /// Keeps what a response to a request for `path`, which is normalised, does to its origin within
    /// the Route.
    pub(in crate::proxy) fn response(
        &self,
        path: &str,
        headers: &mut HeaderMap,
    ) -> IsolationChanges {
        let mut changes = IsolationChanges::default();
        let mut room = MAX_GROWTH;
        map_lines(headers, header::SET_COOKIE, |line| {
            let changed = match self.set_cookie(line.as_bytes(), path) {
                Outcome::Same => return Some(line),
                Outcome::Changed(changed, change) => {
                    let left = room.checked_sub(changed.len().saturating_sub(line.len()));
                    // Its bytes are those of a valid value, of a tag and of a path.
                    let value = HeaderValue::try_from(changed).ok();
                    left.zip(value).map(|(left, value)| (left, value, change))
                }
                Outcome::Removed => None,
            };
            let change = changed.as_ref().map_or(IsolationChange::CookieRemoved, |(.., it)| *it);
            changes.count(change);
            let (left, value, _) = changed?;
            room = left;
            Some(value)
        });
        changes.merge(&self.strip(headers));
        changes
    }

    /// Removes the headers of a response, final or interim, that affect the whole origin.
    pub(in crate::proxy) fn strip(&self, headers: &mut HeaderMap) -> IsolationChanges {
        match self.isolation.origin_wide {
            OriginWide::Pass => IsolationChanges::default(),
            OriginWide::Strip => origin_wide::strip(self.pattern, headers),
        }
    }

    /// What is done to a backend's response, in sentences for whoever configures it.
    pub(crate) fn explained(&self) -> Vec<String> {
        let prefix = self.pattern.literal_prefix();
        let cookies = match &self.isolation.cookies {
            CookieIsolation::Shared if self.has_tags => Some(format!(
                "cookies: Shared: set-cookie is removed where the name is one of another Route's: {TAGGED}"
            )),
            CookieIsolation::Shared => None,
            CookieIsolation::Confined => Some(format!(
                "cookies: Confined: a set-cookie for a path outside {prefix} is set for {prefix}"
            )),
            CookieIsolation::Separate(tag) => Some(format!(
                "cookies: Separate: set-cookie NAME becomes {tag}NAME, and __Host-NAME __Host-{tag}NAME"
            )),
        };
        let below = origin_wide::scope(prefix);
        let origin_wide = match self.isolation.origin_wide {
            OriginWide::Pass => None,
            OriginWide::Strip => Some(format!(
                "originWide: Strip: service-worker-allowed is removed unless it is within {below}"
            )),
        };
        cookies.into_iter().chain(origin_wide).collect()
    }

    /// The cookies of a line that the backend gets; `None` if there are none.
    fn cookies(&self, line: HeaderValue, changes: &mut IsolationChanges) -> Option<HeaderValue> {
        let all = || pieces(line.as_bytes()).map(|(_, piece)| piece.trim_ascii());
        let all = || all().filter(|piece| !piece.is_empty());
        if all().all(|piece| matches!(self.sent(piece), Sent::Same)) {
            return Some(line);
        }
        let mut left = Vec::with_capacity(line.len());
        for piece in all() {
            let sent = self.sent(piece);
            if let Sent::Withheld = sent {
                changes.count(IsolationChange::CookieWithheld);
                continue;
            }
            if !left.is_empty() {
                left.extend_from_slice(b"; ");
            }
            match sent {
                Sent::Restored(restored) => restored.write(&mut left),
                Sent::Same | Sent::Withheld => left.extend_from_slice(piece),
            }
        }
        // Its bytes are those of a valid value.
        HeaderValue::from_bytes(&left).ok().filter(|left| !left.is_empty())
    }

    /// What the backend gets of a cookie, which is `name=value` or, without a name, `value`.
    fn sent<'c>(&self, piece: &'c [u8]) -> Sent<'c> {
        let piece = piece.trim_ascii();
        let (name, value) = match memchr::memchr(b'=', piece) {
            Some(equals) => (piece[..equals].trim_ascii_end(), Some(&piece[equals + 1..])),
            None => (&piece[..0], None),
        };
        if self.is_shared(name) {
            return Sent::Same;
        }
        match &self.isolation.cookies {
            CookieIsolation::Separate(tag) => {
                let restored = value.and_then(|value| names::restored(tag, name, value));
                restored.map_or(Sent::Withheld, Sent::Restored)
            }
            CookieIsolation::Shared | CookieIsolation::Confined
                if self.has_tags && names::is_tagged(name) =>
            {
                Sent::Withheld
            }
            CookieIsolation::Shared | CookieIsolation::Confined => Sent::Same,
        }
    }

    /// What browsers get of a cookie that is set in the response to a request for `path`.
    fn set_cookie(&self, line: &[u8], path: &str) -> Outcome {
        let cookie = SetCookie::parse(line);
        let is_edges = self.affinity.is_some_and(|own| own.as_bytes() == cookie.name);
        if is_edges || self.is_shared(cookie.name) {
            return Outcome::Same;
        }
        match &self.isolation.cookies {
            CookieIsolation::Separate(tag) => cookie.renamed(tag),
            CookieIsolation::Shared | CookieIsolation::Confined
                if self.has_tags && names::is_tagged(cookie.name_when_sent()) =>
            {
                Outcome::Removed
            }
            CookieIsolation::Shared => Outcome::Same,
            CookieIsolation::Confined => cookie.confined(self.pattern.literal_prefix(), path),
        }
    }

    /// Whether all Routes share the cookie with this name. One that has a Route's tag is its own.
    fn is_shared(&self, name: &[u8]) -> bool {
        self.shared.iter().any(|shared| shared.is(name)) && !names::is_tagged(name)
    }
}

/// What the names of cookies with a tag look like.
const TAGGED: &str = "p.(16 characters).NAME";
