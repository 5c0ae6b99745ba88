//! `/api/explain`: what `portico explain` says of a request, from what is served.

use super::{
    Admin, Stage,
    respond::{PLAIN, Response, compact_json, internal_error, respond},
};
use crate::{
    cli::explain::{RequestArgs, RequestError},
    explain::{self, Served, Text},
    paint::Paint,
};
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use portico_dataplane::explain::{Explanation, Question, QuestionError};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

/// The longest question: more than a request's head may have.
const MAX_BODY_BYTES: usize = 128 * 1024;

/// A question, as the flags of `portico explain` put it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    url: String,
    #[serde(default)]
    method: String,
    #[serde(default)]
    origin: String,
    /// Each `NAME: VALUE`.
    #[serde(default)]
    headers: Vec<String>,
}

/// The answer, both ways that `-o` has.
#[derive(Debug, Serialize)]
struct Answer {
    text: String,
    explanation: Explanation,
}

/// What is wrong with a question.
#[derive(Debug, Serialize)]
struct Mistake {
    /// The field of the question.
    field: &'static str,
    message: String,
}

impl Admin {
    /// Answers a question.
    pub(super) async fn explain(&self, request: Request<Incoming>) -> Response {
        let is_json = |value: &http::HeaderValue| {
            value.to_str().is_ok_and(|value| value.split(';').next() == Some("application/json"))
        };
        if !request.headers().get(header::CONTENT_TYPE).is_some_and(is_json) {
            let why = "the question is JSON: Content-Type: application/json\n";
            return respond(StatusCode::UNSUPPORTED_MEDIA_TYPE, PLAIN, why);
        }
        let body = match Limited::new(request.into_body(), MAX_BODY_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => return respond(StatusCode::BAD_REQUEST, PLAIN, format!("{error}\n")),
        };
        let asked: Asked = match serde_json::from_slice(&body) {
            Ok(asked) => asked,
            Err(error) => return mistake("", error.to_string()),
        };
        let Asked { url, method, origin, headers } = asked;
        let request = match RequestArgs::parse(&url, &method, &origin, &headers) {
            Ok(request) => request,
            Err(RequestError { argument, why }) => return mistake(argument, why),
        };
        // Not earlier: a client that is slow to ask holds up nobody.
        let _permit = self.costly.acquire().await;
        let question = match &*self.stage.read().await {
            Stage::Serving(dataplane) => {
                let origin = request.origin().cloned();
                dataplane.question(
                    request.method.clone(),
                    request.url.clone(),
                    origin,
                    request.headers(),
                )
            }
            Stage::Starting | Stage::Draining => {
                return respond(StatusCode::SERVICE_UNAVAILABLE, PLAIN, "nothing is served\n");
            }
        };
        self.answer(question).await
    }

    async fn answer(&self, question: Question) -> Response {
        let (table, update) = self.live.served();
        // Where there are thousands of Routes, all of them are compared.
        let answer = spawn_blocking(move || {
            let (statuses, objects) = (&update.statuses, &update.objects);
            let served = Served { table: &table, statuses, objects };
            let explanation = explain::explain(&question, &served)?;
            let text = Text::of(&question, &explanation, Paint::none());
            Ok::<_, QuestionError>(Answer { text, explanation })
        });
        match answer.await {
            Ok(Ok(answer)) => compact_json(StatusCode::OK, &answer),
            Ok(Err(error)) => internal_error(&error),
            Err(error) => internal_error(&error),
        }
    }
}

fn mistake(field: &'static str, message: String) -> Response {
    compact_json(StatusCode::BAD_REQUEST, &Mistake { field, message })
}
