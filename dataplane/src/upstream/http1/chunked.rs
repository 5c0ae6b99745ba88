//! Decodes a chunked body (RFC 9112 §7.1).

use super::malformed;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use hyper::body::Frame;
use memchr::{memchr, memmem};
use std::io;

/// Limit in bytes for the rest of all size lines together, after their digits, and for the trailer
/// section.
const MAX_EXTRA_BYTES: usize = 16 * 1024;

/// Limit for the number of trailer fields.
const MAX_TRAILERS: usize = 100;

/// The state of the decoder.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    state: State,
    /// Bytes of chunk extensions so far.
    extensions: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Size,
    Data(u64),
    DataEnd,
    Trailers,
    Done,
}

impl Chunks {
    /// Whether the body has ended.
    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Decodes the next data or trailer fields; `None` if they have not arrived, or the body has
    /// ended.
    pub(super) fn decode(&mut self, input: &mut BytesMut) -> io::Result<Option<Frame<Bytes>>> {
        loop {
            match self.state {
                State::Size => {
                    let Some(line) = line(input)? else { return Ok(None) };
                    let size = self.size(&line)?;
                    self.state = if size == 0 { State::Trailers } else { State::Data(size) };
                }
                State::Data(_) if input.is_empty() => return Ok(None),
                State::Data(left) => {
                    let len = input.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    let left = left - len as u64;
                    self.state = if left == 0 { State::DataEnd } else { State::Data(left) };
                    return Ok(Some(Frame::data(input.split_to(len).freeze())));
                }
                State::DataEnd => match input.first_chunk() {
                    None => return Ok(None),
                    Some(b"\r\n") => {
                        let _ = input.split_to(2);
                        self.state = State::Size;
                    }
                    Some(_) => return Err(malformed("a chunk is longer than its size")),
                },
                State::Trailers => {
                    let Some(block) = block(input)? else { return Ok(None) };
                    self.state = State::Done;
                    let frame = (block.len() > 2).then(|| trailers(&block));
                    return Ok(frame.transpose()?.map(Frame::trailers));
                }
                State::Done => return Ok(None),
            }
        }
    }

    /// Parses a size line: hexadecimal digits, then optional white space and extensions (RFC 9112
    /// §7.1.1).
    fn size(&mut self, line: &[u8]) -> io::Result<u64> {
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let (digits, rest) = line.split_at(digits);
        self.extensions += rest.len();
        let extension = rest.trim_ascii_start();
        if !(extension.is_empty() || extension.starts_with(b";"))
            || self.extensions > MAX_EXTRA_BYTES
        {
            return Err(malformed("an invalid chunk extension"));
        }
        let text = std::str::from_utf8(digits).unwrap_or_default();
        u64::from_str_radix(text, 16).map_err(|_| malformed("an invalid chunk size"))
    }
}

/// Takes a line that ends in CRLF and contains no other CR or LF.
fn line(input: &mut BytesMut) -> io::Result<Option<BytesMut>> {
    let Some(length) = memchr(b'\n', input) else {
        return if input.len() > MAX_EXTRA_BYTES {
            Err(malformed("an endless chunk-size line"))
        } else {
            Ok(None)
        };
    };
    let mut line = input.split_to(length + 1);
    line.truncate(length);
    match memchr(b'\r', &line) {
        Some(at) if at + 1 == length => {
            line.truncate(at);
            Ok(Some(line))
        }
        Some(_) | None => Err(malformed("a chunk-size line that does not end in CRLF")),
    }
}

/// Takes the trailer section with the empty line that ends it (RFC 9112 §7.1.2).
fn block(input: &mut BytesMut) -> io::Result<Option<Bytes>> {
    let end = if input.starts_with(b"\r\n") {
        Some(2)
    } else {
        memmem::find(input, b"\r\n\r\n").map(|at| at + 4)
    };
    match end {
        Some(end) if end <= MAX_EXTRA_BYTES => Ok(Some(input.split_to(end).freeze())),
        None if input.len() < MAX_EXTRA_BYTES => Ok(None),
        Some(_) | None => Err(malformed("an endless trailer section")),
    }
}

fn trailers(block: &Bytes) -> io::Result<HeaderMap> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_TRAILERS];
    let Ok(httparse::Status::Complete((length, fields))) =
        httparse::parse_headers(block, &mut fields)
    else {
        return Err(malformed("malformed trailer fields"));
    };
    // Some parsers end a line at a bare LF, which would leave the rest for others.
    if length != block.len() {
        return Err(malformed("an empty line within the trailer section"));
    }
    let mut trailers = HeaderMap::with_capacity(fields.len());
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = HeaderValue::from_maybe_shared(block.slice_ref(field.value));
        match (name, value) {
            (Ok(name), Ok(value)) => {
                trailers.append(name, value);
            }
            (Err(_), _) | (_, Err(_)) => return Err(malformed("an invalid trailer field")),
        }
    }
    Ok(trailers)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Feeds `body` in pieces of `step`; returns its data and trailer fields, the rest of the
    /// input, and whether it has ended.
    fn decoded(body: &str, step: usize) -> io::Result<(String, String, bool)> {
        let (mut chunks, mut input) = (Chunks::default(), BytesMut::new());
        let (mut data, mut trailers) = (Vec::new(), String::new());
        for piece in body.as_bytes().chunks(step) {
            input.extend_from_slice(piece);
            while let Some(frame) = chunks.decode(&mut input)? {
                match frame.into_data() {
                    Ok(more) => data.extend_from_slice(&more),
                    Err(frame) => {
                        for (name, value) in &frame.into_trailers().unwrap() {
                            trailers += &format!("{name}={};", value.to_str().unwrap());
                        }
                    }
                }
            }
        }
        let rest = String::from_utf8_lossy(&input);
        Ok((
            String::from_utf8(data).unwrap() + "|" + &trailers,
            rest.into_owned(),
            chunks.is_done(),
        ))
    }

    #[test]
    fn a_body_is_decoded_in_pieces_of_any_size() {
        for (body, expected) in [
            ("0\r\n\r\n", "|"),
            ("5\r\nhello\r\n0\r\n\r\n", "hello|"),
            ("3\r\nabc\r\n00A ; x=\"y\"\r\n0123456789\r\n0;z\r\n\r\n", "abc0123456789|"),
            ("1\t\r\na\r\n000\r\nX-Sum: 1\r\nY:2 \r\n\r\n", "a|x-sum=1;y=2;"),
        ] {
            let with_next = format!("{body}HTTP/1.1 200 OK");
            for step in 1..=with_next.len() {
                let expected = (expected.to_owned(), "HTTP/1.1 200 OK".to_owned(), true);
                assert_eq!(decoded(&with_next, step).unwrap(), expected, "{body:?} {step}");
            }
            for end in 0..body.len() {
                assert!(!decoded(&body[..end], 3).unwrap().2, "{body:?} {end}");
            }
        }
    }

    #[test]
    fn what_is_not_chunked_is_malformed() {
        let long = "a".repeat(MAX_EXTRA_BYTES + 1);
        let extensions = format!("1;{long}\r\n");
        let many_extensions = "1;aaaaaaa\r\nx\r\n".repeat(MAX_EXTRA_BYTES / 7);
        let trailer = format!("0\r\na: {long}\r\n\r\n");
        let many_trailers = format!("0\r\n{}\r\n", "a: b\r\n".repeat(MAX_TRAILERS + 1));
        for body in [
            "\r\n",
            "x\r\n",
            "-1\r\n",
            "+1\r\n",
            "0x1\r\n",
            " 1\r\n",
            "1 1\r\n",
            ";a\r\n",
            "5\nhello\n",
            "5;\rx\r\n",
            "5;a\nb\r\n",
            "5\r\nhello!\r\n",
            "5\r\nhello\n\n",
            "fffffffffffffffff\r\n",
            "10000000000000000\r\n",
            "0\r\nno colon\r\n\r\n",
            "0\r\nname : x\r\n\r\n",
            "0\r\na: b\r\n folded\r\n\r\n",
            "0\r\na: b\n\nHTTP/1.1 200 OK\r\n\r\n",
            &long,
            &extensions,
            &many_extensions,
            &trailer,
            &many_trailers,
        ] {
            for step in [1, 2, 5, 1000, usize::MAX] {
                let start = &body[..body.len().min(40)];
                assert!(decoded(body, step).is_err(), "{start:?} {step}");
            }
        }
    }
}
