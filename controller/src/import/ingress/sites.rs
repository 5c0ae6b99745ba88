//! Which paths all Ingresses have at each host.

use super::{
    controller::Controller,
    hosts,
    location::{Location, Outcome, Site, fences, is_below},
    object::{Ingress, Path},
    place::{self, PathType, Place, Reading},
    settings::{Canary, Rewriting},
};
use serde_json::{Value, json};
use std::{cmp::Reverse, collections::BTreeSet};

/// The hosts of all Ingresses, which are in order of age.
pub(super) fn of(ingresses: &[Ingress<'_>], from: Controller) -> Vec<Site> {
    let mut sites: Vec<Site> = Vec::new();
    let mains = || ingresses.iter().enumerate().filter(|(_, it)| it.settings.canary.is_none());
    for (at, ingress) in mains() {
        for rule in &ingress.rules {
            match hosts::entry(rule.host) {
                Some(host) => {
                    let site = site(&mut sites, host);
                    if !site.ingresses.contains(&at) {
                        site.ingresses.push(at);
                    }
                }
                None => rule.node.dropped(format!("{:?} is not the name of a host", rule.host)),
            }
        }
        if ingress.rules.is_empty() && ingress.default_backend.is_some() {
            let site = site(&mut sites, "*".to_owned());
            if !site.ingresses.contains(&at) {
                site.ingresses.push(at);
            }
        }
    }
    for site in &mut sites {
        locate(site, ingresses, from);
    }
    for (at, ingress) in ingresses.iter().enumerate() {
        if let Some(canary) = &ingress.settings.canary {
            take(&mut sites, ingresses, at, canary);
        }
    }
    for (at, ingress) in mains() {
        more_names(&mut sites, ingress, at);
    }
    sites
}

fn site(sites: &mut Vec<Site>, host: String) -> &mut Site {
    let at = sites.iter().position(|site| site.host == host).unwrap_or_else(|| {
        sites.push(Site { host, ..Site::default() });
        sites.len() - 1
    });
    &mut sites[at]
}

/// The paths that an Ingress has at a host.
fn paths<'i, 's>(ingress: &'i Ingress<'s>, host: &str) -> impl Iterator<Item = &'i Path<'s>> {
    let rules = ingress.rules.iter();
    rules
        .filter(move |rule| hosts::entry(rule.host).as_deref() == Some(host))
        .flat_map(|it| &it.paths)
}

/// Finds the place of each path of a host.
fn locate(site: &mut Site, ingresses: &[Ingress<'_>], from: Controller) {
    let mut all: Vec<(usize, &Path<'_>)> = Vec::new();
    for at in &site.ingresses {
        all.extend(paths(&ingresses[*at], &site.host).map(|path| (*at, path)));
    }
    let reading = from.reading(site.ingresses.iter().any(|at| {
        let settings = &ingresses[*at].settings;
        let rewrites = |path: &Path<'_>| match &settings.rewrite {
            Rewriting::Target(target) => !target.is_empty() && target != path.text,
            Rewriting::None | Rewriting::Prefix(_) => false,
        };
        settings.has_regexes || paths(&ingresses[*at], &site.host).any(rewrites)
    }));
    // In the order in which the controller would look at them.
    match reading {
        Reading::Regex => all.sort_by_key(|(_, path)| Reverse(path.text.len())),
        Reading::Nginx | Reading::Standard => {
            all.sort_by_key(|(_, path)| (path.kind, Reverse(path.text.len())));
        }
    }
    for (at, path) in all {
        add(site, ingresses, at, path, reading);
    }
    add_root(site, ingresses);
    add_app_root(site, ingresses);
    site.fences = fences(&site.locations);
}

fn add(site: &mut Site, ingresses: &[Ingress<'_>], at: usize, path: &Path<'_>, reading: Reading) {
    let ingress = &ingresses[at];
    let mut place = match place::of(path.text, path.kind, reading, &ingress.settings.rewrite) {
        Ok(place) => place,
        Err(no_place) => {
            path.node.dropped(format!(
                "{}; until then, what it is about is answered with 503",
                no_place.why
            ));
            site.guards.push(no_place.expression);
            return;
        }
    };
    if let Err(why) = settle(site, ingresses, path, &mut place, reading) {
        return path.node.dropped(why);
    }
    for field in ["path", "pathType"] {
        path.node.field(field).iter().for_each(super::Node::kept);
    }
    if !place.notes.is_empty() {
        let noted = path.node.field("path").unwrap_or_else(|| path.node.clone());
        noted.changed(place.notes.join("; "));
    }
    let outcome = match (&place.closed, &path.target.backend) {
        (Some(why), _) => {
            path.node.dropped(format!("{why}: answered with 503 until you have written it"));
            Outcome::Closed(why.clone())
        }
        (None, Ok(backend)) => {
            path.target.node.kept();
            Outcome::Backend(backend.clone())
        }
        (None, Err(why)) => {
            path.target.node.dropped(format!("{why}; its path is answered with 503"));
            Outcome::Closed(why.clone())
        }
    };
    let is_closed = matches!(outcome, Outcome::Closed(_)) || !ingress.settings.closed.is_empty();
    let is_restricted = is_closed || !ingress.settings.access.is_empty();
    site.locations.push(Location {
        ingress: at,
        source: (path.text.to_owned(), path.kind),
        pattern: place.pattern,
        rewrite: place.rewrite,
        rules: place.rules,
        absent: place.absent,
        reach: place.reach.filter(|_| is_restricted),
        outcome,
        canary: None,
    });
}

/// Makes the pattern of a path one that no other path has, or says why it can't.
fn settle(
    site: &Site,
    ingresses: &[Ingress<'_>],
    path: &Path<'_>,
    place: &mut Place,
    reading: Reading,
) -> Result<(), String> {
    let of = |pattern: &str| site.locations.iter().find(|known| known.pattern == pattern);
    if let Some(known) = of(&place.pattern) {
        let rest = rest(known, path, reading).filter(|rest| of(rest).is_none());
        let Some(rest) = rest else {
            let Ingress { namespace, name, .. } = &ingresses[known.ingress];
            return Err(format!(
                "{} of this host is taken: by {} of Ingress {namespace}/{name}",
                place.pattern, known.source.0
            ));
        };
        (place.pattern, place.rules) = (rest, Vec::new());
    }
    let shadow = |known: &&Location| {
        let is_longer = known.source.0.len() > path.text.len();
        let is_whole = !known.absent.contains(&place.pattern);
        let is_regex = reading == Reading::Regex;
        is_regex && is_longer && is_whole && is_below(&place.pattern, &known.pattern)
    };
    match site.locations.iter().find(shadow) {
        Some(Location { source: (longer, _), .. }) => {
            Err(format!("is never reached in ingress-nginx, which tries {longer} first"))
        }
        None => Ok(()),
    }
}

/// The path that is left to one whose pattern another one has: the path itself, if that is for what
/// is below it.
fn rest(known: &Location, path: &Path<'_>, reading: Reading) -> Option<String> {
    let is_left = known.absent.iter().any(|absent| absent == path.text);
    let has_slash = known.source.0.strip_suffix('/') == Some(path.text);
    let is_other = reading == Reading::Regex || path.kind == PathType::Specific;
    (is_left || has_slash && is_other).then(|| path.text.to_owned())
}

/// Adds what no other path matches, if the first Ingress of the host says where it goes.
fn add_root(site: &mut Site, ingresses: &[Ingress<'_>]) {
    for at in site.ingresses.clone() {
        let ingress = &ingresses[at];
        let outcome = match &ingress.default_backend {
            Some(target) => match &target.backend {
                Ok(backend) => Outcome::Backend(backend.clone()),
                Err(why) => {
                    target.node.dropped(format!("{why}; its requests are answered with 503"));
                    Outcome::Closed(why.clone())
                }
            },
            None if ingress.settings.redirect.is_some() && site.ingresses.first() == Some(&at) => {
                Outcome::Backend(Value::Null)
            }
            None => continue,
        };
        if site.locations.iter().any(|location| location.pattern == "/*") {
            continue;
        }
        if let Some(target) = &ingress.default_backend {
            target.node.kept();
        }
        site.locations.push(Location::implied(at, "/*", outcome));
    }
}

/// Adds the redirect of `/`.
fn add_app_root(site: &mut Site, ingresses: &[Ingress<'_>]) {
    let app_root = |at: &usize| Some((*at, ingresses[*at].settings.app_root.as_ref()?));
    let Some((at, path)) = site.ingresses.iter().find_map(app_root) else { return };
    site.locations.retain(|location| location.pattern != "/");
    let outcome = Outcome::Redirect(json!({"path": path, "status": 302}));
    site.locations.push(Location::implied(at, "/", outcome));
}

/// Gives a canary the requests that it takes of another Ingress's path.
fn take(sites: &mut [Site], ingresses: &[Ingress<'_>], at: usize, canary: &Canary) {
    let ingress = &ingresses[at];
    for rule in &ingress.rules {
        let host = hosts::entry(rule.host);
        for path in &rule.paths {
            let site = sites.iter_mut().find(|site| Some(&site.host) == host.as_ref());
            let source = (path.text.to_owned(), path.kind);
            let mut locations = site.into_iter().flat_map(|site| &mut site.locations);
            let main = locations.find(|location| location.source == source);
            let backend = match (&main, &path.target.backend) {
                (Some(main), _) if ingresses[main.ingress].namespace != ingress.namespace => {
                    Err("a canary has to be in the namespace of the main Ingress".to_owned())
                }
                (Some(main), Ok(_)) if main.canary.is_some() => {
                    Err("the path has a canary already, and has one at most".to_owned())
                }
                (Some(_), backend) => backend.clone(),
                (None, _) => {
                    Err("no other Ingress has this path: a canary alone is ignored".to_owned())
                }
            };
            match (main, backend) {
                (Some(main), Ok(backend)) => {
                    main.canary = Some((backend, canary.clone()));
                    path.node.kept();
                }
                (_, Err(why)) => path.node.dropped(why),
                (None, Ok(_)) => {}
            }
        }
    }
}

/// Adds the other names of an Ingress's hosts.
fn more_names(sites: &mut Vec<Site>, ingress: &Ingress<'_>, at: usize) {
    let is_free = |sites: &[Site], host: &str| sites.iter().all(|site| site.host != host);
    let own: BTreeSet<String> =
        ingress.rules.iter().filter_map(|rule| hosts::entry(rule.host)).collect();
    for host in own.iter().filter(|host| *host != "*") {
        let Some(site) = sites.iter().find(|site| site.host == **host).cloned() else { continue };
        for alias in &ingress.settings.aliases {
            if is_free(sites, alias) {
                sites.push(Site { host: alias.clone(), ..site.clone() });
            }
        }
        let other = match host.strip_prefix("www.") {
            Some(bare) => bare.to_owned(),
            None => format!("www.{host}"),
        };
        let is_wanted = ingress.settings.has_www_redirect && !host.starts_with('*');
        if is_wanted && hosts::is_name(&other) && is_free(sites, &other) {
            let outcome = Outcome::Redirect(json!({"host": host, "status": 308}));
            let location = Location::implied(at, "/*", outcome);
            let (ingresses, locations) = (vec![at], vec![location]);
            sites.push(Site { host: other, ingresses, locations, ..Site::default() });
        }
    }
}
