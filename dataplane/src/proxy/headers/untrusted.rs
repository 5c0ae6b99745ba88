//! Request fields that are not to be believed: what a client says about itself under the names that
//! proxies use, and names that a backend may take for others.

use super::{
    names::{CLIENT_CERT, CLIENT_CERT_CHAIN},
    present::Present,
};
use crate::{config::Underscores, field_name, table::TrustedHeaders};
use http::{HeaderMap, HeaderName};

/// Removes the fields that the peer is not trusted to set: from a trusted proxy, those of the family
/// that it is not trusted with. Returns what is left. Runs before a Route is chosen, so that no
/// predicate sees them.
pub(in crate::proxy) fn remove_untrusted(
    headers: &mut HeaderMap,
    trusted: Option<TrustedHeaders>,
    underscores: Underscores,
) -> Present {
    let is_untrusted = |name: &HeaderName| {
        let name = name.as_str();
        if !field_name::is_plain(name) {
            // Of a trusted proxy's own fields, none is written like this.
            let are_removed = underscores == Underscores::Remove;
            return (are_removed && field_name::has_underscore(name))
                || field_name::is_reserved_twin(name);
        }
        match trusted {
            None => field_name::is_claim(name),
            // They are about the TLS connection to Portico, of which nobody else knows.
            Some(_) if [CLIENT_CERT, CLIENT_CERT_CHAIN].iter().any(|own| own == name) => true,
            Some(TrustedHeaders::XForwarded) => name == "forwarded",
            Some(TrustedHeaders::Forwarded) => field_name::is_x_forwarded(name),
        }
    };
    let (mut untrusted, mut present) = (Vec::new(), Present::default());
    for name in headers.keys() {
        match is_untrusted(name) {
            true => untrusted.push(name.clone()),
            false => present.add(name),
        }
    }
    for name in untrusted {
        headers.remove(name);
    }
    present
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn left(trusted: Option<TrustedHeaders>, underscores: Underscores) -> Vec<String> {
        const SENT: [&str; 17] = [
            "client-cert",
            "client-cert-chain",
            "forwarded",
            "host",
            "x-forwarded-for",
            "x-forwarded-prefix",
            "x-original-url",
            "x-own",
            "x-real-ip",
            "x-request-id",
            "x.own",
            "x.real.ip",
            "x-forwarded~proto",
            "content.length",
            "x_own",
            "x_real_ip",
            "content_length",
        ];
        let line = |name| (HeaderName::from_static(name), HeaderValue::from_static("x"));
        let mut headers: HeaderMap = SENT.into_iter().map(line).collect();
        remove_untrusted(&mut headers, trusted, underscores);
        let mut names: Vec<_> = headers.keys().map(ToString::to_string).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn what_is_believed_depends_on_who_says_it() {
        use Underscores::{Allow, Remove};
        assert_eq!(left(None, Remove), ["host", "x-own", "x.own"]);
        assert_eq!(left(None, Allow), ["host", "x-own", "x.own", "x_own"]);
        assert_eq!(
            left(Some(TrustedHeaders::XForwarded), Remove),
            [
                "host",
                "x-forwarded-for",
                "x-forwarded-prefix",
                "x-original-url",
                "x-own",
                "x-real-ip",
                "x-request-id",
                "x.own",
            ]
        );
        assert_eq!(
            left(Some(TrustedHeaders::Forwarded), Allow),
            ["forwarded", "host", "x-original-url", "x-own", "x-request-id", "x.own", "x_own"]
        );
    }
}
