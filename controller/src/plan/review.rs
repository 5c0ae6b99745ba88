//! What will not work under one origin by itself and must be looked at. No names of cookies and no
//! values are shown.

use super::{
    calls::Calls,
    doors::{BackendTarget, Door},
    facts::Facts,
    note::Review,
    owners::Owner,
};
use std::collections::BTreeMap;

/// What the recording shows of hosts that would move, and which hosts would not.
pub(super) fn of(calls: &Calls<'_>, doors: &[Door]) -> Vec<Review> {
    let by_origin: BTreeMap<_, _> = calls
        .recordings
        .facts
        .iter()
        .map(|(number, facts)| (calls.origin(*number), (*number, facts)))
        .collect();
    // The page's own host need not have been called.
    let unrecorded = Facts::default();
    let mut review = Vec::new();
    for door in doors {
        let page = by_origin.get(door.page.as_str()).map_or(&unrecorded, |(_, facts)| *facts);
        of_page(door, page, &mut review);
        for route in door.routes.iter().skip(1) {
            if let Some((number, facts)) = by_origin.get(route.origin.as_str()) {
                of_host(calls, (door, &by_origin), *number, (page, facts), &mut review);
            }
        }
        of_pairs(door, &by_origin, &mut review);
    }
    for (number, owner) in &calls.owners {
        let origin = calls.origin(*number);
        let (kind, why) = match owner {
            Owner::Same => continue,
            Owner::Other => (
                "other-domain",
                "it is under another domain than the page: move it only if it is your own",
            ),
            Owner::ThirdParty => {
                ("third-party", "it belongs to others, so the plan leaves it alone")
            }
        };
        review.push(Review::new(kind, origin, why));
    }
    review
}

fn of_page(door: &Door, facts: &Facts, review: &mut Vec<Review>) {
    let mut add = |kind, why: &str| review.push(Review::new(kind, &door.page, why));
    let own = door.routes.iter().find(|route| route.origin == door.page);
    match own.map(|route| &route.backend) {
        Some(BackendTarget::External(_)) => add(
            "page",
            "the front door takes over this host. Point the backend of its Route at where the page is served now, or name the Service with --service, or requests go round in a circle",
        ),
        Some(BackendTarget::Service(_) | BackendTarget::Address { .. }) => {}
        None => add("page", "its own requests have no Route yet: add one for /*"),
    }
    if door.page.starts_with("https:") {
        add(
            "tls",
            "browsers use https here: give the host a certificate in tls.secretRef, unless something in front of Portico terminates TLS",
        );
    }
    if facts.restricts_connections {
        add(
            "csp",
            "its Content-Security-Policy restricts where scripts connect: allow 'self' in connect-src, and remove the hosts that have moved",
        );
    }
    if facts.has_service_worker {
        add(
            "service-worker",
            "a service worker answers for this origin, and will see the calls that move here: check what it caches",
        );
    }
    if door.routes.iter().any(|route| route.prefix.is_some()) {
        add(
            "calls",
            "some calls get a prefix: change them in the page; the text report and the comments in the manifests list them",
        );
    }
}

/// What a host does that will be different once it shares the page's origin.
fn of_host(
    calls: &Calls<'_>,
    (door, by_origin): (&Door, &BTreeMap<&str, (u32, &Facts)>),
    number: u32,
    (page, facts): (&Facts, &Facts),
    review: &mut Vec<Review>,
) {
    let origin = calls.origin(number);
    let mut add = |kind, why: &str| review.push(Review::new(kind, origin, why));
    if facts.sets_domain_cookies {
        add(
            "cookies",
            "it sets cookies with Domain: Portico drops a Domain that is the backend's own, so that the page's origin keeps them; others that share it lose them",
        );
    }
    if facts.cookies.intersection(&page.cookies).next().is_some() {
        add(
            "cookies",
            "it sets a cookie of the same name as the page's host: under one origin they overwrite each other; rename one, or give it a Path",
        );
    }
    if facts.allows_credentials || facts.gets_cookies {
        add(
            "credentials",
            "calls to it carry credentials: under one origin, scripts send the page's cookies with credentials: 'same-origin', the default",
        );
    } else if page.gets_cookies || !page.cookies.is_empty() {
        add(
            "credentials",
            "calls to it carry no cookies, but under one origin they carry the page's: remove Cookie in the Route's requestHeaders if it should not get them",
        );
    }
    if facts.checks_origin {
        add(
            "origin",
            "its responses depend on Origin: under one origin, GET requests have none, and Portico sends the backend's own in others; check what the server does then",
        );
    }
    if facts.has_service_worker {
        add(
            "service-worker",
            "it serves a service worker, which is registered for the page's origin from then on",
        );
    }
    for other in &facts.redirects {
        // A host that was not called is known from a header alone, so it is not named.
        let is_recorded = calls.recordings.facts.contains_key(other);
        let other = if is_recorded { calls.origin(*other) } else { "a host that was not recorded" };
        let why = format!(
            "it redirects to {other}: Portico maps redirects to the backend itself, and leaves others as they are"
        );
        add("redirect", &why);
    }
    let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
    let hash = std::hash::BuildHasher::hash_one(&calls.recordings.hasher, authority);
    let names =
        |origin: &str| by_origin.get(origin).is_some_and(|(_, facts)| facts.names.contains(&hash));
    let origins = door.routes.iter().map(|route| route.origin.as_str());
    for namer in origins.filter(|origin| names(origin)) {
        let why = format!(
            "bodies from {namer} have absolute URLs of it, which still lead to the old host: make them relative"
        );
        add("absolute-urls", &why);
    }
}

/// Cookies that two of the hosts set.
fn of_pairs(door: &Door, facts: &BTreeMap<&str, (u32, &Facts)>, review: &mut Vec<Review>) {
    let hosts: Vec<_> = door.routes.iter().skip(1).map(|route| route.origin.as_str()).collect();
    for (at, one) in hosts.iter().enumerate() {
        for other in &hosts[..at] {
            let (Some((_, ours)), Some((_, theirs))) = (facts.get(one), facts.get(other)) else {
                continue;
            };
            if ours.cookies.intersection(&theirs.cookies).next().is_some() {
                let why = format!(
                    "it sets a cookie of the same name as {other}: under one origin they overwrite each other; rename one, or give it a Path"
                );
                review.push(Review::new("cookies", one, &why));
            }
        }
    }
}
