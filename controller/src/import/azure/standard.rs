//! Standard and Premium: `Microsoft.Cdn/profiles`, with endpoints, routes, origin groups, origins, rule
//! sets, rules and custom domains, each a resource of its own.

use super::{
    door::{Door, Host, Route, Target},
    pattern::is_path,
    pool::{self, Forwarding, Origin, Pool, ProbeFields},
    read::{Unclear, bookkeeping, flag, properties, reference, references, text, unclear},
    resource::{Id, Resource},
    rules::{self, CACHING, Context, Rule},
    shared::{NOWHERE, certificates, is_off, patterns, private_link, protocols, timeout},
};
use crate::import::{Node, Report};
use std::{cell::RefCell, collections::BTreeSet};

/// The kind of a profile, in lower case.
pub(super) const PROFILE: &str = "microsoft.cdn/profiles";
const ENDPOINT: &str = "afdendpoints";
const ROUTE: &str = "afdendpoints/routes";
const GROUP: &str = "origingroups";
const ORIGIN: &str = "origins";
const RULE: &str = "rules";
const DOMAIN: &str = "customdomains";

const PROBE: ProbeFields = ProbeFields {
    path: "probePath",
    protocol: "probeProtocol",
    interval: "probeIntervalInSeconds",
    method: "probeRequestType",
    latency: "additionalLatencyInMilliseconds",
};

/// A profile and what is part of it.
pub(super) struct Profile<'s> {
    id: Id,
    resources: &'s [Resource],
    report: &'s Report,
    /// The places of the resources that have been looked at.
    used: RefCell<BTreeSet<usize>>,
}

impl<'s> Profile<'s> {
    /// The profiles that these resources are part of, whether or not they are themselves there.
    pub(super) fn all(resources: &'s [Resource], report: &'s Report) -> Vec<Self> {
        let mut ids: Vec<Id> = Vec::new();
        for Resource { id, .. } in resources.iter().filter(|it| it.refused.is_none()) {
            let kind = id.kind.split('/').take(2).collect::<Vec<_>>().join("/");
            let Some(name) = id.names.first().filter(|_| kind == PROFILE) else { continue };
            let id = Id::new(PROFILE, name);
            if !ids.iter().any(|own| own.is(&id)) {
                ids.push(id);
            }
        }
        let profile = |id| Self { id, resources, report, used: RefCell::default() };
        ids.into_iter().map(profile).collect()
    }

    /// The resources of a kind that are part of one of these.
    fn parts(&self, of: &Id, kind: &str) -> Vec<(&'s Id, Node<'s>)> {
        let parts = self.resources.iter().enumerate();
        let parts = parts.filter(|(_, it)| it.refused.is_none() && it.id.is_part_of(of, kind));
        parts.map(|(order, it)| (&it.id, self.node(order, it))).collect()
    }

    /// The resource with this id, and its place.
    fn resource(&self, id: &Id) -> Option<(usize, &'s Resource)> {
        let mut all = self.resources.iter().enumerate();
        all.find(|(_, it)| it.refused.is_none() && it.id.is(id))
    }

    fn find(&self, id: &Id) -> Option<Node<'s>> {
        self.resource(id).map(|(order, found)| self.node(order, found))
    }

    /// A resource as a whole.
    fn root(&self, id: &Id) -> Option<Node<'s>> {
        let (order, found) = self.resource(id)?;
        Some(Node::of(&found.value, order, &found.label, self.report))
    }

    /// The fields of a resource.
    fn node(&self, order: usize, resource: &'s Resource) -> Node<'s> {
        self.used.borrow_mut().insert(order);
        let node = Node::of(&resource.value, order, &resource.label, self.report);
        properties(&node)
    }

    /// The front door that it is.
    pub(super) fn door(&self) -> Door<'s> {
        let own = self.find(&self.id);
        let timeout = own.and_then(|own| timeout(&own, "originResponseTimeoutSeconds"));
        let mut is_tls13 = false;
        let mut hosts: Vec<(Id, Host<'s>)> = Vec::new();
        for (id, node) in self.parts(&self.id, DOMAIN) {
            let Ok(Some(name)) = text(&node, "hostName") else { continue };
            is_tls13 |= self.tls(&node);
            let Some(field) = node.field("hostName") else { continue };
            let host = Host { name: name.to_ascii_lowercase(), node: field, affinity: None };
            hosts.push((id.clone(), host));
        }
        let mut endpoints = Vec::new();
        for (id, node) in self.parts(&self.id, ENDPOINT) {
            if is_off(&node, &node) {
                endpoints.push((id, None));
                continue;
            }
            let given = text(&node, "hostName").ok().flatten().map(str::to_ascii_lowercase);
            let name = given.unwrap_or_else(|| format!("{}.azurefd.net", id.name().to_lowercase()));
            let field = node.field("hostName").or_else(|| self.root(id)?.field("name"));
            let field = field.unwrap_or_else(|| node.clone());
            endpoints.push((id, Some(Host { name, node: field, affinity: None })));
        }
        let reader = Reader { profile: self, domains: &hosts, endpoints: &endpoints };
        let routes = self.parts(&self.id, ROUTE);
        let routes: Vec<_> =
            routes.iter().filter_map(|(id, node)| reader.route(id, node)).collect();
        let is_used = |host: &&Host<'s>| {
            routes.iter().any(|route: &Route<'s>| route.hosts.contains(&host.name))
        };
        let of_endpoints = endpoints.iter().filter_map(|(_, host)| host.as_ref());
        let mut used: Vec<Host<'s>> = Vec::new();
        for (_, host) in &hosts {
            if is_used(&host) {
                used.push(host.clone());
            } else {
                host.node.dropped("no route is for this host");
            }
        }
        used.extend(of_endpoints.filter(is_used).cloned());
        self.report_the_unused();
        let name = self.id.name().to_owned();
        let label = format!("Microsoft.Cdn/profiles {name}");
        Door { name, label, hosts: used, routes, timeout, is_tls13 }
    }

    fn report_the_unused(&self) {
        for (order, resource) in self.resources.iter().enumerate() {
            let is_part = [GROUP, "origingroups/origins", "rulesets", "rulesets/rules"]
                .iter()
                .any(|kind| resource.id.is_part_of(&self.id, kind));
            if is_part && resource.refused.is_none() && !self.used.borrow().contains(&order) {
                let node = Node::of(&resource.value, order, &resource.label, self.report);
                match resource.id.kind.ends_with("rulesets") {
                    // It has nothing but its name.
                    true => bookkeeping(&node),
                    false => node.dropped("no route that is kept uses it"),
                }
            }
        }
    }

    /// Reads the TLS settings of a custom domain: whether it asks for TLS 1.3.
    fn tls(&self, domain: &Node<'s>) -> bool {
        let Some(tls) = domain.field("tlsSettings") else { return false };
        for name in ["certificateType", "secret", "cipherSuiteSetType", "customizedCipherSuiteSet"]
        {
            if let Some(field) = tls.field(name) {
                field.changed("its certificate is one of a Secret here");
            }
        }
        match text(&tls, "minimumTlsVersion") {
            Ok(Some("TLS13")) => true,
            Ok(Some("TLS10")) => {
                tls.changed("TLS is at least 1.2 here");
                false
            }
            _ => false,
        }
    }

    fn pool(&self, id: &Id) -> Option<Pool<'s>> {
        let own = self.find(id)?;
        let samples = own.field("loadBalancingSettings");
        let probe = own.field("healthProbeSettings");
        let mut pool = Pool { name: id.name().to_owned(), ..Pool::default() };
        pool.health = pool::health(probe.as_ref(), samples.as_ref(), &PROBE).ok().flatten();
        pool.balance = pool::balance(samples.as_ref(), &PROBE).ok().flatten();
        pool.affinity = (flag(&own, "sessionAffinityState") == Ok(Some(true))).then_some(0);
        if let Some(time) = own.field("trafficRestorationTimeToHealedOrNewEndpointsInMinutes") {
            time.kept();
        }
        for (_, origin) in self.parts(id, ORIGIN) {
            private_link(&origin);
            for name in ["originGroupName", "azureOrigin"] {
                origin.field(name).iter().for_each(Node::kept);
            }
            if let Some(check) = origin.field("enforceCertificateNameCheck") {
                certificates(&check);
            }
            if !is_off(&origin, &origin) {
                pool.origins.extend(Origin::read(&origin, "hostName", "originHostHeader"));
            }
        }
        Some(pool)
    }

    /// The rules of a rule set, in their order.
    fn rules(&self, set: &Id, hosts: &[String]) -> Vec<Rule<'s>> {
        let context = Context { hosts, pool: &|id| self.pool(id) };
        let parts = self.parts(set, RULE);
        let read = |(id, node): &(&Id, Node<'s>)| rules::of_rule_set(node, id.name(), &context);
        let mut rules: Vec<_> = parts.iter().filter_map(read).collect();
        rules.sort_by_key(|(order, _)| *order);
        rules.into_iter().map(|(_, rule)| rule).collect()
    }
}

struct Reader<'r, 's> {
    profile: &'r Profile<'s>,
    domains: &'r [(Id, Host<'s>)],
    endpoints: &'r [(&'s Id, Option<Host<'s>>)],
}

impl<'s> Reader<'_, 's> {
    /// A route; `None` if it takes no requests, which is reported.
    fn route(&self, id: &Id, node: &Node<'s>) -> Option<Route<'s>> {
        if is_off(node, node) {
            return None;
        }
        let (http, https) = protocols(node, "supportedProtocols").ok()?;
        let to_https = flag(node, "httpsRedirect").ok()? == Some(true);
        let to_https = node.field("httpsRedirect").filter(|_| to_https && https);
        let patterns = patterns(node);
        let hosts = self.hosts(id, node).ok()?;
        if hosts.is_empty() || patterns.is_empty() {
            node.dropped(NOWHERE);
            return None;
        }
        if let Some(cache) = node.field("cacheConfiguration") {
            cache.dropped(CACHING);
        }
        let target = self.target(node).unwrap_or(Target::Unknown);
        let mut rules = Vec::new();
        for (at, set) in references(node, "ruleSets").unwrap_or_default() {
            let of_set = self.profile.rules(&set, &hosts);
            if of_set.is_empty() && self.profile.parts(&set, RULE).is_empty() {
                at.dropped("no rule of this rule set is here: import its rules too");
            }
            rules.extend(of_set);
        }
        Some(Route {
            name: id.name().to_owned(),
            node: node.clone(),
            protocols: node.field("supportedProtocols").unwrap_or_else(|| node.clone()),
            engine: node.field("ruleSets"),
            hosts,
            http,
            https,
            patterns,
            to_https,
            target,
            rules,
        })
    }

    fn hosts(&self, id: &Id, node: &Node<'s>) -> Result<Vec<String>, Unclear> {
        let mut hosts = Vec::new();
        for (at, id) in references(node, "customDomains")? {
            match self.domains.iter().find(|(own, _)| own.is(&id)) {
                Some((_, host)) => hosts.push(host.name.clone()),
                None => at.dropped("this custom domain is not here: import it too"),
            }
        }
        let is_of = |endpoint: &Id| id.is_part_of(endpoint, "routes");
        let endpoint = self.endpoints.iter().find(|(own, _)| is_of(own));
        if let Some((_, None)) = endpoint {
            node.dropped("its endpoint is disabled there");
            return Err(Unclear);
        }
        let is_linked = flag(node, "linkToDefaultDomain")?;
        if is_linked == Some(true) || is_linked.is_none() && hosts.is_empty() {
            hosts
                .extend(endpoint.and_then(|(_, host)| host.as_ref()).map(|host| host.name.clone()));
        }
        Ok(hosts)
    }

    fn target(&self, node: &Node<'s>) -> Result<Target<'s>, Unclear> {
        let by = Forwarding::read(node)?;
        let path = text(node, "originPath")?;
        if path.is_some_and(|path| !is_path(path) || path.contains('{')) {
            return Err(unclear(node, "a route with an origin path such as /v1/"));
        }
        let Some(id) = reference(node, "originGroup")? else {
            return Err(unclear(node, "a route with an origin group"));
        };
        match self.profile.pool(&id).filter(|pool| !pool.origins.is_empty()) {
            Some(pool) => {
                let (pool, path) = (Box::new(pool), path.map(str::to_owned));
                Ok(Target::Forward { pool, by, path })
            }
            None => {
                node.dropped(format!("there is no origin in use in '{}'", id.name()));
                Err(Unclear)
            }
        }
    }
}
