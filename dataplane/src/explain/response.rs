//! The response that the client gets.

use super::{
    Field, ResponseSource, Script,
    sample::{BACKENDS_OWN, OTHER_CORS_FIELDS},
    simulation::{DryRun, Reply},
};
use crate::{
    cors::{CorsRequest, Outcome},
    refusal::Refusal,
    table::Action,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

/// The response that the client gets: Portico's own, or the changes to a backend's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Response {
    /// Where it comes from.
    pub by: ResponseSource,
    /// The status code; `None` if the backend decides.
    pub status: Option<u16>,
    /// Why Portico refuses the request, in one word.
    pub reason: Option<&'static str>,
    /// The same as a sentence.
    pub detail: Option<String>,
    /// The header fields, if Portico generates the response.
    pub headers: Vec<Field>,
    /// The body, if Portico generates the response.
    pub body: Option<String>,
    /// The fields that are removed from a backend's response, if present; `access-control-*`: all
    /// with this prefix.
    pub removes: Vec<String>,
    /// The fields that are set in a backend's response, replacing its own.
    pub sets: Vec<Field>,
    /// The fields that are added to a backend's response.
    pub adds: Vec<Field>,
    /// What else is done to a backend's response, so that it affects no other Route: sentences.
    pub isolation: Vec<String>,
    /// The CORS policy's verdict.
    pub cors: String,
    /// What the page's script may read of the response.
    pub script: Script,
}

impl Response {
    /// What the client gets.
    pub(super) fn of(run: &DryRun<'_>, script: Script) -> Self {
        let cors = match run.cors_request() {
            Some(cors_request) => describe_verdict(run, &cors_request),
            None => match &run.reply {
                Reply::Edge(_, Some(Refusal::NoHost)) => {
                    "no FrontDoor has the host, so no CORS policy applies"
                }
                Reply::Edge(..) | Reply::Backend { .. } => {
                    "the request is refused before any CORS policy applies"
                }
            }
            .to_owned(),
        };
        let edge = |script| Self {
            by: ResponseSource::Edge,
            status: None,
            reason: None,
            detail: None,
            headers: Vec::new(),
            body: None,
            removes: Vec::new(),
            sets: Vec::new(),
            adds: Vec::new(),
            isolation: Vec::new(),
            cors,
            script,
        };
        match &run.reply {
            Reply::Edge(response, refusal) => Self {
                status: Some(response.status().as_u16()),
                reason: refusal.map(Refusal::reason),
                detail: refusal.map(|refusal| {
                    why(run, refusal).map_or_else(|| refusal.detail(), str::to_owned)
                }),
                headers: Field::all(response.headers()),
                body: Some(String::from_utf8_lossy(response.body()).into_owned()),
                ..edge(script)
            },
            Reply::Backend { before, after } => {
                let Changes { removes, sets, adds } = Changes::between(before, after);
                let isolation = run.arrived.kept_apart().map(|it| it.explained());
                let isolation = isolation.unwrap_or_default();
                Self { by: ResponseSource::Backend, removes, sets, adds, isolation, ..edge(script) }
            }
        }
    }
}

/// Why an object can't serve the request, more precisely than a client is told.
fn why<'r>(run: &'r DryRun<'_>, refusal: Refusal) -> Option<&'r str> {
    let route = run.arrived.matched.map(|matched| &*matched.target);
    if refusal == Refusal::NotResolved {
        let front_door = run.arrived.destination.as_ref();
        let front_door = front_door.and_then(|it| it.virtual_host.unavailable.as_deref());
        return front_door.or(route.and_then(|route| route.unavailable.as_deref()));
    }
    if refusal == Refusal::RouteNotAccepted {
        return match &route?.action {
            Action::NotAccepted(why) => Some(why),
            Action::Forward(_) | Action::Redirect(_) | Action::Respond(_) => None,
        };
    }
    if refusal == Refusal::FrontDoorNotAccepted {
        return run.arrived.destination.as_ref()?.virtual_host.not_accepted.as_deref();
    }
    None
}

/// Changes to the fields of a backend's response.
#[derive(Default)]
struct Changes {
    removes: Vec<String>,
    sets: Vec<Field>,
    adds: Vec<Field>,
}

impl Changes {
    /// Derived from a sample response whose values are all [`BACKENDS_OWN`], before and after the
    /// changes.
    fn between(before: &HeaderMap, after: &HeaderMap) -> Self {
        // If even the unnamed ones are gone, a policy has removed all of them.
        let all_cors = !after.contains_key(OTHER_CORS_FIELDS);
        let is_listed = |name: &&HeaderName| {
            !all_cors
                || **name == OTHER_CORS_FIELDS
                || !name.as_str().starts_with("access-control-")
        };
        let removed = before.keys().filter(|name| !after.contains_key(*name)).filter(is_listed);
        let removes = removed.map(|name| name.as_str().to_owned()).collect();
        let mut changes = Self { removes, ..Self::default() };
        for (name, value) in after {
            let is_kept = after.get(name).is_some_and(starts_with_own);
            if *value == BACKENDS_OWN {
                continue;
            }
            let mut field = Field::of((name, value));
            // A list that begins with the backend's own value.
            let own = String::from_utf8_lossy(BACKENDS_OWN.as_bytes()).into_owned() + ", ";
            if let Some(added) = field.value.strip_prefix(&own) {
                field.value = added.to_owned();
            }
            if is_kept { changes.adds.push(field) } else { changes.sets.push(field) }
        }
        changes
    }
}

fn starts_with_own(value: &HeaderValue) -> bool {
    value.as_bytes().starts_with(BACKENDS_OWN.as_bytes())
}

/// The policy's verdict on a request, as a sentence.
fn describe_verdict(run: &DryRun<'_>, cors_request: &CorsRequest<'_>) -> String {
    let is_edges = matches!(run.reply, Reply::Edge(..));
    if run.arrived.policy.is_none() {
        return if is_edges {
            "no CORS policy: nothing is changed"
        } else {
            "no CORS policy: the backend's CORS headers are passed on unchanged"
        }
        .to_owned();
    }
    let Some(verdict) = run.arrived.verdict else {
        return match cors_request {
            CorsRequest::SameOrigin => "same origin: the CORS policy does not apply",
            CorsRequest::Plain | CorsRequest::CrossOrigin(_) | CorsRequest::Preflight(_) => {
                "no Origin: the CORS policy does not apply"
            }
        }
        .to_owned();
    };
    let why = run.denial(cors_request).unwrap_or_default();
    let sentence = match verdict.outcome {
        Outcome::PreflightAllowed => "the CORS policy allows the preflight".to_owned(),
        Outcome::PreflightDenied(_) => format!("the CORS policy denies the preflight: {why}"),
        Outcome::PreflightForwarded => {
            "the CORS policy leaves preflights to the backend".to_owned()
        }
        Outcome::Allowed => "the CORS policy allows the page's origin".to_owned(),
        Outcome::Disallowed if is_edges => {
            format!("the CORS policy does not let scripts read the response: {why}")
        }
        Outcome::Disallowed => {
            format!(
                "the CORS policy does not let scripts read the response, but forwards the request: {why}"
            )
        }
        Outcome::Rejected => format!("the CORS policy rejects the request: {why}"),
    };
    if verdict.report_only {
        format!("{sentence} (report only: nothing changes)")
    } else {
        sentence
    }
}
