//! Versions and resumption.

use super::*;
use portico_dataplane::table::{ObjectName, TlsVersion};
use rustls::version::{TLS12, TLS13};

#[tokio::test]
async fn the_oldest_version_is_what_the_host_says() {
    let (door, pair) = Door::with_one_host(Setup::default()).await;
    for (min_version, version, is_served) in [
        (TlsVersion::Tls12, &TLS12, true),
        (TlsVersion::Tls12, &TLS13, true),
        (TlsVersion::Tls13, &TLS12, false),
        (TlsVersion::Tls13, &TLS13, true),
    ] {
        let tls = HostTls { min_version, ..pair.host("one").unwrap() };
        door.serve(&[("www.ep.com", tls)]).await;
        let connected = Client::of(version).unwrap().connect(&door.edge, "www.ep.com").await;
        assert_eq!(connected.is_ok(), is_served, "{min_version:?}");
        if let Ok(mut connected) = connected {
            assert_eq!(get(&mut connected.wire, "www.ep.com").await.text(), "served");
        }
    }
    assert_eq!(door.handshakes("full", "TLSv1.2").await, 1);
    assert_eq!(door.handshakes("full", "TLSv1.3").await, 2);
    assert_eq!(door.handshakes("incompatible", "").await, 1);
    let count: u64 =
        door.edge.metric("portico_tls_handshake_duration_seconds_count").await.unwrap();
    assert_eq!(count, 3);
}

#[tokio::test]
async fn keys_are_agreed_on_so_that_no_later_computer_finds_them() {
    let (door, _) = Door::with_one_host(Setup::default()).await;
    let connected = Client::new().unwrap().connect(&door.edge, "www.ep.com").await.unwrap();
    assert_eq!(connected.group, Some(rustls::NamedGroup::X25519MLKEM768));
}

#[tokio::test]
async fn a_session_resumes_whichever_worker_gets_the_connection() {
    let setup = Setup { workers: 4, ..Setup::default() };
    let (door, pair) = Door::with_one_host(setup).await;
    for version in [&TLS12, &TLS13] {
        let client = Client::of(version).unwrap();
        let mut first = client.connect(&door.edge, "www.ep.com").await.unwrap();
        assert!(!first.is_resumed);
        // Tickets come with the first answer at the latest.
        get(&mut first.wire, "www.ep.com").await;
        for nth in 0..20 {
            if nth == 10 {
                // A new certificate does not end sessions.
                let next = door.authority.issue(&["www.ep.com"]).unwrap();
                door.serve(&[("www.ep.com", next.host("one").unwrap())]).await;
            }
            let mut next = client.connect(&door.edge, "www.ep.com").await.unwrap();
            assert!(next.is_resumed, "{version:?} {nth}");
            assert_eq!(get(&mut next.wire, "www.ep.com").await.text(), "served");
        }
    }
    assert_eq!(door.handshakes("resumed", "TLSv1.2").await, 20);
    assert_eq!(door.handshakes("resumed", "TLSv1.3").await, 20);
    drop(pair);
}

#[tokio::test]
async fn a_session_of_one_host_is_not_resumed_for_another() {
    let door = Door::open(Setup::default(), &["a.ep.com", "b.ep.com"]).await;
    let pair = door.authority.issue(&["a.ep.com", "b.ep.com"]).unwrap();
    let tls = ["a.ep.com", "b.ep.com"].map(|host| (host, pair.host("one").unwrap()));
    door.serve(&tls).await;
    let client = Client::new().unwrap();
    for host in ["a.ep.com", "b.ep.com"] {
        let mut connected = client.connect(&door.edge, host).await.unwrap();
        assert!(!connected.is_resumed, "{host}");
        get(&mut connected.wire, host).await;
    }
}

#[tokio::test]
async fn a_session_is_of_use_under_the_same_secret_and_version_alone() {
    let (door, pair) = Door::with_one_host(Setup::default()).await;
    let one = pair.host("one").unwrap();
    let strict = HostTls { min_version: TlsVersion::Tls13, ..one.clone() };
    let elsewhere = ObjectName::new("shop", "one");
    for other in [pair.host("two").unwrap(), HostTls { secret: elsewhere, ..one.clone() }, strict] {
        let client = Client::of(&TLS13).unwrap();
        for (tls, is_resumed) in [(&one, false), (&one, true), (&other, false), (&other, true)] {
            door.serve(&[("www.ep.com", tls.clone())]).await;
            let mut connected = client.connect(&door.edge, "www.ep.com").await.unwrap();
            assert_eq!(connected.is_resumed, is_resumed, "{tls:?}");
            get(&mut connected.wire, "www.ep.com").await;
        }
    }
}
