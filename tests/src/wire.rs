//! HTTP/1 messages over raw sockets, as they are: nothing is hidden, completed or corrected.

use anyhow::{Context, Result, bail};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long anything may take before a test counts as hung.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What bytes can go through.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// One end of a connection that speaks HTTP/1.
pub struct Wire {
    io: Box<dyn Stream>,
    buffer: Vec<u8>,
}

/// A request or an answer.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// The start line and the fields, byte for byte, without the empty line.
    pub head: String,
    /// The body, its chunks joined.
    pub body: Vec<u8>,
    /// The trailer lines of a chunked body.
    pub trailers: Vec<String>,
    /// Whether the body came to its end as its framing says.
    pub complete: bool,
}

impl Message {
    /// The request line or status line.
    pub fn start_line(&self) -> &str {
        self.head.split("\r\n").next().unwrap_or_default()
    }

    /// An answer's status code; 0 where this is none.
    pub fn status(&self) -> u16 {
        self.start_line().split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    /// A request's target.
    pub fn target(&self) -> &str {
        self.start_line().split(' ').nth(1).unwrap_or_default()
    }

    /// A request's method.
    pub fn method(&self) -> &str {
        self.start_line().split(' ').next().unwrap_or_default()
    }

    /// The names and values of all lines, in order, each name as it was written.
    pub fn lines(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        lines.map(|(name, value)| (name, value.trim()))
    }

    /// The values of all lines of a field, in order; its name in any case.
    pub fn fields(&self, name: &str) -> Vec<&str> {
        self.lines().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v).collect()
    }

    /// The value of a field that stands exactly once; otherwise all lines, for a test to fail on.
    pub fn field(&self, name: &str) -> String {
        self.fields(name).join(" & ")
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The `reason` of problem details; empty where there are none.
    pub fn reason(&self) -> String {
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        problem["reason"].as_str().unwrap_or_default().to_owned()
    }

    fn has(&self, name: &str, value: &str) -> bool {
        self.fields(name).iter().any(|line| line.eq_ignore_ascii_case(value))
    }

    /// Whether the sender will close the connection.
    pub fn closes(&self) -> bool {
        self.has("connection", "close")
    }
}

impl Wire {
    /// One end of a stream.
    pub fn new(io: impl Stream + 'static) -> Self {
        Self { io: Box::new(io), buffer: Vec::new() }
    }

    /// A connection to `address`.
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        Ok(Self::new(TcpStream::connect(address).await?))
    }

    /// Sends bytes.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        let sending = async {
            self.io.write_all(bytes.as_ref()).await?;
            self.io.flush().await
        };
        Ok(timeout(PATIENCE, sending).await.context("the other side does not read")??)
    }

    /// Says that no more will be sent.
    pub async fn shut(&mut self) -> Result<()> {
        Ok(self.io.shutdown().await?)
    }

    /// Reads once; whether anything came before the end.
    async fn fill(&mut self) -> Result<bool> {
        let read = timeout(PATIENCE, self.io.read_buf(&mut self.buffer));
        // A reset is an end too.
        Ok(read.await.context("nothing came, and the connection stays open")?.unwrap_or(0) > 0)
    }

    /// Exactly `length` bytes, or fewer at the connection's end.
    pub async fn read(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.buffer.len() < length && self.fill().await? {}
        let length = length.min(self.buffer.len());
        Ok(self.buffer.drain(..length).collect())
    }

    /// Everything until the other side closes.
    pub async fn read_to_end(&mut self) -> Result<Vec<u8>> {
        while self.fill().await? {}
        Ok(std::mem::take(&mut self.buffer))
    }

    /// Up to and without `end`; `None` where the connection ends before it.
    async fn until(&mut self, end: &[u8]) -> Result<Option<Vec<u8>>> {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end) {
                let found = self.buffer.drain(..at).collect();
                self.buffer.drain(..end.len());
                return Ok(Some(found));
            }
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }

    /// The next head, its body unread; `None` where the connection ends first.
    pub async fn read_head(&mut self) -> Result<Option<Message>> {
        let head = self.until(b"\r\n\r\n").await?;
        if head.is_none() && !self.buffer.is_empty() {
            bail!("ends within a head: {:?}", String::from_utf8_lossy(&self.buffer));
        }
        Ok(head.map(|head| Message {
            head: String::from_utf8_lossy(&head).into_owned(),
            ..Message::default()
        }))
    }

    /// The next request, with its body; `None` where the connection ends first.
    pub async fn read_request(&mut self) -> Result<Option<Message>> {
        let Some(mut request) = self.read_head().await? else { return Ok(None) };
        if request.fields("content-length").is_empty()
            && request.fields("transfer-encoding").is_empty()
        {
            request.complete = true;
        } else {
            self.read_body(&mut request).await?;
        }
        Ok(Some(request))
    }

    /// The next answer, to a request of method `method`, with its body. What 1xx says is an answer
    /// of its own.
    pub async fn read_answer(&mut self, method: &str) -> Result<Message> {
        let mut answer = self.read_head().await?.context("closed without an answer")?;
        if method == "HEAD" || matches!(answer.status(), 100..=199 | 204 | 304) {
            answer.complete = true;
        } else {
            self.read_body(&mut answer).await?;
        }
        Ok(answer)
    }

    /// Reads the body that follows `message`, as that frames it.
    pub async fn read_body(&mut self, message: &mut Message) -> Result<()> {
        let length = message.field("content-length");
        if message.has("transfer-encoding", "chunked") {
            message.complete = self.read_chunks(message).await?;
        } else if length.is_empty() {
            message.body = self.read_to_end().await?;
            message.complete = true;
        } else {
            let length: usize = length.parse().context("Content-Length")?;
            message.body = self.read(length).await?;
            message.complete = message.body.len() == length;
        }
        Ok(())
    }

    /// One chunk's data; `None` where the connection ends first. The last one is empty.
    pub async fn read_chunk(&mut self) -> Result<Option<Vec<u8>>> {
        let Some(size) = self.until(b"\r\n").await? else { return Ok(None) };
        let size = usize::from_str_radix(&String::from_utf8_lossy(&size), 16)?;
        if size == 0 {
            return Ok(Some(Vec::new()));
        }
        let mut chunk = self.read(size + 2).await?;
        if chunk.len() < size + 2 {
            return Ok(None);
        }
        chunk.truncate(size);
        Ok(Some(chunk))
    }

    async fn read_chunks(&mut self, message: &mut Message) -> Result<bool> {
        loop {
            match self.read_chunk().await? {
                None => return Ok(false),
                Some(chunk) if chunk.is_empty() => break,
                Some(chunk) => message.body.extend_from_slice(&chunk),
            }
        }
        loop {
            match self.until(b"\r\n").await? {
                None => return Ok(false),
                Some(line) if line.is_empty() => return Ok(true),
                Some(line) => message.trailers.push(String::from_utf8_lossy(&line).into_owned()),
            }
        }
    }
}

/// Sends a request on a connection of its own, and reads its answer; further ones are not waited
/// for.
pub async fn ask(address: SocketAddr, request: impl AsRef<[u8]>) -> Result<Message> {
    let request = request.as_ref();
    let method = request.split(|byte| *byte == b' ').next().unwrap_or_default();
    let mut wire = Wire::connect(address).await?;
    wire.send(request).await?;
    wire.read_answer(&String::from_utf8_lossy(method)).await
}

/// A GET from www.ep.com; `fields` are whole lines.
pub fn get(target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: www.ep.com\r\n{fields}\r\n")
}

/// A POST to www.ep.com; `fields` are whole lines.
pub fn post(target: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {target} HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: {length}\r\n{fields}\r\n{body}"
    )
}
