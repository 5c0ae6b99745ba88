//! A backend's response is the same however it arrives, its heads end where they seem to, and what
//! is passed on has one framing: or one client gets what was meant for another.

#![no_main]

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use libfuzzer_sys::fuzz_target;
use portico_dataplane::fuzzing::{BackendResponse, backend_response};

fuzz_target!(|bytes: &[u8]| {
    for is_head in [false, true] {
        let whole = backend_response([bytes], is_head);
        for step in [1, 2, 7] {
            assert_eq!(backend_response(bytes.chunks(step), is_head), whole);
        }
        check_heads(bytes, &whole);
        if whole.status.is_some() {
            check_framing(&whole, is_head);
        }
    }
});

/// Heads are taken whole, one after the other, and no bytes are lost or made up.
fn check_heads(bytes: &[u8], response: &BackendResponse) {
    let heads = response.heads.concat();
    assert!(bytes.starts_with(&heads));
    assert!(response.rest.len() + heads.len() <= bytes.len() && bytes.ends_with(&response.rest));
    // What is malformed may be a head, or stand before the first one.
    let refused = usize::from(response.status.is_none() && response.malformed);
    let accepted = response.heads.len().saturating_sub(refused);
    for head in response.heads.iter().take(accepted) {
        let mut fields = [httparse::EMPTY_HEADER; 100];
        let parsed = httparse::Response::new(&mut fields).parse(head);
        assert_eq!(parsed, Ok(httparse::Status::Complete(head.len())));
    }
}

fn check_framing(response: &BackendResponse, is_head: bool) {
    let lengths: Vec<_> = response.headers.get_all(CONTENT_LENGTH).iter().collect();
    assert!(lengths.len() <= 1, "{lengths:?}");
    assert!(lengths.is_empty() || !response.headers.contains_key(TRANSFER_ENCODING));
    let status = response.status.unwrap();
    let bodiless = is_head || status.is_informational() || [204, 304].contains(&status.as_u16());
    if bodiless {
        assert!(response.complete && response.data.is_empty() && response.trailers.is_none());
    } else if let [length] = lengths[..] {
        let length: u64 = length.to_str().unwrap().parse().unwrap();
        assert!(response.data.len() as u64 <= length);
        assert_eq!(response.complete, response.data.len() as u64 == length);
        assert_eq!(response.complete, response.complete_at_close);
    }
    assert!(!response.complete || response.complete_at_close);
}
