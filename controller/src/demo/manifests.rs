//! The objects of `examples/ep`, with this run's addresses.

use super::kind::Kind;
use crate::{files, objects::Snapshot};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use portico_crds::Host;
use std::{net::SocketAddr, sync::Arc};

macro_rules! example {
    ($($name:literal),*) => {
        [$(($name, include_str!(concat!("../../../examples/ep/", $name)))),*]
    };
}

/// The manifests that `portico serve examples/ep` reads.
const MANIFESTS: [(&str, &str); 6] = example![
    "00-namespace.yaml",
    "app.yaml",
    "front-door.yaml",
    "local/endpoint-slices.yaml",
    "profiles.yaml",
    "sales.yaml"
];

/// The objects, with the services at `addresses`. The front door accepts any host, so that the page
/// opens at every address of this machine.
pub(super) fn snapshot(addresses: &[(Kind, SocketAddr)]) -> Snapshot {
    let mut snapshot = files::read_texts(MANIFESTS).snapshot;
    for entry in snapshot.front_doors.values_mut() {
        if let Some(front_door) = &mut entry.object {
            let any = Host { name: "*".to_owned(), tls: None };
            Arc::make_mut(front_door).spec.hosts.push(any);
        }
    }
    for slice in snapshot.endpoint_slices.values_mut() {
        let slice = Arc::make_mut(slice);
        let labels = slice.metadata.labels.as_ref();
        let service = labels.and_then(|labels| labels.get("kubernetes.io/service-name"));
        let at = addresses.iter().find(|(kind, _)| service.is_some_and(|name| name == kind.name()));
        if let Some(&(_, address)) = at {
            move_to(slice, address);
        }
    }
    snapshot
}

fn move_to(slice: &mut EndpointSlice, address: SocketAddr) {
    slice.address_type = if address.is_ipv4() { "IPv4" } else { "IPv6" }.to_owned();
    for port in slice.ports.iter_mut().flatten() {
        port.port = Some(i32::from(address.port()));
    }
    for endpoint in &mut slice.endpoints {
        endpoint.addresses = vec![address.ip().to_string()];
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::{
        cli::{Cli, Command},
        compile,
        demo::responses::API_KEY,
    };
    use clap::Parser;
    use serde_json::Value;
    use std::{collections::BTreeSet, fs, iter, path::Path};

    fn folder() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/ep"))
    }

    fn addresses() -> Vec<(Kind, SocketAddr)> {
        Kind::ALL.map(|kind| (kind, SocketAddr::from(([127, 0, 0, 1], kind.port())))).to_vec()
    }

    #[test]
    fn every_manifest_of_the_example_is_in_the_binary() {
        let mut there = BTreeSet::new();
        for below in ["", "local"] {
            for file in fs::read_dir(folder().join(below)).unwrap() {
                let path = file.unwrap().path();
                if path.extension().is_some_and(|extension| extension == "yaml") {
                    there.insert(path.strip_prefix(folder()).unwrap().display().to_string());
                }
            }
        }
        assert_eq!(MANIFESTS.map(|(name, _)| name.to_owned()), *Vec::from_iter(there));
    }

    /// The embedded texts are those of the files, and the services have the example's addresses.
    #[test]
    fn the_demo_serves_the_example() {
        let mut example = files::read(&[folder().to_owned()]).snapshot;
        let mut demo = snapshot(&addresses());
        for files in [&mut demo, &mut example] {
            files.front_doors.values_mut().for_each(|entry| entry.file = None);
            files.routes.values_mut().for_each(|entry| entry.file = None);
        }
        for entry in example.front_doors.values_mut() {
            let front_door = Arc::make_mut(entry.object.as_mut().unwrap());
            front_door.spec.hosts.push(Host { name: "*".to_owned(), tls: None });
        }
        assert_eq!(demo, example);
    }

    #[test]
    fn all_of_it_is_accepted() {
        let options = compile::Options { loopback_endpoints: true, ..compile::Options::default() };
        let compiled = compile::compile(&snapshot(&addresses()), &options);
        assert_eq!(compiled.statuses.len(), 4);
        for (object, status) in &compiled.statuses {
            assert!(
                status.conditions.iter().all(|condition| condition.status),
                "{object}: {status:?}"
            );
            assert!(status.problems.is_empty(), "{object}: {status:?}");
        }
    }

    #[test]
    fn each_deployment_runs_its_service() {
        let mut found = Vec::new();
        for (_, text) in MANIFESTS {
            let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
            for deployment in documents.iter().filter(|object| object["kind"] == "Deployment") {
                let container = &deployment["spec"]["template"]["spec"]["containers"][0];
                let words = container["args"].as_array().unwrap().iter();
                let line = iter::once("portico").chain(words.map(|word| word.as_str().unwrap()));
                let Command::Demo(args) = Cli::try_parse_from(line).unwrap().command else {
                    panic!("{container}");
                };
                let kind = args.service.unwrap();
                assert_eq!(kind.name(), deployment["metadata"]["name"]);
                assert_eq!(args.serving.http.port(), kind.port());
                assert_eq!(container["ports"][0]["containerPort"], kind.port());
                found.push(kind);
            }
        }
        assert_eq!(found, [Kind::App, Kind::Profiles, Kind::Sales]);
    }

    #[test]
    fn the_services_move_with_their_ports() {
        let moved = Kind::ALL.map(|kind| (kind, SocketAddr::from(([0; 16], kind.port() + 1000))));
        let moved = snapshot(&moved);
        let ports = moved.endpoint_slices.values().map(|slice| {
            assert_eq!((&*slice.address_type, &*slice.endpoints[0].addresses[0]), ("IPv6", "::"));
            slice.ports.as_ref().unwrap()[0].port.unwrap()
        });
        assert_eq!(ports.collect::<BTreeSet<_>>(), BTreeSet::from([10_101, 10_102, 10_103]));
    }

    #[test]
    fn the_secret_is_the_key_that_profiles_asks_for() {
        let snapshot = snapshot(&addresses());
        let secret = snapshot.secrets.values().next().unwrap();
        let data = secret.data.as_ref().and_then(|data| data.get("token"));
        let text = secret.string_data.as_ref().and_then(|data| data.get("token"));
        let key = data.map(|bytes| String::from_utf8(bytes.0.clone()).unwrap());
        assert_eq!(key.as_ref().or(text).map(String::as_str), Some(API_KEY));
    }
}
