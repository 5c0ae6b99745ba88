//! Objects as watches bring them.

use kube::runtime::watcher::Event;
use portico_dataplane::table::ObjectName;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What is kept of an object.
pub(super) trait Kept: Clone {
    /// Whether nothing that is compiled differs.
    fn compiles_alike(&self, other: &Self) -> bool;
}

impl<T: PartialEq> Kept for Arc<T> {
    fn compiles_alike(&self, other: &Self) -> bool {
        self == other
    }
}

/// All objects of one kind, from one watch, or from one for each namespace.
#[derive(Debug)]
pub(super) struct Shelf<T>(Box<[Mutex<Watched<T>>]>);

/// The objects of one watch.
#[derive(Debug)]
struct Watched<T> {
    objects: BTreeMap<ObjectName, T>,
    /// A new list of them, which counts once it is whole.
    incoming: Option<BTreeMap<ObjectName, T>>,
    filled: bool,
}

impl<T: Kept> Shelf<T> {
    /// An empty one, for so many watches.
    pub(super) fn new(watches: usize) -> Arc<Self> {
        let watched = || Watched { objects: BTreeMap::new(), incoming: None, filled: false };
        Arc::new(Self((0..watches).map(|_| Mutex::new(watched())).collect()))
    }

    fn watched(&self) -> impl Iterator<Item = MutexGuard<'_, Watched<T>>> {
        self.0.iter().map(|watched| watched.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether every watch has brought all of its objects once.
    pub(super) fn filled(&self) -> bool {
        self.watched().all(|watched| watched.filled)
    }

    /// All objects.
    pub(super) fn all(&self) -> BTreeMap<ObjectName, T> {
        let mut all = BTreeMap::new();
        for watched in self.watched() {
            all.extend(watched.objects.iter().map(|(name, kept)| (name.clone(), kept.clone())));
        }
        all
    }

    /// One object.
    pub(super) fn get(&self, name: &ObjectName) -> Option<T> {
        self.watched().find_map(|watched| watched.objects.get(name).cloned())
    }

    /// Takes up what watch `number` says. `keep` may leave out an object. Whether a compile would
    /// find a difference.
    pub(super) fn take<K>(
        &self,
        number: usize,
        event: Event<K>,
        keep: impl Fn(K) -> (ObjectName, Option<T>),
    ) -> bool {
        let Some(mut watched) = self.watched().nth(number) else { return false };
        match event {
            Event::Init => {
                watched.incoming = Some(BTreeMap::new());
                false
            }
            Event::InitApply(object) => {
                if let (name, Some(kept)) = keep(object) {
                    watched.incoming.get_or_insert_default().insert(name, kept);
                }
                false
            }
            Event::InitDone => watched.take_list(),
            Event::Apply(object) => match keep(object) {
                (name, Some(kept)) => watched.insert(name, kept),
                (name, None) => watched.objects.remove(&name).is_some(),
            },
            Event::Delete(object) => watched.objects.remove(&keep(object).0).is_some(),
        }
    }

    /// Goes on without what watch `number` would bring. Whether a compile would find a difference.
    pub(super) fn do_without(&self, number: usize) -> bool {
        let Some(mut watched) = self.watched().nth(number) else { return false };
        !std::mem::replace(&mut watched.filled, true)
    }
}

impl<T: Kept> Watched<T> {
    fn insert(&mut self, name: ObjectName, kept: T) -> bool {
        let before = self.objects.insert(name.clone(), kept);
        let now = self.objects.get(&name);
        !before.zip(now).is_some_and(|(before, now)| before.compiles_alike(now))
    }

    fn take_list(&mut self) -> bool {
        let Some(list) = self.incoming.take() else { return false };
        let first = !std::mem::replace(&mut self.filled, true);
        let before = std::mem::replace(&mut self.objects, list);
        let alike = before.len() == self.objects.len()
            && before
                .iter()
                .zip(&self.objects)
                .all(|((old_name, old), (name, new))| old_name == name && old.compiles_alike(new));
        first || !alike
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(object: (&'static str, u32)) -> (ObjectName, Option<Arc<u32>>) {
        (ObjectName::new("web", object.0), Some(Arc::new(object.1)).filter(|number| **number > 0))
    }

    fn listed(shelf: &Shelf<Arc<u32>>, objects: &[(&'static str, u32)]) -> bool {
        assert!(!shelf.take(0, Event::Init, keep));
        for object in objects {
            assert!(!shelf.take(0, Event::InitApply(*object), keep));
        }
        shelf.take(0, Event::InitDone, keep)
    }

    fn numbers(shelf: &Shelf<Arc<u32>>) -> Vec<u32> {
        shelf.all().values().map(|number| **number).collect()
    }

    #[test]
    fn a_list_counts_once_it_is_whole() {
        let shelf = Shelf::new(1);
        assert!(!shelf.filled());
        assert!(listed(&shelf, &[("a", 1), ("b", 2)]));
        assert!(shelf.filled());
        shelf.take(0, Event::Init, keep);
        shelf.take(0, Event::InitApply(("a", 3)), keep);
        assert_eq!(numbers(&shelf), [1, 2], "the old list, while the new one comes");
        assert!(shelf.take(0, Event::InitDone, keep));
        assert_eq!(numbers(&shelf), [3]);
    }

    #[test]
    fn only_differences_count() {
        let shelf = Shelf::new(1);
        assert!(listed(&shelf, &[]), "the first list, even if it is empty");
        assert!(shelf.take(0, Event::Apply(("a", 1)), keep));
        assert!(!shelf.take(0, Event::Apply(("a", 1)), keep));
        assert!(!listed(&shelf, &[("a", 1)]));
        assert!(listed(&shelf, &[("b", 1)]));
        assert!(shelf.take(0, Event::Delete(("b", 1)), keep));
        assert!(!shelf.take(0, Event::Delete(("b", 1)), keep));
        assert!(numbers(&shelf).is_empty());
    }

    #[test]
    fn what_is_not_kept_is_gone() {
        let shelf = Shelf::new(1);
        listed(&shelf, &[("a", 1), ("b", 0)]);
        assert_eq!(numbers(&shelf), [1]);
        assert!(shelf.take(0, Event::Apply(("a", 0)), keep));
        assert_eq!(shelf.get(&ObjectName::new("web", "a")), None);
    }

    #[test]
    fn every_watch_has_to_bring_its_objects() {
        let shelf = Shelf::new(2);
        listed(&shelf, &[("a", 1)]);
        assert!(!shelf.filled());
        assert!(shelf.do_without(1));
        assert!(!shelf.do_without(1));
        assert!(shelf.filled());
    }
}
