//! `new WebSocket` as a stream of the connection that the page has (RFC 8441).

use crate::{in_each_browser, site::Site};
use serde_json::json;

in_each_browser!(
    a_websocket_is_a_stream_of_the_pages_connection,
    one_to_another_host_of_the_certificate_too,
    one_of_a_page_that_the_policy_does_not_allow_is_refused,
);

/// Opens `url`, and tells what comes back for a text and for many bytes, and how it is closed.
const TALK: &str = "
    const talk = (url) => new Promise((done) => {
        const seen = [];
        const socket = new WebSocket(url, ['superchat', 'chat']);
        socket.binaryType = 'arraybuffer';
        socket.onopen = () => {
            seen.push(socket.protocol);
            socket.send('hello');
            socket.send(new Uint8Array(200_000).fill(7));
        };
        socket.onmessage = ({data}) => {
            seen.push(typeof data === 'string' ? data : new Uint8Array(data).filter((n) => n === 7).length);
            if (seen.length === 3) socket.close(4000, 'enough');
        };
        socket.onclose = ({code, reason, wasClean}) => done([...seen, code, reason, wasClean]);
    });";

fn a_websocket_is_a_stream_of_the_pages_connection(site: &mut Site) {
    let before = site.relay.opened("www.ep.com");
    let seen =
        site.run(&format!("{TALK} return talk(HOST('www', '/socket').replace('https', 'wss'));"));
    assert_eq!(seen, json!(["chat", "hello", 200_000, 4000, "enough", true]));
    let line = site.serve.request("/socket").unwrap();
    assert_eq!((&line["version"], &line["status"]), (&json!("HTTP/2"), &json!(101)), "{line}");
    assert_eq!(site.relay.opened("www.ep.com"), before);
}

fn one_to_another_host_of_the_certificate_too(site: &mut Site) {
    let before = site.relay.opened("www.ep.com");
    let seen =
        site.run(&format!("{TALK} return talk(HOST('api', '/socket').replace('https', 'wss'));"));
    assert_eq!(seen, json!(["chat", "hello", 200_000, 4000, "enough", true]));
    let line = site.serve.request("/socket").unwrap();
    assert_eq!(
        (&line["version"], &line["host"]),
        (&json!("HTTP/2"), &json!("api.ep.com")),
        "{line}"
    );
    assert_eq!(site.relay.opened("www.ep.com"), before);
    site.shares_the_pages_connection("api.ep.com");
}

fn one_of_a_page_that_the_policy_does_not_allow_is_refused(site: &mut Site) {
    let seen =
        site.run(&format!("{TALK} return talk(HOST('api', '/closed').replace('https', 'wss'));"));
    assert_eq!(seen, json!([1006, "", false]));
    assert_eq!(site.logged("/closed"), ("HTTP/2".to_owned(), 403, "CorsOrigin".to_owned()));
}
