//! ARM's expressions, `[concat(parameters('name'), '-pool')]`, as trees.

/// How deep calls may nest.
const MAX_DEPTH: usize = 32;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    /// `'text'`.
    Text(String),
    /// A whole number.
    Number(i64),
    /// `name(argument, …)`.
    Call(String, Vec<Expression>),
    /// `expression.name`.
    Property(Box<Expression>, String),
    /// `expression[index]`.
    Index(Box<Expression>, Box<Expression>),
}

impl Expression {
    /// Parses what stands between the brackets; `None` if that is no expression.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parser = Parser { rest: text };
        let parsed = parser.expression(0)?;
        parser.rest.trim_start().is_empty().then_some(parsed)
    }
}

struct Parser<'t> {
    rest: &'t str,
}

impl<'t> Parser<'t> {
    /// Takes this character, if it is next.
    fn takes(&mut self, character: char) -> bool {
        let rest = self.rest.trim_start().strip_prefix(character);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn name(&mut self) -> Option<&'t str> {
        let rest = self.rest.trim_start();
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        self.rest = rest;
        (!name.is_empty()).then_some(name)
    }

    fn expression(&mut self, depth: usize) -> Option<Expression> {
        let mut parsed = self.first(depth)?;
        for _ in 0..MAX_DEPTH {
            if self.takes('.') {
                parsed = Expression::Property(Box::new(parsed), self.name()?.to_owned());
            } else if self.takes('[') {
                let index = self.expression(depth + 1)?;
                parsed = Expression::Index(Box::new(parsed), Box::new(index));
                self.takes(']').then_some(())?;
            } else {
                return Some(parsed);
            }
        }
        None
    }

    fn first(&mut self, depth: usize) -> Option<Expression> {
        if depth > MAX_DEPTH {
            return None;
        }
        if self.takes('\'') {
            return self.text();
        }
        let is_negative = self.takes('-');
        let name = self.name()?;
        if is_negative || name.starts_with(|c: char| c.is_ascii_digit()) {
            let number: i64 = name.parse().ok()?;
            return Some(Expression::Number(if is_negative { -number } else { number }));
        }
        self.takes('(').then_some(())?;
        let mut arguments = Vec::new();
        if !self.takes(')') {
            loop {
                arguments.push(self.expression(depth + 1)?);
                if self.takes(')') {
                    break;
                }
                self.takes(',').then_some(())?;
            }
        }
        Some(Expression::Call(name.to_ascii_lowercase(), arguments))
    }

    /// The rest of a text, in which `''` stands for an apostrophe.
    fn text(&mut self) -> Option<Expression> {
        let mut text = String::new();
        loop {
            let (part, rest) = self.rest.split_once('\'')?;
            text.push_str(part);
            self.rest = rest;
            match rest.strip_prefix('\'') {
                Some(rest) => {
                    text.push('\'');
                    self.rest = rest;
                }
                None => return Some(Expression::Text(text)),
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read() {
        let text = |text: &str| Expression::Text(text.to_owned());
        let call = |name: &str, arguments| Expression::Call(name.to_owned(), arguments);
        let variable = call("variables", vec![text("v")]);
        for (given, expected) in [
            ("'it''s'", text("it's")),
            (
                " concat( 'a' , toLower('B') )",
                call("concat", vec![text("a"), call("tolower", vec![text("B")])]),
            ),
            ("f(-1, 20)", call("f", vec![Expression::Number(-1), Expression::Number(20)])),
            (
                "variables('v').pools[0]",
                Expression::Index(
                    Box::new(Expression::Property(Box::new(variable), "pools".to_owned())),
                    Box::new(Expression::Number(0)),
                ),
            ),
        ] {
            assert_eq!(Expression::parse(given).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        let deep = format!("{}'a'{}", "f(".repeat(40), ")".repeat(40));
        let long = format!("f(){}", ".a".repeat(40));
        let broken =
            ["", "'a", "f(", "f('a'", "f('a' 'b')", "f()x", "parameters", "9999999999999999999"];
        for text in broken.into_iter().chain([deep.as_str(), &long]) {
            assert_eq!(Expression::parse(text), None, "{text}");
        }
    }
}
