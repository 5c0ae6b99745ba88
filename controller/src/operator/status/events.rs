//! Kubernetes Events: the queue of all, and one for each problem.

use crate::{
    compile::Status,
    diagnostic::{ObjectRef, Problem},
    operator::{
        failure_log::FailureLog,
        metrics::{EventOutcome, Metrics},
    },
};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Client,
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use portico_crds::{GROUP, VERSION};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};
use tokio::{sync::mpsc, time::timeout};

/// How many Events may wait to be written. Whoever has further ones tries again later.
const MAX_QUEUED: usize = 1024;
/// How long writing an Event may take.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest note that the API server accepts, in bytes.
const MAX_NOTE_BYTES: usize = 1024;

/// The Events that wait to be written.
#[derive(Clone, Debug)]
pub(crate) struct EventQueue {
    waiting: mpsc::Sender<(ObjectReference, Event)>,
    metrics: Metrics,
}

impl EventQueue {
    /// Starts a task that writes Events until all copies of this are dropped.
    pub(crate) fn new(client: Client, failure_log: FailureLog, metrics: Metrics) -> Self {
        let (sender, waiting) = mpsc::channel(MAX_QUEUED);
        tokio::spawn(write(client, failure_log, metrics.clone(), waiting));
        Self { waiting: sender, metrics }
    }

    /// Adds an Event about an object; `false` if too many wait already, and it has to be sent again
    /// later.
    #[must_use]
    pub(super) fn send(&self, object: &ObjectRef, uid: &str, mut event: Event) -> bool {
        if let Some(note) = &mut event.note {
            note.truncate(note.floor_char_boundary(MAX_NOTE_BYTES));
        }
        let about = ObjectReference {
            api_version: Some(format!("{GROUP}/{VERSION}")),
            kind: Some(object.kind.to_string()),
            name: Some(object.name.name.to_string()),
            namespace: Some(object.name.namespace.to_string()),
            uid: Some(uid.to_owned()),
            ..ObjectReference::default()
        };
        let is_queued = self.waiting.try_send((about, event)).is_ok();
        if !is_queued {
            self.metrics.event(EventOutcome::Postponed);
        }
        is_queued
    }
}

/// Reports problems, and remembers which.
#[derive(Debug)]
pub(super) struct Events {
    reported: Reported,
    queue: EventQueue,
    /// Whether a problem could not be reported, because too many Events wait.
    is_behind: bool,
}

/// The problems that were reported, by object, with the object's uid.
#[derive(Debug, Default)]
struct Reported {
    problems: HashMap<ObjectRef, (String, BTreeSet<Problem>)>,
    /// Whether all objects have been reported once. Until then, a problem that is already in an
    /// object's status was reported by whoever wrote the status.
    complete: bool,
}

impl Events {
    /// Without anything reported yet.
    pub(super) fn new(queue: EventQueue) -> Self {
        Self { reported: Reported::default(), queue, is_behind: false }
    }

    /// Reports those problems of an object that were not reported yet. `is_current`: its status
    /// already describes its problems.
    pub(super) fn report(
        &mut self,
        object: &ObjectRef,
        uid: &str,
        status: &Status,
        is_current: bool,
    ) {
        for problem in self.reported.unreported(object, uid, &status.problems, is_current) {
            if !self.queue.send(object, uid, event(&problem)) {
                self.reported.forget(object, &problem);
                self.is_behind = true;
            }
        }
    }

    /// Whether problems have to be reported again since the last call.
    pub(super) fn is_behind(&mut self) -> bool {
        std::mem::take(&mut self.is_behind)
    }

    /// All objects have been reported.
    pub(super) fn complete(&mut self, objects: &BTreeMap<ObjectRef, Arc<Status>>) {
        self.reported.problems.retain(|object, _| objects.contains_key(object));
        self.reported.complete = true;
    }

    /// From now on another replica reports.
    pub(super) fn forget(&mut self) {
        self.reported = Reported::default();
    }
}

impl Reported {
    /// A problem of an object has not been reported.
    fn forget(&mut self, object: &ObjectRef, problem: &Problem) {
        if let Some((_, problems)) = self.problems.get_mut(object) {
            problems.remove(problem);
        }
    }

    fn unreported(
        &mut self,
        object: &ObjectRef,
        uid: &str,
        problems: &[Problem],
        is_current: bool,
    ) -> Vec<Problem> {
        if problems.is_empty() {
            self.problems.remove(object);
            return Vec::new();
        }
        let now = problems.iter().cloned().collect();
        let before = self.problems.insert(object.clone(), (uid.to_owned(), now));
        let unreported = |reported: &BTreeSet<Problem>| {
            problems.iter().filter(|problem| !reported.contains(*problem)).cloned().collect()
        };
        match before.filter(|(before, _)| before == uid) {
            Some((_, reported)) => unreported(&reported),
            None if is_current && !self.complete => Vec::new(),
            None => problems.to_vec(),
        }
    }
}

async fn write(
    client: Client,
    failure_log: FailureLog,
    metrics: Metrics,
    mut waiting: mpsc::Receiver<(ObjectReference, Event)>,
) {
    let what = "writing Events";
    let recorder = Recorder::new(client, Reporter::from("portico"));
    while let Some((about, event)) = waiting.recv().await {
        let outcome = match timeout(WRITE_TIMEOUT, recorder.publish(&event, &about)).await {
            Ok(Ok(())) => {
                failure_log.worked(what);
                EventOutcome::Written
            }
            Ok(Err(error)) => {
                failure_log.failed(what, &error);
                EventOutcome::Failed
            }
            Err(error) => {
                failure_log.failed(what, &error);
                EventOutcome::Failed
            }
        };
        metrics.event(outcome);
    }
}

fn event(problem: &Problem) -> Event {
    Event {
        type_: EventType::Warning,
        reason: problem.reason.to_string(),
        note: Some(format!("{}: {}", problem.field, problem.message)),
        action: "Compile".to_owned(),
        secondary: None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::diagnostic::{ConditionType, Kind, Reason, Severity};
    use portico_dataplane::table::ObjectName;
    use prometheus_client::registry::Registry;

    fn route() -> ObjectRef {
        ObjectRef { kind: Kind::Route, name: ObjectName::new("web", "app") }
    }

    fn problem(message: &str) -> Problem {
        Problem {
            object: route(),
            severity: Severity::Error,
            condition: ConditionType::Accepted,
            field: "spec.matches[0].path".to_owned(),
            reason: Reason::Invalid,
            message: message.to_owned(),
        }
    }

    #[test]
    fn a_problem_is_told_once() {
        let mut reported = Reported::default();
        let one = [problem("a")];
        let both = [problem("a"), problem("b")];
        assert_eq!(reported.unreported(&route(), "u", &one, false), one);
        assert_eq!(reported.unreported(&route(), "u", &both, false), both[1..]);
        assert_eq!(reported.unreported(&route(), "u", &both, true), []);
        assert_eq!(reported.unreported(&route(), "u", &[], true), []);
        assert_eq!(reported.unreported(&route(), "u", &one, false), one, "it came back");
        assert_eq!(reported.unreported(&route(), "v", &one, false), one, "a new object");
    }

    #[test]
    fn what_another_told_is_not_told_again() {
        let mut reported = Reported::default();
        let one = [problem("a")];
        assert_eq!(reported.unreported(&route(), "u", &one, true), []);
        assert_eq!(reported.unreported(&route(), "u", &one, false), []);
        let mut reported = Reported { complete: true, ..Reported::default() };
        assert_eq!(
            reported.unreported(&route(), "u", &one, true),
            one,
            "no condition has a warning"
        );
    }

    #[test]
    fn a_problem_that_finds_the_queue_full_is_told_later() {
        let (sender, mut waiting) = mpsc::channel(1);
        let queue =
            EventQueue { waiting: sender, metrics: Metrics::register(&mut Registry::default()) };
        let mut events = Events::new(queue);
        let status = Status {
            uid: None,
            generation: None,
            conditions: Vec::new(),
            problems: vec![problem("a"), problem("b")],
            attached_routes: 0,
            last_good: None,
            holds_place: false,
            reported_elsewhere: false,
        };
        let mut told = Vec::new();
        for is_behind in [true, false, false] {
            events.report(&route(), "u", &status, false);
            assert_eq!(events.is_behind(), is_behind);
            told.extend(waiting.try_recv().ok().and_then(|(_, event)| event.note));
        }
        assert_eq!(told, ["spec.matches[0].path: a", "spec.matches[0].path: b"]);
    }

    #[test]
    fn a_long_note_is_cut_between_characters() {
        let (sender, mut waiting) = mpsc::channel(1);
        let metrics = Metrics::register(&mut Registry::default());
        let queue = EventQueue { waiting: sender, metrics };
        assert!(queue.send(&route(), "u", event(&problem(&"ä".repeat(2000)))));
        let (about, event) = waiting.try_recv().unwrap();
        assert_eq!(about.uid.as_deref(), Some("u"));
        let note = event.note.unwrap_or_default();
        assert!(note.len() <= MAX_NOTE_BYTES && note.len() > MAX_NOTE_BYTES - 2, "{}", note.len());
    }
}
