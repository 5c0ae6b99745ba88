//! Sets of characters.

use crate::full_match::FullMatchError;
use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir};

/// What the classes of a pattern may cost: a few bytes name a hundred thousand characters, and each
/// of them is looked up if case is ignored.
#[derive(Default)]
pub(super) struct Budget {
    /// How many characters were looked up.
    folded: usize,
    /// How many ranges there were.
    ranges: usize,
}

impl Budget {
    /// Enough for four classes with everything in them.
    const MAX_FOLDED: usize = 4 * Self::LAST_WITH_CASE;
    /// More than fit an automaton that may be compiled.
    const MAX_RANGES: usize = 8 << 10;
    /// No character from here on has a case.
    const LAST_WITH_CASE: usize = 0x1_E944;

    /// What was spent, in bytes of a compiled expression that takes as long.
    pub(super) fn bytes(&self) -> usize {
        self.folded / 32 + self.ranges * size_of::<ClassUnicodeRange>()
    }

    fn spend(&mut self, folded: usize, ranges: usize) -> Result<(), FullMatchError> {
        self.folded = self.folded.saturating_add(folded);
        self.ranges = self.ranges.saturating_add(ranges);
        let within = self.folded <= Self::MAX_FOLDED && self.ranges <= Self::MAX_RANGES;
        if within { Ok(()) } else { Err(FullMatchError::TooLarge) }
    }

    /// Characters, and those that differ from them in case alone.
    fn fold(&mut self, ranges: Vec<ClassUnicodeRange>) -> Result<ClassUnicode, FullMatchError> {
        let chars = ranges.iter().map(|range| {
            let [start, end] = [range.start(), range.end()].map(|char| char as usize);
            (end + 1).min(Self::LAST_WITH_CASE).saturating_sub(start)
        });
        self.spend(chars.sum(), 0)?;
        let mut class = ClassUnicode::new(ranges);
        // Panics without a feature of the crate that is on by default.
        class.case_fold_simple();
        Ok(class)
    }
}

/// A set of characters in the making.
pub(super) struct Set<'b> {
    budget: &'b mut Budget,
    ignores_case: bool,
    /// What was added as it is, to which other cases may have to be added.
    plain: Vec<ClassUnicodeRange>,
    /// What was added as a complement.
    complements: Vec<ClassUnicodeRange>,
}

impl<'b> Set<'b> {
    pub(super) fn new(budget: &'b mut Budget, ignores_case: bool) -> Self {
        Self { budget, ignores_case, plain: Vec::new(), complements: Vec::new() }
    }

    /// Adds the characters from one number to another. Surrogates are numbers, but no characters.
    pub(super) fn add(&mut self, first: u32, last: u32) -> Result<(), FullMatchError> {
        let is_surrogate = |number: u32| (0xD800..0xE000).contains(&number);
        let first = if is_surrogate(first) { 0xE000 } else { first };
        let last = if is_surrogate(last) { 0xD7FF } else { last };
        if let (Some(first), Some(last)) = (char::from_u32(first), char::from_u32(last))
            && first <= last
        {
            self.budget.spend(0, 1)?;
            self.plain.push(ClassUnicodeRange::new(first, last));
        }
        Ok(())
    }

    /// Adds characters, or all others. Of others, those that differ from the characters in case
    /// alone are none.
    pub(super) fn add_all(
        &mut self,
        chars: impl IntoIterator<Item = ClassUnicodeRange>,
        negated: bool,
    ) -> Result<(), FullMatchError> {
        let mut chars: Vec<_> = chars.into_iter().collect();
        self.budget.spend(0, chars.len())?;
        if negated {
            let mut class = self.class(chars)?;
            class.negate();
            self.complements.extend_from_slice(class.ranges());
        } else {
            self.plain.append(&mut chars);
        }
        Ok(())
    }

    fn class(&mut self, chars: Vec<ClassUnicodeRange>) -> Result<ClassUnicode, FullMatchError> {
        if self.ignores_case { self.budget.fold(chars) } else { Ok(ClassUnicode::new(chars)) }
    }

    /// What matches one of the characters, or one of all others.
    pub(super) fn finish(mut self, negated: bool) -> Result<Hir, FullMatchError> {
        let plain = std::mem::take(&mut self.plain);
        let mut class = self.class(plain)?;
        class.union(&ClassUnicode::new(self.complements));
        if negated {
            class.negate();
        }
        Ok(Hir::class(Class::Unicode(class)))
    }
}
