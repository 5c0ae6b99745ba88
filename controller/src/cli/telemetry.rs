//! Flags for traces and metrics that are sent to a collector, and what OpenTelemetry's environment
//! variables add to them.

use clap::{Args, ValueEnum};
use http::{HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use portico_dataplane::trace::{Parents, SampleRatio};
use std::{path::PathBuf, time::Duration};
use url::Url;

/// The share of traces that is sampled if nobody says otherwise.
const DEFAULT_RATIO: &str = "0.1";

/// How often metrics are sent if nobody says otherwise.
const DEFAULT_METRIC_INTERVAL: Duration = Duration::from_mins(1);

/// Flags for traces and metrics that are sent to a collector.
#[derive(Debug, Args)]
pub struct TelemetryArgs {
    /// The OpenTelemetry collector that gets spans and metrics, over OTLP with HTTP and protobuf,
    /// such as http://collector:4318 [default: OTEL_EXPORTER_OTLP_ENDPOINT, else none]
    #[arg(long, value_name = "URL", value_parser = endpoint)]
    otlp_endpoint: Option<Url>,
    /// The share of the traces that begin here whose spans are sent, from 0 to 1 [default:
    /// OTEL_TRACES_SAMPLER_ARG, else 0.1]
    #[arg(long, value_name = "SHARE", value_parser = ratio)]
    trace_sample_ratio: Option<SampleRatio>,
    /// What a request's 'traceparent' means: with 'follow', its trace goes on, and its spans are
    /// sent if it says so; with 'ignore', each request begins a trace
    #[arg(long, value_enum, value_name = "MODE", default_value_t = TraceParent::Follow)]
    trace_parent: TraceParent,
}

/// What a request's `traceparent` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TraceParent {
    /// Its trace goes on.
    Follow,
    /// Nothing.
    Ignore,
}

/// What is sent to which collector.
#[derive(Clone, Debug)]
pub struct TelemetrySettings {
    /// The base of its URLs, without a trailing slash.
    pub endpoint: String,
    /// Fields of each request to it. They may have secrets.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// A file with the authorities that its certificate may have, instead of the public ones.
    pub certificates: Option<PathBuf>,
    /// What describes this process: names and values, the last of a name counts.
    pub resource: Vec<(String, String)>,
    /// The share of the traces that begin here that is sampled.
    pub sampled: SampleRatio,
    /// What a request's `traceparent` means.
    pub parents: Parents,
    /// How often metrics are sent.
    pub metric_interval: Duration,
}

impl TelemetryArgs {
    /// What is sent, given the environment's variables; `None`: nothing is.
    ///
    /// # Errors
    /// If a variable has no valid value: its name, and what would be valid.
    pub fn settings(
        &self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<TelemetrySettings>, String> {
        // An empty variable is an unset one, OpenTelemetry's specification says.
        let given = |name: &'static str| variable(name).filter(|value| !value.is_empty());
        let is_disabled =
            given("OTEL_SDK_DISABLED").is_some_and(|it| it.eq_ignore_ascii_case("true"));
        let url = match (&self.otlp_endpoint, given("OTEL_EXPORTER_OTLP_ENDPOINT")) {
            (Some(url), _) => url.clone(),
            (None, Some(_)) if is_disabled => return Ok(None),
            (None, Some(text)) => {
                let name = "OTEL_EXPORTER_OTLP_ENDPOINT";
                // It may have a password.
                let shown = text.rsplit('@').next().unwrap_or_default();
                endpoint(&text).map_err(|why| wrong(name, shown, &why))?
            }
            (None, None) => return Ok(None),
        };
        if let Some(protocol) = given("OTEL_EXPORTER_OTLP_PROTOCOL")
            && protocol != "http/protobuf"
        {
            let why =
                "only http/protobuf is supported, for which collectors usually listen on port 4318";
            return Err(wrong("OTEL_EXPORTER_OTLP_PROTOCOL", &protocol, why));
        }
        let sampled = match (self.trace_sample_ratio, given("OTEL_TRACES_SAMPLER_ARG")) {
            (Some(ratio), _) => ratio,
            (None, text) => {
                let text = text.as_deref().unwrap_or(DEFAULT_RATIO);
                ratio(text).map_err(|why| wrong("OTEL_TRACES_SAMPLER_ARG", text, why))?
            }
        };
        let metric_interval = metric_interval(given("OTEL_METRIC_EXPORT_INTERVAL"))?;
        // Its value may be a secret.
        let headers = given("OTEL_EXPORTER_OTLP_HEADERS").map(|text| headers(&text));
        let headers =
            headers.transpose().map_err(|why| format!("OTEL_EXPORTER_OTLP_HEADERS: {why}"))?;
        let mut resource = vec![("service.name".to_owned(), "portico".to_owned())];
        if let Some(text) = given("OTEL_RESOURCE_ATTRIBUTES") {
            let pairs =
                pairs(&text).map_err(|why| wrong("OTEL_RESOURCE_ATTRIBUTES", &text, why))?;
            resource.extend(pairs);
        }
        if let Some(name) = given("OTEL_SERVICE_NAME") {
            resource.push(("service.name".to_owned(), name));
        }
        Ok(Some(TelemetrySettings {
            endpoint: url.as_str().trim_end_matches('/').to_owned(),
            headers: headers.unwrap_or_default(),
            certificates: given("OTEL_EXPORTER_OTLP_CERTIFICATE").map(PathBuf::from),
            resource,
            sampled,
            parents: match self.trace_parent {
                TraceParent::Follow => Parents::Follow,
                TraceParent::Ignore => Parents::Ignore,
            },
            metric_interval,
        }))
    }
}

/// An error in a variable.
fn wrong(name: &str, value: &str, why: &str) -> String {
    format!("{name}={value}: {why}")
}

/// How often metrics are sent.
fn metric_interval(text: Option<String>) -> Result<Duration, String> {
    let Some(text) = text else { return Ok(DEFAULT_METRIC_INTERVAL) };
    match text.parse() {
        Ok(millis @ 1..) => Ok(Duration::from_millis(millis)),
        Ok(0) | Err(_) => {
            let why = "must be a number of milliseconds above 0, such as 60000";
            Err(wrong("OTEL_METRIC_EXPORT_INTERVAL", &text, why))
        }
    }
}

/// The URL of a collector.
fn endpoint(text: &str) -> Result<Url, String> {
    const USAGE: &str =
        "must be the http or https URL of a collector, such as http://collector:4318";
    let url: Url = text.parse().map_err(|error| format!("{USAGE}: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(USAGE.to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not have a password: put it into OTEL_EXPORTER_OTLP_HEADERS".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(
            "must not have a query or fragment: /v1/traces and /v1/metrics are added to it"
                .to_owned(),
        );
    }
    Ok(url)
}

/// A share.
fn ratio(text: &str) -> Result<SampleRatio, &'static str> {
    let share = text.parse().ok().and_then(SampleRatio::new);
    share.ok_or("must be a number from 0 to 1, such as 0.1 for one trace in ten")
}

/// `NAME=VALUE,…`, with values in percent encoding.
fn pairs(text: &str) -> Result<Vec<(String, String)>, &'static str> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
        Some((name.trim().to_owned(), value.into_owned())).filter(|(name, _)| !name.is_empty())
    };
    let pairs = text.split(',').filter(|part| !part.trim().is_empty()).map(pair);
    pairs.collect::<Option<_>>().ok_or("must be NAME=VALUE pairs with commas between them")
}

/// The same for header fields.
fn headers(text: &str) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let field = |(name, value): (String, String)| {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("'{name}' is not a header name"))?;
        let mut value = HeaderValue::try_from(value)
            .map_err(|_| format!("the value of '{name}' has characters that are not allowed"))?;
        value.set_sensitive(true);
        Ok((name, value))
    };
    pairs(text)?.into_iter().map(field).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        telemetry: TelemetryArgs,
    }

    fn settings(
        flags: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<Option<TelemetrySettings>, String> {
        let line = ["portico"].iter().chain(flags);
        let line = Line::try_parse_from(line).map_err(|error| error.to_string())?;
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name);
        line.telemetry.settings(|name| variable(name).map(|(_, value)| (*value).to_owned()))
    }

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://from.env:4318/base/");

    #[test]
    fn nothing_is_sent_unless_somebody_says_where() {
        for variables in [
            &[][..],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "")],
            &[ENDPOINT, ("OTEL_SDK_DISABLED", "true")],
        ] {
            assert!(settings(&[], variables).unwrap().is_none(), "{variables:?}");
        }
    }

    #[test]
    fn flags_come_before_variables_and_these_before_defaults() {
        let ratio = |share| SampleRatio::new(share).unwrap();
        let usual = settings(&["--otlp-endpoint=https://a"], &[]).unwrap().unwrap();
        assert_eq!((&*usual.endpoint, usual.sampled), ("https://a", ratio(0.1)));
        assert_eq!((usual.parents, usual.metric_interval.as_secs()), (Parents::Follow, 60));
        let name = |value: &str| ("service.name".to_owned(), value.to_owned());
        assert_eq!(usual.resource, [name("portico")]);
        let variables = [
            ENDPOINT,
            ("OTEL_TRACES_SAMPLER_ARG", "0.5"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b, x-tenant=blue"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca.pem"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,service.name=other"),
            ("OTEL_SERVICE_NAME", "edge"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "5000"),
        ];
        let from_variables = settings(&[], &variables).unwrap().unwrap();
        assert_eq!(from_variables.endpoint, "http://from.env:4318/base");
        assert_eq!(
            (from_variables.sampled, from_variables.metric_interval.as_secs()),
            (ratio(0.5), 5)
        );
        let fields: Vec<_> = from_variables
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        assert_eq!(fields, [("api-key", &b"a b"[..]), ("x-tenant", b"blue")]);
        assert!(from_variables.headers.iter().all(|(_, value)| value.is_sensitive()));
        assert_eq!(from_variables.certificates.as_deref().unwrap().to_str(), Some("/ca.pem"));
        assert_eq!(from_variables.resource.last(), Some(&name("edge")));
        assert_eq!(from_variables.resource.len(), 4);
        let flags =
            ["--otlp-endpoint=http://b:1", "--trace-sample-ratio=1", "--trace-parent=ignore"];
        let from_flags = settings(&flags, &variables).unwrap().unwrap();
        assert_eq!((&*from_flags.endpoint, from_flags.sampled), ("http://b:1", ratio(1.0)));
        assert_eq!(from_flags.parents, Parents::Ignore);
    }

    #[test]
    fn a_bad_value_says_what_a_good_one_is() {
        for (flag, way_out) in [
            ("--otlp-endpoint=collector:4318", "such as http://collector:4318"),
            ("--otlp-endpoint=grpc://collector:4317", "such as http://collector:4318"),
            ("--otlp-endpoint=http://", "such as http://collector:4318"),
            ("--otlp-endpoint=http://a:b@c", "OTEL_EXPORTER_OTLP_HEADERS"),
            ("--otlp-endpoint=http://a/?b", "/v1/traces"),
            ("--trace-sample-ratio=10%", "from 0 to 1"),
            ("--trace-sample-ratio=1.5", "from 0 to 1"),
            ("--trace-sample-ratio=NaN", "from 0 to 1"),
            ("--trace-parent=trust", "follow, ignore"),
        ] {
            let error = settings(&[flag], &[]).unwrap_err();
            assert!(error.contains(way_out), "{flag}: {error}");
        }
        for (name, value, way_out) in [
            (ENDPOINT.0, "collector", "such as http://collector:4318"),
            (ENDPOINT.0, "http://user:secret@collector:4318", "OTEL_EXPORTER_OTLP_HEADERS"),
            (ENDPOINT.0, "http://user:secret@", "such as http://collector:4318"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "port 4318"),
            ("OTEL_TRACES_SAMPLER_ARG", "2", "from 0 to 1"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "1m", "milliseconds"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "secret", "NAME=VALUE"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a b=secret", "not a header name"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=secret%0a", "not allowed"),
            ("OTEL_RESOURCE_ATTRIBUTES", "=x", "NAME=VALUE"),
        ] {
            let error = settings(&[], &[(name, value), ENDPOINT]).unwrap_err();
            assert!(error.starts_with(name) && error.contains(way_out), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
