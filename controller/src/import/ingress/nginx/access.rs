//! Who may come in.

use super::super::{annotation::Annotation, networks, settings::Settings};

/// `whitelist-source-range`, and its newer name.
pub(super) fn allowlist(it: &Annotation<'_, '_>, settings: &mut Settings) {
    networks::decide(it, settings, true);
}

/// `denylist-source-range`.
pub(super) fn denylist(it: &Annotation<'_, '_>, settings: &mut Settings) {
    networks::decide(it, settings, false);
}

/// `satisfy`: `any` of addresses and authentication.
pub(super) fn satisfy(it: &Annotation<'_, '_>, _: &mut Settings) {
    match it.text {
        "all" => it.kept(),
        _ => it.dropped("Portico does not authenticate users yet: the addresses decide alone"),
    }
}

/// `enable-global-auth`, which says only whether to use what the ConfigMap may have.
pub(super) fn global_auth(it: &Annotation<'_, '_>, _: &mut Settings) {
    match it.is_true() {
        false => it.kept(),
        true => it.dropped(
            "if the controller's ConfigMap has global-auth-url, nothing here does what it does: \
             let the backend authenticate users",
        ),
    }
}
