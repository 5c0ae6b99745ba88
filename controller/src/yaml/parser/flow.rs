//! The entries of flow collections.

use super::{Event, EventKind, Parser, State};
use crate::yaml::token::{Error, Token, TokenKind};

impl<'t> Parser<'t> {
    /// Whether the flow collection goes on, after the comma between its entries.
    fn flow_goes_on(
        &mut self,
        is_first: bool,
        is_end: fn(&TokenKind<'_>) -> bool,
        message: &str,
    ) -> Result<bool, Error> {
        if self.is_next(is_end)? {
            return Ok(false);
        }
        if !is_first {
            let comma = self.scanner.take()?;
            if !matches!(comma.kind, TokenKind::FlowEntry) {
                return Err(Error::new(comma.start, message));
            }
        }
        Ok(!self.is_next(is_end)?)
    }

    pub(super) fn flow_sequence_entry(&mut self, is_first: bool) -> Result<Event<'t>, Error> {
        let is_end = |kind: &TokenKind<'_>| matches!(kind, TokenKind::FlowSequenceEnd);
        if !self.flow_goes_on(is_first, is_end, "expected ',' or ']'")? {
            return self.ended(EventKind::SequenceEnd);
        }
        if !self.is_next(|kind| matches!(kind, TokenKind::Key))? {
            return self.node_then(State::FlowSequenceEntry, false, false);
        }
        let Token { start, end, .. } = self.scanner.take()?;
        self.state = State::FlowPairKey;
        Ok(Event { kind: EventKind::MappingStart, anchor: None, start, end })
    }

    pub(super) fn flow_pair_key(&mut self) -> Result<Event<'t>, Error> {
        let is_empty = self.is_next(|kind| {
            matches!(kind, TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowSequenceEnd)
        })?;
        if is_empty {
            // go-yaml takes this token: an entry like `[? ]` then lacks its end.
            let end = self.scanner.take()?.end;
            return Ok(self.nothing_then(State::FlowPairValue, end));
        }
        self.node_then(State::FlowPairValue, false, false)
    }

    pub(super) fn flow_pair_value(&mut self) -> Result<Event<'t>, Error> {
        let at = self.scanner.peek()?.start;
        if self.is_next(|kind| matches!(kind, TokenKind::Value))? {
            self.scanner.take()?;
            let is_empty = self.is_next(|kind| {
                matches!(kind, TokenKind::FlowEntry | TokenKind::FlowSequenceEnd)
            })?;
            if !is_empty {
                return self.node_then(State::FlowPairEnd, false, false);
            }
        }
        Ok(self.nothing_then(State::FlowPairEnd, at))
    }

    pub(super) fn flow_pair_end(&mut self) -> Result<Event<'t>, Error> {
        let at = self.scanner.peek()?.start;
        self.state = State::FlowSequenceEntry;
        Ok(Event { kind: EventKind::MappingEnd, anchor: None, start: at, end: at })
    }

    pub(super) fn flow_mapping_key(&mut self, is_first: bool) -> Result<Event<'t>, Error> {
        let is_end = |kind: &TokenKind<'_>| matches!(kind, TokenKind::FlowMappingEnd);
        if !self.flow_goes_on(is_first, is_end, "expected ',' or '}'")? {
            return self.ended(EventKind::MappingEnd);
        }
        if !self.is_next(|kind| matches!(kind, TokenKind::Key))? {
            return self.node_then(State::FlowMappingNoValue, false, false);
        }
        self.scanner.take()?;
        let is_empty = self.is_next(|kind| {
            matches!(kind, TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowMappingEnd)
        })?;
        if is_empty {
            let at = self.scanner.peek()?.start;
            return Ok(self.nothing_then(State::FlowMappingValue, at));
        }
        self.node_then(State::FlowMappingValue, false, false)
    }

    pub(super) fn flow_mapping_value(&mut self) -> Result<Event<'t>, Error> {
        if self.is_next(|kind| matches!(kind, TokenKind::Value))? {
            self.scanner.take()?;
            let is_empty = self
                .is_next(|kind| matches!(kind, TokenKind::FlowEntry | TokenKind::FlowMappingEnd))?;
            if !is_empty {
                return self.node_then(State::FlowMappingKey, false, false);
            }
        }
        let at = self.scanner.peek()?.start;
        Ok(self.nothing_then(State::FlowMappingKey, at))
    }
}
