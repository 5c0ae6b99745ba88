use super::*;

#[derive(Debug, Default)]
struct Seen {
    creator: String,
    pages: Vec<String>,
    urls: Vec<(usize, String)>,
    skipped: Vec<(usize, String)>,
}

impl Visitor for Seen {
    fn creator(&mut self, creator: &Creator<'_>) {
        creator.name.as_str().clone_into(&mut self.creator);
    }

    fn page(&mut self, page: &Page<'_>) {
        self.pages.push(page.id.as_str().to_owned());
    }

    fn entry(&mut self, number: usize, entry: &Entry<'_>) {
        self.urls.push((number, entry.request.0.url.as_str().to_owned()));
    }

    fn skipped(&mut self, number: usize, why: String) {
        self.skipped.push((number, why));
    }
}

fn seen(text: &[u8]) -> Result<Seen, String> {
    let mut seen = Seen::default();
    read(text, &mut seen).map_err(|error| error.to_string())?;
    Ok(seen)
}

fn entry(url: &str) -> String {
    format!("{{\"request\": {{\"url\": \"{url}\"}}}}")
}

fn log(entries: &[&str]) -> String {
    format!("{{\"log\": {{\"entries\": [{}]}}}}", entries.join(", "))
}

#[test]
fn every_entry_is_read_wherever_it_is() {
    let text = format!(
        "\u{feff}{{\"a\": [1, {{}}], \"log\": {{\"version\": \"1.2\", \"creator\": {{\"name\": \"Test\"}}, \
         \"entries\": [{}, {}], \"pages\": [{{\"id\": \"p\"}}, 7]}}, \"b\": null}}",
        entry("one"),
        entry("two")
    );
    let seen = seen(text.as_bytes()).unwrap();
    assert_eq!((seen.creator.as_str(), seen.pages.as_slice()), ("Test", &["p".to_owned()][..]));
    assert_eq!(seen.urls, [(1, "one".to_owned()), (2, "two".to_owned())]);
    assert_eq!(seen.skipped, []);
}

#[test]
fn an_entry_that_is_not_one_is_left_out() {
    let (one, two) = (entry("one"), entry("two"));
    let bad = ["{\"time\": NaN}", "7", "null", "{\"time\": 1e999}", "{\"time\":1,\"time\":2}"];
    for bad in bad {
        let text = log(&[&one, bad, &two]);
        let seen = seen(text.as_bytes()).unwrap();
        assert_eq!(seen.urls, [(1, "one".to_owned()), (3, "two".to_owned())], "{bad}");
        let [(2, why)] = &seen.skipped[..] else { unreachable!("{bad}: {:?}", seen.skipped) };
        let at = format!("in the entry at byte {}", text.find(bad).unwrap());
        assert!(why.ends_with(&at), "{bad}: {why}");
    }
}

#[test]
fn brackets_that_do_not_match_end_the_recording() {
    let text = log(&[&entry("one"), "{]}", &entry("two")]);
    let seen = seen(text.as_bytes()).unwrap();
    assert_eq!(seen.urls, [(1, "one".to_owned())]);
    let at = text.find("{]}").unwrap() + 2;
    let why = format!("not JSON from byte {at} on, where there should be ',' or ']'");
    assert_eq!(seen.skipped.last(), Some(&(3, why)));
}

#[test]
fn fields_of_unexpected_types_are_empty() {
    let odd = "{\"request\": \"secret\", \"response\": null, \"timings\": [1], \"time\": \"12\"}";
    let seen = seen(log(&[odd]).as_bytes()).unwrap();
    // An array has no names to read fields by, but it may stand for a structure.
    assert_eq!(seen.urls.len() + seen.skipped.len(), 1);
    assert!(seen.skipped.iter().all(|(_, why)| !why.contains("secret")), "{:?}", seen.skipped);
}

#[test]
fn what_is_cut_off_is_read_until_there() {
    let whole = log(&[&entry("one"), &entry("two")]);
    let two = whole.find("two").unwrap();
    let seen_of = seen(&whole.as_bytes()[..two]).unwrap();
    assert_eq!(seen_of.urls, [(1, "one".to_owned())]);
    let why = format!("the file ends at byte {two}, before its end");
    assert_eq!(seen_of.skipped, [(2, why)]);
    let error = seen(&whole.as_bytes()[..10]).unwrap_err();
    assert!(error.contains("ends at byte 10, before the first entry"), "{error}");
    for end in 0..whole.len() {
        let _ = seen(&whole.as_bytes()[..end]);
    }
}

#[test]
fn what_is_no_recording_is_refused_and_the_way_out_named() {
    for (text, part) in [
        (&b""[..], "is empty"),
        (b"<html>", "at byte 0 there should be an object"),
        (b" [1]", "at byte 1 there should be an object"),
        (b"{\"log\": 3}", "at byte 8 there should be an object"),
        (b"{\"log\": {\"entries\": {}}}", "at byte 20 there should be an array"),
        (b"{\"log\": {\"entries\": []}}", "has no entries"),
        (b"{}", "has no entries"),
        (b"{\"log\" {}}", "at byte 7 there should be ':'"),
        (b"\xff\xfe{\0", "iconv"),
        (b"{\0\"\0", "iconv"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (b"PK\x03\x04", "zip"),
    ] {
        let error = seen(text).unwrap_err();
        assert!(error.contains(part), "{text:?}: {error}");
    }
}

#[test]
fn other_encodings_lose_characters_only() {
    let text = log(&[&entry("caf\u{e9}")]);
    let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    assert_eq!(seen(&latin).unwrap().urls, [(1, "caf\u{fffd}".to_owned())]);
}

#[test]
fn depth_and_length_are_no_danger() {
    let deep = format!("{{\"x\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let long = format!("{{\"x\": [{}0]}}", "0,".repeat(MAX_VALUE));
    let seen = seen(log(&[&deep, &long, &entry("one")]).as_bytes()).unwrap();
    assert_eq!(seen.urls.last(), Some(&(3, "one".to_owned())));
    assert!(seen.skipped.iter().any(|(number, why)| *number == 2 && why.contains("4096 KiB")));
}
