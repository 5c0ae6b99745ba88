//! The real edge before a recording backend, reached over one connection that stays open.

use super::{
    faults::Fault,
    policy::Policy,
    scenario::{Meddling, Scenario},
};
use anyhow::{Context, Result};
use portico_tests::{
    backend::{Backend, Reply, front_door},
    edge::Edge,
    fetch_model::{Answer, Request},
    wire::{Message, Wire},
};
use std::sync::{Arc, Mutex, PoisonError};

/// An edge, and a backend that answers as the scenario wants.
pub(crate) struct World {
    edge: Edge,
    backend: Backend,
    meddling: Arc<Mutex<Meddling>>,
    connection: tokio::sync::Mutex<Option<Wire>>,
    fault: Fault,
}

/// What a fault may know of a request.
pub(crate) struct Scene<'s> {
    pub(crate) policy: &'s Policy,
    pub(crate) backend: &'s Meddling,
    pub(crate) request: &'s Request,
}

impl World {
    /// With an edge that makes this mistake.
    pub(crate) async fn start(fault: Fault) -> Result<Self> {
        let meddling = Arc::<Mutex<Meddling>>::default();
        let shared = meddling.clone();
        let backend = Backend::scripted(move |request| {
            reply(request, &shared.lock().unwrap_or_else(PoisonError::into_inner))
        });
        let edge = Edge::start(&front_door("")).await?;
        let connection = tokio::sync::Mutex::default();
        Ok(Self { edge, backend: backend.await?, meddling, connection, fault })
    }

    /// Serves a scenario; `false` where the compiler refuses its policy.
    pub(crate) async fn serve(&self, scenario: &Scenario) -> Result<bool> {
        *self.meddling.lock().unwrap_or_else(PoisonError::into_inner) = scenario.backend.clone();
        match self.edge.serve(&scenario.manifests(self.backend.address())).await {
            Ok(_) => Ok(true),
            Err(error) if error.to_string().contains("is not accepted") => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What the edge, with its fault, answers.
    pub(crate) async fn answer(&self, scenario: &Scenario, request: &Request) -> Result<Answer> {
        let (policy, backend) = (&scenario.policy, &scenario.backend);
        let mut taken_for = request.clone();
        (self.fault.mistakes)(policy, &mut taken_for);
        let mut kept = self.connection.lock().await;
        let mut wire = match kept.take() {
            Some(wire) => wire,
            None => Wire::connect(self.edge.address()).await?,
        };
        let message = exchange(&mut wire, &taken_for).await?;
        *kept = Some(wire).filter(|_| !message.closes());
        let mut answer = Answer::from(message);
        let origin = |request: &Request| request.headers.get("Origin").unwrap_or_default();
        if origin(&taken_for) != origin(request)
            && answer.headers.get("Access-Control-Allow-Origin") == Some(origin(&taken_for))
        {
            answer.headers.set("Access-Control-Allow-Origin", &origin(request));
        }
        if (self.fault.leaks)(request, &answer) {
            self.ask_backend(request).await?;
        }
        (self.fault.spoils)(&Scene { policy, backend, request }, &mut answer);
        Ok(answer)
    }

    /// What the backend answers by itself.
    pub(crate) async fn ask_backend(&self, request: &Request) -> Result<Answer> {
        let mut wire = Wire::connect(self.backend.address()).await?;
        exchange(&mut wire, request).await.map(Answer::from)
    }

    /// The methods of the requests that the backend got since it was last asked.
    pub(crate) fn reached(&self) -> Vec<String> {
        let method = |request: Message| request.method().to_owned();
        self.backend.take().into_iter().map(method).collect()
    }
}

/// Sends a request as a proxy before the edge hands it on, and reads its answer.
async fn exchange(wire: &mut Wire, request: &Request) -> Result<Message> {
    let Request { method, target, path, headers } = request;
    let (scheme, host) = target.split_once("://").context("the target is no origin")?;
    let mut bytes =
        format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Proto: {scheme}\r\n");
    for (name, value) in headers.iter() {
        bytes += &format!("{name}: {value}\r\n");
    }
    let has_body = !matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS");
    bytes += if has_body { "Content-Length: 2\r\n\r\n{}" } else { "\r\n" };
    wire.send(bytes).await?;
    wire.read_answer(method).await
}

/// What the backend answers.
fn reply(message: &Message, meddling: &Meddling) -> Reply {
    let request = Request {
        method: message.method().to_owned(),
        target: String::new(),
        path: message.target().to_owned(),
        headers: message.lines().collect(),
    };
    let content = meddling.content(&request);
    let mut bytes =
        format!("HTTP/1.1 {} Said\r\nContent-Length: {}\r\n", meddling.status, content.len());
    for (name, value) in meddling.headers(&request).iter() {
        bytes += &format!("{name}: {value}\r\n");
    }
    bytes += "\r\n";
    if request.method != "HEAD" {
        bytes += &content;
    }
    Reply::raw(bytes)
}
