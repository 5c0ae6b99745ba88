//! Paths and names.

use super::super::{
    annotation::{Annotation, items},
    hosts,
    settings::{Rewriting, Settings},
};

/// `use-regex`: for all paths of its hosts, and without case.
pub(super) fn use_regex(it: &Annotation<'_, '_>, settings: &mut Settings) {
    settings.has_regexes = it.is_true();
    if settings.has_regexes {
        it.changed(
            "for ingress-nginx, all paths of its hosts are regular expressions then, that match the \
             beginning of a path, without case; here they match whole segments, with case",
        );
    } else {
        it.kept();
    }
}

/// `rewrite-target`: what becomes of a path is said at the path.
pub(super) fn rewrite_target(it: &Annotation<'_, '_>, settings: &mut Settings) {
    settings.rewrite = Rewriting::Target(it.text.to_owned());
    it.kept();
}

/// `server-alias`: more names of its hosts.
pub(super) fn server_alias(it: &Annotation<'_, '_>, settings: &mut Settings) {
    for name in items(it.text) {
        match hosts::entry(name) {
            Some(host) if host != "*" => settings.aliases.push(host),
            _ => it.changed(format!("{name:?} is not the name of a host, and is left out")),
        }
    }
    it.kept();
}
