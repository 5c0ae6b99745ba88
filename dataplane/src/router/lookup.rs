//! The lookup of a match for one request: what its predicates have cost, and what they found.

use super::{
    Headers, Request,
    budget::Budget,
    comparison::{Comparison, Predicate},
    values,
};
use std::{array, borrow::Cow, cell::RefCell, iter};

/// A request whose predicates are checked, one match after the other.
pub(crate) struct Lookup<'p, 'r, 'l> {
    pub(crate) request: &'l Request<'r>,
    pub(crate) budget: &'l Budget,
    cookies: Values<'p, 'r>,
    query: Values<'p, 'r>,
}

impl<'p, 'r, 'l> Lookup<'p, 'r, 'l> {
    pub(crate) fn new(request: &'l Request<'r>, budget: &'l Budget) -> Self {
        Self { request, budget, cookies: Values::default(), query: Values::default() }
    }

    /// Whether a predicate on a header holds, and may be checked.
    pub(crate) fn has_header(&self, header: &Predicate) -> bool {
        match self.request.headers {
            Headers::Sent(headers) => {
                let lines = headers.get_all(&header.name);
                let values = || lines.iter().map(|line| Cow::Borrowed(line.as_bytes()));
                self.budget.allows(header.comparison.cost(values()))
                    && header.comparison.matches_any(values())
            }
            Headers::Announced(names) => {
                let announced = names.iter().any(|name| name.eq_ignore_ascii_case(&header.name));
                announced != (header.comparison == Comparison::Absent)
            }
        }
    }

    /// Whether a predicate on a query key holds, and may be checked.
    pub(crate) fn has_query(&self, key: &'p Predicate) -> bool {
        let query = self.request.query.unwrap_or_default();
        let values = values::query(query, &key.name);
        self.query.satisfy(key, self.budget, || values::query_cost(query), values)
    }

    /// Whether a predicate on a cookie holds, and may be checked.
    pub(crate) fn has_cookie(&self, cookie: &'p Predicate) -> bool {
        match self.request.headers {
            Headers::Sent(headers) => {
                let values = values::cookie(headers, &cookie.name);
                let cost = || values::cookie_cost(headers);
                self.cookies.satisfy(cookie, self.budget, cost, values)
            }
            Headers::Announced(_) => true,
        }
    }
}

/// How many values of one name are kept.
const KEPT: usize = 4;

/// The cookies or query keys of a request, with the values of the name that was looked for last:
/// the Routes of a path often look for the same one.
#[derive(Default)]
struct Values<'p, 'r>(RefCell<Option<Found<'p, 'r>>>);

struct Found<'p, 'r> {
    name: &'p str,
    /// `None` behind the last.
    values: [Option<Cow<'r, [u8]>>; KEPT],
}

impl<'p, 'r> Values<'p, 'r> {
    /// Whether a predicate holds, and may be checked. To find its name's values costs as much as
    /// looking at this many bytes.
    fn satisfy(
        &self,
        predicate: &'p Predicate,
        budget: &Budget,
        bytes: impl FnOnce() -> usize,
        values: impl Iterator<Item = Cow<'r, [u8]>>,
    ) -> bool {
        let Predicate { name, comparison } = predicate;
        let mut last = self.0.borrow_mut();
        if let Some(found) = last.as_ref().filter(|found| found.name == name) {
            let kept = || found.values.iter().flatten().map(|value| Cow::Borrowed(&**value));
            return budget.allows(comparison.cost(kept())) && comparison.matches_any(kept());
        }
        *last = None;
        if !budget.allows(bytes()) {
            return false;
        }
        let mut values = values.fuse();
        let first: [Option<Cow<'r, [u8]>>; KEPT] = array::from_fn(|_| values.next());
        let next = values.next();
        let is_all = next.is_none();
        let kept = first.iter().flatten().map(|value| Cow::Borrowed(&**value));
        let matches = comparison.matches_any(kept)
            || next.is_some_and(|next| comparison.matches_any(iter::once(next).chain(values)));
        *last = is_all.then_some(Found { name, values: first });
        matches
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{super::*, *};
    use http::HeaderValue;

    fn cookie(name: &str, comparison: Comparison) -> Predicates {
        let cookies = vec![Predicate { name: name.to_owned(), comparison }];
        Predicates { cookies, ..Predicates::default() }
    }

    /// Whether each holds, one after the other, and whether all were allowed to look.
    fn checked(predicates: &[Predicates], cookies: &str) -> (Vec<bool>, bool) {
        let mut headers = HeaderMap::new();
        headers.insert("cookie", HeaderValue::from_str(cookies).unwrap());
        let headers = Headers::Sent(&headers);
        let request = Request { method: &Method::GET, path: "/", query: None, headers };
        let budget = Budget::of_one_request();
        let lookup = Lookup::new(&request, &budget);
        let hold = predicates.iter().map(|predicates| predicates.unmet(&lookup).is_none());
        (hold.collect(), budget.check().is_ok())
    }

    #[test]
    fn predicates_on_one_name_find_the_same_values() {
        let is = |value: &str| Comparison::Exact(value.to_owned());
        for values in 1..2 * KEPT {
            let cookies: Vec<_> = (0..values).map(|value| format!("a=v{value}")).collect();
            let cookies = format!("b=w; {}", cookies.join("; "));
            let last = format!("v{}", values - 1);
            let predicates = [
                cookie("a", is("v0")),
                cookie("a", is(&last)),
                cookie("a", is("w")),
                cookie("b", is("w")),
                cookie("b", is("v0")),
                cookie("a", is(&last)),
                cookie("c", Comparison::Absent),
                cookie("c", Comparison::Present),
                cookie("a", Comparison::Absent),
                cookie("a", Comparison::Prefix("v".to_owned())),
            ];
            let hold = [true, true, false, true, false, true, true, false, false, true];
            assert_eq!(checked(&predicates, &cookies), (hold.to_vec(), true), "{cookies}");
        }
    }

    #[test]
    fn many_small_cookies_cost_more_than_a_large_one() {
        let predicates: Vec<_> =
            (0..16).map(|name| cookie(&format!("c{name}"), Comparison::Present)).collect();
        let (large, small) = ("y=".to_owned() + &"1".repeat(59_998), "y=1;".repeat(15_000));
        assert!(checked(&predicates, &large).1);
        assert!(!checked(&predicates, &small).1);
    }

    #[test]
    fn predicates_in_a_row_on_one_name_look_for_it_once() {
        let cookies = format!("d={}; a=x", "x".repeat(Budget::BYTES / 256));
        let of = |name: &dyn Fn(usize) -> String| -> Vec<_> {
            (0..300)
                .map(|route| cookie(&name(route), Comparison::Exact(route.to_string())))
                .collect()
        };
        assert!(checked(&of(&|_| "a".to_owned()), &cookies).1);
        assert!(!checked(&of(&|route| format!("a{}", route % 2)), &cookies).1);
        // What they are compared with counts each time.
        let regex = Comparison::Regex(crate::full_match::FullMatch::new("x*y").unwrap());
        let same = vec![cookie("d", regex); 300];
        assert!(!checked(&same, &cookies).1);
    }
}
