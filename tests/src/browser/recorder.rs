//! Recordings of a page's requests, as Chromium's developer tools save them: HAR 1.2 from the events
//! of the DevTools Protocol's domain `Network`.

use serde_json::{Map, Value, json};
use std::collections::HashMap;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Requests so far.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    requests: Vec<Request>,
    by_id: HashMap<String, usize>,
    /// The difference between the time of day and the events' own time, in seconds.
    offset: f64,
}

#[derive(Debug, Default)]
struct Request {
    kind: String,
    request: Value,
    response: Value,
    /// The headers as they were really sent.
    sent: Option<Value>,
    start: f64,
    end: Option<f64>,
}

impl Recorder {
    /// Takes an event.
    pub(super) fn note(&mut self, event: &Value) {
        let params = &event["params"];
        let id = params["requestId"].as_str().unwrap_or_default().to_owned();
        let time = params["timestamp"].as_f64().unwrap_or_default();
        if event["method"] == "Network.requestWillBeSent" {
            if let Some(wall) = params["wallTime"].as_f64().filter(|wall| *wall > 0.0) {
                self.offset = wall - time;
            }
            self.by_id.insert(id, self.requests.len());
            self.requests.push(Request {
                kind: params["type"].as_str().unwrap_or_default().to_lowercase(),
                request: params["request"].clone(),
                start: time,
                ..Request::default()
            });
            return;
        }
        let Some(request) = self.by_id.get(&id).and_then(|at| self.requests.get_mut(*at)) else {
            return;
        };
        match event["method"].as_str() {
            Some("Network.requestWillBeSentExtraInfo") => {
                request.sent = Some(params["headers"].clone());
            }
            Some("Network.responseReceived") => request.response = params["response"].clone(),
            Some("Network.loadingFinished" | "Network.loadingFailed") => request.end = Some(time),
            _ => {}
        }
    }

    /// The recording.
    pub(super) fn har(&self, page: &str) -> Value {
        let entries = self.requests.iter().map(|request| self.entry(request));
        json!({"log": {
            "version": "1.2",
            "creator": {"name": "WebInspector", "version": "537.36"},
            "pages": [{"id": "page_1", "title": page, "startedDateTime": "", "pageTimings": {}}],
            "entries": Vec::from_iter(entries),
        }})
    }

    fn entry(&self, request: &Request) -> Value {
        let Request { kind, request: sent, response, start, end, .. } = request;
        let timing = &response["timing"];
        let length = |from: &str, until: &str| {
            let (from, until) = (timing[from].as_f64()?, timing[until].as_f64()?);
            Some(until - from).filter(|_| from >= 0.0)
        };
        let phase = |from, until| length(from, until).unwrap_or(-1.0);
        json!({
            "_resourceType": kind,
            "pageref": "page_1",
            "startedDateTime": date(start + self.offset),
            "time": end.map_or(-1.0, |end| (end - start) * 1000.0),
            "connection": response["connectionId"].to_string(),
            "request": {
                "method": sent["method"],
                "url": sent["url"],
                "headers": fields(request.sent.as_ref().unwrap_or(&sent["headers"])),
                "postData": sent["postData"].as_str().map(|text| json!({"mimeType": "application/json", "text": text})),
            },
            "response": {
                "status": response["status"],
                "headers": fields(&response["headers"]),
                "content": {"mimeType": response["mimeType"]},
                "redirectURL": "",
            },
            "timings": {
                "blocked": -1,
                "dns": phase("dnsStart", "dnsEnd"),
                "connect": phase("connectStart", "connectEnd"),
                "ssl": phase("sslStart", "sslEnd"),
                "wait": phase("sendEnd", "receiveHeadersEnd"),
            },
        })
    }
}

fn fields(headers: &Value) -> Vec<Value> {
    let empty = Map::new();
    let headers = headers.as_object().unwrap_or(&empty);
    headers.iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
}

/// ISO 8601, in milliseconds, as Chromium writes it; empty if it is no date.
fn date(seconds: f64) -> String {
    let milliseconds = (seconds * 1000.0) as i128;
    let date = OffsetDateTime::from_unix_timestamp_nanos(milliseconds * 1_000_000);
    date.ok().and_then(|date| date.format(&Rfc3339).ok()).unwrap_or_default()
}
