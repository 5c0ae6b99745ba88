//! How a text is tested: operators and transforms, as predicates and as regular expressions.

use crate::import::azure::pattern::escaped;
use portico_crds::{RuleMatchType, RulePredicate};
use portico_dataplane::full_match::FullMatch;

/// How often a regular expression may repeat something.
const MAX_REPEATS: usize = 1000;

/// Any text.
const ANY: &str = "(?s:.*)";

/// A test of a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Test {
    kind: Kind,
    /// Whether case does not matter.
    any_case: bool,
    /// Whether blanks around it don't matter.
    trims: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Exact(String),
    Prefix(String),
    Suffix(String),
    Contains(String),
    /// `*` stands for any text.
    Wildcard(String),
    Regex(String),
    /// At least and at most so many characters.
    Length(usize, usize),
}

/// What comes of an operator and a value.
pub(super) enum Outcome {
    /// A test.
    Test(Test),
    /// Nothing passes.
    Never,
}

impl Test {
    /// The test of an operator with a value; why there is none, otherwise.
    pub(super) fn parse(
        operator: &str,
        value: &str,
        transforms: &[String],
    ) -> Result<Outcome, String> {
        let mut test = Self { kind: Kind::of(operator, value)?, any_case: false, trims: false };
        for transform in transforms {
            let changed = match transform.to_ascii_lowercase().as_str() {
                "lowercase" => value.to_lowercase(),
                "uppercase" => value.to_uppercase(),
                "trim" => {
                    test.trims = true;
                    continue;
                }
                "removenulls" => continue,
                _ => return Err(format!("the transform {transform} has no equal")),
            };
            let is_regex = matches!(test.kind, Kind::Regex(_));
            match (changed == value, is_regex) {
                (true, _) => test.any_case = true,
                (false, true) => {
                    return Err(format!("the transform {transform} of an expression has no equal"));
                }
                (false, false) if !matches!(test.kind, Kind::Length(..)) => {
                    return Ok(Outcome::Never);
                }
                (false, false) => {}
            }
        }
        Ok(Outcome::Test(test))
    }

    /// With the value of a path: escaped as in a request, and without the slash that it begins with.
    pub(super) fn of_path(mut self) -> Self {
        let own = |text: &str| escaped(text.trim_start_matches('/'));
        self.kind = match self.kind {
            Kind::Exact(text) => Kind::Exact(own(&text)),
            Kind::Prefix(text) => Kind::Prefix(own(&text)),
            Kind::Suffix(text) => Kind::Suffix(escaped(&text)),
            Kind::Contains(text) => Kind::Contains(escaped(&text)),
            Kind::Wildcard(text) => Kind::Wildcard(text.trim_start_matches('/').to_owned()),
            Kind::Regex(text) => Kind::Regex(text),
            Kind::Length(min, max) => Kind::Length(min, max),
        };
        self
    }

    /// What the text is compared with, if it is compared as a whole and with case.
    pub(super) fn exact(&self) -> Option<&str> {
        match &self.kind {
            Kind::Exact(text) if !self.any_case && !self.trims => Some(text),
            _ => None,
        }
    }

    /// The same, whatever its case.
    pub(super) fn exact_in_any_case(&self) -> Option<&str> {
        match &self.kind {
            Kind::Exact(text) => Some(text),
            _ => None,
        }
    }

    /// Whether case does not matter.
    pub(super) fn any_case(&self) -> bool {
        self.any_case
    }

    /// What the text must contain, if that is all.
    pub(super) fn contained(&self) -> Option<&str> {
        match &self.kind {
            Kind::Contains(text) if !self.any_case => Some(text),
            _ => None,
        }
    }

    /// What the text must begin with, if that is all.
    pub(super) fn beginning(&self) -> Option<&str> {
        match &self.kind {
            Kind::Prefix(text) if !self.trims => Some(text),
            _ => None,
        }
    }

    /// Whether a text passes; `None` if that can't be said here.
    pub(super) fn passes(&self, text: &str) -> Option<bool> {
        let fold = |it: &str| if self.any_case { it.to_lowercase() } else { it.to_owned() };
        let text = fold(text);
        Some(match &self.kind {
            Kind::Exact(own) => text == fold(own),
            Kind::Prefix(own) => text.starts_with(&fold(own)),
            Kind::Suffix(own) => text.ends_with(&fold(own)),
            Kind::Contains(own) => text.contains(&fold(own)),
            Kind::Length(min, max) => (*min..=*max).contains(&text.chars().count()),
            Kind::Wildcard(_) | Kind::Regex(_) => return None,
        })
    }

    /// As a predicate on a header or cookie.
    pub(super) fn predicate(&self, name: &str) -> Result<RulePredicate, String> {
        let (r#type, value) = match &self.kind {
            Kind::Exact(text) => (RuleMatchType::Exact, text),
            Kind::Prefix(text) => (RuleMatchType::Prefix, text),
            Kind::Suffix(text) => (RuleMatchType::Suffix, text),
            Kind::Contains(text) => (RuleMatchType::Contains, text),
            Kind::Wildcard(_) | Kind::Regex(_) | Kind::Length(..) => {
                return Self::regex_predicate(name, self.expression(ANY)?);
            }
        };
        if value.len() > 4096 {
            return Err("it compares with more than 4096 characters".to_owned());
        }
        if self.any_case || self.trims {
            return Self::regex_predicate(name, self.expression(ANY)?);
        }
        Ok(RulePredicate { name: name.to_owned(), r#type, value: Some(value.clone()) })
    }

    fn regex_predicate(name: &str, expression: String) -> Result<RulePredicate, String> {
        let value = Some(checked(expression)?);
        Ok(RulePredicate { name: name.to_owned(), r#type: RuleMatchType::Regex, value })
    }

    /// As a regular expression for the whole text, in which `any` stands for what may be anything.
    pub(super) fn expression(&self, any: &str) -> Result<String, String> {
        let quoted = |text: &str| regex::escape(text);
        let blank = if self.trims { r"\s*" } else { "" };
        let expression = match &self.kind {
            Kind::Exact(text) => format!("{blank}{}{blank}", quoted(text)),
            Kind::Prefix(text) => format!("{blank}{}{any}", quoted(text)),
            Kind::Suffix(text) => format!("{any}{}{blank}", quoted(text)),
            Kind::Contains(text) => format!("{any}{}{any}", quoted(text)),
            Kind::Wildcard(text) => text.split('*').map(quoted).collect::<Vec<_>>().join(any),
            Kind::Regex(text) => searched(text, any)?,
            Kind::Length(..) if self.trims => {
                return Err("the length of a trimmed text has no equal".to_owned());
            }
            Kind::Length(min, max) if *max == usize::MAX => format!("(?s:.){{{min},}}"),
            Kind::Length(min, max) => format!("(?s:.){{{min},{max}}}"),
        };
        Ok(if self.any_case { format!("(?i:{expression})") } else { expression })
    }
}

impl Kind {
    fn of(operator: &str, value: &str) -> Result<Self, String> {
        let text = || value.to_owned();
        let length = || -> Result<usize, String> {
            let length = value.trim().parse().ok().filter(|length| *length < MAX_REPEATS);
            length.ok_or_else(|| format!("it compares a length, and '{value}' is none below 1000"))
        };
        Ok(match operator.to_ascii_lowercase().as_str() {
            "equal" => Self::Exact(text()),
            "beginswith" => Self::Prefix(text()),
            "endswith" => Self::Suffix(text()),
            "contains" => Self::Contains(text()),
            "wildcard" => Self::Wildcard(text()),
            "regex" => Self::Regex(text()),
            "lessthan" => match length()? {
                0 => return Err("no length is less than 0".to_owned()),
                length => Self::Length(0, length - 1),
            },
            "lessthanorequal" => Self::Length(0, length()?),
            "greaterthan" => Self::Length(length()? + 1, usize::MAX),
            "greaterthanorequal" => Self::Length(length()?, usize::MAX),
            _ => return Err(format!("the operator {operator} is not known")),
        })
    }
}

/// An expression that is searched for, as one for the whole text. Anchors within would mean something
/// else there.
fn searched(text: &str, any: &str) -> Result<String, String> {
    let (before, inner) = text.strip_prefix('^').map_or((any, text), |inner| ("", inner));
    let is_end = inner.ends_with('$') && !inner.ends_with("\\$");
    let (inner, after) = match inner.strip_suffix('$') {
        Some(inner) if is_end => (inner, ""),
        _ => (inner, any),
    };
    let is_anchored = before.is_empty() || after.is_empty();
    let bare = inner.replace("[^", "[").replace("\\^", "").replace("\\$", "");
    if bare.contains(['^', '$']) || is_anchored && bare.contains('|') && !bare.starts_with('(') {
        return Err("anchors within an expression have no equal".to_owned());
    }
    Ok(format!("{before}(?:{inner}){after}"))
}

/// An expression that Portico takes; why it does not, otherwise.
pub(super) fn checked(expression: String) -> Result<String, String> {
    match FullMatch::new(&expression) {
        Ok(_) if expression.len() <= 4096 => Ok(expression),
        Ok(_) => Err("it makes a regular expression of more than 4096 characters".to_owned()),
        Err(error) => Err(format!("Portico does not take its regular expression, which {error}")),
    }
}
