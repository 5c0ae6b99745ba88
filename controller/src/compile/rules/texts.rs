//! Texts of rules, and the variables that they may have.

use crate::{
    compile::{
        action::template_of, headers, matches::Matched, predicates::warn_of_removed_header,
        report::Report,
    },
    diagnostic::{FieldPath, Reason},
    schema,
};
use portico_dataplane::{
    config::Underscores,
    table::{FieldText, Piece, RulePath, Text, TextError, Variable},
};

/// The variables without a parameter that every text may have.
const PLAIN: [&str; 7] =
    ["host", "path", "query", "method", "scheme", "clientAddress", "requestId"];
/// What variables with a parameter begin with.
const KINDS: [&str; 3] = ["query", "header", "cookie"];

/// Which variables there are at some place.
#[derive(Clone, Copy)]
pub(super) struct Scope<'m> {
    /// The Route's matches; `None` before a Route has been found.
    matches: Option<&'m [Matched]>,
    /// Whether there is `{route}`.
    has_route: bool,
    underscores: Underscores,
}

impl<'m> Scope<'m> {
    /// What a Route with these matches may use.
    pub(super) fn of_route(matches: &'m [Matched], underscores: Underscores) -> Self {
        Self { matches: Some(matches), has_route: true, underscores }
    }

    /// What a FrontDoor may use where it answers a request itself.
    pub(super) fn of_front_door(underscores: Underscores) -> Self {
        Self { matches: None, has_route: false, underscores }
    }

    /// The same for header edits, which apply once a Route has been found.
    pub(super) fn of_edits(self) -> Self {
        Self { has_route: true, ..self }
    }

    /// Parses a text.
    pub(super) fn parse(
        &self,
        text: &str,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> Option<Text> {
        let parsed = Text::parse(text, |name| self.variable(name));
        let parsed = parsed.map_err(|error| report.invalid(at, self.refusal(&error)));
        for variable in parsed.iter().flat_map(Text::variables) {
            if let Variable::Header(name) = variable {
                warn_of_removed_header(name.as_str(), self.underscores, at, report);
            }
        }
        parsed.ok()
    }

    /// Compiles the value of a header.
    pub(super) fn value(
        &self,
        text: &str,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> Option<FieldText> {
        let text = self.parse(text, at, report)?;
        if let Some(fixed) = text.fixed() {
            return headers::value(fixed, at, report).map(FieldText::Fixed);
        }
        let is_good = text.pieces.iter().all(|piece| match piece {
            Piece::Literal(literal) => headers::value(literal, at, report).is_some(),
            Piece::Variable(_) => true,
        });
        is_good.then_some(FieldText::Text(text))
    }

    /// Compiles the value of a response's header.
    pub(super) fn response_value(
        &self,
        name: &str,
        text: &str,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> Option<FieldText> {
        let value = self.value(text, at, report)?;
        let would = match name.to_ascii_lowercase().as_str() {
            "location" | "refresh" => {
                "the request would choose where the browser goes: write a redirect, whose allowedHosts say where it may"
            }
            "access-control-allow-origin" => {
                "the request would choose who may read the response: write a cors policy"
            }
            _ => return Some(value),
        };
        match value {
            FieldText::Fixed(_) => Some(value),
            FieldText::Text(_) => {
                report.invalid(at, format!("has variables, so {would}"));
                None
            }
        }
    }

    /// Compiles a path: a template, or a text if it has other variables than what the matches
    /// capture.
    pub(super) fn path(
        &self,
        given: &str,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> Option<RulePath> {
        let mut text = self.parse(given, at, report)?;
        if given.contains("/{path}") {
            report.warn(
                at,
                Reason::LikelyMistake,
                format!("'{given}' makes two slashes: {{path}} begins with one"),
            );
        }
        for piece in &mut text.pieces {
            if let Piece::Literal(literal) = piece {
                *literal = literal.replace('{', "%7B").replace('}', "%7D").into();
            }
        }
        let is_template =
            text.variables().all(|variable| matches!(variable, Variable::Captured(_)));
        let template = match is_template {
            true => text.to_string(),
            false => sample(&text),
        };
        if self.matches.is_none() && template.ends_with('*') {
            report.invalid(
                at,
                format!("'{given}' ends in '*', but no match has taken anything before a Route is found: write {{path}}, or a rule of the Route"),
            );
            return None;
        }
        let template = template_of(&template, given, self.matches.unwrap_or_default(), at, report)?;
        Some(if is_template { RulePath::Template(template) } else { RulePath::Text(text) })
    }

    /// The variable of this name.
    fn variable(&self, name: &str) -> Option<Variable> {
        let captures = |matched: &Matched| matched.path.names().any(|has| has == name);
        let captured = || Some(Variable::Captured(name.into()));
        match self.matches {
            // It is not known what matches capture of which none is valid.
            Some([]) => Variable::named(name).or_else(captured),
            Some(matches) if matches.iter().all(captures) => captured(),
            Some(_) | None => {
                Variable::named(name).filter(|it| self.has_route || *it != Variable::Route)
            }
        }
    }

    /// Why a text does not parse, and what to do.
    fn refusal(&self, error: &TextError) -> String {
        let name = match error {
            TextError::Unclosed | TextError::Unopened => return error.to_string(),
            TextError::Unknown(name) => name,
        };
        let matches = self.matches.unwrap_or_default();
        let (with, without): (Vec<_>, Vec<_>) =
            matches.iter().partition(|it| it.path.names().any(|has| has == name));
        if let (false, Some(without)) = (with.is_empty(), without.first()) {
            return format!(
                "uses {{{name}}}, which match {}, '{}', does not capture: capture it in every match, or make two Routes",
                without.index, without.path
            );
        }
        if name == "route" {
            return "uses {route}, but no Route has been found here: use it in header edits, or in a rule of the Route".to_owned();
        }
        let there = match self.meant(name) {
            Some(meant) => format!("did you mean {{{meant}}}? There"),
            None => "there".to_owned(),
        };
        let plain = PLAIN.into_iter().chain(self.has_route.then_some("route"));
        let mut all: Vec<String> = plain.map(|name| format!("{{{name}}}")).collect();
        all.extend(KINDS.map(|kind| format!("{{{kind}.NAME}}")));
        all.extend(self.captured().map(|name| format!("{{{name}}}")));
        format!("{error}; {there} are {}; braces are written '{{{{' and '}}}}'", all.join(", "))
    }

    /// The names that every match captures.
    fn captured(&self) -> impl Iterator<Item = &'m str> {
        let matches = self.matches.unwrap_or_default();
        let names = matches.first().into_iter().flat_map(|first| first.path.names());
        names.filter(|name| matches.iter().all(|it| it.path.names().any(|has| has == *name)))
    }

    /// The variable that was probably meant.
    fn meant(&self, name: &str) -> Option<String> {
        if let Some((kind, parameter)) = name.split_once(['.', ':', '_']) {
            let kind = schema::nearest(kind, KINDS.into_iter());
            let meant = kind.map(|kind| format!("{kind}.{parameter}"));
            if let Some(meant) = meant.filter(|meant| Variable::named(meant).is_some()) {
                return Some(meant);
            }
        }
        let known = PLAIN.into_iter().chain(self.has_route.then_some("route"));
        schema::nearest(name, known.chain(self.captured())).map(str::to_owned)
    }
}

/// A text with something harmless in place of each variable.
pub(super) fn sample(text: &Text) -> String {
    let pieces = text.pieces.iter().map(|piece| match piece {
        Piece::Literal(literal) => literal,
        Piece::Variable(Variable::Path) => "/x",
        Piece::Variable(_) => "x",
    });
    pieces.collect()
}
