use super::*;

fn read(raw: &str, is_head: bool) -> io::Result<ResponseHead> {
    parse(&Bytes::from(raw.to_owned()), HeaderMap::new(), is_head, 100)
}

/// How the body after `fields` is framed, and whether the connection is kept open.
fn framed(line: &str, fields: &str, is_head: bool) -> Option<(String, bool)> {
    let parsed = read(&format!("HTTP/{line}\r\n{fields}\r\n"), is_head).ok()?;
    let framing = match parsed.framing {
        Framing::Done => "none".to_owned(),
        Framing::Length(length) => length.to_string(),
        Framing::Chunked(_) => "chunked".to_owned(),
        Framing::UntilClose => "until close".to_owned(),
    };
    Some((framing, parsed.keep_alive))
}

#[test]
fn a_body_is_framed_as_its_head_says() {
    const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";
    const FIVE: &str = "Content-Length: 5\r\n";
    for (line, fields, framing, keep_alive) in [
        ("1.1 200 OK", FIVE, "5", true),
        ("1.1 200 OK", "content-length:\t0 \r\n", "none", true),
        ("1.1 200 OK", "Content-Length: 5, 5\r\nContent-Length: 05\r\n", "5", true),
        ("1.1 200 OK", CHUNKED, "chunked", true),
        ("1.1 200 OK", "Transfer-Encoding:\tCHUNKED \r\n", "chunked", true),
        ("1.1 200 OK", "", "until close", true),
        ("1.1 204 No Content", FIVE, "none", true),
        ("1.1 304 Not Modified", CHUNKED, "none", true),
        ("1.1 101 Switching Protocols", FIVE, "none", true),
        (
            "1.1 200 OK",
            "Content-Length: 5\r\nConnection: a, Close\r\nConnection: keep-alive\r\n",
            "5",
            false,
        ),
        ("1.0 200 OK", FIVE, "5", false),
        ("1.0 200 OK", "Content-Length: 5\r\nConnection: Keep-Alive\r\n", "5", true),
        ("1.0 200 OK", "Connection: keep-alive, close\r\n", "until close", false),
    ] {
        let expected = Some((framing.to_owned(), keep_alive));
        assert_eq!(framed(line, fields, false), expected, "{line} {fields}");
        let of_head = framed(line, fields, true).unwrap();
        assert_eq!(of_head.0, "none", "{line} {fields}");
    }
}

#[test]
fn connection_lists_no_more_options_than_a_head_has_fields() {
    let head = |count: usize| {
        let options = vec!["a"; count].join(",");
        read(
            &format!("HTTP/1.1 200 OK\r\nConnection: {options}\r\nConnection: close\r\n\r\n"),
            false,
        )
    };
    assert!(head(99).is_ok_and(|head| !head.keep_alive));
    assert!(head(100).is_err());
}

#[test]
fn no_other_coding_is_taken_for_content() {
    for codings in [
        "gzip, chunked",
        "gzip\r\nTransfer-Encoding: chunked",
        "chunked\r\nTransfer-Encoding: chunked",
        "chunked, gzip\r\nContent-Length: 5",
        "identity",
        "",
    ] {
        let fields = format!("Transfer-Encoding: {codings}\r\n");
        assert_eq!(framed("1.1 200 OK", &fields, false), None, "{codings}");
        assert!(framed("1.1 200 OK", &fields, true).is_some(), "{codings}");
    }
}

#[test]
fn a_length_is_passed_on_once_and_only_where_it_counts() {
    for (fields, passed) in [
        ("Content-Length: 5\r\n", &["5"][..]),
        ("Content-Length: 5\r\nContent-Length: 05\r\n", &["5"]),
        ("Content-Length: 05, 5\r\n", &["5"]),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", &[]),
    ] {
        for is_head in [false, true] {
            let parsed = read(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n"), is_head).unwrap();
            let lengths = parsed.response.headers().get_all(header::CONTENT_LENGTH);
            assert_eq!(lengths.iter().collect::<Vec<_>>(), passed, "{fields}");
        }
    }
}

#[test]
fn ambiguous_heads_are_malformed() {
    for fields in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: 5,\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length:\r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Content-Length : 5\r\n",
        " Content-Length: 5\r\n",
        "X: y\r\n folded\r\n",
        "X: a\rb\r\n",
        "X: a\0b\r\n",
        "no colon\r\n",
        ": x\r\n",
        &"X: y\r\n".repeat(101),
    ] {
        assert_eq!(framed("1.1 200 OK", fields, false), None, "{fields:?}");
    }
    assert_eq!(framed("1.0 200 OK", "Transfer-Encoding: chunked\r\n", false), None);
    for line in
        ["1.1 099 Low", "1.1 20 OK", "1.1 2000 OK", "2.0 200 OK", "0.9 200 OK", "1.1\t200 OK"]
    {
        assert_eq!(framed(line, "", false), None, "{line}");
    }
}

#[test]
fn a_head_has_at_most_the_fields_that_are_allowed() {
    for max in [1, 99, 100, 101, 1000] {
        let parsed = |count: usize| {
            let raw = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(count));
            parse(&Bytes::from(raw), HeaderMap::new(), false, max)
        };
        assert_eq!(parsed(max).unwrap().response.headers().len(), max);
        let error = parsed(max + 1).err().unwrap().to_string();
        assert!(error.contains(&format!("{max} ")) && error.contains("--max-"), "{error}");
    }
}

#[test]
fn a_backend_says_how_long_it_keeps_a_connection() {
    for (fields, seconds) in [
        ("", None),
        ("Keep-Alive: timeout=5\r\n", Some(5)),
        ("Keep-Alive: max=100, Timeout = 75\r\n", Some(75)),
        ("keep-alive: timeout=0\r\n", Some(0)),
        ("Keep-Alive: timeout=x\r\n", None),
        ("Keep-Alive: timeout=-1\r\n", None),
        ("Keep-Alive: 300\r\n", None),
        ("Keep-Alive: timeout=3600\r\n", Some(3600)),
        ("Keep-Alive: timeout=3601\r\n", None),
        ("Keep-Alive: timeout=18446744073709551615\r\n", None),
        ("Keep-Alive: timeout=18446744073709551616\r\n", None),
    ] {
        let parsed = read(&format!("HTTP/1.1 204 No Content\r\n{fields}\r\n"), false).unwrap();
        assert_eq!(parsed.idle_timeout, seconds.map(Duration::from_secs), "{fields}");
    }
}

#[test]
fn a_head_in_pieces_is_found_where_it_ends() {
    for head in
        ["HTTP/1.1 200 OK\r\nX: y\r\n\r\n", "HTTP/1.1 200 OK\nX: y\n\n", "HTTP/1.1 200 OK\n\r\n"]
    {
        for step in 1..=head.len() {
            let (mut heads, mut input) = (Heads::default(), BytesMut::new());
            let with_body = format!("{head}\n\n\r\n\r\n");
            let mut found = None;
            for piece in with_body.as_bytes().chunks(step) {
                input.extend_from_slice(piece);
                if found.is_none() {
                    found = heads.next(&mut input).unwrap();
                }
            }
            assert_eq!(found.as_deref(), Some(head.as_bytes()), "{head:?} {step}");
            assert_eq!(&input[..], b"\n\n\r\n\r\n");
        }
    }
    for no_head in ["\r\nHTTP/1.1 200 OK\r\n\r\n", "\n"] {
        assert!(Heads::default().next(&mut no_head.into()).is_err());
    }
}

#[test]
fn a_custom_reason_phrase_is_kept() {
    let reason = |line: &str| {
        let extensions = read(&format!("HTTP/1.1 {line}\r\n\r\n"), false).unwrap().response;
        let reason = extensions.extensions().get::<ReasonPhrase>()?.as_bytes().to_vec();
        Some(String::from_utf8(reason).unwrap())
    };
    assert_eq!(reason("200 OK"), None);
    assert_eq!(reason("200 Fine by me").as_deref(), Some("Fine by me"));
    assert_eq!(reason("299"), Some(String::new()));
}

#[test]
fn a_truncated_body_is_an_error() {
    for (mut framing, is_valid) in [
        (Framing::Done, true),
        (Framing::UntilClose, true),
        (Framing::Length(1), false),
        (Framing::Chunked(Chunks::default()), false),
    ] {
        assert_eq!(framing.close().is_ok(), is_valid, "{framing:?}");
    }
}
