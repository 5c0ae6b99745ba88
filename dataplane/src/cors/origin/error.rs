//! Why an entry of `allowOrigins` is rejected.

use super::OriginPattern;
use std::fmt;

/// Why an entry is rejected, worded to follow it: `'https://a.com/' has …: write https://a.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginPatternError {
    /// The first mistake in it.
    pub mistake: OriginMistake,
    /// What the entry seems to mean, as browsers write it, if that is clear.
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
    /// Empty.
    #[error("is empty: write an origin, such as https://example.com, or '*' for every origin")]
    Empty,
    /// Longer than any origin.
    #[error("is longer than 512 bytes")]
    TooLong,
    /// `null`, the opaque origin.
    #[error("is what every sandboxed frame sends, whoever its author: it can't be listed")]
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
    #[error("is the origin of files, for which browsers send 'null': it can't be listed")]
    File,
    /// A trailing `/` and nothing after it.
    #[error("has a trailing slash, which no origin has")]
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
    /// `*` as the host.
    #[error("has '*' as its host: write '*.suffix', or '*' alone for every origin")]
    WildcardHost,
    /// A `*` that is neither the whole first label, nor the port, nor alone.
    #[error(
        "has a '*' that is not the whole first label of its host, nor its whole port: write '*.suffix' or ':*'"
    )]
    Wildcard,
    /// A wildcard before an address, or what must be one.
    #[error("has a '*' in front of an address, which has no subdomains: write the address alone")]
    WildcardAddress,
    /// A character that can't occur in a host.
    #[error(
        "has {0:?} in its host, which must consist of labels of letters, digits, '-' and '_', joined by dots"
    )]
    Character(char),
    /// A host that is not ASCII.
    #[error("has a host in Unicode, which browsers send as its A-label (xn--…)")]
    Unicode,
    /// A host that has no A-label, or a malformed A-label (UTS 46).
    #[error("has a host that is not a valid internationalised name")]
    NotIdna,
    /// Two dots in a row, or a leading dot.
    #[error("has an empty label in its host")]
    EmptyLabel,
    /// A label that is too long for DNS.
    #[error("has a label longer than 63 bytes in its host")]
    LongLabel,
    /// A host that is too long for DNS.
    #[error("has a host longer than 253 bytes")]
    LongHost,
    /// An IPv4 address that is not four decimal numbers without leading zeros.
    #[error("has an IPv4 address that is not in the form browsers send")]
    Ipv4,
    /// A host that ends in a number but is not an IPv4 address (URL Standard, "ends in a number
    /// checker").
    #[error("has a host that ends in a number but is not an IPv4 address")]
    NotIpv4,
    /// An IPv6 address that is not in RFC 5952's form.
    #[error("has an IPv6 address that is not in the form browsers send")]
    Ipv6,
    /// Brackets around something other than an IPv6 address.
    #[error("has a '[' that is not followed by an IPv6 address and ']'")]
    NotIpv6,
    /// An IPv6 address without brackets.
    #[error("has an IPv6 address without brackets")]
    Unbracketed,
    /// A `:` with nothing after it.
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
