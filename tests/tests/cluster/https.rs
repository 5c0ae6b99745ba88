//! The README's example over https, and what else needs TLS or HTTP/2: a certificate that is rotated
//! under load, gRPC, WebSockets, an external backend with an authority of its own.

use crate::manifests::{PROGRAMMED, front_door, route};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, Request, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use portico_tests::{
    cluster::{
        apply,
        http::Published,
        install::{HTTPS_PORT, Install, condition},
        k, kubectl,
        load::Load,
        patience::eventually,
        scope::{BackendPod, Scope, ready},
    },
    tls::{Authority, Client},
};
use tokio_tungstenite::tungstenite::Message;

const HTTPS: &str = "service.nodePorts.https=30443";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_is_served_over_https_while_its_certificate_is_rotated() {
    let mut scope = Scope::new().unwrap();
    let install = Install::new(&mut scope, "portico", 30080, &[HTTPS]).unwrap();
    scope.keep_namespace("web").unwrap();
    k("apply -f examples/ep/").unwrap();
    let authority = Authority::new("authority").unwrap();
    let mut pair = authority.issue(&["www.ep.com"]).unwrap();
    apply(&pair.secret("ep-com")).unwrap();
    let tls = r#"[{"op": "add", "path": "/spec/hosts/0/tls", "value": {"secretRef": {"name": "ep-com"}}}]"#;
    kubectl(["patch", "frontdoor", "ep", "-n", "web", "--type=json", "-p", tls]).unwrap();
    condition("web", "frontdoor/ep", PROGRAMMED).await.unwrap();
    for name in ["app", "sales", "profiles"] {
        ready("web", name).unwrap();
        condition("web", &format!("route/{name}"), PROGRAMMED).await.unwrap();
    }

    let port = install.published_over_tls("www.ep.com").unwrap();
    const PATHS: [&str; 3] = ["/", "/sales/2021/report", "/api/user/ada"];
    for path in PATHS {
        eventually(|| port.expect(path, 200)).await.unwrap();
    }
    let plain = install.published("www.ep.com").unwrap();
    let redirect = plain.get("/sales/2021/report?all").await.unwrap();
    assert_eq!(redirect.status(), StatusCode::PERMANENT_REDIRECT);
    let location = format!("https://www.ep.com:{HTTPS_PORT}/sales/2021/report?all");
    assert_eq!(redirect.headers()["location"], location);

    let load = Load::start(&port, &PATHS);
    for _ in 0..10 {
        pair = authority.issue(&["www.ep.com"]).unwrap();
        apply(&pair.secret("ep-com")).unwrap();
        eventually(|| presents(&port, pair.der())).await.unwrap();
    }
    load.stop().await.assert_flawless(200, "a certificate rotated 10 times");
    let count = |labels: &[&str]| install.metric("portico_tls_handshakes_total", labels).unwrap();
    let (all, full) = (count(&[]), count(&["result=\"full\""]));
    assert!(full > 100.0 && all - full < 0.5, "{full} of {all} handshakes are complete");
}

/// Whether new connections are presented this certificate.
async fn presents(port: &Published, certificate: &[u8]) -> Result<()> {
    let client = Client::new()?.forgetful();
    let connected = client.connect_to(port.address(), "www.ep.com").await?;
    ensure!(connected.certificate.as_ref() == certificate, "an older certificate");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpc_websockets_and_a_private_authority_work_over_https() {
    let mut scope = Scope::new().unwrap();
    let install = Install::small(
        &mut scope,
        "secure",
        30080,
        &[HTTPS, "allowExternal={partner.elsewhere.svc.cluster.local}"],
    )
    .unwrap();
    for namespace in ["secure", "elsewhere"] {
        scope.namespace(namespace, &[]).unwrap();
    }
    let authority = Authority::new("authority").unwrap();
    let host = "secure.example";
    apply(&authority.issue(&[host]).unwrap().secret_in("secure", "door")).unwrap();
    let call = BackendPod { protocol: "kubernetes.io/h2c", ..BackendPod::default() };
    scope.backend_of("secure", "echo", 2, &call).unwrap();
    scope.backend("secure", "chat", 2).unwrap();

    // Another organisation's service, whose authority no browser knows.
    let private = Authority::new("private").unwrap();
    let partner = "partner.elsewhere.svc.cluster.local";
    apply(&private.issue(&[partner]).unwrap().secret_in("elsewhere", "partner")).unwrap();
    apply(&private.config_map_in("secure", "private")).unwrap();
    let https = BackendPod { protocol: "https", certificate: Some("partner") };
    scope.backend_of("elsewhere", "partner", 1, &https).unwrap();

    let door = front_door(&install, "secure", host, "");
    let door = door.replace(
        "{name: secure.example}",
        "{name: secure.example, tls: {secretRef: {name: door}}}",
    );
    let routes = route("secure", "echo", "/test.Echo/*", "echo", "")
        + &route("secure", "chat", "/chat", "chat", "")
        + &external("verified", partner, ", tls: {caRef: {kind: ConfigMap, name: private}}")
        + &external("unknown", partner, "");
    apply(&(door + &routes)).unwrap();
    for object in ["frontdoor/door", "route/echo", "route/chat", "route/verified", "route/unknown"]
    {
        condition("secure", object, PROGRAMMED).await.unwrap();
    }

    let port = install.published_over_tls(host).unwrap();
    let partners = || async {
        let answer = port.asked("/verified").await?;
        let pod = answer["pod"].as_str().unwrap_or_default();
        ensure!(pod.starts_with("partner-"), "{answer}");
        Ok(())
    };
    eventually(partners).await.unwrap();
    port.expect("/unknown", 502).await.unwrap();
    call_grpc(&port, host).await.unwrap();
    talk(&port, host).await.unwrap();
}

/// A Route to an external backend at port 80, where the test's Services have https.
fn external(name: &str, host: &str, more: &str) -> String {
    let route = route("secure", name, &format!("/{name}"), "none", "");
    route.replace(
        "{service: {name: none, port: http}}",
        &format!("{{external: {{url: \"https://{host}:80\"}}{more}}}"),
    )
}

/// A call that sends two messages and gets both back, then success.
async fn call_grpc(port: &Published, host: &str) -> Result<()> {
    let client = Client::new()?.offering(&["h2"]);
    let stream = client.stream(port.address(), host).await?;
    let executor = TokioExecutor::new();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(executor, TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let messages = Bytes::from_static(b"\0\0\0\0\x02hi\0\0\0\0\x05there");
    let request = Request::post(format!("https://{host}/test.Echo/Echo"))
        .version(Version::HTTP_2)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::new(messages.clone()))?;
    let response = sender.send_request(request).await?;
    ensure!(response.status() == StatusCode::OK, "{response:?}");
    let body = response.into_body().collect().await?;
    let trailers: HeaderMap = body.trailers().context("no trailers")?.clone();
    ensure!(trailers["grpc-status"] == "0", "{trailers:?}");
    ensure!(body.to_bytes() == messages, "other messages came back");
    Ok(())
}

/// A WebSocket whose messages come back.
async fn talk(port: &Published, host: &str) -> Result<()> {
    let stream = Client::new()?.stream(port.address(), host).await?;
    let (mut socket, _) =
        tokio_tungstenite::client_async(format!("wss://{host}/chat"), stream).await?;
    for text in ["one", "two"] {
        socket.send(Message::text(text)).await?;
        let answer = socket.next().await.context("it ended")??;
        ensure!(answer == Message::text(text), "{answer:?}");
    }
    Ok(())
}
