//! Why a rule does not win a request: what `explain` says of the runners-up.

use super::{Predicates, Request, RouteTree, Rule, predicate::Unmet};
use crate::path::PathPattern;
use std::{fmt, sync::Arc};

/// Why a rule loses a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Loss<'t> {
    /// Its path does not match, but for what may be a slip.
    Path(Option<Slip>),
    /// One of its predicates does not hold.
    Unmet(Unmet<'t>),
    /// It fits, but the path of this winner is more specific.
    LessSpecific(&'t Rule),
    /// It fits as well as this winner, which asks more.
    AsksLess { ours: [usize; 5], winners: [usize; 5] },
    /// It fits as well, and the winner's Route goes first.
    Younger,
}

/// What a path would match but for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slip {
    /// A slash at its end.
    Slash,
    /// The case of its letters.
    Case,
}

impl RouteTree {
    /// The rules of other Routes than the winner's, in the order in which they are tried, and why
    /// each loses. The winner is one of this tree's, or `None` where there is none.
    pub(crate) fn runners_up<'t>(
        &'t self,
        request: &Request<'_>,
        winner: Option<&'t Rule>,
    ) -> impl Iterator<Item = (&'t Rule, Loss<'t>)> {
        let is_winners =
            move |rule: &Rule| winner.is_some_and(|winner| Arc::ptr_eq(&winner.route, &rule.route));
        self.rules().iter().filter(move |rule| !is_winners(rule)).filter_map(move |rule| {
            let unfit = unfit(&rule.path, &rule.predicates, request);
            let loss = unfit.or_else(|| winner.map(|winner| outranked(rule, winner)))?;
            Some((rule, loss))
        })
    }
}

/// Why a match does not fit a request; `None` where it does.
pub(crate) fn unfit<'t>(
    path: &PathPattern,
    predicates: &'t Predicates,
    request: &Request<'_>,
) -> Option<Loss<'t>> {
    if path.matches(request.path).is_none() {
        return Some(Loss::Path(slip(path, request.path)));
    }
    predicates.unmet(request).map(Loss::Unmet)
}

/// By what a rule that fits goes behind the winner.
fn outranked<'t>(rule: &Rule, winner: &'t Rule) -> Loss<'t> {
    let (ours, winners) = (rule.predicates.rank(), winner.predicates.rank());
    if winner.path.precedence(&rule.path).is_lt() {
        Loss::LessSpecific(winner)
    } else if ours < winners {
        Loss::AsksLess { ours, winners }
    } else {
        Loss::Younger
    }
}

fn slip(pattern: &PathPattern, path: &str) -> Option<Slip> {
    let slashed = match path.strip_suffix('/') {
        Some(bare) => bare.to_owned(),
        None => format!("{path}/"),
    };
    if pattern.matches(&slashed).is_some() {
        return Some(Slip::Slash);
    }
    let lower = PathPattern::parse(&pattern.to_string().to_ascii_lowercase()).ok()?;
    lower.matches(&path.to_ascii_lowercase()).map(|_| Slip::Case)
}

impl fmt::Display for Loss<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(None) => f.write_str("its path does not match"),
            Self::Path(Some(Slip::Slash)) => {
                f.write_str("its path does not match: a slash at the end makes a difference")
            }
            Self::Path(Some(Slip::Case)) => {
                f.write_str("its path does not match: upper and lower case make a difference")
            }
            Self::Unmet(unmet) => write!(f, "its path matches, but it wants {unmet}"),
            Self::LessSpecific(winner) => {
                write!(f, "matches too, but its path is less specific than {}", winner.path)
            }
            Self::AsksLess { ours: [ours, ..], winners: [winners, ..] } if ours < winners => {
                write!(
                    f,
                    "matches too, but has {} where the winner has {winners}",
                    predicates(*ours)
                )
            }
            Self::AsksLess { ours: [ours, ..], .. } => write!(
                f,
                "matches too with {}, but methods go before headers, cookies and query, in this order",
                predicates(*ours)
            ),
            Self::Younger => f.write_str(
                "matches too and asks as much, but the winner is older (or, of one age, first by name)",
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
        super::{
            Comparison, Headers, Predicate, WholeValue,
            tests::{route, rule},
        },
        *,
    };
    use http::{HeaderMap, HeaderValue, Method};

    fn with(name: &str, comparison: Comparison) -> Vec<Predicate> {
        vec![Predicate { name: name.to_owned(), comparison }]
    }

    fn present(name: &str) -> Vec<Predicate> {
        with(name, Comparison::Present)
    }

    /// Why each rule loses a GET of `/a/b` with `h: 1`, the winner being found among them all.
    fn losses(rules: Vec<Rule>) -> Vec<(String, String)> {
        let mut headers = HeaderMap::new();
        headers.insert("h", HeaderValue::from_static("1"));
        let request = Request {
            method: &Method::GET,
            path: "/a/b",
            query: Some("q=1"),
            headers: Headers::Sent(&headers),
        };
        let tree = RouteTree::new(rules);
        let winner = tree.find(&request).map(|(rule, _)| rule);
        let runners_up = tree.runners_up(&request, winner);
        runners_up
            .map(|(rule, loss)| (rule.route.name.name.to_string(), loss.to_string()))
            .collect()
    }

    #[test]
    fn every_way_to_lose_is_told() {
        let none = Predicates::default;
        let value = |text: &str| Comparison::Exact(text.to_owned());
        let query = |query| Predicates { query, ..none() };
        let loses = |name: &str, path: &str, predicates, why: &str| {
            let winner = Predicates { headers: present("h"), ..none() };
            let rules = vec![rule("winner", "/a/b", winner), rule(name, path, predicates)];
            assert_eq!(losses(rules), [(name.to_owned(), why.to_owned())]);
        };
        loses("path", "/x", none(), "its path does not match");
        loses(
            "slash",
            "/a/b/",
            none(),
            "its path does not match: a slash at the end makes a difference",
        );
        loses(
            "case",
            "/{x}/B",
            none(),
            "its path does not match: upper and lower case make a difference",
        );
        loses("general", "/a/*", none(), "matches too, but its path is less specific than /a/b");
        loses("less", "/a/b", none(), "matches too, but has no predicate where the winner has 1");
        loses(
            "kind",
            "/a/b",
            query(present("q")),
            "matches too with 1 predicate, but methods go before headers, cookies and query, in this order",
        );
        loses(
            "younger",
            "/a/b",
            Predicates { headers: with("h", value("1")), ..none() },
            "matches too and asks as much, but the winner is older (or, of one age, first by name)",
        );
        let methods = vec![Method::PUT, Method::POST];
        for (predicates, wanted) in [
            (Predicates { methods, ..none() }, "method PUT or POST"),
            (Predicates { headers: with("h", value("2")), ..none() }, "header h: 2"),
            (
                Predicates { headers: with("h", Comparison::Prefix("x".into())), ..none() },
                "header h to begin with 'x'",
            ),
            (
                Predicates {
                    headers: with("h", Comparison::Regex(WholeValue::new("x+").unwrap())),
                    ..none()
                },
                "header h to match 'x+'",
            ),
            (Predicates { headers: present("i"), ..none() }, "header i"),
            (Predicates { headers: with("h", Comparison::Absent), ..none() }, "no header h"),
            (Predicates { cookies: with("c", value("2")), ..none() }, "cookie c=2"),
            (query(with("q", value("2"))), "query q=2"),
        ] {
            let why = format!("its path matches, but it wants {wanted}");
            loses("unmet", "/a/b", predicates, &why);
        }
    }

    #[test]
    fn without_a_winner_the_rest_lose_by_themselves() {
        let put = || Predicates { methods: vec![Method::PUT], ..Predicates::default() };
        let rules = vec![rule("put", "/a/b", put()), rule("other", "/x", put())];
        let names = losses(rules).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names, ["put", "other"]);
    }

    #[test]
    fn a_route_does_not_lose_to_itself() {
        let route = route("both");
        let rule =
            |path| Rule { route: route.clone(), ..rule("both", path, Predicates::default()) };
        assert_eq!(losses(vec![rule("/a/b"), rule("/*")]), []);
    }
}
