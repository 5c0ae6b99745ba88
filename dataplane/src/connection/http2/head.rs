//! The head of a request as the pipeline reads it: what the head guard refuses over HTTP/1.1 is
//! refused here too, and the target becomes that of an HTTP/1.1 request. The library has refused
//! malformed names and values, fields that concern one connection only, and pseudo-fields that are
//! missing, unknown or repeated (RFC 9113 §8.2, §8.3).

use super::super::STAND_IN_HOST;
use super::websocket;
use crate::{config::Limits, refusal::Refusal};
use http::{
    HeaderMap, HeaderValue, Method, Uri, header,
    request::Parts,
    uri::{PathAndQuery, Scheme},
};

/// What a request line has beside method and target: two spaces and the version.
const REQUEST_LINE_BYTES: usize = " ".len() + " HTTP/1.1".len();

/// What a line has beside a field's name and value: a colon, a space and the line's end.
const FIELD_LINE_BYTES: usize = ": \r\n".len();

/// How many bytes the texts of a head take.
pub(super) fn size(head: &Parts) -> usize {
    let text = |part: Option<&str>| part.map_or(0, str::len);
    let authority = text(head.uri.authority().map(http::uri::Authority::as_str));
    let target = text(head.uri.path_and_query().map(PathAndQuery::as_str));
    authority + target + fields_size(&head.headers)
}

/// How many bytes the names and values of fields take.
pub(super) fn fields_size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// Turns the head of a request into that of the same HTTP/1.1 request, or refuses it. Returns what
/// accepts it if it is the handshake of a WebSocket.
pub(super) fn admit(head: &mut Parts, limits: &Limits) -> Result<Option<String>, Refusal> {
    let target = head.uri.path_and_query().cloned();
    let length = target.as_ref().map_or(0, |target| target.as_str().len());
    let line = head.method.as_str().len() + length + REQUEST_LINE_BYTES;
    if line > limits.uri_bytes {
        return Err(Refusal::UriTooLong);
    }
    let websocket = websocket::begin(head)?;
    if head.method == Method::CONNECT {
        return Err(Refusal::Connect);
    }
    if head.headers.values().any(has_outer_space) {
        return Err(Refusal::MalformedHead);
    }
    join_cookies(&mut head.headers);
    settle_host(head)?;
    check_fields(&head.headers, line, limits)?;
    head.uri = Uri::from(checked(target, head.uri.scheme())?);
    Ok(websocket)
}

/// Makes a head that is refused one without a valid Host, for which the pipeline asks why.
pub(super) fn stand_in(head: &mut Parts) {
    head.uri = Uri::from_static("/");
    head.headers.insert(header::HOST, HeaderValue::from_static(STAND_IN_HOST));
}

/// A target that starts with a slash, or is an asterisk, in a URL of HTTP (RFC 9113 §8.3.1).
fn checked(target: Option<PathAndQuery>, scheme: Option<&Scheme>) -> Result<PathAndQuery, Refusal> {
    let is_http = scheme.is_none_or(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme));
    let is_path = |target: &PathAndQuery| target == "*" || target.as_str().starts_with('/');
    target.filter(|target| is_http && is_path(target)).ok_or(Refusal::InvalidTarget)
}

/// Joins the pieces that `cookie` may come in (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut pieces = headers.get_all(header::COOKIE).iter();
    if pieces.next().is_none() || pieces.next().is_none() {
        return;
    }
    let pieces: Vec<_> =
        headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    // Valid values stay valid when they are joined.
    if let Ok(cookie) = HeaderValue::from_bytes(&pieces.join(&b"; "[..])) {
        headers.insert(header::COOKIE, cookie);
    }
}

/// Sets Host to `:authority`. If both are there they must agree (RFC 9113 §8.3.1); the pipeline
/// reads what they say.
fn settle_host(head: &mut Parts) -> Result<(), Refusal> {
    let Some(authority) = head.uri.authority() else { return Ok(()) };
    let differs =
        |host: &HeaderValue| !host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes());
    let mut hosts = head.headers.get_all(header::HOST).iter();
    if hosts.next().is_some_and(differs) || hosts.next().is_some() {
        return Err(Refusal::InvalidHost);
    }
    let host = HeaderValue::from_str(authority.as_str()).map_err(|_| Refusal::InvalidHost)?;
    head.headers.insert(header::HOST, host);
    Ok(())
}

/// Checks the fields, and their number and size as HTTP/1.1 writes them.
fn check_fields(headers: &HeaderMap, line: usize, limits: &Limits) -> Result<(), Refusal> {
    if headers.len() > limits.head_fields {
        return Err(Refusal::TooManyFields);
    }
    let field = |(name, value): (&http::HeaderName, &HeaderValue)| {
        name.as_str().len() + value.len() + FIELD_LINE_BYTES
    };
    let fields: usize = headers.iter().map(field).sum();
    let line_ends = 2 * "\r\n".len();
    if line + fields + line_ends > limits.head_bytes {
        return Err(Refusal::HeadTooLarge);
    }
    if headers.get_all(header::CONTENT_LENGTH).iter().count() > 1 {
        return Err(Refusal::AmbiguousFraming);
    }
    Ok(())
}

/// Whether a value begins or ends with white space, which is malformed (RFC 9113 §8.2.1).
pub(super) fn has_outer_space(value: &HeaderValue) -> bool {
    matches!(value.as_bytes(), [b' ' | b'\t', ..] | [.., b' ' | b'\t'])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use http::Request;

    fn admitted(uri: &str, fields: &[(&str, &str)]) -> Result<Parts, Refusal> {
        let mut request = Request::builder().uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (mut head, ()) = request.body(()).unwrap().into_parts();
        admit(&mut head, &Limits::default()).map(|_| head)
    }

    #[test]
    fn the_authority_is_the_host() {
        for fields in [&[][..], &[("host", "WWW.ep.com:8080")]] {
            let head = admitted("http://www.ep.com:8080/a?b", fields).unwrap();
            assert_eq!(head.uri, "/a?b");
            assert_eq!(head.headers[header::HOST], "www.ep.com:8080");
            assert_eq!(head.headers.len(), 1);
        }
        let head = admitted("/a", &[("host", "www.ep.com")]).unwrap();
        assert_eq!(head.headers[header::HOST], "www.ep.com");
        for fields in [
            &[("host", "www.ep.com")][..],
            &[("host", "www.ep.com:8080"), ("host", "www.ep.com:8080")],
            &[("host", "")],
        ] {
            let refused = admitted("http://www.ep.com:8080/", fields).map(|_| ());
            assert_eq!(refused, Err(Refusal::InvalidHost), "{fields:?}");
        }
    }

    #[test]
    fn only_paths_of_http_are_targets() {
        for target in ["http://a/", "https://a/b?c", "http://a/*", "*"] {
            let fields = [("host", "a")];
            assert!(admitted(target, &fields).is_ok(), "{target}");
        }
        for target in ["ftp://a/", "javascript://a/x", "http://a?q"] {
            assert_eq!(admitted(target, &[]).map(|_| ()), Err(Refusal::InvalidTarget), "{target}");
        }
        // The target of a `:path`, which need not be that of a URL.
        for target in ["*?q", "*foo"] {
            assert_eq!(checked(target.parse().ok(), None), Err(Refusal::InvalidTarget), "{target}");
        }
    }

    #[test]
    fn cookies_are_one_field() {
        let head = admitted("http://a/", &[("cookie", "a=1"), ("x", "y"), ("cookie", "b=2; c=3")]);
        let head = head.unwrap();
        let cookies: Vec<_> = head.headers.get_all(header::COOKIE).iter().collect();
        assert_eq!(cookies, ["a=1; b=2; c=3"]);
    }

    #[test]
    fn limits_are_those_of_http_1() {
        let long = "a".repeat(9000);
        let many = vec![("x-a", "b"); 100];
        let large = vec![("x-a", &*long); 8];
        for (uri, fields, refusal) in [
            (format!("http://a/{long}"), vec![], Some(Refusal::UriTooLong)),
            ("http://a/".into(), many.clone(), Some(Refusal::TooManyFields)),
            ("http://a/".into(), many[1..].to_vec(), None),
            ("http://a/".into(), vec![("cookie", "a=b"); 200], None),
            ("http://a/".into(), large.clone(), Some(Refusal::HeadTooLarge)),
            ("http://a/".into(), large[1..].to_vec(), None),
            ("http://a/".into(), vec![("x", " y")], Some(Refusal::MalformedHead)),
            ("http://a/".into(), vec![("x", "y\t")], Some(Refusal::MalformedHead)),
            (
                "http://a/".into(),
                vec![("cookie", "a=b"), ("cookie", " c=d"), ("cookie", "e=f")],
                Some(Refusal::MalformedHead),
            ),
            ("http://a/".into(), vec![("content-length", "5"); 2], Some(Refusal::AmbiguousFraming)),
        ] {
            assert_eq!(admitted(&uri, &fields).map(|_| ()).err(), refusal, "{}", fields.len());
        }
        // As long as over HTTP/1.1: "GET / HTTP/1.1", "host: a" and the empty line.
        for (bytes, is_admitted) in [(27, true), (26, false)] {
            let limits = Limits { head_bytes: bytes, ..Limits::default() };
            let (mut head, ()) = Request::get("http://a/").body(()).unwrap().into_parts();
            assert_eq!(admit(&mut head, &limits).is_ok(), is_admitted, "{bytes}");
        }
    }

    #[test]
    fn connect_is_refused() {
        let (mut head, ()) = Request::connect("a:443").body(()).unwrap().into_parts();
        assert_eq!(admit(&mut head, &Limits::default()), Err(Refusal::Connect));
    }
}
