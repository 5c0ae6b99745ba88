//! What `fuzz/` calls: parsers and decisions that are internal otherwise, as functions over what can
//! be compared and printed. Every internal name that fuzz targets depend on stands in this file.

use crate::{
    config::Limits,
    connection::http1::{
        chunks::{ChunkScan, Progress},
        head::{Framing as RequestFraming, Head, HeadScan, escape_query},
    },
    cors::{CorsRequest, Decision, Disposition, Policy},
    upstream::http1::{
        is_interim,
        response::{self, Framing, Heads},
    },
};
use bytes::BytesMut;
use http::{HeaderMap, Method, StatusCode};
use std::io;

/// A whole request head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// Its length, the empty line included.
    pub len: usize,
    /// The body's length; `None` where it is chunked.
    pub body: Option<u64>,
    /// Whether an `Upgrade` field counts.
    pub upgrade: bool,
    /// The head with its query escaped, where that is needed.
    pub escaped: Option<Vec<u8>>,
}

/// Scans a head of which more and more has arrived; `Ok(None)` where it is not whole at the last.
pub fn request_head<'b>(
    arrivals: impl IntoIterator<Item = &'b [u8]>,
    limits: &Limits,
) -> Result<Option<RequestHead>, String> {
    let mut scan = HeadScan::default();
    for bytes in arrivals {
        let head = scan.advance(bytes, limits).map_err(|refusal| format!("{refusal:?}"))?;
        if let Some(Head { len, framing, upgrade, escape }) = head {
            let body = match framing {
                RequestFraming::Length(length) => Some(length),
                RequestFraming::Chunked => None,
            };
            let escaped = escape.then(|| escape_query(&bytes[..len]));
            return Ok(Some(RequestHead { len, body, upgrade, escaped }));
        }
    }
    Ok(None)
}

/// How a chunked body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEnd {
    /// Not in these bytes.
    Open,
    /// Behind this many bytes.
    At(usize),
    /// It is malformed from here on.
    Malformed(usize),
}

/// Follows a request's chunked body that arrives in `pieces`.
pub fn request_chunks<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> BodyEnd {
    let (mut scan, mut total) = (ChunkScan::default(), 0);
    for piece in pieces {
        let (used, progress) = scan.advance(piece);
        total += used;
        match progress {
            Progress::Part => {}
            Progress::End => return BodyEnd::At(total),
            Progress::Malformed => return BodyEnd::Malformed(total),
        }
    }
    BodyEnd::Open
}

/// A backend's response, as far as it has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackendResponse {
    /// The raw heads, interim ones too.
    pub heads: Vec<Vec<u8>>,
    /// The final response's.
    pub status: Option<StatusCode>,
    /// The final response's.
    pub headers: HeaderMap,
    /// What has come of its body.
    pub data: Vec<u8>,
    /// The body's trailers.
    pub trailers: Option<HeaderMap>,
    /// Whether nothing more belongs to it.
    pub complete: bool,
    /// Whether it would be whole if the connection ended now.
    pub complete_at_close: bool,
    /// Whether the connection can be used again.
    pub keep_alive: bool,
    /// What follows a complete response.
    pub rest: Vec<u8>,
    /// Whether what follows is malformed.
    pub malformed: bool,
}

/// The default of `--max-response-fields`.
const MAX_FIELDS: usize = 100;

/// Reads a response, to a HEAD if `is_head`, that arrives in `pieces`.
pub fn backend_response<'b>(
    pieces: impl IntoIterator<Item = &'b [u8]>,
    is_head: bool,
) -> BackendResponse {
    let mut response = BackendResponse::default();
    let (mut heads, mut framing, mut input) = (Heads::default(), None, BytesMut::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        if response.read(&mut heads, &mut framing, &mut input, is_head).is_err() {
            response.malformed = true;
            return response;
        }
    }
    if let Some(framing) = &mut framing {
        response.complete = framing.is_done();
        response.complete_at_close = framing.close().is_ok();
    }
    if response.complete {
        response.rest = input.to_vec();
    }
    response
}

impl BackendResponse {
    fn read(
        &mut self,
        heads: &mut Heads,
        framing: &mut Option<Framing>,
        input: &mut BytesMut,
        is_head: bool,
    ) -> io::Result<()> {
        while framing.is_none() {
            let Some(raw) = heads.next(input)? else { return Ok(()) };
            self.heads.push(raw.to_vec());
            let head = response::parse(&raw, HeaderMap::new(), is_head, MAX_FIELDS)?;
            if !is_interim(head.response.status()) {
                self.status = Some(head.response.status());
                self.headers = head.response.headers().clone();
                self.keep_alive = head.keep_alive;
                *framing = Some(head.framing);
            }
        }
        let Some(framing) = framing else { return Ok(()) };
        while let Some(frame) = framing.decode(input)? {
            match frame.into_data() {
                Ok(data) => self.data.extend_from_slice(&data),
                Err(frame) => self.trailers = frame.into_trailers().ok(),
            }
        }
        Ok(())
    }
}

/// What a policy makes of a request.
#[derive(Clone, Debug)]
pub struct CorsOutcome {
    /// The verdict, if there is one.
    pub verdict: Option<String>,
    /// Whether it denies something.
    pub denied: bool,
    /// Whether the verdict is only reported.
    pub report_only: bool,
    /// Whether the request goes to the backend.
    pub forwarded: bool,
    /// The response's headers: the backend's, or those of a local reply, as the client gets them.
    pub headers: HeaderMap,
}

/// Applies a policy to a request from a page of another origin, or of none, and to the response of
/// its backend.
pub fn cors(
    policy: Option<&Policy>,
    method: &Method,
    headers: &HeaderMap,
    backend: HeaderMap,
) -> CorsOutcome {
    let decision = Decision::of(policy, &CorsRequest::of(method, headers, |_| false));
    let (forwarded, mut headers) = match decision.disposition {
        Disposition::Proceed => (true, backend),
        Disposition::Answer(headers) => (false, *headers),
        Disposition::Refuse(_) => (false, HeaderMap::new()),
    };
    decision.response_headers.apply(&mut headers);
    let verdict = decision.verdict;
    CorsOutcome {
        verdict: verdict.map(|verdict| format!("{:?}", verdict.outcome)),
        denied: verdict.is_some_and(|verdict| verdict.outcome.denial().is_some()),
        report_only: verdict.is_some_and(|verdict| verdict.report_only),
        forwarded,
        headers,
    }
}
