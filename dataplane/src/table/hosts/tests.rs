use super::*;
use crate::table::HostPatternError;

fn parsed(entry: &str) -> Result<String, HostPatternError> {
    entry.parse::<HostPattern>().map(|pattern| pattern.to_string())
}

#[test]
fn wildcards_include_what_is_below_them() {
    let includes = |ours: &str, theirs: &str| {
        ours.parse::<HostPattern>().unwrap().includes(&theirs.parse().unwrap())
    };
    for (ours, theirs) in [
        ("*", "*"),
        ("*", "*.a.com"),
        ("*", "a.com"),
        ("a.com", "A.com."),
        ("*.a.com", "*.a.com"),
        ("*.a.com", "b.a.com"),
        ("*.a.com", "c.b.a.com"),
        ("*.a.com", "*.b.a.com"),
    ] {
        assert!(includes(ours, theirs), "{ours} {theirs}");
    }
    for (ours, theirs) in [
        ("*.a.com", "*"),
        ("*.a.com", "a.com"),
        ("*.a.com", "xa.com"),
        ("*.a.com", "*.com"),
        ("b.a.com", "*.a.com"),
        ("a.com", "b.a.com"),
    ] {
        assert!(!includes(ours, theirs), "{ours} {theirs}");
    }
}

#[test]
fn entries_are_folded() {
    for (entry, folded) in [
        ("WWW.Example.com", "www.example.com"),
        ("www.example.com.", "www.example.com"),
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "[::1]"),
        ("[0:0::1]", "[::1]"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("*.Example.com.", "*.example.com"),
        ("*", "*"),
    ] {
        assert_eq!(parsed(entry), Ok(folded.to_owned()), "{entry}");
    }
}

#[test]
fn invalid_hosts_are_rejected() {
    use HostPatternError::*;
    let long_label = "a".repeat(64);
    let long_name = "a.".repeat(127);
    for (entry, error) in [
        ("", Empty),
        (".", Empty),
        ("*.", Wildcard),
        ("a..b", NotAName),
        ("a.com..", NotAName),
        (".a.com", NotAName),
        ("bücher.example", NotAName),
        ("a b", NotAName),
        ("a/b", NotAName),
        ("[::1", NotAName),
        ("[1.2.3.4]", NotAName),
        (&long_label, NotAName),
        (&format!("{long_name}aa"), TooLong),
        ("a.com:80", Port),
        ("::1", Port),
        ("[::1]:80", Port),
        ("a.*.com", Wildcard),
        ("a*.com", Wildcard),
        ("**", Wildcard),
        ("*.*.com", Wildcard),
    ] {
        assert_eq!(parsed(entry), Err(error), "{entry}");
    }
}

fn hosts(entries: &[&str]) -> Hosts {
    let entry = |entry: &&str| VirtualHost {
        host: entry.parse().unwrap(),
        front_door: ObjectName::new("web", *entry),
        tls: None,
        trusted_proxies: Arc::default(),
        slashes: Slashes::Keep,
        trusted_headers: TrustedHeaders::default(),
        cors: None,
        rules: Arc::default(),
        unavailable: None,
        not_accepted: None,
        routes: Arc::default(),
        uid: Arc::from(""),
        affinity_cookies: Arc::default(),
        shared_cookies: Arc::default(),
        has_separate_cookies: false,
    };
    entries.iter().map(entry).collect()
}

#[test]
fn the_most_specific_entry_decides() {
    let hosts =
        hosts(&["*", "*.example.com", "*.a.example.com", "www.example.com", "[::1]", "*.com"]);
    for (host, entry) in [
        ("www.example.com", "www.example.com"),
        ("api.example.com", "*.example.com"),
        ("x.www.example.com", "*.example.com"),
        ("a.example.com", "*.example.com"),
        ("b.a.example.com", "*.a.example.com"),
        ("c.b.a.example.com", "*.a.example.com"),
        ("xa.example.com", "*.example.com"),
        ("example.com", "*.com"),
        ("com", "*"),
        ("example.org", "*"),
        ("example.com.org", "*"),
        (".example.com", "*.com"),
        ("[::1]", "[::1]"),
        ("127.0.0.1", "*"),
        ("", "*"),
    ] {
        assert_eq!(hosts.find(host).unwrap().host.to_string(), entry, "{host}");
    }
}

#[test]
fn a_host_without_an_entry_is_not_found() {
    let hosts = hosts(&["*.example.com", "localhost"]);
    for host in ["example.com", ".example.com", "examplexcom", "localhost.x", "", "."] {
        assert!(hosts.find(host).is_none(), "{host}");
    }
    assert!(Hosts::default().find("a").is_none());
}

#[test]
fn entries_are_listed_in_order() {
    let entries = ["a.com", "b.com", "*.a.com", "*.b.com", "*"];
    let reversed: Vec<_> = entries.iter().rev().copied().collect();
    let listed: Vec<_> = hosts(&reversed).iter().map(|entry| entry.host.to_string()).collect();
    assert_eq!(listed, entries);
    let json = serde_json::to_value(hosts(&reversed)).unwrap();
    assert_eq!(json[2]["host"], "*.a.com");
}
