//! The objects that several tests apply.

use anyhow::Result;
use portico_tests::cluster::{
    apply,
    http::Published,
    install::{Install, condition},
    patience::eventually,
    scope::Scope,
};

/// The condition of what is served.
pub(crate) const PROGRAMMED: &str = "Programmed=True/Programmed";

/// A FrontDoor of the install whose class is its release's name. `more` goes into its spec, as a
/// YAML flow mapping's entries.
pub(crate) fn front_door(install: &Install, namespace: &str, host: &str, more: &str) -> String {
    let class = &install.release;
    format!(
        "---\napiVersion: portico.dev/v1alpha1\nkind: FrontDoor\n\
         metadata: {{name: door, namespace: {namespace}}}\n\
         spec: {{className: {class}, hosts: [{{name: {host}}}]{more}}}\n"
    )
}

/// A Route to a Service's port `http`. `more` goes into its spec.
pub(crate) fn route(namespace: &str, name: &str, path: &str, service: &str, more: &str) -> String {
    format!(
        "---\napiVersion: portico.dev/v1alpha1\nkind: Route\n\
         metadata: {{name: {name}, namespace: {namespace}}}\n\
         spec: {{frontDoorRef: {{name: door}}, matches: [{{path: \"{path}\"}}], \
         backends: [{{service: {{name: {service}, port: http}}}}]{more}}}\n"
    )
}

/// Backends behind a Service `shop`, and a FrontDoor and a Route that send it everything, in one
/// namespace. The port where all that is served, for the host `NAMESPACE.example`.
pub(crate) async fn shop(
    scope: &Scope,
    install: &Install,
    namespace: &str,
    replicas: u32,
) -> Published {
    scope.backend(namespace, "shop", replicas).unwrap();
    let host = format!("{namespace}.example");
    let door = front_door(install, namespace, &host, "");
    apply(&(door + &route(namespace, "all", "/*", "shop", ""))).unwrap();
    for object in ["frontdoor/door", "route/all"] {
        condition(namespace, object, PROGRAMMED).await.unwrap();
    }
    let port = install.published(&host).unwrap();
    eventually(|| every_replica_serves(&port)).await.unwrap();
    port
}

/// Whether so many requests in a row are served that each replica will have got one of them: what
/// one serves, another's watch may not yet have brought.
async fn every_replica_serves(port: &Published) -> Result<()> {
    for _ in 0..20 {
        port.expect("/", 200).await?;
    }
    Ok(())
}
