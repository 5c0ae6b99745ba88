//! Regular expressions that have an equal among patterns: segments, and one of a few endings.

use super::literal;

/// A path of an Ingress, as a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// The segments: literals, and `{g1}` for the first group.
    pub(super) segments: Vec<String>,
    /// What follows them.
    pub(super) ending: &'static Ending,
    /// What the groups of the expression hold.
    pub(super) groups: Vec<Group>,
}

/// What a group holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// A segment, which has this name in the pattern.
    Segment(String),
    /// The slash behind the segments, if there is one.
    Slash,
    /// What follows that slash.
    Rest,
    /// The slash and what follows it.
    SlashAndRest,
}

/// What follows the segments.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ending {
    text: &'static str,
    groups: &'static [Group],
    /// Which paths it fits.
    pub(super) fits: Fits,
}

/// Which paths an ending fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fits {
    /// `/a`, and all below it.
    All,
    /// The same, and `/ab`.
    Beginning,
    /// `/a/`, and all below it.
    Below,
    /// What is below `/a/`, not that itself.
    SomethingBelow,
    /// `/a` alone.
    Itself,
    /// `/a/` alone.
    Slash,
}

macro_rules! endings {
    ($($text:literal $fits:ident [$($group:ident),*];)+) => {
        &[$(Ending { text: $text, groups: &[$(Group::$group),*], fits: Fits::$fits }),+]
    };
}

const ENDINGS: &[Ending] = endings! {
    "" Beginning [];
    "$" Itself [];
    "/" Below [];
    "/$" Slash [];
    ".*" Beginning [];
    "(.*)" Beginning [SlashAndRest];
    "/.*" Below [];
    "/(.*)" Below [Rest];
    "/.+" SomethingBelow [];
    "/(.+)" SomethingBelow [Rest];
    "/?.*" Beginning [];
    "/?(.*)" Beginning [Rest];
    "(/?)(.*)" Beginning [Slash, Rest];
    "(/|$)" All [Slash];
    "($|/)" All [Slash];
    "(/|$)(.*)" All [Slash, Rest];
    "($|/)(.*)" All [Slash, Rest];
    "(/|$)(.+)" SomethingBelow [Slash, Rest];
    "(?:/|$)(.*)" All [Rest];
    "(?:$|/)(.*)" All [Rest];
    "(/.*)" Below [SlashAndRest];
    "(/.*)?" Beginning [SlashAndRest];
    "(/.*|$)" All [SlashAndRest];
    "($|/.*)" All [SlashAndRest];
    "(?:/(.*))?" Beginning [Rest];
    "(?:/(.*)|$)" All [Rest];
    "(?:$|/(.*))" All [Rest];
};

/// Reads a regular expression; `None` if it has no equal.
pub(super) fn of(expression: &str) -> Option<Shape> {
    let mut rest = expression.strip_prefix('^').unwrap_or(expression);
    // With an ending that takes all, the end says nothing new.
    for end in [".*$", "(.*)$", ".+$", "(.+)$"] {
        if rest.ends_with(end) && !rest.ends_with(&format!("\\{end}")) {
            rest = rest.strip_suffix('$')?;
        }
    }
    let (mut segments, mut groups) = (Vec::new(), Vec::new());
    loop {
        if let Some(ending) = ending(rest) {
            if rest.is_empty() && segments.is_empty() {
                return None;
            }
            groups.extend(ending.groups.iter().cloned());
            return Some(Shape { segments, ending, groups });
        }
        rest = segment(rest.strip_prefix('/')?, &mut segments, &mut groups)?;
    }
}

fn ending(rest: &str) -> Option<&'static Ending> {
    ENDINGS.iter().find(|ending| ending.text == rest)
}

/// Reads a segment; returns what follows it.
fn segment<'e>(
    mut rest: &'e str,
    segments: &mut Vec<String>,
    groups: &mut Vec<Group>,
) -> Option<&'e str> {
    for (text, is_group) in [("([^/]+)", true), ("[^/]+", false)] {
        if let Some(after) = rest.strip_prefix(text) {
            let number = segments.iter().filter(|it| it.starts_with('{')).count() + 1;
            let name = format!("g{number}");
            segments.push(format!("{{{name}}}"));
            if is_group {
                groups.push(Group::Segment(name));
            }
            let is_whole = after.starts_with('/')
                || ending(after).is_some_and(|it| it.fits != Fits::Beginning || after.is_empty());
            return is_whole.then_some(after);
        }
    }
    let mut literal = String::new();
    while !rest.starts_with('/') && (rest.is_empty() || ending(rest).is_none()) {
        let mut characters = rest.chars();
        match characters.next() {
            None => break,
            Some('\\') => literal.push(characters.next().filter(|c| ".-_~+()$".contains(*c))?),
            Some(c) if "([{)]}*+?|^$%#".contains(c) => return None,
            Some(c) => literal.push(c),
        }
        rest = characters.as_str();
        // A quantifier would be for what has just been read.
        if rest.starts_with(['*', '+', '?', '{']) {
            return None;
        }
    }
    literal::path(&format!("/{literal}")).ok().filter(|_| !literal.is_empty())?;
    segments.push(literal);
    Some(rest)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn expressions_with_an_equal() {
        for (expression, segments, fits, groups) in [
            ("/something(/|$)(.*)", &["something"][..], Fits::All, 2),
            ("/api/(.*)", &["api"], Fits::Below, 1),
            ("/api/(.*)$", &["api"], Fits::Below, 1),
            ("/api/v1/?(.*)", &["api", "v1"], Fits::Beginning, 1),
            ("/(.*)", &[], Fits::Below, 1),
            ("/", &[], Fits::Below, 0),
            ("/foo", &["foo"], Fits::Beginning, 0),
            ("/foo.*", &["foo"], Fits::Beginning, 0),
            ("/v1\\.0/x", &["v1.0", "x"], Fits::Beginning, 0),
            ("/users/([^/]+)/posts(/|$)(.*)", &["users", "{g1}", "posts"], Fits::All, 3),
            ("^/a$", &["a"], Fits::Itself, 0),
        ] {
            let shape = of(expression).unwrap();
            assert_eq!(shape.segments, segments, "{expression}");
            assert_eq!((shape.ending.fits, shape.groups.len()), (fits, groups), "{expression}");
        }
        for none in
            ["/a+", "/v[0-9]", "/(a|b)/c", "/a?", "/(?!x).*", "", "a", "/a/./b", "/ab*", "/[^/]+x"]
        {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
