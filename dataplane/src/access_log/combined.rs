//! The combined log format of Apache and nginx, which most tools that read logs know.

use super::{
    Entry,
    clock::Moment,
    fields::{ip, number, two_digits, year},
};

/// Appends a line: `client - - [time] "method path version" status bytes "referer" "user agent"`.
pub(super) fn write(entry: &Entry<'_>, time: &Moment, out: &mut Vec<u8>) {
    ip(entry.client, out);
    out.extend_from_slice(b" - - [");
    local_time(time, out);
    out.extend_from_slice(b"] \"");
    match (entry.method, entry.version) {
        (Some(method), Some(version)) => {
            escaped(method, out);
            out.push(b' ');
            escaped(entry.path.unwrap_or("-"), out);
            out.push(b' ');
            // As Apache and nginx name the version.
            escaped(if version == "HTTP/2" { "HTTP/2.0" } else { version }, out);
        }
        (None, _) | (_, None) => out.push(b'-'),
    }
    out.extend_from_slice(b"\" ");
    number(entry.status.into(), out);
    out.push(b' ');
    number(entry.bytes_out, out);
    for value in [entry.referer, entry.user_agent] {
        out.extend_from_slice(b" \"");
        escaped(value.unwrap_or("-"), out);
        out.push(b'"');
    }
    out.push(b'\n');
}

/// What is not printable ASCII, quotes and backslashes are written as `\xXX`, as nginx does: nothing
/// that a client sends ends its field or its line, or reaches a terminal.
fn escaped(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' | ..b' ' | 0x7f.. => {
                let digit = |nibble: u8| HEX[usize::from(nibble & 0xf)];
                out.extend_from_slice(&[b'\\', b'x', digit(byte >> 4), digit(byte)]);
            }
            byte => out.push(byte),
        }
    }
}

/// `30/Nov/2026:06:02:00 +0000`.
fn local_time(moment: &Moment, out: &mut Vec<u8>) {
    const MONTHS: [&[u8; 3]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    let mut text = *b"00/Jan/0000:00:00:00 +0000";
    let (of_year, month, day) = moment.date.to_calendar_date();
    let (hour, minute, second) = moment.time.as_hms();
    for (at, value) in [(0, day), (12, hour), (15, minute), (18, second)] {
        text[at..at + 2].copy_from_slice(&two_digits(value));
    }
    text[3..6].copy_from_slice(MONTHS[usize::from(u8::from(month) - 1)]);
    text[7..11].copy_from_slice(&year(of_year));
    out.extend_from_slice(&text);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{super::entry::sample, *};
    use std::time::Duration;

    fn line(entry: &Entry<'_>) -> String {
        let mut out = Vec::new();
        write(entry, &Moment::after_1970(Duration::new(1_796_018_520, 125_000_000)), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_is_that_of_nginx() {
        let entry = Entry {
            referer: Some("https://www.ep.com/a"),
            user_agent: Some("curl/8.0"),
            ..sample()
        };
        assert_eq!(
            line(&entry),
            "203.0.113.7 - - [30/Nov/2026:06:02:00 +0000] \"GET /a/b HTTP/1.1\" 200 4 \"https://www.ep.com/a\" \"curl/8.0\"\n"
        );
        let entry = Entry { method: None, version: None, path: None, status: 400, ..sample() };
        assert!(line(&entry).contains("] \"-\" 400 4 \"-\" \"-\"\n"), "{}", line(&entry));
        let entry = Entry { version: Some("HTTP/2"), path: None, ..sample() };
        assert!(line(&entry).contains("\"GET - HTTP/2.0\""), "{}", line(&entry));
    }

    #[test]
    fn nothing_that_a_client_sends_ends_its_field_or_its_line() {
        let hostile = "\"\\ \r\n\t\0\x1b[2J\x7fé";
        let entry = Entry { referer: Some(hostile), user_agent: Some(hostile), ..sample() };
        let line = line(&entry);
        let escaped = r"\x22\x5C \x0D\x0A\x09\x00\x1B[2J\x7F\xC3\xA9";
        assert!(line.ends_with(&format!(" \"{escaped}\" \"{escaped}\"\n")), "{line}");
        assert_eq!(line.matches('"').count(), 6);
        assert_eq!(line.lines().count(), 1);
    }
}
