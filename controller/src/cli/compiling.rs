//! Flags on which it depends what objects mean. Every command that compiles has all of them, so that
//! `check` and `explain` say what an install with the same flags does.

use super::{underscores::UnderscoreArgs, values};
use crate::compile::{HostClaims, Options};
use clap::Args;
use ipnet::IpNet;
use portico_dataplane::{
    address_guard::{AddressGuard, ExternalPattern},
    config::Underscores,
};

/// Flags on which it depends what objects mean.
#[derive(Debug, Args)]
pub struct CompilingArgs {
    /// Request headers whose names have underscores.
    #[command(flatten)]
    underscores: UnderscoreArgs,
    /// What 'external' backends may point at besides public addresses; repeatable
    ///
    /// An address, a CIDR, a host or *.host: 10.1.2.3, 192.168.0.0/16, intranet.example,
    /// *.corp.example. By default no Route can reach loopback, private, link-local or cloud
    /// metadata addresses. Checked for the address that is dialled, not for the name.
    #[arg(long = "allow-external", value_name = "PATTERN")]
    allowed: Vec<ExternalPattern>,
    /// The hosts that a namespace may have: its FrontDoors are refused any other; repeatable
    ///
    /// With this flag, FrontDoors of a namespace have only the hosts that it claims here, and those
    /// of a namespace without a claim have none. A host is a name, *.suffix or *: web=www.ep.com,
    /// shop=*.shop.ep.com,shop.ep.com, infra=*. Without it, the oldest FrontDoor that names a host
    /// has it, and none has a host under an older wildcard of another namespace whose 'attach' does
    /// not list its own.
    #[arg(long = "host-claims", value_name = "NAMESPACE=HOST[,HOST…]", value_parser = values::host_claim)]
    claims: Vec<values::HostClaim>,
    /// A proxy, or a network of them, whose X-Forwarded-* or Forwarded is believed where a FrontDoor
    /// has no 'trustedProxies' of its own; repeatable: 10.0.0.7, 10.0.0.0/8 [default: none]
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
