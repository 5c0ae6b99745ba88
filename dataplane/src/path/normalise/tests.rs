//! Request paths in their normal form.

use super::*;
use proptest::prelude::*;

#[test]
fn normal_paths_are_borrowed() {
    for path in [
        "/",
        "/a/b",
        "/a/",
        "//",
        "//a//b//",
        "/a%2Fb%5Cc",
        "/%25",
        "/a%20b",
        "/%C3%A9",
        "/...",
        "/.a",
        "/..a",
        "/a.",
        "/a..",
        "/.well-known/x",
        "/a/.../b",
        "/~a-b_c!$&'()*+,;=:@|[]{}^\"<>`",
        "/A/a",
        "/*",
        // Parameters are part of their segment.
        "/a;b=c/d;e",
        "/;/a",
        "/a;..",
        "/a..;b",
        "/...;a",
        "/a%2Fb.%5C..c",
        "/a%2F...%5Cb",
        "/..%20",
        "/.%25",
    ] {
        assert_eq!(normalise(path), Ok(Cow::Borrowed(path)));
        assert!(matches!(normalise(path), Ok(Cow::Borrowed(_))), "{path}");
    }
}

#[test]
fn other_paths_are_rewritten() {
    for (path, normal) in [
        ("/%61%7E%2D%5f", "/a~-_"),
        ("/a%2fb", "/a%2Fb"),
        ("/a%5cb", "/a%5Cb"),
        ("/%2561", "/%2561"),
        ("/%c3%a9", "/%C3%A9"),
        ("/é", "/%C3%A9"),
        ("/a b", "/a%20b"),
        ("/.", "/"),
        ("/..", "/"),
        ("/./", "/"),
        ("/../", "/"),
        ("/../..", "/"),
        ("/../a", "/a"),
        ("/a/.", "/a/"),
        ("/a/./", "/a/"),
        ("/a/./b", "/a/b"),
        ("/a/..", "/"),
        ("/a/../", "/"),
        ("/a/b/..", "/a/"),
        ("/a/b/../c", "/a/c"),
        ("/a/b/../../..", "/"),
        ("/a//../b", "/a/b"),
        ("/..//a", "//a"),
        ("/a/%2e%2E/b", "/b"),
        ("/a/.%2e/b", "/b"),
        ("/a/%2e./b", "/b"),
        ("/a/%2e", "/a/"),
        ("/a/%2e%2e%2e", "/a/..."),
        ("/a/b/c/./../../g", "/a/g"),
        ("/mid/content=5/../6", "/mid/6"),
    ] {
        assert_eq!(normalise(path).as_deref(), Ok(normal), "{path}");
    }
}

#[test]
fn ambiguous_paths_are_refused() {
    for (path, error) in [
        ("", PathError::NotAbsolute),
        ("a/b", PathError::NotAbsolute),
        ("*", PathError::NotAbsolute),
        ("http://a/", PathError::NotAbsolute),
        ("/%", PathError::BrokenEscape),
        ("/%4", PathError::BrokenEscape),
        ("/%4/a", PathError::BrokenEscape),
        ("/%zz", PathError::BrokenEscape),
        ("/%+1", PathError::BrokenEscape),
        ("/%é1", PathError::BrokenEscape),
        ("/../%g0", PathError::BrokenEscape),
        ("/a\\b", PathError::Backslash),
        ("/%61\\", PathError::Backslash),
        ("/\0", PathError::Control),
        ("/a\tb", PathError::Control),
        ("/\u{7F}", PathError::Control),
        ("/%00", PathError::Control),
        ("/%0d%0a", PathError::Control),
        ("/%1F", PathError::Control),
        ("/%7f", PathError::Control),
        ("/%61/%7F", PathError::Control),
    ] {
        assert_eq!(normalise(path), Err(error), "{path:?}");
    }
}

#[test]
fn segments_that_some_servers_read_as_dot_segments_are_refused() {
    for segment in [
        "..;",
        ".;",
        "..;a=b",
        "..;..",
        ".%2e;x",
        "%2E%2e;x",
        "..%3B",
        "..%3bx",
        ".%3bx",
        "..%2F",
        "..%2fa",
        "..%5Ca",
        "..%5c",
        ".%2Fa",
        "%2F..",
        "%5C.",
        "a%2F..",
        "a%2F..%2Fb",
        "a%5c%2e%2e%5Cb",
        "a%2F.%2Fb",
        "a;b%2F..",
        "..;a%2F..",
        "..;a%2Fb",
        "a%2F..;b",
        "a%2f..%3bb%5Cc",
        "%2F..%2F..%2F",
    ] {
        for path in [
            format!("/{segment}"),
            format!("/{segment}/"),
            format!("/a/{segment}/b"),
            format!("//{segment}//"),
            // It would not remain.
            format!("/a/{segment}/../b"),
            format!("/a/./{segment}/c"),
        ] {
            assert_eq!(normalise(&path), Err(PathError::HiddenDots), "{path}");
        }
    }
}

#[test]
fn slashes_are_merged_where_that_is_set() {
    for (path, merged) in [
        ("/", "/"),
        ("//", "/"),
        ("///a//b///", "/a/b/"),
        ("/a/b", "/a/b"),
        ("/a%2F/b%2F%2Fc", "/a%2F/b%2F%2Fc"),
        ("/a//../b", "/a/../b"),
        ("//é//", "/é/"),
        ("a//b", "a/b"),
        ("", ""),
    ] {
        assert_eq!(Slashes::Merge.apply(path), merged, "{path}");
        assert_eq!(Slashes::Keep.apply(path), path);
    }
    assert!(matches!(Slashes::Merge.apply("/a/b/"), Cow::Borrowed(_)));
}

#[test]
fn segments_of_parameters_do_not_keep_slashes_apart_where_they_are_merged() {
    for path in ["/;/a", "/;x/a", "/a/;x", "/a/%3B/b", "/a/%3bx", "//;//a"] {
        assert_eq!(Slashes::Merge.check(path), Err(PathError::HiddenSlashes), "{path}");
        assert_eq!(Slashes::Keep.check(path), Ok(()));
    }
    for path in ["/", "//", "/a;x/b", "/a%3Bx//", "/%3", "/%253B"] {
        assert_eq!(Slashes::Merge.check(path), Ok(()), "{path}");
    }
}

fn paths() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => Just("/".to_owned()),
        2 => Just(".".to_owned()),
        1 => Just("%2e".to_owned()),
        1 => Just("%2E".to_owned()),
        1 => Just("%2f".to_owned()),
        1 => Just("%5C".to_owned()),
        1 => Just(";".to_owned()),
        1 => Just("%3b".to_owned()),
        1 => Just("%25".to_owned()),
        1 => Just("a".to_owned()),
        1 => any::<char>().prop_map(String::from),
        1 => any::<u8>().prop_map(|byte| format!("%{byte:02x}")),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    #[test]
    fn normal_paths_are_fixed_points(path in paths()) {
        let Ok(normal) = normalise(&path) else { return Ok(()) };
        prop_assert!(matches!(normalise(&normal), Ok(Cow::Borrowed(same)) if same == normal));
        prop_assert!(normal.starts_with('/') && normal.is_ascii());
        prop_assert!(!normal.split('/').any(|segment| segment == "." || segment == ".."));
        prop_assert!(!normal.bytes().any(|byte| byte.is_ascii_control() || byte == b'\\'));
        prop_assert_eq!(matches!(normalise(&path), Ok(Cow::Borrowed(_))), path == normal);
    }

    /// As a server reads it that decodes slashes and drops parameters, in either order.
    #[test]
    fn normal_paths_have_no_dot_segments_for_any_server(path in paths()) {
        let Ok(normal) = normalise(&path) else { return Ok(()) };
        let decode = |path: &str| path.replace("%2F", "/").replace("%5C", "/").replace("%3B", ";");
        let drop = |path: &str| -> String {
            let names = path.split('/').map(|segment| segment.split(';').next().unwrap_or_default());
            names.collect::<Vec<_>>().join("/")
        };
        for read in [decode(&normal), drop(&normal), drop(&decode(&normal)), decode(&drop(&normal))] {
            prop_assert!(read.split('/').all(|segment| segment != "." && segment != ".."), "{}", read);
        }
    }

    /// No other path is refused for what it hides.
    #[test]
    fn only_hidden_dot_segments_are_refused(path in paths()) {
        if normalise(&path) == Err(PathError::HiddenDots) {
            let decoded = path.replace("%2e", ".").replace("%2E", ".");
            let decoded = decoded.replace("%2f", "/").replace("%2F", "/").replace("%5C", "/").replace("%5c", "/");
            let decoded = decoded.replace("%3b", ";").replace("%3B", ";");
            let mut names = decoded.split('/').map(|segment| segment.split(';').next().unwrap_or_default());
            prop_assert!(names.any(|name| name == "." || name == ".."), "{}", path);
        }
    }

    #[test]
    fn merged_paths_are_fixed_points(path in paths()) {
        let is_checked = Slashes::Merge.check(&path).is_ok();
        let merged = Slashes::Merge.apply(&path);
        prop_assert!(!merged.contains("//"));
        prop_assert_eq!(Slashes::Merge.apply(&merged), merged.as_ref());
        let Ok(normal) = normalise(&merged) else { return Ok(()) };
        prop_assert!(!normal.contains("//"), "{}", normal);
        if is_checked {
            let names = normal.replace("%3B", ";");
            let is_empty = |segment: &str| segment.starts_with(';');
            prop_assert!(!names.split('/').any(is_empty), "{}", normal);
        }
    }
}
