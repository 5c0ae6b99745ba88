//! Scans a chunked body (RFC 9112 §7.1) to its end without storing it, to find where the next head
//! begins.

use memchr::memchr2;

/// The state of the scan.
#[derive(Debug, Default)]
pub(crate) struct ChunkScan {
    state: State,
    /// Bytes outside the data so far: size lines, chunk ends and trailers.
    overhead: u64,
    data: u64,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Size,
    SizeDigits(u64),
    Extension(u64),
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
    TrailerStart,
    Trailer,
    TrailerLf,
    End,
    EndLf,
}

/// The result of a scan so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The body continues.
    Part,
    /// The body is complete.
    End,
    /// The bytes are not a chunked body.
    Malformed,
}

/// A byte that is invalid at its position.
struct Malformed;

/// Size lines, extensions and trailers may exceed the data that they frame by this many bytes.
const MAX_OVERHEAD: u64 = 64 * 1024;

impl ChunkScan {
    /// Continues with `bytes`; returns how many of them belong to the body, and the result so far.
    pub(crate) fn advance(&mut self, bytes: &[u8]) -> (usize, Progress) {
        let mut position = 0;
        while position < bytes.len() {
            match self.advance_run(&bytes[position..]) {
                Ok(taken) => position += taken,
                Err(Malformed) => return (position, Progress::Malformed),
            }
            if matches!(self.state, State::End) {
                return (position, Progress::End);
            }
        }
        (position, Progress::Part)
    }

    /// Continues with a run of bytes of one kind; returns its length.
    fn advance_run(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        match self.state {
            State::Data(left) => {
                let len = left.min(bytes.len() as u64);
                self.data += len;
                self.state = if left == len { State::DataCr } else { State::Data(left - len) };
                Ok(len as usize)
            }
            // Up to the line's end. A bare LF stops it too: some parsers take it for one.
            State::Extension(_) | State::Trailer if !matches!(bytes[0], b'\r' | b'\n') => {
                let skipped = memchr2(b'\r', b'\n', bytes).unwrap_or(bytes.len());
                self.add_overhead(skipped as u64)?;
                Ok(skipped)
            }
            _ => {
                self.add_overhead(1)?;
                self.step(bytes[0])?;
                Ok(1)
            }
        }
    }

    fn add_overhead(&mut self, bytes: u64) -> Result<(), Malformed> {
        self.overhead += bytes;
        if self.overhead > MAX_OVERHEAD + self.data { Err(Malformed) } else { Ok(()) }
    }

    /// Handles one byte outside the data.
    fn step(&mut self, byte: u8) -> Result<(), Malformed> {
        self.state = match (&self.state, byte) {
            (State::Size, digit) => State::SizeDigits(hex(digit)?),
            (State::SizeDigits(size), b'\r') => State::SizeLf(*size),
            (State::SizeDigits(size), b';' | b' ' | b'\t') => State::Extension(*size),
            (State::SizeDigits(size), digit) => {
                let digit = hex(digit)?;
                State::SizeDigits(size.checked_mul(16).ok_or(Malformed)? + digit)
            }
            (State::Extension(size), b'\r') => State::SizeLf(*size),
            (State::SizeLf(0), b'\n') => State::TrailerStart,
            (State::SizeLf(size), b'\n') => State::Data(*size),
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size,
            (State::TrailerStart, b'\r') => State::EndLf,
            (State::TrailerStart, b'\n') => return Err(Malformed),
            (State::TrailerStart, _) => State::Trailer,
            (State::Trailer, b'\r') => State::TrailerLf,
            (State::TrailerLf, b'\n') => State::TrailerStart,
            (State::EndLf, b'\n') => State::End,
            (
                State::Extension(_)
                | State::SizeLf(_)
                | State::Data(_)
                | State::DataCr
                | State::DataLf
                | State::Trailer
                | State::TrailerLf
                | State::End
                | State::EndLf,
                _,
            ) => return Err(Malformed),
        };
        Ok(())
    }
}

fn hex(digit: u8) -> Result<u64, Malformed> {
    (digit as char).to_digit(16).map(u64::from).ok_or(Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `body` in pieces of `step`; returns how many bytes are the body, and the result.
    fn scan(body: &[u8], step: usize) -> (usize, Progress) {
        let mut scan = ChunkScan::default();
        let mut total = 0;
        for piece in body.chunks(step) {
            let (used, progress) = scan.advance(piece);
            total += used;
            if progress != Progress::Part {
                return (total, progress);
            }
        }
        (total, Progress::Part)
    }

    #[test]
    fn a_body_ends_at_its_last_byte_in_pieces_of_any_size() {
        for body in [
            "0\r\n\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
            "A;x=\"y\"\r\n0123456789\r\n00\r\nX-Sum: 1\r\nY: 2\r\n\r\n",
        ] {
            let with_next = format!("{body}GET / HTTP/1.1\r\n");
            for step in 1..with_next.len() {
                let progress = scan(with_next.as_bytes(), step);
                assert_eq!(progress, (body.len(), Progress::End), "{body:?} {step}");
            }
        }
    }

    #[test]
    fn what_is_not_chunked_is_malformed() {
        for (valid_len, body) in [
            (0, "\r\n"),
            (0, "x\r\n"),
            (1, "5\nhello"),
            (8, "5\r\nhelloX"),
            (0, "-1\r\n"),
            (16, "fffffffffffffffff\r\n"),
            (3, "0\r\n\n"),
            (3, "5;a\nb\r\n5;\rX"),
            (3, "5;\rX"),
        ] {
            for step in 1..=body.len() {
                let progress = scan(body.as_bytes(), step);
                assert_eq!(progress, (valid_len, Progress::Malformed), "{body:?} {step}");
            }
        }
        let endless = format!("5;{}", "a".repeat(70_000));
        assert_eq!(scan(endless.as_bytes(), 1000).1, Progress::Malformed);
    }
}
