//! `allowOrigins` and `allowOriginRegex`.

use crate::{
    compile::{
        expressions::{Expressions, Missing},
        report::Report,
    },
    diagnostic::{FieldPath, without_user},
};
use portico_crds as crds;
use portico_dataplane::{
    cors::{OriginPattern, Origins},
    full_match::FullMatch,
};

/// The origins of a policy, each with its index. Leaving out invalid ones is harmless: the policy
/// is rejected.
pub(super) struct Listed<'p> {
    pub(super) patterns: Vec<(usize, OriginPattern)>,
    /// The valid expressions, as written.
    pub(super) expressions: Vec<(usize, &'p str)>,
    /// Those of them that are compiled.
    regexes: Vec<FullMatch>,
}

impl<'p> Listed<'p> {
    pub(super) fn compile(
        given: &'p crds::CorsPolicy,
        at: &FieldPath<'_>,
        expressions: &mut Expressions<'_>,
        report: &mut Report,
    ) -> Self {
        let (entries, regexes) = (&given.allow_origins, &given.allow_origin_regex);
        if entries.is_empty() && regexes.is_empty() && given.mode != crds::CorsMode::Disabled {
            report.invalid_members(
                at,
                &["mode", "allowOrigins", "allowOriginRegex"],
                "allows no origin: set allowOrigins or allowOriginRegex, or write mode: Disabled for no policy",
            );
        }
        if let Some(any) = entries.iter().position(|entry| entry == "*")
            && entries.len() + regexes.len() > 1
        {
            report.invalid(
                &at.child("allowOrigins").index(any),
                "'*' matches every origin and must be the only entry: remove it, or the others and allowOriginRegex",
            );
        }
        let mut listed =
            Self { patterns: Vec::new(), expressions: Vec::new(), regexes: Vec::new() };
        let at_origins = at.child("allowOrigins");
        for (index, entry) in entries.iter().enumerate() {
            match entry.parse() {
                Ok(pattern) => listed.patterns.push((index, pattern)),
                Err(error) => report.invalid(
                    &at_origins.index(index),
                    format!("'{}' {error}", without_user(entry)),
                ),
            }
        }
        let at_regexes = at.child("allowOriginRegex");
        for (index, text) in regexes.iter().enumerate() {
            if let Err(message) = listed.expression(index, text, expressions) {
                report.invalid(&at_regexes.index(index), message);
            }
        }
        listed
    }

    fn expression(
        &mut self,
        index: usize,
        text: &'p str,
        expressions: &mut Expressions<'_>,
    ) -> Result<(), String> {
        if text.is_empty() {
            return Err("is empty, and matches no origin: remove it".to_owned());
        }
        match expressions.full_match(text) {
            Ok(regex) => self.regexes.push(regex),
            Err(Missing::LeftOut) => {}
            Err(Missing::Wrong(message)) => return Err(message),
        }
        self.expressions.push((index, text));
        Ok(())
    }

    pub(super) fn into_origins(self) -> Origins {
        let patterns = self.patterns.into_iter().map(|(_, pattern)| pattern);
        Origins::new(patterns.collect(), self.regexes)
    }
}
