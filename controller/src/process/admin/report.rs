//! `/report`: what the front door saved each Route, as `portico report` shows it.

use super::{
    Admin, Stage,
    respond::{JSON, PLAIN, Response, internal_error, respond},
};
use crate::{
    cli::report::since,
    paint::Paint,
    report::{self, Report},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use std::time::Duration;
use tokio::task::spawn_blocking;
use url::form_urlencoded;

/// The time that a report is about unless it is told otherwise.
const DEFAULT_SINCE: Duration = Duration::from_hours(24);

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    since: Duration,
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Html,
    Text,
}

impl Asked {
    /// # Errors With what is wrong with the query, and what would be right.
    fn read(query: &str, headers: &HeaderMap) -> Result<Self, String> {
        let (mut asked_since, mut format) = (None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let again = match &*name {
                "since" => {
                    let time = since(&value).map_err(|why| format!("since: {why}"))?;
                    asked_since.replace(time).is_some()
                }
                "format" => format.replace(Format::named(&value)?).is_some(),
                _ => return Err("the parameters are since and format".to_owned()),
            };
            if again {
                return Err(format!("{name} is there twice: keep one"));
            }
        }
        let since = asked_since.unwrap_or(DEFAULT_SINCE);
        Ok(Self { since, format: format.unwrap_or_else(|| Format::preferred(headers)) })
    }
}

impl Format {
    fn named(name: &str) -> Result<Self, String> {
        match name {
            "json" => Ok(Self::Json),
            "html" => Ok(Self::Html),
            "text" => Ok(Self::Text),
            _ => Err("format: must be json, html or text".to_owned()),
        }
    }

    /// HTML if the client prefers it to JSON (RFC 9110 §12.5.1), as browsers do.
    fn preferred(headers: &HeaderMap) -> Self {
        let accepted: Vec<_> = headers.get_all(header::ACCEPT).iter().collect();
        let accepted = accepted.iter().filter_map(|value| value.to_str().ok());
        let accepted = accepted.collect::<Vec<_>>().join(",");
        let is_html = quality(&accepted, ["text/html", "text/*"])
            > quality(&accepted, ["application/json", "application/*"]);
        if is_html { Self::Html } else { Self::Json }
    }
}

/// How much a client wants a media type, whose ranges are given, the most specific first.
fn quality(accepted: &str, ranges: [&str; 2]) -> f32 {
    let of = |wanted: &str| {
        accepted.split(',').find_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let is_wanted = parts.next().is_some_and(|range| range.eq_ignore_ascii_case(wanted));
            let weight = parts.find_map(|part| part.strip_prefix("q="));
            is_wanted.then(|| weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0)))
        })
    };
    let [exact, kind] = ranges;
    of(exact).or_else(|| of(kind)).or_else(|| of("*/*")).unwrap_or(0.0)
}

impl Admin {
    /// The report that a request asks for.
    pub(super) async fn report<B>(&self, request: &Request<B>) -> Response {
        let query = request.uri().query().unwrap_or_default();
        let asked = match Asked::read(query, request.headers()) {
            Ok(asked) => asked,
            Err(why) => return respond(StatusCode::BAD_REQUEST, PLAIN, format!("{why}\n")),
        };
        let _permit = self.costly.acquire().await;
        let traffic = match &*self.stage.read().await {
            Stage::Serving(dataplane) => dataplane.traffic().await,
            Stage::Starting | Stage::Draining => {
                return respond(StatusCode::SERVICE_UNAVAILABLE, PLAIN, "nothing is served\n");
            }
        };
        let report = self.live.report(&traffic, asked.since).await;
        // Where there are thousands of Routes, it takes a while.
        match spawn_blocking(move || response(&report, asked.format)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => internal_error(&error),
            Err(error) => internal_error(&error),
        }
    }
}

fn response(report: &Report, format: Format) -> serde_json::Result<Response> {
    let (content_type, body) = match format {
        Format::Json => (JSON, report::json(report, None)?),
        Format::Html => (HTML, report::html(report, None)),
        Format::Text => (PLAIN, report::text(report, None, Paint::none())),
    };
    let mut response = respond(StatusCode::OK, content_type, Bytes::from(body));
    if format == Format::Html {
        let style = report::style_source();
        let policy = format!("default-src 'none'; style-src {style}; frame-ancestors 'none'");
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        }
    }
    Ok(response)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn asked(query: &str, accept: &'static str) -> Result<Asked, String> {
        let accept = (header::ACCEPT, HeaderValue::from_static(accept));
        Asked::read(query, &HeaderMap::from_iter([accept]))
    }

    #[test]
    fn browsers_get_html_and_programs_json() {
        let chromium = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (accept, format) in [
            ("*/*", Format::Json),
            ("", Format::Json),
            (chromium, Format::Html),
            ("text/html", Format::Html),
            ("application/json, text/html;q=0.5", Format::Json),
            ("TEXT/*;q=0.3, application/json;q=0.2", Format::Html),
            ("text/html;q=0, */*", Format::Json),
            ("text/html;q=nonsense", Format::Json),
        ] {
            assert_eq!(asked("", accept).unwrap().format, format, "{accept}");
        }
        assert_eq!(asked("format=text", "text/html").unwrap().format, Format::Text);
    }

    #[test]
    fn a_query_is_understood_or_refused() {
        let since = |query| asked(query, "*/*").map(|asked| asked.since);
        assert_eq!(since(""), Ok(DEFAULT_SINCE));
        assert_eq!(since("since=90m"), Ok(Duration::from_mins(90)));
        assert_eq!(since("format=json&since=7d"), Ok(Duration::from_hours(168)));
        for (query, remedy) in [
            ("since=yesterday", "24h"),
            ("since=", "24h"),
            ("since=1h&since=2h", "keep one"),
            ("format=xml", "json, html or text"),
            ("sinse=1h", "since and format"),
        ] {
            let why = since(query).unwrap_err();
            assert!(why.contains(remedy), "{query}: {why}");
        }
    }
}
