//! `openssl s_client`: names, versions, sessions.

use crate::{
    Site,
    program::{run, text},
};
use portico_tests::{backend::Backend, binary::is_here};

/// What `s_client` says of a connection.
struct Said(String);

impl Said {
    /// Whether a line begins like this.
    fn has(&self, begin: &str) -> bool {
        self.0.lines().any(|line| line.trim_start().starts_with(begin))
    }
}

impl Site {
    /// Connects, and closes the connection at once.
    fn s_client(&self, arguments: &[&str]) -> Said {
        self.s_client_with(arguments, "")
    }

    /// Connects, and sends this.
    fn s_client_with(&self, arguments: &[&str], input: &str) -> Said {
        let address = self.serve.https.to_string();
        let authority = self.authority.display().to_string();
        let own = ["s_client", "-connect", &address, "-CAfile", &authority];
        let output = run("openssl", &[&own[..], arguments].concat(), input);
        Said(text(&output.stdout) + &text(&output.stderr))
    }
}

async fn site() -> Site {
    Site::start(Backend::saying("served").await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_name_chooses_the_certificate_and_an_unknown_one_gets_an_alert() {
    if !is_here("openssl", "openssl") {
        return;
    }
    let site = site().await;
    for (name, names) in [
        ("www.ep.com", "DNS:www.ep.com, DNS:api.ep.com"),
        ("WWW.EP.COM", "DNS:www.ep.com, DNS:api.ep.com"),
        ("strict.ep.com", "DNS:strict.ep.com"),
    ] {
        let said =
            site.s_client(&["-servername", name, "-verify_return_error", "-verify_hostname", name]);
        assert!(said.has("Verify return code: 0 (ok)"), "{}", said.0);
        let file = site.authority.with_file_name("presented.pem");
        std::fs::write(&file, &said.0).unwrap();
        let shown = run(
            "openssl",
            &["x509", "-in", &file.display().to_string(), "-noout", "-ext", "subjectAltName"],
            "",
        );
        assert!(text(&shown.stdout).contains(names), "{}", text(&shown.stdout));
    }
    for arguments in [&["-servername", "nobody.example"][..], &["-noservername"]] {
        let said = site.s_client(arguments);
        assert!(
            said.0.contains("unrecognized name") && said.0.contains("alert number 112"),
            "{}",
            said.0
        );
    }
    assert_eq!(site.serve.handshakes().unwrap(), 3.0);
    let refused = "portico_tls_handshakes_total{result=\"unknown-name\"";
    assert_eq!(site.serve.metric(refused).unwrap(), 2.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_and_protocols_are_as_configured() {
    if !is_here("openssl", "openssl") {
        return;
    }
    let site = site().await;
    for (name, flag, agreed) in [
        ("www.ep.com", "-tls1_3", Some("TLSv1.3")),
        ("www.ep.com", "-tls1_2", Some("TLSv1.2")),
        ("www.ep.com", "-tls1_1", None),
        ("strict.ep.com", "-tls1_3", Some("TLSv1.3")),
        ("strict.ep.com", "-tls1_2", None),
    ] {
        // Debian's OpenSSL offers 1.1 at security level 0 alone.
        let said = site.s_client(&["-servername", name, flag, "-cipher", "DEFAULT@SECLEVEL=0"]);
        match agreed {
            Some(version) => assert!(said.has(&format!("New, {version}, Cipher is")), "{}", said.0),
            None => assert!(said.has("New, (NONE), Cipher is (NONE)"), "{}", said.0),
        }
    }
    for (offered, chosen) in [
        ("h2,http/1.1", "ALPN protocol: h2"),
        ("http/1.1", "ALPN protocol: http/1.1"),
        ("spdy/3", "alert number 120"),
    ] {
        let said = site.s_client(&["-servername", "www.ep.com", "-alpn", offered]);
        assert!(said.0.contains(chosen), "{offered}: {}", said.0);
    }
    let said = site.s_client(&["-servername", "www.ep.com"]);
    assert!(said.has("No ALPN negotiated"), "{}", said.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_resumes_on_every_worker() {
    if !is_here("openssl", "openssl") {
        return;
    }
    let site = site().await;
    let file = site.authority.with_file_name("session.pem");
    let file = file.display().to_string();
    for (flag, version) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        // Tickets of 1.3 come after the handshake, so it waits for an answer.
        let own = ["-servername", "www.ep.com", flag];
        let get = "GET / HTTP/1.1\r\nHost: www.ep.com\r\nConnection: close\r\n\r\n";
        let keep = [&own[..], &["-ign_eof", "-sess_out", &file]].concat();
        let first = site.s_client_with(&keep, get);
        assert!(first.has(&format!("New, {version}, ")), "{}", first.0);
        if version == "TLSv1.3" {
            assert!(first.has("Max Early Data: 0"), "{}", first.0);
        }
        for _ in 0..12 {
            let next = site.s_client(&[&own[..], &["-sess_in", &file]].concat());
            assert!(next.has(&format!("Reused, {version}, ")), "{}", next.0);
        }
        let other = site.s_client(&["-servername", "api.ep.com", flag, "-sess_in", &file]);
        assert!(other.has("Verify return code: 0 (ok)"), "{}", other.0);
        let resumed =
            format!("portico_tls_handshakes_total{{result=\"resumed\",version=\"{version}\"}}");
        assert!(site.serve.metric(&resumed).unwrap() >= 12.0);
    }
}
