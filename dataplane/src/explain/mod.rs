//! What would happen to a request, and why: a dry run through the pipeline's own functions, and a
//! browser's reaction according to the Fetch Standard.

mod browser;
mod check;
mod choice;
mod connection;
mod forwarded;
mod preflight;
mod response;
mod routing;
mod rules;
mod sample;
mod script;
mod simulation;
mod target;

pub use browser::Browser;
pub use choice::Deciding;
pub use forwarded::{BackendShare, Forwarded};
pub use preflight::{PolicyOwner, Preflight};
pub use response::Response;
pub use routing::{Loser, Refused, Winner};
pub use rules::LookedAt;
pub use script::Script;
pub use target::{Target, TargetError};

use crate::{
    config::{HttpsPorts, Underscores},
    cors::CorsRequest,
    proxy::Via,
    table::{self, Table},
};
use browser::Page;
use http::{HeaderMap, HeaderValue, Method, header};
use preflight::Requested;
use serde::Serialize;
use simulation::{DryRun, Simulation};
use std::sync::Arc;

/// A request to explain.
#[derive(Clone, Debug)]
pub struct Question {
    /// The method; OPTIONS with `Access-Control-Request-Method` is itself a preflight.
    pub method: Method,
    /// The URL.
    pub target: Target,
    /// The origin of the page that sends it, if known: `Origin` as a browser writes it.
    pub origin: Option<HeaderValue>,
    /// The headers that the page's script or another client sets. `Host` is the target's.
    pub headers: HeaderMap,
    /// This install's name in `Via`, a token.
    pub via_name: Arc<str>,
    /// `--underscores`.
    pub underscores: Underscores,
    /// Where clients reach HTTPS, for redirects.
    pub https_ports: HttpsPorts,
}

/// An invalid question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name in Via is not a token")]
pub struct QuestionError;

/// What happens to a request, and why. Values from Secrets are fingerprints.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The matching Route, if any.
    pub winner: Option<Winner>,
    /// The other Routes of the host, the closest first, and why each does not get the request.
    pub losers: Vec<Loser>,
    /// How many more there are.
    pub losers_omitted: usize,
    /// The rules that were looked at, in order.
    pub rules: Vec<LookedAt>,
    /// Whether a browser sends it for a script, and whether it sends a preflight first.
    pub browser: Browser,
    /// The preflight and its response.
    pub preflight: Option<Preflight>,
    /// The request as the backend gets it; `None` if it is not forwarded.
    pub request: Option<Forwarded>,
    /// The response; `None` if the request is itself a preflight, or the TLS handshake fails.
    pub response: Option<Response>,
    /// Further notes.
    pub notes: Vec<String>,
}

/// Where a response comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ResponseSource {
    /// Portico itself.
    Edge,
    /// A backend.
    Backend,
}

/// A header field. A value from a Secret is a fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Lower case.
    pub name: String,
    /// As text.
    pub value: String,
}

impl Field {
    fn of((name, value): (&http::HeaderName, &HeaderValue)) -> Self {
        Self { name: name.as_str().to_owned(), value: table::redacted(value) }
    }

    /// All fields, sorted by name.
    fn all(headers: &HeaderMap) -> Vec<Self> {
        let mut fields: Vec<_> = headers.iter().map(Self::of).collect();
        fields.sort_by(|a, b| a.name.cmp(&b.name));
        fields
    }
}

/// Explains what happens to a request from this machine. `refused` are Routes that are not in the
/// table.
///
/// # Errors If the name in `Via` is not a token.
pub fn explain(
    table: &Table,
    question: &Question,
    refused: &[Refused],
) -> Result<Explanation, QuestionError> {
    let via = Via::new(&question.via_name).map_err(|_| QuestionError)?;
    let peer = connection::peer(table, &question.target);
    let mut headers = question.headers.clone();
    if let Some(origin) = &question.origin {
        headers.insert(header::ORIGIN, origin.clone());
    }
    let simulation = Simulation {
        table,
        target: &question.target,
        peer: &peer,
        via: &via,
        underscores: question.underscores,
        https_ports: question.https_ports,
    };
    let mut run = simulation.run(&question.method, &headers);
    let page = Page::of(&run, &headers, &question.target);
    if page == Page::Own && omits_origin(&question.method) && question.origin.is_some() {
        headers.remove(header::ORIGIN);
        run = simulation.run(&question.method, &headers);
    }
    let browser = Browser::of(page, &question.method, &headers);
    let failures = connection::failures(table, &question.target);
    if !failures.is_empty() {
        let unset = browser::note(page, &headers);
        return Ok(unconnected(browser, failures.into_iter().chain(unset).collect()));
    }
    let preflight = match (&browser.preflight, headers.get(header::ORIGIN)) {
        (Some(true), Some(origin)) => {
            let requested = Requested::of(&question.method, &headers, origin);
            let run = simulation.run(&Method::OPTIONS, &requested.headers);
            Some(Preflight::of(&requested, &run))
        }
        (Some(_) | None, _) => None,
    };
    let report = Report { question, headers: &headers, page, browser, preflight };
    Ok(match run.cors_request() {
        Some(cors_request) => report.explained(table, &run, &cors_request, refused),
        None => report.rejected(table, &run),
    })
}

/// A request that is never sent, since its connection does not come about.
fn unconnected(browser: Browser, notes: Vec<String>) -> Explanation {
    Explanation {
        winner: None,
        losers: Vec::new(),
        losers_omitted: 0,
        rules: Vec::new(),
        browser,
        preflight: None,
        request: None,
        response: None,
        notes,
    }
}

/// Whether a browser leaves `Origin` out of same-origin requests (Fetch, "append a request `Origin`
/// header").
fn omits_origin(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// A request, and how a browser handles it.
struct Report<'q> {
    question: &'q Question,
    headers: &'q HeaderMap,
    page: Page,
    browser: Browser,
    preflight: Option<Preflight>,
}

impl Report<'_> {
    /// A request that is refused before a FrontDoor is found for it.
    fn rejected(self, table: &Table, run: &DryRun<'_>) -> Explanation {
        let script = self.script(run);
        let mut notes: Vec<_> =
            connection::note(table, &self.question.target).into_iter().collect();
        notes.extend(browser::note(self.page, &self.question.headers));
        Explanation {
            winner: None,
            losers: Vec::new(),
            losers_omitted: 0,
            rules: Vec::new(),
            browser: self.browser,
            preflight: self.preflight,
            request: None,
            response: Some(Response::of(run, script)),
            notes,
        }
    }

    fn explained(
        self,
        table: &Table,
        run: &DryRun<'_>,
        cors_request: &CorsRequest<'_>,
        refused: &[Refused],
    ) -> Explanation {
        let turned_away = connection::turned_away(run);
        let routed = run.routed(cors_request).filter(|_| turned_away.is_none());
        let losers = |request| routing::losers(run, &request, refused);
        let (losers, losers_omitted) = routed.map(losers).unwrap_or_default();
        let winner = routed.and_then(|request| Winner::of(run, &request));
        let script = self.script(run);
        let host = routing::note(table, run, self.question.target.name());
        let unset = browser::note(self.page, &self.question.headers);
        let response = Response::of(run, script);
        let mut notes: Vec<_> = host.into_iter().chain(turned_away.map(str::to_owned)).collect();
        notes.extend(connection::note(table, &self.question.target));
        notes.extend(unset.into_iter().chain(run.removed_note(self.headers)));
        notes.extend(run.sent.as_ref().and_then(forwarded::websocket_note));
        let (preflight, response) = match self.page {
            Page::Preflight => (Some(Preflight::of(&Requested::itself(self.headers), run)), None),
            Page::Unknown | Page::Own | Page::Other => (self.preflight, Some(response)),
        };
        Explanation {
            winner,
            losers,
            losers_omitted,
            rules: run.rules.clone(),
            browser: self.browser,
            preflight,
            request: run.sent.as_ref().map(|sent| Forwarded::of(sent, run, &self.question.method)),
            response,
            notes,
        }
    }

    fn script(&self, run: &DryRun<'_>) -> Script {
        if self.browser.forbidden {
            return Script::none("no script can send the request");
        }
        let origin = self.headers.get(header::ORIGIN);
        Script::of(self.page, origin, self.preflight.as_ref(), &run.reply)
    }
}
