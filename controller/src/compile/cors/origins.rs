//! `allowOrigins` and `allowOriginRegex`.

use crate::{
    compile::{expressions, report::Report},
    diagnostic::{FieldPath, without_user},
};
use portico_crds as crds;
use portico_dataplane::{
    cors::{OriginPattern, Origins},
    full_match::FullMatch,
};

/// The origins of a policy, each with its index. Leaving out invalid ones is harmless: the policy
/// is rejected.
pub(super) struct Listed {
    pub(super) patterns: Vec<(usize, OriginPattern)>,
    pub(super) regexes: Vec<(usize, FullMatch)>,
}

impl Listed {
    pub(super) fn compile(
        given: &crds::CorsPolicy,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> Self {
        let (entries, regexes) = (&given.allow_origins, &given.allow_origin_regex);
        if entries.is_empty() && regexes.is_empty() && given.mode != crds::CorsMode::Disabled {
            report.invalid_members(
                at,
                &["mode", "allowOrigins", "allowOriginRegex"],
                "allows no origin: give allowOrigins or allowOriginRegex, or write mode: Disabled for no policy",
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
        Self {
            patterns: good(entries, &at.child("allowOrigins"), report, |entry| {
                entry.parse().map_err(|error| format!("'{}' {error}", without_user(entry)))
            }),
            regexes: good(regexes, &at.child("allowOriginRegex"), report, |text| match text {
                "" => Err("is empty, and matches no origin: remove it".to_owned()),
                text => expressions::full_match(text),
            }),
        }
    }

    pub(super) fn into_origins(self) -> Origins {
        Origins::new(
            self.patterns.into_iter().map(|(_, pattern)| pattern).collect(),
            self.regexes.into_iter().map(|(_, regex)| regex).collect(),
        )
    }
}

/// Parses each text, and reports those that fail. The results have their indices.
fn good<T>(
    texts: &[String],
    at: &FieldPath<'_>,
    report: &mut Report,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Vec<(usize, T)> {
    let mut good = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match parse(text) {
            Ok(parsed) => good.push((index, parsed)),
            Err(message) => report.invalid(&at.index(index), message),
        }
    }
    good
}
