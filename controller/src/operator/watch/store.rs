//! A cache of objects, kept up to date by watches.

use crate::{differences::differences, objects::Position};
use kube::runtime::watcher::Event;
use portico_dataplane::table::ObjectName;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What is cached of an object.
pub(crate) trait Cached: Clone {
    /// Whether both compile to the same.
    fn compiles_alike(&self, other: &Self) -> bool;

    /// Its version and the version that brought its present generation, as positions.
    fn versions(&self) -> (u64, u64) {
        (0, 0)
    }

    /// Takes over from its predecessor since when it has been what it is and, if it is equal, the
    /// very object: the compiler knows by its pointer that nothing has changed.
    fn follow(&mut self, before: &Self);
}

impl<T: PartialEq> Cached for Arc<T> {
    fn compiles_alike(&self, other: &Self) -> bool {
        self == other
    }

    fn follow(&mut self, before: &Self) {
        if self == before {
            *self = before.clone();
        }
    }
}

/// All objects of a kind, fed by one watch, or by one per namespace.
#[derive(Debug)]
pub(crate) struct Store<T>(Box<[Mutex<Watched<T>>]>);

/// The objects of one watch.
#[derive(Debug)]
struct Watched<T> {
    objects: BTreeMap<ObjectName, T>,
    /// The list that is being received. It takes effect once it is complete.
    incoming: Option<BTreeMap<ObjectName, T>>,
    position: Position,
    synced: bool,
    /// Whether it was given up on, and has not brought a list since.
    skipped: bool,
}

impl<T: Cached> Store<T> {
    /// An empty store fed by `watches` watches.
    pub(crate) fn new(watches: usize) -> Arc<Self> {
        let watched = || Watched {
            objects: BTreeMap::new(),
            incoming: None,
            position: Position::default(),
            synced: false,
            skipped: false,
        };
        Arc::new(Self((0..watches).map(|_| Mutex::new(watched())).collect()))
    }

    fn watched(&self) -> impl Iterator<Item = MutexGuard<'_, Watched<T>>> {
        self.0.iter().map(|watched| watched.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether every watch has delivered a complete list.
    pub(crate) fn synced(&self) -> bool {
        self.watched().all(|watched| watched.synced)
    }

    /// Whether a watch was given up on.
    pub(crate) fn skipped(&self) -> bool {
        self.watched().any(|watched| watched.skipped)
    }

    /// All objects.
    pub(crate) fn all(&self) -> BTreeMap<ObjectName, T> {
        // Of a single watch, this copies a sorted map, which costs much less than insertions.
        let each = self.watched().map(|watched| watched.objects.clone());
        each.reduce(|mut all, mut more| {
            all.append(&mut more);
            all
        })
        .unwrap_or_default()
    }

    /// An object by name.
    pub(crate) fn get(&self, name: &ObjectName) -> Option<T> {
        self.watched().find_map(|watched| watched.objects.get(name).cloned())
    }

    /// How far each watch has come.
    pub(crate) fn positions(&self) -> impl Iterator<Item = Position> {
        self.watched().map(|watched| watched.position)
    }

    /// Handles an event of watch `number`. `trim` may discard objects. Returns whether that could
    /// change the result of compiling.
    pub(crate) fn take<K>(
        &self,
        number: usize,
        event: Event<K>,
        trim: impl Fn(K) -> (ObjectName, Option<T>),
    ) -> bool {
        let Some(mut watched) = self.watched().nth(number) else { return false };
        match event {
            Event::Init => {
                watched.incoming = Some(BTreeMap::new());
                false
            }
            Event::InitApply(object) => {
                if let (name, Some(kept)) = trim(object) {
                    let kept = watched.following(&name, kept);
                    watched.incoming.get_or_insert_default().insert(name, kept);
                }
                false
            }
            Event::InitDone => watched.take_list(),
            Event::Apply(object) => match trim(object) {
                (name, Some(kept)) => watched.insert(name, kept),
                (name, None) => watched.objects.remove(&name).is_some(),
            },
            Event::Delete(object) => {
                let (name, last) = trim(object);
                if let Some(last) = last {
                    watched.position.advance(last.versions().0, 0);
                }
                watched.objects.remove(&name).is_some()
            }
        }
    }

    /// Gives up on watch `number`. Returns whether that could change the result of compiling.
    pub(crate) fn skip(&self, number: usize) -> bool {
        let Some(mut watched) = self.watched().nth(number) else { return false };
        watched.synced = true;
        !std::mem::replace(&mut watched.skipped, true)
    }
}

impl<T: Cached> Watched<T> {
    /// An object that was received, with what its predecessor passes on.
    fn following(&self, name: &ObjectName, mut kept: T) -> T {
        if let Some(before) = self.objects.get(name) {
            kept.follow(before);
        }
        kept
    }

    fn insert(&mut self, name: ObjectName, kept: T) -> bool {
        let kept = self.following(&name, kept);
        let (version, since) = kept.versions();
        self.position.advance(version, since);
        let before = self.objects.insert(name.clone(), kept);
        let now = self.objects.get(&name);
        !before.zip(now).is_some_and(|(before, now)| before.compiles_alike(now))
    }

    fn take_list(&mut self) -> bool {
        let Some(list) = self.incoming.take() else { return false };
        let first = !std::mem::replace(&mut self.synced, true)
            | std::mem::replace(&mut self.skipped, false);
        let before = std::mem::replace(&mut self.objects, list);
        // Anew: versions start over if the cluster was restored from a backup.
        self.position = Position::default();
        for (version, since) in self.objects.values().map(T::versions) {
            self.position.advance(version, since);
        }
        first || differences(&before, &self.objects, T::compiles_alike).next().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trim(object: (&'static str, u32)) -> (ObjectName, Option<Arc<u32>>) {
        (ObjectName::new("web", object.0), Some(Arc::new(object.1)).filter(|number| **number > 0))
    }

    fn listed(store: &Store<Arc<u32>>, objects: &[(&'static str, u32)]) -> bool {
        assert!(!store.take(0, Event::Init, trim));
        for object in objects {
            assert!(!store.take(0, Event::InitApply(*object), trim));
        }
        store.take(0, Event::InitDone, trim)
    }

    fn numbers(store: &Store<Arc<u32>>) -> Vec<u32> {
        store.all().values().map(|number| **number).collect()
    }

    #[test]
    fn a_list_counts_once_it_is_whole() {
        let store = Store::new(1);
        assert!(!store.synced());
        assert!(listed(&store, &[("a", 1), ("b", 2)]));
        assert!(store.synced());
        store.take(0, Event::Init, trim);
        store.take(0, Event::InitApply(("a", 3)), trim);
        assert_eq!(numbers(&store), [1, 2], "the old list, while the new one comes");
        assert!(store.take(0, Event::InitDone, trim));
        assert_eq!(numbers(&store), [3]);
    }

    #[test]
    fn only_differences_count() {
        let store = Store::new(1);
        assert!(listed(&store, &[]), "the first list, even if it is empty");
        assert!(store.take(0, Event::Apply(("a", 1)), trim));
        assert!(!store.take(0, Event::Apply(("a", 1)), trim));
        assert!(!listed(&store, &[("a", 1)]));
        assert!(listed(&store, &[("b", 1)]));
        assert!(store.take(0, Event::Delete(("b", 1)), trim));
        assert!(!store.take(0, Event::Delete(("b", 1)), trim));
        assert!(numbers(&store).is_empty());
    }

    #[test]
    fn what_is_not_kept_is_gone() {
        let store = Store::new(1);
        listed(&store, &[("a", 1), ("b", 0)]);
        assert_eq!(numbers(&store), [1]);
        assert!(store.take(0, Event::Apply(("a", 0)), trim));
        assert_eq!(store.get(&ObjectName::new("web", "a")), None);
    }

    #[test]
    fn every_watch_has_to_bring_its_objects() {
        let store = Store::new(2);
        listed(&store, &[("a", 1)]);
        assert!(!store.synced());
        assert!(store.skip(1));
        assert!(!store.skip(1));
        assert!(store.synced());
    }
}
