//! The tree against a linear scan of a model that shares no code with it: patterns are lists of
//! pieces, predicates are functions of a model request, and the best rank wins.

use super::*;
use http::HeaderValue;
use proptest::{prelude::*, sample::select};
use std::cmp::Reverse;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Piece {
    Text(&'static str),
    Name,
    Star,
}

/// A value is absent, or one of a few; a predicate requires one of them, or that it is present or
/// absent.
#[derive(Clone, Copy, Debug)]
enum Condition {
    Exact(&'static str),
    Prefix(&'static str),
    Present,
    Absent,
}

#[derive(Clone, Debug)]
struct Model {
    pieces: Vec<Piece>,
    methods: Vec<&'static str>,
    headers: Vec<(&'static str, Condition)>,
    cookies: Vec<(&'static str, Condition)>,
    query: Vec<(&'static str, Condition)>,
}

#[derive(Clone, Debug)]
struct ModelRequest {
    path: Vec<&'static str>,
    method: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    cookies: Vec<(&'static str, &'static str)>,
    query: Vec<(&'static str, &'static str)>,
}

/// 0 for a literal, 1 for a capture, 2 for the end, 3 for the star; `None` if it does not match.
fn path_rank(pieces: &[Piece], path: &[&str]) -> Option<Vec<u8>> {
    match (pieces, path) {
        ([Piece::Star, ..], _) => Some(vec![3]),
        ([], []) => Some(vec![2]),
        ([piece, pieces @ ..], [segment, path @ ..]) => {
            let own = match piece {
                Piece::Text(text) if text == segment => 0,
                Piece::Name if !segment.is_empty() => 1,
                Piece::Text(_) | Piece::Name | Piece::Star => return None,
            };
            let mut rank = vec![own];
            rank.extend(path_rank(pieces, path)?);
            Some(rank)
        }
        ([], [_, ..]) | ([_, ..], []) => None,
    }
}

fn all_match(conditions: &[(&str, Condition)], values: &[(&str, &str)]) -> bool {
    conditions.iter().all(|(name, condition)| {
        let any = |test: &dyn Fn(&str) -> bool| values.iter().any(|(n, v)| n == name && test(v));
        match condition {
            Condition::Exact(value) => any(&|v| v == *value),
            Condition::Prefix(value) => any(&|v| v.starts_with(value)),
            Condition::Present => any(&|_| true),
            Condition::Absent => !any(&|_| true),
        }
    })
}

/// The index of the winning model.
fn scan(models: &[Model], sent: &ModelRequest) -> Option<usize> {
    let ranked = models.iter().enumerate().filter_map(|(index, model)| {
        let path = path_rank(&model.pieces, &sent.path)?;
        let holds = (model.methods.is_empty() || model.methods.contains(&sent.method))
            && all_match(&model.headers, &sent.headers)
            && all_match(&model.cookies, &sent.cookies)
            && all_match(&model.query, &sent.query);
        let method = usize::from(!model.methods.is_empty());
        let counts = (method, model.headers.len(), model.cookies.len(), model.query.len());
        let total = counts.0 + counts.1 + counts.2 + counts.3;
        holds.then_some((path, Reverse(total), Reverse(counts), index))
    });
    ranked.min().map(|(.., index)| index)
}

/// What captures and the star capture from a path that matches.
fn captured(pieces: &[Piece], path: &[&'static str]) -> (Vec<&'static str>, Option<String>) {
    let named = pieces.iter().zip(path).filter(|(piece, _)| **piece == Piece::Name);
    let values = named.map(|(_, segment)| *segment).collect();
    let star = pieces.iter().position(|piece| *piece == Piece::Star);
    (values, star.filter(|&at| at < path.len()).map(|at| path[at..].join("/")))
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let piece = prop_oneof![
        4 => select(vec!["a", "b", ""]).prop_map(Piece::Text),
        2 => Just(Piece::Name),
    ];
    (prop::collection::vec(piece, 0..4), any::<bool>()).prop_map(|(mut pieces, star)| {
        if star || pieces.is_empty() {
            pieces.push(Piece::Star);
        }
        pieces
    })
}

fn conditions() -> impl Strategy<Value = Vec<(&'static str, Condition)>> {
    let condition = prop_oneof![
        select(vec!["1", "12"]).prop_map(Condition::Exact),
        Just(Condition::Prefix("1")),
        Just(Condition::Present),
        Just(Condition::Absent),
    ];
    let few = prop::collection::vec((select(vec!["x", "y"]), condition), 0..3);
    prop_oneof![2 => Just(Vec::new()), 1 => few]
}

fn models() -> impl Strategy<Value = Vec<Model>> {
    let methods = prop::collection::vec(select(vec!["GET", "PUT"]), 0..3);
    let model = (pieces(), methods, conditions(), conditions(), conditions()).prop_map(
        |(pieces, methods, headers, cookies, query)| Model {
            pieces,
            methods,
            headers,
            cookies,
            query,
        },
    );
    prop::collection::vec(model, 0..24)
}

fn sent() -> impl Strategy<Value = ModelRequest> {
    let path = prop::collection::vec(select(vec!["a", "b", "c", ""]), 1..5);
    let pairs = || {
        let pair = (select(vec!["x", "y"]), select(vec!["1", "12", "2"]));
        prop::collection::vec(pair, 0..3)
    };
    let method = select(vec!["GET", "PUT", "HEAD"]);
    (path, method, pairs(), pairs(), pairs()).prop_map(|(path, method, headers, cookies, query)| {
        ModelRequest { path, method, headers, cookies, query }
    })
}

fn predicates(conditions: &[(&str, Condition)]) -> Vec<Predicate> {
    let one = |(name, condition): &(&str, Condition)| Predicate {
        name: (*name).to_owned(),
        comparison: match condition {
            Condition::Exact(value) => Comparison::Exact((*value).to_owned()),
            Condition::Prefix(value) => Comparison::Prefix((*value).to_owned()),
            Condition::Present => Comparison::Present,
            Condition::Absent => Comparison::Absent,
        },
    };
    conditions.iter().map(one).collect()
}

fn real(index: usize, model: &Model) -> Match<String> {
    let segment = |(at, piece): (usize, &Piece)| match piece {
        Piece::Text(text) => format!("/{text}"),
        Piece::Name => format!("/{{of-{index}-{at}}}"),
        Piece::Star => "/*".to_owned(),
    };
    let path: String = model.pieces.iter().enumerate().map(segment).collect();
    let predicates = Predicates {
        methods: model.methods.iter().map(|method| method.parse().unwrap()).collect(),
        headers: predicates(&model.headers),
        cookies: predicates(&model.cookies),
        query: predicates(&model.query),
    };
    Match { path: PathPattern::parse(&path).unwrap(), predicates, target: index.to_string() }
}

fn joined(pairs: &[(&str, &str)], separator: &str) -> String {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join(separator)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_tree_finds_what_a_linear_scan_finds(models in models(), sent in sent()) {
        let tree =
            RouteTree::new(models.iter().enumerate().map(|(at, model)| real(at, model)).collect());
        let path: String = sent.path.iter().flat_map(|segment| ["/", segment]).collect();
        let method: Method = sent.method.parse().unwrap();
        let query = joined(&sent.query, "&");
        let mut headers = HeaderMap::new();
        for (name, value) in &sent.headers {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers.insert("cookie", joined(&sent.cookies, "; ").parse().unwrap());
        let request =
            Request { method: &method, path: &path, query: Some(&query), headers: Headers::Sent(&headers) };

        let found = tree.find(&request).unwrap();
        let winner = scan(&models, &sent).map(|index| {
            let (values, rest) = captured(&models[index].pieces, &sent.path);
            (index.to_string(), values, rest)
        });
        let captured = found.as_ref().map(|(matched, captures)| {
            let rest = captures.rest().map(str::to_owned);
            (matched.target.clone(), captures.values().to_vec(), rest)
        });
        prop_assert_eq!(captured, winner);

        // `matches` are in the order in which they are tried.
        let all_match = |matched: &&Match<String>| {
            matched.path.matches(&path).is_some() && matched.predicates.matches(&request)
        };
        prop_assert_eq!(tree.matches().iter().find(all_match), found.map(|(matched, _)| matched));
    }
}
