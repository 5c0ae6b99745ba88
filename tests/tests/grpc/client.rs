//! The front door, and clients of it.

use crate::text::Text;
use futures_util::Stream;
use http::Uri;
use hyper_util::rt::TokioIo;
use portico_dataplane::config::Limits;
use portico_tests::{
    edge::{Edge, Setup},
    tls::{self, Authority},
};
use std::time::Duration;
use tonic::{
    Request, Response, Status, Streaming,
    client::Grpc,
    transport::{Channel, Endpoint},
};
use tower::service_fn;

/// The other host's Secret is another one, so its requests need another connection.
const FRONT_DOOR: &str = "---
apiVersion: portico.dev/v1alpha1
kind: FrontDoor
metadata: {name: ep, namespace: web}
spec:
  hosts:
  - {name: www.ep.com, tls: {secretRef: {name: one}}}
  - {name: other.ep.com, tls: {secretRef: {name: two}}}
  plainHttp: Serve
";

/// www.ep.com with TLS, and without where that is asked for.
pub(crate) struct Door {
    pub(crate) edge: Edge,
}

impl Door {
    /// Serves these manifests.
    pub(crate) async fn start(authority: &Authority, manifests: &[String]) -> Self {
        let limits = Limits { body_bytes: Some(4_000_000), ..Limits::default() };
        let pair = authority.issue(&["www.ep.com", "other.ep.com"]).unwrap();
        let own = [FRONT_DOOR.to_owned(), pair.secret("one"), pair.secret("two")].concat();
        let setup = Setup { limits, ..Setup::default() };
        let edge = Edge::start_with(setup, &(own + &manifests.concat())).await.unwrap();
        Self { edge }
    }

    /// A client over TLS.
    pub(crate) async fn over_tls(&self) -> Client {
        self.at("https://www.ep.com").await
    }

    /// A client on a TLS connection for www.ep.com that asks for another origin.
    pub(crate) async fn at(&self, origin: &'static str) -> Client {
        let client = tls::Client::new().unwrap().offering(&["h2", "http/1.1"]);
        let address = self.edge.https();
        let connect = service_fn(move |_: Uri| {
            let client = client.clone();
            async move {
                let stream = client.stream(address, "www.ep.com").await?;
                anyhow::ensure!(stream.get_ref().1.alpn_protocol() == Some(b"h2"), "no HTTP/2");
                anyhow::Ok(TokioIo::new(stream))
            }
        });
        let endpoint = Endpoint::from_static(origin);
        Client(Grpc::new(endpoint.connect_with_connector(connect).await.unwrap()))
    }

    /// A client in the clear.
    pub(crate) async fn in_the_clear(&self) -> Client {
        let address = format!("http://{}", self.edge.address());
        let endpoint = Endpoint::from_shared(address).unwrap();
        let endpoint = endpoint.origin(Uri::from_static("http://www.ep.com"));
        Client(Grpc::new(endpoint.connect().await.unwrap()))
    }
}

/// A client; its requests are messages, or come with metadata.
pub(crate) struct Client(Grpc<Channel>);

impl Client {
    async fn ready(&mut self) {
        self.0.ready().await.unwrap();
    }

    /// One message each way.
    pub(crate) async fn unary(
        &mut self,
        path: &str,
        request: impl tonic::IntoRequest<String>,
    ) -> Result<Response<String>, Status> {
        self.ready().await;
        self.0.unary(request.into_request(), path.parse().unwrap(), Text).await
    }

    /// Many of the server's.
    pub(crate) async fn list(
        &mut self,
        path: &str,
        message: &str,
    ) -> Result<Streaming<String>, Status> {
        self.ready().await;
        let request = Request::new(message.to_owned());
        let response = self.0.server_streaming(request, path.parse().unwrap(), Text).await?;
        Ok(response.into_inner())
    }

    /// Many of the client's.
    pub(crate) async fn sum(
        &mut self,
        path: &str,
        messages: impl Stream<Item = String> + Send + 'static,
    ) -> Result<Response<String>, Status> {
        self.ready().await;
        self.0.client_streaming(Request::new(messages), path.parse().unwrap(), Text).await
    }

    /// Many both ways.
    pub(crate) async fn chat(
        &mut self,
        path: &str,
        messages: impl Stream<Item = String> + Send + 'static,
    ) -> Result<Streaming<String>, Status> {
        self.ready().await;
        let response =
            self.0.streaming(Request::new(messages), path.parse().unwrap(), Text).await?;
        Ok(response.into_inner())
    }
}

/// A request with a deadline.
pub(crate) fn within(message: &str, deadline: Duration) -> Request<String> {
    let mut request = Request::new(message.to_owned());
    request.set_timeout(deadline);
    request
}
