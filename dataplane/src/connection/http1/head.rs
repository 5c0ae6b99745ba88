//! Reads an HTTP/1 head line by line as it arrives, and rejects what hyper's parser is too lenient
//! about.

use crate::{
    config::{Limits, MAX_CONNECTION_OPTIONS},
    refusal::Refusal,
};
use memchr::{memchr, memchr_iter, memchr3, memrchr};

/// How the body after a head is framed (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// By length, with this many bytes.
    Length(u64),
    /// Chunked (RFC 9112 §7.1).
    Chunked,
}

/// A complete head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Its length in bytes, including the empty line.
    pub(crate) len: usize,
    /// The framing of the body.
    pub(crate) framing: Framing,
    /// Whether an `Upgrade` field offers WebSocket (RFC 9110 §7.8); no other upgrade is forwarded.
    pub(crate) upgrade: bool,
    /// Whether the query has bytes that [`http::Uri`] rejects; see [`escape_query`].
    pub(crate) escape: bool,
}

/// A scan of one head; resumes at the first incomplete line.
#[derive(Debug, Default)]
pub(crate) struct HeadScan {
    line_start: usize,
    fields: usize,
    /// How many options `Connection` lists so far.
    options: usize,
    seen_request_line: bool,
    http_1_0: bool,
    content_length: Option<u64>,
    chunked: bool,
    upgrade: bool,
    escape: bool,
}

impl HeadScan {
    /// Continues with the head at the start of `bytes`, which are the bytes of the last call and
    /// more. `None` if it is still incomplete.
    pub(crate) fn advance(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Option<Head>, Refusal> {
        while let Some(length) = memchr(b'\n', &bytes[self.line_start..]) {
            let end = self.line_start + length;
            let line = &bytes[self.line_start..end];
            self.line_start = end + 1;
            if self.line_start > limits.head_bytes {
                return Err(self.too_large());
            }
            let line = line.strip_suffix(b"\r").ok_or(Refusal::MalformedHead)?;
            if !self.seen_request_line {
                // An empty line before a request line is ignored (RFC 9112 §2.2).
                if !line.is_empty() {
                    self.request_line(line, limits)?;
                }
            } else if line.is_empty() {
                return self.finish().map(Some);
            } else {
                self.field(line, limits)?;
            }
        }
        self.check_partial(bytes, limits).map(|()| None)
    }

    /// Whether `bytes` contain more than empty lines before a head.
    pub(crate) fn has_begun(&self, bytes: &[u8]) -> bool {
        self.seen_request_line || bytes.len() > self.line_start
    }

    /// Checks limits that an incomplete line can already exceed.
    fn check_partial(&self, bytes: &[u8], limits: &Limits) -> Result<(), Refusal> {
        // Allow for the line's own CR.
        if !self.seen_request_line && bytes.len() - self.line_start > limits.uri_bytes + 1 {
            return Err(Refusal::UriTooLong);
        }
        if bytes.len() >= limits.head_bytes {
            return Err(self.too_large());
        }
        Ok(())
    }

    fn too_large(&self) -> Refusal {
        if self.seen_request_line { Refusal::HeadTooLarge } else { Refusal::UriTooLong }
    }

    fn request_line(&mut self, line: &[u8], limits: &Limits) -> Result<(), Refusal> {
        self.seen_request_line = true;
        if line.len() > limits.uri_bytes {
            return Err(Refusal::UriTooLong);
        }
        if line.starts_with(b"CONNECT ") {
            return Err(Refusal::Connect);
        }
        self.http_1_0 = line.ends_with(b" HTTP/1.0");
        let (Some(first @ 1..), Some(last)) = (memchr(b' ', line), memrchr(b' ', line)) else {
            return Err(Refusal::MalformedHead);
        };
        let target = line.get(first + 1..last).ok_or(Refusal::MalformedHead)?;
        // A fragment is never sent (RFC 9112 §3.2); http::Uri would drop it silently.
        if memchr(b'#', target).is_some() {
            return Err(Refusal::InvalidTarget);
        }
        if let Some(query) = memchr(b'?', target) {
            let query = &target[query..];
            self.escape = memchr3(b'"', b'<', b'>', query).is_some() || !is_utf8(query);
        }
        Ok(())
    }

    fn field(&mut self, line: &[u8], limits: &Limits) -> Result<(), Refusal> {
        self.fields += 1;
        if self.fields > limits.head_fields {
            return Err(Refusal::TooManyFields);
        }
        let colon = memchr(b':', line).ok_or(Refusal::MalformedHead)?;
        let (name, value) = (&line[..colon], trim(&line[colon + 1..]));
        if name.is_empty() || trim(name).len() < name.len() {
            return Err(Refusal::MalformedHead);
        }
        match name.len() {
            7 if name.eq_ignore_ascii_case(b"upgrade") => {
                self.upgrade |= value.eq_ignore_ascii_case(b"websocket");
            }
            10 if name.eq_ignore_ascii_case(b"connection") => self.options(value)?,
            14 if name.eq_ignore_ascii_case(b"content-length") => self.length(value)?,
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => self.coding(value)?,
            _ => {}
        }
        Ok(())
    }

    fn options(&mut self, value: &[u8]) -> Result<(), Refusal> {
        self.options += memchr_iter(b',', value).count() + 1;
        if self.options > MAX_CONNECTION_OPTIONS { Err(Refusal::HeadTooLarge) } else { Ok(()) }
    }

    fn length(&mut self, value: &[u8]) -> Result<(), Refusal> {
        let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let length = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
        match (digits, length) {
            (true, Some(length)) if self.content_length.is_none() => {
                self.content_length = Some(length);
                Ok(())
            }
            _ => Err(Refusal::AmbiguousFraming),
        }
    }

    fn coding(&mut self, value: &[u8]) -> Result<(), Refusal> {
        if self.chunked {
            return Err(Refusal::AmbiguousFraming);
        }
        if !value.eq_ignore_ascii_case(b"chunked") {
            return Err(Refusal::UnknownTransferCoding);
        }
        self.chunked = true;
        Ok(())
    }

    fn finish(&self) -> Result<Head, Refusal> {
        let framing = match (self.chunked, self.content_length) {
            (true, None) if !self.http_1_0 => Framing::Chunked,
            (true, _) => return Err(Refusal::AmbiguousFraming),
            (false, length) => Framing::Length(length.unwrap_or(0)),
        };
        // Upgrade is ignored in HTTP/1.0 requests (RFC 9110 §7.8).
        let upgrade = self.upgrade && !self.http_1_0;
        Ok(Head { len: self.line_start, framing, upgrade, escape: self.escape })
    }
}

fn is_utf8(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok()
}

/// Percent-encodes the bytes of a head's query that [`http::Uri`] rejects, as a browser would have:
/// a query is never an error.
pub(crate) fn escape_query(head: &[u8]) -> Vec<u8> {
    let start = memchr(b'?', head).unwrap_or(head.len());
    let line = memchr(b'\r', &head[start..]).map_or(head.len(), |length| start + length);
    let end = memrchr(b' ', &head[start..line]).map_or(line, |length| start + length);
    let query = &head[start..end];
    let is_text = is_utf8(query);
    let mut escaped = head[..start].to_vec();
    for &byte in query {
        match byte {
            b'"' | b'<' | b'>' => escaped.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            0x80.. if !is_text => escaped.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            byte => escaped.push(byte),
        }
    }
    escaped.extend_from_slice(&head[end..]);
    escaped
}

/// Trims optional white space (RFC 9110 §5.6.3).
fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn scan(head: &str) -> Result<Option<Head>, Refusal> {
        HeadScan::default().advance(head.as_bytes(), &Limits::default())
    }

    #[test]
    fn framing_is_determined_or_refused() {
        let head = |fields: &str| scan(&format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        let framing = |fields: &str| head(fields).map(|head| head.unwrap().framing);
        assert_eq!(framing(""), Ok(Framing::Length(0)));
        assert_eq!(framing("Content-Length: 5\r\n"), Ok(Framing::Length(5)));
        assert_eq!(framing("transfer-ENCODING:\tChunked \r\n"), Ok(Framing::Chunked));
        for ambiguous in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            "Content-Length: 5, 5\r\n",
            "Content-Length: +5\r\n",
            "Content-Length: 0x5\r\n",
            "Content-Length:\r\n",
            "Content-Length: 99999999999999999999999\r\n",
        ] {
            assert_eq!(framing(ambiguous), Err(Refusal::AmbiguousFraming), "{ambiguous}");
        }
        for unknown in ["gzip, chunked", "chunked, gzip", "identity", "xchunked", "\u{b}chunked"] {
            let fields = format!("Transfer-Encoding: {unknown}\r\n");
            assert_eq!(framing(&fields), Err(Refusal::UnknownTransferCoding), "{unknown}");
        }
        for malformed in [
            "Transfer-Encoding : chunked\r\n",
            " folded: x\r\n",
            "X: 1\r\n folded\r\n",
            "nocolon\r\n",
            ": x\r\n",
            "X: 1\n",
        ] {
            assert_eq!(framing(malformed), Err(Refusal::MalformedHead), "{malformed:?}");
        }
        let old = scan("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert_eq!(old, Err(Refusal::AmbiguousFraming));
    }

    #[test]
    fn only_an_offer_of_websocket_is_an_upgrade() {
        let upgrade = |fields: &str, version: &str| {
            let head = scan(&format!("GET / HTTP/{version}\r\nHost: a\r\n{fields}\r\n"));
            head.unwrap().unwrap().upgrade
        };
        assert!(upgrade("Upgrade: websocket\r\n", "1.1"));
        assert!(upgrade("upgrade:\tWebSocket \r\nUpgrade: h2c\r\n", "1.1"));
        assert!(!upgrade("Upgrade: websocket\r\n", "1.0"));
        for other in ["h2c", "", "TLS/1.3", "websocket, h2c", "h2c, websocket"] {
            assert!(!upgrade(&format!("Upgrade: {other}\r\n"), "1.1"), "{other}");
        }
    }

    #[test]
    fn a_head_in_pieces_is_the_same_head() {
        let head = b"\r\nGET /x HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\nrest";
        let mut scan = HeadScan::default();
        for end in 0..head.len() - 4 {
            assert_eq!(scan.advance(&head[..end], &Limits::default()), Ok(None), "{end}");
        }
        let whole = scan.advance(head, &Limits::default()).unwrap().unwrap();
        let framing = Framing::Length(0);
        let expected = Head { len: head.len() - 4, framing, upgrade: true, escape: false };
        assert_eq!(whole, expected);
    }

    #[test]
    fn limits_apply_before_the_head_is_complete() {
        let limits = Limits { head_bytes: 200, head_fields: 3, uri_bytes: 50, ..Limits::default() };
        let scan = |head: &str| HeadScan::default().advance(head.as_bytes(), &limits);
        assert_eq!(scan(&format!("GET /{}", "a".repeat(60))), Err(Refusal::UriTooLong));
        assert_eq!(
            scan(&format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(200))),
            Err(Refusal::HeadTooLarge)
        );
        assert_eq!(
            scan(&format!("GET / HTTP/1.1\r\n{}", "X: 1\r\n".repeat(4))),
            Err(Refusal::TooManyFields)
        );
        assert_eq!(scan(&format!("GET / HTTP/1.1\r\n{}", "X: 1\r\n".repeat(3))), Ok(None));
    }

    #[test]
    fn connection_lists_no_more_options_than_a_head_has_fields() {
        let options = |count: usize| vec!["a"; count].join(",");
        let head = |first: usize, second: usize| {
            let fields = [first, second].map(|n| format!("connection: {}\r\n", options(n)));
            scan(&format!("GET / HTTP/1.1\r\n{}", fields.concat()))
        };
        assert_eq!(head(60, 40), Ok(None));
        assert_eq!(head(60, 41), Err(Refusal::HeadTooLarge));
    }

    #[test]
    fn a_query_is_escaped_only_where_a_uri_rejects_it() {
        let escaped = |line: &[u8]| {
            let head = [line, b" HTTP/1.1\r\nX: ?\"\r\n\r\n"].concat();
            let scanned = HeadScan::default().advance(&head, &Limits::default());
            let escaped = scanned.unwrap().unwrap().escape.then(|| escape_query(&head))?;
            let end = memrchr(b'/', &escaped).unwrap();
            Some(String::from_utf8_lossy(&escaped[..end - 5]).into_owned())
        };
        assert_eq!(escaped(b"GET /a?b='%zz|^`\\{}"), None);
        assert_eq!(escaped("GET /\"a\"?é".as_bytes()), None);
        assert_eq!(escaped(b"GET /\"?\"<a>%").as_deref(), Some("GET /\"?%22%3Ca%3E%"));
        assert_eq!(escaped("\r\nGET /?<é".as_bytes()).as_deref(), Some("\r\nGET /?%3Cé"));
        assert_eq!(escaped(b"GET /?\xe9\xff").as_deref(), Some("GET /?%E9%FF"));
    }

    #[test]
    fn connect_and_fragments_are_refused() {
        assert_eq!(scan("CONNECT a:443 HTTP/1.1\r\n"), Err(Refusal::Connect));
        assert_eq!(scan("GET /a#b HTTP/1.1\r\n"), Err(Refusal::InvalidTarget));
    }
}
