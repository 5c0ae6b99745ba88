//! Certificates of clients.

use super::*;
use portico_dataplane::{
    certificate::CertificateAuthorities,
    table::{ClientCertificateMode, ClientCertificates},
};
use rustls::version::{TLS12, TLS13};
use std::sync::Arc;

/// A host that asks for certificates.
fn asking(
    pair: &Pair,
    mode: ClientCertificateMode,
    roots: Option<CertificateAuthorities>,
) -> HostTls {
    let authorities = vec!["ConfigMap web/partners, key ca.crt".to_owned()];
    let clients = ClientCertificates { authorities, mode, roots };
    HostTls { client_certificates: Some(Arc::new(clients)), ..pair.host("one").unwrap() }
}

/// Whether a client is let in: a request on its connection is answered.
async fn is_let_in(door: &Door, client: &Client) -> bool {
    let Ok(mut connected) = client.connect(&door.edge, "www.ep.com").await else { return false };
    // In TLS 1.3 the client knows only when it reads.
    connected.wire.send(GET).await.is_ok() && connected.wire.read_answer("GET").await.is_ok()
}

#[tokio::test]
async fn clients_are_let_in_with_a_valid_certificate_alone() {
    let (door, pair) = Door::with_one_host(Setup::default()).await;
    let partners = Authority::new("partners").unwrap();
    let valid = partners.issue_client("alice").unwrap();
    let expired = partners.issue_expired(&["bob"]).unwrap();
    let foreign = Authority::new("others").unwrap().issue_client("mallory").unwrap();
    for (mode, without) in
        [(ClientCertificateMode::Require, false), (ClientCertificateMode::Optional, true)]
    {
        let tls = asking(&pair, mode, Some(partners.authorities().unwrap()));
        door.serve(&[("www.ep.com", tls)]).await;
        for version in [&TLS12, &TLS13] {
            let client = |pair| Client::of_with(version, pair).unwrap();
            assert!(is_let_in(&door, &client(&valid)).await, "{mode:?} {version:?}");
            assert!(!is_let_in(&door, &client(&expired)).await, "{mode:?} {version:?}");
            assert!(!is_let_in(&door, &client(&foreign)).await, "{mode:?} {version:?}");
            let none = Client::of(version).unwrap();
            assert_eq!(is_let_in(&door, &none).await, without, "{mode:?} {version:?}");
        }
    }
    assert_eq!(door.handshakes("client-certificate", "").await, 2 * 2 * 2 + 2);
}

#[tokio::test]
async fn no_session_leads_around_the_rules_for_certificates() {
    let (door, pair) = Door::with_one_host(Setup::default()).await;
    let (partners, others) = (Authority::new("a").unwrap(), Authority::new("b").unwrap());
    let alice = partners.issue_client("alice").unwrap();
    let tls = |mode, authority: Option<&Authority>| {
        asking(&pair, mode, authority.map(|authority| authority.authorities().unwrap()))
    };
    use ClientCertificateMode::{Optional, Require};
    for version in [&TLS12, &TLS13] {
        // A session without a certificate, from before one was asked for, or had to be there.
        let nobody = Client::of(version).unwrap();
        door.serve(&[("www.ep.com", pair.host("one").unwrap())]).await;
        assert!(is_let_in(&door, &nobody).await);
        door.serve(&[("www.ep.com", tls(Require, Some(&partners)))]).await;
        assert!(!is_let_in(&door, &nobody).await);
        let nobody = Client::of(version).unwrap();
        door.serve(&[("www.ep.com", tls(Optional, Some(&partners)))]).await;
        assert!(is_let_in(&door, &nobody).await);
        door.serve(&[("www.ep.com", tls(Require, Some(&partners)))]).await;
        assert!(!is_let_in(&door, &nobody).await);

        // A session with a certificate whose authority is gone, or replaced.
        let client = Client::of_with(version, &alice).unwrap();
        assert!(is_let_in(&door, &client).await);
        assert!(is_let_in(&door, &client).await);
        door.serve(&[("www.ep.com", tls(Require, None))]).await;
        assert!(!is_let_in(&door, &client).await);
        door.serve(&[("www.ep.com", tls(Optional, None))]).await;
        assert!(!is_let_in(&door, &Client::of(version).unwrap()).await);
        door.serve(&[("www.ep.com", tls(Require, Some(&others)))]).await;
        assert!(!is_let_in(&door, &client).await);
        door.serve(&[("www.ep.com", tls(Require, Some(&partners)))]).await;
        assert!(is_let_in(&door, &client).await);
    }
    // Where certificates are asked for, there are no sessions: one would outlive the certificate.
    assert_eq!(door.handshakes("resumed", "TLSv1.2").await, 0);
    assert_eq!(door.handshakes("resumed", "TLSv1.3").await, 0);
    assert!(door.handshakes("unavailable", "").await > 0);
}

#[tokio::test]
async fn backends_get_the_certificate_and_never_what_a_client_says_of_it() {
    let (door, pair) = Door::with_one_host(Setup::default()).await;
    let partners = Authority::new("partners").unwrap();
    let alice = partners.issue_client("alice").unwrap();
    let claims = "GET / HTTP/1.1\r\nHost: www.ep.com\r\nClient-Cert: :bWU=:\r\n\
        Client-Cert-Chain: :bWU=:\r\nClient_Cert: :bWU=:\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n";
    let tls = asking(&pair, ClientCertificateMode::Optional, partners.authorities().ok());
    let value = format!(":{}:", data_encoding::BASE64.encode(alice.der()));
    for trusted in ["", "trustedProxies: [127.0.0.0/8]"] {
        door.serve_with(trusted, &[("www.ep.com", tls.clone())]).await;
        for (client, own) in
            [(Client::with(&alice).unwrap(), value.as_str()), (Client::new().unwrap(), "")]
        {
            let mut connected = client.connect(&door.edge, "www.ep.com").await.unwrap();
            connected.wire.send(claims).await.unwrap();
            connected.wire.read_answer("GET").await.unwrap();
            let got = door.backend.last().unwrap();
            assert_eq!(got.field("client-cert"), own, "{trusted}");
            assert!(!got.head.contains("bWU="), "{}", got.head);
        }
        // Where none is asked for, there is none.
        door.serve_with(trusted, &[("www.ep.com", pair.host("one").unwrap())]).await;
        let mut connected = Client::new().unwrap().connect(&door.edge, "www.ep.com").await.unwrap();
        connected.wire.send(claims).await.unwrap();
        connected.wire.read_answer("GET").await.unwrap();
        let got = door.backend.last().unwrap();
        assert!(!got.head.contains("bWU="), "{}", got.head);
    }
}
