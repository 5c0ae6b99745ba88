//! Why an entry of `allowOrigins` is refused.

use super::OriginPattern;
use std::fmt;

/// Why an entry is refused, to be read after it: `'https://a.com/' has …: write https://a.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginPatternError {
    /// The first mistake in it.
    pub mistake: OriginMistake,
    /// What browsers write for what it seems to mean, if that can be told.
    pub canonical: Option<OriginPattern>,
}

impl fmt::Display for OriginPatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.mistake)?;
        match &self.canonical {
            Some(canonical) => write!(f, ": write {canonical}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for OriginPatternError {}

/// A mistake in an entry of `allowOrigins`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginMistake {
    /// Nothing there.
    #[error("is empty: write an origin, such as https://example.com, or '*' for every one")]
    Empty,
    /// Longer than any origin.
    #[error("is longer than 512 bytes")]
    TooLong,
    /// `null`, the opaque origin.
    #[error("is what every sandboxed frame sends, anybody's: it can't be listed")]
    Null,
    /// Origins joined by commas or white space.
    #[error("is more than one origin: write each as an entry of its own")]
    Several,
    /// White space before or after it.
    #[error("has white space around it")]
    WhiteSpace,
    /// No `://`.
    #[error("does not begin with a scheme and '://'")]
    NoScheme,
    /// A `*` in the scheme.
    #[error("has a '*' in its scheme: list the origin once with each scheme")]
    WildcardScheme,
    /// Not a scheme (RFC 3986, section 3.1).
    #[error("has a scheme that is not a letter, then letters, digits, '+', '-' or '.'")]
    Scheme,
    /// A scheme in upper case.
    #[error("has upper case in its scheme")]
    UpperCaseScheme,
    /// `file:`.
    #[error("is a file's, for which browsers send 'null': it can't be listed")]
    File,
    /// A `/` at the end, and nothing else behind the authority.
    #[error("has a slash at the end, which no origin has")]
    TrailingSlash,
    /// A path.
    #[error("has a path, which no origin has")]
    Path,
    /// A query.
    #[error("has a query, which no origin has")]
    Query,
    /// A fragment.
    #[error("has a fragment, which no origin has")]
    Fragment,
    /// A user name, a password, or both.
    #[error("has a user name, which no origin has")]
    UserInfo,
    /// No host.
    #[error("has no host")]
    NoHost,
    /// `*` for a host.
    #[error("has '*' for its host: write '*.suffix', or '*' alone for every origin")]
    WildcardHost,
    /// A `*` anywhere but before the first dot, in the port's place, or alone.
    #[error(
        "has a '*' that is not the whole first label of its host, nor its whole port: write '*.suffix' or ':*'"
    )]
    Wildcard,
    /// A wildcard before what is or must be an address.
    #[error("has a '*' in front of an address, which has no subdomains: write the address alone")]
    WildcardAddress,
    /// A character that no host has.
    #[error(
        "has {0:?} in its host, which consists of labels of letters, digits, '-' and '_', joined by dots"
    )]
    Character(char),
    /// A host that is not in ASCII.
    #[error("has a host in Unicode, of which browsers send the A-label (xn--…)")]
    Unicode,
    /// A host that has no A-label, or one that is no A-label though it looks like it (UTS 46).
    #[error("has a host that is no valid internationalised name")]
    NotIdna,
    /// Two dots in a row, or one in front.
    #[error("has an empty label in its host")]
    EmptyLabel,
    /// A label that DNS does not admit.
    #[error("has a label longer than 63 bytes in its host")]
    LongLabel,
    /// A host that DNS does not admit.
    #[error("has a host longer than 253 bytes")]
    LongHost,
    /// An IPv4 address that is not four decimal numbers without leading zeros.
    #[error("has an IPv4 address that is not in the form browsers send")]
    Ipv4,
    /// A host that ends in a number, which only an address does (URL Standard, "ends in a number
    /// checker").
    #[error("has a host that ends in a number and is no IPv4 address")]
    NotIpv4,
    /// An IPv6 address that is not in RFC 5952's form.
    #[error("has an IPv6 address that is not in the form browsers send")]
    Ipv6,
    /// Brackets around something else than an IPv6 address.
    #[error("has a '[' that no IPv6 address and ']' follow")]
    NotIpv6,
    /// An IPv6 address without brackets.
    #[error("has an IPv6 address without brackets")]
    Unbracketed,
    /// A `:` with nothing behind.
    #[error("has a ':' without a port")]
    EmptyPort,
    /// Not a port.
    #[error("has a port that is neither a number from 1 to 65535 nor '*'")]
    Port,
    /// A port with leading zeros.
    #[error("has leading zeros in its port")]
    LeadingZeros,
    /// The port that the scheme implies.
    #[error("has its scheme's default port, which browsers leave out")]
    DefaultPort,
}
