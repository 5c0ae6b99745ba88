//! An OpenTelemetry collector that records what it is sent, over OTLP with HTTP and protobuf.

use crate::{
    backend::{Backend, Reply},
    wire::{Message, PATIENCE},
};
use anyhow::{Context, Result, ensure};
use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

/// What a collector says when it has taken all.
pub const TAKEN: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";

/// A collector.
pub struct Collector(Backend);

impl Collector {
    /// One that takes all.
    pub async fn start() -> Result<Self> {
        Self::start_at("127.0.0.1:0".parse()?).await
    }

    /// The same at this address.
    pub async fn start_at(address: SocketAddr) -> Result<Self> {
        Ok(Self(Backend::scripted_at(address, |_| Reply::raw(TAKEN)).await?))
    }

    /// One that responds as `script` says.
    pub async fn scripted(
        script: impl Fn(&Message) -> Reply + Send + Sync + 'static,
    ) -> Result<Self> {
        Ok(Self(Backend::scripted(script).await?))
    }

    /// The flag that makes Portico use it.
    pub fn flag(&self) -> String {
        format!("--otlp-endpoint=http://{}", self.0.address())
    }

    /// Every message for this path so far, decoded.
    pub fn messages<T: prost::Message + Default>(&self, path: &str) -> Result<Vec<T>> {
        let messages = self.0.requests().into_iter().filter(|request| request.target() == path);
        let decoded = messages.map(|request| {
            let kind = request.field("content-type");
            ensure!(request.method() == "POST" && kind == "application/x-protobuf", "{request:?}");
            Ok(T::decode(&*request.body)?)
        });
        decoded.collect()
    }

    /// Every message with spans so far.
    pub fn traces(&self) -> Result<Vec<ExportTraceServiceRequest>> {
        self.messages("/v1/traces")
    }

    /// Every message with metrics so far.
    pub fn metrics(&self) -> Result<Vec<ExportMetricsServiceRequest>> {
        self.messages("/v1/metrics")
    }

    /// Every span so far.
    pub fn spans(&self) -> Result<Vec<Span>> {
        let resources = self.traces()?.into_iter().flat_map(|message| message.resource_spans);
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        Ok(scopes.flat_map(|scope| scope.spans).collect())
    }

    /// Waits until there are as many spans, and no more than that.
    pub async fn waits_for(&self, count: usize) -> Result<Vec<Span>> {
        let start = Instant::now();
        loop {
            let spans = self.spans()?;
            if spans.len() >= count {
                ensure!(spans.len() == count, "{} spans, not {count}: {spans:?}", spans.len());
                return Ok(spans);
            }
            ensure!(start.elapsed() < PATIENCE, "{} spans, not {count}", spans.len());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Attributes by name, their values printed.
pub fn attributes(attributes: &[KeyValue]) -> Result<BTreeMap<&str, String>> {
    let printed = attributes.iter().map(|attribute| {
        let value = attribute.value.as_ref().and_then(|value| value.value.as_ref());
        let value = match value.with_context(|| format!("{attribute:?}"))? {
            Value::StringValue(text) => text.clone(),
            Value::IntValue(number) => number.to_string(),
            other => format!("{other:?}"),
        };
        Ok((attribute.key.as_str(), value))
    });
    let all: BTreeMap<_, _> = printed.collect::<Result<_>>()?;
    ensure!(all.len() == attributes.len(), "an attribute is there twice: {attributes:?}");
    Ok(all)
}
