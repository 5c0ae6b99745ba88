//! Backends that share an origin: what they get and set of each other's cookies, and what their
//! responses do to the whole origin.

mod cookies;
mod explained;
mod origin_wide;
mod timing;

use portico_tests::{
    backend::{Backend, Reply, front_door, route, service},
    edge::Edge,
    wire::{Message, ask, get},
};

/// Two backends, behind `/a/*` and `/b/*` of one host.
struct Origin {
    edge: Edge,
    a: Backend,
    b: Backend,
}

/// A backend whose response has the lines that the request asks for in `x-lines`, in which `|` ends
/// a line.
async fn obeying() -> Backend {
    Backend::scripted(|request| {
        let lines = request.field("x-lines").replace('|', "\r\n");
        let lines = if lines.is_empty() { lines } else { lines + "\r\n" };
        Reply::raw(format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{lines}\r\nok"))
    })
    .await
    .unwrap()
}

impl Origin {
    /// `spec` is more of the FrontDoor's, `a` and `b` are more of the Routes'.
    async fn start(spec: &str, a: &str, b: &str) -> Self {
        let (first, second) = (obeying().await, obeying().await);
        let route_to = |name: &str, more: &str| {
            let backends = format!("backends: [{{service: {{name: {name}, port: 80}}}}]");
            route(name, &format!("matches: [{{path: /{name}/*}}]\n{backends}\n{more}"))
        };
        let manifests = [
            front_door(spec),
            service("a", "http", &[first.address()]),
            service("b", "http", &[second.address()]),
            route_to("a", a),
            route_to("b", b),
        ];
        let edge = Edge::start(&manifests.concat()).await.unwrap();
        Self { edge, a: first, b: second }
    }

    /// The response to a request with these cookies, whose backend says these lines.
    async fn ask(&self, target: &str, cookies: &str, lines: &str) -> Message {
        let cookies =
            if cookies.is_empty() { String::new() } else { format!("Cookie: {cookies}\r\n") };
        let request = get(target, &format!("{cookies}X-Lines: {lines}\r\n"));
        ask(self.edge.address(), request).await.unwrap()
    }

    /// The cookies that are set where a backend sets this one.
    async fn set(&self, target: &str, line: &str) -> Vec<String> {
        let answer = self.ask(target, "", &format!("Set-Cookie: {line}")).await;
        answer.fields("set-cookie").into_iter().map(str::to_owned).collect()
    }

    /// The cookies that the backend of `/a/*` gets.
    async fn got(&self, cookies: &str) -> String {
        self.ask("/a/x", cookies, "").await;
        self.a.last().unwrap().field("cookie")
    }

    async fn count(&self, route: &str, kind: &str) -> u64 {
        let sample =
            format!("portico_isolation_changes_total{{route=\"web/{route}\",kind=\"{kind}\"}}");
        self.edge.metric(&sample).await.unwrap_or(0)
    }
}
