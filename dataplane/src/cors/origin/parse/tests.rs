//! What the strict parser accepts and rejects, by example.

use super::*;

fn parsed(entry: &str) -> Result<String, OriginPatternError> {
    entry.parse().map(|pattern: OriginPattern| pattern.to_string())
}

/// Each entry with its first mistake, and what to write instead.
fn rejected(entries: &[(&str, OriginMistake, Option<&str>)]) {
    for (entry, mistake, canonical) in entries {
        let canonical = canonical.map(|canonical| canonical.parse().unwrap());
        let error = OriginPatternError { mistake: *mistake, canonical };
        assert_eq!(parsed(entry), Err(error), "{entry}");
    }
}

#[test]
fn rule_23_canonical_entries_are_accepted_unchanged() {
    for entry in [
        "*",
        "https://example.com",
        "https://example.com.",
        "https://example.com:8443",
        "http://example.com:443",
        "https://example.com:80",
        "https://example.com:1",
        "https://example.com:65535",
        "https://example.com:*",
        "https://*.example.com",
        "https://*.example.com.",
        "https://*.com:8443",
        "http://*.localhost:*",
        "http://localhost",
        "https://a_b.example.com",
        "https://r3---sn-4g5e.example.com",
        "https://1password.com",
        "https://0x.example",
        "https://xn--bcher-kva.example",
        "http://127.0.0.1:3000",
        "http://0.0.0.0",
        "http://255.255.255.255:*",
        "http://[::1]",
        "http://[::]:8080",
        "http://[2001:db8::1:0:0:1]:*",
        "http://[::ffff:102:304]",
    ] {
        assert_eq!(parsed(entry).as_deref(), Ok(entry));
    }
}

#[test]
fn rule_23_only_the_host_is_folded() {
    for (entry, folded) in [
        ("https://WWW.Example.com", "https://www.example.com"),
        ("https://*.Example.COM:*", "https://*.example.com:*"),
        ("https://XN--BCHER-KVA.example", "https://xn--bcher-kva.example"),
        ("http://[2001:DB8::A]", "http://[2001:db8::a]"),
        ("capacitor://LocalHost", "capacitor://localhost"),
    ] {
        assert_eq!(parsed(entry).as_deref(), Ok(folded));
    }
    rejected(&[
        ("HTTPS://A.com", OriginMistake::UpperCaseScheme, Some("https://a.com")),
        ("Capacitor://a", OriginMistake::UpperCaseScheme, Some("capacitor://a")),
    ]);
}

#[test]
fn rule_23_an_origin_is_no_url() {
    use OriginMistake::*;
    rejected(&[
        ("https://a.com/", TrailingSlash, Some("https://a.com")),
        ("https://a.com:8443/", TrailingSlash, Some("https://a.com:8443")),
        ("https://A.com/b", Path, Some("https://a.com")),
        ("https://*.a.com/*", Path, Some("https://*.a.com")),
        ("https://a.com//", Path, Some("https://a.com")),
        ("https://a.com?b", Query, Some("https://a.com")),
        ("https://a.com/?b", Path, Some("https://a.com")),
        ("https://a.com#b", Fragment, Some("https://a.com")),
        ("https://u@a.com", UserInfo, Some("https://a.com")),
        ("https://u:p@a.com:81", UserInfo, Some("https://a.com:81")),
        ("https://a.com@b.com@c.com", UserInfo, Some("https://c.com")),
        (" https://a.com", WhiteSpace, Some("https://a.com")),
        ("https://a.com\n", WhiteSpace, Some("https://a.com")),
        (" * ", WhiteSpace, Some("*")),
        ("a.com", NoScheme, Some("https://a.com")),
        ("localhost:3000", NoScheme, Some("https://localhost:3000")),
        ("*.a.com", NoScheme, Some("https://*.a.com")),
        ("https:a.com", NoScheme, None),
        ("https:/a.com", NoScheme, None),
        ("mailto:a", NoScheme, None),
        ("//a.com", NoScheme, None),
        ("a.com/b", NoScheme, None),
        ("https:", NoScheme, None),
        ("https://a.com, https://b.com", Several, None),
        ("https://a.com https://b.com", Several, None),
        ("https://a.com/?https://b.com", Path, Some("https://a.com")),
        ("://a.com", Scheme, None),
        ("1a://a.com", Scheme, None),
        ("a_b://a.com", Scheme, None),
        ("ä://a.com", Scheme, None),
        ("https ://a.com", Scheme, None),
        ("https://", NoHost, None),
        ("https:///", TrailingSlash, None),
        ("https://:80", NoHost, None),
        ("", Empty, None),
        (" ", Empty, None),
        // The first mistake is reported, and all are corrected.
        (
            "HTTPS://u@Bücher.example:0443/a?b",
            UpperCaseScheme,
            Some("https://xn--bcher-kva.example"),
        ),
        // Nothing is corrected if a later part is unclear.
        ("https://a.com:x/", TrailingSlash, None),
    ]);
}

#[test]
fn rule_24_a_wildcard_is_a_whole_first_label_or_a_whole_port() {
    use OriginMistake::*;
    rejected(&[
        ("https://*", WildcardHost, None),
        ("https://*:*", WildcardHost, None),
        ("https://*:8443", WildcardHost, None),
        ("chrome-extension://*", WildcardHost, None),
        ("https://*.", NoHost, None),
        ("https://**", Wildcard, None),
        ("https://*a.com", Wildcard, None),
        ("https://a*.com", Wildcard, None),
        ("https://a.*.com", Wildcard, None),
        ("https://a.com.*", Wildcard, None),
        ("https://*.*", Wildcard, None),
        ("https://*.*.com", Wildcard, None),
        ("https://**.com", Wildcard, None),
        ("https://*.c*", Wildcard, None),
        ("https://[*]", Wildcard, None),
        ("*://a.com", WildcardScheme, None),
        ("http*://a.com", WildcardScheme, None),
        ("https://a.com:8*", Port, None),
        ("https://a.com:**", Port, None),
        ("**", NoScheme, None),
        ("https://*.127.0.0.1", WildcardAddress, None),
        ("https://*.0.0.1", WildcardAddress, None),
        ("https://*.1", WildcardAddress, None),
        ("https://*.0x7f", WildcardAddress, None),
        ("https://*.1.2.3.4.5", WildcardAddress, None),
        ("https://*.[::1]", WildcardAddress, None),
        ("capacitor://*.[::1]:81", WildcardAddress, None),
    ]);
}

#[test]
fn rule_24_hosts_of_custom_schemes_are_opaque() {
    let hash = "5".repeat(64);
    for entry in [
        "capacitor://localhost",
        "ionic://localhost",
        "tauri://localhost",
        "chrome-extension://gighmmpiobklfepjocnamgkkbiglidom",
        "moz-extension://2c1b8a6a-7fbb-4d2a-9f0c-3f5b9b0d7f11",
        "app://obsidian.md",
        "app+x.y-1://host:443",
        "x://host:80",
        "x://*.host:*",
        // Neither names nor addresses to these schemes, whatever they look like.
        "x://1.2.3",
        "x://xn--a",
        &format!("dat://{hash}"),
    ] {
        assert_eq!(parsed(entry).as_deref(), Ok(entry));
    }
    rejected(&[
        ("x://bücher", OriginMistake::Character('ü'), None),
        ("x://a..b", OriginMistake::EmptyLabel, None),
        ("x://[1::0]", OriginMistake::Ipv6, Some("x://[1::]")),
    ]);
}

#[test]
fn rule_27_and_28_opaque_origins_can_not_be_listed() {
    use OriginMistake::*;
    rejected(&[
        ("null", Null, None),
        ("NULL", Null, None),
        (" null", Null, None),
        ("file://", File, None),
        ("file:///etc", File, None),
        ("FILE://a", File, None),
    ]);
}

#[test]
fn rule_28_a_host_is_spelt_as_browsers_spell_it() {
    use OriginMistake::*;
    rejected(&[
        ("https://bücher.example", Unicode, Some("https://xn--bcher-kva.example")),
        ("https://BÜCHER.example", Unicode, Some("https://xn--bcher-kva.example")),
        ("https://*.bücher.example:*", Unicode, Some("https://*.xn--bcher-kva.example:*")),
        ("https://a。com", Unicode, Some("https://a.com")),
        ("https://１２７.1", Unicode, Some("https://127.0.0.1")),
        ("https://＊.com", NotIdna, None),
        ("https://a\u{FFFD}.com", NotIdna, None),
        ("https://xn--a", NotIdna, None),
        ("https://xn--a.com", NotIdna, None),
        ("https://a b", Character(' '), None),
        ("https://a.com\\b", Character('\\'), None),
        ("https://a%41.com", Character('%'), None),
        ("https://a,b", Character(','), None),
        ("https://a]", Character(']'), None),
        ("https://.", EmptyLabel, None),
        ("https://.a.com", EmptyLabel, None),
        ("https://a..com", EmptyLabel, None),
        ("https://a.com..", EmptyLabel, None),
        ("https://*..com", EmptyLabel, None),
        ("https://a。。com", Unicode, None),
    ]);
}

#[test]
fn rule_28_an_address_is_spelt_as_browsers_spell_it() {
    use OriginMistake::*;
    rejected(&[
        ("http://127.1", Ipv4, Some("http://127.0.0.1")),
        ("http://0x7f.1", Ipv4, Some("http://127.0.0.1")),
        ("http://127.0.0.01", Ipv4, Some("http://127.0.0.1")),
        ("http://127.0.0.010:81", Ipv4, Some("http://127.0.0.8:81")),
        ("http://2130706433", Ipv4, Some("http://127.0.0.1")),
        ("http://127.0.0.1.", Ipv4, Some("http://127.0.0.1")),
        ("http://127.0.0.256", NotIpv4, None),
        ("http://1.2.3.4.5", NotIpv4, None),
        ("http://a.1", NotIpv4, None),
        ("http://a.0x", NotIpv4, None),
        ("http://a.09", NotIpv4, None),
        ("http://[0:0::1]", Ipv6, Some("http://[::1]")),
        ("http://[::01]:81", Ipv6, Some("http://[::1]:81")),
        ("http://[::ffff:1.2.3.4]", Ipv6, Some("http://[::ffff:102:304]")),
        ("http://::1", Unbracketed, Some("http://[::1]")),
        ("http://2001:DB8::A", Unbracketed, Some("http://[2001:db8::a]")),
        ("http://[1.2.3.4]", NotIpv6, None),
        ("http://[]", NotIpv6, None),
        ("http://[::1", NotIpv6, None),
        ("http://[::1]a", NotIpv6, None),
        ("http://[fe80::1%25lo]", NotIpv6, None),
    ]);
}

#[test]
fn rule_28_a_port_is_one_that_browsers_write() {
    use OriginMistake::*;
    rejected(&[
        ("https://a.com:443", DefaultPort, Some("https://a.com")),
        ("http://a.com:80", DefaultPort, Some("http://a.com")),
        ("https://*.a.com:443", DefaultPort, Some("https://*.a.com")),
        ("http://[::1]:80", DefaultPort, Some("http://[::1]")),
        ("wss://a.com:443", DefaultPort, Some("wss://a.com")),
        ("ws://a.com:80", DefaultPort, Some("ws://a.com")),
        ("https://a.com:0443", LeadingZeros, Some("https://a.com")),
        ("https://a.com:08080", LeadingZeros, Some("https://a.com:8080")),
        ("https://a.com:", EmptyPort, Some("https://a.com")),
        ("https://a.com:0", Port, None),
        ("https://a.com:00", Port, None),
        ("https://a.com:65536", Port, None),
        ("https://a.com:+1", Port, None),
        ("https://a.com:-1", Port, None),
        ("https://a.com:https", Port, None),
        ("https://a.com:1:2", Port, None),
    ]);
}

#[test]
fn rule_28_lengths_are_limited() {
    use OriginMistake::*;
    let label = "a".repeat(63);
    let name = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    assert_eq!(name.len(), 253);
    let suffix = &name[2..];
    for entry in [
        format!("https://{label}"),
        format!("https://{name}"),
        format!("https://{name}.:65535"),
        format!("https://*.{suffix}:*"),
        format!("x://{}", "a".repeat(508)),
    ] {
        assert_eq!(parsed(&entry), Ok(entry));
    }
    rejected(&[
        (&format!("https://{label}a"), LongLabel, None),
        (&format!("https://*.{label}a.com"), LongLabel, None),
        (&format!("https://{}", "ü".repeat(60)), Unicode, None),
        (&format!("https://{name}a"), LongHost, None),
        (&format!("https://*.a{suffix}"), LongHost, None),
        (&format!("x://{}", "a".repeat(509)), TooLong, None),
    ]);
}

#[test]
fn an_error_says_what_to_write() {
    for (entry, text) in [
        ("https://a.com/", "has a trailing slash, which no origin has: write https://a.com"),
        (
            "https://bücher.example",
            "has a host in Unicode, which browsers send as its A-label (xn--…): write https://xn--bcher-kva.example",
        ),
        ("https://*", "has '*' as its host: write '*.suffix', or '*' alone for every origin"),
        ("https://a.com:0", "has a port that is neither a number from 1 to 65535 nor '*'"),
    ] {
        assert_eq!(parsed(entry).unwrap_err().to_string(), text);
    }
}
