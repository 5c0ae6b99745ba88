//! Rules of FrontDoors and Routes, as clients and backends meet them.

mod conditions;
mod forwarding;
mod order;
mod replies;
mod values;

use portico_tests::{
    backend::{Backend, Reply, front_door, route, service},
    edge::Edge,
    wire::{Message, ask},
};

/// An edge whose one Route forwards everything to the Service `app`, beside which there is `other`.
struct Stage {
    edge: Edge,
    app: Backend,
    other: Backend,
}

impl Stage {
    /// With these further lines of the FrontDoor's spec and of the Route's.
    async fn open(front_door_spec: &str, route_spec: &str) -> Self {
        let answer = || Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Own: own\r\n\r\n");
        let app = Backend::scripted(move |_| answer()).await.unwrap();
        let other = Backend::scripted(move |_| answer()).await.unwrap();
        let manifests = [
            front_door(front_door_spec),
            service("app", "http", &[app.address()]),
            service("other", "http", &[other.address()]),
            route(
                "app",
                &format!("backends: [{{service: {{name: app, port: 80}}}}]\n{route_spec}"),
            ),
        ];
        let edge = Edge::start(&manifests.concat()).await.unwrap();
        Self { edge, app, other }
    }

    /// The answer to a GET, with these header lines.
    async fn get(&self, target: &str, lines: &str) -> Message {
        ask(self.edge.address(), get(target, lines)).await.unwrap()
    }

    /// The request that `app` gets for a GET.
    async fn forwarded(&self, target: &str, lines: &str) -> Message {
        let answer = self.get(target, lines).await;
        assert_eq!(answer.status(), 200, "{}: {}", answer.head, answer.text());
        self.app.last().unwrap()
    }
}

fn get(target: &str, lines: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: www.ep.com\r\n{lines}\r\n")
}
