//! Expressions compiled to tables.

use super::{FullMatch, FullMatchError};
use regex_automata::{
    Anchored, MatchKind,
    dfa::{Automaton, StartKind, dense},
    nfa::thompson::{self, NFA, WhichCaptures},
    util::{primitives::StateID, start},
};
use regex_syntax::hir::Hir;
use std::collections::HashMap;

/// A deterministic automaton.
pub(super) struct Program {
    pattern: Box<str>,
    /// The column of each byte in `next`.
    columns: Box<[u8; 256]>,
    /// The next state, by state and column. A state is the index of its row's first entry.
    next: Box<[u16]>,
    /// Whether a value that ends in a state matches, by row.
    accepting: Box<[bool]>,
    /// The number of columns.
    stride: u16,
    /// What compiling it took, in bytes.
    compiling: usize,
}

impl Program {
    /// Limits of what exists only while compiling: the automaton that the expression is translated
    /// to first, the one without the merged columns, and the sets of states of which that is made.
    /// They also limit the time that compiling takes.
    pub(super) const MAX_NFA_BYTES: usize = 48 << 10;
    const MAX_DFA_BYTES: usize = 96 << 10;
    const MAX_DETERMINIZE_BYTES: usize = 128 << 10;

    /// Compiles a pattern that is `hir`, to which parsing adds a size.
    pub(super) fn new(pattern: &str, hir: &Hir, parsing: usize) -> Result<Self, FullMatchError> {
        let config = thompson::Config::new()
            .nfa_size_limit(Some(Self::MAX_NFA_BYTES))
            .which_captures(WhichCaptures::None);
        let nfa = NFA::compiler()
            .configure(config)
            .build_from_hir(hir)
            .map_err(|_| FullMatchError::TooLarge)?;
        let config = dense::Config::new()
            .match_kind(MatchKind::All)
            .start_kind(StartKind::Anchored)
            .accelerate(false)
            .dfa_size_limit(Some(Self::MAX_DFA_BYTES))
            .determinize_size_limit(Some(Self::MAX_DETERMINIZE_BYTES));
        // There is no Unicode word boundary in RE2, which is what else it could not build.
        let dfa = dense::Builder::new()
            .configure(config)
            .build_from_nfa(&nfa)
            .map_err(|_| FullMatchError::TooLarge)?;
        let table = Table::of(&dfa).ok_or(FullMatchError::TooLarge)?;
        table.into_program(pattern, nfa.memory_usage().max(parsing)).ok_or(FullMatchError::TooLarge)
    }

    /// The pattern it was made from.
    pub(super) fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Its size, or that of what it was compiled from if that is larger.
    pub(super) fn bytes(&self) -> usize {
        let Self { pattern, columns, next, accepting, stride: _, compiling } = self;
        let kept = pattern.len() + columns.len() + size_of_val(&**next) + accepting.len();
        kept.max(*compiling)
    }

    /// Whether the whole value matches.
    pub(super) fn matches(&self, value: &[u8]) -> bool {
        let state = value.iter().try_fold(0, |state: u16, byte| {
            let column = u16::from(self.columns[usize::from(*byte)]);
            self.next.get(usize::from(state + column)).copied()
        });
        let row = state.map(|state| usize::from(state / self.stride));
        row.and_then(|row| self.accepting.get(row)).copied().unwrap_or(false)
    }
}

/// The states that a value may lead to, the first of which is the start.
struct Table {
    /// The column of each byte.
    columns: Box<[u8; 256]>,
    /// By column: the next state of each state.
    next: Vec<Vec<usize>>,
    /// Whether a value that ends in a state matches.
    accepting: Box<[bool]>,
}

impl Table {
    fn of(dfa: &dense::DFA<Vec<u32>>) -> Option<Self> {
        let classes = dfa.byte_classes();
        let mut columns = Box::new([0; 256]);
        for (byte, column) in (0..=u8::MAX).zip(columns.iter_mut()) {
            *column = classes.get(byte);
        }
        let representatives: Vec<u8> =
            classes.representatives(0..=u8::MAX).filter_map(|unit| unit.as_u8()).collect();
        let first = dfa.start_state(&start::Config::new().anchored(Anchored::Yes)).ok()?;
        let mut states = vec![first];
        let mut numbers: HashMap<StateID, usize> = HashMap::from([(first, 0)]);
        let mut next = vec![Vec::new(); representatives.len()];
        let mut accepting = Vec::new();
        while let Some(&state) = states.get(accepting.len()) {
            accepting.push(dfa.is_match_state(dfa.next_eoi_state(state)));
            for (column, byte) in next.iter_mut().zip(&representatives) {
                let to = dfa.next_state(state, *byte);
                column.push(*numbers.entry(to).or_insert_with(|| {
                    states.push(to);
                    states.len() - 1
                }));
            }
        }
        Some(Self { columns, next, accepting: accepting.into() })
    }

    /// Merges columns that are the same: the classes of bytes are those of the whole expression's
    /// parts, of which few matter. `None` if the program is too large.
    fn into_program(self, pattern: &str, compiling: usize) -> Option<Program> {
        let Self { mut columns, next, accepting } = self;
        let mut kept: HashMap<&[usize], u8> = HashMap::new();
        let mut distinct = Vec::new();
        let mut merged = Vec::with_capacity(next.len());
        for column in &next {
            let new = u8::try_from(kept.len()).ok()?;
            merged.push(*kept.entry(column).or_insert_with(|| {
                distinct.push(column);
                new
            }));
        }
        for column in columns.iter_mut() {
            *column = *merged.get(usize::from(*column))?;
        }
        let stride = distinct.len();
        if accepting.len() * stride * size_of::<u16>() > FullMatch::MAX_BYTES {
            return None;
        }
        let rows = 0..accepting.len();
        let entries = rows.flat_map(|row| distinct.iter().map(move |column| column.get(row)));
        let entry = |to: Option<&usize>| u16::try_from(to? * stride).ok();
        let next = entries.map(entry).collect::<Option<Box<[u16]>>>()?;
        let (pattern, stride) = (pattern.into(), u16::try_from(stride).ok()?);
        Some(Program { pattern, columns, next, accepting, stride, compiling })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::full_match::{FullMatch, FullMatchError};
    use proptest::{collection::vec, prelude::*, sample::select};

    /// Expressions of parts that overlap, so that the automaton has to remember several of them.
    fn expression() -> impl Strategy<Value = String> {
        let part = select(
            &["a", "b", "é", ".", "[ab]", "[^a]", "(?i:B)", "a*", "(ab)+", "b?", "(a|ab)", "(|b)"]
                [..],
        );
        let times = select(&["", "", "", "*", "+?", "{2}", "{1,3}", "{0,2}?"][..]);
        let piece = (part, times).prop_map(|(part, times)| format!("(?:{part}){times}"));
        let look = select(&["", "", "", r"\b", r"\B", "$", "^", "|"][..]);
        vec((piece, look), 0..5).prop_map(|pieces| {
            pieces.into_iter().map(|(piece, look)| piece + look).collect::<String>()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        #[test]
        fn the_table_matches_what_the_expression_does(
            expression in expression(),
            values in vec(vec(select(&['a', 'b', 'B', 'é', '-'][..]), 0..8), 1..8),
        ) {
            let ascii = expression.replace(r"\b", r"(?-u:\b)").replace(r"\B", r"(?-u:\B)");
            let model = regex::bytes::Regex::new(&format!(r"\A(?:{ascii})\z")).unwrap();
            let regex = match FullMatch::new(&expression) {
                Ok(regex) => regex,
                Err(FullMatchError::TooLarge) => return Ok(()),
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            };
            for value in values {
                let value: String = value.into_iter().collect();
                let expected = model.is_match(value.as_bytes());
                prop_assert_eq!(regex.matches(&value), expected, "{} {}", &expression, value);
            }
        }
    }
}
