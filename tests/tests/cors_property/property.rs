//! What must hold of every fetch.

use super::{
    policy::{Denied, Policy},
    scenario::{Action, Scenario},
    world::World,
};
use anyhow::{Result, anyhow, bail, ensure};
use portico_tests::fetch_model::{
    Answer, Credentials, Fetch, Headers, NetworkError, Readable, Request, SharedCache,
};

/// What became of a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    SameOrigin,
    Permitted,
    PermittedAfterPreflight,
    Denied(Denied),
    DeniedByPreflight(Denied),
    /// The policy has no say.
    Untouched,
}

/// A fetch as it went.
struct Course<'s> {
    scenario: &'s Scenario,
    fetch: &'s Fetch,
    preflight: Option<Answer>,
    /// The request itself and its answer, where it was sent.
    exchange: Option<(Request, Answer)>,
    outcome: Result<Readable, NetworkError>,
    /// The methods of the requests that the backend got.
    reached: Vec<String>,
}

/// Lets a browser do every fetch of a scenario, one after the other, and judges each.
pub(crate) async fn check(world: &World, scenario: &Scenario) -> Vec<Result<Fate>> {
    let mut cache = SharedCache::default();
    let mut fates = Vec::new();
    for fetch in &scenario.fetches {
        fates.push(fate(world, scenario, fetch, &mut cache).await);
    }
    fates
}

async fn fate(
    world: &World,
    scenario: &Scenario,
    fetch: &Fetch,
    cache: &mut SharedCache,
) -> Result<Fate> {
    let ask_edge = async |request: &Request| world.answer(scenario, request).await;
    let course = Course::run(world, scenario, fetch, ask_edge).await?;
    let judged = if scenario.policy.applies() {
        course.judge(cache)
    } else {
        let ask_backend = async |request: &Request| world.ask_backend(request).await;
        let direct = Course::run(world, scenario, fetch, ask_backend).await?;
        course.judge_untouched(&direct)
    };
    judged.map_err(|why| anyhow!("{why}\n{}", course.story()))
}

impl<'s> Course<'s> {
    /// What a browser does for a script's `fetch()`.
    async fn run(
        world: &World,
        scenario: &'s Scenario,
        fetch: &'s Fetch,
        ask: impl AsyncFn(&Request) -> Result<Answer>,
    ) -> Result<Self> {
        let mut preflight = None;
        if fetch.needs_preflight() {
            preflight = Some(ask(&fetch.preflight()).await?);
        }
        let heeded = preflight.as_ref().map_or(Ok(()), |answer| fetch.heed_preflight(answer));
        let (exchange, outcome) = match heeded {
            Ok(()) => {
                let request = fetch.request();
                let answer = ask(&request).await?;
                let outcome = fetch.read(&answer);
                (Some((request, answer)), outcome)
            }
            Err(error) => (None, Err(error)),
        };
        let reached = world.reached();
        Ok(Self { scenario, fetch, preflight, exchange, outcome, reached })
    }

    fn policy(&self) -> &Policy {
        &self.scenario.policy
    }

    fn judge(&self, cache: &mut SharedCache) -> Result<Fate> {
        let permitted =
            if self.fetch.is_same_origin() { Ok(()) } else { self.policy().permits(self.fetch) };
        match (permitted, &self.outcome) {
            (Ok(()), Err(error)) => bail!("a script can't read what is permitted: {error:?}"),
            (Err(why), Ok(_)) => bail!("a script reads what is not permitted: {why:?}"),
            (Ok(()), Ok(readable)) => self.judge_readable(readable)?,
            (Err(_), Err(_)) => {}
        }
        self.judge_reached(permitted)?;
        self.judge_preflight()?;
        self.judge_answer()?;
        self.judge_cache(cache)?;
        Ok(match (permitted, &self.preflight) {
            (Ok(()), _) if self.fetch.is_same_origin() => Fate::SameOrigin,
            (Ok(()), None) => Fate::Permitted,
            (Ok(()), Some(_)) => Fate::PermittedAfterPreflight,
            (Err(why), None) => Fate::Denied(why),
            (Err(why), Some(_)) => Fate::DeniedByPreflight(why),
        })
    }

    /// Without a policy a browser can't tell the edge from the backend, and the edge's own answers
    /// have no CORS headers.
    fn judge_untouched(&self, direct: &Self) -> Result<Fate> {
        match self.scenario.action {
            Action::Forward => {
                ensure!(
                    without_edge(&self.outcome) == without_edge(&direct.outcome),
                    "without a policy a script gets something else than of the backend: {:?}",
                    direct.outcome
                );
                ensure!(
                    self.reached == direct.reached,
                    "without a policy the backend gets {:?}, not {:?}",
                    self.reached,
                    direct.reached
                );
            }
            Action::Respond | Action::Fail => {
                let answers = self.preflight.iter().chain(self.exchange.iter().map(|(_, a)| a));
                let is_granted = answers.into_iter().any(grants);
                ensure!(!is_granted, "without a policy the edge's answer has CORS headers");
            }
        }
        Ok(Fate::Untouched)
    }

    /// The script gets the backend's answer, or the edge's where that answers, and of its headers
    /// the exposed ones.
    fn judge_readable(&self, readable: &Readable) -> Result<()> {
        let Some((request, answer)) = &self.exchange else { bail!("read without an answer") };
        let backend = &self.scenario.backend;
        let (status, content, sent) = match self.scenario.action {
            Action::Forward => (backend.status, backend.content(request), backend.headers(request)),
            Action::Respond => (203, "said".to_owned(), Headers::default()),
            // The text names the request.
            Action::Fail => (503, readable.body.clone(), Headers::default()),
        };
        let content = if request.method == "HEAD" { String::new() } else { content };
        ensure!(
            (readable.status, &readable.body) == (status, &content),
            "a script reads another answer than what was given"
        );
        let names = sent.iter().chain(answer.headers.iter()).map(|(name, _)| name.to_lowercase());
        for name in names {
            let is_the_policys = name.starts_with("access-control-");
            let is_exposed = if self.fetch.is_same_origin() {
                name != "set-cookie" && !is_the_policys
            } else {
                self.policy().exposes(&name)
                    && !(is_the_policys && answer.headers.get(&name).is_none())
            };
            ensure!(
                readable.names.contains(&name) == is_exposed,
                "a script {} read {name}",
                if is_exposed { "can't" } else { "can" }
            );
        }
        Ok(())
    }

    /// The backend gets the request itself, unless that is denied beforehand, and never a preflight.
    fn judge_reached(&self, permitted: Result<(), Denied>) -> Result<()> {
        let is_refused = permitted == Err(Denied::Origin) && self.policy().rejects();
        let is_sent = match (permitted, &self.preflight) {
            (Ok(()), _) => true,
            (Err(_), Some(_)) => false,
            (Err(_), None) => !is_refused,
        };
        let is_sent = is_sent && self.scenario.action == Action::Forward;
        let wanted: Vec<_> = is_sent.then(|| self.fetch.sent_method()).into_iter().collect();
        ensure!(self.reached == wanted, "the backend got {:?}, not {wanted:?}", self.reached);
        Ok(())
    }

    /// A preflight is allowed by 204 or denied by 403, and a denial grants nothing.
    fn judge_preflight(&self) -> Result<()> {
        let Some(answer) = &self.preflight else { return Ok(()) };
        let granted = self.policy().grants(self.fetch);
        let wanted = if granted.is_ok() { 204 } else { 403 };
        ensure!(answer.status == wanted, "a preflight is answered {}, not {wanted}", answer.status);
        self.judge_grant(answer, granted)?;
        let age = answer.headers.get("Access-Control-Max-Age");
        let wanted = granted.ok().and_then(|()| self.policy().seconds());
        ensure!(
            age.as_deref() == wanted,
            "a preflight may be remembered for {age:?}, not {wanted:?}"
        );
        Ok(())
    }

    /// An answer to a page of another origin that is not allowed grants nothing, and neither does
    /// one to the own origin, which needs no grant.
    fn judge_answer(&self) -> Result<()> {
        let Some((_, answer)) = &self.exchange else { return Ok(()) };
        let is_allowed = self.policy().allows_origin(&self.fetch.origin);
        if self.fetch.is_same_origin() {
            ensure!(!grants(answer), "an answer to the own origin has CORS headers");
            return Ok(());
        }
        self.judge_grant(answer, if is_allowed { Ok(()) } else { Err(Denied::Origin) })
    }

    fn judge_grant(&self, answer: &Answer, granted: Result<(), Denied>) -> Result<()> {
        let why = answer.headers.get("Portico-Cors");
        let Err(denied) = granted else {
            let origins: Vec<_> = answer.headers.values("Access-Control-Allow-Origin").collect();
            ensure!(origins == [&self.fetch.origin], "an answer is for {origins:?}");
            let credentials = answer.headers.get("Access-Control-Allow-Credentials");
            let wanted = self.policy().allow_credentials.then_some("true");
            ensure!(
                credentials.as_deref() == wanted,
                "an answer allows credentials: {credentials:?}"
            );
            ensure!(why.is_none(), "a grant says why it is a denial");
            return Ok(());
        };
        ensure!(!grants(answer), "a denial ({denied:?}) has CORS headers");
        ensure!(why.is_some() == self.policy().debug, "a denial says why: {why:?}");
        Ok(())
    }

    /// Nobody can tell whether there is a cache between the browser and the edge.
    fn judge_cache(&self, cache: &mut SharedCache) -> Result<()> {
        let Some((request, answer)) = &self.exchange else { return Ok(()) };
        // The text of the edge's own error names the request: nothing else may differ.
        let textless = |outcome: Result<Readable, NetworkError>| match self.scenario.action {
            Action::Forward | Action::Respond => outcome,
            Action::Fail => outcome.map(|readable| Readable { body: String::new(), ..readable }),
        };
        for (asked, cached) in cache.find(request) {
            let outcome = self.fetch.read(cached);
            ensure!(
                textless(outcome.clone()) == textless(self.outcome.clone()),
                "a shared cache may answer as it answered\n{asked:#?}\n{cached:#?}\n\
                 of which the script gets\n{outcome:?}, not\n{:?}",
                self.outcome
            );
        }
        cache.store(request, answer);
        Ok(())
    }

    /// What happened, for whoever reads a failure.
    fn story(&self) -> String {
        let Fetch { origin, target, method, headers, credentials, .. } = self.fetch;
        let credentials = match credentials {
            Credentials::Omit => "no credentials",
            Credentials::SameOrigin => "credentials for the own origin",
            Credentials::Include => "credentials",
        };
        format!(
            "{origin} fetches {method} {target} with {headers:?} and {credentials}\n\
             preflight's answer: {:#?}\nrequest and answer: {:#?}",
            self.preflight, self.exchange
        )
    }
}

/// What a script gets, but for the headers that the edge adds whatever the policy.
fn without_edge(outcome: &Result<Readable, NetworkError>) -> Result<Readable, NetworkError> {
    let mut outcome = outcome.clone();
    if let Ok(readable) = &mut outcome {
        readable.names.retain(|name| !matches!(name.as_str(), "date" | "x-request-id"));
    }
    outcome
}

/// Whether an answer has any CORS header.
fn grants(answer: &Answer) -> bool {
    answer.headers.iter().any(|(name, _)| name.to_ascii_lowercase().starts_with("access-control-"))
}
