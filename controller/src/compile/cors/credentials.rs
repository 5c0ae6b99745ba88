//! What a policy with credentials must not allow, and the switches that allow it anyway.

use super::{loose, origins::Listed, suffixes};
use crate::{
    compile::{expressions::Expressions, report::Report},
    diagnostic::{FieldPath, Reason},
};
use portico_crds::{CorsPolicy, DangerousSwitch};
use portico_dataplane::cors::{OriginHost, OriginPattern};

/// Checks everything that depends on `allowCredentials`, and warns of switches without effect.
pub(super) fn check(
    given: &CorsPolicy,
    listed: &Listed<'_>,
    at: &FieldPath<'_>,
    expressions: &mut Expressions<'_>,
    report: &mut Report,
) {
    let undecoded = report.is_incomplete(&at.child("dangerouslyAllow"));
    let mut switches = Switches { on: &given.dangerously_allow, undecoded, used: Vec::new() };
    if given.allow_credentials {
        let mut patterns = listed.patterns.iter();
        if let Some((any, _)) = patterns.find(|(_, pattern)| *pattern == OriginPattern::Any) {
            report.invalid(
                &at.child("allowOrigins").index(*any),
                "'*' with allowCredentials would let every site read responses as the user: list the origins",
            );
        }
        if let Some(any) = given.expose_headers.iter().position(|name| name == "*") {
            report.invalid(
                &at.child("exposeHeaders").index(any),
                "'*' is not a wildcard to browsers with allowCredentials: list the headers",
            );
        }
        check_patterns(listed, &at.child("allowOrigins"), &mut switches, report);
        let loose = listed
            .expressions
            .iter()
            .filter(|(_, text)| expressions.is_loose(text, loose::is_loose));
        check_regexes(loose, &at.child("allowOriginRegex"), &mut switches, report);
    }
    let judged = ["allowCredentials", "allowOrigins", "allowOriginRegex"];
    if !judged.iter().any(|name| report.is_incomplete(&at.child(name))) {
        switches.warn_of_unused(&at.child("dangerouslyAllow"), report);
    }
}

fn check_patterns(
    listed: &Listed<'_>,
    at: &FieldPath<'_>,
    switches: &mut Switches<'_>,
    report: &mut Report,
) {
    for (index, pattern) in &listed.patterns {
        let at = at.index(*index);
        if pattern.is_insecure() {
            let switch = DangerousSwitch::CredentialsWithInsecureOrigins;
            switches.refuse(switch, &at, report, || {
                format!("'{pattern}' with allowCredentials lets anyone who can tamper with its plain HTTP read responses as the user: write https")
            });
        }
        if let Some(suffix) = public_suffix(pattern) {
            switches.refuse(DangerousSwitch::WildcardPublicSuffix, &at, report, || {
                format!("'{pattern}' with allowCredentials lets anyone with a name under '{suffix}', a public suffix, read responses as the user: use a domain of your own")
            });
        }
    }
}

/// The public suffix directly behind the wildcard, if it is one. Nobody can register names under
/// `localhost`.
fn public_suffix(pattern: &OriginPattern) -> Option<&str> {
    match pattern {
        OriginPattern::Tuple { host: OriginHost::Subdomains(suffix), .. } => {
            let is_loopback = matches!(&**suffix, "localhost" | "localhost.");
            (!is_loopback && suffixes::below_is_public(suffix)).then_some(suffix)
        }
        OriginPattern::Any | OriginPattern::Tuple { host: OriginHost::Exact(_), .. } => None,
    }
}

fn check_regexes<'p>(
    loose: impl Iterator<Item = &'p (usize, &'p str)>,
    at: &FieldPath<'_>,
    switches: &mut Switches<'_>,
    report: &mut Report,
) {
    let switch = DangerousSwitch::CredentialsWithInsecureOrigins;
    for (index, text) in loose {
        switches.refuse(switch, &at.index(*index), report, || {
            format!(
                r"'{text}' with allowCredentials must start with https:// and end in one domain of your own, both as literal text, such as https://pr-[0-9]+\.example\.com (note the \. before the domain)"
            )
        });
    }
}

/// The switches of a policy, and which of them have had an effect.
struct Switches<'p> {
    on: &'p [DangerousSwitch],
    /// Whether any of them did not decode: it may be the one that is needed.
    undecoded: bool,
    used: Vec<DangerousSwitch>,
}

impl Switches<'_> {
    /// Reports an error unless the switch is on.
    fn refuse(
        &mut self,
        switch: DangerousSwitch,
        at: &FieldPath<'_>,
        report: &mut Report,
        message: impl FnOnce() -> String,
    ) {
        if self.on.contains(&switch) {
            self.used.push(switch);
        } else if !self.undecoded {
            report.invalid(at, format!("{}, or add {switch:?} to dangerouslyAllow", message()));
        }
    }

    fn warn_of_unused(&self, at: &FieldPath<'_>, report: &mut Report) {
        for (index, switch) in self.on.iter().enumerate() {
            if !self.used.contains(switch) {
                report.warn(
                    &at.index(index),
                    Reason::NoEffect,
                    format!("{switch:?} has no effect, since this policy would not be refused without it: remove it"),
                );
            }
        }
    }
}
