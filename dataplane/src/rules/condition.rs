//! Whether a condition holds.

use super::Check;
use crate::table::Condition;

impl<'t> Check<'t, '_> {
    /// Whether a condition holds, and may be checked.
    pub(super) fn holds(&self, condition: &'t Condition) -> bool {
        let Self { lookup, subject } = self;
        let (path, sender) = (subject.request.path, &subject.sender);
        match condition {
            Condition::Header(header) => lookup.has_header(header),
            Condition::Query(key) => lookup.has_query(key),
            Condition::Cookie(cookie) => lookup.has_cookie(cookie),
            Condition::Method(methods) => methods.contains(subject.request.method),
            Condition::Host(hosts) => hosts.iter().any(|host| host.matches(&sender.host)),
            Condition::Path(pattern) => {
                lookup.budget.allows(path.len()) && pattern.matches(path).is_some()
            }
            Condition::PathRegex(regex) => lookup.budget.allows(path.len()) && regex.matches(path),
            Condition::FileExtension(extensions) => extension(path).is_some_and(|own| {
                extensions.iter().any(|extension| extension.eq_ignore_ascii_case(own))
            }),
            Condition::ClientAddress(networks) => {
                networks.iter().any(|network| network.contains(&sender.address))
            }
            Condition::Scheme(scheme) => *scheme == sender.scheme,
            Condition::HttpVersion(versions) => versions.contains(&sender.version),
            Condition::TlsVersion(version) => Some(*version) == sender.tls,
            Condition::ClientCertificate(has) => *has == sender.has_certificate,
            Condition::Not(inner) => !self.holds(inner),
            Condition::Any(inner) => inner.iter().any(|condition| self.holds(condition)),
        }
    }
}

/// What follows the last dot of a path's last segment, unless that begins with it.
fn extension(path: &str) -> Option<&str> {
    let (_, file) = path.rsplit_once('/')?;
    let (stem, extension) = file.rsplit_once('.')?;
    (!stem.is_empty() && !extension.is_empty()).then_some(extension)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        full_match::FullMatch,
        path::PathPattern,
        router::{Budget, Comparison, Headers, Predicate, Request},
        rules::{Sender, Subject},
        table::{Scheme, TlsVersion},
    };
    use http::{HeaderMap, HeaderValue, Method, Version};
    use proptest::prelude::*;

    /// Whether a condition holds for one request.
    fn check(condition: &Condition) -> bool {
        let headers: HeaderMap = [
            (http::header::USER_AGENT, HeaderValue::from_static("Some Mobile/1")),
            (http::header::COOKIE, HeaderValue::from_static("beta=1; n=12")),
        ]
        .into_iter()
        .collect();
        let request = Request {
            method: &Method::PUT,
            path: "/app/v1.2/Photo.JPG",
            query: Some("a=1&b=%32"),
            headers: Headers::Sent(&headers),
        };
        let subject = Subject {
            request,
            headers: &headers,
            sender: Sender {
                host: "www.ep.com".into(),
                scheme: Scheme::Https,
                address: [10, 1, 2, 3].into(),
                version: Version::HTTP_2,
                tls: Some(TlsVersion::Tls13),
                has_certificate: false,
                id: &HeaderValue::from_static("id"),
            },
        };
        let budget = Budget::of_one_request();
        let holds = Check::new(&subject, &budget).holds(condition);
        budget.check().unwrap();
        holds
    }

    fn predicate(name: &str, comparison: Comparison) -> Predicate {
        Predicate { name: name.to_owned(), comparison }
    }

    #[test]
    fn each_kind_holds_or_not() {
        let contains = |text: &str| Comparison::Contains(text.to_owned());
        let hosts =
            |all: &[&str]| Condition::Host(all.iter().map(|host| host.parse().unwrap()).collect());
        let regex = |text: &str| Condition::PathRegex(FullMatch::new(text).unwrap());
        let path = |text: &str| Condition::Path(PathPattern::parse(text).unwrap());
        let extensions = |all: &[&str]| {
            Condition::FileExtension(all.iter().map(|one| Box::from(*one)).collect())
        };
        let networks = |all: &[&str]| {
            Condition::ClientAddress(all.iter().map(|one| one.parse().unwrap()).collect())
        };
        for (condition, expected) in [
            (Condition::Header(predicate("user-agent", contains("Mobile"))), true),
            (Condition::Header(predicate("user-agent", contains("mobile"))), false),
            (Condition::Query(predicate("b", Comparison::Exact("2".to_owned()))), true),
            (Condition::Query(predicate("c", Comparison::Present)), false),
            (Condition::Cookie(predicate("n", Comparison::GreaterThan(11))), true),
            (Condition::Cookie(predicate("n", Comparison::LessThan(12))), false),
            (Condition::Method(vec![Method::GET, Method::PUT]), true),
            (Condition::Method(vec![Method::GET]), false),
            (hosts(&["a.example", "*.ep.com"]), true),
            (hosts(&["www.ep.com"]), true),
            (hosts(&["ep.com", "*.www.ep.com", "*.p.com"]), false),
            (path("/app/*"), true),
            (path("/app/{v}/{file}"), true),
            (path("/app"), false),
            (regex("/app/.*"), true),
            (regex("/app"), false),
            (extensions(&["png", "jpg"]), true),
            (extensions(&["2", "2/photo.jpg"]), false),
            (networks(&["192.0.2.0/24", "10.0.0.0/8"]), true),
            (networks(&["10.1.2.4/32", "::/0"]), false),
            (Condition::Scheme(Scheme::Https), true),
            (Condition::Scheme(Scheme::Http), false),
            (Condition::HttpVersion(vec![Version::HTTP_11, Version::HTTP_2]), true),
            (Condition::HttpVersion(vec![Version::HTTP_10]), false),
            (Condition::TlsVersion(TlsVersion::Tls13), true),
            (Condition::TlsVersion(TlsVersion::Tls12), false),
            (Condition::ClientCertificate(false), true),
            (Condition::ClientCertificate(true), false),
        ] {
            assert_eq!(check(&condition), expected, "{condition}");
            assert_eq!(check(&Condition::Not(Box::new(condition.clone()))), !expected);
        }
    }

    #[test]
    fn an_extension_follows_the_last_dot_of_the_last_segment() {
        for (path, expected) in [
            ("/a.js", Some("js")),
            ("/a.b/c.tar.gz", Some("gz")),
            ("/a.js/b", None),
            ("/a.", None),
            ("/.htaccess", None),
            ("/", None),
            ("/a.js/", None),
        ] {
            assert_eq!(extension(path), expected, "{path}");
        }
    }

    /// A condition, and whether it holds.
    fn nested() -> impl Strategy<Value = (Condition, bool)> {
        let leaf = any::<bool>().prop_map(|holds| (Condition::ClientCertificate(!holds), holds));
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                inner.clone().prop_map(|(inner, holds)| (Condition::Not(Box::new(inner)), !holds)),
                prop::collection::vec(inner, 1..4).prop_map(|all| {
                    let holds = all.iter().any(|(_, holds)| *holds);
                    (Condition::Any(all.into_iter().map(|(one, _)| one).collect()), holds)
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn conditions_nest((condition, expected) in nested()) {
            prop_assert_eq!(check(&condition), expected);
        }
    }
}
