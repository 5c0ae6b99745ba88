//! Classic: `Microsoft.Network/frontDoors`, with all that is in one object, and its rules engines.

use super::{
    door::{Door, Host, Route, Target},
    pattern::is_path,
    pool::{self, Forwarding, Origin, Pool, ProbeFields},
    read::{
        self, Unclear, bookkeeping, flag, number, properties, reference, references, text, unclear,
    },
    resource::{Id, Resource},
    rules::{self, CACHING, Context, Rule},
    shared::{NOWHERE, WAF, certificates, is_off, patterns, private_link, protocols, timeout},
};
use crate::import::{Node, Report};
use std::{cell::RefCell, collections::BTreeSet};

/// The kinds of classic resources, in lower case.
pub(super) const FRONT_DOOR: &str = "microsoft.network/frontdoors";
const RULES_ENGINE: &str = "rulesengines";

const PROBE: ProbeFields = ProbeFields {
    path: "path",
    protocol: "protocol",
    interval: "intervalInSeconds",
    method: "healthProbeMethod",
    latency: "additionalLatencyMilliseconds",
};

/// Reads the front door that is the `order`th of these resources.
pub(super) fn door<'s>(
    resources: &'s [Resource],
    order: usize,
    report: &'s Report,
) -> Option<Door<'s>> {
    let resource = &resources[order];
    let node = Node::of(&resource.value, order, &resource.label, report);
    let own = properties(&node);
    if is_off(&own, &node) {
        return None;
    }
    let engines: Vec<_> = resources
        .iter()
        .enumerate()
        .filter(|(_, part)| {
            part.id.is_part_of(&resource.id, RULES_ENGINE) && part.refused.is_none()
        })
        .map(|(order, part)| (part.id.name(), Node::of(&part.value, order, &part.label, report)))
        .chain(items(&own, "rulesEngines"))
        .collect();
    for (_, engine) in &engines {
        properties(engine);
    }
    let reader = Reader { own: &own, hosts: hosts(&own), engines, used: RefCell::default() };
    let routes = items(&own, "routingRules").filter_map(|(name, node)| reader.route(name, &node));
    let routes = routes.collect();
    reader.report_the_unused();
    let settings = own.field("backendPoolsSettings");
    let timeout = settings.as_ref().and_then(|it| timeout(it, "sendRecvTimeoutSeconds"));
    if let Some(check) = settings.and_then(|it| it.field("enforceCertificateNameCheck")) {
        certificates(&check);
    }
    Some(Door {
        name: resource.id.name().to_owned(),
        label: resource.label.clone(),
        hosts: reader.hosts.into_iter().map(|(_, host)| host).collect(),
        routes,
        timeout,
        is_tls13: false,
    })
}

/// The items of a list, with their names.
fn items<'s>(of: &Node<'s>, list: &str) -> impl Iterator<Item = (&'s str, Node<'s>)> + use<'s> {
    let items = read::list(of, list).unwrap_or_default();
    items.into_iter().map(|item| {
        bookkeeping(&item);
        let name = item.value.get("name").and_then(serde_json::Value::as_str);
        (name.unwrap_or_default(), item)
    })
}

/// The frontend endpoints: their names, and the hosts.
fn hosts<'s>(own: &Node<'s>) -> Vec<(&'s str, Host<'s>)> {
    let read = |(name, node): (&'s str, Node<'s>)| {
        let own = properties(&node);
        let host = text(&own, "hostName").ok()??;
        let mut affinity = None;
        if flag(&own, "sessionAffinityEnabledState").ok()? == Some(true) {
            let seconds = number(&own, "sessionAffinityTtlSeconds", (0, 1_000_000)).ok()?;
            affinity = Some(seconds.unwrap_or(0));
        } else if let Some(unused) = own.field("sessionAffinityTtlSeconds") {
            unused.kept();
        }
        if let Some(waf) = own.field("webApplicationFirewallPolicyLink") {
            waf.dropped(WAF);
        }
        if let Some(https) = own.field("customHttpsConfiguration") {
            https.changed("its certificate is one of a Secret here, and TLS is at least 1.2");
        }
        let name_node = own.field("hostName")?;
        Some((name, Host { name: host.to_ascii_lowercase(), node: name_node, affinity }))
    };
    items(own, "frontendEndpoints").filter_map(read).collect()
}

struct Reader<'r, 's> {
    own: &'r Node<'s>,
    hosts: Vec<(&'s str, Host<'s>)>,
    engines: Vec<(&'s str, Node<'s>)>,
    /// The paths of what has been looked up.
    used: RefCell<BTreeSet<String>>,
}

impl<'s> Reader<'_, 's> {
    /// An item of a list, by its id.
    fn find(&self, list: &str, id: &Id) -> Option<Node<'s>> {
        let mut all = items(self.own, list);
        let (_, node) = all.find(|(name, _)| name.eq_ignore_ascii_case(id.name()))?;
        self.used.borrow_mut().insert(node.path().to_owned());
        Some(node)
    }

    fn report_the_unused(&self) {
        for list in ["backendPools", "loadBalancingSettings", "healthProbeSettings"] {
            for (_, node) in items(self.own, list) {
                if !self.used.borrow().contains(node.path()) {
                    node.dropped("no routing rule uses it");
                }
            }
        }
    }

    /// A routing rule; `None` if it takes no requests, which is reported.
    fn route(&self, name: &str, node: &Node<'s>) -> Option<Route<'s>> {
        let own = properties(node);
        if is_off(&own, node) {
            return None;
        }
        let (http, https) = protocols(&own, "acceptedProtocols").ok()?;
        let patterns = patterns(&own);
        let ids = references(&own, "frontendEndpoints").ok()?;
        let hosts: Vec<_> = ids
            .iter()
            .filter_map(|(node, id)| {
                let found =
                    self.hosts.iter().find(|(name, _)| name.eq_ignore_ascii_case(id.name()));
                if found.is_none() {
                    node.dropped("there is no frontend endpoint of this name");
                }
                found.map(|(_, host)| host.name.clone())
            })
            .collect();
        if hosts.is_empty() || patterns.is_empty() {
            node.dropped(NOWHERE);
            return None;
        }
        if let Some(waf) = own.field("webApplicationFirewallPolicyLink") {
            waf.dropped(WAF);
        }
        let target = self.target(&own).unwrap_or(Target::Unknown);
        let rules = self.rules(&own);
        Some(Route {
            name: name.to_owned(),
            node: node.clone(),
            protocols: own.field("acceptedProtocols").unwrap_or_else(|| node.clone()),
            engine: own.field("rulesEngine"),
            hosts,
            http,
            https,
            patterns,
            to_https: None,
            target,
            rules,
        })
    }

    fn target(&self, own: &Node<'s>) -> Result<Target<'s>, Unclear> {
        // Before 2019-05-01, what is forwarded stood beside the rest.
        let route = own.field("routeConfiguration").unwrap_or_else(|| own.clone());
        if rules::is_redirect(&route) {
            let redirect = rules::redirect(&route, &rules::REDIRECT)?;
            if redirect.path.as_deref().is_some_and(|path| path.contains('{')) {
                return Err(unclear(&route, "a redirect to a fixed path"));
            }
            return Ok(Target::Redirect(redirect));
        }
        if let Some(cache) = route.field("cacheConfiguration") {
            cache.dropped(CACHING);
        }
        let by = Forwarding::read(&route)?;
        let path = text(&route, "customForwardingPath")?;
        if path.is_some_and(|path| !is_path(path) || path.contains('{')) {
            return Err(unclear(&route, "a route with a forwarding path such as /v1/"));
        }
        let Some(id) = reference(&route, "backendPool")? else {
            return Err(unclear(&route, "a route with a backend pool or a redirect"));
        };
        match self.pool(&id).filter(|pool| !pool.origins.is_empty()) {
            Some(pool) => {
                let (pool, path) = (Box::new(pool), path.map(str::to_owned));
                Ok(Target::Forward { pool, by, path })
            }
            None => {
                route.dropped(format!("there is no backend in use in '{}'", id.name()));
                Err(Unclear)
            }
        }
    }

    fn pool(&self, id: &Id) -> Option<Pool<'s>> {
        let node = self.find("backendPools", id)?;
        let own = properties(&node);
        let settings = |field: &str, list: &str| {
            let id = reference(&own, field).ok()??;
            let found = self.find(list, &id).map(|node| properties(&node));
            if found.is_none()
                && let Some(field) = own.field(field)
            {
                field.dropped("there are no settings of this name");
            }
            found
        };
        let samples = settings("loadBalancingSettings", "loadBalancingSettings");
        let probe = settings("healthProbeSettings", "healthProbeSettings");
        let backends = read::list(&own, "backends").unwrap_or_default();
        let origins = backends.iter().filter_map(|backend| {
            bookkeeping(backend);
            private_link(backend);
            let is_off = is_off(backend, backend);
            (!is_off).then(|| Origin::read(backend, "address", "backendHostHeader"))?
        });
        Some(Pool {
            name: id.name().to_owned(),
            origins: origins.collect(),
            health: pool::health(probe.as_ref(), samples.as_ref(), &PROBE).ok().flatten(),
            balance: pool::balance(samples.as_ref(), &PROBE).ok().flatten(),
            affinity: None,
        })
    }

    fn rules(&self, own: &Node<'s>) -> Vec<Rule<'s>> {
        let Ok(Some(id)) = reference(own, "rulesEngine") else { return Vec::new() };
        let engine = self.engines.iter().find(|(name, _)| name.eq_ignore_ascii_case(id.name()));
        let Some((_, engine)) = engine else {
            if let Some(field) = own.field("rulesEngine") {
                field.dropped("this rules engine is not here: import it too");
            }
            return Vec::new();
        };
        let hosts: Vec<_> = self.hosts.iter().map(|(_, host)| host.name.clone()).collect();
        rules::of_engine(engine, &Context { hosts: &hosts, pool: &|id| self.pool(id) })
    }
}
