//! The head of a response, and the framing of its body (RFC 9112 §6.3).

use super::{chunked::Chunks, malformed};
use crate::config::MAX_CONNECTION_OPTIONS;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use hyper::{
    body::{Frame, SizeHint},
    ext::ReasonPhrase,
};
use memchr::memchr_iter;
use std::{io, mem::MaybeUninit, time::Duration};

/// Up to so many fields are parsed without an allocation.
const FIELDS_ON_STACK: usize = 100;

/// The longest time that a backend is believed to keep an idle connection open.
const MAX_IDLE_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// Finds heads; scans each byte once, however they arrive.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    seen: usize,
}

impl Heads {
    /// Takes a complete head, including its empty line.
    pub(crate) fn next(&mut self, input: &mut BytesMut) -> io::Result<Option<Bytes>> {
        // An empty line before a head is only allowed for requests (RFC 9112 §2.2).
        if matches!(input.first(), Some(b'\r' | b'\n')) {
            return Err(malformed("an empty line before the head"));
        }
        // The last bytes scanned may have been the start of the end.
        let start = self.seen.saturating_sub(2);
        let end = memchr_iter(b'\n', &input[start..]).find_map(|at| {
            let after = start + at + 1;
            let rest = &input[after..];
            if rest.starts_with(b"\r\n") {
                Some(after + 2)
            } else {
                rest.starts_with(b"\n").then_some(after + 1)
            }
        });
        self.seen = if end.is_some() { 0 } else { input.len() };
        Ok(end.map(|end| input.split_to(end).freeze()))
    }
}

/// A parsed head.
pub(crate) struct ResponseHead {
    pub(crate) response: Response<()>,
    /// The framing of the body.
    pub(crate) framing: Framing,
    /// Whether the connection is kept open (RFC 9112 §9.3).
    pub(crate) keep_alive: bool,
    /// How long it is kept open while it is idle, if the backend says so (`Keep-Alive: timeout`).
    pub(crate) idle_timeout: Option<Duration>,
}

/// Parses a complete head of at most `max_fields` fields into `headers`, whose contents are
/// dropped; `is_head`: the request was HEAD.
pub(crate) fn parse(
    raw: &Bytes,
    mut headers: HeaderMap,
    is_head: bool,
    max_fields: usize,
) -> io::Result<ResponseHead> {
    let mut on_stack = [const { MaybeUninit::uninit() }; FIELDS_ON_STACK];
    let mut on_heap = Vec::new();
    let fields = match on_stack.get_mut(..max_fields) {
        Some(fields) => fields,
        None => {
            on_heap.resize(max_fields, MaybeUninit::uninit());
            &mut on_heap[..]
        }
    };
    let mut parsed = httparse::Response::new(&mut []);
    let parsing = httparse::ParserConfig::default()
        .parse_response_with_uninit_headers(&mut parsed, raw, fields)
        .map_err(|error| match error {
            httparse::Error::TooManyHeaders => super::too_many_fields(max_fields).into(),
            error => malformed(format!("a malformed head: {error}")),
        })?;
    let (httparse::Status::Complete(_), Some(version), Some(code)) =
        (parsing, parsed.version, parsed.code)
    else {
        return Err(malformed("an incomplete head"));
    };
    let status = StatusCode::from_u16(code).map_err(|_| malformed("an invalid status"))?;
    headers.clear();
    let mut framing_fields = FramingFields { keep_alive: version == 1, ..FramingFields::default() };
    for field in parsed.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let name = name.map_err(|_| malformed("an invalid field name"))?;
        let value = HeaderValue::from_maybe_shared(raw.slice_ref(field.value));
        let value = value.map_err(|_| malformed("an invalid field value"))?;
        framing_fields.field(&name, &value)?;
        // What only says whether this connection stays open is of no use to anybody else.
        let is_option =
            name == header::CONNECTION && matches!(value.as_bytes(), b"keep-alive" | b"close");
        if !is_option {
            headers.append(name, value);
        }
    }
    let framing = framing_fields.framing(status, is_head, version)?;
    // The next recipient must not read another length than this parser did (RFC 9112 §6.3, RFC 9110
    // §8.6): Content-Length is dropped if there is a Transfer-Encoding, and merged if it is
    // repeated.
    if framing_fields.chunked.is_some() {
        headers.remove(header::CONTENT_LENGTH);
    } else if let Some(length) = framing_fields.length.filter(|_| framing_fields.repeated) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if let Some(reason) = parsed.reason.filter(|own| Some(*own) != status.canonical_reason())
        && let Ok(reason) = ReasonPhrase::try_from(raw.slice_ref(reason.as_bytes()))
    {
        response.extensions_mut().insert(reason);
    }
    Ok(ResponseHead {
        response,
        framing,
        keep_alive: framing_fields.keep_alive && !framing_fields.close,
        idle_timeout: framing_fields.idle_timeout,
    })
}

/// The fields of a head that determine the connection's persistence and the body's framing.
#[derive(Default)]
struct FramingFields {
    keep_alive: bool,
    close: bool,
    /// How many options `Connection` lists.
    options: usize,
    length: Option<u64>,
    /// Whether the length occurs more than once.
    repeated: bool,
    /// Whether there is a Transfer-Encoding, and whether it is `chunked` alone.
    chunked: Option<bool>,
    idle_timeout: Option<Duration>,
}

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

impl FramingFields {
    fn field(&mut self, name: &HeaderName, value: &HeaderValue) -> io::Result<()> {
        if *name == header::CONTENT_LENGTH {
            return value.as_bytes().split(|byte| *byte == b',').try_for_each(|part| {
                let length = length(part.trim_ascii())
                    .ok_or_else(|| malformed("an invalid Content-Length"))?;
                match self.length.replace(length) {
                    Some(other) if other != length => {
                        return Err(malformed("conflicting Content-Lengths"));
                    }
                    Some(_) => self.repeated = true,
                    None => {}
                }
                Ok(())
            });
        }
        let elements = || value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        if *name == header::TRANSFER_ENCODING {
            let is_chunked = value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
            self.chunked = Some(is_chunked && self.chunked.is_none());
        } else if *name == header::CONNECTION {
            for option in elements() {
                self.options += 1;
                if self.options > MAX_CONNECTION_OPTIONS {
                    return Err(malformed("more than 100 options in Connection"));
                }
                self.close |= option.eq_ignore_ascii_case(b"close");
                self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        } else if *name == KEEP_ALIVE {
            let timeout = elements().find_map(|parameter| {
                let (name, seconds) = std::str::from_utf8(parameter).ok()?.split_once('=')?;
                name.trim_end().eq_ignore_ascii_case("timeout").then_some(seconds.trim())
            });
            // A value that can't be read, or kept, is no promise.
            let seconds = timeout.and_then(|seconds| seconds.parse().ok());
            self.idle_timeout =
                seconds.map(Duration::from_secs).filter(|timeout| *timeout <= MAX_IDLE_TIMEOUT);
        }
        Ok(())
    }

    fn framing(&self, status: StatusCode, is_head: bool, version: u8) -> io::Result<Framing> {
        let is_bodiless = is_head
            || status.is_informational()
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        match (self.chunked, self.length) {
            _ if is_bodiless => Ok(Framing::Done),
            // HTTP/1.0 has no Transfer-Encoding, and a sender of it may frame differently (RFC 9112
            // §6.1).
            (Some(_), _) if version == 0 => Err(malformed("a Transfer-Encoding in HTTP/1.0")),
            (Some(true), _) => Ok(Framing::Chunked(Chunks::default())),
            // The field goes no further, so the client would take coded data for content.
            (Some(false), _) => Err(malformed("a transfer coding other than chunked")),
            (None, None) => Ok(Framing::UntilClose),
            (None, Some(0)) => Ok(Framing::Done),
            (None, Some(length)) => Ok(Framing::Length(length)),
        }
    }
}

/// A Content-Length (RFC 9110 §8.6): digits only, no sign, no space.
fn length(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The rest of a response's body.
#[derive(Debug)]
pub(crate) enum Framing {
    /// Nothing.
    Done,
    /// This many bytes.
    Length(u64),
    /// Chunks (RFC 9112 §7.1).
    Chunked(Chunks),
    /// Everything until the connection closes.
    UntilClose,
}

impl Framing {
    /// Decodes the next frame; `None` if it has not arrived, or the body has ended.
    pub(crate) fn decode(&mut self, input: &mut BytesMut) -> io::Result<Option<Frame<Bytes>>> {
        match self {
            Self::Done => Ok(None),
            Self::Chunked(chunks) => {
                let frame = chunks.decode(input)?;
                if chunks.is_done() {
                    *self = Self::Done;
                }
                Ok(frame)
            }
            Self::Length(_) | Self::UntilClose if input.is_empty() => Ok(None),
            Self::Length(left) => {
                let len = input.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= len as u64;
                if *left == 0 {
                    *self = Self::Done;
                }
                Ok(Some(Frame::data(input.split_to(len).freeze())))
            }
            Self::UntilClose => Ok(Some(Frame::data(input.split().freeze()))),
        }
    }

    /// Handles the end of the stream; an error if the body is incomplete (RFC 9112 §8).
    pub(crate) fn close(&mut self) -> io::Result<()> {
        match self {
            Self::Done | Self::UntilClose => {
                *self = Self::Done;
                Ok(())
            }
            Self::Length(_) | Self::Chunked(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Whether the body has ended.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// The length of the rest.
    pub(crate) fn size_hint(&self) -> SizeHint {
        match self {
            Self::Done => SizeHint::with_exact(0),
            Self::Length(left) => SizeHint::with_exact(*left),
            Self::Chunked(_) | Self::UntilClose => SizeHint::default(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
