//! Framing as it should be, and as attackers write it.

use portico_tests::random::Random;

/// How a body is framed: fields, and whether the body is chunked.
pub(crate) struct Framing {
    pub(crate) fields: Vec<String>,
    pub(crate) chunked: bool,
}

/// Framing for a body of this length: mostly good.
pub(crate) fn framing(random: &mut Random, length: usize) -> Framing {
    let good = format!("Content-Length: {length}");
    let other = format!("Content-Length: {}", length + 1 + random.below(9));
    let shorter = format!("Content-Length: {}", length.saturating_sub(random.below(9)));
    let chunked = "Transfer-Encoding: chunked".to_owned();
    let one = |field: &str, chunked| Framing { fields: vec![field.to_owned()], chunked };
    let two =
        |a: &String, b: &String, chunked| Framing { fields: vec![a.clone(), b.clone()], chunked };
    match random.below(40) {
        0..10 => one(&good, false),
        10..20 => one(&chunked, true),
        20 => two(&good, &chunked, true),
        21 => two(&chunked, &shorter, true),
        22 => two(&good, &other, false),
        23 => two(&good, &good.clone(), false),
        24 => one(&format!("Content-Length: {length}, {length}"), false),
        25 => one(&format!("Content-Length: +{length}"), false),
        26 => one(&format!("Content-Length : {length}"), false),
        27 => one(&format!("Content-Length:\t{length}\t"), false),
        28 => one(&format!("Content-Length: 0{length}"), false),
        29 => one("Transfer-Encoding: gzip, chunked", true),
        30 => one("Transfer-Encoding: chunked, identity", true),
        31 => one("Transfer-Encoding:\x0bchunked", true),
        32 => one("Transfer-Encoding : chunked", true),
        33 => one("Transfer-Encoding: Chunked", true),
        34 => one("Transfer-Encoding:\r\n chunked", true),
        35 => two(&"Transfer-Encoding: identity".to_owned(), &chunked, true),
        36 => two(&"Transfer_Encoding: chunked".to_owned(), &good, false),
        37 => two(&"X-A: b\nTransfer-Encoding: chunked".to_owned(), &good, false),
        38 => two(&"Connection: content-length".to_owned(), &good, false),
        _ => one(&other, false),
    }
}

/// A chunked body: mostly good.
fn chunks(random: &mut Random, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in body.chunks(1 + random.below(body.len().max(1))) {
        let size = chunk.len();
        let line = match random.below(24) {
            0 => format!("{size:X}\r\n"),
            1 => format!("000{size:x}\r\n"),
            2 => format!("{size:x};a=b\r\n"),
            3 => format!("{size:x};a=\"\\\"b\"\r\n"),
            4 => format!("0x{size:x}\r\n"),
            5 => format!("{size:x} \r\n"),
            6 => format!("{size:x}\n"),
            7 => format!("-{size:x}\r\n"),
            8 => format!("1000000000000000{size:x}\r\n"),
            9 => format!("{:x}\r\n", size + 1),
            10 => format!("{size:x};a\n\r\n"),
            _ => format!("{size:x}\r\n"),
        };
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(if random.percent(3) { b"\n" } else { b"\r\n" });
    }
    let end = match random.below(12) {
        0 => "0\r\nX-Trailer: t\r\n\r\n",
        1 => "0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        2 => "0\r\nbad trailer\r\n\r\n",
        3 => "0;a=b\r\n\r\n",
        4 => "00\r\n\r\n",
        5 => "",
        _ => "0\r\n\r\n",
    };
    out.extend_from_slice(end.as_bytes());
    out
}

/// Inserts one of `extras` somewhere among the fields.
pub(crate) fn insert_one(random: &mut Random, fields: &mut Vec<String>, extras: &[&str]) {
    let extra = *random.pick(extras);
    let at = random.below(fields.len() + 1);
    fields.insert(at, extra.to_owned());
}

/// A message with this body. Now and then, a line of its head ends with LF alone.
pub(crate) fn message(
    random: &mut Random,
    start_line: &str,
    fields: &[String],
    body: &[u8],
    chunked: bool,
) -> Vec<u8> {
    let mut bytes = format!("{start_line}\r\n").into_bytes();
    for field in fields {
        bytes.extend_from_slice(field.as_bytes());
        bytes.extend_from_slice(if random.percent(1) { b"\n" } else { b"\r\n" });
    }
    bytes.extend_from_slice(b"\r\n");
    if chunked {
        bytes.extend(chunks(random, body));
    } else {
        bytes.extend_from_slice(body);
    }
    bytes
}
