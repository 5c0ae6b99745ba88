//! The anchors of a document.

use crate::yaml::{scalar::Scalar, token::Error};
use serde_json::Value;
use std::collections::HashMap;

/// The anchors that have been met so far. A name may be given again.
#[derive(Debug, Default)]
pub(super) struct Anchors<'t> {
    known: HashMap<&'t str, (usize, Option<Anchored<'t>>)>,
    next: usize,
}

/// What has an anchor.
#[derive(Clone, Debug)]
pub(super) struct Anchored<'t> {
    pub(super) content: Content<'t>,
    /// How many nodes it has.
    pub(super) nodes: u64,
    /// How much memory it takes, roughly.
    pub(super) bytes: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Content<'t> {
    /// It may become a key, for which its type matters.
    Scalar(Scalar<'t>),
    Collection(Value),
}

impl<'t> Anchors<'t> {
    /// Notes that a node with this anchor begins. Returns what [`Self::close`] needs.
    pub(super) fn open(&mut self, name: &'t str) -> usize {
        self.next += 1;
        self.known.insert(name, (self.next, None));
        self.next
    }

    /// Notes the node, unless the name has been given again inside of it.
    pub(super) fn close(&mut self, name: &'t str, id: usize, anchored: Anchored<'t>) {
        if let Some(known) = self.known.get_mut(name)
            && known.0 == id
        {
            known.1 = Some(anchored);
        }
    }

    /// What an alias at this offset stands for.
    pub(super) fn get(&self, name: &str, at: usize) -> Result<&Anchored<'t>, Error> {
        match self.known.get(name) {
            Some((_, Some(anchored))) => Ok(anchored),
            Some((_, None)) => Err(Error::new(at, format!("the anchor '{name}' contains itself"))),
            None => {
                let message = format!("there is no anchor '{name}' before this");
                Err(Error::unquoted(at, message, "a value that begins with '*'"))
            }
        }
    }
}
