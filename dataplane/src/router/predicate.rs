//! The conditions of a match other than its path.

use super::{
    Request,
    budget::Budget,
    comparison::{Comparison, Predicate},
    lookup::Lookup,
};
use http::Method;
use serde::{Serialize, Serializer};
use std::fmt;

/// The predicates of a match; all must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Predicates {
    /// Any of these methods; if empty, every method. GET does not imply HEAD.
    #[serde(serialize_with = "methods", skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<Method>,
    /// Header predicates; names in lower case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Predicate>,
    /// Cookie predicates; names and values are plain text, compared with the request's after
    /// percent-decoding.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cookies: Vec<Predicate>,
    /// Query predicates; names and values are plain text, compared with the request's after
    /// percent-decoding.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<Predicate>,
}

fn methods<S: Serializer>(methods: &[Method], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(methods.iter().map(Method::as_str))
}

impl Predicates {
    /// Whether a request satisfies all of them.
    pub fn matches(&self, request: &Request<'_>) -> bool {
        self.unmet(&Lookup::new(request, &Budget::unlimited())).is_none()
    }

    /// The first predicate that a request does not satisfy, or that is not checked because that
    /// would exceed the budget.
    pub(super) fn unmet<'p>(&'p self, lookup: &Lookup<'p, '_, '_>) -> Option<Unmet<'p>> {
        if !self.methods.is_empty() && !self.methods.contains(lookup.request.method) {
            return Some(Unmet::Methods(&self.methods));
        }
        let header = self.headers.iter().find(|header| !lookup.has_header(header));
        let query = || self.query.iter().find(|key| !lookup.has_query(key));
        let cookie = || self.cookies.iter().find(|cookie| !lookup.has_cookie(cookie));
        header
            .map(Unmet::Header)
            .or_else(|| query().map(Unmet::Query))
            .or_else(|| cookie().map(Unmet::Cookie))
    }

    /// Greater ranks take precedence among matches of one path: more predicates in total, then more
    /// method (1, however many methods), header, cookie and query predicates, in this order.
    pub(super) fn rank(&self) -> [usize; 5] {
        let methods = usize::from(!self.methods.is_empty());
        let (headers, cookies, query) = (self.headers.len(), self.cookies.len(), self.query.len());
        [methods + headers + cookies + query, methods, headers, cookies, query]
    }

    /// Whether both are the same regardless of order and repetition.
    pub(super) fn same_set(&self, other: &Self) -> bool {
        same_set(&self.methods, &other.methods)
            && same_set(&self.headers, &other.headers)
            && same_set(&self.cookies, &other.cookies)
            && same_set(&self.query, &other.query)
    }
}

/// The predicate that a request does not satisfy. Displayed as what is required.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unmet<'p> {
    /// Any of these methods.
    Methods(&'p [Method]),
    /// A header.
    Header(&'p Predicate),
    /// A query key.
    Query(&'p Predicate),
    /// A cookie.
    Cookie(&'p Predicate),
}

impl fmt::Display for Unmet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, separator, predicate) = match self {
            Self::Methods(methods) => {
                let names: Vec<_> = methods.iter().map(Method::as_str).collect();
                return write!(f, "method {}", names.join(" or "));
            }
            Self::Header(predicate) => ("header", ": ", predicate),
            Self::Query(predicate) => ("query", "=", predicate),
            Self::Cookie(predicate) => ("cookie", "=", predicate),
        };
        predicate.describe(kind, separator, f)
    }
}

impl Predicate {
    /// Writes what is required of a header, cookie or query key.
    pub(crate) fn describe(
        &self,
        kind: &str,
        separator: &str,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        let name = &self.name;
        match &self.comparison {
            Comparison::Exact(value) => write!(f, "{kind} {name}{separator}{value}"),
            Comparison::Prefix(prefix) => write!(f, "{kind} {name} to begin with '{prefix}'"),
            Comparison::Suffix(suffix) => write!(f, "{kind} {name} to end with '{suffix}'"),
            Comparison::Contains(part) => write!(f, "{kind} {name} to contain '{part}'"),
            Comparison::GreaterThan(bound) => {
                write!(f, "{kind} {name} to be a number greater than {bound}")
            }
            Comparison::LessThan(bound) => {
                write!(f, "{kind} {name} to be a number less than {bound}")
            }
            Comparison::Regex(regex) => write!(f, "{kind} {name} to match '{}'", regex.as_str()),
            Comparison::Present => write!(f, "{kind} {name}"),
            Comparison::Absent => write!(f, "no {kind} {name}"),
        }
    }
}

fn same_set<T: PartialEq>(ours: &[T], theirs: &[T]) -> bool {
    ours.iter().all(|item| theirs.contains(item)) && theirs.iter().all(|item| ours.contains(item))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{super::Headers, *};
    use http::{HeaderMap, HeaderValue};

    fn request<'r>(
        method: &'r Method,
        query: Option<&'r str>,
        headers: &'r HeaderMap,
    ) -> Request<'r> {
        Request { method, path: "/", query, headers: Headers::Sent(headers) }
    }

    fn one(name: &str, comparison: Comparison) -> Vec<Predicate> {
        vec![Predicate { name: name.to_owned(), comparison }]
    }

    #[test]
    fn get_does_not_imply_head() {
        let headers = HeaderMap::new();
        let methods = vec![Method::GET, Method::PUT];
        let predicates = Predicates { methods, ..Predicates::default() };
        for (method, is_match) in
            [(Method::GET, true), (Method::PUT, true), (Method::HEAD, false), (Method::POST, false)]
        {
            assert_eq!(predicates.matches(&request(&method, None, &headers)), is_match, "{method}");
            assert!(Predicates::default().matches(&request(&method, None, &headers)));
        }
    }

    #[test]
    fn all_of_several_predicates_must_match() {
        let mut headers = HeaderMap::new();
        headers.append("x-tenant", HeaderValue::from_static("blue"));
        headers.append("x-tenant", HeaderValue::from_static("green"));
        let is = |value: &str| Predicate {
            name: "x-tenant".to_owned(),
            comparison: Comparison::Exact(value.to_owned()),
        };
        for (expected, is_match) in [
            (vec![is("blue")], true),
            (vec![is("green"), is("blue")], true),
            (vec![is("green"), is("red")], false),
            (vec![is("blue, green")], false),
        ] {
            let predicates = Predicates { headers: expected, ..Predicates::default() };
            assert_eq!(predicates.matches(&request(&Method::GET, None, &headers)), is_match);
        }
    }

    #[test]
    fn each_kind_is_checked() {
        let mut headers = HeaderMap::new();
        headers.insert("h", HeaderValue::from_static("1"));
        headers.insert("cookie", HeaderValue::from_static("c=2"));
        let request = request(&Method::GET, Some("q=3"), &headers);
        let is = |value: &str| Comparison::Exact(value.to_owned());
        let of = |headers, cookies, query| Predicates {
            headers: one("h", is(headers)),
            cookies: one("c", is(cookies)),
            query: one("q", is(query)),
            ..Predicates::default()
        };
        assert!(of("1", "2", "3").matches(&request));
        assert!(!of("x", "2", "3").matches(&request));
        assert!(!of("1", "x", "3").matches(&request));
        assert!(!of("1", "2", "x").matches(&request));
        let query = one("q", Comparison::Absent);
        assert!(!Predicates { query: query.clone(), ..Predicates::default() }.matches(&request));
        let bare = Request { query: None, ..request };
        assert!(Predicates { query, ..Predicates::default() }.matches(&bare));
    }

    #[test]
    fn rule_5_a_preflight_stands_for_the_request_it_announces() {
        let announced = ["X-Tenant"];
        let headers = Headers::Announced(&announced);
        let preflight = Request { method: &Method::PUT, path: "/", query: Some("v=2"), headers };
        let of = |name, comparison| Predicates {
            methods: vec![Method::PUT],
            headers: one(name, comparison),
            cookies: one("beta", Comparison::Present),
            query: one("v", Comparison::Exact("2".to_owned())),
        };
        assert!(of("x-tenant", Comparison::Exact("blue".to_owned())).matches(&preflight));
        assert!(of("x-tenant", Comparison::Present).matches(&preflight));
        assert!(!of("x-tenant", Comparison::Absent).matches(&preflight));
        assert!(!of("x-other", Comparison::Present).matches(&preflight));
        assert!(of("x-other", Comparison::Absent).matches(&preflight));
        let get = Predicates { methods: vec![Method::GET], ..Predicates::default() };
        assert!(!get.matches(&preflight));
        let query = one("v", Comparison::Exact("3".to_owned()));
        assert!(!Predicates { query, ..Predicates::default() }.matches(&preflight));
    }
}
