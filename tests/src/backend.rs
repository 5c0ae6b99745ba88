//! Backends made of raw sockets: they answer with scripted bytes, and record what they got.

use crate::wire::{Message, Wire};
use anyhow::{Context, Result};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tokio_rustls::TlsAcceptor;

/// A port of our own, whose connections a test takes one by one.
pub struct Stage(TcpListener);

impl Stage {
    /// Listens on a loopback port.
    pub async fn open() -> Result<Self> {
        Self::open_at("127.0.0.1:0".parse()?).await
    }

    /// Listens on this address.
    pub async fn open_at(address: SocketAddr) -> Result<Self> {
        Ok(Self(TcpListener::bind(address).await?))
    }

    /// Where it listens.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.0.local_addr()?)
    }

    /// The next connection.
    pub async fn accept(&self) -> Result<Wire> {
        let accepted = timeout(crate::wire::PATIENCE, self.0.accept()).await;
        Ok(Wire::new(accepted.context("nobody connects")??.0))
    }
}

/// What a [`Backend`] does with a request.
pub struct Reply {
    bytes: Vec<u8>,
    close: bool,
}

impl Reply {
    /// Answers with these bytes, and takes the next request on the same connection.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), close: false }
    }

    /// A 200 with this body.
    pub fn ok(body: &str) -> Self {
        Self::raw(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
    }

    /// Closes the connection behind the answer.
    pub fn then_close(mut self) -> Self {
        self.close = true;
        self
    }
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<Message>>,
    connections: AtomicUsize,
}

/// A backend that answers every request by a script, and records it. Ends when dropped.
pub struct Backend {
    address: SocketAddr,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Backend {
    /// Answers each request as `script` says.
    pub async fn scripted(
        script: impl Fn(&Message) -> Reply + Send + Sync + 'static,
    ) -> Result<Self> {
        Self::scripted_at("127.0.0.1:0".parse()?, script).await
    }

    /// Listens on this address, and answers each request as `script` says.
    pub async fn scripted_at(
        address: SocketAddr,
        script: impl Fn(&Message) -> Reply + Send + Sync + 'static,
    ) -> Result<Self> {
        Self::on(Stage::open_at(address).await?, None, script)
    }

    /// Answers each request over TLS as `script` says.
    pub async fn scripted_over_tls(
        acceptor: TlsAcceptor,
        script: impl Fn(&Message) -> Reply + Send + Sync + 'static,
    ) -> Result<Self> {
        Self::on(Stage::open().await?, Some(acceptor), script)
    }

    fn on(
        stage: Stage,
        tls: Option<TlsAcceptor>,
        script: impl Fn(&Message) -> Reply + Send + Sync + 'static,
    ) -> Result<Self> {
        let (address, seen, script) = (stage.address()?, Arc::<Seen>::default(), Arc::new(script));
        let shared = seen.clone();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((socket, _)) = stage.0.accept().await {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let (seen, script, tls) = (shared.clone(), script.clone(), tls.clone());
                connections.spawn(async move {
                    let wire = match tls {
                        None => Wire::new(socket),
                        Some(tls) => match tls.accept(socket).await {
                            Ok(socket) => Wire::new(socket),
                            Err(_) => return,
                        },
                    };
                    serve(wire, &seen, &*script).await;
                });
            }
        });
        Ok(Self { address, seen, task })
    }

    /// Answers each request with a 200 and this body.
    pub async fn saying(body: &'static str) -> Result<Self> {
        Self::scripted(move |_| Reply::ok(body)).await
    }

    /// Answers each request with these bytes.
    pub async fn answering(answer: impl Into<Vec<u8>>) -> Result<Self> {
        let answer = answer.into();
        Self::scripted(move |_| Reply::raw(answer.clone())).await
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request so far, in the order in which they were whole.
    pub fn requests(&self) -> Vec<Message> {
        self.seen.requests.lock().map(|requests| requests.clone()).unwrap_or_default()
    }

    /// The only request so far.
    pub fn request(&self) -> Result<Message> {
        let requests = self.requests();
        anyhow::ensure!(requests.len() == 1, "got {} requests, not one", requests.len());
        requests.into_iter().next().context("no request")
    }

    /// The request before now.
    pub fn last(&self) -> Result<Message> {
        self.requests().pop().context("no request yet")
    }

    /// Every request since the last call; nothing else tells of them afterwards.
    pub fn take(&self) -> Vec<Message> {
        self.seen
            .requests
            .lock()
            .map(|mut requests| std::mem::take(&mut *requests))
            .unwrap_or_default()
    }

    /// How many connections have been made to it.
    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }
}

async fn serve(mut wire: Wire, seen: &Seen, script: &(impl Fn(&Message) -> Reply + ?Sized)) {
    while let Ok(Some(request)) = wire.read_request().await {
        let reply = script(&request);
        if let Ok(mut requests) = seen.requests.lock() {
            requests.push(request);
        }
        if wire.send(&reply.bytes).await.is_err() || reply.close {
            return;
        }
    }
}

/// A FrontDoor `web/ep` for www.ep.com, with further lines of its spec.
pub fn front_door(spec: &str) -> String {
    object("FrontDoor", "ep", &format!("hosts: [{{name: www.ep.com}}]\n{spec}"))
}

/// A Route `web/<name>` of that FrontDoor.
pub fn route(name: &str, spec: &str) -> String {
    object("Route", name, &format!("frontDoorRef: {{name: ep}}\n{spec}"))
}

fn object(kind: &str, name: &str, spec: &str) -> String {
    let spec: String = spec.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "---\napiVersion: portico.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}, namespace: web}}\nspec:\n{spec}"
    )
}

/// A Service `web/<name>` whose port 80 speaks `protocol` (an `appProtocol`), and its endpoints.
pub fn service(name: &str, protocol: &str, endpoints: &[SocketAddr]) -> String {
    let mut text = format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: web}}\nspec: {{ports: [{{name: main, port: 80, appProtocol: {protocol}}}]}}\n"
    );
    for (number, endpoint) in endpoints.iter().enumerate() {
        text += &format!(
            "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: {name}-{number}, namespace: web, labels: {{kubernetes.io/service-name: {name}}}}}\naddressType: IPv4\nports: [{{name: main, port: {}}}]\nendpoints: [{{addresses: ['{}']}}]\n",
            endpoint.port(),
            endpoint.ip(),
        );
    }
    text
}

/// www.ep.com with one Route for everything, to one Service `web/app` at `backend`; `spec` is the
/// rest of the Route's.
pub fn one_route(backend: SocketAddr, spec: &str) -> String {
    let spec = format!("backends: [{{service: {{name: app, port: 80}}}}]\n{spec}");
    [front_door(""), service("app", "http", &[backend]), route("app", &spec)].concat()
}
