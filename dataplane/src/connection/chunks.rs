//! Follows a chunked body (RFC 9112 §7.1) to its end without keeping any of it, so that the next
//! head's place is known.

use memchr::memchr2;

/// Where in a chunked body the bytes are.
#[derive(Debug, Default)]
pub(crate) struct ChunkScan {
    at: At,
    /// Bytes of size lines and trailers so far, which carry no data.
    overhead: u64,
    data: u64,
}

#[derive(Debug, Default)]
enum At {
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

/// What the bytes so far come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// A part of the body.
    Part,
    /// All of it.
    End,
    /// What no chunked body begins with.
    Malformed,
}

/// A byte that can't be where it is.
struct Malformed;

/// Size lines, extensions and trailers may be this much longer than the data that they frame.
const OVERHEAD: u64 = 64 * 1024;

impl ChunkScan {
    /// Goes on with `bytes`; how many of them belong to the body, and what it is with them.
    pub(crate) fn advance(&mut self, bytes: &[u8]) -> (usize, Seen) {
        let mut position = 0;
        while position < bytes.len() {
            match self.some(&bytes[position..]) {
                Ok(taken) => position += taken,
                Err(Malformed) => return (position, Seen::Malformed),
            }
            if matches!(self.at, At::End) {
                return (position, Seen::End);
            }
        }
        (position, Seen::Part)
    }

    /// Goes on with a run of `bytes` that are of one kind; how many these are.
    fn some(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        match self.at {
            At::Data(left) => {
                let here = left.min(bytes.len() as u64);
                self.data += here;
                self.at = if left == here { At::DataCr } else { At::Data(left - here) };
                Ok(here as usize)
            }
            // Up to the line's end. A bare line feed is read as one by some parsers.
            At::Extension(_) | At::Trailer if !matches!(bytes[0], b'\r' | b'\n') => {
                let skipped = memchr2(b'\r', b'\n', bytes).unwrap_or(bytes.len());
                self.spend(skipped as u64)?;
                Ok(skipped)
            }
            _ => {
                self.spend(1)?;
                self.step(bytes[0])?;
                Ok(1)
            }
        }
    }

    fn spend(&mut self, bytes: u64) -> Result<(), Malformed> {
        self.overhead += bytes;
        if self.overhead > OVERHEAD + self.data { Err(Malformed) } else { Ok(()) }
    }

    /// One byte outside the data.
    fn step(&mut self, byte: u8) -> Result<(), Malformed> {
        self.at = match (&self.at, byte) {
            (At::Size, digit) => At::SizeDigits(hex(digit)?),
            (At::SizeDigits(size), b'\r') => At::SizeLf(*size),
            (At::SizeDigits(size), b';' | b' ' | b'\t') => At::Extension(*size),
            (At::SizeDigits(size), digit) => {
                let digit = hex(digit)?;
                At::SizeDigits(size.checked_mul(16).ok_or(Malformed)? + digit)
            }
            (At::Extension(size), b'\r') => At::SizeLf(*size),
            (At::SizeLf(0), b'\n') => At::TrailerStart,
            (At::SizeLf(size), b'\n') => At::Data(*size),
            (At::DataCr, b'\r') => At::DataLf,
            (At::DataLf, b'\n') => At::Size,
            (At::TrailerStart, b'\r') => At::EndLf,
            (At::TrailerStart, b'\n') => return Err(Malformed),
            (At::TrailerStart, _) => At::Trailer,
            (At::Trailer, b'\r') => At::TrailerLf,
            (At::TrailerLf, b'\n') => At::TrailerStart,
            (At::EndLf, b'\n') => At::End,
            (
                At::Extension(_)
                | At::SizeLf(_)
                | At::Data(_)
                | At::DataCr
                | At::DataLf
                | At::Trailer
                | At::TrailerLf
                | At::End
                | At::EndLf,
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

    /// Feeds `body` in pieces of `step`; how much of it is the body, and what that comes to.
    fn scan(body: &[u8], step: usize) -> (usize, Seen) {
        let mut scan = ChunkScan::default();
        let mut total = 0;
        for piece in body.chunks(step) {
            let (used, seen) = scan.advance(piece);
            total += used;
            if seen != Seen::Part {
                return (total, seen);
            }
        }
        (total, Seen::Part)
    }

    #[test]
    fn a_body_ends_where_it_ends_in_pieces_of_any_size() {
        for body in [
            "0\r\n\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
            "A;x=\"y\"\r\n0123456789\r\n00\r\nX-Sum: 1\r\nY: 2\r\n\r\n",
        ] {
            let with_next = format!("{body}GET / HTTP/1.1\r\n");
            for step in 1..with_next.len() {
                let seen = scan(with_next.as_bytes(), step);
                assert_eq!(seen, (body.len(), Seen::End), "{body:?} {step}");
            }
        }
    }

    #[test]
    fn what_is_not_chunked_is_malformed() {
        for (well, body) in [
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
                let seen = scan(body.as_bytes(), step);
                assert_eq!(seen, (well, Seen::Malformed), "{body:?} {step}");
            }
        }
        let endless = format!("5;{}", "a".repeat(70_000));
        assert_eq!(scan(endless.as_bytes(), 1000).1, Seen::Malformed);
    }
}
