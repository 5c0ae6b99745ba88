//! A cache between browsers and the edge that does no more than HTTP asks of it.

use super::{Answer, Request};

/// A shared cache (RFC 9111) for which every answer to a GET is fresh for ever, be it an error: so
/// keeps an answer from a request that it does not fit nothing but its `Vary`.
#[derive(Clone, Debug, Default)]
pub struct SharedCache(Vec<(Request, Answer)>);

impl SharedCache {
    /// Keeps the answer to a request.
    pub fn store(&mut self, request: &Request, answer: &Answer) {
        if request.method == "GET" {
            self.0.push((request.clone(), answer.clone()));
        }
    }

    /// The answers of which any may be given to a request, with what they answered (RFC 9111 §4).
    pub fn find(&self, request: &Request) -> impl Iterator<Item = &(Request, Answer)> {
        let is_get = request.method == "GET";
        self.0.iter().filter(move |(asked, answer)| {
            let same_url = asked.target == request.target && asked.path == request.path;
            is_get && same_url && selects(answer, asked, request)
        })
    }
}

/// Whether the headers that an answer's `Vary` names are the same in both requests (RFC 9111 §4.1).
fn selects(answer: &Answer, asked: &Request, request: &Request) -> bool {
    let lines = answer.headers.values("Vary").flat_map(|line| line.split(','));
    let mut names = lines.map(str::trim).filter(|name| !name.is_empty());
    names.all(|name| name != "*" && asked.headers.get(name) == request.headers.get(name))
}
