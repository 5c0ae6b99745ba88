//! Lines must be those that `tracing` writes.

use super::*;
use std::{
    io,
    sync::{Arc, Mutex},
};
use tracing_subscriber::fmt::{
    MakeWriter,
    format::Writer,
    time::{FormatTime, SystemTime},
};

/// A time that is the same in both lines.
const TIME: &str = "2026-11-30T06:02:00.125006Z";

struct At;

impl FormatTime for At {
    fn format_time(&self, out: &mut Writer<'_>) -> std::fmt::Result {
        out.write_str(TIME)
    }
}

fn moment() -> Moment {
    Moment::after_1970(Duration::new(1_796_018_520, 125_006_789))
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl io::Write for Sink {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Sink {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// What `tracing` writes for the same fields.
fn traced(entry: &Entry<'_>, syntax: Syntax) -> String {
    let sink = Sink::default();
    let plain = tracing_subscriber::fmt().with_writer(sink.clone()).with_timer(At);
    let emit = || {
        let route = entry.route.map(ToString::to_string);
        let millis = |duration: Duration| (duration.as_secs_f64() * 1e6).round() / 1e3;
        tracing::info!(
            target: "access",
            route = route.as_deref().unwrap_or("-"),
            backend = entry.backend.unwrap_or("-"),
            endpoint = entry.endpoint.map(tracing::field::display),
            panic = entry.panic.then_some(true),
            client = %entry.client,
            method = entry.method.unwrap_or("-"),
            host = entry.host.unwrap_or("-"),
            path = entry.path.unwrap_or("-"),
            version = entry.version.unwrap_or("-"),
            client_cert = entry.client_cert,
            user_agent = entry.user_agent,
            status = entry.status,
            reason = entry.reason,
            cors = entry.cors.map(|cors| tracing::field::display(cors.concat())),
            rules = entry.rules,
            bytes_in = entry.bytes_in,
            bytes_out = entry.bytes_out,
            duration_ms = millis(entry.duration),
            upstream_ms = entry.upstream.map(millis),
            upstream_bytes_sent = entry.upstream_bytes_sent,
            upstream_bytes_received = entry.upstream_bytes_received,
            tries = entry.tries,
            request_id = %entry.request_id,
        );
    };
    match syntax {
        Syntax::Text => tracing::subscriber::with_default(plain.with_ansi(false).finish(), emit),
        Syntax::Coloured => tracing::subscriber::with_default(plain.with_ansi(true).finish(), emit),
        Syntax::Json => {
            tracing::subscriber::with_default(plain.json().flatten_event(true).finish(), emit);
        }
    }
    let written = sink.0.lock().unwrap().clone();
    String::from_utf8(written).unwrap()
}

fn own(entry: &Entry<'_>, syntax: Syntax) -> String {
    let mut out = Vec::new();
    match syntax {
        Syntax::Text => entry.write_text(&moment(), false, &mut out),
        Syntax::Coloured => entry.write_text(&moment(), true, &mut out),
        Syntax::Json => entry.write_json(&moment(), &mut out),
    }
    String::from_utf8(out).unwrap()
}

/// An ordinary request.
pub(in crate::access_log) fn sample() -> Entry<'static> {
    Entry {
        backend: Some("web/app:80"),
        endpoint: Some(([10, 0, 3, 7], 8080).into()),
        client: [203, 0, 113, 7].into(),
        method: Some("GET"),
        host: Some("www.ep.com"),
        path: Some("/a/b"),
        version: Some("HTTP/1.1"),
        status: 200,
        bytes_out: 4,
        duration: Duration::from_nanos(1_234_567),
        upstream: Some(Duration::from_micros(1_000)),
        upstream_bytes_received: 4,
        tries: 1,
        request_id: "0123456789abcdef",
        ..Entry::default()
    }
}

#[test]
fn a_line_is_the_one_that_tracing_writes() {
    let route = ObjectName::new("web", "app");
    let refused = Entry {
        backend: None,
        endpoint: None,
        method: None,
        host: None,
        path: None,
        version: None,
        status: 431,
        reason: "HeadTooLarge",
        upstream: None,
        tries: 0,
        ..sample()
    };
    let hostile = "a\"\\\n\r\t\0\x1b[31m\x7f'é\u{301}\u{200b}\u{2028}😀";
    let full = Entry {
        route: Some(&route),
        endpoint: Some("[fd00::7]:443".parse().unwrap()),
        panic: true,
        client: "2001:db8::1".parse().unwrap(),
        client_cert: Some("alice"),
        user_agent: Some("Mozilla/5.0 (X11; Linux x86_64)"),
        cors: Some(["report:", "preflight-", "denied", ":", "origin"]),
        rules: Some("canonical,mobile"),
        bytes_in: u64::MAX,
        tries: u32::MAX,
        ..sample()
    };
    let escaped = Entry {
        backend: Some(hostile),
        host: Some(hostile),
        path: Some(hostile),
        client_cert: Some(hostile),
        user_agent: Some(hostile),
        ..sample()
    };
    for syntax in [Syntax::Text, Syntax::Coloured, Syntax::Json] {
        for entry in [sample(), refused, full, escaped] {
            assert_eq!(own(&entry, syntax), traced(&entry, syntax));
        }
        for nanos in
            [0, 1, 499, 500, 999, 1_500, 10_000, 99_999_999, 100_000_000, 3_600_000_000_000]
        {
            let entry = Entry { duration: Duration::from_nanos(nanos), ..sample() };
            assert_eq!(own(&entry, syntax), traced(&entry, syntax), "{nanos} ns");
        }
    }
}

#[test]
fn times_are_those_that_tracing_tells() {
    for seconds in [0, 951_782_400, 1_709_164_799, 1_709_251_199, 1_796_018_520, 253_402_300_799] {
        let time = Duration::new(seconds, 7_000);
        let mut own = Vec::new();
        sample().write_text(&Moment::after_1970(time), false, &mut own);
        let utc = time::OffsetDateTime::from_unix_timestamp(seconds as i64).unwrap();
        let (date, hms) = (utc.date(), utc.time().as_hms());
        let expected = format!("{date}T{:02}:{:02}:{:02}.000007Z ", hms.0, hms.1, hms.2);
        assert_eq!(String::from_utf8_lossy(&own)[..28], expected);
    }
    // Its own clock has this form.
    let mut now = String::new();
    SystemTime.format_time(&mut Writer::new(&mut now)).unwrap();
    let digits = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "0");
    assert_eq!(digits(&now), digits(TIME));
}
