//! Sends spans and metrics to an OpenTelemetry collector. The messages are built from what the
//! dataplane has recorded, without OpenTelemetry's SDK: docs/decisions/spans-without-an-sdk.md says
//! why.

mod attributes;
mod client;
mod counts;
mod metrics;
mod outage;
mod spans;

pub(super) use counts::Counts;

use super::admin::Admin;
use crate::cli::TelemetrySettings;
use client::Collector;
use counts::Outcome;
use metrics::Period;
use opentelemetry_proto::tonic::{
    collector::{
        metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse},
        trace::v1::ExportTraceServiceResponse,
    },
    resource::v1::Resource,
};
use outage::Outage;
use portico_dataplane::trace::{RequestSpan, Spans, Tracing};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{
    sync::{Mutex, Notify, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};

/// How often spans are sent, if there are not many.
const INTERVAL: Duration = Duration::from_secs(1);
/// How many requests' spans are sent at once.
const MAX_BATCH: usize = 512;
/// How often spans are sent before they are dropped.
const MAX_TRIES: u32 = 5;
/// How long to wait before they are sent again; twice as long each further time.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// How long sending what is left may take when the process ends.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// Sends what is recorded to a collector, until it is told to end.
#[derive(Debug)]
pub(super) struct Exporter {
    tracing: Tracing,
    metrics: Arc<MetricsTask>,
    ends: watch::Sender<bool>,
    /// What sends spans, and what sends metrics.
    tasks: Mutex<Option<(JoinHandle<()>, JoinHandle<()>)>>,
}

/// Where all is sent, and what all says of the process.
#[derive(Debug)]
struct Target {
    collector: Collector,
    resource: Resource,
}

#[derive(Debug)]
struct SpansTask {
    target: Arc<Target>,
    spans: Arc<Spans>,
    many: Arc<Notify>,
    ends: watch::Receiver<bool>,
    counts: Counts,
    outage: Outage,
}

#[derive(Debug)]
struct MetricsTask {
    target: Arc<Target>,
    pages: Arc<Admin>,
    interval: Duration,
    start: SystemTime,
    outage: Mutex<Outage>,
}

impl Exporter {
    /// Starts to send spans, and metrics once there are `pages` with some.
    pub(super) fn start(
        settings: &TelemetrySettings,
        counts: Counts,
        pages: Arc<Admin>,
    ) -> anyhow::Result<Self> {
        let many = Arc::new(Notify::new());
        let wake = many.clone();
        let spans = Arc::new(Spans::new(move || wake.notify_one()));
        let TelemetrySettings { sampled, parents, metric_interval, .. } = *settings;
        let tracing = Tracing { sampled, parents, spans: spans.clone() };
        let collector = Collector::new(settings)?;
        let target = Arc::new(Target { collector, resource: attributes::resource(settings) });
        let (ends, ending) = watch::channel(false);
        let metrics = Arc::new(MetricsTask {
            target: target.clone(),
            pages,
            interval: metric_interval,
            start: SystemTime::now(),
            outage: Mutex::new(Outage::of("metrics")),
        });
        let outage = Outage::of("spans");
        let task = SpansTask { target, spans, many, ends: ending.clone(), counts, outage };
        let tasks = (tokio::spawn(task.run()), tokio::spawn(metrics.clone().run(ending)));
        tracing::info!("sending spans and metrics to {}", settings.endpoint);
        Ok(Self { tracing, metrics, ends, tasks: Mutex::new(Some(tasks)) })
    }

    /// How the dataplane traces requests.
    pub(super) fn tracing(&self) -> Tracing {
        self.tracing.clone()
    }

    /// The metrics as they are, to be [sent at the end](Self::flush): a dataplane that drains has
    /// none.
    pub(super) async fn last_metrics(&self) -> Option<ExportMetricsServiceRequest> {
        self.metrics.message().await
    }

    /// Sends the spans that are left, and these metrics, for as long as may be waited for that.
    pub(super) async fn flush(&self, metrics: Option<ExportMetricsServiceRequest>) {
        let Some((mut spans, others)) = self.tasks.lock().await.take() else { return };
        others.abort();
        self.ends.send_replace(true);
        let last_metrics = async {
            if let Some(message) = metrics {
                self.metrics.send(&message).await;
            }
        };
        let all = async { tokio::join!(&mut spans, last_metrics) };
        if timeout(FLUSH_TIMEOUT, all).await.is_err() {
            spans.abort();
            tracing::warn!("the last spans were not sent: the collector takes too long");
        }
    }
}

impl SpansTask {
    async fn run(mut self) {
        let mut ends = false;
        // Whatever it is doing when it is told to end, it takes the last ones after that.
        while !ends {
            ends = *self.ends.borrow();
            if !ends {
                tokio::select! {
                    () = sleep(INTERVAL) => {}
                    () = self.many.notified() => {}
                    told = self.ends.changed() => if told.is_err() { return },
                }
            }
            let (requests, dropped) = self.spans.take();
            self.counts.add(Outcome::Dropped, dropped);
            for batch in requests.chunks(MAX_BATCH) {
                self.send(batch).await;
            }
        }
    }

    /// Sends these, again if need be.
    async fn send(&mut self, batch: &[RequestSpan]) {
        let message = spans::message(&self.target.resource, batch);
        let (collector, all) = (&self.target.collector, batch.len() as u64);
        let mut delay = RETRY_DELAY;
        for attempt in 1.. {
            let sent = collector.send::<ExportTraceServiceResponse>("/v1/traces", &message).await;
            let failure = match sent {
                Ok(response) => {
                    self.outage.worked();
                    return self.count(&response, all);
                }
                Err(failure) => failure,
            };
            self.outage.failed(&failure, collector.endpoint());
            let is_last = attempt >= MAX_TRIES || *self.ends.borrow();
            let Some(least) = failure.retry.filter(|_| !is_last) else {
                return self.counts.add(Outcome::Failed, all);
            };
            tokio::select! {
                () = sleep(delay.max(least)) => {}
                // Once more, at once.
                _ = self.ends.changed() => {}
            }
            delay *= 2;
        }
    }

    /// Counts what was taken, and what of it was not.
    fn count(&self, response: &ExportTraceServiceResponse, all: u64) {
        let partial = response.partial_success.clone().unwrap_or_default();
        // Of how many requests these spans are, it does not say.
        let rejected = u64::try_from(partial.rejected_spans).unwrap_or_default().min(all);
        if rejected > 0 {
            tracing::warn!(rejected, why = partial.error_message, "the collector rejects spans");
        }
        self.counts.add(Outcome::Failed, rejected);
        self.counts.add(Outcome::Sent, all - rejected);
    }
}

impl MetricsTask {
    async fn run(self: Arc<Self>, mut ends: watch::Receiver<bool>) {
        while !*ends.borrow() {
            tokio::select! {
                () = sleep(self.interval) => {}
                _ = ends.changed() => return,
            }
            if let Some(message) = self.message().await {
                self.send(&message).await;
            }
        }
    }

    async fn message(&self) -> Option<ExportMetricsServiceRequest> {
        let measured = self.pages.measurements().await?;
        let period = Period { start: self.start, end: SystemTime::now() };
        Some(metrics::message(&self.target.resource, &measured, period))
    }

    /// Sends these once: the next ones have all that these have.
    async fn send(&self, message: &ExportMetricsServiceRequest) {
        let collector = &self.target.collector;
        let sent = collector.send::<ExportMetricsServiceResponse>("/v1/metrics", message).await;
        let mut outage = self.outage.lock().await;
        match sent {
            Ok(_) => outage.worked(),
            Err(failure) => outage.failed(&failure, collector.endpoint()),
        }
    }
}
