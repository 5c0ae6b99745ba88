//! Certificates of hosts.

use super::{
    hosts,
    location::Site,
    object::{Ingress, Tls},
};

/// The Secret that stands for the controller's own certificate.
const DEFAULT: &str = "default-certificate";

/// Gives each host the certificate that the first of its Ingresses has for it.
pub(super) fn assign(sites: &mut [Site], ingresses: &[Ingress<'_>]) {
    for (at, ingress) in ingresses.iter().enumerate() {
        if ingress.settings.canary.is_some() {
            let spec = ingress.node.field("spec");
            let tls = spec.and_then(|spec| spec.field("tls"));
            tls.iter().for_each(|tls| tls.dropped("the certificate is that of the main Ingress"));
            continue;
        }
        for tls in ingress.tls() {
            let mut used: Option<&str> = None;
            for site in sites.iter_mut().filter(|site| site.ingresses.contains(&at)) {
                if !is_for(&tls, &site.host, ingress) {
                    continue;
                }
                let name = tls.secret.unwrap_or(DEFAULT).to_owned();
                let own = (ingress.namespace.clone(), name);
                let secret = site.secret.get_or_insert_with(|| own.clone());
                let owner = site.ingresses.first().map(|first| &ingresses[*first]);
                if let Some(owner) = owner.filter(|_| *secret == own) {
                    used = match used {
                        Some(other) if other != ingress.namespace => Some(other),
                        _ => Some(&owner.namespace),
                    };
                }
            }
            report(&tls, used, ingress);
        }
    }
}

/// Says what becomes of it, if it is used by a FrontDoor of this namespace.
fn report(tls: &Tls<'_>, used: Option<&str>, ingress: &Ingress<'_>) {
    let hosts = tls.node.field("hosts");
    let Some(namespace) = used else {
        let why = "none of the hosts is in a rule, or another Ingress's certificate is used";
        return tls.node.dropped(why);
    };
    hosts.iter().for_each(super::Node::kept);
    let Some(node) = tls.node.field("secretName") else {
        return tls.node.changed(format!(
            "the controller's default certificate is meant: put it into Secret {}/{DEFAULT}",
            ingress.namespace
        ));
    };
    node.kept();
    if tls.secret.is_none() {
        node.changed(format!("is not the name of a Secret: {DEFAULT}"));
    }
    if namespace != ingress.namespace {
        node.changed(format!("copy the Secret to namespace {namespace}, which has the FrontDoor"));
    }
    if tls.hosts.is_empty() {
        node.changed("is used for all hosts of the Ingress");
    }
}

/// Whether a certificate is for a host of its Ingress: by its name, or by that of which it is
/// another one.
fn is_for(tls: &Tls<'_>, host: &str, ingress: &Ingress<'_>) -> bool {
    let names = |name: &str| {
        let entries = tls.hosts.iter().filter_map(|name| hosts::entry(name));
        tls.hosts.is_empty() || entries.into_iter().any(|it| it == name || hosts::covers(&it, name))
    };
    let own = ingress.rules.iter().filter_map(|rule| hosts::entry(rule.host));
    let mut own = own.into_iter().peekable();
    let is_own = own.peek().is_none()
        || ingress.rules.iter().any(|rule| hosts::entry(rule.host).as_deref() == Some(host));
    names(host) || (!is_own && own.any(|host| names(&host)))
}
