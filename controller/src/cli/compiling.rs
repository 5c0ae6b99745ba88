//! Flags that determine what objects mean. Every command that compiles has all of them, so that
//! `check` and `explain` say what an install with the same flags does.

use super::{underscores::UnderscoreArgs, values};
use crate::compile::{HostClaims, Options};
use clap::Args;
use ipnet::IpNet;
use portico_dataplane::{
    address_guard::{AddressGuard, ExternalPattern},
    config::Underscores,
};

/// Flags that determine what objects mean.
#[derive(Debug, Args)]
pub struct CompilingArgs {
    /// Request headers whose names have underscores.
    #[command(flatten)]
    underscores: UnderscoreArgs,
    /// Addresses or hosts that 'external' backends may point to, besides public addresses;
    /// repeatable
    ///
    /// Each is an address, a CIDR, a host or *.host: 10.1.2.3, 192.168.0.0/16, intranet.example,
    /// *.corp.example. By default no Route can reach loopback, private, link-local or cloud
    /// metadata addresses. The check applies to the address that is dialled, not to the name.
    #[arg(long = "allow-external", value_name = "PATTERN")]
    allowed: Vec<ExternalPattern>,
    /// The hosts that a namespace may have; its FrontDoors are refused any others; repeatable
    ///
    /// With this flag, the FrontDoors of a namespace get only the hosts that are claimed for it
    /// here, and those of a namespace without a claim get none. A host is a name, *.suffix or *:
    /// web=www.ep.com, shop=*.shop.ep.com,shop.ep.com, infra=*. Without this flag, a host belongs
    /// to the oldest FrontDoor that names it, and no FrontDoor gets a host under an older wildcard
    /// of a FrontDoor in another namespace, unless the 'attach' of that one lists its namespace.
    #[arg(long = "host-claims", value_name = "NAMESPACE=HOST[,HOST…]", value_parser = values::host_claim)]
    claims: Vec<values::HostClaim>,
    /// A proxy, or a network of proxies, whose X-Forwarded-* or Forwarded headers are trusted where
    /// a FrontDoor has no 'trustedProxies' of its own; repeatable: 10.0.0.7, 10.0.0.0/8 [default:
    /// none]
    #[arg(long = "trusted-proxy", value_name = "NETWORK", value_parser = values::network)]
    trusted_proxies: Vec<IpNet>,
}

impl CompilingArgs {
    /// The compiler's options, as far as these flags give them.
    pub fn options(&self) -> Options {
        Options {
            guard: self.guard(),
            host_claims: HostClaims::new(self.claims.iter().cloned()),
            underscores: self.underscores(),
            trusted_proxies: self.trusted_proxies.as_slice().into(),
            ..Options::default()
        }
    }

    /// What `external` backends may point at.
    pub fn guard(&self) -> AddressGuard {
        AddressGuard::new(self.allowed.clone())
    }

    /// What happens to request headers whose names have underscores.
    pub fn underscores(&self) -> Underscores {
        self.underscores.setting()
    }
}
