//! Headers.

use super::super::{annotation::Annotation, literal, settings::Settings};

/// `custom-headers`: response headers, from a ConfigMap.
pub(super) fn custom_headers(it: &Annotation<'_, '_>, settings: &mut Settings) {
    let (namespace, name) = it.text.split_once('/').unwrap_or((it.namespace, it.text));
    let Some(data) = it.config_map(namespace, name) else {
        return it.dropped(format!(
            "ConfigMap {namespace}/{name} is not in the input: import it too, or write its headers \
             into responseHeaders"
        ));
    };
    it.kept();
    for (header, value) in data.as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        match literal::is_header(header, value) && !value.contains('$') {
            true => settings.response_headers.set.push((header.clone(), value.to_owned())),
            false => it.changed(format!("{header} is left out: it can't be set")),
        }
    }
}

/// `x-forwarded-prefix`, which ingress-nginx sends with `rewrite-target` alone.
pub(super) fn x_forwarded_prefix(it: &Annotation<'_, '_>, settings: &mut Settings) {
    let name = "X-Forwarded-Prefix";
    if it.other("rewrite-target").is_none() {
        it.dropped("has no effect without rewrite-target");
    } else if literal::is_header(name, it.text) && !it.text.contains('$') {
        settings.request_headers.set.push((name.to_owned(), it.text.to_owned()));
        it.kept();
    } else {
        it.dropped("is not the value of a header: set requestHeaders of the Route");
    }
}

/// `proxy-redirect-from` and `-to`.
pub(super) fn proxy_redirect(it: &Annotation<'_, '_>, _: &mut Settings) {
    match it.text {
        "off" | "default" => it.kept(),
        _ => it.dropped(
            "Location is mapped where it names the backend, or its path: let the backend send \
             the others as they should be",
        ),
    }
}

/// `proxy-cookie-domain` and `-path`.
pub(super) fn proxy_cookie(it: &Annotation<'_, '_>, _: &mut Settings) {
    match it.text {
        "off" => it.kept(),
        _ => it.dropped(
            "cookies are mapped where they name the backend, or its path: let the backend set \
             the others as they should be",
        ),
    }
}
