//! Makes events of tokens. It is libyaml's grammar:
//!
//! ```text
//! document             ::= DIRECTIVE* DOCUMENT-START? block_node? DOCUMENT-END?
//! block_node           ::= ALIAS | properties block_content? | block_content
//! properties           ::= TAG ANCHOR? | ANCHOR TAG?
//! block_content        ::= block_sequence | block_mapping | flow_content
//! flow_content         ::= flow_sequence | flow_mapping | SCALAR
//! block_sequence       ::= BLOCK-SEQUENCE-START (BLOCK-ENTRY block_node?)* BLOCK-END
//! indentless_sequence  ::= (BLOCK-ENTRY block_node?)+
//! block_mapping        ::= BLOCK-MAPPING-START
//!                          ((KEY block_node_or_indentless_sequence?)?
//!                          (VALUE block_node_or_indentless_sequence?)?)* BLOCK-END
//! flow_sequence        ::= FLOW-SEQUENCE-START (entry FLOW-ENTRY)* entry? FLOW-SEQUENCE-END
//! flow_mapping         ::= FLOW-MAPPING-START (entry FLOW-ENTRY)* entry? FLOW-MAPPING-END
//! entry                ::= flow_node | KEY flow_node? (VALUE flow_node?)?
//! ```

mod block;
mod flow;

use super::{
    event::{Event, EventKind, Events},
    resolve::{MERGE_TAG, TAG_PREFIX, resolve},
    scalar::Scalar,
    scanner::Scanner,
    token::{Error, Token, TokenKind},
};
use std::borrow::Cow;

/// What comes next.
#[derive(Clone, Copy, Debug)]
enum State {
    BlockNode,
    /// What follows `---`, if anything.
    DocumentContent,
    BlockSequenceEntry,
    IndentlessSequenceEntry,
    BlockMappingKey,
    BlockMappingValue,
    FlowSequenceFirst,
    FlowSequenceEntry,
    FlowPairKey,
    FlowPairValue,
    FlowPairEnd,
    FlowMappingFirst,
    FlowMappingKey,
    FlowMappingValue,
    FlowMappingNoValue,
    End,
}

/// A parser of one document.
#[derive(Debug)]
pub(super) struct Parser<'t> {
    scanner: Scanner<'t>,
    state: State,
    /// What comes after the collections that are open.
    states: Vec<State>,
    /// Handles of tags, and what they stand for.
    tags: Vec<(String, String)>,
}

/// Anchor and tag of a node.
#[derive(Default)]
struct Properties<'t> {
    anchor: Option<&'t str>,
    tag: String,
    start: Option<usize>,
}

impl<'t> Parser<'t> {
    /// Begins with a text's first document. Returns `None` if there is none.
    pub(super) fn new(text: &'t str) -> Result<Option<Self>, Error> {
        let mut parser = Self {
            scanner: Scanner::new(text),
            state: State::BlockNode,
            states: vec![State::End],
            tags: Vec::new(),
        };
        Ok(parser.document_start()?.then_some(parser))
    }

    /// Reads the end of the document. Returns the offset of what follows it, if there is anything.
    pub(super) fn finish(&mut self) -> Result<Option<usize>, Error> {
        if matches!(self.scanner.peek()?.kind, TokenKind::DocumentEnd) {
            let end = self.scanner.take()?.end;
            return Ok(beyond_comments(self.scanner.cursor.text, end));
        }
        let next = self.scanner.peek()?;
        Ok((!matches!(next.kind, TokenKind::StreamEnd)).then_some(next.start))
    }

    /// Where a line was first broken by something that is no line break to an editor.
    pub(super) fn odd_break(&self) -> Option<usize> {
        self.scanner.cursor.odd_break
    }

    fn document_start(&mut self) -> Result<bool, Error> {
        let is_explicit = matches!(
            self.scanner.peek()?.kind,
            TokenKind::VersionDirective(..) | TokenKind::TagDirective(_) | TokenKind::DocumentStart
        );
        if matches!(self.scanner.peek()?.kind, TokenKind::StreamEnd) {
            return Ok(false);
        }
        self.directives()?;
        if is_explicit {
            let start = self.scanner.take()?;
            if !matches!(start.kind, TokenKind::DocumentStart) {
                return Err(Error::new(start.start, "expected '---' after the directives"));
            }
            self.state = State::DocumentContent;
        }
        Ok(true)
    }

    fn directives(&mut self) -> Result<(), Error> {
        let mut has_version = false;
        loop {
            if self.is_next(|kind| matches!(kind, TokenKind::VersionDirective(..)))? {
                let token = self.scanner.take()?;
                if has_version || !matches!(token.kind, TokenKind::VersionDirective(1, 1)) {
                    return Err(Error::new(token.start, "expected one %YAML directive, for 1.1"));
                }
                has_version = true;
            } else if self.is_next(|kind| matches!(kind, TokenKind::TagDirective(_)))? {
                let token = self.scanner.take()?;
                let TokenKind::TagDirective(tag) = token.kind else { break };
                if self.tags.iter().any(|known| known.0 == tag.0) {
                    return Err(Error::new(token.start, "this %TAG is given twice"));
                }
                self.tags.push(*tag);
            } else {
                break;
            }
        }
        for (handle, prefix) in [("!", "!"), ("!!", TAG_PREFIX)] {
            if !self.tags.iter().any(|known| known.0 == handle) {
                self.tags.push((handle.to_owned(), prefix.to_owned()));
            }
        }
        Ok(())
    }

    fn is_next(&mut self, is: fn(&TokenKind<'_>) -> bool) -> Result<bool, Error> {
        Ok(is(&self.scanner.peek()?.kind))
    }

    fn pop(&mut self) {
        self.state = self.states.pop().unwrap_or(State::End);
    }

    /// A node, and `then` what follows it.
    fn node_then(&mut self, then: State, block: bool, lists: bool) -> Result<Event<'t>, Error> {
        self.states.push(then);
        self.node(block, lists)
    }

    /// A null that is not written, and `then` what follows it.
    fn nothing_then(&mut self, then: State, at: usize) -> Event<'t> {
        self.state = then;
        Event { kind: EventKind::Scalar(Scalar::Null), anchor: None, start: at, end: at }
    }

    fn properties(&mut self) -> Result<Properties<'t>, Error> {
        let mut found = Properties::default();
        let mut tag = None;
        loop {
            let next = self.scanner.peek()?;
            let start = next.start;
            if let TokenKind::Anchor(name) = &next.kind
                && found.anchor.is_none()
            {
                found.anchor = Some(*name);
            } else if let TokenKind::Tag(parts) = &next.kind
                && tag.is_none()
            {
                tag = Some((start, parts.clone()));
            } else {
                break;
            }
            found.start.get_or_insert(start);
            self.scanner.take()?;
        }
        if let Some((at, parts)) = tag {
            found.tag = self.tag(at, &parts.0, &parts.1)?;
        }
        Ok(found)
    }

    fn tag(&self, at: usize, handle: &str, suffix: &str) -> Result<String, Error> {
        if handle.is_empty() {
            return Ok(suffix.to_owned());
        }
        match self.tags.iter().find(|known| known.0 == handle) {
            Some((_, prefix)) => Ok(format!("{prefix}{suffix}")),
            None => Err(Error::new(at, format!("the tag handle {handle} is not defined"))),
        }
    }

    /// A node; `lists` says whether a list may begin without indentation.
    fn node(&mut self, block: bool, lists: bool) -> Result<Event<'t>, Error> {
        if let &Token { kind: TokenKind::Alias(name), start, end } = self.scanner.peek()? {
            self.scanner.take()?;
            self.pop();
            return Ok(Event { kind: EventKind::Alias(name), anchor: None, start, end });
        }
        let properties = self.properties()?;
        let Token { start, end, .. } = *self.scanner.peek()?;
        if self.is_next(|kind| matches!(kind, TokenKind::Scalar(..)))? {
            return self.scalar(properties);
        }
        if lists && self.is_next(|kind| matches!(kind, TokenKind::BlockEntry))? {
            // The entries of a list without indentation have no token around them.
            self.state = State::IndentlessSequenceEntry;
            let anchor = properties.anchor;
            return Ok(Event { kind: EventKind::SequenceStart, anchor, start, end });
        }
        let Some((kind, state)) = collection(&self.scanner.peek()?.kind, block) else {
            return self.no_content(properties, start, block);
        };
        self.scanner.take()?;
        self.state = state;
        Ok(Event { kind, anchor: properties.anchor, start, end })
    }

    fn scalar(&mut self, properties: Properties<'t>) -> Result<Event<'t>, Error> {
        let Token { kind, start, end } = self.scanner.take()?;
        self.pop();
        let TokenKind::Scalar(text, is_plain) = kind else {
            return Err(Error::new(start, "expected a scalar"));
        };
        self.typed(properties, text, is_plain, (start, end))
    }

    /// The type of a scalar. An empty tag is that of a scalar that has none.
    fn typed(
        &self,
        Properties { anchor, tag, .. }: Properties<'t>,
        text: Cow<'t, str>,
        is_plain: bool,
        (start, end): (usize, usize),
    ) -> Result<Event<'t>, Error> {
        let is_implicit = tag == "!" || (tag.is_empty() && is_plain);
        let kind = if text == "<<" && (is_implicit || tag == MERGE_TAG) {
            EventKind::Merge
        } else if tag.is_empty() && !is_plain {
            EventKind::Scalar(Scalar::Text(text))
        } else {
            let scalar = resolve(&tag, text);
            EventKind::Scalar(scalar.map_err(|message| Error::new(start, message))?)
        };
        Ok(Event { kind, anchor, start, end })
    }

    fn no_content(
        &mut self,
        properties: Properties<'t>,
        at: usize,
        block: bool,
    ) -> Result<Event<'t>, Error> {
        let Some(start) = properties.start else {
            let message = if block { "expected a value" } else { "expected a value in { } or [ ]" };
            return Err(Error::new(at, message));
        };
        self.pop();
        self.typed(properties, Cow::Borrowed(""), true, (start, start))
    }

    fn ended(&mut self, kind: EventKind<'t>) -> Result<Event<'t>, Error> {
        let Token { start, end, .. } = self.scanner.take()?;
        self.pop();
        Ok(Event { kind, anchor: None, start, end })
    }

    fn document_content(&mut self) -> Result<Event<'t>, Error> {
        let is_empty = self.is_next(|kind| {
            matches!(
                kind,
                TokenKind::VersionDirective(..)
                    | TokenKind::TagDirective(_)
                    | TokenKind::DocumentStart
                    | TokenKind::DocumentEnd
                    | TokenKind::StreamEnd
            )
        })?;
        if is_empty {
            let at = self.scanner.peek()?.start;
            return Ok(self.nothing_then(State::End, at));
        }
        self.node(true, false)
    }
}

impl<'t> Events<'t> for Parser<'t> {
    fn next(&mut self) -> Result<Event<'t>, Error> {
        match self.state {
            State::BlockNode => self.node(true, false),
            State::DocumentContent => self.document_content(),
            State::BlockSequenceEntry => self.block_sequence_entry(),
            State::IndentlessSequenceEntry => self.indentless_sequence_entry(),
            State::BlockMappingKey => self.block_mapping_key(),
            State::BlockMappingValue => self.block_mapping_value(),
            State::FlowSequenceFirst => self.flow_sequence_entry(true),
            State::FlowSequenceEntry => self.flow_sequence_entry(false),
            State::FlowPairKey => self.flow_pair_key(),
            State::FlowPairValue => self.flow_pair_value(),
            State::FlowPairEnd => self.flow_pair_end(),
            State::FlowMappingFirst => self.flow_mapping_key(true),
            State::FlowMappingKey => self.flow_mapping_key(false),
            State::FlowMappingValue => self.flow_mapping_value(),
            State::FlowMappingNoValue => {
                let at = self.scanner.peek()?.start;
                Ok(self.nothing_then(State::FlowMappingKey, at))
            }
            State::End => Err(Error::new(self.scanner.peek()?.start, "the document has ended")),
        }
    }
}

/// The collection that a token begins, and how it goes on.
fn collection<'t>(kind: &TokenKind<'_>, block: bool) -> Option<(EventKind<'t>, State)> {
    if matches!(kind, TokenKind::FlowSequenceStart) {
        Some((EventKind::SequenceStart, State::FlowSequenceFirst))
    } else if matches!(kind, TokenKind::FlowMappingStart) {
        Some((EventKind::MappingStart, State::FlowMappingFirst))
    } else if block && matches!(kind, TokenKind::BlockSequenceStart) {
        Some((EventKind::SequenceStart, State::BlockSequenceEntry))
    } else if block && matches!(kind, TokenKind::BlockMappingStart) {
        Some((EventKind::MappingStart, State::BlockMappingKey))
    } else {
        None
    }
}

/// The offset of what follows at or behind `at`, other than comments and ends of documents.
fn beyond_comments(text: &str, mut at: usize) -> Option<usize> {
    loop {
        let rest = &text[at..];
        let trimmed = rest.trim_start();
        at += rest.len() - trimmed.len();
        if trimmed.starts_with('#') {
            at += trimmed
                .find(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
                .unwrap_or(trimmed.len());
        } else if trimmed.starts_with("...") {
            at += 3;
        } else {
            return (!trimmed.is_empty()).then_some(at);
        }
    }
}
