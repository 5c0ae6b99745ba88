//! URLs of the front door in a WebDAV request (RFC 4918 §10.3, §10.4), mapped to the backend's.

use super::{
    super::target,
    client::ClientInfo,
    references::{self, Budget, Reference},
};
use crate::{
    path::{PathPattern, Slashes},
    refusal::Refusal,
    table::{Backend, Forward, HostHeader},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

/// `Destination`: where COPY and MOVE put a resource.
const DESTINATION: HeaderName = HeaderName::from_static("destination");

/// `If`: conditions, each optionally for the resource that it names.
const IF: HeaderName = HeaderName::from_static("if");

/// How the front door's host and path are mapped to the backend's.
pub(in crate::proxy) struct RequestRewrite<'a> {
    pub(in crate::proxy) client: &'a ClientInfo,
    pub(in crate::proxy) backend: &'a Backend,
    pub(in crate::proxy) forward: &'a Forward,
    pub(in crate::proxy) pattern: &'a PathPattern,
    pub(in crate::proxy) slashes: Slashes,
}

impl RequestRewrite<'_> {
    /// Rewrites the fields that contain URLs, while Host is still the client's. A URL that no
    /// request to this Route could have is left as it is: to the backend it is another server's.
    ///
    /// # Errors
    /// If a path is refused in a request's target too.
    pub(in crate::proxy) fn apply(
        &self,
        method: &Method,
        headers: &mut HeaderMap,
    ) -> Result<(), Refusal> {
        if matches!(
            *method,
            Method::GET | Method::HEAD | Method::POST | Method::OPTIONS | Method::PATCH
        ) {
            return Ok(()); // No method of WebDAV, or without such fields.
        }
        if !headers.contains_key(&DESTINATION) && !headers.contains_key(&IF) {
            return Ok(());
        }
        let host = match &self.backend.host {
            HostHeader::Set(host) => host.clone(),
            HostHeader::Preserve => headers.get(header::HOST).unwrap_or(&self.client.host).clone(),
        };
        let host = host.to_str().map_err(|_| Refusal::InvalidHost)?;
        let budget = Budget::new();
        map_lines(headers, &DESTINATION, |url| self.url(url, host, &budget))?;
        map_lines(headers, &IF, |conditions| {
            let map = |url: &str| self.url(url, host, &budget).ok().flatten();
            Ok(references::map_bracketed(conditions, map))
        })
    }

    /// The backend's form of a URL; `None` if it stays as it is.
    fn url(&self, url: &str, host: &str, budget: &Budget) -> Result<Option<String>, Refusal> {
        let Some(reference) = Reference::parse(url) else { return Ok(None) };
        if let Some(authority) = reference.authority {
            let scheme = reference.scheme.unwrap_or(self.client.scheme.as_str());
            let named = references::host(scheme, authority);
            if !named.is_some_and(|(_, named)| references::is_front_door(self.client, &named)) {
                return Ok(None);
            }
        }
        let path = if reference.path.is_empty() { "/" } else { reference.path };
        let path = target::normalised(path, self.slashes)?;
        let Some(captures) = self.pattern.matches(&path).filter(|_| !budget.is_spent()) else {
            return Ok(None);
        };
        let path = match self.forward.rewrite() {
            Some(to) => to.path.fill(self.pattern, &captures).map_err(Refusal::InvalidPath)?,
            None => path,
        };
        let Some(path) = budget.spend(path) else { return Ok(None) };
        let origin = match reference.authority {
            Some(_) => format!("{}://{host}", self.backend.protocol.scheme().as_str()),
            None => String::new(),
        };
        Ok(Some(format!("{origin}{path}{}", reference.suffix)))
    }
}

fn map_lines(
    headers: &mut HeaderMap,
    name: &HeaderName,
    map: impl Fn(&str) -> Result<Option<String>, Refusal>,
) -> Result<(), Refusal> {
    if let header::Entry::Occupied(mut lines) = headers.entry(name) {
        for line in lines.iter_mut() {
            if let Some(mapped) = line.to_str().ok().map(&map).transpose()?.flatten() {
                // What is mapped was a field's value, or is a path or a host.
                *line = HeaderValue::from_maybe_shared(Bytes::from(mapped))
                    .map_err(|_| Refusal::InvalidTarget)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        path::PathTemplate,
        table::{Protocol, Rewrite, Scheme, Target},
    };
    use std::net::IpAddr;

    /// The fields that the backend `dav.web.svc` gets, from `/dav/*` rewritten to `/store/*`.
    fn mapped(
        field: &'static str,
        value: &str,
        rewrite: bool,
        host: HostHeader,
    ) -> Result<String, Refusal> {
        let client = ClientInfo {
            trusted: None,
            address: IpAddr::from([127, 0, 0, 1]),
            scheme: Scheme::Http,
            host: HeaderValue::from_static("www.ep.com"),
            port: 80,
        };
        let backend = Backend {
            name: "web/dav:80".into(),
            weight: 1,
            priority: 0,
            protocol: Protocol::Http1,
            host,
            own_authorities: vec![],
            target: Target::External { host: "dav.web.svc".into(), port: 80 },
        };
        let rewrite = rewrite.then(|| Rewrite { path: PathTemplate::parse("/store/*").unwrap() });
        let rewrite = RequestRewrite {
            client: &client,
            backend: &backend,
            forward: &Forward::new(vec![], rewrite),
            pattern: &PathPattern::parse("/dav/*").unwrap(),
            slashes: Slashes::Keep,
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("www.ep.com"));
        headers.insert(field, HeaderValue::from_str(value).unwrap());
        rewrite.apply(&Method::from_bytes(b"MOVE").unwrap(), &mut headers)?;
        Ok(headers[field].to_str().unwrap().to_owned())
    }

    fn backends_own() -> HostHeader {
        HostHeader::Set(HeaderValue::from_static("dav.web.svc"))
    }

    #[test]
    fn a_destination_at_the_front_door_becomes_the_backends() {
        for (url, became) in [
            ("http://www.ep.com/dav/a%20b?c", "http://dav.web.svc/store/a%20b?c"),
            ("http://WWW.ep.com:80/dav/a", "http://dav.web.svc/store/a"),
            ("https://www.ep.com/dav/a", "http://dav.web.svc/store/a"),
            ("https://www.ep.com:443/dav", "http://dav.web.svc/store"),
            ("//www.ep.com/dav/./a", "http://dav.web.svc/store/a"),
            ("/dav/a", "/store/a"),
            ("http://www.ep.com/other", "http://www.ep.com/other"),
            ("http://www.ep.com:81/dav/a", "http://www.ep.com:81/dav/a"),
            ("http://evil.example/dav/a", "http://evil.example/dav/a"),
            ("http://www.ep.com@evil.example/dav/a", "http://www.ep.com@evil.example/dav/a"),
            ("a", "a"),
        ] {
            assert_eq!(
                mapped("destination", url, true, backends_own()).as_deref(),
                Ok(became),
                "{url}"
            );
        }
        let url = "http://www.ep.com/dav/a";
        let preserved = mapped("destination", url, true, HostHeader::Preserve);
        assert_eq!(preserved.as_deref(), Ok("http://www.ep.com/store/a"));
        let same_path = mapped("destination", url, false, backends_own());
        assert_eq!(same_path.as_deref(), Ok("http://dav.web.svc/dav/a"));
    }

    #[test]
    fn a_destination_is_refused_as_the_same_target_would_be() {
        for url in ["http://www.ep.com/dav/..;/..;/x", "/dav/..%2Fx", "/dav/%zz", "/dav/%00"] {
            let refused = mapped("destination", url, true, backends_own());
            assert!(matches!(refused, Err(Refusal::InvalidPath(_))), "{url}");
        }
    }

    #[test]
    fn conditions_name_the_backends_resources() {
        let conditions =
            "<http://www.ep.com/dav/a> (<urn:uuid:1> [\"<x>\"]) </dav/b> (Not <DAV:no-lock>)";
        let became =
            "<http://dav.web.svc/store/a> (<urn:uuid:1> [\"<x>\"]) </store/b> (Not <DAV:no-lock>)";
        assert_eq!(mapped("if", conditions, true, backends_own()).as_deref(), Ok(became));
    }

    #[test]
    fn many_conditions_grow_within_a_bound() {
        let conditions = "</dav>".repeat(20_000);
        let became = mapped("if", &conditions, true, backends_own()).unwrap();
        assert!(became.len() < conditions.len() + 64 * 1024);
    }
}
