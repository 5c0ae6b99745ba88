//! Ingress objects, with the annotations of their controller.

use super::{Imported, Source};

/// A controller of Ingress objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controller {
    /// ingress-nginx.
    Nginx,
    /// Traefik.
    Traefik,
    /// HAProxy Ingress.
    Haproxy,
}

/// Imports Ingress objects of a controller.
pub fn ingress(sources: &[Source], from: Controller) -> Imported {
    let _ = (sources, from);
    Imported::default()
}
