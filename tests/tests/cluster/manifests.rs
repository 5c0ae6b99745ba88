//! The objects that several tests apply.

use portico_tests::cluster::{
    apply,
    install::{Install, condition},
};

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

/// Applies a FrontDoor and a Route for everything, in one namespace, and waits until they are served.
pub(crate) async fn serve_everything(
    install: &Install,
    namespace: &str,
    host: &str,
    service: &str,
) {
    let door = front_door(install, namespace, host, "");
    apply(&(door + &route(namespace, "all", "/*", service, ""))).unwrap();
    condition(namespace, "frontdoor/door", "Programmed=True/Programmed").await.unwrap();
    condition(namespace, "route/all", "Programmed=True/Programmed").await.unwrap();
}
