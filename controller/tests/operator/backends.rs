//! Events about backends that go out and come back.

use crate::{
    api_server::{ApiServer, Asked, ROUTES, SECRETS},
    cluster,
    program::{Operator, until},
    route,
};
use serde_json::json;
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    thread,
};

/// Answers every request with the status, and closes.
fn backend(status: Arc<AtomicU16>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let status = status.load(Ordering::Relaxed);
            let answer =
                format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

/// The Events with a reason.
fn events(api: &ApiServer, reason: &str) -> Vec<Asked> {
    let mut events = api.asked("POST", "/events");
    events.retain(|asked| asked.body["reason"] == reason);
    events
}

#[test]
fn a_route_is_told_when_checks_of_its_backend_fail_and_succeed_again() {
    let api = cluster();
    let status = Arc::new(AtomicU16::new(503));
    let address = backend(status.clone());
    let checked = json!({
        "matches": [{"path": "/checked"}],
        "backends": [{"external": {"url": format!("http://{address}")}}],
        "health": {"path": "/healthz", "interval": "1s", "unhealthyAfter": 1, "healthyAfter": 1},
    });
    api.lists(ROUTES, vec![route("checked", "ours", 1, checked)]);
    api.lists(SECRETS, Vec::new());
    let folder = tempfile::tempdir().unwrap();
    let flags = ["--admin=127.0.0.1:0", "--allow-external=127.0.0.1"];
    let _operator = Operator::start(api.start(), folder.path(), &flags);

    until("an Event that it is out", || !events(&api, "BackendUnhealthy").is_empty());
    let told = &events(&api, "BackendUnhealthy")[0].body;
    let expected = format!(
        "http://{address}: 1 of 1 endpoints out of rotation: {address} (unhealthy, status 503)"
    );
    assert_eq!(told["note"], expected);
    assert_eq!(told["type"], "Warning");
    assert_eq!(told["regarding"]["kind"], "Route");
    assert_eq!(told["regarding"]["name"], "checked");
    assert_eq!(told["regarding"]["uid"], "uid-checked");

    status.store(204, Ordering::Relaxed);
    until("an Event that it is back", || !events(&api, "BackendHealthy").is_empty());
    let told = &events(&api, "BackendHealthy")[0].body;
    assert_eq!(told["note"], format!("http://{address}: 1 of 1 endpoints back in rotation"));
    assert_eq!(told["type"], "Normal");
    assert_eq!(events(&api, "BackendUnhealthy").len(), 1, "it is told once");
}
