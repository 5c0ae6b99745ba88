//! One connection for several hosts (RFC 9113 §9.1.1), and 421 where it is of no use for one.

use crate::{in_each_browser, site::Site};
use serde_json::{Value, json};

in_each_browser!(
    hosts_of_one_certificate_share_a_connection,
    a_host_of_another_certificate_gets_a_connection_of_its_own,
);

fn hosts_of_one_certificate_share_a_connection(site: &mut Site) {
    site.run(
        "for (const n of [1, 2, 3]) {
            await fetch(HOST('api', `/shared/${n}`), {mode: 'no-cors', credentials: 'include'});
        }",
    );
    for n in 1..=3 {
        let (version, status, _) = site.logged(&format!("/shared/{n}"));
        assert_eq!((version.as_str(), status), ("HTTP/2", 200));
    }
    site.shares_the_pages_connection("api.ep.com");
}

fn a_host_of_another_certificate_gets_a_connection_of_its_own(site: &mut Site) {
    // The browser takes the page's connection, whose certificate names this host, too.
    let seen = site.run(
        "const init = {method: 'POST', body: 'sent', credentials: 'include'};
        const answer = await fetch(HOST('other', '/other'), init);
        return [answer.status, await answer.text()];",
    );
    assert_eq!(seen, json!([200, "POST sent"]));
    for status in [200, 421] {
        let is_there = |line: &Value| line["path"] == "/other" && line["status"] == status;
        site.serve.logged("/other", is_there).unwrap();
    }
    let lines = site.serve.access("/other");
    let told = |line: &Value| (line["status"].as_u64().unwrap(), line["reason"].to_string());
    let mut lines: Vec<_> = lines.iter().map(told).collect();
    lines.sort(); // Those of two workers come in any order.
    assert_eq!(lines, [(200, "\"\"".to_owned()), (421, "\"Misdirected\"".to_owned())]);
    assert_eq!(site.reached("/other"), 1);
    assert!(site.relay.opened("other.ep.com") > 0);
    // Both hosts go on. Firefox has closed the page's connection, and may go astray once more.
    let seen = site.run(
        "const one = await fetch(HOST('other', '/again'), {credentials: 'include'});
        const two = await fetch('/here');
        return [one.status, two.status];",
    );
    assert_eq!(seen, json!([200, 200]));
    assert_eq!([site.reached("/again"), site.reached("/here")], [1, 1]);
    if site.is_chromium() {
        for path in ["/again", "/here"] {
            assert_eq!(site.logged(path), ("HTTP/2".to_owned(), 200, String::new()));
        }
    }
}
