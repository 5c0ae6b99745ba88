//! `/api/explain`.

use super::{SECRET, Site};
use portico_tests::{
    binary,
    wire::{Message, Wire},
};
use serde_json::{Value, json};
use std::process::Command;

impl Site {
    async fn explain(&self, question: &Value) -> Message {
        let body = question.to_string();
        let fields = "Host: localhost\r\nContent-Type: application/json";
        let length = body.len();
        let head =
            format!("POST /api/explain HTTP/1.1\r\n{fields}\r\nContent-Length: {length}\r\n");
        self.ask(&format!("{head}\r\n{body}")).await
    }
}

#[tokio::test]
async fn the_answer_is_that_of_the_command() {
    let site = Site::start(&["--via-name=portico"]).await;
    let url = "http://www.ep.com:8080/cross";
    let question = json!({
        "url": url,
        "method": "put",
        "origin": "https://app.example.com",
        "headers": ["content-type: application/json", "x-empty;"],
    });
    let answer = site.explain(&question).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let answer: Value = serde_json::from_str(&answer.text()).unwrap();
    assert_eq!(answer["explanation"]["winner"]["route"], "web/cross");
    assert_eq!(answer["explanation"]["browser"]["preflight"], true);
    let command = |output: &str| {
        let explain = Command::new(binary::portico().unwrap())
            .arg("explain")
            .arg(site.serve.folder())
            .args(["--url", url, "-X", "put", "--origin", "https://app.example.com"])
            .args(["-H", "content-type: application/json", "-H", "x-empty;", "-o", output])
            .output()
            .unwrap();
        String::from_utf8(explain.stdout).unwrap()
    };
    assert_eq!(answer["text"], command("text"));
    let explained: Value = serde_json::from_str(&command("json")).unwrap();
    assert_eq!(answer["explanation"], explained);
}

#[tokio::test]
async fn objects_that_are_not_served_are_named_and_secrets_are_not_shown() {
    let site = Site::start(&[]).await;
    let answer = site.explain(&json!({"url": "http://www.ep.com/broken/x"})).await.text();
    assert!(answer.contains("web/broken") && answer.contains("weight"), "{answer}");
    let answer = site.explain(&json!({"url": "http://www.ep.com/"})).await.text();
    assert!(answer.contains("x-key") && !answer.contains(SECRET), "{answer}");
    let answer = site.explain(&json!({"url": "http://other.example/"})).await.text();
    assert!(answer.contains("www.ep.com"), "{answer}");
}

#[tokio::test]
async fn a_wrong_question_gets_its_mistake() {
    let site = Site::start(&[]).await;
    for (question, field) in [
        (json!({"url": "/relative"}), "url"),
        (json!({"url": "http://a/", "method": "CONNECT"}), "method"),
        (json!({"url": "http://a/", "origin": "*"}), "origin"),
        (json!({"url": "http://a/", "headers": ["no colon"]}), "headers"),
        (json!({"url": "http://a/", "colour": "red"}), ""),
        (json!({}), ""),
    ] {
        let answer = site.explain(&question).await;
        let mistake: Value = serde_json::from_str(&answer.text()).unwrap();
        assert_eq!((answer.status(), &mistake["field"]), (400, &json!(field)), "{question}");
        assert!(!mistake["message"].as_str().unwrap().is_empty(), "{question}");
    }
    let plain = "POST /api/explain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}";
    assert_eq!(site.ask(plain).await.status(), 415);
    let huge = json!({"url": format!("http://a/{}", "x".repeat(200_000))});
    assert_eq!(site.explain(&huge).await.status(), 400);
    let read = site.page("/api/explain").await;
    assert_eq!((read.status(), read.field("allow").as_str()), (405, "POST"));
}

#[tokio::test]
async fn who_is_slow_to_ask_holds_up_nobody() {
    let site = Site::start(&[]).await;
    let mut slow = Vec::new();
    for _ in 0..16 {
        let mut wire = Wire::connect(site.serve.admin).await.unwrap();
        let fields = "Host: localhost\r\nContent-Type: application/json\r\nContent-Length: 9";
        wire.send(format!("POST /api/explain HTTP/1.1\r\n{fields}\r\n\r\n{{")).await.unwrap();
        slow.push(wire);
    }
    // Their heads have been read by the time that later ones are answered.
    assert_eq!(site.explain(&json!({"url": "http://www.ep.com/"})).await.status(), 200);
    assert_eq!(site.page("/metrics").await.status(), 200);
    drop(slow);
}
