//! What a rule does, as actions of a rule.

use super::{
    Actions, Context, PathChange,
    variable::{self, Place, has_variables},
};
use crate::import::{
    Node,
    azure::{
        pattern::is_path,
        pool::{Forwarding, is_name},
        read::{Given, Unclear, flag, reference, text, unclear},
    },
};
use portico_crds::{HeaderEdits, HeaderValue, RedirectScheme, RuleRedirect, UNEDITABLE_HEADERS};

/// The most edits of one kind.
const MAX_EDITS: usize = 64;

/// Response headers that take no variables.
const FIXED: [&str; 3] = ["location", "refresh", "access-control-allow-origin"];

/// Why caching is not kept.
pub(in crate::import::azure) const CACHING: &str = "Portico does not cache: what the backends say in Cache-Control reaches browsers; put a CDN in front if you need one";

/// A header's edit: its kind is in the field `kind`.
pub(super) fn header(of: &Node<'_>, kind: &str, is_request: bool, edits: &mut HeaderEdits) {
    let mut translate = || {
        let (action, name) = (text(of, kind)?, text(of, "headerName")?);
        let value = text(of, "value")?.unwrap_or_default();
        let no = |why: String| {
            of.dropped(why);
            Unclear
        };
        let name = name.unwrap_or_default().to_ascii_lowercase();
        let is_token = http::HeaderName::from_bytes(name.as_bytes()).is_ok() && name.len() <= 256;
        if !is_token || UNEDITABLE_HEADERS.contains(&name.as_str()) {
            return Err(no(format!(
                "the header '{name}' can't be edited; rewrite.host sets the Host"
            )));
        }
        if !is_request && FIXED.contains(&name.as_str()) && has_variables(value) {
            return Err(no(format!("the response header {name} takes no variables")));
        }
        let value = variable::text(value, Place::Header).map_err(no)?;
        let is_printable = |c: char| c == '\t' || (' '..='~').contains(&c);
        if value.len() > 4096 || !value.chars().all(is_printable) {
            return Err(no(
                "its value is not printable ASCII of at most 4096 characters".to_owned()
            ));
        }
        let line = HeaderValue { name: name.clone(), value: Some(value), value_from: None };
        let is_full = edits.set.len().max(edits.add.len()).max(edits.remove.len()) >= MAX_EDITS;
        match action.map(str::to_ascii_lowercase).as_deref() {
            _ if is_full => return Err(no(format!("a rule has at most {MAX_EDITS} edits"))),
            Some("overwrite") => edits.set.push(line),
            Some("append") => {
                of.field(kind)
                    .iter()
                    .for_each(|kind| kind.changed("is added as a line of its own"));
                edits.add.push(line);
            }
            Some("delete") => edits.remove.push(name),
            _ => return Err(unclear(of, "Append, Overwrite or Delete")),
        }
        Ok(())
    };
    // What has no equal has been reported.
    let _ = translate();
}

/// The fields of a redirect, which differ.
pub(in crate::import::azure) struct RedirectFields {
    pub(in crate::import::azure) protocol: &'static str,
    pub(in crate::import::azure) host: &'static str,
}

/// A redirect.
pub(in crate::import::azure) fn redirect(
    of: &Node<'_>,
    fields: &RedirectFields,
) -> Result<RuleRedirect, Unclear> {
    let status = match text(of, "redirectType")? {
        Some("Moved") => 301,
        Some("Found") | None => 302,
        Some("TemporaryRedirect") => 307,
        Some("PermanentRedirect") => 308,
        Some(_) => return Err(unclear(of, "a redirect of a known type")),
    };
    let scheme = match text(of, fields.protocol)?.map(str::to_ascii_lowercase).as_deref() {
        Some("http" | "httponly") => Some(RedirectScheme::Http),
        Some("https" | "httpsonly") => Some(RedirectScheme::Https),
        Some("matchrequest") | None => None,
        Some(_) => return Err(unclear(of, "a redirect by Http, Https or MatchRequest")),
    };
    let no = |why: String| {
        of.dropped(why);
        Unclear
    };
    let host = match text(of, fields.host)? {
        None => None,
        Some(host) if host.eq_ignore_ascii_case("{hostname}") => None,
        Some(host) if is_name(host) => Some(host.to_owned()),
        Some(host) => return Err(no(format!("it leads to '{host}', which is no fixed host"))),
    };
    let path = match text(of, "customPath")? {
        None => None,
        Some(path) => {
            let slash = if path.starts_with('/') { "" } else { "/" };
            let path = variable::text(&format!("{slash}{path}"), Place::Path).map_err(no)?;
            if !is_path(&path) {
                return Err(no(format!("it leads to '{path}', which is no path")));
            }
            Some(path)
        }
    };
    let path = path.filter(|path| path != "{path}");
    if let Some(query) = of.field("customQueryString").filter(|it| it.text() != Some("")) {
        if query.text() != Some("{query_string}") {
            query.dropped(
                "a redirect keeps the query of the request: let the target cope with that",
            );
        } else {
            query.kept();
        }
    }
    if let Some(fragment) = of.field("customFragment").filter(|it| it.text() != Some("")) {
        fragment.dropped("a redirect has no fragment of its own: let the target add it");
    }
    if scheme.is_none() && host.is_none() && path.is_none() {
        return Err(no("it leads back to where it comes from".to_owned()));
    }
    Ok(RuleRedirect { scheme, host, allowed_hosts: Vec::new(), port: None, path, status })
}

/// A URL rewrite of Standard and Premium.
pub(super) fn rewrite(of: &Node<'_>) -> Given<PathChange> {
    let Some(source) = text(of, "sourcePattern")? else { return Err(unclear(of, "a rewrite")) };
    let Some(destination) = text(of, "destination")? else { return Err(unclear(of, "a rewrite")) };
    let keeps_rest = flag(of, "preserveUnmatchedPath")?.unwrap_or(false);
    let is_fixed = |text: &str| is_path(text) && !text.contains('{');
    if !is_fixed(source) || !is_fixed(destination) {
        of.dropped(
            "it has variables, or is not from a path to a path: write a rule with rewrite.path",
        );
        return Err(Unclear);
    }
    if keeps_rest && source != "/" {
        of.dropped(format!(
            "what follows {source} can't be kept by a rule: write a Route whose match ends in {source}* and whose rewrite.path ends in {}/*",
            destination.trim_end_matches('/')
        ));
        return Err(Unclear);
    }
    let (source, destination) = (source.to_owned(), destination.to_owned());
    Ok(Some(PathChange::Source { source, destination, keeps_rest }))
}

/// Another backend pool or origin group.
pub(super) fn pool<'s>(
    of: &Node<'s>,
    name: &str,
    context: &Context<'_, 's>,
    does: &mut Actions<'s>,
) -> Result<(), Unclear> {
    let by = Forwarding::read(of)?;
    let Some(id) = reference(of, name)? else { return Ok(()) };
    let pool = (context.pool)(&id).filter(|pool| !pool.origins.is_empty());
    let Some(pool) = pool else {
        of.dropped(format!("there is no backend in use in '{}'", id.name()));
        return Err(Unclear);
    };
    if pool.health.is_some() || pool.balance.is_some() || pool.affinity.is_some() {
        of.field(name).iter().for_each(|it| {
            it.changed("health probe, latency and affinity are those of the Route, which has one of each for all backends");
        });
    }
    does.pool = Some((pool, by));
    Ok(())
}
