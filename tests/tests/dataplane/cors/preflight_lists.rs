//! Rules 10 and 13: the headers that a preflight asks for.

use super::{PAGE, Site, assert_denied, cors, policy, preflight, request};

#[tokio::test]
async fn rule_10_any_header_is_echoed_in_lower_case() {
    for configured in ["", "allowHeaders: []", "allowHeaders: ['*']"] {
        let site = Site::careless(&policy(configured)).await;
        for (asked, allowed) in [
            (&["x-a"][..], &["x-a"][..]),
            (&["X-B, Content-Type ,AUTHORIZATION"], &["x-b,content-type,authorization"]),
            (&[], &[]),
            (&[""], &[]),
        ] {
            let answer = site.send_in_vain(preflight(PAGE, "PUT", "/", asked)).await;
            assert_eq!(answer.status(), 204, "{configured} {asked:?}");
            let got = answer.fields("access-control-allow-headers");
            assert_eq!(got, allowed, "{configured} {asked:?}");
        }
    }
}

#[tokio::test]
async fn rule_10_listed_headers_and_the_safelisted_ones_that_were_asked_for() {
    let site = Site::careless(&policy("allowHeaders: [X-Two, x-one]")).await;
    for (asked, allowed) in [
        (&[][..], "x-one, x-two"),
        (&["x-two"], "x-one, x-two"),
        (&["X-ONE,x-Two"], "x-one, x-two"),
        (&["content-type"], "x-one, x-two, content-type"),
        (&["Range,x-one,Accept"], "x-one, x-two, accept, range"),
        (
            &["accept,accept-language,content-language,content-type,range"],
            "x-one, x-two, accept, accept-language, content-language, content-type, range",
        ),
        (&["content-type", "content-type"], "x-one, x-two, content-type"),
        (&["x-three"], ""),
        (&["x-one,x-three"], ""),
        (&["x-one-more"], ""),
        (&["authorization"], ""),
        (&["accept-encoding"], ""),
    ] {
        let asked = preflight(PAGE, "PUT", "/", asked);
        let answer = site.send_in_vain(&asked).await;
        if allowed.is_empty() {
            assert_denied(&answer, "CorsHeader", &asked);
        } else {
            assert_eq!(answer.status(), 204, "{asked}");
            assert_eq!(answer.fields("access-control-allow-headers"), [allowed], "{asked}");
        }
    }
}

#[tokio::test]
async fn rule_13_lists_are_read_within_bounds() {
    let names = |count: usize| vec!["x-a"; count].join(",");
    let empty = |count: usize| ",".repeat(count - 1);
    let long = |length: usize| "x".repeat(length);
    for (what, lines, good) in [
        ("64 names", vec![names(64)], true),
        ("65 names", vec![names(65)], false),
        ("64 names on 64 lines", vec!["x-a".to_owned(); 64], true),
        ("65 names on 65 lines", vec!["x-a".to_owned(); 65], false),
        ("65 names on two lines", vec![names(64), names(1)], false),
        ("4,096 bytes", vec![long(4096)], true),
        ("4,097 bytes", vec![long(4097)], false),
        ("4,096 bytes, joined", vec![long(2000), long(2095)], true),
        ("4,097 bytes, joined", vec![long(2000), long(2096)], false),
        ("16 empty elements", vec![empty(16)], true),
        ("17 empty elements", vec![empty(17)], false),
        ("16 empty lines", vec![String::new(); 16], true),
        ("17 empty lines", vec![String::new(); 17], false),
        ("2 bytes of space", vec!["x-a  ,  x-b,\t x-c".to_owned()], true),
        ("3 bytes in front", vec!["x-a,   x-b".to_owned()], false),
        ("3 bytes behind", vec!["x-a   ,x-b".to_owned()], false),
        ("nothing but commas", vec![empty(4000)], false),
        ("60 KB of names", vec![names(15_000)], false),
        ("60 KB of space", vec![format!("x-a{}x-b", " ".repeat(60_000))], false),
    ] {
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        for configured in ["", "preflight: Answer, disallowedOrigin: Reject"] {
            let site = Site::careless(&policy(configured)).await;
            let answer = site.send_in_vain(preflight(PAGE, "PUT", "/", &lines)).await;
            if good {
                assert_eq!(answer.status(), 204, "{what}: {answer:?}");
            } else {
                assert_denied(&answer, "CorsMalformed", what);
            }
        }
    }
}

#[tokio::test]
async fn rule_13_order_duplicates_and_lines_do_not_matter() {
    let site = Site::careless(&policy("allowHeaders: [x-a, x-b, x-c]")).await;
    for lines in [
        &["x-a,x-b,x-c"][..],
        &["x-c,x-b,x-a"],
        &["X-C", "x-a", "x-B"],
        &["x-a,x-a,x-b,x-a,x-c,x-b"],
        &[",x-a,,x-b", "", ",x-c,"],
        &["x-a ,\tx-b", " x-c"],
    ] {
        let answer = site.send_in_vain(preflight(PAGE, "PUT", "/", lines)).await;
        assert_eq!(answer.status(), 204, "{lines:?}");
        assert_eq!(answer.fields("access-control-allow-headers"), ["x-a, x-b, x-c"], "{lines:?}");
    }
}

#[tokio::test]
async fn rule_13_what_is_no_name_is_a_denial() {
    for configured in ["", "allowHeaders: [x-a]"] {
        let site = Site::careless(&policy(configured)).await;
        for bad in ["x a", "x-a:", "x-a;x-a", "\"x-a\"", "x-a, x-a x-a", "(x-a)", "caf\u{e9}"] {
            let answer = site.send_in_vain(preflight(PAGE, "PUT", "/", &[bad])).await;
            assert_denied(&answer, "CorsMalformed", bad);
        }
    }
}

#[tokio::test]
async fn rule_13_a_head_that_is_too_large_is_refused_before() {
    let site = Site::careless(&policy("")).await;
    let names = "x-a,".repeat(20_000);
    let answer = site.send_in_vain(preflight(PAGE, "PUT", "/", &[&names])).await;
    assert_eq!((answer.status(), answer.reason().as_str()), (431, "HeadTooLarge"));
    assert!(cors(&answer).is_empty(), "{}", answer.head);
    let many = "|Access-Control-Request-Headers: x-a".repeat(99);
    let asks = format!("OPTIONS /|Origin: {PAGE}|Access-Control-Request-Method: PUT{many}");
    let answer = site.send_in_vain(request(&asks)).await;
    assert_eq!((answer.status(), answer.reason().as_str()), (431, "TooManyFields"));
}
