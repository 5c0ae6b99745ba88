//! The certificate that all proxies present: ECDSA with P-256.

use anyhow::Result;
use portico_tests::tls::{Authority, Client, Pair};
use rustls::crypto::aws_lc_rs::{cipher_suite::TLS13_AES_128_GCM_SHA256, kx_group::X25519};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The name of the only host.
pub(crate) const HOST: &str = "localhost";

/// A certificate as files.
pub(crate) struct Files {
    pub(crate) pair: Pair,
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
    /// Both in one file.
    pub(crate) both: PathBuf,
}

impl Files {
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let pair = Authority::new("bench")?.issue(&[HOST])?;
        let [chain, key, both] = ["chain.pem", "key.pem", "both.pem"].map(|it| folder.join(it));
        let (certificate, secret) = pair.pem();
        fs::write(&chain, &certificate)?;
        fs::write(&key, &secret)?;
        fs::write(&both, certificate + &secret)?;
        Ok(Self { pair, chain, key, both })
    }
}

/// A client that offers the one version, cipher suite and group that all proxies are measured with.
pub(crate) fn client(protocol: &str) -> Result<Client> {
    Ok(Client::narrow(TLS13_AES_128_GCM_SHA256, X25519)?.offering(&[protocol]))
}
