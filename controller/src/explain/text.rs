//! The explanation as text: from the Route to what the page's script can read.

use crate::paint::{Paint, Plain};
use portico_dataplane::{
    explain::{
        BackendShare, Browser, Deciding, Explanation, Field, Forwarded, LookedAt, Loser, Preflight,
        Question, Response, ResponseSource, Script, Winner,
    },
    table::{Protocol, Verification},
};
use std::fmt::Display;

/// How many losers to show.
const MAX_LOSERS: usize = 8;

/// How many characters of a body to show.
const MAX_BODY_CHARS: usize = 200;

/// The column at which the text of a section starts.
const INDENT: &str = "           ";

fn speaks(protocol: &Protocol) -> &'static str {
    match protocol {
        Protocol::Http1 => "HTTP/1.1",
        Protocol::H2c => "HTTP/2 in the clear",
        Protocol::Https(tls) => match tls.verification {
            Verification::None => "HTTPS (certificate not verified)",
            Verification::PublicRoots | Verification::Authorities(_) => "HTTPS",
        },
    }
}

/// The text so far.
pub(crate) struct Text {
    out: String,
    paint: Paint,
}

impl Text {
    /// Renders an explanation.
    pub(crate) fn of(question: &Question, explanation: &Explanation, paint: Paint) -> String {
        let mut text = Self { out: String::new(), paint };
        text.question(question);
        text.routing(explanation.winner.as_ref(), &explanation.losers, explanation.losers_omitted);
        text.rules(&explanation.rules);
        text.browser(&explanation.browser);
        if let Some(preflight) = &explanation.preflight {
            text.preflight(question, preflight);
        }
        if let Some(request) = &explanation.request {
            text.request(request, explanation);
        }
        if let Some(response) = &explanation.response {
            text.response(response);
            text.script(&response.script);
        }
        for note in &explanation.notes {
            text.section("Note", "", note);
        }
        text.out
    }

    /// The first line of a section: a highlighted word, and the rest of the line.
    fn section(&mut self, label: &str, word: &str, rest: impl Display) {
        let padding = INDENT.get(label.len()..).unwrap_or(" ");
        let (label, rest) = (self.paint.bold(label), rest.to_string());
        self.out.push_str(&format!("{label}{padding}{word}{}\n", Plain(&rest)));
    }

    /// A further line.
    fn line(&mut self, line: impl Display) {
        let line = line.to_string();
        self.out.push_str(&format!("{INDENT}{}\n", Plain(&line)));
    }

    fn fields(&mut self, fields: &[Field]) {
        for Field { name, value } in fields {
            self.line(format_args!("  {name}: {value}"));
        }
    }

    fn question(&mut self, question: &Question) {
        let page = match &question.origin {
            Some(origin) => format!(", from a page at {}", origin.to_str().unwrap_or_default()),
            None => String::new(),
        };
        let asked = format!("{} {}{page}", question.method, question.target);
        let asked = self.paint.bold(&asked);
        self.out.push_str(&format!("{asked}\n\n"));
    }

    fn routing(&mut self, winner: Option<&Winner>, losers: &[Loser], omitted: usize) {
        match winner {
            None => self.section("Route", &self.paint.bad("none"), ""),
            Some(winner) => {
                let name = self.paint.good(&winner.route.to_string());
                let (path, why) = (&winner.path, &winner.why);
                self.section("Route", &name, format_args!("  {path}  {why}"));
                for (name, value) in &winner.captures {
                    let name = if name == "*" { name.clone() } else { format!("{{{name}}}") };
                    self.line(format_args!("  {name} is '{value}'"));
                }
            }
        }
        for Loser { route, path, why, .. } in losers.iter().take(MAX_LOSERS) {
            let path = path.as_ref().map(|path| format!("  {path}")).unwrap_or_default();
            self.line(format_args!("not {route}{path}  {why}"));
        }
        let more = losers.len().saturating_sub(MAX_LOSERS) + omitted;
        if more > 0 {
            self.line(format_args!("and {more} more that come less close"));
        }
    }

    /// A line for each rule, and what it changes.
    fn rules(&mut self, rules: &[LookedAt]) {
        for (index, LookedAt { object, name, held, why, changes }) in rules.iter().enumerate() {
            let word = if *held { self.paint.good("holds") } else { "does not hold".to_owned() };
            let changes = if changes.is_empty() { why.clone() } else { changes.join("; ") };
            let label = if index == 0 { "Rules" } else { "" };
            let name = format!("{name} of {object} ");
            self.section(label, &format!("{}{word}", Plain(&name)), format_args!(": {changes}"));
        }
    }

    fn browser(&mut self, browser: &Browser) {
        let word = match (browser.forbidden, browser.preflight) {
            (true, _) => self.paint.bad("sends nothing"),
            (false, Some(true)) => self.paint.odd("sends a preflight first"),
            (false, Some(false)) => self.paint.good("sends no preflight"),
            (false, None) => self.paint.odd("it depends"),
        };
        self.section("Browser", &word, format_args!(": {}", browser.why));
    }

    fn preflight(&mut self, question: &Question, preflight: &Preflight) {
        let word = match preflight.allowed {
            Some(true) => self.paint.good("allowed"),
            Some(false) => self.paint.bad("refused"),
            None => self.paint.odd("forwarded"),
        };
        self.section("Preflight", &word, format_args!(": {}", preflight.why));
        let path = question.target.path();
        self.line(format_args!("OPTIONS {path}"));
        self.fields(&preflight.asks);
        let owner = preflight.policy.as_ref().map(|owner| format!(", by the policy of {owner}"));
        match (preflight.by, preflight.status) {
            (ResponseSource::Edge, Some(status)) => {
                self.line(format_args!(
                    "{status} from the front door{}",
                    owner.unwrap_or_default()
                ));
            }
            (ResponseSource::Edge | ResponseSource::Backend, _) => {
                self.line("the backend's response, unchanged")
            }
        }
        self.fields(&preflight.headers);
        if preflight.allowed == Some(true) && preflight.credentials == Some(false) {
            self.line("only without credentials, so not with cookies");
        }
    }

    fn request(&mut self, request: &Forwarded, explanation: &Explanation) {
        let Forwarded { sent, method, target, headers, withheld, backends, decides } = request;
        let word = if *sent { String::new() } else { self.paint.bad("not sent: ") };
        self.section("Request", &word, format_args!("{method} {target}"));
        let preflight = explanation.preflight.as_ref();
        if preflight.is_some_and(|preflight| preflight.allowed == Some(false)) {
            self.line(
                "no browser sends it from this page; sent from elsewhere, it looks like this:",
            );
        }
        self.fields(headers);
        if !withheld.is_empty() {
            self.line(format_args!("without the cookies {}", withheld.join(", ")));
        }
        for (index, backend) in backends.iter().enumerate() {
            self.backend(backend, index > 0 && *sent);
        }
        if !decides.is_empty() {
            self.line("then these settings apply:");
        }
        for Deciding { by, how } in decides {
            self.line(format_args!("  {by}: {how}"));
        }
    }

    fn backend(&mut self, backend: &BackendShare, differs: bool) {
        let BackendShare { name, priority, weight, share, protocol, endpoints, .. } = backend;
        let percent = share * 100.0;
        let endpoints = match endpoints.as_slice() {
            [] => "no endpoint is ready".to_owned(),
            endpoints => format!("at {}", endpoints.join(", ")),
        };
        self.line(format_args!(
            "to {name}: {percent:.0}% (priority {priority}, weight {weight}), {} {endpoints}",
            speaks(protocol)
        ));
        let is_told = backend.endpoints.is_empty();
        if let Some(why_not) = backend.why_not.as_ref().filter(|_| !is_told) {
            self.line(format_args!("  {why_not}"));
        }
        if differs && !backend.differs.is_empty() {
            self.line("  with other fields:");
            self.fields(&backend.differs);
        }
    }

    fn response(&mut self, response: &Response) {
        match (response.by, response.status) {
            (ResponseSource::Edge, Some(status)) => {
                let word = match response.reason {
                    Some(reason) => self.paint.bad(&format!("{status} {reason}")),
                    None => self.paint.good(&status.to_string()),
                };
                self.section("Response", &word, " from the front door");
            }
            (ResponseSource::Edge | ResponseSource::Backend, _) => {
                self.section("Response", "", "the backend's")
            }
        }
        if let Some(detail) = &response.detail {
            self.line(detail);
        }
        self.fields(&response.headers);
        if let Some(body) = response.body.as_deref().map(str::trim).filter(|body| !body.is_empty())
        {
            let cut: String = body.chars().take(MAX_BODY_CHARS).collect();
            let dots = if cut.len() < body.len() { "…" } else { "" };
            self.line(format_args!("  body: {cut}{dots}"));
        }
        if !response.removes.is_empty() {
            self.line(format_args!("removed: {}", response.removes.join(", ")));
        }
        for (fields, what) in [(&response.sets, "set:"), (&response.adds, "added:")] {
            if !fields.is_empty() {
                self.line(what);
                self.fields(fields);
            }
        }
        for sentence in &response.isolation {
            self.line(sentence);
        }
        self.line(&response.cors);
    }

    fn script(&mut self, script: &Script) {
        let word = match (script.reads, script.credentials) {
            (Some(true), Some(false)) => self.paint.good("reads the response, without credentials"),
            (Some(true), Some(true) | None) => self.paint.good("reads the response"),
            (Some(false), _) => self.paint.bad("reads nothing"),
            (None, _) => self.paint.odd("it depends"),
        };
        self.section("Script", &word, format_args!(": {}", script.why));
        match script.headers.as_slice() {
            [] => {}
            [all] if all == "*" => self.line("all headers except set-cookie"),
            headers => self.line(format_args!("of the headers {}", headers.join(", "))),
        }
    }
}
