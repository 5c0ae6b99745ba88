#![allow(clippy::unwrap_used)]

use super::*;
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};

/// A self-signed certificate for hosts, and its key.
struct Made {
    certificate: String,
    key: String,
}

fn params(hosts: &[&str]) -> CertificateParams {
    CertificateParams::new(hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>()).unwrap()
}

fn sign(params: &CertificateParams) -> Made {
    let key = KeyPair::generate().unwrap();
    Made { certificate: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
}

fn made(hosts: &[&str]) -> Made {
    sign(&params(hosts))
}

fn read(chain: &str, key: &str) -> Result<Certificate, CertificateError> {
    Certificate::from_pem(chain.as_bytes(), key.as_bytes())
}

fn error(chain: &str, key: &str) -> String {
    read(chain, key).unwrap_err().to_string()
}

#[test]
fn a_certificate_knows_its_hosts_and_dates() {
    let mut params = params(&["www.Example.com", "*.example.com"]);
    params.subject_alt_names.push(SanType::IpAddress("127.0.0.1".parse().unwrap()));
    params.subject_alt_names.push(SanType::IpAddress("::1".parse().unwrap()));
    params.not_before = rcgen::date_time_ymd(2025, 1, 2);
    params.not_after = rcgen::date_time_ymd(2026, 3, 4);
    let Made { certificate, key } = sign(&params);
    let certificate = read(&certificate, &key).unwrap();
    let names: Vec<_> = certificate.names().collect();
    assert_eq!(names, ["*.example.com", "127.0.0.1", "[::1]", "www.example.com"]);
    let json = serde_json::to_value(&certificate).unwrap();
    assert_eq!(json["notBefore"], "2025-01-02T00:00:00Z");
    assert_eq!(json["notAfter"], "2026-03-04T00:00:00Z");
    assert_eq!(certificate.not_after(), UNIX_EPOCH + Duration::from_secs(1_772_582_400));
}

#[test]
fn a_wildcard_covers_one_label() {
    let Made { certificate, key } = made(&["a.com", "*.b.com"]);
    let certificate = read(&certificate, &key).unwrap();
    for host in ["a.com", "x.b.com", "*.b.com"] {
        assert!(certificate.covers(host), "{host}");
    }
    for host in ["x.a.com", "*.a.com", "b.com", "x.y.b.com", "*.y.b.com", ".b.com", "*", "com", ""]
    {
        assert!(!certificate.covers(host), "{host}");
    }
}

#[test]
fn a_common_name_covers_nothing() {
    let mut params = params(&[]);
    params.distinguished_name.push(rcgen::DnType::CommonName, "a.com");
    let Made { certificate, key } = sign(&params);
    let certificate = read(&certificate, &key).unwrap();
    assert_eq!(certificate.names().len(), 0);
    assert!(!certificate.covers("a.com"));
}

#[test]
fn dates_before_1970_are_read() {
    let mut params = params(&["a.com"]);
    params.not_before = rcgen::date_time_ymd(1951, 1, 1);
    params.not_after = rcgen::date_time_ymd(9999, 12, 31);
    let Made { certificate, key } = sign(&params);
    let certificate = read(&certificate, &key).unwrap();
    let json = serde_json::to_value(&certificate).unwrap();
    assert_eq!(json["notBefore"], "1951-01-01T00:00:00Z");
    assert_eq!(json["notAfter"], "9999-12-31T00:00:00Z");
}

#[test]
fn neither_key_nor_chain_is_shown() {
    let Made { certificate, key } = made(&["a.com"]);
    let read = read(&certificate, &key).unwrap();
    let shown = format!("{read:?} {}", serde_json::to_string(&read).unwrap());
    for secret in certificate.lines().chain(key.lines()) {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains(read.fingerprint()) && read.fingerprint().len() == 64);
}

#[test]
fn equal_are_equal_chain_and_key() {
    let (a, b) = (made(&["a.com"]), made(&["a.com"]));
    let again = format!("A comment\n{}", a.certificate.replace('\n', "\r\n"));
    let first = read(&a.certificate, &a.key).unwrap();
    assert_eq!(first, read(&again, &a.key).unwrap());
    assert_ne!(first, read(&b.certificate, &b.key).unwrap());
    let longer = format!("{}{}", a.certificate, b.certificate);
    let longer = read(&longer, &a.key).unwrap();
    assert_ne!(first, longer);
    assert_eq!(first.fingerprint(), longer.fingerprint());
    assert_eq!(longer.certified_key().cert.len(), 2);
}

#[test]
fn keys_of_all_usual_kinds_and_forms_are_read() {
    for algorithm in [
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ECDSA_P521_SHA256,
        &rcgen::PKCS_ED25519,
        &rcgen::PKCS_RSA_SHA256,
    ] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let certificate = params(&["a.com"]).self_signed(&key).unwrap().pem();
        read(&certificate, &key.serialize_pem()).unwrap();
    }
}

#[test]
fn what_is_wrong_with_the_chain_is_said() {
    let Made { certificate, key } = made(&["a.com"]);
    let cut = certificate.replace("-----END CERTIFICATE-----", "");
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let no_base64 = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
    let second = format!("{certificate}{garbage}");
    for (chain, wrong) in [
        ("", "tls.crt is not PEM"),
        ("MIIB", "tls.crt is not PEM"),
        (key.as_str(), "tls.crt contains no certificate"),
        (&cut, "tls.crt is broken PEM: a section has no -----END"),
        (no_base64, "tls.crt is broken PEM: the content of a section is not base64"),
        ("-----BEGIN CERTIFICATE\n", "tls.crt is broken PEM: a -----BEGIN"),
        (garbage, "tls.crt contains a certificate, number 1, that can't be used"),
        (&second, "tls.crt contains a certificate, number 2, that can't be used"),
    ] {
        let said = error(chain, &key);
        assert!(said.starts_with(wrong), "{said}");
    }
}

// Made with `openssl genpkey`, and used nowhere.
const SECP256K1: &str = "-----BEGIN PRIVATE KEY-----
MIGEAgEAMBAGByqGSM49AgEGBSuBBAAKBG0wawIBAQQgjuulrMs0nSjctMedTRSm
LaYfOpmEamjX1xL6BK7B/CWhRANCAATC+18Lq88ZpWjQM8xPV8g2ho6FGFy1+sjz
YUkWeoCZ7jX9QhsCp+PMOk0cFF4bH48R0d4pYF71PYDMWL8uk4bm
-----END PRIVATE KEY-----
";
const RSA_512: &str = "-----BEGIN PRIVATE KEY-----
MIIBVgIBADANBgkqhkiG9w0BAQEFAASCAUAwggE8AgEAAkEAsZc4udYRQE9ai0lO
nkAlqtnN4QM7L3w+CS63DH8fr/OJWiVR458ELus4/MS0AgFtMpGpSq1G2+IPyp4z
ovl2QQIDAQABAkAHHaoWOC+kxgk4v4045hUcTXHkbD643l+V+ps3EvjwEd7+shzU
bJlUC9ncQ1O1eVv6o1M9A+GTGPLsk4es+Y5hAiEA1W+sxa+Laa7Z5djoT1sOp2Y1
KYIlOGk/WfFSw+Sd1O0CIQDVAZCTXXd0OPt/MWSuqfa5tc/veEnNbSATe3fdqMpw
JQIhAMsRGi9nalvdeQEfEz/VIacRLklUwrbeI+EeIiGw1J2tAiEAz4Xov0oumVLy
4+bResIomKIj5eFBthx9Rb3i+Ff8cukCIQDKb+RZmETcxUleZnaWF+eGey1F1IGK
hS4CPSZZeQaS0Q==
-----END PRIVATE KEY-----
";
const X25519: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VuBCIEICCM/j6CUfudQCQlFwNCb2+xz8TRIZdt60YjYmguXat2
-----END PRIVATE KEY-----
";

#[test]
fn what_is_wrong_with_the_key_is_said() {
    let Made { certificate, key } = made(&["a.com"]);
    let other = made(&["a.com"]).key;
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let old_encrypted = key.replace("PRIVATE KEY", "RSA PRIVATE KEY").replacen(
        "-----\n",
        "-----\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: AES-256-CBC,00\n\n",
        1,
    );
    let garbage = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    for (key, wrong) in [
        ("", "tls.key is not PEM"),
        (certificate.as_str(), "tls.key contains no private key"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n", "tls.key is broken PEM: a section has no -----END"),
        (&encrypted, "tls.key is encrypted"),
        (&old_encrypted, "tls.key is encrypted"),
        (garbage, "tls.key is not a private key"),
        (SECP256K1, "tls.key is a key of an unsupported kind, EC of curve "),
        (RSA_512, "tls.key is a key of an unsupported kind, RSA of 512 bits"),
        (X25519, "tls.key is a key of an unsupported kind, 1.3.101.110: use RSA"),
        (&other, "tls.key does not belong to the certificate in tls.crt"),
    ] {
        let said = error(&certificate, key);
        assert!(said.starts_with(wrong), "{said}");
    }
}

#[test]
fn a_chain_in_the_wrong_order_is_named_so() {
    let mut params = params(&["ca"]);
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let own = self::params(&["a.com"]).signed_by(&key, &issuer).unwrap().pem();
    let (own, issuer, key) = (own.as_str(), issuer.pem(), key.serialize_pem());
    read(&format!("{own}{issuer}"), &key).unwrap();
    let said = error(&format!("{issuer}{own}"), &key);
    assert!(
        said.starts_with("tls.key belongs to certificate 2 of tls.crt, not to the first"),
        "{said}"
    );
}

#[test]
fn authorities_are_equal_if_their_certificates_are() {
    let (a, b) = (made(&["a"]).certificate, made(&["b"]).certificate);
    let read = |pem: &str| CertificateAuthorities::from_pem(pem.as_bytes());
    let both = read(&format!("{a}{b}")).unwrap();
    assert_eq!(both.roots().len(), 2);
    assert_eq!(both, read(&format!("{b}{a}{b}")).unwrap());
    let mut files = AuthoritiesReader::default();
    [&a, &b].into_iter().for_each(|pem| files.read(pem.as_bytes()).unwrap());
    assert_eq!(both, files.finish());
    assert_ne!(both, read(&a).unwrap());
    let key = made(&["a"]).key;
    assert_eq!(read(&key).unwrap_err(), ChainError::NoCertificate.into());
}

#[test]
fn authorities_fit_into_a_handshake() {
    let long = |number: usize| {
        let mut params = params(&[]);
        let name = format!("{number}{}", "x".repeat(20_000));
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        sign(&params).certificate
    };
    let (a, b) = (long(1), long(2));
    let read = |pem: &str| CertificateAuthorities::from_pem(pem.as_bytes());
    assert_eq!(read(&format!("{a}{b}")).unwrap_err(), AuthoritiesError::TooMany);
    let mut reader = AuthoritiesReader::default();
    reader.read(a.as_bytes()).unwrap();
    assert_eq!(reader.read(b.as_bytes()).unwrap_err(), AuthoritiesError::TooMany);
}

#[test]
fn authorities_are_not_parsed_beyond_a_bound() {
    let pem = made(&["a"]).certificate;
    let large = format!("{pem}{}", "#\n".repeat(400 << 10));
    let mut reader = AuthoritiesReader::default();
    reader.read(large.as_bytes()).unwrap();
    let broken = format!("-----BEGIN CERTIFICATE-----\n{}", "#\n".repeat(400 << 10));
    assert_eq!(reader.read(broken.as_bytes()).unwrap_err(), AuthoritiesError::TooLarge);
}

#[test]
fn a_chain_is_no_longer_than_each_handshake_may_send() {
    let own = made(&["a.com"]);
    let chain_of = |issuers: &[&str]| [&[own.certificate.as_str()], issuers].concat().concat();
    let ca = made(&["ca"]).certificate;
    let issuer = ca.as_str();
    let longest = read(&chain_of(&[issuer; 9]), &own.key).unwrap();
    let certificates = &longest.certified_key().cert;
    assert_eq!(longest.chain_bytes(), certificates.iter().map(|it| it.len()).sum::<usize>());
    let many = error(&chain_of(&[issuer; 10]), &own.key);
    assert!(many.starts_with("tls.crt contains 11 certificates of "), "{many}");
    assert!(
        many.ends_with("at most 10 certificates of 65536 bytes in total are allowed"),
        "{many}"
    );
    let names: Vec<_> = (0..2000).map(|nth| format!("{nth}.{}.example", "x".repeat(30))).collect();
    let large = made(&names.iter().map(String::as_str).collect::<Vec<_>>()).certificate;
    let large = error(&chain_of(&[&large]), &own.key);
    assert!(large.starts_with("tls.crt contains 2 certificates of "), "{large}");
}
