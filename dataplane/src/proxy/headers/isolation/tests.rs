use super::*;
use crate::{
    request::TrailerFilter,
    table::{CookieTag, ObjectName},
};

fn tag(route: &str) -> CookieTag {
    CookieTag::of(&ObjectName::new("web", route))
}

/// A Route's isolation, and what it shares.
struct Fixture {
    isolation: Isolation,
    pattern: PathPattern,
    shared: Vec<SharedCookie>,
}

impl Fixture {
    fn new(cookies: CookieIsolation, pattern: &str) -> Self {
        Self {
            isolation: Isolation { cookies, origin_wide: OriginWide::Pass },
            pattern: PathPattern::parse(pattern).unwrap(),
            shared: vec![
                SharedCookie::Name("sso".into()),
                SharedCookie::Prefix("consent-".into()),
                SharedCookie::Prefix("p".into()),
            ],
        }
    }

    fn kept_apart(&self) -> KeptApart<'_> {
        KeptApart {
            isolation: &self.isolation,
            pattern: &self.pattern,
            shared: &self.shared,
            has_tags: true,
            affinity: Some("home"),
        }
    }

    /// What browsers get of a `Set-Cookie`.
    fn set(&self, path: &str, line: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::SET_COOKIE, HeaderValue::from_str(line).unwrap());
        self.kept_apart().response(path, &mut headers);
        headers.get(header::SET_COOKIE).map(|line| line.to_str().unwrap().to_owned())
    }

    /// What the backend gets of a `Cookie`, and the names of those that it does not.
    fn sent(&self, line: &str) -> (Option<String>, Vec<String>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_str(line).unwrap());
        let withheld = self.kept_apart().withheld(&headers).map(Cow::into_owned).collect();
        self.kept_apart().request(&mut headers);
        (headers.get(header::COOKIE).map(|line| line.to_str().unwrap().to_owned()), withheld)
    }
}

#[test]
fn separate_cookies_have_the_routes_tag_behind_the_prefix() {
    let (own, other) = (tag("a"), tag("b"));
    let fixture = Fixture::new(CookieIsolation::Separate(own), "/a/*");
    for (line, renamed) in [
        ("sid=1; Path=/; Secure", Some(format!("{own}sid=1; Path=/; Secure"))),
        (" sid = \"a b\" ;Max-Age=0", Some(format!("{own}sid=\"a b\";Max-Age=0"))),
        ("__Host-sid=1; Secure; Path=/", Some(format!("__Host-{own}sid=1; Secure; Path=/"))),
        ("__sECURE-sid=1; Secure", Some(format!("__sECURE-{own}sid=1; Secure"))),
        ("__Host-Http-sid=1", Some(format!("__Host-Http-{own}sid=1"))),
        ("=x", Some(format!("{own}=x"))),
        ("x", Some(format!("{own}=x"))),
        // Browsers ignore these, and would not if they had a name.
        ("=", None),
        ("__Host-sid", None),
        ("=__secure-sid=1", None),
        // What looks like another Route's is this Route's all the same.
        (&format!("{other}sid=1"), Some(format!("{own}{other}sid=1"))),
        (&format!("={other}sid=1"), Some(format!("{own}={other}sid=1"))),
        ("sso=1; Path=/", Some("sso=1; Path=/".to_owned())),
        ("consent-all=1", Some("consent-all=1".to_owned())),
        ("SSO=1", Some(format!("{own}SSO=1"))),
        ("home=1", Some("home=1".to_owned())),
    ] {
        assert_eq!(fixture.set("/a/x", line), renamed, "{line}");
    }
}

#[test]
fn a_backend_gets_its_own_and_shared_cookies_alone() {
    let (own, other) = (tag("a"), tag("b"));
    let fixture = Fixture::new(CookieIsolation::Separate(own), "/a/*");
    let sent = format!(
        "{own}sid=1;{other}sid=2; sid=3; __Host-{own}sid=\"4=\"; sso=5; {own}sid=6; {own}=x; {own}; x; ;"
    );
    let withheld = [format!("{other}sid"), "sid".to_owned(), own.to_string(), "x".to_owned()];
    let got = "sid=1; __Host-sid=\"4=\"; sso=5; sid=6; x".to_owned();
    let (left, names) = fixture.sent(&sent);
    assert_eq!(left, Some(got));
    assert_eq!(names, withheld);
    // A script can make these without the conditions of the names that would come about.
    for forged in [
        format!("{own}__Host-sid=1"),
        format!("__Host-{own}Http-sid=1"),
        format!("{own}=__Host-sid=1"),
        format!("{own}="),
        format!("__Secure-__Host-{own}sid=1"),
    ] {
        assert_eq!(fixture.sent(&forged).0, None, "{forged}");
    }
}

#[test]
fn other_routes_neither_get_nor_set_separate_cookies() {
    let other = tag("b");
    for cookies in [CookieIsolation::Shared, CookieIsolation::Confined] {
        let fixture = Fixture::new(cookies, "/a/*");
        let sent = format!("sid=1; {other}sid=2; __host-{other}x=3; x");
        assert_eq!(fixture.sent(&sent).0.unwrap(), "sid=1; x");
        for line in
            [format!("{other}sid=1"), format!("__Host-{other}sid=1"), format!("= {other}sid =1")]
        {
            assert_eq!(fixture.set("/a/x", &line), None, "{line}");
        }
        assert_eq!(fixture.set("/a/x", "sid=1").unwrap(), "sid=1");
    }
}

#[test]
fn confined_cookies_keep_to_the_literal_beginning_of_the_match() {
    let long = format!("a=1; Path=/{}", "x".repeat(1024));
    let fixture = Fixture::new(CookieIsolation::Confined, "/shop/{id}/*");
    for (line, path, confined) in [
        ("a=1", "/shop/7/x", Some("a=1")),
        ("a=1; Path=/shop", "/shop/7", Some("a=1; Path=/shop")),
        ("a=1; path=/shop/7/ ", "/shop/7", Some("a=1; path=/shop/7/ ")),
        ("a=1; Path=/; Secure", "/shop/7", Some("a=1; Secure; Path=/shop")),
        ("a=1; Path=/shopping", "/shop/7", Some("a=1; Path=/shop")),
        ("a=1; Path=/SHOP", "/shop/7", Some("a=1; Path=/shop")),
        ("a=1", "/shop", Some("a=1; Path=/shop")),
        ("a=1; Path", "/shop", Some("a=1; Path=/shop")),
        ("a=1; Path=x", "/shop/7", Some("a=1; Path=x")),
        // The last one counts, but perhaps not to every browser.
        ("a=1; Path=/; Path=/shop/7", "/shop/7", Some("a=1; Path=/shop/7")),
        ("a=1; Path=/shop/7; Path=/", "/shop/7", Some("a=1; Path=/shop")),
        (&long, "/shop/7/x", Some("a=1; Path=/shop/7")),
        ("x", "/shop", Some("x; Path=/shop")),
        ("__host-a=1; Secure; Path=/", "/shop/7", None),
        ("__Secure-a=1; Secure; Path=/", "/shop/7", Some("__Secure-a=1; Secure; Path=/shop")),
        ("sso=1; Path=/", "/shop/7", Some("sso=1; Path=/")),
    ] {
        assert_eq!(fixture.set(path, line).as_deref(), confined, "{line}");
    }
    let everything = Fixture::new(CookieIsolation::Confined, "/*");
    for line in ["a=1; Path=/", "__Host-a=1; Secure; Path=/", "a=1"] {
        assert_eq!(everything.set("/x", line).unwrap(), line);
    }
}

#[test]
fn cookies_grow_within_a_bound() {
    let path = format!("/{}/*", "x".repeat(1000));
    let fixture = Fixture::new(CookieIsolation::Confined, &path);
    let mut headers = HeaderMap::new();
    for _ in 0..100 {
        headers.append(header::SET_COOKIE, HeaderValue::from_static("a=1; Path=/"));
    }
    let changes = fixture.kept_apart().response("/", &mut headers);
    let left = headers.get_all(header::SET_COOKIE).iter().count() as u64;
    assert_eq!(changes.of(IsolationChange::CookiePath), left);
    assert_eq!(changes.of(IsolationChange::CookieRemoved), 100 - left);
    assert!((60..70).contains(&left), "{left}");
    // Browsers would ignore the path.
    let fixture = Fixture::new(CookieIsolation::Confined, &format!("/{}/*", "é".repeat(300)));
    assert_eq!(fixture.set("/", "a=1; Path=/"), None);
}

#[test]
fn what_affects_the_whole_origin_is_stripped() {
    let mut fixture = Fixture::new(CookieIsolation::Shared, "/shop/{id}");
    let response = |scopes: &[&str]| {
        let names = removed_names(OriginWide::Strip);
        let origin_wide = names.into_iter().map(|name| (name, HeaderValue::from_static("x")));
        let of_one =
            ["cross-origin-opener-policy", "content-security-policy", "permissions-policy"]
                .map(|name| (header::HeaderName::from_static(name), HeaderValue::from_static("x")));
        let mut headers: HeaderMap = origin_wide.chain(of_one).collect();
        for scope in scopes {
            headers.append("service-worker-allowed", HeaderValue::from_str(scope).unwrap());
        }
        headers
    };
    let mut passed = response(&["/"]);
    assert_eq!(fixture.kept_apart().response("/shop/7", &mut passed), IsolationChanges::default());
    assert_eq!(passed, response(&["/"]));
    fixture.isolation.origin_wide = OriginWide::Strip;
    for (scopes, is_kept) in [
        (&["/shop/"][..], true),
        (&["/shop/7/x?y"], true),
        (&["/shop/./a/../"], true),
        (&["/shop"], false),
        (&["/shopping/"], false),
        (&["/"], false),
        (&["/shop/../"], false),
        (&["/shop/%2e%2e/"], false),
        (&["/shop/..%2f"], false),
        (&["/shop/\\..\\..\\"], false),
        (&["//shop/"], false),
        (&["./"], false),
        (&["https://www.ep.com/"], false),
        (&["/shop/", "/"], false),
        (&[""], false),
    ] {
        let mut headers = response(scopes);
        let changes = fixture.kept_apart().response("/shop/7", &mut headers);
        assert_eq!(headers.contains_key("service-worker-allowed"), is_kept, "{scopes:?}");
        assert_eq!(headers.len(), 3 + usize::from(is_kept), "{headers:?}");
        assert_eq!(changes.of(IsolationChange::HeaderRemoved), 16 + u64::from(!is_kept));
    }
}

#[test]
fn what_affects_the_whole_origin_is_no_trailer() {
    for filter in [TrailerFilter::of_response(vec![]), TrailerFilter::of_request(vec![])] {
        for name in removed_names(OriginWide::Strip) {
            assert!(!filter.admits(&name), "{name}");
        }
    }
}

#[test]
fn what_no_backend_speaks_for_is_always_removed() {
    let mut headers = HeaderMap::new();
    for name in ["alt-svc", "public-key-pins", "clear-site-data"] {
        headers.append(name, HeaderValue::from_static("x"));
    }
    let present = super::super::Present::of(&headers);
    let changes = remove_always(&mut headers, present);
    assert_eq!(headers.keys().collect::<Vec<_>>(), ["clear-site-data"]);
    assert_eq!(changes.of(IsolationChange::HeaderRemoved), 2);
}

#[test]
fn a_cookie_is_looked_for_under_the_name_that_clients_send() {
    let own = tag("a");
    let fixture = Fixture::new(CookieIsolation::Separate(own), "/a/*");
    assert_eq!(fixture.kept_apart().sent_name("sid"), format!("{own}sid"));
    assert_eq!(fixture.kept_apart().sent_name("sso"), "sso");
    let fixture = Fixture::new(CookieIsolation::Confined, "/a/*");
    assert_eq!(fixture.kept_apart().sent_name("sid"), "sid");
}
