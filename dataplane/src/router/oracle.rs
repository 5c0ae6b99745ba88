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
enum Want {
    Is(&'static str),
    Begins(&'static str),
    There,
    NotThere,
}

#[derive(Clone, Debug)]
struct Model {
    pieces: Vec<Piece>,
    methods: Vec<&'static str>,
    headers: Vec<(&'static str, Want)>,
    cookies: Vec<(&'static str, Want)>,
    query: Vec<(&'static str, Want)>,
}

#[derive(Clone, Debug)]
struct Asked {
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

fn fits(wants: &[(&str, Want)], has: &[(&str, &str)]) -> bool {
    wants.iter().all(|(name, want)| {
        let any = |test: &dyn Fn(&str) -> bool| has.iter().any(|(n, v)| n == name && test(v));
        match want {
            Want::Is(value) => any(&|v| v == *value),
            Want::Begins(value) => any(&|v| v.starts_with(value)),
            Want::There => any(&|_| true),
            Want::NotThere => !any(&|_| true),
        }
    })
}

/// The index of the winning model.
fn scan(models: &[Model], asked: &Asked) -> Option<usize> {
    let ranked = models.iter().enumerate().filter_map(|(index, model)| {
        let path = path_rank(&model.pieces, &asked.path)?;
        let holds = (model.methods.is_empty() || model.methods.contains(&asked.method))
            && fits(&model.headers, &asked.headers)
            && fits(&model.cookies, &asked.cookies)
            && fits(&model.query, &asked.query);
        let method = usize::from(!model.methods.is_empty());
        let counts = (method, model.headers.len(), model.cookies.len(), model.query.len());
        let total = counts.0 + counts.1 + counts.2 + counts.3;
        holds.then_some((path, Reverse(total), Reverse(counts), index))
    });
    ranked.min().map(|(.., index)| index)
}

/// What captures and the star capture from a path that matches.
fn taken(pieces: &[Piece], path: &[&'static str]) -> (Vec<&'static str>, Option<String>) {
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

fn wants() -> impl Strategy<Value = Vec<(&'static str, Want)>> {
    let want = prop_oneof![
        select(vec!["1", "12"]).prop_map(Want::Is),
        Just(Want::Begins("1")),
        Just(Want::There),
        Just(Want::NotThere),
    ];
    let most = prop::collection::vec((select(vec!["x", "y"]), want), 0..3);
    prop_oneof![2 => Just(Vec::new()), 1 => most]
}

fn models() -> impl Strategy<Value = Vec<Model>> {
    let methods = prop::collection::vec(select(vec!["GET", "PUT"]), 0..3);
    let model = (pieces(), methods, wants(), wants(), wants()).prop_map(
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

fn asked() -> impl Strategy<Value = Asked> {
    let path = prop::collection::vec(select(vec!["a", "b", "c", ""]), 1..5);
    let pairs = || {
        let pair = (select(vec!["x", "y"]), select(vec!["1", "12", "2"]));
        prop::collection::vec(pair, 0..3)
    };
    let method = select(vec!["GET", "PUT", "HEAD"]);
    (path, method, pairs(), pairs(), pairs()).prop_map(|(path, method, headers, cookies, query)| {
        Asked { path, method, headers, cookies, query }
    })
}

fn predicates(wants: &[(&str, Want)]) -> Vec<Predicate> {
    let one = |(name, want): &(&str, Want)| Predicate {
        name: (*name).to_owned(),
        comparison: match want {
            Want::Is(value) => Comparison::Exact((*value).to_owned()),
            Want::Begins(value) => Comparison::Prefix((*value).to_owned()),
            Want::There => Comparison::Present,
            Want::NotThere => Comparison::Absent,
        },
    };
    wants.iter().map(one).collect()
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

fn joined(pairs: &[(&str, &str)], between: &str) -> String {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join(between)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_tree_finds_what_a_linear_scan_finds(models in models(), asked in asked()) {
        let tree =
            RouteTree::new(models.iter().enumerate().map(|(at, model)| real(at, model)).collect());
        let path: String = asked.path.iter().flat_map(|segment| ["/", segment]).collect();
        let method: Method = asked.method.parse().unwrap();
        let query = joined(&asked.query, "&");
        let mut headers = HeaderMap::new();
        for (name, value) in &asked.headers {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers.insert("cookie", joined(&asked.cookies, "; ").parse().unwrap());
        let request =
            Request { method: &method, path: &path, query: Some(&query), headers: Headers::Sent(&headers) };

        let found = tree.find(&request);
        let winner = scan(&models, &asked).map(|index| {
            let (values, rest) = taken(&models[index].pieces, &asked.path);
            (index.to_string(), values, rest)
        });
        let taken = found.as_ref().map(|(matched, captures)| {
            let rest = captures.rest().map(str::to_owned);
            (matched.target.clone(), captures.values().to_vec(), rest)
        });
        prop_assert_eq!(taken, winner);

        // `matches` are in the order in which they are tried.
        let fits = |matched: &&Match<String>| {
            matched.path.matches(&path).is_some() && matched.predicates.matches(&request)
        };
        prop_assert_eq!(tree.matches().iter().find(fits), found.map(|(matched, _)| matched));
    }
}
