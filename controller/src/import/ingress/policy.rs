//! CORS policies from lists as annotations have them. What would let too many pages in is left out.

use super::{annotation::items, literal};
use crate::{compile, files};
use portico_crds::{FORBIDDEN_HEADER_PREFIXES, FORBIDDEN_METHODS, FORBIDDEN_REQUEST_HEADERS};
use serde_json::{Value, json};
use url::Url;

/// The longest that a browser may remember a preflight: a day.
const LONGEST: u64 = 86_400;

/// What annotations ask for.
pub(super) struct Asked<'a> {
    /// Origins, with commas between them; `*` is any.
    pub(super) origins: &'a str,
    /// Methods.
    pub(super) methods: &'a str,
    /// Request headers.
    pub(super) headers: &'a str,
    /// Response headers.
    pub(super) expose: &'a str,
    /// Whether with cookies.
    pub(super) with_credentials: bool,
    /// How long a browser may remember it, in seconds.
    pub(super) max_age: u64,
}

/// Of what something is left out.
#[derive(Clone, Copy)]
pub(super) enum Dropped {
    /// The origins.
    Origins,
    /// The methods.
    Methods,
    /// The request headers.
    Headers,
    /// The response headers.
    Expose,
    /// The credentials.
    Credentials,
    /// The time.
    MaxAge,
}

/// The policy; `None` if no origin is left for it.
pub(super) fn of(asked: &Asked<'_>, note: impl Fn(Dropped, String)) -> Option<Value> {
    let any = items(asked.origins).any(|origin| origin == "*");
    let with_credentials = asked.with_credentials && !any;
    if asked.with_credentials && any {
        let why = "browsers refuse * with credentials, and Portico does: pages may call, but \
                   without cookies; list the origins that need them";
        note(Dropped::Credentials, why.to_owned());
    }
    let (mut origins, mut expressions) = (Vec::new(), Vec::new());
    if any {
        origins.push("*".to_owned());
    } else {
        for origin in items(asked.origins) {
            match allowed(origin, with_credentials) {
                Ok(Origin::Exact(origin)) => origins.push(origin),
                Ok(Origin::Expression(expression)) => expressions.push(expression),
                Err(why) => note(Dropped::Origins, format!("{origin} is left out: {why}")),
            }
        }
    }
    for list in [&mut origins, &mut expressions] {
        list.sort_unstable();
        list.dedup();
    }
    if origins.is_empty() && expressions.is_empty() {
        return None;
    }
    let expose = expose(asked.expose, with_credentials, &note);
    let max_age = asked.max_age.min(LONGEST);
    if max_age < asked.max_age {
        note(Dropped::MaxAge, "a preflight is remembered for 24h at most".to_owned());
    }
    let mut policy = json!({
        "allowMethods": methods(asked.methods, &note),
        "allowHeaders": headers(asked.headers, with_credentials, &note),
        "maxAge": literal::duration(max_age),
    });
    if with_credentials {
        policy["allowCredentials"] = true.into();
    }
    for (field, list) in
        [("allowOrigins", origins), ("allowOriginRegex", expressions), ("exposeHeaders", expose)]
    {
        if !list.is_empty() {
            policy[field] = list.into();
        }
    }
    Some(policy)
}

/// An origin, or an expression for several.
enum Origin {
    Exact(String),
    Expression(String),
}

fn allowed(origin: &str, with_credentials: bool) -> Result<Origin, String> {
    let (scheme, host) = origin.split_once("://").ok_or("it has no scheme")?;
    let found = match host.strip_prefix("*.") {
        // One label, which a wildcard of Portico's does not stand for.
        Some(suffix) => {
            let suffix = serialised(&format!("{scheme}://{suffix}"))?;
            let (scheme, suffix) = suffix.split_once("://").unwrap_or_default();
            let suffix = literal::escaped(suffix);
            Origin::Expression(format!(r"{scheme}://[a-z0-9-]+\.{suffix}"))
        }
        None => Origin::Exact(serialised(origin)?),
    };
    let (field, text) = match &found {
        Origin::Exact(text) => ("allowOrigins", text),
        Origin::Expression(text) => ("allowOriginRegex", text),
    };
    let policy = json!({field: [text], "allowCredentials": with_credentials});
    refusal(&policy).map_or(Ok(found), Err)
}

/// An origin as browsers write it.
fn serialised(origin: &str) -> Result<String, String> {
    let url = Url::parse(origin).map_err(|it| it.to_string())?;
    let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && !origin.ends_with('/');
    let host = url.host_str().filter(|host| !host.is_empty() && is_bare).ok_or("it is none")?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok(format!("{}://{host}{port}", url.scheme()))
}

/// What the compiler has against a policy.
fn refusal(policy: &Value) -> Option<String> {
    let spec = json!({"frontDoorRef": {"name": "a"}, "respond": {}, "cors": policy});
    let object = |kind: &str, spec: Value| json!({"apiVersion": "portico.dev/v1alpha1", "kind": kind, "metadata": {"name": "a", "namespace": "a"}, "spec": spec});
    let door = object("FrontDoor", json!({"hosts": [{"name": "a"}]})).to_string();
    let route = object("Route", spec).to_string();
    let merged = files::read_texts([("door.json", door.as_str()), ("route.json", &route)]);
    let compiled = compile::compile(&merged.snapshot, &compile::Options::default());
    let refused = compiled.statuses.into_values().find(|status| !status.is_accepted())?;
    Some(refused.problems.first().map_or_else(String::new, |problem| problem.message.clone()))
}

/// The methods; never an empty list, which allows any.
fn methods(list: &str, note: &impl Fn(Dropped, String)) -> Vec<String> {
    let mut methods = Vec::new();
    for method in items(list).flat_map(str::split_whitespace) {
        let is_forbidden = FORBIDDEN_METHODS.iter().any(|it| it.eq_ignore_ascii_case(method));
        match literal::is_token(method) && method.len() <= 64 && !is_forbidden {
            // A preflight is no call.
            true if method == "OPTIONS" => {}
            true => methods.push(method.to_owned()),
            false => note(Dropped::Methods, format!("{method} is left out: pages can't use it")),
        }
    }
    methods.dedup();
    methods.truncate(64);
    if methods.is_empty() { vec!["GET".to_owned()] } else { methods }
}

/// The request headers; never an empty list, which allows any.
fn headers(list: &str, with_credentials: bool, note: &impl Fn(Dropped, String)) -> Vec<String> {
    let mut headers = Vec::new();
    for header in items(list) {
        let name = header.to_ascii_lowercase();
        let is_forbidden = FORBIDDEN_REQUEST_HEADERS.iter().any(|it| *it == name)
            || FORBIDDEN_HEADER_PREFIXES.iter().any(|it| name.starts_with(it))
            || name.starts_with("access-control-");
        if name == "*" && with_credentials {
            let why = "with credentials * is no wildcard: name the headers";
            note(Dropped::Headers, why.to_owned());
        } else if literal::is_token(&name) && !is_forbidden {
            headers.push(name);
        } else if !["dnt", "keep-alive"].contains(&name.as_str()) {
            note(Dropped::Headers, format!("{header} is left out: no page can set it"));
        }
    }
    headers.sort_unstable();
    headers.dedup();
    headers.truncate(256);
    if headers.is_empty() { vec!["accept".to_owned()] } else { headers }
}

/// The response headers.
fn expose(list: &str, with_credentials: bool, note: &impl Fn(Dropped, String)) -> Vec<String> {
    let mut headers = Vec::new();
    for header in items(list) {
        let name = header.to_ascii_lowercase();
        let is_forbidden = ["set-cookie", "set-cookie2"].contains(&name.as_str())
            || name.starts_with("access-control-");
        if name == "*" && with_credentials {
            let why = "with credentials * is no wildcard: name the headers";
            note(Dropped::Expose, why.to_owned());
        } else if literal::is_token(&name) && !is_forbidden {
            headers.push(name);
        } else {
            note(Dropped::Expose, format!("{header} is left out: no page can read it"));
        }
    }
    headers.sort_unstable();
    headers.dedup();
    headers.truncate(256);
    headers
}
