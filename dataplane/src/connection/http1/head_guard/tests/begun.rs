//! What ends the wait for a head.

use super::*;

/// What ends the wait while there is no hyper.
async fn parked(stream: &str, sizes: &[usize], limits: Limits) -> (Begun, HeadGuard<Pieces>) {
    let state = Rc::new(ConnState::alone(Duration::from_secs(1)));
    let mut guard = HeadGuard::new(Pieces::new(stream.as_bytes(), sizes), Arc::new(limits), state);
    let begun = std::future::poll_fn(|cx| guard.poll_parked(cx)).await;
    (begun.unwrap_or(Begun::Closed), guard)
}

#[tokio::test]
async fn hyper_is_needed_for_a_head_that_is_complete_or_refused_and_for_nothing_else() {
    let limits = || Limits { uri_bytes: 20, ..Limits::default() };
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for (stream, expected) in [
        ("", Begun::Closed),
        ("\r\n\r\n", Begun::Closed),
        ("GET / HTTP/1.1\r\nHost: a\r\n", Begun::Closed),
        (&preface[..23], Begun::Closed),
        (preface, Begun::Http2),
        (get, Begun::Head),
        (&format!("\r\n{get}GET"), Begun::Head),
        (&get.replace("GET", "PRI"), Begun::Head),
        (&format!("{}x", &preface[..23]), Begun::Head),
        (&format!("\r\n{preface}"), Begun::Head),
        ("GET /long-long-long-long HTTP/1.1\r\n", Begun::Head),
        ("GET /\n", Begun::Head),
    ] {
        for size in [1, 7, usize::MAX] {
            let (begun, guard) = parked(stream, &[size], limits()).await;
            assert_eq!(begun, expected, "{stream:?} {size}");
            assert_eq!(guard.ready > 0, begun == Begun::Head, "{stream:?} {size}");
        }
    }
}
