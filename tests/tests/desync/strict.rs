//! A reader of HTTP/1 messages that takes nothing that two readers could take differently
//! (RFC 9112): what it refuses must not pass through the edge.

/// A message that was read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) start_line: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// How many bytes it took.
    pub(crate) length: usize,
}

/// Why there is no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// More bytes are needed.
    Incomplete,
    Malformed(String),
}

type Read<T> = Result<T, Unread>;

/// What kind of message follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    Request,
    /// A response to this method; `true` where the sender has closed the connection.
    Response(&'a str, bool),
}

/// How strictly to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// What leaves the edge.
    Strict,
    /// What comes to the edge: white space and any extension behind the size, as most readers take
    /// them.
    Tolerant,
}

enum Framing {
    None,
    Length(usize),
    Chunked,
    UntilClose,
}

fn malformed<T>(why: impl Into<String>) -> Read<T> {
    Err(Unread::Malformed(why.into()))
}

impl Message {
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let fields = self.fields.iter();
        fields.filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub(crate) fn target(&self) -> &str {
        self.start_line.split(' ').nth(1).unwrap_or_default()
    }

    pub(crate) fn method(&self) -> &str {
        self.start_line.split(' ').next().unwrap_or_default()
    }

    pub(crate) fn status(&self) -> u16 {
        self.target().parse().unwrap_or_default()
    }

    /// Reads one message from the start of `bytes`.
    pub(crate) fn read(bytes: &[u8], kind: Kind<'_>, reader: Reader) -> Read<Self> {
        let mut at = 0;
        let bare = reader == Reader::Tolerant && kind != Kind::Request;
        let start_line = line(bytes, &mut at, bare)?;
        let fields = read_fields(bytes, &mut at, bare)?;
        let mut message = Self { start_line, fields, body: Vec::new(), length: 0 };
        message.check_start(kind)?;
        if kind == Kind::Request {
            message.check_host()?;
        }
        match message.framing(kind, reader)? {
            Framing::None => {}
            Framing::Length(length) => {
                let body = bytes.get(at..at.saturating_add(length)).ok_or(Unread::Incomplete)?;
                message.body.extend_from_slice(body);
                at += length;
            }
            Framing::Chunked => read_chunks(bytes, &mut at, &mut message.body, reader)?,
            Framing::UntilClose => {
                message.body.extend_from_slice(&bytes[at..]);
                at = bytes.len();
            }
        }
        message.length = at;
        Ok(message)
    }

    fn check_start(&self, kind: Kind<'_>) -> Read<()> {
        let words: Vec<_> = self.start_line.splitn(3, ' ').collect();
        let is_version = |word: &&str| ["HTTP/1.1", "HTTP/1.0"].contains(word);
        let good = match kind {
            Kind::Request => {
                words.len() == 3 && is_token(words[0]) && is_version(&words[2]) && {
                    let target = words[1];
                    !target.is_empty() && target.bytes().all(|byte| byte.is_ascii_graphic())
                }
            }
            Kind::Response(..) => {
                words.first().is_some_and(is_version)
                    && words.get(1).is_some_and(|code| {
                        code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit())
                    })
            }
        };
        if good { Ok(()) } else { malformed(format!("start line {:?}", self.start_line)) }
    }

    /// RFC 9112 §3.2; a request of HTTP/1.0 may have none.
    fn check_host(&self) -> Read<()> {
        let hosts: Vec<_> = self.values("host").collect();
        let is_host_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
        let good = match hosts.as_slice() {
            [host] => !host.is_empty() && host.bytes().all(is_host_byte),
            hosts => hosts.is_empty() && self.start_line.ends_with("HTTP/1.0"),
        };
        if good { Ok(()) } else { malformed(format!("hosts {hosts:?}")) }
    }

    /// RFC 9112 §6.3. It lets a recipient repair two things in a response: a length beside a
    /// coding, and a length that is repeated. Where there is no body, neither counts.
    fn framing(&self, kind: Kind<'_>, reader: Reader) -> Read<Framing> {
        let codings: Vec<_> = self.values("transfer-encoding").collect();
        let mut lengths: Vec<_> = self.values("content-length").collect();
        if reader == Reader::Tolerant && kind != Kind::Request {
            if let Some(none) = self.without_body(kind) {
                return Ok(none);
            }
            lengths = lengths.iter().flat_map(|list| list.split(',')).map(str::trim).collect();
            lengths.dedup();
            let is_number = |length: &&str| length.bytes().all(|byte| byte.is_ascii_digit());
            if !codings.is_empty() && lengths.len() <= 1 && lengths.iter().all(is_number) {
                lengths.clear();
            }
        }
        let framing = match (codings.as_slice(), lengths.as_slice()) {
            ([], []) => match kind {
                Kind::Request => Framing::None,
                Kind::Response(_, true) => Framing::UntilClose,
                Kind::Response(_, false) => {
                    return self.without_body(kind).ok_or(Unread::Incomplete);
                }
            },
            ([coding], []) if coding.eq_ignore_ascii_case("chunked") => {
                if self.start_line.contains("HTTP/1.0") {
                    return malformed("chunked in HTTP/1.0");
                }
                Framing::Chunked
            }
            ([], [length]) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
                length.parse().map_or_else(|_| malformed("length"), |l| Ok(Framing::Length(l)))?
            }
            _ => return malformed(format!("framing {codings:?} {lengths:?}")),
        };
        Ok(self.without_body(kind).unwrap_or(framing))
    }

    fn without_body(&self, kind: Kind<'_>) -> Option<Framing> {
        match kind {
            Kind::Response("HEAD", _) => Some(Framing::None),
            Kind::Response(..) if matches!(self.status(), 100..=199 | 204 | 304) => {
                Some(Framing::None)
            }
            Kind::Response(..) | Kind::Request => None,
        }
    }
}

/// A line that ends with CRLF, or with LF alone if that is tolerated (RFC 9112 §2.2), and holds no
/// other CR or LF.
fn line(bytes: &[u8], at: &mut usize, bare: bool) -> Read<String> {
    let rest = &bytes[*at..];
    let Some(end) = rest.iter().position(|byte| b"\r\n\0".contains(byte)) else {
        return Err(Unread::Incomplete);
    };
    *at += match &rest[end..] {
        [b'\r', b'\n', ..] => end + 2,
        [b'\r'] => return Err(Unread::Incomplete),
        [b'\n', ..] if bare => end + 1,
        _ => return malformed("a bare CR, LF or NUL"),
    };
    Ok(rest[..end].iter().copied().map(char::from).collect())
}

fn is_token(text: &str) -> bool {
    let symbol = |byte: u8| b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || symbol(byte))
}

fn read_fields(bytes: &[u8], at: &mut usize, bare: bool) -> Read<Vec<(String, String)>> {
    let mut fields = Vec::new();
    loop {
        let line = line(bytes, at, bare)?;
        if line.is_empty() {
            return Ok(fields);
        }
        let Some((name, value)) = line.split_once(':') else { return malformed("no colon") };
        let is_control = |byte: u8| byte != b'\t' && byte.is_ascii_control();
        if !is_token(name) || value.bytes().any(is_control) {
            return malformed(format!("field {line:?}"));
        }
        fields.push((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()));
    }
}

fn read_chunks(bytes: &[u8], at: &mut usize, body: &mut Vec<u8>, reader: Reader) -> Read<()> {
    loop {
        let line = line(bytes, at, false)?;
        let (size, extensions) = line.split_once(';').unwrap_or((&line, ""));
        let is_control = |byte: u8| byte != b'\t' && byte.is_ascii_control();
        let (size, good) = match reader {
            Reader::Strict => (size, !extensions.bytes().any(is_control)),
            Reader::Tolerant => (size.trim_end_matches([' ', '\t']), true),
        };
        let is_hexadecimal = size.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !good || !(1..=15).contains(&size.len()) || !is_hexadecimal {
            return malformed(format!("chunk size {line:?}"));
        }
        let size = usize::from_str_radix(size, 16).or_else(|_| malformed("chunk size"))?;
        if size == 0 {
            return read_fields(bytes, at, false).map(drop);
        }
        let end = *at + size;
        body.extend_from_slice(bytes.get(*at..end).ok_or(Unread::Incomplete)?);
        match bytes.get(end..end + 2) {
            Some(b"\r\n") => *at = end + 2,
            Some(_) => return malformed("a chunk longer than its size"),
            None => return Err(Unread::Incomplete),
        }
    }
}
