//! Two sorted maps side by side.

use std::{cmp::Ordering, collections::BTreeMap, iter};

/// The keys at which two maps differ, in their order, with both values.
pub(crate) fn differences<'m, K: Ord, V>(
    before: &'m BTreeMap<K, V>,
    now: &'m BTreeMap<K, V>,
    is_same: impl Fn(&V, &V) -> bool,
) -> impl Iterator<Item = (&'m K, Option<&'m V>, Option<&'m V>)> {
    let (mut before, mut now) = (before.iter().peekable(), now.iter().peekable());
    iter::from_fn(move || {
        loop {
            let order = match (before.peek(), now.peek()) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((then, _)), Some((key, _))) => then.cmp(key),
            };
            let (then, now) = match order {
                Ordering::Less => (before.next(), None),
                Ordering::Equal => (before.next(), now.next()),
                Ordering::Greater => (None, now.next()),
            };
            let (key, _) = now.or(then)?;
            let (then, now) = (then.map(|(_, value)| value), now.map(|(_, value)| value));
            if !then.zip(now).is_some_and(|(then, now)| is_same(then, now)) {
                return Some((key, then, now));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::differences;
    use std::collections::BTreeMap;

    #[test]
    fn what_is_new_gone_or_changed_is_a_difference() {
        let before = BTreeMap::from([("a", 1), ("b", 2), ("c", 3), ("e", 5)]);
        let now = BTreeMap::from([("b", 2), ("c", 4), ("d", 4), ("f", 6)]);
        let found: Vec<_> = differences(&before, &now, i32::eq).collect();
        let expected: Vec<(_, Option<&i32>, Option<&i32>)> = vec![
            (&"a", Some(&1), None),
            (&"c", Some(&3), Some(&4)),
            (&"d", None, Some(&4)),
            (&"e", Some(&5), None),
            (&"f", None, Some(&6)),
        ];
        assert_eq!(found, expected);
        assert_eq!(differences(&now, &now, i32::eq).count(), 0);
    }
}
