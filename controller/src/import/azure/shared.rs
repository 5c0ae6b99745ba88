//! What both generations say in the same way.

use super::{
    pattern::Pattern,
    pool,
    read::{Unclear, flag, list, number, texts, unclear},
};
use crate::import::Node;

/// Why nothing becomes of a web application firewall.
pub(super) const WAF: &str = "Portico has no web application firewall: put one in front, or behind";

/// Why nothing is written for a route.
pub(super) const NOWHERE: &str = "has no host or no path that is known: nothing is written for it, and a wider Route may get its requests";

/// Whether something is not in use, or it is unclear whether it is; that is reported.
pub(super) fn is_off(own: &Node<'_>, whole: &Node<'_>) -> bool {
    let is_on = flag(own, "enabledState");
    if is_on == Ok(Some(false)) {
        whole.dropped("is disabled there");
    }
    matches!(is_on, Ok(Some(false)) | Err(Unclear))
}

/// How long backends may take, in seconds in this field.
pub(super) fn timeout(of: &Node<'_>, name: &str) -> Option<portico_crds::Duration> {
    let seconds = number(of, name, (1, 86_400)).ok()??;
    Some(pool::duration(seconds * 1000))
}

/// Whether names in the certificates of backends are checked.
pub(super) fn certificates(check: &Node<'_>) {
    let checks = match check.value.as_bool() {
        Some(checks) => checks,
        None => check.text() == Some("Enabled"),
    };
    if checks {
        check.kept();
    } else {
        check.changed("the names in the certificates of backends are always checked");
    }
}

/// Reports that an origin is reached by a private link.
pub(super) fn private_link(origin: &Node<'_>) {
    for name in [
        "privateLinkAlias",
        "privateLinkResourceId",
        "privateLinkLocation",
        "privateLinkApprovalMessage",
        "sharedPrivateLinkResource",
    ] {
        match origin.field(name) {
            Some(link) if link.text() == Some("") => link.kept(),
            Some(link) => link.dropped("private links are Azure's: let Portico reach the origin by a network that it is in"),
            None => {}
        }
    }
    if let Some(status) = origin.field("privateEndpointStatus") {
        status.kept();
    }
}

/// Whether plain HTTP and TLS are taken.
pub(super) fn protocols(of: &Node<'_>, name: &str) -> Result<(bool, bool), Unclear> {
    let Some(all) = texts(of, name)? else { return Ok((true, true)) };
    let has = |protocol: &str| all.iter().any(|own| own.eq_ignore_ascii_case(protocol));
    Ok((has("Http"), has("Https")))
}

/// The patterns to match, as far as they can be read.
pub(super) fn patterns(own: &Node<'_>) -> Vec<Pattern> {
    let mut patterns = Vec::new();
    for node in list(own, "patternsToMatch").unwrap_or_default() {
        let Some(text) = node.text() else {
            unclear(&node, "a path");
            continue;
        };
        match Pattern::parse(text) {
            Ok(pattern) => {
                node.kept();
                if pattern.has_letters() {
                    node.changed("its case matters here, and does not there");
                }
                patterns.push(pattern);
            }
            Err(why) => node.dropped(format!("'{text}' {why}")),
        }
    }
    patterns
}
