//! The names under which browsers know the cookies of a Route: the [tag](CookieTag) of the Route,
//! between the prefix that browsers hold to conditions and the rest of the name. `__Host-sid`
//! becomes `__Host-p.DPVEgm08jBKIJnNP.sid`. No two names of any two Routes become the same.

use crate::table::CookieTag;

/// The beginnings of names that browsers accept only on conditions, which they compare without case
/// (RFC 6265bis §5.7; `__Http-` and `__Host-Http-`: "Cookies: HTTP State Management Mechanism",
/// draft-ietf-httpbis-layered-cookies). One that begins with another comes first.
const PREFIXES: [&[u8]; 4] = [b"__Host-Http-", b"__Host-", b"__Secure-", b"__Http-"];

/// Splits off what browsers hold to conditions, as it is written; empty if there is none.
fn split(name: &[u8]) -> (&[u8], &[u8]) {
    let is_at_start = |prefix: &&[u8]| {
        name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    name.split_at(PREFIXES.into_iter().find(is_at_start).map_or(0, <[u8]>::len))
}

/// Whether browsers accept a cookie of this name only for the path `/`.
pub(super) fn is_host(name: &[u8]) -> bool {
    const HOST: &[u8] = b"__Host-";
    name.get(..HOST.len()).is_some_and(|start| start.eq_ignore_ascii_case(HOST))
}

/// Whether a name has the tag of any Route.
pub(super) fn is_tagged(name: &[u8]) -> bool {
    CookieTag::begins(split(name).1)
}

/// The name under which browsers know a cookie of the tag's Route.
pub(super) fn renamed(tag: &CookieTag, name: &[u8]) -> Vec<u8> {
    let (prefix, rest) = split(name);
    [prefix, tag.as_bytes(), rest].concat()
}

/// A cookie under the name that its backend uses, which may be empty.
pub(super) struct Restored<'c> {
    name: Vec<u8>,
    value: &'c [u8],
}

impl Restored<'_> {
    /// Appends it as browsers write it; without a name, it is its value alone (RFC 6265bis §5.8.3).
    pub(super) fn write(&self, line: &mut Vec<u8>) {
        if !self.name.is_empty() {
            line.extend_from_slice(&self.name);
            line.push(b'=');
        }
        line.extend_from_slice(self.value);
    }
}

/// The inverse of [`renamed`], for a cookie with this value; `None` if the tag's Route can't have
/// set it. A script can set one that browsers hold to no conditions, because what they would know by
/// its beginning only comes about here.
pub(super) fn restored<'c>(tag: &CookieTag, name: &[u8], value: &'c [u8]) -> Option<Restored<'c>> {
    let (prefix, tagged) = split(name);
    let name = [prefix, tagged.strip_prefix(tag.as_bytes())?].concat();
    let is_kept_to_conditions = split(&name).0.len() == prefix.len();
    let is_ignored = name.is_empty() && is_ignored_without_name(value.trim_ascii_start());
    (is_kept_to_conditions && !is_ignored).then_some(Restored { name, value })
}

/// Whether browsers ignore a cookie that has this value and no name: it would come back as if it
/// had one.
pub(super) fn is_ignored_without_name(value: &[u8]) -> bool {
    value.is_empty() || !split(value).0.is_empty()
}
