//! Requests and answers as the model sees them.

use super::safelist::is_token;
use crate::wire::Message;
use std::fmt;

/// A header list (Fetch §2.2.2): in order, with names as they were sent.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Adds a line.
    pub fn append(&mut self, name: &str, value: &str) {
        self.0.push((name.to_owned(), value.to_owned()));
    }

    /// Removes every line of this name.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
    }

    /// Replaces every line of this name by one.
    pub fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.append(name, value);
    }

    /// The values of all lines of this name, joined ("get"); `None` where there is no line.
    pub fn get(&self, name: &str) -> Option<String> {
        let lines: Vec<_> = self.values(name).collect();
        (!lines.is_empty()).then(|| lines.join(", "))
    }

    /// The value of each line of this name.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let lines = self.0.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name));
        lines.map(|(_, value)| value.as_str())
    }

    /// Every line.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The elements of a list of tokens ("extract header list values"); `None` where there is no
    /// line. Empty elements are skipped (RFC 9110 §5.6.1.2).
    pub(super) fn tokens(&self, name: &str) -> Result<Option<Vec<&str>>, NotTokens> {
        let elements = self.values(name).flat_map(|line| line.split(','));
        let elements: Vec<_> =
            elements.map(|e| e.trim_matches([' ', '\t'])).filter(|e| !e.is_empty()).collect();
        if !elements.iter().all(|element| is_token(element)) {
            return Err(NotTokens);
        }
        Ok(self.values(name).next().map(|_| elements))
    }
}

/// A list of tokens has an element that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotTokens;

impl<'l> FromIterator<(&'l str, &'l str)> for Headers {
    fn from_iter<T: IntoIterator<Item = (&'l str, &'l str)>>(lines: T) -> Self {
        let mut headers = Self::default();
        lines.into_iter().for_each(|(name, value)| headers.append(name, value));
        headers
    }
}

/// As lines, for whoever reads a failure.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, value)| format!("{name}: {value}")))
            .finish()
    }
}

/// A request that a browser sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its method.
    pub method: String,
    /// The origin that it goes to, serialised.
    pub target: String,
    /// Path and query.
    pub path: String,
    /// Its headers, without those that the connection needs.
    pub headers: Headers,
}

impl Request {
    /// Whether it is a CORS-preflight request (Fetch §3.3.2).
    pub fn is_preflight(&self) -> bool {
        let asks = self.headers.get("Access-Control-Request-Method").is_some();
        self.method == "OPTIONS" && asks
    }
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    /// The body.
    pub body: String,
}

impl From<Message> for Answer {
    fn from(message: Message) -> Self {
        Self { status: message.status(), headers: message.lines().collect(), body: message.text() }
    }
}
