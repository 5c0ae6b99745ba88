//! Numbers for texts that occur often, within a limit.

use std::{borrow::Borrow, collections::HashMap, hash::Hash};

/// Stands for no number.
pub(super) const NONE: u32 = u32::MAX;

/// Gives each value a number, counting from 0.
#[derive(Debug)]
pub(super) struct Interner<T> {
    numbers: HashMap<T, u32>,
    values: Vec<T>,
    limit: usize,
}

impl<T: Clone + Eq + Hash> Interner<T> {
    /// One for so many values.
    pub(super) fn new(limit: usize) -> Self {
        Self { numbers: HashMap::new(), values: Vec::new(), limit }
    }

    /// The number of a value; [`NONE`] if there is no room for it.
    pub(super) fn number<Q: ?Sized + Eq + Hash + ToOwned<Owned = T>>(&mut self, value: &Q) -> u32
    where
        T: Borrow<Q>,
    {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let Some(number) =
            u32::try_from(self.values.len()).ok().filter(|_| self.values.len() < self.limit)
        else {
            return NONE;
        };
        self.numbers.insert(value.to_owned(), number);
        self.values.push(value.to_owned());
        number
    }

    /// The value with this number.
    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.values.get(usize::try_from(number).ok()?)
    }

    /// All values, in the order of their numbers.
    pub(super) fn values(&self) -> &[T] {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_keeps_its_number_and_there_is_a_limit() {
        let mut interner = Interner::<String>::new(2);
        assert_eq!(["a", "b", "a", "c", "b"].map(|text| interner.number(text)), [0, 1, 0, NONE, 1]);
        assert_eq!(interner.get(1).map(String::as_str), Some("b"));
        assert_eq!((interner.get(NONE), interner.values().len()), (None, 2));
    }
}
