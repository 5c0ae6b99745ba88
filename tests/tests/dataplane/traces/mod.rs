//! Trace contexts, and what the spans of requests say.

mod contexts;
mod spans;

use portico_dataplane::trace::{Parents, RequestSpan, SampleRatio, Spans, Tracing};
use portico_tests::{
    edge::{Edge, Setup},
    wire::PATIENCE,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

/// A `traceparent` with these flags.
fn parent(flags: &str) -> String {
    format!("traceparent: 00-{TRACE}-{SPAN}-{flags}\r\n")
}

/// The parts of a `traceparent` that is valid: trace id, span id, flags.
#[track_caller]
fn parts(field: &str) -> [String; 3] {
    let parts: Vec<_> = field.split('-').map(str::to_owned).collect();
    let [version, trace, span, flags] = <[String; 4]>::try_from(parts).expect(field);
    assert_eq!((&*version, trace.len(), span.len(), flags.len()), ("00", 32, 16, 2), "{field}");
    [trace, span, flags]
}

/// What a dataplane records.
struct Recorder(Arc<Spans>);

impl Recorder {
    /// A dataplane that samples this share of the traces that begin at it.
    async fn edge(manifests: &str, share: f64, parents: Parents) -> (Edge, Self) {
        let sampled = SampleRatio::new(share).unwrap();
        let spans = Arc::new(Spans::new(|| {}));
        let tracing = Some(Tracing { sampled, parents, spans: spans.clone() });
        let setup = Setup { tracing, ..Setup::default() };
        (Edge::start_with(setup, manifests).await.unwrap(), Self(spans))
    }

    /// The next spans, as many as these: one is there shortly after the response has ended.
    async fn take(&self, count: usize) -> Vec<RequestSpan> {
        let (mut taken, start) = (Vec::new(), Instant::now());
        while taken.len() < count {
            assert!(start.elapsed() < PATIENCE, "{} spans, not {count}", taken.len());
            tokio::time::sleep(Duration::from_millis(1)).await;
            taken.extend(self.0.take().0);
        }
        assert_eq!(taken.len(), count, "{taken:?}");
        taken
    }

    /// The next one, which is the only one.
    async fn one(&self) -> RequestSpan {
        self.take(1).await.remove(0)
    }
}
