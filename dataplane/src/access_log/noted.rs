//! What only the access log shows of a request, gathered while it is served. Its texts are copied,
//! so that a long response does not keep the request's head in memory.

use super::{Entry, WorkerLog};
use http::{HeaderMap, Method, Version, header};
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
    rules: Option<Span>,
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
            rules: None,
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

    /// The method, host and path, as far as they are noted.
    pub(crate) fn method_host_path(&self) -> [Option<&str>; 3] {
        let method = self.method.as_ref().map(Method::as_str);
        [method, self.get(self.host), self.get(self.path)]
    }

    /// Notes who the client is: the name in its certificate, its `User-Agent` and `Referer`.
    pub(crate) fn client(&mut self, certificate: Option<Arc<str>>, headers: &HeaderMap) {
        self.client_cert = certificate;
        let user_agent = headers.get(header::USER_AGENT);
        self.user_agent = user_agent.map(|value| self.add_field(value.as_bytes()));
        if self.log.has_referer() {
            let referer = headers.get(header::REFERER);
            self.referer = referer.map(|value| self.add_field(without_query(value.as_bytes())));
        }
    }

    /// Notes the names of the rules that act.
    pub(crate) fn rules<'n>(&mut self, names: impl Iterator<Item = &'n str>) {
        let start = self.text.len();
        for name in names {
            if self.text.len() > start {
                self.text.push(',');
            }
            self.text.push_str(name);
        }
        self.rules = (self.text.len() > start).then_some(Span(start, self.text.len()));
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
            rules: self.get(self.rules),
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

    fn add_field(&mut self, value: &[u8]) -> Span {
        let value = value.get(..MAX_FIELD_BYTES).unwrap_or(value);
        self.add(&String::from_utf8_lossy(value))
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

/// A URL without its query and fragment, which may contain secrets: the path has none either.
fn without_query(url: &[u8]) -> &[u8] {
    url.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default()
}

/// A version as the log names it.
fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}
