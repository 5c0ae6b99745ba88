//! Patterns: parsing, matching and precedence.

use super::*;
use crate::path::normalise;
use proptest::{prelude::*, sample::select};

fn pattern(text: &str) -> PathPattern {
    PathPattern::parse(text).unwrap()
}

#[test]
fn patterns_are_canonical() {
    for (text, canonical) in [
        ("*", "/*"),
        ("/*", "/*"),
        ("/", "/"),
        ("/a", "/a"),
        ("/a/", "/a/"),
        ("/a//b/*", "/a//b/*"),
        ("/{a}/{_b-2}/*", "/{a}/{_b-2}/*"),
        ("/é/%c3%a9", "/%C3%A9/%C3%A9"),
        ("/%61%2f%2a", "/a%2F%2A"),
        ("/a b", "/a%20b"),
        ("/%7bid%7d", "/%7Bid%7D"),
        ("/...", "/..."),
    ] {
        let parsed = pattern(text);
        assert_eq!(parsed.to_string(), canonical);
        assert_eq!(pattern(canonical), parsed);
        assert_eq!(serde_json::to_value(&parsed).unwrap(), canonical);
    }
}

#[test]
fn the_literal_beginning_is_what_all_paths_have() {
    for (text, prefix) in [
        ("/*", "/"),
        ("/", "/"),
        ("/{a}/b", "/"),
        ("/shop/*", "/shop"),
        ("/shop/{id}/x/*", "/shop"),
        ("/shop/cart", "/shop/cart"),
        ("/shop/", "/shop/"),
        ("//shop/*", "//shop"),
        ("/%7Bé/%2A/*", "/%7B%C3%A9/%2A"),
    ] {
        assert_eq!(pattern(text).literal_prefix(), prefix, "{text}");
    }
}

#[test]
fn mistakes_are_distinguished() {
    use PathPatternError as Error;
    let owned = str::to_owned;
    for (text, error) in [
        ("", Error::NotAbsolute),
        ("a", Error::NotAbsolute),
        ("**", Error::NotAbsolute),
        ("*/a", Error::NotAbsolute),
        ("https://a/b", Error::NotAbsolute),
        ("/a*", Error::Wildcard),
        ("/*a", Error::Wildcard),
        ("/**", Error::Wildcard),
        ("/*/", Error::Wildcard),
        ("/a/*/b", Error::Wildcard),
        ("/{*}", Error::Wildcard),
        ("/{a}*", Error::Wildcard),
        ("/{a}.json", Error::PartialCapture(owned("{a}.json"))),
        ("/v{a}", Error::PartialCapture(owned("v{a}"))),
        ("/{a}{b}", Error::PartialCapture(owned("{a}{b}"))),
        ("/{{a}}", Error::StrayBrace(owned("{{a}}"))),
        ("/{a", Error::StrayBrace(owned("{a"))),
        ("/a}", Error::StrayBrace(owned("a}"))),
        ("/}{", Error::StrayBrace(owned("}{"))),
        ("/{a}}", Error::StrayBrace(owned("{a}}"))),
        ("/{", Error::StrayBrace(owned("{"))),
        ("/{a/b}", Error::StrayBrace(owned("{a"))),
        ("/{}", Error::Name(owned(""))),
        ("/{1}", Error::Name(owned("1"))),
        ("/{-a}", Error::Name(owned("-a"))),
        ("/{a b}", Error::Name(owned("a b"))),
        ("/{é}", Error::Name(owned("é"))),
        ("/{a}/b/{a}", Error::RepeatedName(owned("a"))),
        ("/a?b=c", Error::Query),
        ("/a#b", Error::Fragment),
        ("/.", Error::DotSegment(owned("."))),
        ("/a/../b", Error::DotSegment(owned(".."))),
        ("/a/%2e%2E", Error::DotSegment(owned("%2e%2E"))),
        ("/a/..;b/c", Error::DotSegment(owned("..;b"))),
        ("/a%2f../c", Error::DotSegment(owned("a%2f.."))),
        ("/100%", Error::BrokenEscape(owned("100%"))),
        ("/%4/1", Error::BrokenEscape(owned("%4"))),
        ("/a\\b", Error::Backslash),
        ("/a\nb", Error::Control),
        ("/%00", Error::Control),
    ] {
        assert_eq!(PathPattern::parse(text), Err(error), "{text:?}");
    }
    let long = |chars| PathPattern::parse(&format!("/{}", "é".repeat(chars - 1)));
    assert!(long(Error::MAX_CHARS).is_ok());
    assert_eq!(long(Error::MAX_CHARS + 1), Err(Error::TooLong));
}

#[test]
fn messages_say_how_to_fix_it() {
    let error = PathPattern::parse("/a/{b}.json").unwrap_err();
    assert_eq!(
        error.to_string(),
        "has '{b}.json', where a capture is not the whole segment: write '/{name}/', or '%7B' \
         and '%7D' for the characters"
    );
    assert_eq!(
        PathPatternError::Wildcard.to_string(),
        "has a '*' that is not the whole last segment: write '/prefix/*', '{name}' for one \
         segment, or '%2A' for the character"
    );
    assert_eq!(PathPatternError::TooLong.to_string(), "is longer than 1024 characters");
}

#[test]
fn paths_match_by_segments() {
    type Captured = Option<(&'static [&'static str], Option<&'static str>)>;
    let cases: [(&str, &str, Captured); 28] = [
        ("/", "/", Some((&[], None))),
        ("/", "//", None),
        ("/a", "/a", Some((&[], None))),
        ("/a", "/a/", None),
        ("/a/", "/a", None),
        ("/a/", "/a/", Some((&[], None))),
        ("/a", "/A", None),
        ("/a", "/ab", None),
        ("/a", "/a/b", None),
        ("/a/b", "/a", None),
        ("/a/b", "/a//b", None),
        ("/a%2Fb", "/a/b", None),
        ("/a%2Fb", "/a%2Fb", Some((&[], None))),
        ("/sales/*", "/sales", Some((&[], None))),
        ("/sales/*", "/sales/", Some((&[], Some("")))),
        ("/sales/*", "/sales/2021/report", Some((&[], Some("2021/report")))),
        ("/sales/*", "/sales//", Some((&[], Some("/")))),
        ("/sales/*", "/salesforce", None),
        ("/sales/*", "/", None),
        ("*", "/", Some((&[], Some("")))),
        ("*", "/a/b", Some((&[], Some("a/b")))),
        ("*", "//", Some((&[], Some("/")))),
        ("/{a}", "/", None),
        ("/{a}", "/x", Some((&["x"], None))),
        ("/{a}/{b}", "/x/y", Some((&["x", "y"], None))),
        ("/{a}/{b}", "/x/", None),
        ("/{a}/*", "/x", Some((&["x"], None))),
        ("/{a}/*", "//x", None),
    ];
    for (text, path, expected) in cases {
        let captures = pattern(text).matches(path);
        let found = captures.as_ref().map(|captures| (captures.values(), captures.rest()));
        assert_eq!(found, expected, "{text} and {path}");
    }
}

#[test]
fn claims_contain_narrower_patterns() {
    for (claim, inside) in [
        ("/*", "/*"),
        ("/*", "/"),
        ("/*", "/a/{b}/*"),
        ("/sales/*", "/sales"),
        ("/sales/*", "/sales/"),
        ("/sales/*", "/sales/*"),
        ("/sales/*", "/sales/a/{b}"),
        ("/{a}", "/b"),
        ("/{a}", "/{b}"),
        ("/{a}/*", "/b/*"),
        ("/a/", "/a/"),
    ] {
        assert!(pattern(claim).contains(&pattern(inside)), "{claim} and {inside}");
    }
    for (claim, outside) in [
        ("/sales/*", "/*"),
        ("/sales/*", "/salesforce"),
        ("/sales/*", "/{a}"),
        ("/sales/*", "/{a}/b"),
        ("/sales/", "/sales"),
        ("/sales", "/sales/*"),
        ("/sales", "/sales/"),
        ("/{a}", "/"),
        ("/{a}", "/b/c"),
        ("/{a}", "/*"),
        ("/a/b", "/a"),
    ] {
        assert!(!pattern(claim).contains(&pattern(outside)), "{claim} and {outside}");
    }
}

#[test]
fn shapes_ignore_names() {
    assert!(pattern("/{a}/b/*").same_shape(&pattern("/{c}/b/*")));
    assert!(!pattern("/{a}").same_shape(&pattern("/a")));
    assert!(!pattern("/{a}").same_shape(&pattern("/%7Ba%7D")));
    assert!(!pattern("/a").same_shape(&pattern("/a/")));
    assert!(!pattern("/a").same_shape(&pattern("/a/*")));
    assert_eq!(pattern("/{a}/b/{c}/*").shape(), "/{}/b/{}/*");
    assert_eq!(pattern("/a/*").shape(), "/a/*");
    assert_ne!(pattern("/{a}"), pattern("/{c}"));
}

#[test]
fn precedence_goes_segment_by_segment() {
    let sorted = [
        "/a/b/c", "/a/{x}/c", "/a/{x}/*", "/a", "/a/*", "/ab", "/{x}/b", "/{x}/{y}", "/{x}",
        "/{x}/*", "/*",
    ];
    for (at, first) in sorted.iter().enumerate() {
        for (other, second) in sorted.iter().enumerate() {
            let order = pattern(first).precedence(&pattern(second));
            assert_eq!(order, at.cmp(&other), "{first} and {second}");
        }
    }
    assert_eq!(pattern("/{a}/b").precedence(&pattern("/{c}/b")), Ordering::Equal);
}

fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => select(vec!["/", "{", "}", "*", "a", "{a}", "{b}", ".", "%2e", "%2A", "%7b"])
            .prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    #[test]
    fn parsed_patterns_are_canonical_and_match_themselves(text in texts()) {
        let Ok(parsed) = PathPattern::parse(&text) else { return Ok(()) };
        prop_assert_eq!(PathPattern::parse(&parsed.to_string()), Ok(parsed.clone()));
        prop_assert!(parsed.contains(&parsed) && parsed.same_shape(&parsed));
        // A path built from the pattern is normal, and the pattern matches it.
        let fill = |segment| match segment {
            Segment::Literal(literal) => format!("/{literal}"),
            Segment::Capture(name) => format!("/{name}"),
            Segment::Rest => "/x/y".to_owned(),
        };
        let path: String = parsed.segments().map(fill).collect();
        prop_assert_eq!(normalise(&path), Ok(Cow::Borrowed(&*path)));
        let captures = parsed.matches(&path).unwrap();
        prop_assert_eq!(captures.rest(), parsed.has_rest().then_some("x/y"));
        let names: Vec<_> = parsed.names().collect();
        prop_assert_eq!(captures.values(), &*names);
    }

    #[test]
    fn claims_contain_patterns_whose_paths_they_all_match(claim in patterns(), other in patterns()) {
        let paths = every_path(4);
        let mut matched = paths.iter().filter(|path| other.matches(path).is_some());
        let all = matched.all(|path| claim.matches(path).is_some());
        prop_assert_eq!(claim.contains(&other), all, "{} and {}", claim, other);
    }
}

/// Patterns of up to three segments and a star.
fn patterns() -> impl Strategy<Value = PathPattern> {
    let segment = select(vec!["/a", "/b", "/", "/{x}"]);
    (prop::collection::vec(segment, 0..4), any::<bool>()).prop_map(|(segments, star)| {
        let names = (0..).map(|n| format!("/{{n{n}}}"));
        let segments = segments.iter().zip(names);
        let mut text: String = segments
            .map(|(segment, name)| if *segment == "/{x}" { name } else { (*segment).to_owned() })
            .collect();
        if star || text.is_empty() {
            text.push_str("/*");
        }
        pattern(&text)
    })
}

/// Every path of up to `len` segments, including one that no pattern names.
fn every_path(len: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut longest = all.clone();
    for _ in 0..len {
        let longer = |path: &String| ["/a", "/b", "/c", "/"].map(|next| format!("{path}{next}"));
        longest = longest.iter().flat_map(longer).collect();
        all.extend_from_slice(&longest);
    }
    all.split_off(1)
}
