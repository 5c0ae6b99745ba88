//! Which certificate a client gets.

use super::*;

#[tokio::test]
async fn the_certificate_is_that_of_the_most_specific_host_with_tls() {
    let hosts = ["www.ep.com", "plain.ep.com", "*.ep.com", "*.a.ep.com", "*"];
    let door = Door::open(Setup::default(), &hosts).await;
    let issue = |name| door.authority.issue(&[name]).unwrap();
    let (www, wild, deep, any) = (issue("www"), issue("wild"), issue("deep"), issue("any"));
    let mut tls = vec![
        ("www.ep.com", www.host("www").unwrap()),
        ("*.ep.com", wild.host("wild").unwrap()),
        ("*.a.ep.com", deep.host("deep").unwrap()),
        ("*", any.host("any").unwrap()),
    ];
    let client = Client::new().unwrap().forgetful();
    let nameless = client.clone().without_sni();
    for with_any in [true, false] {
        if !with_any {
            tls.pop();
        }
        door.serve(&tls).await;
        for (client, name, expected) in [
            (&client, "www.ep.com", Some(&www)),
            (&client, "WWW.EP.com", Some(&www)),
            (&client, "www.ep.com.", Some(&www)),
            (&client, "other.ep.com", Some(&wild)),
            // It has no TLS of its own.
            (&client, "plain.ep.com", Some(&wild)),
            (&client, "a.ep.com", Some(&wild)),
            (&client, "x.a.ep.com", Some(&deep)),
            (&client, "y.x.a.ep.com", Some(&deep)),
            (&client, "ep.com", None),
            (&client, "elsewhere.example", None),
            // An address is no name (RFC 6066 §3).
            (&client, "127.0.0.1", None),
            (&nameless, "www.ep.com", None),
        ] {
            let expected = expected.or(with_any.then_some(&any));
            match (client.connect(&door.edge, name).await, expected) {
                (Ok(connected), Some(pair)) => {
                    assert_eq!(connected.certificate, *pair.der(), "{name}");
                }
                (Err(error), None) => {
                    assert!(alert(&error).contains("UnrecognisedName"), "{name}: {error:#}");
                }
                (got, _) => panic!("{name}: {:?}", got.map(|_| "a handshake")),
            }
        }
    }
    assert_eq!(door.handshakes("unknown-name", "").await, 4);
    assert_eq!(door.handshakes("full", "TLSv1.3").await, 12 + 8);
}

#[tokio::test]
async fn a_host_without_a_valid_certificate_fails_alone() {
    let door = Door::open(Setup::default(), &["www.ep.com", "*.ep.com"]).await;
    let pair = door.authority.issue(&["*.ep.com"]).unwrap();
    let broken = HostTls { certificate: None, ..pair.host("broken").unwrap() };
    door.serve(&[("www.ep.com", broken), ("*.ep.com", pair.host("wild").unwrap())]).await;
    let client = Client::new().unwrap();
    let error = client.connect(&door.edge, "www.ep.com").await.err().unwrap();
    assert!(alert(&error).contains("UnrecognisedName"), "{error:#}");
    assert_eq!(door.handshakes("unavailable", "").await, 1);
    let mut other = client.connect(&door.edge, "other.ep.com").await.unwrap();
    assert_eq!(get(&mut other.wire, "other.ep.com").await.text(), "served");
    // It is never served in the clear because of it.
    let mut plain = Wire::connect(door.edge.address()).await.unwrap();
    assert_eq!(get(&mut plain, "www.ep.com").await.status(), 308);
}

#[tokio::test]
async fn only_the_protocols_that_are_served_are_agreed_on() {
    let (door, _) = Door::with_one_host(Setup::default()).await;
    let offers = |protocols: &[&str]| Client::new().unwrap().offering(protocols);
    for protocols in [&[][..], &["http/1.1"], &["h3", "http/1.1"]] {
        let mut connected = offers(protocols).connect(&door.edge, "www.ep.com").await.unwrap();
        let expected = (!protocols.is_empty()).then_some("http/1.1");
        assert_eq!(connected.alpn.as_deref(), expected);
        assert_eq!(get(&mut connected.wire, "www.ep.com").await.text(), "served");
    }
    let error = offers(&["h3"]).connect(&door.edge, "www.ep.com").await.err().unwrap();
    assert!(alert(&error).contains("NoApplicationProtocol"), "{error:#}");
    assert_eq!(door.handshakes("incompatible", "").await, 1);
}

#[tokio::test]
async fn a_certificate_that_changes_is_used_for_the_next_handshake_and_nothing_is_lost() {
    let setup = Setup { workers: 2, ..Setup::default() };
    let (door, first) = Door::with_one_host(setup).await;
    let client = Client::new().unwrap();
    let mut open = client.connect(&door.edge, "www.ep.com").await.unwrap();
    let address = door.edge.https();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (client, stop) = (Client::new().unwrap(), stop.clone());
            tokio::spawn(async move {
                let mut count = 0;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let mut connected = client.connect_to(address, "www.ep.com").await.unwrap();
                    for _ in 0..2 {
                        assert_eq!(get(&mut connected.wire, "www.ep.com").await.text(), "served");
                    }
                    count += 1;
                }
                count
            })
        })
        .collect();
    let mut last = first;
    for _ in 0..100 {
        last = door.authority.issue(&["www.ep.com"]).unwrap();
        door.serve(&[("www.ep.com", last.host("one").unwrap())]).await;
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for client in clients {
        assert!(client.await.unwrap() > 0);
    }
    let fresh = Client::new().unwrap().connect(&door.edge, "www.ep.com").await.unwrap();
    assert_eq!(fresh.certificate, *last.der());
    // Open connections go on.
    assert_eq!(get(&mut open.wire, "www.ep.com").await.text(), "served");
}

#[tokio::test]
async fn the_metrics_say_when_certificates_expire() {
    let (door, pair) = Door::with_one_host(Setup::default()).await;
    let sample = "portico_certificate_not_after_timestamp_seconds{front_door=\"web/ep\",host=\"www.ep.com\"}";
    let shown: u64 = door.edge.metric(sample).await.unwrap();
    let expires = pair.certificate().unwrap().not_after();
    let expires = expires.duration_since(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(shown, expires.as_secs());
}
