//! What keeps a page of another site from reading the admin port through an operator's browser.
//!
//! No response has CORS headers, so a page of another origin can't read one. Two ways are left: to
//! embed a response, which `Sec-Fetch-Site` tells, and DNS rebinding, in which the name of the
//! attacker's own site is made to resolve to the address of the admin port, so that to the browser
//! both are one origin. Then `Host` has that name. Addresses can't be rebound, nor can names that
//! nobody can register: those without a dot, and those of `localhost` and of cluster DNS.

use http::{HeaderName, Request, Version, header, uri::Authority};
use std::net::Ipv4Addr;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

const CROSS_SITE: &str = "not for other sites: enter the address yourself\n";
const HOST: &str = "the admin port is reached by an address, a name without a dot, or one that ends in \
    .localhost, .svc or .svc.cluster.local: names that others can register are refused, for they could \
    lead here from their sites (DNS rebinding)\n";

/// Ends of names that are resolved on this machine or in its cluster only.
const LOCAL: [&str; 3] = [".localhost", ".svc", ".svc.cluster.local"];

/// Why a request is refused, if it may be made for another site.
pub(super) fn refusal<B>(request: &Request<B>) -> Option<&'static str> {
    let headers = request.headers();
    // Programs other than browsers don't send it.
    if headers.get_all(SEC_FETCH_SITE).iter().any(|site| site == "cross-site") {
        return Some(CROSS_SITE);
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let is_local = match (hosts.next(), hosts.next()) {
        // Not a browser.
        (None, _) => request.version() == Version::HTTP_10,
        (Some(host), None) => host.to_str().is_ok_and(is_local),
        (Some(_), Some(_)) => false,
    };
    (!is_local).then_some(HOST)
}

/// Whether nobody can make a site of this name.
fn is_local(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_end_matches('.').to_ascii_lowercase();
    let is_address = name.starts_with('[') || name.parse::<Ipv4Addr>().is_ok();
    is_address
        || !name.contains('.') && !name.is_empty()
        || LOCAL.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn refused(lines: &[(&str, &str)]) -> bool {
        let request = lines
            .iter()
            .fold(Request::builder(), |request, (name, value)| request.header(*name, *value));
        refusal(&request.body(()).unwrap()).is_some()
    }

    #[test]
    fn only_names_that_nobody_can_register_are_served() {
        for host in [
            "127.0.0.1:9090",
            "10.1.2.3",
            "127.0.0.1.",
            "[::1]:9090",
            "localhost:9090",
            "LOCALHOST",
            "localhost.:80",
            "portico.localhost",
            "portico-admin",
            "portico-admin.portico-system.svc",
            "portico-admin.portico-system.svc.cluster.local:9090",
        ] {
            assert!(!refused(&[("host", host)]), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:9090",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "a.svc.cluster.local.evil.example",
            "svc.evil",
            "",
            "@localhost.evil.example",
        ] {
            assert!(refused(&[("host", host)]), "{host}");
        }
        assert!(refused(&[("host", "localhost"), ("host", "evil.example")]));
        assert!(refused(&[]));
    }

    #[test]
    fn other_sites_are_refused() {
        for (site, is_refused) in
            [("cross-site", true), ("same-site", false), ("same-origin", false), ("none", false)]
        {
            let lines = [("host", "localhost:9090"), ("sec-fetch-site", site)];
            assert_eq!(refused(&lines), is_refused, "{site}");
        }
    }
}
