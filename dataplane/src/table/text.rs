//! Texts with variables.

use http::HeaderName;
use serde::{Serialize, Serializer};
use std::fmt;

/// A text that may hold variables, which rules fill in from a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Its pieces in order; no two literals follow one another.
    pub pieces: Box<[Piece]>,
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// It stands for itself.
    Literal(Box<str>),
    /// It is replaced.
    Variable(Variable),
}

/// What takes the place of a variable. A missing value is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variable {
    /// `{host}`: the host that the client named, without port.
    Host,
    /// `{path}`: the normalised path.
    Path,
    /// `{query}`: the query as it was sent, without `?`.
    Query,
    /// `{query.NAME}`: the first value of this key, percent-decoded.
    QueryValue(Box<str>),
    /// `{header.NAME}`: the value of this header; several lines are joined by commas.
    Header(HeaderName),
    /// `{cookie.NAME}`: the first value of this cookie, percent-decoded.
    Cookie(Box<str>),
    /// `{method}`.
    Method,
    /// `{scheme}`: `http` or `https`.
    Scheme,
    /// `{clientAddress}`, as a trusted proxy tells it.
    ClientAddress,
    /// `{requestId}`.
    RequestId,
    /// `{route}`: namespace and name of the Route.
    Route,
    /// `{NAME}`: what the Route's match captured under this name.
    Captured(Box<str>),
}

/// Why a text is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// A `{` without a `}`.
    #[error("has a '{{' that begins no variable: double it, '{{{{', to write a brace")]
    Unclosed,
    /// A `}` without a `{`.
    #[error("has a '}}' that ends no variable: double it, '}}}}', to write a brace")]
    Unopened,
    /// A variable that there is none of.
    #[error("uses {{{0}}}, which is no variable")]
    Unknown(String),
}

impl Variable {
    /// Those without a parameter, by name.
    const PLAIN: [(&'static str, Self); 8] = [
        ("host", Self::Host),
        ("path", Self::Path),
        ("query", Self::Query),
        ("method", Self::Method),
        ("scheme", Self::Scheme),
        ("clientAddress", Self::ClientAddress),
        ("requestId", Self::RequestId),
        ("route", Self::Route),
    ];

    /// The variable of this name, which is none of a match's; `None` if there is none.
    pub fn named(name: &str) -> Option<Self> {
        if let Some((_, plain)) = Self::PLAIN.into_iter().find(|(plain, _)| *plain == name) {
            return Some(plain);
        }
        let (kind, name) = name.split_once('.').filter(|(_, name)| !name.is_empty())?;
        match kind {
            "query" => Some(Self::QueryValue(name.into())),
            "cookie" => Some(Self::Cookie(name.into())),
            "header" => HeaderName::from_bytes(name.as_bytes()).ok().map(Self::Header),
            _ => None,
        }
    }
}

impl Text {
    /// Parses a text in which `{name}` is a variable, as `resolve` knows it, and `{{` and `}}` are
    /// braces.
    ///
    /// # Errors
    /// If braces don't match, or `resolve` does not know a name.
    pub fn parse(
        text: &str,
        mut resolve: impl FnMut(&str) -> Option<Variable>,
    ) -> Result<Self, TextError> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, brace) = rest.split_at(at);
            literal.push_str(before);
            if let Some(after) = brace.strip_prefix("{{") {
                literal.push('{');
                rest = after;
            } else if let Some(after) = brace.strip_prefix("}}") {
                literal.push('}');
                rest = after;
            } else if let Some(variable) = brace.strip_prefix('{') {
                let end = variable.find(['{', '}']).ok_or(TextError::Unclosed)?;
                let (name, after) = variable.split_at(end);
                rest = after.strip_prefix('}').ok_or(TextError::Unclosed)?;
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal).into()));
                }
                let variable = resolve(name).ok_or_else(|| TextError::Unknown(name.to_owned()))?;
                pieces.push(Piece::Variable(variable));
            } else {
                return Err(TextError::Unopened);
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal.into()));
        }
        Ok(Self { pieces: pieces.into() })
    }

    /// Its variables, in order.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(_) => None,
            Piece::Variable(variable) => Some(variable),
        })
    }

    /// The text, if it has no variable.
    pub fn fixed(&self) -> Option<&str> {
        match &*self.pieces {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }
}

/// As it is written.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => {
                    f.write_str(&text.replace('{', "{{").replace('}', "}}"))?;
                }
                Piece::Variable(variable) => write!(f, "{{{variable}}}")?,
            }
        }
        Ok(())
    }
}

/// The name of a variable, without braces.
impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("host"),
            Self::Path => f.write_str("path"),
            Self::Query => f.write_str("query"),
            Self::QueryValue(name) => write!(f, "query.{name}"),
            Self::Header(name) => write!(f, "header.{name}"),
            Self::Cookie(name) => write!(f, "cookie.{name}"),
            Self::Method => f.write_str("method"),
            Self::Scheme => f.write_str("scheme"),
            Self::ClientAddress => f.write_str("clientAddress"),
            Self::RequestId => f.write_str("requestId"),
            Self::Route => f.write_str("route"),
            Self::Captured(name) => f.write_str(name),
        }
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Text, TextError> {
        Text::parse(text, Variable::named)
    }

    #[test]
    fn braces_are_variables_or_doubled() {
        let literal = |text: &str| Piece::Literal(text.into());
        for (text, pieces) in [
            ("", vec![]),
            ("a", vec![literal("a")]),
            ("{{}}", vec![literal("{}")]),
            ("{{host}}", vec![literal("{host}")]),
            ("{host}", vec![Piece::Variable(Variable::Host)]),
            ("a{{{path}}}b", vec![literal("a{"), Piece::Variable(Variable::Path), literal("}b")]),
            (
                "{query.a b}{header.X-A}",
                vec![
                    Piece::Variable(Variable::QueryValue("a b".into())),
                    Piece::Variable(Variable::Header(HeaderName::from_static("x-a"))),
                ],
            ),
        ] {
            assert_eq!(*parse(text).unwrap().pieces, *pieces, "{text}");
        }
        let unknown = |name: &str| TextError::Unknown(name.to_owned());
        for (text, error) in [
            ("{", TextError::Unclosed),
            ("{host", TextError::Unclosed),
            ("{ho{st}", TextError::Unclosed),
            ("}", TextError::Unopened),
            ("{host}}", TextError::Unopened),
            ("{{host}", TextError::Unopened),
            ("{}", unknown("")),
            ("{Host}", unknown("Host")),
            ("{query.}", unknown("query.")),
            ("{header.a b}", unknown("header.a b")),
        ] {
            assert_eq!(parse(text).unwrap_err(), error, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn it_is_displayed_as_it_can_be_parsed(text in "([a-z]|\\{\\{|\\}\\}|\\{host\\}|\\{query\\.a\\}){0,8}") {
            let parsed = parse(&text).unwrap();
            proptest::prop_assert_eq!(parsed.to_string(), text);
        }
    }
}
