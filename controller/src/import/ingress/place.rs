//! Where a path of an Ingress lies: a pattern of Portico's, and how its requests are changed.

use super::{
    literal,
    settings::Rewriting,
    shape::{self, Fits, Group, Shape},
};
use portico_dataplane::full_match::FullMatch;
use serde_json::{Value, json};

/// A type of path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PathType {
    /// The path itself.
    Exact,
    /// All below it.
    Prefix,
    /// What the controller makes of it.
    Specific,
}

/// How a controller reads the paths of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// As Kubernetes says; `ImplementationSpecific` is the beginning of a path.
    Standard,
    /// As nginx reads a `location`.
    Nginx,
    /// As nginx reads a `location ~*`.
    Regex,
}

/// Where a path lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The pattern.
    pub(super) pattern: String,
    /// `rewrite.path`.
    pub(super) rewrite: Option<String>,
    /// Rules for paths that the pattern matches and the source does not, or treats in another way.
    pub(super) rules: Vec<Value>,
    /// What differs.
    pub(super) notes: Vec<String>,
    /// Paths that the pattern matches and the source does not.
    pub(super) absent: Vec<String>,
    /// An expression for all paths that the source matches, if those are more than the pattern does.
    pub(super) reach: Option<String>,
    /// Why its requests must not reach the backend, if so.
    pub(super) closed: Option<String>,
}

/// A path that has no pattern: why, and an expression for the requests that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NoPlace {
    /// Why.
    pub(super) why: String,
    /// An expression for the whole path of requests.
    pub(super) expression: String,
}

const BY_CASE: &str = "the paths of this host are regular expressions in ingress-nginx, which \
                       match without case; here the case counts";

/// Where a path lies.
pub(super) fn of(
    path: &str,
    kind: PathType,
    reading: Reading,
    rewriting: &Rewriting,
) -> Result<Place, NoPlace> {
    match reading {
        Reading::Regex => regex(path, kind, rewriting),
        Reading::Standard | Reading::Nginx => plain(path, kind, reading, rewriting),
    }
}

fn plain(
    path: &str,
    kind: PathType,
    reading: Reading,
    rewriting: &Rewriting,
) -> Result<Place, NoPlace> {
    let literal = literal::path(path)
        .map_err(|why| NoPlace { why, expression: format!("{}.*", literal::escaped(path)) })?;
    let mut place = Place::new(literal.clone());
    if let Rewriting::Prefix(prefix) = rewriting {
        let prefix = prefix.trim_end_matches('/');
        place.rewrite = Some(match kind {
            PathType::Exact => format!("{prefix}/"),
            PathType::Prefix | PathType::Specific => format!("{prefix}/*"),
        });
    }
    if kind == PathType::Exact {
        return Ok(place);
    }
    let bare = literal.trim_end_matches('/');
    place.pattern = format!("{bare}/*");
    let has_slash = literal.ends_with('/') && !bare.is_empty();
    match (has_slash, reading, kind) {
        // nginx adds the slash for a location that ends in one.
        (true, Reading::Nginx, _) => place.rules.push(json!({
            "name": "add-slash",
            "when": [{"path": bare}],
            "do": {"redirect": {"path": literal, "status": 301}},
        })),
        (true, Reading::Standard, PathType::Specific) => {
            place.refuse(&[bare], "what does not end in a slash")
        }
        (false, _, PathType::Specific) if !bare.is_empty() => {
            place.reach = Some(format!("{}.*", literal::escaped(path)));
            place.notes.push(format!(
                "as the beginning of a path, {path} also matches paths such as {path}-x; here it \
                 matches whole segments"
            ));
        }
        _ => {}
    }
    Ok(place)
}

impl Place {
    fn new(pattern: String) -> Self {
        Self {
            pattern,
            rewrite: None,
            rules: Vec::new(),
            notes: Vec::new(),
            absent: Vec::new(),
            reach: None,
            closed: None,
        }
    }

    /// Answers 404 to these paths.
    fn refuse(&mut self, paths: &[&str], what: &str) {
        self.absent.extend(paths.iter().map(|path| (*path).to_owned()));
        let conditions: Vec<_> = paths.iter().map(|path| json!({"path": path})).collect();
        let when = match conditions.as_slice() {
            [one] => one.clone(),
            _ => json!({"any": conditions}),
        };
        self.rules.push(json!({
            "name": "not-matched",
            "when": [when],
            "do": {"respond": {"status": 404}},
        }));
        self.notes.push(format!(
            "{}, {what}, is answered with 404 unless another path is just that",
            paths.join(" and ")
        ));
    }
}

fn regex(path: &str, kind: PathType, rewriting: &Rewriting) -> Result<Place, NoPlace> {
    let Some(shape) = shape::of(path) else {
        return Err(NoPlace {
            why: "the regular expression has no equal among patterns: write a Route for what it \
                  is about, with a pathRegex rule"
                .to_owned(),
            expression: expression(path),
        });
    };
    let Shape { segments, ending, groups } = &shape;
    let bare: String = segments.iter().map(|segment| format!("/{segment}")).collect();
    let pattern = match (ending.fits, kind) {
        (Fits::Itself, _) => bare.clone(),
        (Fits::Slash, _) => format!("{bare}/"),
        (Fits::Beginning, PathType::Exact) if path == bare => bare.clone(),
        (Fits::Below, PathType::Exact) if path.ends_with('/') => format!("{bare}/"),
        _ => format!("{bare}/*"),
    };
    let mut place = Place::new(pattern);
    let is_below = place.pattern.ends_with('*');
    if segments.iter().any(|it| !it.starts_with('{') && it.chars().any(char::is_alphabetic)) {
        place.notes.push(BY_CASE.to_owned());
    }
    if kind == PathType::Exact && !is_below {
        place.notes.push("Exact is the beginning of a path there; here it is exact".to_owned());
    } else if ending.fits == Fits::Beginning && !bare.is_empty() {
        place.notes.push(format!(
            "as the beginning of a path, it also matches paths such as {bare}-x; here it matches \
             whole segments"
        ));
    }
    if !bare.is_empty() || !is_below {
        place.reach = Some(expression(path));
    }
    let is_narrow = bare.is_empty() || !is_below;
    match ending.fits {
        Fits::Below if !is_narrow => place.refuse(&[&bare], "which it does not match"),
        Fits::SomethingBelow if bare.is_empty() => place.refuse(&["/"], "which it does not match"),
        Fits::SomethingBelow => {
            place.refuse(&[&bare, &format!("{bare}/")], "which it does not match");
        }
        _ => {}
    }
    if let Rewriting::Target(target) = rewriting
        && target != path
    {
        match template(target, groups) {
            Ok(template) => {
                template.apply(&bare, is_below && ending.fits != Fits::Below, &mut place);
            }
            Err(why) => place.closed = Some(format!("rewrite-target {target:?}: {why}")),
        }
    }
    Ok(place)
}

/// An expression for whole paths that begin like this; for all below the literal beginning, if
/// there is none.
fn expression(path: &str) -> String {
    let beginning = path.strip_prefix('^').unwrap_or(path);
    let whole = format!("(?i:{beginning}).*");
    if FullMatch::check_syntax(&whole).is_ok() {
        return whole;
    }
    let special = |c: char| "([{)]}*+?|^$\\.".contains(c);
    let literal = beginning.split(special).next().unwrap_or_default();
    let segments = literal.rsplit_once('/').map_or("", |(segments, _)| segments);
    format!("(?i:{}).*", literal::escaped(segments))
}

/// What a target makes of a path.
struct Template {
    head: String,
    /// Whether what follows the segments is appended.
    takes_rest: bool,
    /// Whether there is a slash at the end without a rest, too.
    ends_in_slash: bool,
    doubles_slash: bool,
}

impl Template {
    fn apply(self, bare: &str, has_bare: bool, place: &mut Place) {
        let Self { head, takes_rest, ends_in_slash, doubles_slash } = self;
        if !takes_rest {
            place.rewrite = Some(if head.is_empty() { "/".to_owned() } else { head });
            return;
        }
        let above = head.trim_end_matches('/');
        place.rewrite = Some(format!("{above}/*"));
        if doubles_slash {
            place.notes.push("ingress-nginx sends two slashes there; here it is one".to_owned());
        }
        if ends_in_slash && has_bare && !above.is_empty() {
            place.rules.push(json!({
                "name": "end-in-slash",
                "when": [{"path": bare}],
                "do": {"rewrite": {"path": format!("{above}/")}},
            }));
        }
    }
}

fn template(target: &str, groups: &[Group]) -> Result<Template, String> {
    let mut head = String::new();
    let (mut slash, mut rest) = (false, false);
    let mut left = target;
    while let Some(c) = left.chars().next() {
        left = left.get(c.len_utf8()..).unwrap_or_default();
        if c != '$' {
            if slash || rest {
                return Err("a path can't go on behind the rest of another".to_owned());
            }
            head.push(c);
            continue;
        }
        let digit = left.chars().next().and_then(|c| c.to_digit(10));
        let number = digit.ok_or("only the groups of the path can be put into a path")?;
        left = left.get(1..).unwrap_or_default();
        match usize::try_from(number).ok().and_then(|at| groups.get(at.checked_sub(1)?)) {
            // Such a group is empty.
            None => {}
            Some(_) if rest => {
                return Err("a path can't go on behind the rest of another".to_owned());
            }
            Some(Group::Segment(name)) if !slash => head.push_str(&format!("{{{name}}}")),
            Some(Group::Slash) if !slash => slash = true,
            Some(Group::Rest) => rest = true,
            Some(Group::SlashAndRest) if !slash => (slash, rest) = (true, true),
            Some(_) => return Err("the groups are in an order that a path can't have".to_owned()),
        }
    }
    if slash && !rest {
        return Err("only the slash of the path is kept".to_owned());
    }
    let plain = head.replace(['{', '}'], "");
    if !(head.is_empty() && slash) {
        literal::path(&plain)?;
    }
    if rest && !slash && !head.ends_with('/') {
        return Err("the rest of a path can only follow a slash".to_owned());
    }
    let doubles_slash = slash && head.ends_with('/');
    Ok(Template { ends_in_slash: rest && !slash, takes_rest: rest, doubles_slash, head })
}
