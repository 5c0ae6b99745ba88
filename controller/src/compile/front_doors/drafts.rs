//! The drafts of all Routes: those that come out as they did at the last compile are taken from
//! there, and the others are compiled.

use super::{
    candidate::{Candidate, Drafted},
    hosts::FrontDoors,
    kept::{KeptRoute, Left, Moved},
    routes::Routes,
    shared::shared,
};
use crate::compile::status::Status;
use std::sync::Arc;

/// A Route of the snapshot.
pub(super) struct Slot<'s> {
    /// With what is left of it.
    pub(super) left: Left<'s>,
    /// `None` if another install is responsible for it.
    pub(super) drafted: Option<Drafted>,
}

/// What becomes of a Route.
pub(super) struct End {
    pub(super) status: Arc<Status>,
    /// The index of the FrontDoor of the version that came out of the competition.
    front_door: Option<usize>,
}

impl Slot<'_> {
    /// The index of its FrontDoor at the last compile.
    fn front_door_then(&self) -> Option<usize> {
        self.left.kept.as_ref()?.front_door
    }

    /// Whether it competes with others as it did at the last compile.
    fn is_unchanged(&self, moved: &Moved) -> bool {
        match (&self.left.kept, &self.drafted) {
            (None, None) => true,
            (Some(kept), Some(Drafted { candidate, .. })) => {
                Arc::ptr_eq(&kept.draft, &candidate.draft)
                    && kept.front_door.and_then(|then| moved.now(then)) == candidate.front_door
                    && candidate.current.is_none()
            }
            (None, Some(_)) | (Some(_), None) => false,
        }
    }

    /// What became of it at the last compile, if it has not changed since.
    pub(super) fn end_then(&self) -> Option<End> {
        let kept = self.left.kept.as_ref()?;
        let front_door = self.drafted.as_ref()?.candidate.front_door;
        Some(End { status: kept.status.clone(), front_door })
    }

    /// What becomes of it as this candidate. The status is shared with the last compile if it is the
    /// same.
    pub(super) fn end(&self, Candidate { draft, front_door, .. }: &Candidate) -> End {
        let then = self.left.kept.as_ref().map(|kept| &kept.status);
        let status = shared(draft.report.status(0), then);
        End { status, front_door: *front_door }
    }

    /// Whether its version or its status is not that of the last compile.
    pub(super) fn has_changed(&self, end: Option<&End>) -> bool {
        let then = self.left.kept.as_ref().map(|kept| &kept.status);
        let is_same_status = match (then, end.map(|end| &end.status)) {
            (None, None) => true,
            (Some(then), Some(now)) => Arc::ptr_eq(then, now),
            (None, Some(_)) | (Some(_), None) => false,
        };
        !self.left.is_same || !is_same_status
    }

    /// What is left for the next compile.
    pub(super) fn keep(self, End { status, front_door }: End) -> Option<KeptRoute> {
        let Drafted { candidate: Candidate { draft, .. }, reads } = self.drafted?;
        Some(KeptRoute { draft, front_door, reads, status })
    }
}

/// Drafts all Routes, those that are compiled in the order of their precedence. `left` is in the
/// order of the snapshot, and so is the result.
pub(super) fn all<'s>(
    mut routes: Routes<'_, '_, '_, 's>,
    left: Vec<Left<'s>>,
    moved: &Moved,
) -> Vec<Slot<'s>> {
    let mut slots: Vec<_> = left.into_iter().map(|left| reuse(left, moved)).collect();
    let to_compile = slots.iter_mut().filter(|slot| slot.drafted.is_none());
    let mut to_compile: Vec<_> =
        to_compile.map(|slot| (routes.precedence(slot.left.name, slot.left.entry), slot)).collect();
    to_compile.sort_by_key(|(precedence, _)| *precedence);
    for (precedence, slot) in to_compile {
        slot.drafted = routes.route(precedence, slot.left.entry);
        if let (Some(kept), Some(drafted)) = (&slot.left.kept, &mut slot.drafted)
            && kept.draft == drafted.candidate.draft
        {
            drafted.candidate.draft = kept.draft.clone();
        }
    }
    slots
}

/// Takes the draft of the last compile, if a new one would be equal.
fn reuse<'s>(mut left: Left<'s>, moved: &Moved) -> Slot<'s> {
    let drafted = left.kept.as_mut().filter(|_| left.is_same).and_then(|kept| {
        let front_door = moved.still(kept.front_door?)?;
        let reads = kept.reads.take_if(|reads| reads.are_current())?;
        let draft = kept.draft.clone();
        let candidate = Candidate { draft, front_door: Some(front_door), current: None };
        Some(Drafted { candidate, reads: Some(reads) })
    });
    Slot { left, drafted }
}

/// Which FrontDoors have to be put together again, by index: they or any of their Routes have
/// changed. `gone` is what is left of Routes that are gone.
pub(super) fn stale<'k>(
    front_doors: &FrontDoors<'_>,
    slots: &[Slot<'_>],
    gone: impl Iterator<Item = &'k KeptRoute>,
    moved: &Moved,
) -> Vec<bool> {
    let mut stale: Vec<_> =
        (0..front_doors.all.len()).map(|index| moved.same(index).is_none()).collect();
    let mut mark = |index: Option<usize>| {
        if let Some(stale) = index.and_then(|index| stale.get_mut(index)) {
            *stale = true;
        }
    };
    for slot in slots.iter().filter(|slot| !slot.is_unchanged(moved)) {
        mark(slot.front_door_then().and_then(|then| moved.now(then)));
        if let Some(Drafted { candidate, .. }) = &slot.drafted {
            mark(candidate.front_door);
            mark(candidate.current.as_ref().and_then(|current| current.front_door));
        }
    }
    gone.for_each(|kept| mark(kept.front_door.and_then(|then| moved.now(then))));
    stale
}
