//! HTTP/2 over TLS, which clients choose by ALPN.

use super::*;
use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;
use portico_dataplane::table::Hsts;

/// A connection of HTTP/2.
async fn connect(client: &Client, door: &Door, name: &str) -> SendRequest<Bytes> {
    let client = client.clone().offering(&["h2", "http/1.1"]);
    let stream = client.stream(door.edge.https(), name).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// The status of the answer, its HSTS, and its body.
async fn ask(sender: &SendRequest<Bytes>, host: &str) -> (u16, String, String) {
    let request = Request::get(format!("https://{host}/a")).body(()).unwrap();
    let mut sender = sender.clone().ready().await.unwrap();
    let answer = sender.send_request(request, true).unwrap().0.await.unwrap();
    let hsts = answer.headers().get("strict-transport-security");
    let hsts = hsts.map_or(String::new(), |hsts| hsts.to_str().unwrap().to_owned());
    let (status, mut body, mut text) = (answer.status(), answer.into_body(), String::new());
    while let Some(data) = body.data().await {
        text.push_str(&String::from_utf8_lossy(&data.unwrap()));
    }
    (status.as_u16(), hsts, text)
}

#[tokio::test]
async fn requests_for_hosts_of_one_certificate_share_a_connection_and_others_get_421() {
    let hosts = ["a.ep.com", "b.ep.com", "other.ep.com"];
    let door = Door::open(Setup::default(), &hosts).await;
    let pair = door.authority.issue(&["*.ep.com"]).unwrap();
    let hsts = Some(Hsts::new(Duration::from_secs(5), false, false));
    let one = HostTls { hsts, ..pair.host("one").unwrap() };
    let two = pair.host("two").unwrap();
    door.serve(&[("a.ep.com", one.clone()), ("b.ep.com", one), ("other.ep.com", two)]).await;
    let sender = connect(&Client::new().unwrap(), &door, "a.ep.com").await;
    // The connection goes on after a 421.
    for host in ["a.ep.com", "other.ep.com", "b.ep.com", "a.ep.com"] {
        let (status, hsts, text) = ask(&sender, host).await;
        if host == "other.ep.com" {
            assert_eq!((status, hsts.as_str()), (421, ""));
            assert!(text.contains("Misdirected"), "{text}");
        } else {
            assert_eq!((status, hsts.as_str(), text.as_str()), (200, "max-age=5", "served"));
            let got = door.backend.last().unwrap();
            assert_eq!(got.field("x-forwarded-proto"), "https");
            assert_eq!(got.field("host"), host);
        }
    }
}

#[tokio::test]
async fn only_alpn_chooses_http_2_over_tls() {
    let (door, _) = Door::with_one_host(Setup::default()).await;
    for protocols in [&[][..], &["http/1.1"]] {
        let client = Client::new().unwrap().offering(protocols);
        let mut connected = client.connect(&door.edge, "www.ep.com").await.unwrap();
        connected.wire.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        assert!(connected.wire.read_to_end().await.unwrap().is_empty());
    }
}
