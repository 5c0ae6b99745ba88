//! What would become of a request, and why: the dataplane's own functions, gone through with a head
//! alone and without a connection, and what a browser makes of it by the Fetch Standard.

mod browser;
mod forwarded;
mod preflight;
mod response;
mod routing;
mod script;
mod target;

pub use browser::Browser;
pub use forwarded::{BackendShare, Forwarded};
pub use preflight::{PolicyOwner, Preflight};
pub use response::{By, Response};
pub use routing::{Loser, Refused, Winner};
pub use script::Script;
pub use target::{Target, TargetError};

use crate::{
    proxy::{
        Peer, Via,
        rehearsal::{self, Arrival, Install},
    },
    refusal::Refusal,
    table::{self, Table},
};
use browser::Page;
use http::{HeaderMap, HeaderValue, Method, header, request::Parts};
use preflight::Way;
use serde::Serialize;
use std::{iter, net::Ipv4Addr, sync::Arc};

/// Stands for what is drawn for each request.
const ID: HeaderValue = HeaderValue::from_static("(drawn for each request)");

/// A request to explain.
#[derive(Clone, Debug)]
pub struct Question {
    /// Its method; OPTIONS together with `Access-Control-Request-Method` is a preflight itself.
    pub method: Method,
    /// What it is for.
    pub target: Target,
    /// The origin of the page that sends it, if it is known: `Origin` as a browser writes it.
    pub origin: Option<HeaderValue>,
    /// What the page's script, or whoever sends it, puts on it. `Host` is the target's.
    pub headers: HeaderMap,
    /// This install's name in `Via`, a token.
    pub via_name: Arc<str>,
}

/// A question that can't be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name in Via is no token")]
pub struct QuestionError;

/// What becomes of a request, and why. Values that come from Secrets are fingerprints.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The Route that has the request, if any has.
    pub winner: Option<Winner>,
    /// The other Routes of the host, the closest first, and why each does not have it.
    pub losers: Vec<Loser>,
    /// How many more there are.
    pub losers_omitted: usize,
    /// Whether a browser sends it for a script, and whether it asks first.
    pub browser: Browser,
    /// What it asks, and what it is told.
    pub preflight: Option<Preflight>,
    /// The request as the backend gets it; `None` where none does.
    pub request: Option<Forwarded>,
    /// What comes back; `None` where that is the answer to a preflight.
    pub response: Option<Response>,
    /// What else is worth knowing.
    pub notes: Vec<String>,
}

/// A header field. A value that comes from a Secret is a fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Lower case.
    pub name: String,
    /// As text.
    pub value: String,
}

impl Field {
    fn of((name, value): (&http::HeaderName, &HeaderValue)) -> Self {
        Self { name: name.as_str().to_owned(), value: table::shown(value) }
    }

    /// All of them, by name.
    fn all(headers: &HeaderMap) -> Vec<Self> {
        let mut fields: Vec<_> = headers.iter().map(Self::of).collect();
        fields.sort_by(|a, b| a.name.cmp(&b.name));
        fields
    }
}

/// Explains what `table` makes of a request from this machine. `refused` are Routes that the table
/// does not have.
///
/// # Errors
/// Where the name in `Via` is no token.
pub fn explain(
    table: &Table,
    question: &Question,
    refused: &[Refused],
) -> Result<Explanation, QuestionError> {
    let via = Via::new(&question.via_name).map_err(|_| QuestionError)?;
    let peer = Peer::new((Ipv4Addr::LOCALHOST, 0).into(), question.target.scheme());
    let install = Install { peer: &peer, id: &ID, via: &via };
    let mut headers = question.headers.clone();
    if let Some(origin) = &question.origin {
        headers.insert(header::ORIGIN, origin.clone());
    }
    let stage = Stage { table, target: &question.target, install };
    let mut arrival = stage.arrive(&question.method, &headers);
    let page = Page::of(&arrival, &headers, &question.target);
    if page == Page::Own && is_silent(&question.method) && question.origin.is_some() {
        headers.remove(header::ORIGIN);
        arrival = stage.arrive(&question.method, &headers);
    }
    let browser = Browser::of(page, &question.method, &headers);
    let preflight = match (&browser.preflight, headers.get(header::ORIGIN)) {
        (Some(true), Some(origin)) => Some(stage.ask(&question.method, &headers, origin)),
        (Some(_) | None, _) => None,
    };
    let scene = Scene { question, headers: &headers, page, browser, preflight };
    Ok(match &arrival {
        Ok(arrival) => scene.told(&stage, arrival, refused),
        Err(refusal) => scene.turned_away(*refusal),
    })
}

/// Whether a browser says nothing of the page's origin to that origin itself (Fetch, "append a
/// request `Origin` header").
fn is_silent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// What requests are tried on.
struct Stage<'a, 't> {
    table: &'t Table,
    target: &'a Target,
    install: Install<'a>,
}

impl<'t> Stage<'_, 't> {
    fn arrive(&self, method: &Method, headers: &HeaderMap) -> Result<Arrival<'t>, Refusal> {
        Arrival::of(self.table, self.install.peer, self.head(method, headers))
    }

    fn head(&self, method: &Method, headers: &HeaderMap) -> Parts {
        let (mut head, ()) = http::Request::new(()).into_parts();
        head.method = method.clone();
        head.uri = self.target.uri();
        head.headers = headers.clone();
        head.headers.insert(header::HOST, self.target.host().clone());
        head
    }

    /// Sends the preflight of a request.
    fn ask(&self, method: &Method, headers: &HeaderMap, origin: &HeaderValue) -> Preflight {
        let asked = preflight::Asked::of(method, headers, origin);
        match self.arrive(&Method::OPTIONS, &asked.headers) {
            Err(refusal) => {
                let answer = rehearsal::refused(refusal, self.install.id, &Method::OPTIONS);
                Preflight::of(&asked, None, &answer)
            }
            Ok(arrival) => {
                let cors_request = arrival.cors_request();
                let course = arrival.course(&cors_request, &self.install);
                let way = Way { course: &course, cors_request: &cors_request, host: arrival.host };
                Preflight::of(&asked, Some(way), &course.answer)
            }
        }
    }
}

/// A request, and what a browser does about it.
struct Scene<'q> {
    question: &'q Question,
    headers: &'q HeaderMap,
    page: Page,
    browser: Browser,
    preflight: Option<Preflight>,
}

impl Scene<'_> {
    /// A request that no host has.
    fn turned_away(self, refusal: Refusal) -> Explanation {
        let answer = rehearsal::refused(refusal, &ID, &self.question.method);
        let script = self.script(&answer);
        let notes = browser::note(self.page, &self.question.headers).into_iter().collect();
        Explanation {
            winner: None,
            losers: Vec::new(),
            losers_omitted: 0,
            browser: self.browser,
            preflight: self.preflight,
            request: None,
            response: Some(Response::of(&answer, None, script)),
            notes,
        }
    }

    fn told(
        self,
        stage: &Stage<'_, '_>,
        arrival: &Arrival<'_>,
        refused: &[Refused],
    ) -> Explanation {
        let cors_request = arrival.cors_request();
        let course = arrival.course(&cors_request, &stage.install);
        let routed = arrival.routed(&cors_request);
        let losers = |request| routing::losers(arrival, &request, &course, refused);
        let (losers, losers_omitted) = routed.map(losers).unwrap_or_default();
        let winner = routed.and_then(|request| Winner::of(&course, &request, arrival.host));
        let script = self.script(&course.answer);
        let host = routing::note(stage.table, arrival.host, self.question.target.name());
        let unset = browser::note(self.page, &self.question.headers);
        let spoken = response::spoken(&course, &cors_request);
        let response = Response::of(&course.answer, Some((&course, spoken)), script);
        let (preflight, response) = match self.page {
            Page::CorsRequest => {
                let asked = preflight::Asked::itself(self.headers);
                let way = Way { course: &course, cors_request: &cors_request, host: arrival.host };
                (Some(Preflight::of(&asked, Some(way), &course.answer)), None)
            }
            Page::Unknown | Page::Own | Page::Other => (self.preflight, Some(response)),
        };
        Explanation {
            winner,
            losers,
            losers_omitted,
            browser: self.browser,
            preflight,
            request: course
                .sending
                .as_ref()
                .map(|sending| Forwarded::of(sending, &course.answer, &self.question.method)),
            response,
            notes: iter::once(host).chain(unset).collect(),
        }
    }

    fn script(&self, answer: &rehearsal::Answer) -> Script {
        if self.browser.forbidden {
            return Script::none("no script can send the request");
        }
        let origin = self.headers.get(header::ORIGIN);
        Script::of(self.page, origin, self.preflight.as_ref(), answer)
    }
}
