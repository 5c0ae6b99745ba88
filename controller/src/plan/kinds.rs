//! What a recorded request is for.

use crate::har::{Entry, header};

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// A page, or a frame in one.
    Document,
    /// A CORS preflight.
    Preflight,
    /// A script's call.
    Data,
    /// A WebSocket or a stream of events, which lasts as long as the page.
    Stream,
    /// A stylesheet.
    Style,
    /// A script.
    Script,
    /// A font.
    Font,
    /// An image, a sound or a video.
    Media,
    /// A beacon, which nothing waits for.
    Beacon,
}

impl Kind {
    /// Reads it from Chromium's own field, from Fetch Metadata, or else from method and media type.
    pub(super) fn of(entry: &Entry<'_>, is_socket: bool) -> Self {
        let request = &entry.request.0;
        if is_socket {
            return Self::Stream;
        }
        let recorded = entry.resource_type.as_str();
        if request.method.as_str().eq_ignore_ascii_case("OPTIONS") && is_preflight(entry, recorded)
        {
            return Self::Preflight;
        }
        Self::of_chromium(recorded)
            .or_else(|| {
                let dest = header(&request.headers, "sec-fetch-dest")?;
                Self::of_metadata(dest, header(&request.headers, "sec-fetch-mode")?)
            })
            .unwrap_or_else(|| Self::of_media_type(entry))
    }

    fn of_chromium(recorded: &str) -> Option<Self> {
        Some(match recorded {
            "document" => Self::Document,
            "xhr" | "fetch" => Self::Data,
            "websocket" | "eventsource" | "webtransport" => Self::Stream,
            "stylesheet" => Self::Style,
            "script" => Self::Script,
            "font" => Self::Font,
            "image" | "media" | "texttrack" => Self::Media,
            "ping" | "cspviolationreport" => Self::Beacon,
            _ => return None,
        })
    }

    /// Fetch Metadata, `Sec-Fetch-Dest` and `Sec-Fetch-Mode`.
    fn of_metadata(dest: &str, mode: &str) -> Option<Self> {
        Some(match (dest, mode) {
            ("document" | "iframe" | "frame" | "embed" | "object", _) => Self::Document,
            ("empty", "cors" | "same-origin") => Self::Data,
            ("empty", "no-cors") | ("report", _) => Self::Beacon,
            ("style" | "xslt", _) => Self::Style,
            ("script" | "worker" | "sharedworker" | "serviceworker" | "audioworklet", _) => {
                Self::Script
            }
            ("font", _) => Self::Font,
            ("image" | "audio" | "video" | "track", _) => Self::Media,
            _ => return None,
        })
    }

    fn of_media_type(entry: &Entry<'_>) -> Self {
        let content = entry.response.0.content.0.mime_type.as_str();
        let essence = content.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "text/event-stream" => Self::Stream,
            "text/html" | "application/xhtml+xml" if is_navigation(entry) => Self::Document,
            "text/css" => Self::Style,
            essence if essence.ends_with("javascript") => Self::Script,
            essence if essence.contains("font") => Self::Font,
            essence
                if ["image/", "audio/", "video/"].iter().any(|kind| essence.starts_with(kind)) =>
            {
                Self::Media
            }
            _ => Self::Data,
        }
    }
}

/// Whether an OPTIONS request is a preflight (Fetch, "CORS-preflight request"). Where the recorder
/// has no headers of it, the response shows it.
fn is_preflight(entry: &Entry<'_>, recorded: &str) -> bool {
    let (asked, answered) = (&entry.request.0.headers, &entry.response.0.headers);
    recorded == "preflight"
        || header(asked, "access-control-request-method").is_some()
        || asked.0.is_empty()
            && ["access-control-allow-methods", "access-control-allow-headers"]
                .iter()
                .any(|name| header(answered, name).is_some())
}

/// Whether it looks like a navigation: a browser's GET that prefers HTML, without `Origin`.
fn is_navigation(entry: &Entry<'_>) -> bool {
    let request = &entry.request.0;
    let accept = header(&request.headers, "accept");
    request.method.as_str().eq_ignore_ascii_case("GET")
        && header(&request.headers, "origin").is_none()
        && accept.is_none_or(|accept| accept.trim_start().starts_with("text/html"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn kind(entry: &str) -> Kind {
        Kind::of(&serde_json::from_str(entry).unwrap(), false)
    }

    #[test]
    fn each_recorder_has_its_way_to_say_it() {
        for (entry, expected) in [
            (
                r#"{"_resourceType": "preflight", "request": {"method": "OPTIONS"}}"#,
                Kind::Preflight,
            ),
            (
                r#"{"request": {"method": "OPTIONS", "headers": [{"name": "Access-Control-Request-Method", "value": "PUT"}]}}"#,
                Kind::Preflight,
            ),
            (
                r#"{"request": {"method": "OPTIONS"}, "response": {"headers": [{"name": "access-control-allow-methods", "value": "PUT"}]}}"#,
                Kind::Preflight,
            ),
            // A script may send OPTIONS itself.
            (
                r#"{"_resourceType": "fetch", "request": {"method": "OPTIONS", "headers": [{"name": "origin", "value": "x"}]}}"#,
                Kind::Data,
            ),
            (r#"{"_resourceType": "font"}"#, Kind::Font),
            (
                r#"{"request": {"headers": [{"name": "Sec-Fetch-Dest", "value": "empty"}, {"name": "Sec-Fetch-Mode", "value": "cors"}]}}"#,
                Kind::Data,
            ),
            (
                r#"{"request": {"headers": [{"name": "Sec-Fetch-Dest", "value": "empty"}, {"name": "Sec-Fetch-Mode", "value": "no-cors"}]}}"#,
                Kind::Beacon,
            ),
            (
                r#"{"request": {"method": "GET"}, "response": {"content": {"mimeType": "text/html; charset=utf-8"}}}"#,
                Kind::Document,
            ),
            (
                r#"{"request": {"method": "POST"}, "response": {"content": {"mimeType": "text/html"}}}"#,
                Kind::Data,
            ),
            (r#"{"response": {"content": {"mimeType": "application/javascript"}}}"#, Kind::Script),
            (r#"{"response": {"content": {"mimeType": "font/woff2"}}}"#, Kind::Font),
            (r#"{"response": {"content": {"mimeType": "application/json"}}}"#, Kind::Data),
            ("{}", Kind::Data),
        ] {
            assert_eq!(kind(entry), expected, "{entry}");
        }
    }
}
