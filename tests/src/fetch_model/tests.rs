//! The model by itself, on examples from the Standard and from web-platform-tests' cors/ and fetch/.

use super::*;

fn fetch(method: &str, headers: &[(&str, &str)]) -> Fetch {
    Fetch {
        origin: "https://page.test".into(),
        target: "https://api.test".into(),
        path: "/".into(),
        method: method.into(),
        headers: headers.iter().copied().collect(),
        credentials: Credentials::SameOrigin,
    }
}

fn with_credentials(fetch: Fetch) -> Fetch {
    Fetch { credentials: Credentials::Include, ..fetch }
}

fn answer(status: u16, headers: &[(&str, &str)]) -> Answer {
    Answer { status, headers: headers.iter().copied().collect(), body: String::new() }
}

const ORIGIN: (&str, &str) = ("Access-Control-Allow-Origin", "https://page.test");
const ANY_ORIGIN: (&str, &str) = ("Access-Control-Allow-Origin", "*");
const TRUE: (&str, &str) = ("Access-Control-Allow-Credentials", "true");

#[test]
fn methods_that_are_asked_for() {
    for method in ["GET", "get", "HEAD", "POST", "Post"] {
        assert!(!fetch(method, &[]).needs_preflight(), "{method}");
    }
    for method in ["PUT", "delete", "OPTIONS", "PATCH", "patch", "X"] {
        assert!(fetch(method, &[]).needs_preflight(), "{method}");
    }
    assert_eq!(fetch("put", &[]).sent_method(), "PUT");
    assert_eq!(fetch("patch", &[]).sent_method(), "patch");
}

#[test]
fn headers_that_are_asked_for() {
    let (long, longer) = ("a".repeat(128), "a".repeat(129));
    for (name, value, safe) in [
        ("Accept", "text/html, */*;q=0.1", true),
        ("Accept", "a\tb", true),
        ("Accept", "\"a\"", false),
        ("Accept", "a:b", false),
        ("accept", &long, true),
        ("accept", &longer, false),
        ("Accept-Language", "de-CH, en;q=0.5, *", true),
        ("Accept-Language", "de_CH", false),
        ("Content-Language", "en", true),
        ("Content-Language", "@", false),
        ("Content-Type", "text/plain", true),
        ("CONTENT-TYPE", " Text/Plain ; charset=utf-8", true),
        ("Content-Type", "multipart/form-data; boundary=x", true),
        ("Content-Type", "application/x-www-form-urlencoded", true),
        ("Content-Type", "text/plain; a=\"b\"", false),
        ("Content-Type", "application/json", false),
        ("Content-Type", "text/plain, text/plain", false),
        ("Content-Type", "text/html", false),
        ("Content-Type", "", false),
        ("Range", "bytes=0-", true),
        ("Range", "bytes=0-499", true),
        ("Range", "bytes=-500", false),
        ("Range", "bytes=9-1", false),
        ("Range", "bytes=0-1,3-4", false),
        ("Range", "bytes= 0-1", false),
        ("Range", "lines=0-1", false),
        ("Authorization", "Basic x", false),
        ("X-Api-Key", "", false),
        ("DPR", "2", false),
    ] {
        assert_eq!(!fetch("GET", &[(name, value)]).needs_preflight(), safe, "{name}: {value}");
    }
}

#[test]
fn safelisted_headers_are_asked_for_where_they_are_large_together() {
    let value = "a".repeat(128);
    let mut headers = vec![("accept", value.as_str()); 8];
    assert!(!fetch("GET", &headers).needs_preflight());
    headers.push(("Content-Language", "a"));
    let names: Vec<_> = fetch("GET", &headers).unsafe_names().into_iter().collect();
    assert_eq!(names, ["accept", "content-language"]);
}

#[test]
fn what_a_preflight_says() {
    let asking = fetch("put", &[("X-B", "1"), ("Accept", "*/*"), ("x-a", "1"), ("X-b", "2")]);
    let asked = with_credentials(asking).preflight();
    assert_eq!(asked.method, "OPTIONS");
    assert!(asked.is_preflight());
    assert_eq!(asked.headers.get("access-control-request-method").as_deref(), Some("PUT"));
    assert_eq!(asked.headers.get("access-control-request-headers").as_deref(), Some("x-a,x-b"));
    assert_eq!(asked.headers.get("origin").as_deref(), Some("https://page.test"));
    assert_eq!(asked.headers.get("cookie"), None);
    assert_eq!(fetch("PUT", &[]).preflight().headers.get("access-control-request-headers"), None);
}

#[test]
fn what_a_request_says_of_its_page() {
    let mut own = fetch("GET", &[]);
    assert!(own.request().headers.get("origin").is_some());
    assert!(own.request().headers.get("cookie").is_none());
    own.origin = own.target.clone();
    assert!(own.request().headers.get("origin").is_none());
    assert!(own.request().headers.get("cookie").is_some());
    own.method = "PUT".into();
    assert!(own.request().headers.get("origin").is_some());
    assert!(!own.needs_preflight());
    let opaque = Fetch { origin: "null".into(), target: "null".into(), ..own };
    assert!(!opaque.is_same_origin());
}

#[test]
fn the_cors_check() {
    let null = ("Access-Control-Allow-Origin", "null");
    let slash = ("Access-Control-Allow-Origin", "https://page.test/");
    let upper = ("Access-Control-Allow-Origin", "https://PAGE.test");
    let both = ("Access-Control-Allow-Origin", "https://page.test, *");
    for (headers, plain, credentialed) in [
        (&[][..], false, false),
        (&[ORIGIN], true, false),
        (&[ORIGIN, TRUE], true, true),
        (&[ANY_ORIGIN], true, false),
        (&[ANY_ORIGIN, TRUE], true, false),
        (&[ORIGIN, ORIGIN, TRUE], false, false),
        (&[ORIGIN, ANY_ORIGIN], false, false),
        (&[both], false, false),
        (&[null, TRUE], false, false),
        (&[slash, TRUE], false, false),
        (&[upper, TRUE], false, false),
        (&[ORIGIN, TRUE, TRUE], true, false),
        (&[ORIGIN, ("Access-Control-Allow-Credentials", "True")], true, false),
    ] {
        let answer = answer(404, headers);
        let asking = fetch("GET", &[]);
        assert_eq!(asking.read(&answer).is_ok(), plain, "{headers:?}");
        assert_eq!(with_credentials(asking).read(&answer).is_ok(), credentialed, "{headers:?}");
    }
}

/// Without credentials, and with.
fn verdicts(asking: &Fetch, answer: &Answer) -> [Result<(), NetworkError>; 2] {
    [asking.heed_preflight(answer), with_credentials(asking.clone()).heed_preflight(answer)]
}

#[test]
fn what_a_preflight_grants() {
    use NetworkError::*;
    let methods = |list| ("Access-Control-Allow-Methods", list);
    let names = |list| ("Access-Control-Allow-Headers", list);
    let put = fetch("PUT", &[]);
    let header = fetch("GET", &[("X-A", "1")]);
    let login = fetch("POST", &[("authorization", "x")]);
    for (asking, headers, plain, credentialed) in [
        (&put, methods("PUT"), Ok(()), Ok(())),
        (&put, methods("GET , PUT,"), Ok(()), Ok(())),
        (&put, methods("put"), Err(Method), Err(Method)),
        (&put, methods("*"), Ok(()), Err(Method)),
        (&put, methods("a b"), Err(PreflightLists), Err(PreflightLists)),
        (&put, names("PUT"), Err(Method), Err(Method)),
        (&header, names("x-a"), Ok(()), Ok(())),
        (&header, names("x-b,X-A"), Ok(()), Ok(())),
        (&header, names("*"), Ok(()), Err(Header)),
        (&header, names("x-b"), Err(Header), Err(Header)),
        (&header, methods("GET"), Err(Header), Err(Header)),
        (&login, names("*"), Err(Header), Err(Header)),
        (&login, names("*, Authorization"), Ok(()), Ok(())),
    ] {
        let answer = answer(204, &[ORIGIN, TRUE, headers]);
        assert_eq!(verdicts(asking, &answer), [plain, credentialed], "{asking:?} {headers:?}");
    }
}

#[test]
fn a_preflight_needs_an_ok_status_and_the_cors_check() {
    use NetworkError::*;
    let put = fetch("PUT", &[]);
    let allow = ("Access-Control-Allow-Methods", "PUT");
    let all = [Ok(()), Ok(())];
    for (status, headers, wanted) in [
        (200, &[ORIGIN, TRUE, allow][..], all),
        (299, &[ORIGIN, TRUE, allow], all),
        (304, &[ORIGIN, TRUE, allow], [Err(PreflightStatus); 2]),
        (403, &[ORIGIN, TRUE, allow], [Err(PreflightStatus); 2]),
        (204, &[ORIGIN, allow], [Ok(()), Err(PreflightCheck)]),
        (204, &[TRUE, allow], [Err(PreflightCheck); 2]),
        (204, &[ANY_ORIGIN, TRUE, allow], [Ok(()), Err(PreflightCheck)]),
    ] {
        assert_eq!(verdicts(&put, &answer(status, headers)), wanted, "{status} {headers:?}");
    }
}

#[test]
fn headers_that_a_script_reads() {
    let shown = |fetch: &Fetch, exposing: &[&str]| {
        let mut headers = vec![ORIGIN, TRUE, ("Content-Type", "a"), ("X-A", "1"), ("X-B", "2")];
        headers.push(("Set-Cookie", "a=b"));
        headers.extend(exposing.iter().map(|list| ("Access-Control-Expose-Headers", *list)));
        let names = fetch.read(&answer(200, &headers)).map(|readable| readable.names);
        let mut names: Vec<_> = names.into_iter().flatten().collect();
        names.retain(|name| !name.starts_with("access-control-"));
        names.join(" ")
    };
    let asking = fetch("GET", &[]);
    assert_eq!(shown(&asking, &[]), "content-type");
    assert_eq!(shown(&asking, &["x-a, Set-Cookie", "x-none"]), "content-type x-a");
    assert_eq!(shown(&asking, &["*"]), "content-type x-a x-b");
    assert_eq!(shown(&asking, &["x a"]), "content-type");
    assert_eq!(shown(&with_credentials(asking.clone()), &["*"]), "content-type");
    let own = Fetch { origin: asking.target.clone(), ..asking };
    assert_eq!(shown(&own, &[]), "content-type x-a x-b");
}

#[test]
fn a_cache_gives_an_answer_to_requests_that_its_vary_does_not_tell_apart() {
    let one = fetch("GET", &[("Accept-Language", "de")]);
    let other = Fetch { origin: "https://other.test".into(), ..one.clone() };
    let english = fetch("GET", &[("Accept-Language", "en")]);
    for (vary, to_other, to_english) in [
        (&[][..], true, true),
        (&["Origin"], false, true),
        (&["accept-language"], true, false),
        (&["Accept-Language , ORIGIN"], false, false),
        (&["Accept-Language", "origin"], false, false),
        (&["*"], false, false),
        (&["Accept"], true, true),
    ] {
        let headers: Vec<_> = vary.iter().map(|names| ("Vary", *names)).collect();
        let mut cache = SharedCache::default();
        cache.store(&one.request(), &answer(200, &headers));
        assert_eq!(cache.find(&other.request()).count() == 1, to_other, "{vary:?}");
        assert_eq!(cache.find(&english.request()).count() == 1, to_english, "{vary:?}");
    }
    let mut cache = SharedCache::default();
    cache.store(&fetch("POST", &[]).request(), &answer(200, &[]));
    assert_eq!(cache.find(&fetch("GET", &[]).request()).count(), 0);
}
