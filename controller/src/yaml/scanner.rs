//! Makes tokens of a text, as go-yaml's port of libyaml does: with its rules for simple keys and for
//! tabs, its indicators and its line breaks, which are not quite those of YAML 1.1 or 1.2.

mod block;
mod names;
mod plain;
mod quoted;

use super::{
    MAX_DEPTH,
    cursor::Cursor,
    token::{Error, Mark, Token, TokenKind},
};
use std::collections::VecDeque;

/// The longest simple key, in characters.
const MAX_KEY_CHARS: usize = 1024;

/// Why a tab is refused.
const NO_TAB: &str = "a tab can't indent: use spaces";

/// A token that is a key if a `:` follows it.
#[derive(Clone, Copy, Debug)]
struct SimpleKey {
    possible: bool,
    /// Whether nothing but a key may be here.
    required: bool,
    /// The number of the token that it would begin with.
    token: usize,
    mark: Mark,
}

#[derive(Debug)]
pub(super) struct Scanner<'t> {
    pub(super) cursor: Cursor<'t>,
    /// Tokens that have not been taken yet.
    tokens: VecDeque<Token<'t>>,
    /// How many have been taken.
    taken: usize,
    /// Whether the first of `tokens` is known to begin no simple key.
    ready: bool,
    ended: bool,
    /// The column of the innermost block collection; -1 outside of any.
    indent: isize,
    /// Those of the collections around it.
    indents: Vec<isize>,
    flow_level: usize,
    /// One for each flow level.
    simple_keys: Vec<SimpleKey>,
    simple_key_allowed: bool,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let cursor = Cursor::new(text);
        let key = SimpleKey { possible: false, required: false, token: 0, mark: cursor.mark };
        Self {
            cursor,
            tokens: VecDeque::new(),
            taken: 0,
            ready: false,
            ended: false,
            indent: -1,
            indents: Vec::new(),
            flow_level: 0,
            simple_keys: vec![key],
            simple_key_allowed: true,
        }
    }

    /// The next token. Behind the stream's end, there is none.
    pub(super) fn peek(&mut self) -> Result<&Token<'t>, Error> {
        if !self.ready {
            while self.needs_more()? {
                self.fetch()?;
            }
            self.ready = true;
        }
        let end = self.cursor.mark.at;
        self.tokens.front().ok_or_else(|| Error::new(end, "the text has ended"))
    }

    /// Takes the next token.
    pub(super) fn take(&mut self) -> Result<Token<'t>, Error> {
        self.peek()?;
        self.ready = false;
        self.taken += 1;
        let end = self.cursor.mark.at;
        self.tokens.pop_front().ok_or_else(|| Error::new(end, "the text has ended"))
    }

    /// Whether there is no token, or the first one may still turn out to begin a simple key.
    fn needs_more(&mut self) -> Result<bool, Error> {
        if self.tokens.is_empty() {
            return Ok(!self.ended);
        }
        // Numbers of tokens only grow from one flow level to the next.
        let first = self.simple_keys.partition_point(|key| key.token < self.taken);
        for index in first..self.simple_keys.len() {
            if self.simple_keys[index].token > self.taken {
                break;
            }
            if self.is_valid(index)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn next_number(&self) -> usize {
        self.taken + self.tokens.len()
    }

    fn push(&mut self, kind: TokenKind<'t>, start: usize) {
        self.tokens.push_back(Token { kind, start, end: self.cursor.mark.at });
    }

    /// Makes a token of the next characters.
    fn indicator(&mut self, kind: TokenKind<'t>, length: usize) {
        let start = self.cursor.mark.at;
        self.cursor.skip(length);
        self.push(kind, start);
    }

    fn error<T>(&self, message: &str) -> Result<T, Error> {
        Err(Error::new(self.cursor.mark.at, message))
    }

    /// An error that is explained by a value like these without quotes.
    fn unquoted<T>(&self, message: &str, values: &'static str) -> Result<T, Error> {
        Err(Error::unquoted(self.cursor.mark.at, message, values))
    }

    /// Makes at least one more token.
    fn fetch(&mut self) -> Result<(), Error> {
        if self.ended {
            return self.error("the text has ended");
        }
        self.skip_to_token();
        let column = self.cursor.mark.indent();
        self.unroll_indent(column);
        if self.cursor.is_end() {
            return self.stream_end();
        }
        let is_first = self.cursor.column() == 0;
        if is_first && self.cursor.byte() == b'%' {
            return self.directive();
        }
        if is_first && self.cursor.is_document_indicator() {
            return self.document_indicator();
        }
        let in_flow = self.flow_level > 0;
        match self.cursor.byte() {
            b'[' => self.flow_start(TokenKind::FlowSequenceStart),
            b'{' => self.flow_start(TokenKind::FlowMappingStart),
            b']' => self.flow_end(TokenKind::FlowSequenceEnd),
            b'}' => self.flow_end(TokenKind::FlowMappingEnd),
            b',' => self.flow_entry(),
            b'-' if self.cursor.is_space(1) => self.block_entry(),
            b'?' if in_flow || self.cursor.is_space(1) => self.key(),
            b':' if in_flow || self.cursor.is_space(1) => self.value(),
            b'*' => self.anchor(TokenKind::Alias),
            b'&' => self.anchor(TokenKind::Anchor),
            b'!' => self.tag(),
            b'|' if !in_flow => self.block_scalar(true),
            b'>' if !in_flow => self.block_scalar(false),
            b'\'' => self.quoted_scalar(true),
            b'"' => self.quoted_scalar(false),
            b'\t' => self.error(NO_TAB),
            b'|' | b'>' | b'%' => self.unquoted(
                "found a character that can't begin anything here",
                "a value that begins with it",
            ),
            b'@' | b'`' => {
                self.unquoted("found a reserved character", "a value that begins with it")
            }
            _ => self.plain_scalar(),
        }
    }

    /// Skips blanks, comments and line breaks. Tabs don't count as blanks where a key may begin.
    fn skip_to_token(&mut self) {
        loop {
            let tabs = self.flow_level > 0 || !self.simple_key_allowed;
            while self.cursor.byte() == b' ' || (tabs && self.cursor.byte() == b'\t') {
                self.cursor.skip(1);
            }
            self.cursor.skip_comment();
            if self.cursor.take_break().is_empty() {
                return;
            }
            if self.flow_level == 0 {
                self.simple_key_allowed = true;
            }
        }
    }

    /// Whether there may still be a simple key at this flow level.
    fn is_valid(&mut self, level: usize) -> Result<bool, Error> {
        let key = self.simple_keys[level];
        if !key.possible {
            return Ok(false);
        }
        let (from, to) = (key.mark.at, self.cursor.mark.at);
        let too_long = || {
            to - from > MAX_KEY_CHARS
                && (to - from > 4 * MAX_KEY_CHARS
                    || self.cursor.text[from..to].chars().count() > MAX_KEY_CHARS)
        };
        if key.mark.line == self.cursor.mark.line && !too_long() {
            return Ok(true);
        }
        self.remove_simple_key(level)?;
        Ok(false)
    }

    /// Notes that a simple key may begin here.
    fn save_simple_key(&mut self) -> Result<(), Error> {
        if !self.simple_key_allowed {
            return Ok(());
        }
        let column = self.cursor.mark.indent();
        self.remove_simple_key(self.flow_level)?;
        self.simple_keys[self.flow_level] = SimpleKey {
            possible: true,
            required: self.flow_level == 0 && self.indent == column,
            token: self.next_number(),
            mark: self.cursor.mark,
        };
        Ok(())
    }

    fn remove_simple_key(&mut self, level: usize) -> Result<(), Error> {
        let key = &mut self.simple_keys[level];
        if key.possible && key.required {
            return Err(Error::new(key.mark.at, "could not find expected ':' after this key"));
        }
        key.possible = false;
        Ok(())
    }

    /// Begins a block collection if the column is further to the right than that of the current one.
    /// `before` is the number of the token before which it begins; `None`: at the end.
    fn roll_indent(
        &mut self,
        mark: Mark,
        before: Option<usize>,
        kind: TokenKind<'t>,
    ) -> Result<(), Error> {
        let column = mark.indent();
        if self.flow_level > 0 || self.indent >= column {
            return Ok(());
        }
        if self.indents.len() >= MAX_DEPTH {
            return Err(Error::too_deep(self.cursor.mark.at));
        }
        self.indents.push(self.indent);
        self.indent = column;
        let token = Token { kind, start: mark.at, end: mark.at };
        let index = before.map_or(self.tokens.len(), |number| number - self.taken);
        self.tokens.insert(index, token);
        Ok(())
    }

    /// Ends the block collections that are further to the right than the column.
    fn unroll_indent(&mut self, column: isize) {
        while self.flow_level == 0 && self.indent > column {
            self.push(TokenKind::BlockEnd, self.cursor.mark.at);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn stream_end(&mut self) -> Result<(), Error> {
        // The end counts as a line break: no key can go on.
        self.cursor.mark.line = self.cursor.mark.at;
        self.unroll_indent(-1);
        self.remove_simple_key(self.flow_level)?;
        self.simple_key_allowed = false;
        self.ended = true;
        self.push(TokenKind::StreamEnd, self.cursor.mark.at);
        Ok(())
    }

    fn document_indicator(&mut self) -> Result<(), Error> {
        self.unroll_indent(-1);
        self.remove_simple_key(self.flow_level)?;
        self.simple_key_allowed = false;
        let is_start = self.cursor.byte() == b'-';
        let kind = if is_start { TokenKind::DocumentStart } else { TokenKind::DocumentEnd };
        self.indicator(kind, 3);
        Ok(())
    }

    fn flow_start(&mut self, kind: TokenKind<'t>) -> Result<(), Error> {
        self.save_simple_key()?;
        if self.flow_level >= MAX_DEPTH {
            return Err(Error::too_deep(self.cursor.mark.at));
        }
        self.flow_level += 1;
        let (token, mark) = (self.next_number(), self.cursor.mark);
        self.simple_keys.push(SimpleKey { possible: false, required: false, token, mark });
        self.simple_key_allowed = true;
        self.indicator(kind, 1);
        Ok(())
    }

    fn flow_end(&mut self, kind: TokenKind<'t>) -> Result<(), Error> {
        self.remove_simple_key(self.flow_level)?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            self.simple_keys.pop();
        }
        self.simple_key_allowed = false;
        self.indicator(kind, 1);
        Ok(())
    }

    fn flow_entry(&mut self) -> Result<(), Error> {
        self.remove_simple_key(self.flow_level)?;
        self.simple_key_allowed = true;
        self.indicator(TokenKind::FlowEntry, 1);
        Ok(())
    }

    fn block_entry(&mut self) -> Result<(), Error> {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return self.error("a list can't begin here: begin it on a line of its own");
            }
            self.roll_indent(self.cursor.mark, None, TokenKind::BlockSequenceStart)?;
        }
        self.remove_simple_key(self.flow_level)?;
        self.simple_key_allowed = true;
        self.indicator(TokenKind::BlockEntry, 1);
        Ok(())
    }

    fn key(&mut self) -> Result<(), Error> {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return self.error("a key can't begin here");
            }
            self.roll_indent(self.cursor.mark, None, TokenKind::BlockMappingStart)?;
        }
        self.remove_simple_key(self.flow_level)?;
        self.simple_key_allowed = self.flow_level == 0;
        self.indicator(TokenKind::Key, 1);
        Ok(())
    }

    fn value(&mut self) -> Result<(), Error> {
        if self.is_valid(self.flow_level)? {
            let key = self.simple_keys[self.flow_level];
            let token = Token { kind: TokenKind::Key, start: key.mark.at, end: key.mark.at };
            self.tokens.insert(key.token - self.taken, token);
            self.roll_indent(key.mark, Some(key.token), TokenKind::BlockMappingStart)?;
            self.simple_keys[self.flow_level].possible = false;
            self.simple_key_allowed = false;
        } else {
            if self.flow_level == 0 {
                if !self.simple_key_allowed {
                    return self.unquoted("a key can't be here", "a value that contains ': '");
                }
                self.roll_indent(self.cursor.mark, None, TokenKind::BlockMappingStart)?;
            }
            self.simple_key_allowed = self.flow_level == 0;
        }
        self.indicator(TokenKind::Value, 1);
        Ok(())
    }
}
