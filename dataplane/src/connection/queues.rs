//! Entries of which some wait in a queue, linked within the arena that holds them all: joining,
//! leaving and finding the oldest take a few stores and no allocation.

use slab::Slab;
use std::time::Instant;

/// The queue of connections that an entry waits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queue {
    /// Nothing of a request has arrived.
    Idle,
    /// Part of a head has.
    Head,
    /// The client does not read its response.
    Stalled,
}

/// Entries, and the queues of some of them.
#[derive(Debug)]
pub(super) struct Queues<T> {
    entries: Slab<Entry<T>>,
    idle: Ends,
    head: Ends,
    stalled: Ends,
}

#[derive(Debug)]
struct Entry<T> {
    value: T,
    /// The queue, and since when the entry waits there.
    place: Option<(Queue, Instant)>,
    links: Ends,
}

/// The ends of a queue, or an entry's neighbours in it.
#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    older: Option<usize>,
    newer: Option<usize>,
}

impl<T> Default for Queues<T> {
    fn default() -> Self {
        let (idle, head, stalled) = Default::default();
        Self { entries: Slab::new(), idle, head, stalled }
    }
}

impl<T> Queues<T> {
    /// Adds an entry that waits in no queue; returns its key.
    pub(super) fn insert(&mut self, value: T) -> usize {
        self.entries.insert(Entry { value, place: None, links: Ends::default() })
    }

    /// Removes an entry.
    pub(super) fn remove(&mut self, key: usize) {
        self.leave(key);
        self.entries.try_remove(key);
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// All entries.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().map(|(_, entry)| &entry.value)
    }

    /// The entry that has waited longest in a queue, and since when.
    pub(super) fn oldest(&self, queue: Queue) -> Option<(&T, Instant)> {
        let ends = match queue {
            Queue::Idle => &self.idle,
            Queue::Head => &self.head,
            Queue::Stalled => &self.stalled,
        };
        let entry = self.entries.get(ends.older?)?;
        entry.place.map(|(_, since)| (&entry.value, since))
    }

    /// Puts an entry at the end of a queue, from wherever it waits.
    pub(super) fn join(&mut self, key: usize, queue: Queue, now: Instant) {
        self.leave(key);
        let last = self.ends(queue).newer;
        let Some(entry) = self.entries.get_mut(key) else { return };
        entry.place = Some((queue, now));
        entry.links = Ends { older: last, newer: None };
        match last.and_then(|last| self.entries.get_mut(last)) {
            Some(last) => last.links.newer = Some(key),
            None => self.ends(queue).older = Some(key),
        }
        self.ends(queue).newer = Some(key);
    }

    /// Takes an entry out of its queue, if it waits in one.
    pub(super) fn leave(&mut self, key: usize) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        let Some((queue, _)) = entry.place.take() else { return };
        let Ends { older, newer } = std::mem::take(&mut entry.links);
        match older.and_then(|older| self.entries.get_mut(older)) {
            Some(older) => older.links.newer = newer,
            None => self.ends(queue).older = newer,
        }
        match newer.and_then(|newer| self.entries.get_mut(newer)) {
            Some(newer) => newer.links.older = older,
            None => self.ends(queue).newer = older,
        }
    }

    fn ends(&mut self, queue: Queue) -> &mut Ends {
        match queue {
            Queue::Idle => &mut self.idle,
            Queue::Head => &mut self.head,
            Queue::Stalled => &mut self.stalled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Insert,
        Remove(usize),
        Join(usize, bool),
        Leave(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            Just(Step::Insert),
            (0..8_usize).prop_map(Step::Remove),
            (0..8_usize, any::<bool>()).prop_map(|(nth, head)| Step::Join(nth, head)),
            (0..8_usize).prop_map(Step::Leave),
        ]
    }

    proptest! {
        #[test]
        fn queues_keep_the_order_of_joining(steps in prop::collection::vec(step(), 0..60)) {
            let now = Instant::now();
            let (mut queues, mut keys) = (Queues::default(), Vec::new());
            // The same as lists: what waits in them, the oldest first.
            let (mut idle, mut head) = (Vec::new(), Vec::new());
            let nth = |keys: &[usize], nth: usize| keys.get(nth % keys.len().max(1)).copied();
            for (number, step) in steps.into_iter().enumerate() {
                let key = match step {
                    Step::Insert => {
                        keys.push(queues.insert(number));
                        continue;
                    }
                    Step::Remove(key) | Step::Join(key, _) | Step::Leave(key) => nth(&keys, key),
                };
                let Some(key) = key else { continue };
                idle.retain(|waiting| *waiting != key);
                head.retain(|waiting| *waiting != key);
                match step {
                    Step::Remove(_) => {
                        queues.remove(key);
                        keys.retain(|known| *known != key);
                    }
                    Step::Join(_, false) => {
                        queues.join(key, Queue::Idle, now);
                        idle.push(key);
                    }
                    Step::Join(_, true) => {
                        queues.join(key, Queue::Head, now);
                        head.push(key);
                    }
                    Step::Leave(_) | Step::Insert => queues.leave(key),
                }
            }
            prop_assert_eq!(queues.len(), keys.len());
            for (queue, expected) in [(Queue::Idle, idle), (Queue::Head, head)] {
                for key in expected {
                    let value = queues.entries.get(key).map(|entry| entry.value);
                    prop_assert_eq!(queues.oldest(queue).map(|(value, _)| *value), value);
                    queues.leave(key);
                }
                prop_assert!(queues.oldest(queue).is_none());
            }
        }
    }
}
