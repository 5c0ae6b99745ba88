use super::*;
use proptest::prelude::*;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

fn parse(text: &str) -> Option<SpanContext> {
    SpanContext::parse(text.as_bytes())
}

#[test]
fn a_context_is_read_and_written() {
    for (flags, sampled, random) in
        [("00", false, false), ("01", true, false), ("02", false, true), ("03", true, true)]
    {
        let text = format!("00-{TRACE}-{SPAN}-{flags}");
        let context = parse(&text).unwrap();
        assert_eq!(context.flags, TraceFlags { sampled, random });
        assert_eq!((context.trace_id.to_string(), context.span_id.to_string()).0, TRACE);
        assert_eq!(context.span_id.to_string(), SPAN);
        assert_eq!(context.field(), text);
    }
    // Flags that nobody has defined yet are not passed on.
    assert_eq!(parse(&format!("00-{TRACE}-{SPAN}-ff")).unwrap().flags.byte(), 3);
    assert_eq!(parse(&format!("00-{TRACE}-{SPAN}-fc")).unwrap().flags.byte(), 0);
}

#[test]
fn of_a_version_to_come_what_is_known_is_read() {
    let known = parse(&format!("00-{TRACE}-{SPAN}-01"));
    for text in [
        format!("01-{TRACE}-{SPAN}-01"),
        format!("fe-{TRACE}-{SPAN}-01"),
        format!("cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like"),
        format!("cc-{TRACE}-{SPAN}-01-"),
    ] {
        assert_eq!(parse(&text), known, "{text}");
    }
    for text in [format!("cc-{TRACE}-{SPAN}-01.what"), format!("cc-{TRACE}-{SPAN}-0100")] {
        assert_eq!(parse(&text), None, "{text}");
    }
}

#[test]
fn anything_else_is_invalid() {
    let (zero_trace, zero_span) = ("0".repeat(32), "0".repeat(16));
    for text in [
        String::new(),
        "00".to_owned(),
        format!("ff-{TRACE}-{SPAN}-01"),
        format!("00-{zero_trace}-{SPAN}-01"),
        format!("00-{TRACE}-{zero_span}-01"),
        format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
        format!("00-{TRACE}-{}-01", SPAN.to_uppercase()),
        format!("0A-{TRACE}-{SPAN}-01"),
        format!("00-{TRACE}-{SPAN}-0A"),
        format!("00-{TRACE}-{SPAN}-1"),
        format!("00-{TRACE}-{SPAN}-01-"),
        format!("00-{TRACE}-{SPAN}-01-more"),
        format!("00-{TRACE}{SPAN}--01"),
        format!("00-{TRACE}-{SPAN}_01"),
        format!("0-0{TRACE}-{SPAN}-01"),
        format!("00-{}g-{SPAN}-01", &TRACE[..31]),
        format!(" 00-{TRACE}-{SPAN}-01"),
        format!("00-{TRACE}-{SPAN}-é"),
    ] {
        assert_eq!(parse(&text), None, "{text}");
    }
}

#[test]
fn several_contexts_are_none() {
    let value = HeaderValue::try_from(format!("00-{TRACE}-{SPAN}-01")).unwrap();
    let mut headers = HeaderMap::new();
    assert_eq!(SpanContext::of_request(&headers), None);
    headers.append(TRACEPARENT, value.clone());
    assert!(SpanContext::of_request(&headers).is_some());
    headers.append(TRACEPARENT, value);
    assert_eq!(SpanContext::of_request(&headers), None);
}

#[test]
fn a_new_trace_has_ids_of_its_own_and_a_child_keeps_the_trace() {
    let all = SampleRatio::new(1.0).unwrap();
    let (one, other) = (SpanContext::root(all), SpanContext::root(all));
    assert_ne!(one.trace_id, other.trace_id);
    assert_ne!(one.span_id, other.span_id);
    assert_eq!(one.flags, TraceFlags { sampled: true, random: true });
    let child = one.child();
    assert_eq!((child.trace_id, child.flags), (one.trace_id, one.flags));
    assert_ne!(child.span_id, one.span_id);
    assert!(one.field().is_sensitive());
}

proptest! {
    #[test]
    fn what_is_written_is_read(trace in 1u128.., span in 1u64.., sampled: bool, random: bool) {
        let context = SpanContext {
            trace_id: TraceId(trace.to_be_bytes()),
            span_id: SpanId(span.to_be_bytes()),
            flags: TraceFlags { sampled, random },
        };
        let field = context.field();
        prop_assert_eq!(SpanContext::parse(field.as_bytes()), Some(context));
    }

    /// The definition, as an expression.
    #[test]
    fn what_is_read_is_what_the_definition_allows(
        text in "(0[0-1]|f[ef]|[0-9a-fA-F-]{2})-(0{32}|[0-9a-f]{31,33}|[0-9A-F]{32})-(0{16}|[0-9a-f]{15,17})-[0-9a-f]{1,3}(-.{0,3})?",
    ) {
        let form = regex::Regex::new(
            "^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$",
        ).unwrap();
        let is_valid = form.captures(&text).is_some_and(|parts| {
            let is_id = |id: &str| id.bytes().any(|digit| digit != b'0');
            let is_known = match &parts[1] {
                "ff" => false,
                "00" => parts.get(5).is_none(),
                _ => true,
            };
            is_known && is_id(&parts[2]) && is_id(&parts[3])
        });
        prop_assert_eq!(parse(&text).is_some(), is_valid);
    }

    #[test]
    fn no_bytes_are_too_much(bytes: Vec<u8>) {
        let _ = SpanContext::parse(&bytes);
    }
}
