//! Free ports on loopback.

use anyhow::Result;
use std::net::{Ipv4Addr, TcpListener};

/// A port that nothing listens on. It is free again when this returns, so that a program that is
/// told its port can have it.
pub(crate) fn free() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
