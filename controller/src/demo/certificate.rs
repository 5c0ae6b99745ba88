//! The certificate of `portico demo --tls`: made at every start, and trusted by nobody.

use crate::objects::Snapshot;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use portico_crds::{HostTls, LocalSecretRef};
use portico_dataplane::table::ObjectName;
use rcgen::{CertificateParams, DnType, KeyPair};
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};
use time::{Duration, OffsetDateTime};

/// The Secret's name.
const SECRET: &str = "demo-certificate";
/// Long enough that nothing warns of its end, short enough that no browser finds it too long.
const VALIDITY: Duration = Duration::days(90);

/// Gives all hosts of all FrontDoors a certificate for themselves, this machine and `address`, the
/// one that is served.
///
/// # Errors
/// If no key can be made.
pub(super) fn add(snapshot: &mut Snapshot, address: IpAddr) -> Result<(), rcgen::Error> {
    let hosts = snapshot.front_doors.values().filter_map(|entry| entry.object.as_deref());
    let hosts = hosts.flat_map(|front_door| &front_door.spec.hosts).map(|host| &host.name);
    let data = data(hosts.filter(|host| !host.contains(['*', '['])).cloned(), address)?;
    for (name, entry) in &mut snapshot.front_doors {
        let Some(front_door) = &mut entry.object else { continue };
        let tls = HostTls { secret_ref: LocalSecretRef { name: SECRET.to_owned() } };
        for host in &mut Arc::make_mut(front_door).spec.hosts {
            host.tls = Some(tls.clone());
        }
        let secret = Secret {
            type_: Some("kubernetes.io/tls".to_owned()),
            data: Some(data.clone().into()),
            ..Secret::default()
        };
        let name = ObjectName::new(name.namespace.clone(), SECRET);
        snapshot.secrets.insert(name, Arc::new(secret));
    }
    Ok(())
}

fn data(
    hosts: impl Iterator<Item = String>,
    address: IpAddr,
) -> Result<[(String, ByteString); 2], rcgen::Error> {
    let local = [address, Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let addresses = local.into_iter().filter(|address| !address.is_unspecified());
    let mut names: BTreeSet<_> = hosts.chain(addresses.map(|it| it.to_string())).collect();
    names.insert("localhost".to_owned());
    let mut params = CertificateParams::new(Vec::from_iter(names))?;
    params.distinguished_name.push(DnType::CommonName, "portico demo");
    let now = OffsetDateTime::now_utc();
    // Clocks of other machines may be behind.
    (params.not_before, params.not_after) = (now - Duration::DAY, now + VALIDITY);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let value = |pem: String| ByteString(pem.into_bytes());
    Ok([
        ("tls.crt".to_owned(), value(certificate.pem())),
        ("tls.key".to_owned(), value(key.serialize_pem())),
    ])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        compile::{self, Options},
        files,
    };
    use k8s_openapi::jiff::Timestamp;

    #[test]
    fn it_is_for_this_machine_and_valid_now() {
        let door = "{apiVersion: portico.dev/v1alpha1, kind: FrontDoor, metadata: {name: ep, namespace: web}, spec: {hosts: [{name: localhost}, {name: 127.0.0.1}, {name: '[::1]'}, {name: 192.0.2.7}, {name: '*'}]}}";
        let mut snapshot = files::read_texts([("a.yaml", door)]).snapshot;
        add(&mut snapshot, "192.0.2.7".parse().unwrap()).unwrap();
        let options = Options { now: Some(Timestamp::now()), ..Options::default() };
        let compiled = compile::compile(&snapshot, &options);
        let status = compiled.statuses.values().next().unwrap();
        assert_eq!(status.problems, []);
        for host in compiled.table.hosts.iter() {
            assert!(host.tls.as_ref().unwrap().certificate.is_some(), "{}", host.host);
        }
    }
}
