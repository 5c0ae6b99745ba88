//! Why a match does not win a request; `explain` lists these for the runners-up.

use super::{
    Match, Predicates, Request, RouteTree, budget::Budget, lookup::Lookup, predicate::Unmet,
};
use crate::path::PathPattern;
use std::fmt;

/// Why a match does not win.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NearMiss<'t> {
    /// Its path does not match, possibly because of a typo.
    Path(Option<Typo>),
    /// One of its predicates does not match.
    Unmet(Unmet<'t>),
    /// It matches, but the path of this winner is more specific.
    LessSpecific(&'t PathPattern),
    /// It matches with the same path shape, but the winner has more predicates.
    FewerPredicates { ours: [usize; 5], winners: [usize; 5] },
    /// It matches with equal rank, but the winner's Route takes precedence.
    LowerPrecedence,
}

/// The difference that keeps a path from matching.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Typo {
    /// A slash at its end.
    Slash,
    /// The case of its letters.
    Case,
}

impl<T> RouteTree<T> {
    /// The matches with other targets than the winner's, in the order in which they are tried, each
    /// with the reason why it does not win. `winner` belongs to this tree, or is `None` if nothing
    /// matches; `is_winners` tells which matches share its target.
    pub(crate) fn runners_up<'t>(
        &'t self,
        request: &Request<'_>,
        winner: Option<&'t Match<T>>,
        is_winners: impl Fn(&Match<T>) -> bool,
    ) -> impl Iterator<Item = (&'t Match<T>, NearMiss<'t>)> {
        self.matches().iter().filter(move |candidate| !is_winners(candidate)).filter_map(
            move |candidate| {
                let mismatch = mismatch(&candidate.path, &candidate.predicates, request);
                let near_miss =
                    mismatch.or_else(|| winner.map(|winner| outranked(candidate, winner)))?;
                Some((candidate, near_miss))
            },
        )
    }
}

/// Why a match does not match a request; `None` if it does.
pub(crate) fn mismatch<'t>(
    path: &PathPattern,
    predicates: &'t Predicates,
    request: &Request<'_>,
) -> Option<NearMiss<'t>> {
    if path.matches(request.path).is_none() {
        return Some(NearMiss::Path(typo(path, request.path)));
    }
    predicates.unmet(&Lookup::new(request, &Budget::unlimited())).map(NearMiss::Unmet)
}

/// Why a match that also matches ranks below the winner.
fn outranked<'t, T>(candidate: &Match<T>, winner: &'t Match<T>) -> NearMiss<'t> {
    let (ours, winners) = (candidate.predicates.rank(), winner.predicates.rank());
    if winner.path.precedence(&candidate.path).is_lt() {
        NearMiss::LessSpecific(&winner.path)
    } else if ours < winners {
        NearMiss::FewerPredicates { ours, winners }
    } else {
        NearMiss::LowerPrecedence
    }
}

fn typo(pattern: &PathPattern, path: &str) -> Option<Typo> {
    let slashed = match path.strip_suffix('/') {
        Some(bare) => bare.to_owned(),
        None => format!("{path}/"),
    };
    if pattern.matches(&slashed).is_some() {
        return Some(Typo::Slash);
    }
    let lower = PathPattern::parse(&pattern.to_string().to_ascii_lowercase()).ok()?;
    lower.matches(&path.to_ascii_lowercase()).map(|_| Typo::Case)
}

impl fmt::Display for NearMiss<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(None) => f.write_str("its path does not match"),
            Self::Path(Some(Typo::Slash)) => {
                f.write_str("its path does not match: a trailing slash matters")
            }
            Self::Path(Some(Typo::Case)) => {
                f.write_str("its path does not match: upper and lower case matter")
            }
            Self::Unmet(unmet) => write!(f, "its path matches, but it requires {unmet}"),
            Self::LessSpecific(winner) => {
                write!(f, "also matches, but its path is less specific than {winner}")
            }
            Self::FewerPredicates { ours: [ours, ..], winners: [winners, ..] } if ours < winners => {
                write!(
                    f,
                    "also matches, but has {} where the winner has {winners}",
                    predicates(*ours)
                )
            }
            Self::FewerPredicates { ours: [ours, ..], .. } => write!(
                f,
                "also matches with {}, but methods take precedence over headers, cookies and query, in this order",
                predicates(*ours)
            ),
            Self::LowerPrecedence => f.write_str(
                "also matches with predicates of the same rank, but the winner is older (or, if equally old, first by name)",
            ),
        }
    }
}

fn predicates(count: usize) -> String {
    match count {
        0 => "no predicate".to_owned(),
        1 => "1 predicate".to_owned(),
        count => format!("{count} predicates"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{
        super::{Comparison, Headers, Predicate, tests::route_match},
        *,
    };
    use crate::full_match::FullMatch;
    use http::{HeaderMap, HeaderValue, Method};

    fn with(name: &str, comparison: Comparison) -> Vec<Predicate> {
        vec![Predicate { name: name.to_owned(), comparison }]
    }

    fn present(name: &str) -> Vec<Predicate> {
        with(name, Comparison::Present)
    }

    /// Why each match loses a GET of `/a/b` with `h: 1`, the winner being found among them all.
    fn near_misses(matches: Vec<Match<&'static str>>) -> Vec<(String, String)> {
        let mut headers = HeaderMap::new();
        headers.insert("h", HeaderValue::from_static("1"));
        let request = Request {
            method: &Method::GET,
            path: "/a/b",
            query: Some("q=1"),
            headers: Headers::Sent(&headers),
        };
        let tree = RouteTree::new(matches);
        let winner = tree.find(&request).unwrap().map(|(matched, _)| matched);
        let is_winners =
            |matched: &Match<&str>| winner.is_some_and(|winner| winner.target == matched.target);
        let runners_up = tree.runners_up(&request, winner, is_winners);
        runners_up
            .map(|(matched, near_miss)| (matched.target.to_owned(), near_miss.to_string()))
            .collect()
    }

    /// Asserts why a match of `path` with these predicates loses to one of `/a/b` with a header.
    fn loses(name: &'static str, path: &str, predicates: Predicates, why: &str) {
        let winner = Predicates { headers: present("h"), ..Predicates::default() };
        let matches =
            vec![route_match("winner", "/a/b", winner), route_match(name, path, predicates)];
        assert_eq!(near_misses(matches), [(name.to_owned(), why.to_owned())]);
    }

    #[test]
    fn every_near_miss_is_explained() {
        let none = Predicates::default;
        let value = |text: &str| Comparison::Exact(text.to_owned());
        let query = |query| Predicates { query, ..none() };
        loses("path", "/x", none(), "its path does not match");
        loses("slash", "/a/b/", none(), "its path does not match: a trailing slash matters");
        loses("case", "/{x}/B", none(), "its path does not match: upper and lower case matter");
        loses("general", "/a/*", none(), "also matches, but its path is less specific than /a/b");
        loses("less", "/a/b", none(), "also matches, but has no predicate where the winner has 1");
        loses(
            "kind",
            "/a/b",
            query(present("q")),
            "also matches with 1 predicate, but methods take precedence over headers, cookies and query, in this order",
        );
        loses(
            "younger",
            "/a/b",
            Predicates { headers: with("h", value("1")), ..none() },
            "also matches with predicates of the same rank, but the winner is older (or, if equally old, first by name)",
        );
    }

    #[test]
    fn an_unmet_predicate_is_named() {
        let none = Predicates::default;
        let value = |text: &str| Comparison::Exact(text.to_owned());
        let query = |query| Predicates { query, ..none() };
        let methods = vec![Method::PUT, Method::POST];
        for (predicates, requirement) in [
            (Predicates { methods, ..none() }, "method PUT or POST"),
            (Predicates { headers: with("h", value("2")), ..none() }, "header h: 2"),
            (
                Predicates { headers: with("h", Comparison::Prefix("x".into())), ..none() },
                "header h to begin with 'x'",
            ),
            (
                Predicates {
                    headers: with("h", Comparison::Regex(FullMatch::new("x+").unwrap())),
                    ..none()
                },
                "header h to match 'x+'",
            ),
            (Predicates { headers: present("i"), ..none() }, "header i"),
            (Predicates { headers: with("h", Comparison::Absent), ..none() }, "no header h"),
            (Predicates { cookies: with("c", value("2")), ..none() }, "cookie c=2"),
            (query(with("q", value("2"))), "query q=2"),
        ] {
            let why = format!("its path matches, but it requires {requirement}");
            loses("unmet", "/a/b", predicates, &why);
        }
    }

    #[test]
    fn without_a_winner_only_mismatches_are_listed() {
        let put = || Predicates { methods: vec![Method::PUT], ..Predicates::default() };
        let matches = vec![route_match("put", "/a/b", put()), route_match("other", "/x", put())];
        let names = near_misses(matches).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names, ["put", "other"]);
    }

    #[test]
    fn a_route_does_not_lose_to_itself() {
        let matched = |path| route_match("both", path, Predicates::default());
        assert_eq!(near_misses(vec![matched("/a/b"), matched("/*")]), []);
    }
}
