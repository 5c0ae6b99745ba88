//! Statuses that say that replicas lack the object, and wait, since that may be over in a moment.

use crate::diagnostic::ObjectRef;
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

/// How long such a status waits, and how often at most one is written for an object.
const DELAY: Duration = Duration::from_secs(1);

/// The objects that replicas lack.
#[derive(Debug, Default)]
pub(super) struct Holds {
    /// When a status may be written that says so.
    until: HashMap<ObjectRef, Instant>,
    /// The first of those times that is waited for.
    next: Option<Instant>,
}

impl Holds {
    /// A round begins, in which every object comes up. Those that are not known are forgotten.
    pub(super) fn begin_round(&mut self, is_known: impl Fn(&ObjectRef) -> bool) {
        self.until.retain(|object, _| is_known(object));
        self.next = None;
    }

    /// Whether the status of an object that replicas lack has to wait.
    pub(super) fn hold(&mut self, object: &ObjectRef, now: Instant) -> bool {
        let until = *self.until.entry(object.clone()).or_insert(now + DELAY);
        let holds = now < until;
        if holds {
            self.next = Some(self.next.map_or(until, |next| next.min(until)));
        }
        holds
    }

    /// A status that says that replicas lack the object was written.
    pub(super) fn written(&mut self, object: &ObjectRef, now: Instant) {
        self.until.insert(object.clone(), now + DELAY);
    }

    /// All replicas serve the object.
    pub(super) fn release(&mut self, object: &ObjectRef) {
        self.until.remove(object);
    }

    /// When a status that was held back in this round may be written.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Kind;
    use portico_dataplane::table::ObjectName;

    fn route(name: &str) -> ObjectRef {
        ObjectRef { kind: Kind::Route, name: ObjectName::new("web", name) }
    }

    #[test]
    fn a_status_waits_for_a_second_and_then_so_does_the_next() {
        let (mut holds, start, a) = (Holds::default(), Instant::now(), route("a"));
        assert!(holds.hold(&a, start));
        assert!(holds.hold(&a, start + DELAY / 2), "however often it changes");
        assert_eq!(holds.next(), Some(start + DELAY));
        holds.begin_round(|_| true);
        let later = start + DELAY;
        assert!(!holds.hold(&a, later));
        assert_eq!(holds.next(), None);
        holds.written(&a, later);
        assert!(holds.hold(&a, later + DELAY / 2));
        assert!(!holds.hold(&a, later + DELAY));
    }

    #[test]
    fn who_comes_up_again_waits_again() {
        let (mut holds, start) = (Holds::default(), Instant::now());
        for name in ["released", "gone"] {
            assert!(holds.hold(&route(name), start));
        }
        holds.release(&route("released"));
        holds.begin_round(|object| *object != route("gone"));
        for name in ["released", "gone"] {
            assert!(holds.hold(&route(name), start + DELAY));
        }
    }
}
