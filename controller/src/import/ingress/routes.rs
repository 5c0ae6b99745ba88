//! Routes.

use super::{
    location::{Location, Outcome, Site},
    object::Ingress,
    settings::{PlainHttp, Settings},
};
use crate::compile::MAX_MATCHES;
use serde_json::{Map, Value, json};

/// What a Route does, and for which paths of which hosts.
pub(super) struct Group {
    /// The Ingress that it comes of.
    pub(super) ingress: usize,
    /// Its spec, but for the FrontDoor, the hosts and the matches.
    pub(super) spec: Map<String, Value>,
    /// What is to be said of it.
    pub(super) about: Vec<String>,
    /// The Service that it leads to, if it leads to one.
    pub(super) service: Option<String>,
    /// The hosts.
    pub(super) hosts: Vec<String>,
    /// The patterns.
    pub(super) patterns: Vec<String>,
}

/// The Routes for the paths of these hosts.
pub(super) fn of(sites: &[Site], ingresses: &[Ingress<'_>]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for site in sites {
        let mut own: Vec<Group> = Vec::new();
        for location in &site.locations {
            let settings = &ingresses[location.ingress].settings;
            let (spec, about) = spec(settings, location, site.secret.is_some());
            let same = own.iter_mut().find(|group| {
                group.ingress == location.ingress
                    && group.spec == spec
                    && group.patterns.len() < MAX_MATCHES
            });
            if let Some(group) = same {
                group.patterns.push(location.pattern.clone());
                continue;
            }
            let service = match &location.outcome {
                Outcome::Backend(backend) => backend["service"]["name"].as_str().map(str::to_owned),
                Outcome::Redirect(_) | Outcome::Closed(_) => None,
            };
            own.push(Group {
                ingress: location.ingress,
                spec,
                about,
                service,
                hosts: vec![site.host.clone()],
                patterns: vec![location.pattern.clone()],
            });
        }
        for group in own {
            let same = |known: &&mut Group| {
                known.ingress == group.ingress
                    && known.spec == group.spec
                    && known.patterns == group.patterns
            };
            match groups.iter_mut().find(same) {
                Some(known) => known.hosts.extend(group.hosts),
                None => groups.push(group),
            }
        }
    }
    groups
}

/// What a Route does with the requests of a path.
fn spec(
    settings: &Settings,
    location: &Location,
    has_certificate: bool,
) -> (Map<String, Value>, Vec<String>) {
    let mut spec = Map::new();
    let mut rules = Vec::new();
    // Such a redirect is not of a path of the Ingress, whose annotations are not for it.
    if let Outcome::Redirect(redirect) = &location.outcome {
        return (Map::from_iter([("redirect".to_owned(), redirect.clone())]), Vec::new());
    }
    if settings.plain_http == PlainHttp::RedirectAlways && !has_certificate {
        rules.push(json!({
            "name": "to-https",
            "when": [{"scheme": "Http"}],
            "do": {"redirect": {"scheme": "https", "status": 308}},
        }));
    }
    if let Some(policy) = &settings.cors {
        spec.insert("cors".to_owned(), policy.clone());
    }
    if let Some(edits) = settings.response_headers.to_value(settings.cors.is_some()) {
        spec.insert("responseHeaders".to_owned(), edits);
    }
    let mut closed = settings.closed.clone();
    if let Outcome::Closed(why) = &location.outcome {
        closed.push(why.clone());
    }
    match (&location.outcome, settings.redirect.as_ref()) {
        (_, Some(redirect)) => {
            spec.insert("redirect".to_owned(), redirect.clone());
        }
        (Outcome::Backend(backend), None) if closed.is_empty() => {
            forward(settings, location, backend, &mut spec, &mut rules);
        }
        _ => {
            let spec = Map::from_iter([("respond".to_owned(), json!({"status": 503}))]);
            let why = |why: &String| format!("Answers 503: {}.", why.replace(['\n', '\r'], " "));
            return (spec, closed.iter().map(why).collect());
        }
    }
    if !rules.is_empty() {
        spec.insert("rules".to_owned(), rules.into());
    }
    (spec, Vec::new())
}

/// A Route with backends.
fn forward(
    settings: &Settings,
    location: &Location,
    backend: &Value,
    spec: &mut Map<String, Value>,
    rules: &mut Vec<Value>,
) {
    let with_tls = |backend: &Value, weight: Option<u32>| {
        let mut backend = backend.clone();
        if let Some(tls) = &settings.backend_tls {
            backend["tls"] = tls.clone();
        }
        if let Some(weight) = weight {
            backend["weight"] = weight.into();
        }
        backend
    };
    spec.extend(settings.forwarding.clone());
    if let Some(path) = &location.rewrite {
        let rewrite = spec.entry("rewrite").or_insert_with(|| json!({}));
        rewrite["path"] = path.clone().into();
    }
    if let Some(edits) = settings.request_headers.to_value(false) {
        spec.insert("requestHeaders".to_owned(), edits);
    }
    rules.extend(settings.access.iter().cloned());
    for rule in &location.rules {
        let mut rule = rule.clone();
        // A rule's block replaces the Route's as a whole.
        if let Some(host) = settings.forwarding.get("rewrite").and_then(|it| it.get("host"))
            && rule["do"].get("rewrite").is_some()
        {
            rule["do"]["rewrite"]["host"] = host.clone();
        }
        rules.push(rule);
    }
    let mut backends = vec![with_tls(backend, None)];
    if let Some((other, canary)) = &location.canary {
        for (number, (condition, takes)) in canary.conditions.iter().enumerate() {
            let target = if *takes { other } else { backend };
            rules.push(json!({
                "name": format!("canary-{}", number + 1),
                "when": [condition],
                "do": {"backends": [with_tls(target, None)]},
                "stop": true,
            }));
        }
        if canary.weight > 0 {
            backends = vec![
                with_tls(backend, Some(canary.total - canary.weight)),
                with_tls(other, Some(canary.weight)),
            ];
        }
    }
    spec.insert("backends".to_owned(), backends.into());
}
