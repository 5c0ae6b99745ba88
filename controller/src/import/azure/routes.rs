//! The Routes of a front door: what is done with the requests of each cell, and cells for which that
//! is the same in one Route.

use super::{
    door::{Cell, Door, Host, Plain, Route, Target, cells},
    names::{self, Taken},
    pool::{Forwarding, Scheme},
    rules::{self, Place},
};
use portico_crds::{
    MAX_RULES, PlainHttp, RedirectScheme, Respond, RouteActions, RouteRule, RuleCondition,
    RuleRedirect, RuleScheme,
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How many matches a Route may have.
const MAX_MATCHES: usize = 16;

/// Why a Route has no backends.
const UNKNOWN: &str =
    "what is done with these requests has no equal: they get 503, so that no wider Route gets them";

/// The spec of a Route, and what it is called.
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) spec: Map<String, Value>,
}

/// Draws up the Routes of some hosts of a front door.
pub(super) struct Routes<'d, 's> {
    door: &'d Door<'s>,
    hosts: &'d [Host<'s>],
    cells: Vec<(&'d Host<'s>, Vec<Cell>)>,
    /// What is done with plain HTTP on hosts with TLS.
    pub(super) plain: PlainHttp,
}

impl<'d, 's> Routes<'d, 's> {
    pub(super) fn new(door: &'d Door<'s>, hosts: &'d [Host<'s>]) -> Self {
        let cells: Vec<_> =
            hosts.iter().map(|host| (host, cells(&door.routes, &host.name))).collect();
        let mut routes = Self { door, hosts, cells, plain: PlainHttp::Serve };
        let with_tls = routes.cells.iter().filter(|(host, _)| routes.has_tls(host));
        let plain: Vec<_> = with_tls
            .flat_map(|(_, cells)| cells)
            .filter(|cell| cell.http.is_some() || cell.https.is_some())
            .map(|cell| cell.http.as_ref().map(|(index, _)| door.routes[*index].plain()))
            .collect();
        routes.plain = if plain.contains(&Some(Plain::Served)) {
            PlainHttp::Serve
        } else if plain.contains(&Some(Plain::Redirected)) {
            PlainHttp::Redirect
        } else {
            PlainHttp::Refuse
        };
        routes.say_what_happens_to_plain_http();
        routes
    }

    /// Whether a host is served over TLS.
    pub(super) fn has_tls(&self, host: &Host<'_>) -> bool {
        let of_host = |route: &&Route<'_>| route.hosts.contains(&host.name);
        self.door.routes.iter().filter(of_host).any(|route| route.https)
    }

    fn say_what_happens_to_plain_http(&self) {
        for route in &self.door.routes {
            let how = match (self.plain, route.plain()) {
                (PlainHttp::Redirect, Plain::Redirected) => {
                    "plain HTTP is redirected to https with 308, by plainHttp of the FrontDoor"
                }
                (PlainHttp::Refuse, Plain::Served) if !route.http => {
                    "plain HTTP is refused with 403, by plainHttp of the FrontDoor"
                }
                (PlainHttp::Serve, Plain::Redirected) if route.to_https.is_some() => {
                    "plain HTTP is redirected to https by a rule of the Route, with 307"
                }
                (PlainHttp::Redirect | PlainHttp::Refuse | PlainHttp::Serve, _) => continue,
            };
            route.to_https.as_ref().unwrap_or(&route.protocols).changed(how);
        }
    }

    /// The Routes.
    pub(super) fn drafts(&self) -> Vec<Draft> {
        // By spec, then by pattern: the hosts.
        let mut alike: Vec<(Draft, BTreeMap<String, BTreeSet<&str>>)> = Vec::new();
        let mut places = BTreeMap::new();
        for (host, cells) in &self.cells {
            for cell in cells {
                let draft = self.draft(host, cell);
                let key = serde_json::to_string(&(&draft.name, &draft.spec)).unwrap_or_default();
                let place = *places.entry(key).or_insert_with(|| {
                    alike.push((draft, BTreeMap::new()));
                    alike.len() - 1
                });
                let hosts = alike[place].1.entry(cell.pattern.text()).or_default();
                hosts.insert(&host.name);
            }
        }
        let all: BTreeSet<_> = self.hosts.iter().map(|host| host.name.as_str()).collect();
        let mut drafts = Vec::new();
        for (draft, patterns) in alike {
            let mut by_hosts: BTreeMap<BTreeSet<&str>, Vec<String>> = BTreeMap::new();
            for (pattern, hosts) in patterns {
                by_hosts.entry(hosts).or_default().push(pattern);
            }
            for (hosts, patterns) in by_hosts {
                for patterns in patterns.chunks(MAX_MATCHES) {
                    let matches = patterns.iter().map(|path| json!({"path": path}));
                    let mut spec = draft.spec.clone();
                    spec.insert("matches".to_owned(), matches.collect());
                    if hosts != all {
                        spec.insert("hosts".to_owned(), hosts.iter().copied().collect());
                    }
                    drafts.push(Draft { name: draft.name.clone(), spec });
                }
            }
        }
        drafts
    }

    /// What is done with the requests of a cell.
    fn draft(&self, host: &Host<'_>, cell: &Cell) -> Draft {
        let has_tls = self.has_tls(host);
        let http = match (self.plain, &cell.https) {
            // They don't get as far.
            (PlainHttp::Redirect | PlainHttp::Refuse, Some(https)) => Some(https),
            (PlainHttp::Redirect | PlainHttp::Refuse | PlainHttp::Serve, _) => cell.http.as_ref(),
        };
        let (own, scheme) = match (&cell.https, http) {
            (Some(https), _) => (https, Scheme::Https),
            (None, Some(http)) => (http, Scheme::Http),
            (None, None) => return unmatched(),
        };
        let route = &self.door.routes[own.0];
        let mut made = Made::of(route, host, cell, own, scheme);
        let is_redirected = self.plain == PlainHttp::Serve && route.to_https.is_some();
        let mut first = match http {
            None => vec![only(RuleScheme::Http, not_found())],
            Some(http) if http.0 != own.0 => {
                let other = &self.door.routes[http.0];
                let made = Made::of(other, host, cell, http, Scheme::Http);
                made.rules_over_http(other)
            }
            Some(_) if is_redirected && scheme == Scheme::Https => {
                vec![only(RuleScheme::Http, to_https())]
            }
            Some(_) if scheme == Scheme::Https => match &route.target {
                // Over plain HTTP, the same backends are reached by it.
                Target::Forward { pool, by: Forwarding::MatchRequest, .. }
                    if self.plain == PlainHttp::Serve =>
                {
                    let backends = Some(pool.backends(Scheme::Http));
                    vec![only(RuleScheme::Http, RouteActions { backends, ..Default::default() })]
                }
                Target::Forward { .. } | Target::Redirect(_) | Target::Unknown => Vec::new(),
            },
            Some(_) if has_tls => {
                vec![only(RuleScheme::Https, not_found())]
            }
            Some(_) => Vec::new(),
        };
        first.append(&mut made.rules);
        made.rules = first;
        made.draft(route)
    }
}

/// What becomes of a route for the requests of a cell.
struct Made {
    /// `backends` and what belongs to them, `redirect` or `respond`.
    spec: Map<String, Value>,
    rules: Vec<RouteRule>,
}

impl Made {
    fn of(
        route: &Route<'_>,
        host: &Host<'_>,
        cell: &Cell,
        (_, matched): &(usize, super::pattern::Pattern),
        scheme: Scheme,
    ) -> Self {
        let mut spec = Map::new();
        let mut place = Place { own: &cell.pattern, matched, base: None, host: None, scheme };
        let own_host;
        match &route.target {
            Target::Redirect(redirect) => {
                put(&mut spec, "redirect", Some(redirect));
            }
            Target::Unknown => {
                route.node.dropped(UNKNOWN);
                put(&mut spec, "respond", Some(json!({"status": 503})));
            }
            Target::Forward { pool, by, path } => {
                let backends = rules::backends(pool, *by, scheme);
                own_host = pool.host();
                place.host = own_host.as_deref();
                place.base = path.as_deref();
                let path = path.as_ref().and_then(|path| cell.pattern.moved(matched, path));
                if path.is_some() || own_host.is_some() {
                    let path = path.map(|path| ("path", path));
                    let host = own_host.clone().map(|host| ("host", host));
                    let rewrite: BTreeMap<_, _> = path.into_iter().chain(host).collect();
                    put(&mut spec, "rewrite", Some(rewrite));
                }
                let affinity = host.affinity.or(pool.affinity);
                let cookie = pool.cookie(affinity);
                put(&mut spec, "affinity", cookie);
                put(&mut spec, "health", pool.health.as_ref());
                let balance = pool.balance.as_ref().filter(|_| backends.len() > 1);
                put(&mut spec, "balance", balance);
                put(&mut spec, "backends", Some(backends));
            }
        }
        let rules = route.rules.iter().flat_map(|rule| rule.at(&place, None)).collect();
        Self { spec, rules }
    }

    /// The same for plain HTTP, as rules of a Route that does something else with TLS.
    fn rules_over_http(self, route: &Route<'_>) -> Vec<RouteRule> {
        let mut does = RouteActions::default();
        match &route.target {
            Target::Redirect(redirect) => does.redirect = Some(redirect.clone()),
            Target::Unknown => does = unavailable(),
            Target::Forward { .. } => {
                let part = |name: &str| self.spec.get(name).cloned().unwrap_or_default();
                does.backends = serde_json::from_value(part("backends")).ok();
                does.rewrite = serde_json::from_value(part("rewrite")).ok();
            }
        }
        let over_http = rules::scheme(RuleScheme::Http);
        let mut all = self.rules;
        for rule in &mut all {
            rule.when.insert(0, over_http.clone());
        }
        let base = RouteRule { name: "plain-http".to_owned(), ..only(RuleScheme::Http, does) };
        // What ends the way comes last, what the rules may change first.
        match &route.target {
            Target::Forward { .. } => all.insert(0, base),
            Target::Redirect(_) | Target::Unknown => all.push(base),
        }
        all
    }

    /// With as many rules as a Route may have, each with a name of its own.
    fn draft(mut self, route: &Route<'_>) -> Draft {
        let forwards = self.spec.contains_key("backends")
            || self
                .rules
                .iter()
                .filter_map(|rule| rule.r#do.as_ref())
                .any(|it| it.backends.is_some());
        let mut taken = Taken::default();
        for rule in &mut self.rules {
            rule.name = taken.unique(&rule.name);
            if let (false, Some(does)) = (forwards, &mut rule.r#do) {
                (does.request_headers, does.rewrite) = (None, None);
                if **does == RouteActions::default() {
                    rule.r#do = None;
                }
            }
        }
        self.rules.retain(|rule| rule.r#do.is_some() || rule.stop);
        if self.rules.len() > MAX_RULES {
            route.engine.as_ref().unwrap_or(&route.node).changed(format!(
                "has more rules than the {MAX_RULES} that a Route may have: those that come last are left out; make several Routes"
            ));
            self.rules.truncate(MAX_RULES);
        }
        put(&mut self.spec, "rules", Some(&self.rules).filter(|rules| !rules.is_empty()));
        Draft { name: names::label(&route.name), spec: self.spec }
    }
}

fn put(spec: &mut Map<String, Value>, name: &str, value: Option<impl Serialize>) {
    let value = value.and_then(|value| serde_json::to_value(value).ok());
    spec.extend(value.map(|value| (name.to_owned(), value)));
}

/// A rule for one scheme.
fn only(scheme: RuleScheme, does: RouteActions) -> RouteRule {
    let name = match scheme {
        RuleScheme::Http => "plain-http",
        RuleScheme::Https => "https",
    };
    let when: Vec<RuleCondition> = vec![rules::scheme(scheme)];
    RouteRule { name: name.to_owned(), when, r#do: Some(Box::new(does)), stop: false }
}

fn to_https() -> RouteActions {
    let redirect = RuleRedirect {
        scheme: Some(RedirectScheme::Https),
        host: None,
        allowed_hosts: Vec::new(),
        port: None,
        path: None,
        status: 307,
    };
    RouteActions { redirect: Some(redirect), ..RouteActions::default() }
}

fn respond(status: i32) -> RouteActions {
    let respond = Respond { status, headers: Vec::new(), body: None };
    RouteActions { respond: Some(respond), ..RouteActions::default() }
}

fn not_found() -> RouteActions {
    respond(404)
}

fn unavailable() -> RouteActions {
    respond(503)
}

/// For the path that a pattern of the same text matches here and not there, where nothing else does.
fn unmatched() -> Draft {
    let mut spec = Map::new();
    put(&mut spec, "respond", Some(json!({"status": 404})));
    Draft { name: "unmatched".to_owned(), spec }
}
