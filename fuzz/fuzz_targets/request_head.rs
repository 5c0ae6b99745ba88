//! A request head is read alike however it arrives, and as hyper reads it: or one client's body
//! becomes another's request.

#![no_main]

use http::uri::PathAndQuery;
use httparse::Status;
use libfuzzer_sys::fuzz_target;
use portico_dataplane::{
    config::Limits,
    fuzzing::{RequestHead, request_head},
};

fuzz_target!(|bytes: &[u8]| {
    let narrow = Limits { head_bytes: 256, head_fields: 8, uri_bytes: 64, ..Limits::default() };
    for limits in [Limits::default(), narrow] {
        let whole = request_head([bytes], &limits);
        for step in [1, 7] {
            let arrivals = (step..bytes.len()).step_by(step).map(|end| &bytes[..end]);
            compare(&whole, &request_head(arrivals.chain([bytes]), &limits));
        }
        if let Ok(head) = whole {
            compare_with_hyper(bytes, head);
        }
    }
});

/// What is whole is the same. What is refused may be refused for its length before the rest is seen.
fn compare(
    whole: &Result<Option<RequestHead>, String>,
    pieces: &Result<Option<RequestHead>, String>,
) {
    let too_long = |refusal: &String| refusal == "UriTooLong" || refusal == "HeadTooLarge";
    if !(whole.is_err() && pieces.as_ref().is_err_and(too_long)) {
        assert_eq!(whole, pieces);
    }
}

/// hyper takes a head that is served for the same bytes, with the same body behind it.
fn compare_with_hyper(bytes: &[u8], head: Option<RequestHead>) {
    let handed_on = match &head {
        Some(RequestHead { escaped: Some(escaped), .. }) => {
            // What hyper refuses may be escaped in any way.
            let mut fields = [httparse::EMPTY_HEADER; 100];
            if httparse::Request::new(&mut fields).parse(escaped).is_err() {
                return;
            }
            let roomy = Limits { uri_bytes: 1 << 20, head_bytes: 1 << 20, ..Limits::default() };
            let again = request_head([&escaped[..]], &roomy);
            let head =
                head.clone().map(|head| RequestHead { len: escaped.len(), escaped: None, ..head });
            assert_eq!(again, Ok(head), "escaped once and for all");
            escaped
        }
        Some(head) => &bytes[..head.len],
        None => bytes,
    };
    let mut fields = [httparse::EMPTY_HEADER; 100];
    let mut parsed = httparse::Request::new(&mut fields);
    let Ok(status) = parsed.parse(handed_on) else { return };
    let (Some(head), Status::Complete(len)) = (&head, status) else {
        assert!(head.is_none() && status.is_partial(), "one of them takes the head for whole");
        return;
    };
    assert_eq!(len, handed_on.len());
    let values = |name: &str| {
        let named = parsed.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
        named.map(|field| field.value).collect::<Vec<_>>()
    };
    match head.body {
        None => {
            assert!(values("content-length").is_empty() && parsed.version == Some(1));
            assert_eq!(values("transfer-encoding").len(), 1);
            assert!(values("transfer-encoding")[0].eq_ignore_ascii_case(b"chunked"));
        }
        Some(length) => {
            assert!(values("transfer-encoding").is_empty());
            let lengths = values("content-length");
            let lengths: Vec<u64> = lengths.iter().map(|value| number(value)).collect();
            assert!(lengths == [length] || (lengths.is_empty() && length == 0));
        }
    }
    let offers = values("upgrade").iter().any(|value| value.eq_ignore_ascii_case(b"websocket"));
    assert_eq!(head.upgrade, offers && parsed.version == Some(1));
    // A query is nobody's error.
    if let Some((_, query)) = parsed.path.and_then(|target| target.split_once('?')) {
        assert!(PathAndQuery::try_from(format!("/?{query}")).is_ok(), "{query}");
    }
}

fn number(value: &[u8]) -> u64 {
    std::str::from_utf8(value).unwrap().parse().unwrap()
}
