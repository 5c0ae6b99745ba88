//! The phases of rules: those of the FrontDoor before a Route is found, those of the Route after the
//! CORS policy.

use super::{
    affinity,
    headers::{ClientInfo, KeptApart},
    local_reply::{self, RouteReply},
    peer::Peer,
    target::Host,
};
use crate::{
    path::Captures,
    refusal::Refusal,
    router,
    rules::{self, Check, Effects, Seen, Sender, Subject, Terms, Values},
    table::{Redirect, Respond, RouteMatch, RuleReply, RuleRespond, VirtualHost},
};
use http::{HeaderMap, HeaderValue, Version, header, request::Parts};
use std::borrow::Cow;

/// A request that meets rules.
#[derive(Clone, Copy)]
pub(crate) struct Meeting<'r, 't> {
    pub(super) virtual_host: &'t VirtualHost,
    pub(super) peer: &'r Peer,
    pub(super) client: &'r ClientInfo,
    pub(super) head: &'r Parts,
    /// Its normalised path.
    pub(super) path: &'r str,
    /// Its id, unless a trusted proxy has assigned one.
    pub(super) id: &'r HeaderValue,
    /// What looking at it may cost.
    pub(super) budget: &'r router::Budget,
    pub(super) seen: Seen,
}

/// What is left to do with a request that its Route's rules have met.
pub(super) enum Ruled<'t> {
    /// What the Route says; if it is forwarded, on these terms.
    AsRouted(Option<Terms<'t>>),
    /// A rule responds.
    Reply(RouteReply<'t>),
}

impl<'r, 't> Meeting<'r, 't> {
    /// Looks at the FrontDoor's rules, once. The response of one that redirects or responds.
    pub(super) fn front_door(
        &self,
        effects: &mut Option<Box<Effects<'t>>>,
    ) -> Result<Option<RouteReply<'t>>, Refusal> {
        let host = self.virtual_host;
        if host.rules.is_empty() {
            return Ok(None);
        }
        let subject = self.subject();
        let effects = match effects {
            Some(effects) => effects,
            None => {
                let acting = Check::new(&subject, self.budget).acting(&host.rules, self.seen)?;
                effects.insert(Box::new(Effects::of_front_door(acting)))
            }
        };
        let Some(reply) = rules::reply(&effects.front_door) else { return Ok(None) };
        if host.unavailable.is_some() {
            return Err(Refusal::NotResolved);
        }
        let values = Values::of_front_door(&subject, None);
        effects.fill_response(&values, &values)?;
        self.reply(reply, &values).map(Some)
    }

    /// Looks at the rules of the Route that has won, and fills in the edits of all.
    pub(super) fn route(
        &self,
        effects: &mut Option<Box<Effects<'t>>>,
        matched: &'t RouteMatch,
        captures: &Captures<'_>,
    ) -> Result<Ruled<'t>, Refusal> {
        let route = &*matched.target;
        if effects.is_none() && route.rules.is_empty() {
            return Ok(Ruled::AsRouted(Terms::of_route(matched)));
        }
        let headers = self.headers_of_backends(matched);
        let subject = self.subject_with(&headers);
        let values = Values::of_route(&subject, &route.name, &matched.path, captures);
        let effects = effects.get_or_insert_default();
        effects.met_route = true;
        effects.route = Check::new(&subject, self.budget).acting(&route.rules, self.seen)?;
        // A FrontDoor's rules see cookies as they were sent.
        let sent = self.subject();
        let front_door = Values::of_front_door(&sent, Some(&route.name));
        effects.fill_request(&front_door, &values)?;
        effects.fill_response(&front_door, &values)?;
        Ok(match rules::reply(&effects.route) {
            Some(reply) => Ruled::Reply(self.reply(reply, &values)?),
            None => Ruled::AsRouted(Terms::of_rules(matched, &effects.route, &values)?),
        })
    }

    /// Which rules are looked at.
    pub(crate) fn seen(&self) -> Seen {
        self.seen
    }

    /// The headers that the rules of a Route see: with the cookies that its backends get.
    pub(crate) fn headers_of_backends(&self, matched: &RouteMatch) -> Cow<'r, HeaderMap> {
        let (host, headers) = (self.virtual_host, &self.head.headers);
        let kept_apart = KeptApart::of(host, matched);
        let is_same = kept_apart.is_none() && host.affinity_cookies.is_empty();
        if is_same || !headers.contains_key(header::COOKIE) {
            return Cow::Borrowed(headers);
        }
        let mut headers = headers.clone();
        affinity::remove_cookies(&mut headers, &host.affinity_cookies);
        if let Some(kept_apart) = kept_apart {
            kept_apart.request(&mut headers);
        }
        Cow::Owned(headers)
    }

    /// The request as the rules of its FrontDoor see it.
    pub(crate) fn subject(&self) -> Subject<'r> {
        self.subject_with(&self.head.headers)
    }

    /// The request as rules see it, with these headers.
    pub(crate) fn subject_with<'h>(&self, headers: &'h HeaderMap) -> Subject<'h>
    where
        'r: 'h,
    {
        let Self { peer, client, head, path, id, .. } = *self;
        let sent = router::Headers::Sent(headers);
        let query = head.uri.query();
        Subject {
            request: router::Request { method: &head.method, path, query, headers: sent },
            headers,
            sender: sender(
                peer,
                client,
                head.version,
                client.trusted_id(&head.headers).unwrap_or(id),
            ),
        }
    }

    /// The response of a rule.
    fn reply(&self, reply: &'t RuleReply, values: &Values<'_>) -> Result<RouteReply<'t>, Refusal> {
        match reply {
            RuleReply::Redirect(to) => {
                let host = to.host_text.as_ref().map(|text| values.host(text, &to.allowed_hosts));
                let path = to.path_text.as_ref().map(|text| values.path(text));
                let redirect = &to.redirect;
                let redirect = Redirect {
                    host: host.transpose()?.or_else(|| redirect.host.clone()),
                    path: path.transpose()?.or_else(|| redirect.path.clone()),
                    ..*redirect
                };
                let (client, uri) = (self.client, &self.head.uri);
                let location = values.of_match(|path, pattern, captures| {
                    local_reply::location(&redirect, client, uri, path, pattern, captures)
                })?;
                Ok(RouteReply::Redirect(redirect.status, location))
            }
            RuleReply::Respond(respond) => Ok(RouteReply::Fixed(respond)),
            RuleReply::Fill(respond) => {
                let RuleRespond { status, headers, body, escape } = &**respond;
                let (headers, body) = (rules::lines(headers, values)?, values.body(body, *escape)?);
                Ok(RouteReply::Filled(Respond { status: *status, headers, body }))
            }
        }
    }
}

/// Who sent a request of this version and id, as rules see it.
pub(super) fn sender<'r>(
    peer: &Peer,
    client: &'r ClientInfo,
    version: Version,
    id: &'r HeaderValue,
) -> Sender<'r> {
    // Invariant: the host of a request that meets rules has been parsed before.
    let host = Host::parse(client.host.as_bytes()).map(|host| host.name);
    Sender {
        host: host.unwrap_or_default(),
        scheme: client.scheme,
        address: client.address,
        version,
        tls: peer.session.as_ref().map(|session| session.version),
        has_certificate: peer.certificate().is_some(),
        id,
    }
}
