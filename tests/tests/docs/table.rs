//! The tables of a page that say what a browser's calls get.
//!
//! Such a table's first column is `a page of`: the page's origin, or a caller that is no browser.
//! Then come `calls`, `preflight` and `the call`, in the words of [`Preflight`] and [`Call`], and
//! where a page wants to show them `the backend gets` and `Portico-Cors`.

/// What a browser asks beforehand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Preflight {
    /// Nothing.
    None,
    /// The edge says that it may.
    Allowed,
    /// The edge says that it may not.
    Denied,
    /// The backend is asked, and its answer passes as it is.
    Backend,
}

/// What becomes of the call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Call {
    /// The page reads the backend's answer.
    Read,
    /// It reads it, even if cookies were sent.
    ReadWithCookies,
    /// The backend answers, and the page can't read it.
    NotRead,
    /// Its preflight is denied, so that the browser does not send it.
    NotSent,
    /// The edge refuses it.
    Refused,
    /// The backend's own CORS headers pass as they are.
    Backend,
    /// The WebSocket opens.
    Opens,
}

/// A row of such a table.
#[derive(Debug)]
pub(crate) struct Row {
    /// `None`: no browser.
    pub(crate) origin: Option<String>,
    /// The method of the call, or `WebSocket`.
    pub(crate) method: String,
    /// The scheme, host and path of its URL.
    pub(crate) scheme: String,
    pub(crate) host: String,
    pub(crate) path: String,
    /// Header lines of the page's own.
    pub(crate) lines: Vec<String>,
    pub(crate) preflight: Preflight,
    pub(crate) call: Call,
    /// The request line's beginning, and header lines.
    pub(crate) backend_gets: Vec<String>,
    /// The value of `Portico-Cors`.
    pub(crate) why: Option<String>,
}

/// What stands as code in a cell.
fn code(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The rows of all such tables.
pub(crate) fn rows(page: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut lines = page.lines();
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    while let Some(heading) = lines.by_ref().find(|line| line.starts_with("| a page of |")) {
        let heading = cells(heading);
        let table = lines.by_ref().skip(1).take_while(|line| line.starts_with('|'));
        rows.extend(table.map(|line| row(&heading, &cells(line))));
    }
    rows
}

fn row(heading: &[String], cells: &[String]) -> Row {
    let cell = |name: &str| {
        let place = heading.iter().position(|column| column == name);
        place.map_or("", |place| &cells[place])
    };
    let mut called = code(cell("calls"));
    let call = called.remove(0);
    let (method, url) = call.split_once(' ').unwrap();
    let (scheme, rest) = url.split_once("://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    Row {
        origin: code(cell("a page of")).pop(),
        method: method.to_owned(),
        scheme: scheme.replace("wss", "https"),
        host: host.to_owned(),
        path: format!("/{path}"),
        lines: called,
        preflight: match cell("preflight") {
            "none" => Preflight::None,
            "204" => Preflight::Allowed,
            "403" => Preflight::Denied,
            "the backend's" => Preflight::Backend,
            other => panic!("preflight '{other}' of {cells:?}"),
        },
        call: match cell("the call") {
            "read" => Call::Read,
            "read, with cookies" => Call::ReadWithCookies,
            "not read" => Call::NotRead,
            "not sent" => Call::NotSent,
            "403" => Call::Refused,
            "the backend's" => Call::Backend,
            "opens" => Call::Opens,
            other => panic!("the call is '{other}' of {cells:?}"),
        },
        backend_gets: code(cell("the backend gets")),
        why: code(cell("Portico-Cors")).pop(),
    }
}

impl Row {
    /// Whether the page calls its own origin.
    pub(crate) fn is_same_origin(&self) -> bool {
        self.origin == Some(format!("{}://{}", self.scheme, self.host))
    }

    /// Whether a browser asks before it sends this. Of what Fetch lets go without, the tables only
    /// use methods and this content type.
    pub(crate) fn needs_preflight(&self) -> bool {
        let is_simple = matches!(&*self.method, "GET" | "HEAD" | "POST" | "WebSocket")
            && self.lines.iter().all(|line| line == "content-type: text/plain");
        self.origin.is_some() && !self.is_same_origin() && !is_simple
    }

    /// A request for the call's URL, as the load balancer in front sends it on.
    fn request(&self, method: &str, lines: &[String]) -> String {
        let (path, host, scheme) = (&self.path, &self.host, &self.scheme);
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Proto: {scheme}\r\nContent-Length: 0\r\n"
        );
        let origin = self.origin.iter().map(|origin| format!("Origin: {origin}"));
        for line in origin.chain(lines.iter().cloned()) {
            request.extend([&line, "\r\n"]);
        }
        request + "\r\n"
    }

    /// What a browser asks beforehand.
    pub(crate) fn preflight_request(&self) -> String {
        let names = self.lines.iter().filter_map(|line| line.split(':').next());
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        let mut lines = vec![format!("Access-Control-Request-Method: {}", self.method)];
        if !names.is_empty() {
            lines.push(format!("Access-Control-Request-Headers: {}", names.join(",")));
        }
        self.request("OPTIONS", &lines)
    }

    /// The call itself.
    pub(crate) fn call_request(&self) -> String {
        if self.method != "WebSocket" {
            return self.request(&self.method, &self.lines);
        }
        let lines = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];
        self.request("GET", &lines.map(str::to_owned))
    }
}
