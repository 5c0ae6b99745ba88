//! Follows a chunked body (RFC 9112 §7.1) to its end without keeping any of it, so that the next
//! head's place is known.

use memchr::memchr2;

/// Where in a chunked body the bytes are.
#[derive(Debug, Default)]
pub(super) struct ChunkScan {
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

/// A body that is not chunked as it must be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Size lines, extensions and trailers may be this much longer than the data that they frame.
const OVERHEAD: u64 = 64 * 1024;

impl ChunkScan {
    /// Goes on with `bytes`; how many of them belong to the body, and whether it ends with them.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> Result<(usize, bool), Malformed> {
        let mut position = 0;
        while let Some(&byte) = bytes.get(position) {
            if let At::Data(left) = self.at {
                let here = left.min((bytes.len() - position) as u64);
                position += here as usize;
                self.data += here;
                self.at = if left == here { At::DataCr } else { At::Data(left - here) };
                continue;
            }
            if let At::Extension(_) | At::Trailer = self.at
                && byte != b'\r'
            {
                let rest = &bytes[position..];
                // A bare line feed here is read as a line's end by some parsers.
                let skipped = memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
                self.spend(skipped as u64)?;
                position += skipped;
                if bytes.get(position) == Some(&b'\n') {
                    return Err(Malformed);
                }
                continue;
            }
            self.spend(1)?;
            position += 1;
            if self.step(byte)? {
                return Ok((position, true));
            }
        }
        Ok((position, false))
    }

    fn spend(&mut self, bytes: u64) -> Result<(), Malformed> {
        self.overhead += bytes;
        if self.overhead > OVERHEAD + self.data { Err(Malformed) } else { Ok(()) }
    }

    /// One byte outside the data; whether the body ends with it.
    fn step(&mut self, byte: u8) -> Result<bool, Malformed> {
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
        Ok(matches!(self.at, At::End))
    }
}

fn hex(digit: u8) -> Result<u64, Malformed> {
    (digit as char).to_digit(16).map(u64::from).ok_or(Malformed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Feeds `body` in pieces of `step`; how much of it is the body.
    fn length(body: &[u8], step: usize) -> Result<Option<usize>, Malformed> {
        let mut scan = ChunkScan::default();
        let mut total = 0;
        for piece in body.chunks(step) {
            let (used, done) = scan.advance(piece)?;
            total += used;
            if done {
                return Ok(Some(total));
            }
        }
        Ok(None)
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
                assert_eq!(
                    length(with_next.as_bytes(), step),
                    Ok(Some(body.len())),
                    "{body:?} {step}"
                );
            }
        }
    }

    #[test]
    fn what_is_not_chunked_is_malformed() {
        for body in [
            "\r\n",
            "x\r\n",
            "5\nhello",
            "5\r\nhelloX",
            "-1\r\n",
            "fffffffffffffffff\r\n",
            "0\r\n\n",
            "5;a\nb\r\n5;\rX",
        ] {
            assert_eq!(length(body.as_bytes(), 100).err(), Some(Malformed), "{body:?}");
        }
        let endless = format!("5;{}", "a".repeat(70_000));
        assert_eq!(length(endless.as_bytes(), 1000), Err(Malformed));
    }
}
