//! CORS.

use super::super::{annotation::Annotation, policy, settings::Settings};
use policy::{Asked, Dropped};

/// What pages may send if `cors-allow-methods` does not say.
const METHODS: &str = "GET, PUT, POST, DELETE, PATCH, OPTIONS";
/// What pages may send if `cors-allow-headers` does not say.
const HEADERS: &str = "DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization";
/// If `cors-max-age` does not say: 20 days there, of which the browser that remembers them longest
/// takes this much into account.
const MAX_AGE: u64 = 7_200;

/// `enable-cors`, with all that belongs to it.
pub(super) fn enable(it: &Annotation<'_, '_>, settings: &mut Settings) {
    if !it.is_true() {
        return it.kept();
    }
    let credentials = it.other("cors-allow-credentials");
    let asked = Asked {
        origins: it.other("cors-allow-origin").unwrap_or("*"),
        methods: it.other("cors-allow-methods").unwrap_or(METHODS),
        headers: it.other("cors-allow-headers").unwrap_or(HEADERS),
        expose: it.other("cors-expose-headers").unwrap_or_default(),
        // Anything but a no is taken for the default.
        with_credentials: !credentials
            .is_some_and(|it| matches!(it, "0" | "f" | "F" | "FALSE" | "false" | "False")),
        max_age: it.other("cors-max-age").and_then(|age| age.parse().ok()).unwrap_or(MAX_AGE),
    };
    let note = |part: Dropped, why: String| {
        let name = match part {
            Dropped::Origins => "cors-allow-origin",
            Dropped::Methods => "cors-allow-methods",
            Dropped::Headers => "cors-allow-headers",
            Dropped::Expose => "cors-expose-headers",
            Dropped::Credentials => "cors-allow-credentials",
            Dropped::MaxAge => "cors-max-age",
        };
        match it.other(name) {
            Some(_) => it.changed_at(name, why),
            None => it.changed(format!("{name}, by default: {why}")),
        }
    };
    match policy::of(&asked, note) {
        Some(policy) => {
            settings.cors = Some(policy);
            it.kept();
        }
        None => it.dropped("no origin is left: the Route has no policy, and CORS is the backend's"),
    }
}
