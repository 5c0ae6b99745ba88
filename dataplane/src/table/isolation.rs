//! How far the backends that share an origin are kept apart.

use super::ObjectName;
use data_encoding::BASE64URL_NOPAD;
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::fmt;

/// How far a Route's messages are kept apart from those of the other Routes of its host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Isolation {
    /// Which cookies its backends get and set.
    pub cookies: CookieIsolation,
    /// What happens to headers of its responses that affect the whole origin.
    pub origin_wide: OriginWide,
}

impl Isolation {
    /// Whether nothing is kept apart.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Which cookies a Route's backends get and set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub enum CookieIsolation {
    /// Every cookie of the origin.
    #[default]
    Shared,
    /// Cookies are set only for paths below the literal beginning of the match that was met.
    Confined,
    /// Only those of the Route, which have this tag in their names.
    Separate(CookieTag),
}

/// What happens to headers of a Route's responses that affect the whole origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum OriginWide {
    /// Nothing.
    #[default]
    Pass,
    /// They are removed.
    Strip,
}

/// How many bytes of a Route's hash are in its tag: nobody finds the name of a Route that has the
/// same ones as another.
const HASH_BYTES: usize = 12;

/// What stands in front of them, and behind them.
const MARKS: [u8; 3] = *b"p..";

/// What tells the cookies of a Route from those of others: `p.`, 16 characters of base64url that
/// are a hash of the Route's namespace and name, and `.`. It stands in front of the name that the
/// backend uses, behind a prefix that browsers know, such as `__Host-`. All characters are those of
/// a token (RFC 6265 §4.1.1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CookieTag([u8; Self::LEN]);

impl CookieTag {
    /// Its length, in bytes.
    pub const LEN: usize = 19;

    /// The tag of a Route: the same in every process, and after every change.
    pub fn of(route: &ObjectName) -> Self {
        let mut hash = Sha256::new();
        hash.update("portico cookies\0");
        // Neither has a NUL, so no two Routes have the same text.
        for part in [&route.namespace, &route.name] {
            hash.update(&**part);
            hash.update("\0");
        }
        let hash = hash.finalize();
        let mut tag = [0; Self::LEN];
        let [p, dot, end] = MARKS;
        let text = BASE64URL_NOPAD.encode(hash.get(..HASH_BYTES).unwrap_or_default());
        let bytes = [p, dot].into_iter().chain(text.bytes()).chain([end]);
        tag.iter_mut().zip(bytes).for_each(|(to, byte)| *to = byte);
        Self(tag)
    }

    /// Its characters, which are ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether a name begins with the tag of any Route, whether or not there is such a Route.
    pub fn begins(name: &[u8]) -> bool {
        let [p, dot, end] = MARKS;
        let is_hash = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let Some((tag, _)) = name.split_first_chunk::<{ Self::LEN }>() else { return false };
        let (first, hash, last) = (&tag[..2], &tag[2..Self::LEN - 1], tag[Self::LEN - 1]);
        *first == [p, dot] && last == end && hash.iter().all(is_hash)
    }
}

impl fmt::Display for CookieTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{}", char::from(*byte)))
    }
}

impl fmt::Debug for CookieTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for CookieTag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Cookies that all Routes of a FrontDoor share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SharedCookie {
    /// The cookie with this name.
    Name(Box<str>),
    /// Those whose names begin with this.
    Prefix(Box<str>),
}

impl SharedCookie {
    /// Whether a cookie with this name is one of them. Names compare byte by byte.
    pub fn is(&self, name: &[u8]) -> bool {
        match self {
            Self::Name(own) => own.as_bytes() == name,
            Self::Prefix(prefix) => name.starts_with(prefix.as_bytes()),
        }
    }
}

impl fmt::Display for SharedCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
        }
    }
}

impl Serialize for SharedCookie {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_tag_is_the_same_in_every_process_and_of_one_route_alone() {
        let tag = |namespace, name| CookieTag::of(&ObjectName::new(namespace, name)).to_string();
        assert_eq!(tag("web", "shop"), "p.DPVEgm08jBKIJnNP.");
        let routes = [("web", "shop"), ("we", "bshop"), ("webs", "hop"), ("web", "shop2")];
        let tags: BTreeSet<_> = routes.iter().map(|(a, b)| tag(*a, *b)).collect();
        assert_eq!(tags.len(), routes.len());
        for tag in tags {
            assert_eq!(tag.len(), CookieTag::LEN);
            assert!(CookieTag::begins(tag.as_bytes()));
            assert!(CookieTag::begins(format!("{tag}sid").as_bytes()));
            assert!(!CookieTag::begins(&tag.as_bytes()[1..]));
            assert!(!CookieTag::begins(&tag.as_bytes()[..CookieTag::LEN - 1]));
        }
        for other in ["", "p.", "portico-affinity", "p.DPVEgm08jBKIJnN..", "q.DPVEgm08jBKIJnNP.a"] {
            assert!(!CookieTag::begins(other.as_bytes()), "{other}");
        }
    }
}
