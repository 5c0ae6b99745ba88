//! What a case is made of: a policy, a backend that meddles, and what pages fetch.

use super::policy::Policy;
use portico_tests::{
    backend::{front_door, route, service},
    fetch_model::{Fetch, Headers, Request},
};
use std::{fmt, net::SocketAddr};

/// One case.
#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) policy: Policy,
    /// Whether it is the FrontDoor's default policy, not the Route's own.
    pub(crate) inherited: bool,
    pub(crate) action: Action,
    pub(crate) backend: Meddling,
    pub(crate) fetches: Vec<Fetch>,
}

/// What the Route does with what is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The backend answers.
    Forward,
    /// The edge answers by itself.
    Respond,
    /// It would forward, but there is nobody: the edge answers 503.
    Fail,
}

/// What a backend answers: its content, and CORS headers of its own that are none of its business.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meddling {
    pub(crate) status: u16,
    /// `Access-Control-*` lines, where `{origin}` stands for the request's.
    pub(crate) cors: Vec<(&'static str, &'static str)>,
    /// Lines of `Vary`. Where one names Accept-Language, the content is in that language.
    pub(crate) vary: Vec<&'static str>,
}

/// What it says of its content.
const CONTENT: [(&str, &str); 6] = [
    ("Content-Type", "text/plain"),
    ("Content-Language", "en"),
    ("ETag", "\"1\""),
    ("X-Total", "7"),
    ("X-Secret", "s"),
    ("Set-Cookie", "a=b"),
];

impl Meddling {
    /// The content for a request.
    pub(crate) fn content(&self, request: &Request) -> String {
        let names = self.vary.iter().flat_map(|line| line.split(',')).map(str::trim);
        let speaks = names.into_iter().any(|name| name.eq_ignore_ascii_case("accept-language"));
        let language = request.headers.get("Accept-Language").filter(|_| speaks);
        format!("{} in {}", request.method, language.unwrap_or("any language".into()))
    }

    /// The lines of the answer's head, but for the content's length.
    pub(crate) fn headers(&self, request: &Request) -> Headers {
        let origin = request.headers.get("Origin").unwrap_or("https://nobody.test".into());
        let mut headers: Headers = CONTENT.into_iter().collect();
        for (name, value) in &self.cors {
            headers.append(name, &value.replace("{origin}", &origin));
        }
        self.vary.iter().for_each(|names| headers.append("Vary", names));
        headers
    }
}

impl Scenario {
    /// What is served: www.ep.com, also by https as a proxy in front tells, under the policy.
    pub(crate) fn manifests(&self, backend: SocketAddr) -> String {
        let cors = format!("cors: {}", serde_json::to_string(&self.policy).unwrap());
        let (of_door, of_route) = if self.inherited { (&*cors, "") } else { ("", &*cors) };
        let (endpoints, action) = match self.action {
            Action::Forward => (&[backend][..], "backends: [{service: {name: app, port: 80}}]"),
            Action::Respond => (&[][..], "respond: {status: 203, body: said}"),
            Action::Fail => (&[][..], "backends: [{service: {name: app, port: 80}}]"),
        };
        [
            front_door(&format!("trustedProxies: [127.0.0.1/32]\n{of_door}")),
            service("app", "http", endpoints),
            route("app", &format!("{action}\n{of_route}")),
        ]
        .concat()
    }
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.inherited { "FrontDoor" } else { "Route" };
        writeln!(f, "cors of the {place}:\n{}", serde_saphyr::to_string(&self.policy).unwrap())?;
        let Meddling { status, cors, vary } = &self.backend;
        match self.action {
            Action::Forward => {
                writeln!(f, "the backend answers {status} with {cors:?} and Vary {vary:?}")?
            }
            Action::Respond => writeln!(f, "the Route responds")?,
            Action::Fail => writeln!(f, "the backend has no endpoint")?,
        }
        for Fetch { origin, target, path, method, headers, credentials } in &self.fetches {
            writeln!(
                f,
                "{origin} fetches {method} {target}{path} with {headers:?}, credentials: {credentials:?}"
            )?;
        }
        Ok(())
    }
}
