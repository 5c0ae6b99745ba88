//! Traces (W3C Trace Context, OpenTelemetry): which of them a request belongs to, and the spans of
//! those that are sampled. Finished spans wait in a bounded queue for whoever exports them; how they
//! are exported is not known here.

mod context;
mod queue;
mod ratio;
mod request;
mod span;

pub(crate) use context::TRACEPARENT;
pub use context::{SpanContext, SpanId, TraceFlags, TraceId};
pub use queue::Spans;
pub use ratio::SampleRatio;
pub(crate) use request::{Arrival, Ended, RequestTrace, Started, TryEnd};
pub use span::{RequestSpan, TrySpan};

use http::HeaderMap;
use queue::Queue;
use std::{rc::Rc, sync::Arc};

/// Whether and how requests are traced.
#[derive(Clone, Debug)]
pub struct Tracing {
    /// The share of the traces that begin here whose spans are recorded.
    pub sampled: SampleRatio,
    /// What the context that a request brings means.
    pub parents: Parents,
    /// Where finished spans go.
    pub spans: Arc<Spans>,
}

/// What the trace context that a request brings means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parents {
    /// Its trace goes on, and its spans are recorded if it says so.
    #[default]
    Follow,
    /// Nothing: each request begins a trace.
    Ignore,
}

/// Traces the requests of one worker.
#[derive(Debug)]
pub(crate) struct Tracer {
    sampled: SampleRatio,
    parents: Parents,
    queue: Arc<Queue>,
    spans: Arc<Spans>,
}

impl Tracing {
    /// The tracer of another worker.
    pub(crate) fn of_worker(&self) -> Rc<Tracer> {
        let Self { sampled, parents, ref spans } = *self;
        Rc::new(Tracer { sampled, parents, queue: spans.open(), spans: spans.clone() })
    }
}

impl Tracer {
    /// The trace of a request with these headers: the one that they name, or a new one.
    pub(crate) fn trace(self: &Rc<Self>, headers: &HeaderMap) -> Box<RequestTrace> {
        let parent = match self.parents {
            Parents::Follow => SpanContext::of_request(headers),
            Parents::Ignore => None,
        };
        let context = match &parent {
            Some(parent) => parent.child(),
            None => SpanContext::root(self.sampled),
        };
        Box::new(RequestTrace::new(self, context, parent, headers))
    }

    /// Hands a finished span on.
    fn finish(&self, span: RequestSpan) {
        if self.queue.add(span) {
            self.spans.wake();
        }
    }
}
