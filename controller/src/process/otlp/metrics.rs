//! Metrics as OTLP has them: sums since the process began to count.

use super::attributes::{nanos, scope, text};
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::KeyValue,
    metrics::v1::{
        AggregationTemporality, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
        ResourceMetrics, ScopeMetrics, Sum, metric::Data, number_data_point::Value,
    },
    resource::v1::Resource,
};
use portico_dataplane::serve::{Measurements, RouteMeasurements};
use std::time::SystemTime;

/// Since when is counted, and until when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Period {
    pub(super) start: SystemTime,
    pub(super) end: SystemTime,
}

/// The message with these.
pub(super) fn message(
    resource: &Resource,
    measured: &Measurements,
    period: Period,
) -> ExportMetricsServiceRequest {
    let routes = &measured.routes;
    let durations = routes.iter().map(|route| durations(route, period)).collect();
    let requests = routes.iter().flat_map(|one| {
        one.outcomes.iter().map(move |outcome| {
            let mut attributes = vec![name(one), text("portico.code", &*outcome.code)];
            if !outcome.reason.is_empty() {
                attributes.push(text("portico.reason", outcome.reason));
            }
            point(attributes, whole(outcome.count), period)
        })
    });
    let avoided = || routes.iter().filter(|route| route.avoided > 0);
    let counts = avoided().map(|one| point(vec![name(one)], whole(one.avoided), period));
    let saved = avoided()
        .map(|one| point(vec![name(one)], Value::AsDouble(one.saved.as_secs_f64()), period));
    let open = point(Vec::new(), whole(measured.connections), period);
    let metrics = vec![
        Metric {
            name: "http.server.request.duration".to_owned(),
            description: "Time from a request's head to the end of its response.".to_owned(),
            unit: "s".to_owned(),
            data: Some(Data::Histogram(Histogram {
                data_points: durations,
                aggregation_temporality: AggregationTemporality::Cumulative.into(),
            })),
            ..Metric::default()
        },
        sum("portico.requests", "{request}", "Requests, by their outcome.", requests.collect()),
        sum(
            "portico.cors.preflights_avoided",
            "{preflight}",
            "Preflights that browsers did not send, because page and API share an origin.",
            counts.collect(),
        ),
        sum(
            "portico.cors.saved_round_trip",
            "s",
            "The minimum time that those preflights would have taken.",
            saved.collect(),
        ),
        Metric {
            data: Some(Data::Sum(Sum { is_monotonic: false, ..cumulative(vec![open]) })),
            ..sum("portico.connections", "{connection}", "Open client connections.", Vec::new())
        },
    ];
    let scope_metrics = ScopeMetrics { scope: Some(scope()), metrics, ..ScopeMetrics::default() };
    let resource_metrics = ResourceMetrics {
        resource: Some(resource.clone()),
        scope_metrics: vec![scope_metrics],
        ..ResourceMetrics::default()
    };
    ExportMetricsServiceRequest { resource_metrics: vec![resource_metrics] }
}

fn durations(route: &RouteMeasurements, period: Period) -> HistogramDataPoint {
    let durations = &route.durations;
    HistogramDataPoint {
        attributes: vec![name(route)],
        start_time_unix_nano: nanos(period.start),
        time_unix_nano: nanos(period.end),
        count: durations.counts.iter().sum(),
        sum: Some(durations.sum.as_secs_f64()),
        bucket_counts: durations.counts.clone(),
        explicit_bounds: durations.bounds.clone(),
        ..HistogramDataPoint::default()
    }
}

fn sum(name: &str, unit: &str, description: &str, points: Vec<NumberDataPoint>) -> Metric {
    Metric {
        name: name.to_owned(),
        description: description.to_owned(),
        unit: unit.to_owned(),
        data: Some(Data::Sum(cumulative(points))),
        ..Metric::default()
    }
}

fn cumulative(data_points: Vec<NumberDataPoint>) -> Sum {
    let aggregation_temporality = AggregationTemporality::Cumulative.into();
    Sum { data_points, aggregation_temporality, is_monotonic: true }
}

fn point(attributes: Vec<KeyValue>, value: Value, period: Period) -> NumberDataPoint {
    NumberDataPoint {
        attributes,
        start_time_unix_nano: nanos(period.start),
        time_unix_nano: nanos(period.end),
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

fn whole(count: u64) -> Value {
    Value::AsInt(i64::try_from(count).unwrap_or(i64::MAX))
}

/// The Route; `-` for requests that matched none.
fn name(route: &RouteMeasurements) -> KeyValue {
    text("portico.route", route.route.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string))
}
