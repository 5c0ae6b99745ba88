//! The CORS protocol's server side (Fetch, "CORS protocol"): what a Route's [`Policy`] means for a
//! request from a page on another origin.
//!
//! In request order: [`CorsRequest::of`] classifies the request, [`Decision::of`] applies the
//! policy to it, and [`ResponseHeaders::apply`] writes the result to the response, whether the
//! backend's or Portico's own. Tests are named after the numbered rules that they show.

mod avoided;
mod decision;
pub mod fetch;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod fixtures;
mod origin;
mod policy;
mod preflight;
mod request;
mod requested_headers;
mod response_headers;
mod verdict;

pub(crate) use avoided::avoids_preflight;
pub(crate) use decision::{Decision, Disposition, denial_reason};
pub use origin::{
    OriginHost, OriginMistake, OriginPattern, OriginPatternError, OriginPort, Origins,
};
pub use policy::{AllowedHeaders, AllowedMethods, DisallowedOrigin, Policy, PreflightHandling};
pub(crate) use request::{CorsRequest, Preflight};
pub(crate) use requested_headers::RequestedHeaders;
pub(crate) use response_headers::{ResponseHeaders, TIMING_ALLOW_ORIGIN, remove_from_interim};
pub(crate) use verdict::{Denial, Outcome, Verdict};
