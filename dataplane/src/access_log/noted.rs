//! What only the access log shows of a request, gathered while it is served. Its texts are copied,
//! so that a long response does not keep the request's head in memory.

use super::{Entry, WorkerLog};
use http::{HeaderValue, Method, Version};
use std::{mem, net::SocketAddr, rc::Rc, sync::Arc, time::Instant};

/// How much of a field that a client chooses freely is logged, in bytes.
const MAX_FIELD_BYTES: usize = 1024;

/// A piece of the text.
#[derive(Clone, Copy, Debug)]
struct Span(usize, usize);

/// What only the access log shows; what is `None` was not known before the request was refused, or
/// is not there.
#[derive(Debug)]
pub(crate) struct Noted {
    log: Rc<WorkerLog>,
    /// All texts, one after another.
    text: String,
    method: Option<Method>,
    host: Option<Span>,
    path: Option<Span>,
    version: Option<Version>,
    client_cert: Option<Arc<str>>,
    user_agent: Option<Span>,
    referer: Option<Span>,
    backend: Option<Span>,
    endpoint: Option<SocketAddr>,
    panic: bool,
}

impl Noted {
    /// Nothing yet.
    pub(crate) fn new(log: &Rc<WorkerLog>) -> Self {
        Self {
            text: log.take_text(),
            log: log.clone(),
            method: None,
            host: None,
            path: None,
            version: None,
            client_cert: None,
            user_agent: None,
            referer: None,
            backend: None,
            endpoint: None,
            panic: false,
        }
    }

    /// Notes what the request's line says: `host` and `path` if they are valid.
    pub(crate) fn request(
        &mut self,
        method: &Method,
        host: Option<&str>,
        path: Option<&str>,
        version: Version,
    ) {
        (self.method, self.version) = (Some(method.clone()), Some(version));
        self.host = host.map(|host| self.add(host));
        self.path = path.map(|path| self.add(path));
    }

    /// Notes who the client is: the name in its certificate, its `User-Agent` and `Referer`.
    pub(crate) fn client(
        &mut self,
        certificate: Option<Arc<str>>,
        user_agent: Option<&HeaderValue>,
        referer: Option<&HeaderValue>,
    ) {
        self.client_cert = certificate;
        self.user_agent = user_agent.map(|value| self.add_field(value, &[]));
        // Like the path, without a query, which may contain secrets.
        let referer = referer.filter(|_| self.log.has_referer());
        self.referer = referer.map(|value| self.add_field(value, b"?#"));
    }

    /// Notes what was selected: a backend, its endpoint, and whether all were out.
    pub(crate) fn selected(&mut self, backend: &str, endpoint: Option<SocketAddr>, panic: bool) {
        if self.backend() != Some(backend) {
            self.backend = Some(self.add(backend));
        }
        (self.endpoint, self.panic) = (endpoint, panic);
    }

    /// The backend that was selected.
    pub(crate) fn backend(&self) -> Option<&str> {
        self.get(self.backend)
    }

    /// Writes the line of a request that has ended at `ended`: what is noted here, and the rest.
    pub(crate) fn write(&self, ended: Instant, rest: Entry<'_>) {
        let entry = Entry {
            backend: self.backend(),
            endpoint: self.endpoint,
            panic: self.panic,
            method: self.method.as_ref().map(Method::as_str),
            host: self.get(self.host),
            path: self.get(self.path),
            version: self.version.map(version),
            client_cert: self.client_cert.as_deref(),
            user_agent: self.get(self.user_agent),
            referer: self.get(self.referer),
            ..rest
        };
        self.log.write(&entry, ended);
    }

    fn add(&mut self, text: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(text);
        Span(start, self.text.len())
    }

    /// Adds a field's value up to any of `ends`.
    fn add_field(&mut self, value: &HeaderValue, ends: &[u8]) -> Span {
        let bytes = value.as_bytes();
        let end = bytes.iter().position(|byte| ends.contains(byte)).unwrap_or(bytes.len());
        let bytes = bytes.get(..end.min(MAX_FIELD_BYTES)).unwrap_or_default();
        self.add(&String::from_utf8_lossy(bytes))
    }

    fn get(&self, span: Option<Span>) -> Option<&str> {
        span.and_then(|Span(start, end)| self.text.get(start..end))
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.log.give_back(mem::take(&mut self.text));
    }
}

/// A version as the log names it.
fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}
