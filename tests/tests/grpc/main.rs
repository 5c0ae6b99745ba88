//! gRPC with tonic on both sides, through the front door: every kind of call, over TLS and in the
//! clear, to backends over h2c and https.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod calls;
mod client;
mod deadlines;
mod refusals;
mod server;
mod text;

use client::Door;
use portico_tests::{
    backend::{route, service},
    tls::Authority,
};
use server::Echo;

/// A front door for a server in the clear at `/clear.Echo/`, and for one over https at
/// `/secret.Echo/`.
struct World {
    door: Door,
    clear: Echo,
    secret: Echo,
}

impl World {
    async fn start() -> Self {
        let authority = Authority::new("test").unwrap();
        let clear = Echo::start(None).await;
        let pair = authority.issue(&["echo.internal"]).unwrap();
        let secret = Echo::start(Some(pair.acceptor(None).unwrap())).await;
        let to = |name: &str, rest: &str| {
            let backends = format!("backends: [{{service: {{name: {name}, port: 80}}}}]");
            route(name, &format!("matches: [{{path: /{name}.Echo/*}}]\n{backends}\n{rest}"))
        };
        let door = Door::start(
            &authority,
            &[
                service("clear", "kubernetes.io/h2c", &[clear.address]),
                service("secret", "https", &[secret.address]),
                to("clear", ""),
                to("secret", ""),
            ],
        )
        .await;
        Self { door, clear, secret }
    }
}
