//! The trace context that requests carry (W3C Trace Context, level 2): `traceparent`, beside which
//! `tracestate` passes as it is.

use super::ratio::SampleRatio;
use crate::random::random;
use data_encoding::HEXLOWER;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt;

/// The field with the ids and flags (§3.2).
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// The field with what tracing systems add to it (§3.3).
pub(super) const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The length of `00-`, 32 digits, `-`, 16 digits, `-`, 2 digits.
const LENGTH: usize = 55;

const SAMPLED: u8 = 0b01;
const RANDOM: u8 = 0b10;

/// A trace's id, other than zero; printed as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

/// A span's id, other than zero; printed as 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId([u8; 8]);

/// What is known of a trace as a whole (§3.2.2.5). Other flags are not passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceFlags {
    /// Its spans are recorded.
    pub sampled: bool,
    /// The last 7 bytes of its id are random.
    pub random: bool,
}

/// What identifies a span, and is told to those that it calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanContext {
    /// The trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// The trace's flags.
    pub flags: TraceFlags,
}

impl TraceId {
    /// A new one.
    fn random() -> Self {
        let (high, low) = (u128::from(random()), u128::from(random()));
        let id = (high << 64 | low).max(1);
        Self(id.to_be_bytes())
    }

    /// The part that is random, if any is (level 2, §3.2.2.5.2).
    fn random_part(self) -> u64 {
        (u128::from_be_bytes(self.0) as u64) << 8 >> 8
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl SpanId {
    /// A new one.
    fn random() -> Self {
        Self(random().max(1).to_be_bytes())
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        HEXLOWER.encode_display(&self.0).fmt(f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        HEXLOWER.encode_display(&self.0).fmt(f)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TraceFlags {
    fn of(byte: u8) -> Self {
        Self { sampled: byte & SAMPLED != 0, random: byte & RANDOM != 0 }
    }

    /// As `traceparent` has them.
    pub fn byte(self) -> u8 {
        u8::from(self.sampled) * SAMPLED + u8::from(self.random) * RANDOM
    }
}

impl SpanContext {
    /// The context that a request brings; `None` if it has none, an invalid one, or several.
    pub(super) fn of_request(headers: &HeaderMap) -> Option<Self> {
        let mut fields = headers.get_all(TRACEPARENT).iter();
        let only = fields.next().filter(|_| fields.next().is_none())?;
        Self::parse(only.as_bytes())
    }

    /// Parses a `traceparent`. Of versions to come, only what this one has is read (§3.2.4).
    fn parse(text: &[u8]) -> Option<Self> {
        let (known, rest) = text.split_at_checked(LENGTH)?;
        let [version, trace_id, span_id, flags] = {
            let mut parts = known.split(|byte| *byte == b'-');
            let parts = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
            parts.map(|part| (part, part.len()))
        };
        if [version.1, trace_id.1, span_id.1, flags.1] != [2, 32, 16, 2] {
            return None;
        }
        let [version] = digits::<1>(version.0)?;
        let is_known = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => matches!(rest, [] | [b'-', ..]),
        };
        let (trace_id, span_id) = (digits::<16>(trace_id.0)?, digits::<8>(span_id.0)?);
        let [flags] = digits::<1>(flags.0)?;
        let is_valid = is_known && trace_id != [0; 16] && span_id != [0; 8];
        is_valid.then(|| Self {
            trace_id: TraceId(trace_id),
            span_id: SpanId(span_id),
            flags: TraceFlags::of(flags),
        })
    }

    /// A new trace, sampled if it is among that share.
    pub(super) fn root(sampled: SampleRatio) -> Self {
        let trace_id = TraceId::random();
        let flags = TraceFlags { sampled: sampled.samples(trace_id.random_part()), random: true };
        Self { trace_id, span_id: SpanId::random(), flags }
    }

    /// Another span of the same trace.
    pub(super) fn child(&self) -> Self {
        Self { span_id: SpanId::random(), ..*self }
    }

    /// The `traceparent` that those called by this span get. It is kept out of HPACK's tables, as no
    /// other message has it.
    pub(super) fn field(&self) -> HeaderValue {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        HEXLOWER.encode_mut(&self.trace_id.0, &mut text[3..35]);
        HEXLOWER.encode_mut(&self.span_id.0, &mut text[36..52]);
        HEXLOWER.encode_mut(&[self.flags.byte()], &mut text[53..]);
        // Hexadecimal digits and hyphens are always a valid value.
        let mut value = HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }
}

/// The bytes that lower-case hexadecimal digits stand for.
fn digits<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let is_whole = HEXLOWER.decode_len(text.len()) == Ok(N);
    let read = is_whole.then(|| HEXLOWER.decode_mut(text, &mut bytes).ok())?;
    (read == Some(N)).then_some(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
