//! Attributes, and what all messages have: the process that they are about.

use crate::{cli::TelemetrySettings, version};
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    resource::v1::Resource,
};
use portico_dataplane::random::random;
use std::{
    env,
    time::{SystemTime, UNIX_EPOCH},
};

/// An attribute with a text.
pub(super) fn text(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

/// An attribute with a number.
pub(super) fn number(key: &str, value: impl TryInto<i64>) -> KeyValue {
    attribute(key, Value::IntValue(value.try_into().unwrap_or(i64::MAX)))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

/// This process. What the settings say of it comes before what it knows of itself.
pub(super) fn resource(settings: &TelemetrySettings) -> Resource {
    let pod = env::var("POD_NAME").ok().filter(|name| !name.is_empty());
    let instance = pod.unwrap_or_else(|| format!("{:016x}", random()));
    let mut attributes =
        vec![text("service.version", version::VERSION), text("service.instance.id", instance)];
    for (name, value) in &settings.resource {
        attributes.retain(|known| known.key != *name);
        attributes.push(text(name, value));
    }
    Resource { attributes, ..Resource::default() }
}

/// What has measured it.
pub(super) fn scope() -> InstrumentationScope {
    let (name, version) = ("portico".to_owned(), version::VERSION.to_owned());
    InstrumentationScope { name, version, ..InstrumentationScope::default() }
}

/// A time as OTLP has it.
pub(super) fn nanos(time: SystemTime) -> u64 {
    let since_1970 = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX)
}
