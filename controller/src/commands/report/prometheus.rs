//! The report on all replicas, from what Prometheus has scraped.

use super::fetch::{self, Client, FetchError, excuse};
use crate::report::{Figures, Report, Source};
use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use http::{Response, StatusCode, Uri};
use hyper_util::client::legacy::connect::Connect;
use k8s_openapi::jiff::Timestamp;
use serde::Deserialize;
use std::{collections::BTreeMap, time::Duration};
use url::form_urlencoded;

/// Requests that matched no Route have the label "-".
const ROUTES: &str = "route!=\"-\"";

/// At how many moments it is looked up whether there is anything, to know since when.
const LOOKS: u32 = 200;

const NO_METRICS: &str = "it has no metrics of Portico in this time. Does it scrape /metrics of the \
    admin port? With the chart, set serviceMonitor.enabled=true";

/// A Prometheus, and the time that is asked about.
struct Prometheus<'u, C> {
    client: Client<C>,
    url: &'u Uri,
    since: Duration,
    /// When that time ends, in Unix seconds by Prometheus' own clock.
    now: f64,
}

/// What `/api/v1/query` responds.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    error: String,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Scalar(Value),
    Vector(Vec<Sample>),
}

#[derive(Deserialize)]
struct Sample {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    value: Value,
}

/// When, and which number: as text, because JSON has no NaN.
type Value = (f64, String);

/// The number, unless it is none.
fn number((_, text): &Value) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Asks for what all replicas have counted in the time `since` until now.
///
/// # Errors
/// With what to do, if there is no report.
pub(super) async fn ask(url: &Uri, since: Duration) -> anyhow::Result<Report> {
    let report = async {
        if url.scheme_str() == Some("https") {
            Prometheus { client: fetch::secure()?, url, since, now: 0.0 }.report().await
        } else {
            Prometheus { client: Client::plain(), url, since, now: 0.0 }.report().await
        }
    };
    report.await.with_context(|| format!("--prometheus {url}"))
}

impl<C: Connect + Clone + Send + Sync + 'static> Prometheus<'_, C> {
    async fn report(mut self) -> anyhow::Result<Report> {
        let Data::Scalar(now) = self.query("time()", None).await? else {
            bail!("this is not a Prometheus: the query time() has no number as its result");
        };
        self.now = number(&now).context("the query time() has no number as its result")?;
        let (from, to) = (self.first().await?, timestamp(self.now)?);
        let mut routes = BTreeMap::<String, Figures>::new();
        for (what, query) in self.queries() {
            for sample in self.vector(&query, self.now).await? {
                let (Some(number), Some(route)) =
                    (number(&sample.value), sample.metric.get("route"))
                else {
                    continue;
                };
                let named = || Figures { route: route.clone(), ..Figures::default() };
                let figures = routes.entry(route.clone()).or_insert_with(named);
                let result = sample.metric.get("result").map(String::as_str).unwrap_or_default();
                what.set(figures, result, number.max(0.0));
            }
        }
        Ok(Report::new(from, to, Source::Prometheus, routes.into_values()))
    }

    /// Since when there is anything in the time that is asked about: looked up at some moments of it,
    /// then more precisely between the first of them at which there is something and the one before.
    async fn first(&self) -> anyhow::Result<Timestamp> {
        let (mut first, mut window) = (self.now, self.since);
        for _ in 0..2 {
            let step = (window / LOOKS).max(Duration::from_secs(1));
            let looks = format!("{}ms:{}ms", window.as_millis(), step.as_millis());
            let up = "timestamp(portico_connections)";
            let query = format!("min(min_over_time({up}[{looks}]) or {up})");
            let samples = self.vector(&query, first).await?;
            let found = samples.first().and_then(|sample| number(&sample.value));
            (first, window) = (found.context(NO_METRICS)?, step);
        }
        timestamp(first.max(self.now - self.since.as_secs_f64()))
    }

    fn window(&self) -> String {
        format!("{}ms", self.since.as_millis())
    }

    fn queries(&self) -> [(What, String); 8] {
        let window = self.window();
        let increase = |by: &str, metric: &str, labels: &str| {
            format!("sum by ({by}) (increase({metric}{{{ROUTES}{labels}}}[{window}]))")
        };
        let quantile = |share: f64| {
            let buckets = increase("route, le", "portico_request_duration_seconds_bucket", "");
            format!("histogram_quantile({share}, {buckets})")
        };
        let enforced = ",mode=\"enforce\"";
        [
            (What::Requests, increase("route", "portico_requests_total", "")),
            (What::Errors, increase("route", "portico_requests_total", ",code=~\"5..\"")),
            (
                What::Preflights,
                increase("route, result", "portico_cors_preflights_total", enforced),
            ),
            (What::Avoided, increase("route", "portico_cors_preflights_avoided_total", "")),
            (What::Saved, increase("route", "portico_cors_saved_round_trip_seconds_total", "")),
            (What::Response, increase("route", "portico_request_duration_seconds_sum", "")),
            (What::Median, quantile(0.5)),
            (What::Tail, quantile(0.99)),
        ]
    }

    async fn vector(&self, query: &str, at: f64) -> anyhow::Result<Vec<Sample>> {
        match self.query(query, Some(at)).await? {
            Data::Vector(samples) => Ok(samples),
            Data::Scalar(_) => bail!("a number instead of samples is the result of {query}"),
        }
    }

    /// Asks one question about a moment, in Unix seconds, or about now.
    async fn query(&self, query: &str, at: Option<f64>) -> anyhow::Result<Data> {
        let mut parameters = form_urlencoded::Serializer::new(String::new());
        parameters.append_pair("query", query);
        if let Some(at) = at {
            parameters.append_pair("time", &at.to_string());
        }
        let base = self.url.path().trim_end_matches('/');
        let mut parts = self.url.clone().into_parts();
        parts.path_and_query =
            Some(format!("{base}/api/v1/query?{}", parameters.finish()).parse()?);
        let response = self.client.get(Uri::from_parts(parts)?).await.map_err(|error| match error {
            FetchError::Refused => anyhow!(
                "nobody listens there. In a cluster, forward the port of Prometheus first: kubectl \
                 port-forward service/NAME 9091:9090"
            ),
            other => other.into(),
        })?;
        answer(query, &response)
    }
}

/// What Prometheus says, or what is wrong with it.
fn answer(query: &str, response: &Response<Bytes>) -> anyhow::Result<Data> {
    let (status, body) = (response.status(), response.body());
    match serde_json::from_slice::<Answer>(body) {
        Ok(Answer { error, .. }) if !error.is_empty() => {
            bail!("Prometheus says of the query {query}: {error}")
        }
        Ok(Answer { data: Some(data), .. }) if status == StatusCode::OK => Ok(data),
        Ok(_) | Err(_) => bail!(
            "this is not a Prometheus, whose URL ends before /api/v1/query: {}",
            excuse(status, body)
        ),
    }
}

fn timestamp(seconds: f64) -> anyhow::Result<Timestamp> {
    // Saturates, and is then refused.
    Timestamp::from_millisecond((seconds * 1e3) as i64).context("Prometheus' clock is off")
}

/// What a query asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Requests,
    Errors,
    Preflights,
    Avoided,
    Saved,
    Response,
    Median,
    Tail,
}

impl What {
    /// Notes a number; of preflights, `result` is what became of them.
    fn set(self, figures: &mut Figures, result: &str, number: f64) {
        // Increases are extrapolated, so that they are rarely whole numbers.
        let count = number.round() as u64;
        let preflights = &mut figures.preflights;
        match self {
            Self::Requests => figures.requests = count,
            Self::Errors => figures.errors = count,
            Self::Preflights => match result {
                "allowed" => preflights.answered = count,
                "forwarded" => preflights.forwarded = count,
                _ => preflights.denied = count,
            },
            Self::Avoided => figures.avoided = count,
            Self::Saved => figures.saved_seconds = number,
            Self::Response => figures.response_seconds = number,
            Self::Median => figures.p50_seconds = Some(number),
            Self::Tail => figures.p99_seconds = Some(number),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::report::Preflights;

    fn answered(status: u16, body: &'static str) -> anyhow::Result<Data> {
        let response = Response::builder().status(status).body(Bytes::from_static(body.as_bytes()));
        answer("up", &response.unwrap())
    }

    #[test]
    fn answers_are_read_and_errors_are_passed_on() {
        let vector = r#"{"status":"success","data":{"resultType":"vector","result":[
            {"metric":{"route":"web/a"},"value":[1700000000.1,"12.5"]},
            {"metric":{"route":"web/b"},"value":[1700000000.1,"NaN"]}]}}"#;
        let Data::Vector(samples) = answered(200, vector).unwrap() else { unreachable!() };
        let numbers: Vec<_> = samples.iter().map(|sample| number(&sample.value)).collect();
        assert_eq!(numbers, [Some(12.5), None]);
        assert_eq!(samples[0].metric["route"], "web/a");

        for (status, body, said) in [
            (
                422,
                r#"{"status":"error","errorType":"execution","error":"query timed out"}"#,
                "of the query up: query timed out",
            ),
            (401, "Unauthorized", "not a Prometheus, whose URL ends before /api/v1/query: 401"),
            (200, "<!doctype html>", "not a Prometheus"),
            (200, "{}", "not a Prometheus"),
            (200, r#"{"data":{"resultType":"matrix","result":[]}}"#, "not a Prometheus"),
        ] {
            let error = answered(status, body).err().unwrap().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn each_number_is_of_its_route() {
        let mut figures = Figures::default();
        for (what, result, number) in [
            (What::Requests, "", 10.4),
            (What::Preflights, "allowed", 1.0),
            (What::Preflights, "forwarded", 2.0),
            (What::Preflights, "denied", 3.0),
            (What::Saved, "", 0.25),
            (What::Median, "", 0.01),
        ] {
            what.set(&mut figures, result, number);
        }
        let wanted = Figures {
            requests: 10,
            preflights: Preflights { answered: 1, forwarded: 2, denied: 3 },
            saved_seconds: 0.25,
            p50_seconds: Some(0.01),
            ..Figures::default()
        };
        assert_eq!(figures, wanted);
    }
}
