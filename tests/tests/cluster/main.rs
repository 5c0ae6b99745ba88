//! Portico in a real cluster: the chart installed as its users install it, the image, the operator,
//! and what becomes of requests meanwhile.
//!
//! `make test` runs these in a kind cluster of their own, `make test-cluster` in the one that
//! `KUBECONFIG` names. They take turns: the cluster is one, and some of them stop parts of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod api_server;
mod argocd;
mod bad_objects;
mod chart;
mod endpoint_faults;
mod https;
mod manifests;
mod many_routes;
mod namespaces;
mod one_origin;
mod reading;
mod replicas;
mod rollouts;
mod secrets;
mod uninstall;
mod waiting;
