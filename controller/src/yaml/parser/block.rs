//! The entries of block collections.

use super::{Event, EventKind, Parser, State};
use crate::yaml::token::{Error, TokenKind};

impl<'t> Parser<'t> {
    pub(super) fn block_sequence_entry(&mut self) -> Result<Event<'t>, Error> {
        if self.is_next(|kind| matches!(kind, TokenKind::BlockEnd))? {
            return self.ended(EventKind::SequenceEnd);
        }
        let entry = self.scanner.take()?;
        if !matches!(entry.kind, TokenKind::BlockEntry) {
            return Err(Error::new(entry.start, "expected '- ' or less indentation"));
        }
        if self.is_next(|kind| matches!(kind, TokenKind::BlockEntry | TokenKind::BlockEnd))? {
            return Ok(self.nothing_then(State::BlockSequenceEntry, entry.end));
        }
        self.node_then(State::BlockSequenceEntry, true, false)
    }

    pub(super) fn indentless_sequence_entry(&mut self) -> Result<Event<'t>, Error> {
        if !self.is_next(|kind| matches!(kind, TokenKind::BlockEntry))? {
            let at = self.scanner.peek()?.start;
            self.pop();
            return Ok(Event { kind: EventKind::SequenceEnd, anchor: None, start: at, end: at });
        }
        let entry = self.scanner.take()?;
        if self.is_next(|kind| matches!(kind, TokenKind::BlockEntry) || ends_block_entry(kind))? {
            return Ok(self.nothing_then(State::IndentlessSequenceEntry, entry.end));
        }
        self.node_then(State::IndentlessSequenceEntry, true, false)
    }

    pub(super) fn block_mapping_key(&mut self) -> Result<Event<'t>, Error> {
        if self.is_next(|kind| matches!(kind, TokenKind::BlockEnd))? {
            return self.ended(EventKind::MappingEnd);
        }
        let key = self.scanner.take()?;
        if !matches!(key.kind, TokenKind::Key) {
            let message = "expected a key: is the indentation that of the keys above?";
            return Err(Error::new(key.start, message));
        }
        if self.is_next(ends_block_entry)? {
            return Ok(self.nothing_then(State::BlockMappingValue, key.end));
        }
        self.node_then(State::BlockMappingValue, true, true)
    }

    pub(super) fn block_mapping_value(&mut self) -> Result<Event<'t>, Error> {
        if !self.is_next(|kind| matches!(kind, TokenKind::Value))? {
            let at = self.scanner.peek()?.start;
            return Ok(self.nothing_then(State::BlockMappingKey, at));
        }
        let value = self.scanner.take()?;
        if self.is_next(ends_block_entry)? {
            return Ok(self.nothing_then(State::BlockMappingKey, value.end));
        }
        self.node_then(State::BlockMappingKey, true, true)
    }
}

fn ends_block_entry(kind: &TokenKind<'_>) -> bool {
    matches!(kind, TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd)
}
