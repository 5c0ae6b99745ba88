//! The controllers of Ingress objects, and what they make of them.

use super::{
    super::Node,
    annotation::{self, ConfigMaps, Table, UNKNOWN, is_true},
    haproxy, nginx,
    place::Reading,
    settings::{PlainHttp, Settings},
    traefik,
};
use std::fmt;

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

impl fmt::Display for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nginx => "nginx",
            Self::Traefik => "traefik",
            Self::Haproxy => "haproxy",
        })
    }
}

impl Controller {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Nginx, Self::Traefik, Self::Haproxy];

    /// The prefixes of its annotations, and what becomes of them.
    fn tables(self) -> &'static [(&'static str, Table)] {
        match self {
            Self::Nginx => &[(nginx::PREFIX, nginx::TABLE)],
            Self::Traefik => &[(traefik::PREFIX, traefik::TABLE)],
            Self::Haproxy => haproxy::TABLES,
        }
    }

    /// Whether an annotation is one of its own.
    pub(super) fn has(self, annotation: &str) -> bool {
        self.tables().iter().any(|(prefix, _)| annotation.starts_with(prefix))
    }

    /// Reads its annotations.
    pub(super) fn annotations(
        self,
        annotations: Option<&Node<'_>>,
        namespace: &str,
        config_maps: &ConfigMaps<'_>,
        settings: &mut Settings,
    ) {
        if self == Self::Traefik {
            settings.plain_http = PlainHttp::Serve;
        }
        let canary = annotations.and_then(|it| it.field("nginx.ingress.kubernetes.io/canary"));
        if self == Self::Nginx && canary.and_then(|it| it.text()).is_some_and(is_true) {
            let others = "ingress-nginx ignores it on a canary, and takes that of the main Ingress";
            let table = (nginx::PREFIX, nginx::CANARY_TABLE, others);
            return annotation::read(annotations, namespace, config_maps, table, settings);
        }
        for (prefix, table) in self.tables() {
            let table = (*prefix, *table, UNKNOWN);
            annotation::read(annotations, namespace, config_maps, table, settings);
        }
    }

    /// How it reads the paths of a host, of which some are regular expressions or not.
    pub(super) fn reading(self, has_regexes: bool) -> Reading {
        match self {
            Self::Nginx if has_regexes => Reading::Regex,
            Self::Nginx => Reading::Nginx,
            Self::Traefik | Self::Haproxy => Reading::Standard,
        }
    }

    /// Whether it merges slashes before it matches a path.
    pub(super) fn merges_slashes(self) -> bool {
        self == Self::Nginx
    }
}
