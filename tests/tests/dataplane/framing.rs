//! Where requests begin and end: what is forwarded is exactly what was allowed, what is refused
//! takes the rest of its connection with it.

use crate::RESPOND;
use portico_tests::edge::Edge;

#[tokio::test]
async fn content_length_next_to_transfer_encoding_is_refused() {
    let edge = Edge::start(RESPOND).await.unwrap();
    let answer = edge
        .raw("POST /hello HTTP/1.1\r\nHost: www.ep.com\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n")
        .await
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("AmbiguousFraming"), "{answer}");
}
