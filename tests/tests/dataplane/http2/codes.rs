//! What a backend resets its streams with is between it and the edge: browsers answer some codes by
//! sending the request again, whatever its method.

use super::{ask_whole, connect, post};
use h2::Reason;
use http::{HeaderMap, Response};
use portico_tests::{
    backend::{front_door, route, service},
    edge::Edge,
};
use tokio::net::TcpListener;

/// Resets each stream with this code, before or after the head of a response.
async fn backend(code: Reason, after_head: bool) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(socket).await.unwrap();
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    if !after_head {
                        respond.send_reset(code);
                        continue;
                    }
                    let mut sender = respond.send_response(Response::new(()), false).unwrap();
                    sender.send_data("half".into(), false).unwrap();
                    tokio::spawn(async move {
                        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                        sender.send_reset(code);
                    });
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_backends_code_is_not_passed_on() {
    for code in [
        Reason::HTTP_1_1_REQUIRED,
        Reason::REFUSED_STREAM,
        Reason::NO_ERROR,
        Reason::CANCEL,
        Reason::INTERNAL_ERROR,
        Reason::ENHANCE_YOUR_CALM,
    ] {
        for after_head in [false, true] {
            let app = route("app", "backends: [{service: {name: app, port: 80}}]");
            let services = service("app", "kubernetes.io/h2c", &[backend(code, after_head).await]);
            let edge = Edge::start(&[front_door(""), services, app].concat()).await.unwrap();
            let sender = connect(&edge).await;
            let answer = ask_whole(&sender, post("/"), b"body", HeaderMap::new()).await;
            if after_head {
                assert_eq!((answer.text().as_str(), answer.status.as_u16()), ("half", 200));
                assert_eq!(answer.reset, Some(Reason::CANCEL), "{code:?}");
            } else {
                assert_eq!((answer.status.as_u16(), answer.reset), (502, None), "{code:?}");
            }
        }
    }
}
