//! A request's `Origin`: the cheap parser.

/// A canonical `Origin` that names a scheme, a host and perhaps a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RequestOrigin<'o> {
    /// All of it.
    pub(super) text: &'o str,
    pub(super) scheme: &'o str,
    pub(super) host: &'o str,
    pub(super) port: Option<u16>,
}

impl<'o> RequestOrigin<'o> {
    /// Reads `scheme://host[:port]`, in lower case.
    pub(super) fn parse(origin: &'o [u8]) -> Option<Self> {
        let text = std::str::from_utf8(origin).ok()?;
        let (scheme, authority) = text.split_once("://")?;
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port.parse().ok()?)),
            Some(_) | None => (authority, None),
        };
        let canonical = !text.bytes().any(|byte| byte.is_ascii_uppercase()) && !host.is_empty();
        canonical.then_some(Self { text, scheme, host, port })
    }
}
