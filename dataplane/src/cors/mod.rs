//! The CORS protocol's server side (Fetch Standard, "CORS protocol"): what a Route's [`Policy`]
//! says of a request from a page on another origin.

mod origin;
mod policy;

pub use origin::{OriginHost, OriginPattern, OriginPatternError, OriginPort, Origins};
pub use policy::{AllowedHeaders, AllowedMethods, DisallowedOrigin, Policy, PreflightHandling};
