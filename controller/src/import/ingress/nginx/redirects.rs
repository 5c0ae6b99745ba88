//! Redirects.

use super::super::{
    annotation::Annotation,
    hosts,
    settings::{PlainHttp, Settings},
};
use crate::import::ingress::literal;
use serde_json::{Map, Value, json};
use url::{Host, Url};

/// `ssl-redirect`: on by default, on hosts with a certificate.
pub(super) fn ssl_redirect(it: &Annotation<'_, '_>, settings: &mut Settings) {
    if !it.is_true() && settings.plain_http == PlainHttp::Redirect {
        settings.plain_http = PlainHttp::Serve;
    }
    it.kept();
}

/// `force-ssl-redirect`: on hosts without a certificate too.
pub(super) fn force_ssl_redirect(it: &Annotation<'_, '_>, settings: &mut Settings) {
    if it.is_true() {
        settings.plain_http = PlainHttp::RedirectAlways;
        it.changed(
            "behind a load balancer that ends TLS, its network has to be in the FrontDoor's \
             trustedProxies, or requests are redirected for ever",
        );
    } else {
        it.kept();
    }
}

/// `preserve-trailing-slash`, which Portico always does.
pub(super) fn preserve_trailing_slash(it: &Annotation<'_, '_>, _: &mut Settings) {
    match it.is_true() {
        true => it.kept(),
        false => it.changed("redirects to https keep the slash at the end of a path"),
    }
}

/// `app-root`: where `/` leads.
pub(super) fn app_root(it: &Annotation<'_, '_>, settings: &mut Settings) {
    match literal::path(it.text) {
        Ok(path) if path != "/" => {
            settings.app_root = Some(path);
            it.changed("the redirect keeps the query");
        }
        Ok(_) => it.dropped("leads back to itself"),
        Err(why) => it.dropped(format!("{why}: write a Route that redirects / to it")),
    }
}

/// `temporal-redirect`, which comes before `permanent-redirect`.
pub(super) fn temporal(it: &Annotation<'_, '_>, settings: &mut Settings) {
    redirect(it, settings, "temporal-redirect-code", 302, 307);
}

/// `permanent-redirect`.
pub(super) fn permanent(it: &Annotation<'_, '_>, settings: &mut Settings) {
    if it.other("temporal-redirect").is_some_and(|other| !other.is_empty()) {
        it.dropped("has no effect beside temporal-redirect");
    } else {
        redirect(it, settings, "permanent-redirect-code", 301, 308);
    }
}

fn redirect(
    it: &Annotation<'_, '_>,
    settings: &mut Settings,
    code: &str,
    default: u16,
    highest: u16,
) {
    if it.text.is_empty() {
        return it.kept();
    }
    let asked = it.other(code).and_then(|code| code.parse().ok());
    let status = match asked.filter(|asked| (300..=highest).contains(asked)) {
        Some(status @ (301 | 302 | 303 | 307 | 308)) => status,
        Some(other) => {
            it.changed_at(code, format!("{other} is not the status of a redirect: {default}"));
            default
        }
        None => {
            if it.other(code).is_some() {
                it.changed_at(code, format!("ingress-nginx ignores it, and answers {default}"));
            }
            default
        }
    };
    match target(it.text) {
        Ok((mut target, keeps_all)) => {
            target.insert("status".to_owned(), status.into());
            settings.redirect = Some(Value::Object(target));
            match keeps_all {
                true => it.kept(),
                false => it.changed("the redirect keeps the query"),
            }
        }
        Err(why) => it.closes(settings, why),
    }
}

/// The parts of a redirect, and whether it keeps the query in ingress-nginx too.
fn target(text: &str) -> Result<(Map<String, Value>, bool), String> {
    // What stands for a part of the request is what a redirect takes from it by default.
    let (scheme, rest) = text.split_once("://").ok_or("it is not a whole URL")?;
    let end = rest.find(['/', '?', '#', '$']).unwrap_or(rest.len());
    let (authority, path) = match rest.strip_prefix("$host").or(rest.strip_prefix("$http_host")) {
        Some(path) => ("", path),
        None => rest.split_at(end),
    };
    let mut target = Map::new();
    if scheme != "$scheme" {
        if !["http", "https"].contains(&scheme) {
            return Err(format!("{scheme:?} is not http or https"));
        }
        target.insert("scheme".to_owned(), scheme.into());
    }
    if !authority.is_empty() {
        let url = Url::parse(&format!("http://{authority}/")).map_err(|it| it.to_string())?;
        let host = match url.host() {
            Some(Host::Domain(name)) if hosts::is_name(name) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => format!("[{address}]"),
            _ => return Err(format!("{authority:?} is not a host")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it has a user in it".to_owned());
        }
        target.insert("host".to_owned(), host.into());
        if let Some(port) = authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok()) {
            target.insert("port".to_owned(), json!(1u16.max(port)));
        }
    }
    let keeps_all = path == "$request_uri";
    if !keeps_all {
        let path = if path.is_empty() { "/" } else { path };
        target.insert("path".to_owned(), literal::path(path)?.into());
    }
    if target.is_empty() {
        return Err("it leads back to itself".to_owned());
    }
    Ok((target, keeps_all))
}

/// `from-to-www-redirect`.
pub(super) fn from_to_www(it: &Annotation<'_, '_>, settings: &mut Settings) {
    settings.has_www_redirect = it.is_true();
    it.kept();
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn urls_become_the_parts_of_redirects() {
        for (url, parts, keeps_all) in [
            (
                "https://www.ep.com",
                json!({"scheme": "https", "host": "www.ep.com", "path": "/"}),
                false,
            ),
            (
                "https://a.com:81/b",
                json!({"scheme": "https", "host": "a.com", "port": 81, "path": "/b"}),
                false,
            ),
            ("https://a.com$request_uri", json!({"scheme": "https", "host": "a.com"}), true),
            ("$scheme://a.com/x", json!({"host": "a.com", "path": "/x"}), false),
            ("https://$host/x", json!({"scheme": "https", "path": "/x"}), false),
        ] {
            assert_eq!(
                target(url).unwrap(),
                (parts.as_object().unwrap().clone(), keeps_all),
                "{url}"
            );
        }
        for bad in [
            "/x",
            "https://a.com/?b=c",
            "ftp://a.com/",
            "https://a b/",
            "https://a.com/$1",
            "$scheme://$host$request_uri",
        ] {
            target(bad).unwrap_err();
        }
    }
}
