//! Tables for tests.

use crate::{
    path::{PathPattern, Slashes},
    router::{Match, Predicates, RouteTree},
    table::{
        Action, Backend, Forward, HeaderEdits, HostHeader, Isolation, ObjectName, Protocol, Route,
        Selection, Table, Target, Timeouts, TrustedHeaders, VirtualHost,
    },
};
use std::{net::SocketAddr, sync::Arc};

pub(crate) fn address(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

pub(crate) fn backend(name: &str, target: Target) -> Backend {
    Backend {
        name: name.into(),
        weight: 1,
        priority: 0,
        protocol: Protocol::Http1,
        host: HostHeader::Preserve,
        own_authorities: Vec::new(),
        target,
    }
}

/// A backend with endpoints at these ports.
pub(crate) fn service(name: &str, ports: &[u16]) -> Backend {
    backend(name, Target::Endpoints(ports.iter().map(|port| address(*port)).collect()))
}

pub(crate) fn route(backends: Vec<Backend>, selection: Selection) -> Arc<Route> {
    Arc::new(Route {
        name: ObjectName::new("web", "route"),
        front_door: ObjectName::new("web", "front"),
        action: Action::Forward(Forward::new(backends, None)),
        cors: None,
        request_headers: HeaderEdits::default(),
        response_headers: HeaderEdits::default(),
        isolation: Isolation::default(),
        timeouts: Timeouts::default(),
        selection: Arc::new(selection),
        rules: Box::default(),
        unavailable: None,
    })
}

pub(crate) fn table(generation: u64, routes: &[Arc<Route>]) -> Arc<Table> {
    let matches = routes.iter().enumerate().map(|(number, route)| Match {
        path: PathPattern::parse(&format!("/{number}")).unwrap(),
        predicates: Predicates::default(),
        target: route.clone(),
    });
    let host = VirtualHost {
        host: "www.ep.com".parse().unwrap(),
        front_door: ObjectName::new("web", "front"),
        tls: None,
        trusted_proxies: [].into(),
        trusted_headers: TrustedHeaders::default(),
        slashes: Slashes::default(),
        cors: None,
        rules: Arc::default(),
        unavailable: None,
        not_accepted: None,
        routes: Arc::new(RouteTree::new(matches.collect())),
        uid: Arc::from(""),
        affinity_cookies: Arc::default(),
        shared_cookies: Arc::default(),
        has_separate_cookies: false,
    };
    Arc::new(Table { generation, hosts: [host].into_iter().collect() })
}
