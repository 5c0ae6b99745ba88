//! Whether a regular expression for origins is loose: one that may admit origins over plain HTTP,
//! or of domains that strangers own. In doubt, it is loose.

use super::suffixes;
use portico_dataplane::full_match::FullMatch;
use regex_syntax::hir::{
    Class, Hir, HirKind, Repetition,
    literal::{ExtractKind, Extractor, Seq},
};

/// What every tight expression starts with.
const HTTPS: &str = "https://";
/// How deep the groups of a tight expression may be nested: looking at one takes time in proportion
/// to the third power of it.
const MAX_DEPTH: usize = 10;

/// Whether the expression, which is matched against whole origins, does not start with a literal
/// `https://` or does not end in one literal registrable domain, optionally followed by a port.
/// This holds for origins as browsers write them: in ASCII, with one `://`, one host and at most
/// one port.
pub(super) fn is_loose(expression: &str) -> bool {
    let Ok(hir) = FullMatch::parse(expression, MAX_DEPTH) else { return true };
    let is_https = |start: &str| start.starts_with(HTTPS).then_some(());
    let mut domains = Vec::new();
    !(each(&literals(&hir, ExtractKind::Prefix), is_https).is_some()
        && ends(flat(&hir), &mut domains).is_some()
        && domains.windows(2).all(|pair| pair[0] == pair[1]))
}

/// Collects the registrable domains in which the strings that match this concatenation end, apart
/// from ports. `None` if they may end in anything else.
fn ends(mut parts: Vec<Hir>, domains: &mut Vec<String>) -> Option<()> {
    drop_port(&mut parts);
    if let Some(HirKind::Alternation(branches)) = parts.last().map(Hir::kind) {
        let front = &parts[..parts.len() - 1];
        return branches
            .iter()
            .try_for_each(|branch| ends([front, &flat(branch)].concat(), domains));
    }
    each(&literals(&Hir::concat(parts), ExtractKind::Suffix), |end| {
        domains.push(registrable(end)?.to_owned());
        Some(())
    })
}

/// Literals of which every match has one at its start or end.
fn literals(hir: &Hir, kind: ExtractKind) -> Seq {
    Extractor::new().kind(kind).limit_literal_len(512).extract(hir)
}

/// Calls `take` with each literal. `None` if there are infinitely many, or if `take` returns
/// `None`.
fn each(literals: &Seq, mut take: impl FnMut(&str) -> Option<()>) -> Option<()> {
    let mut literals = literals.literals()?.iter();
    literals.try_for_each(|literal| take(str::from_utf8(literal.as_bytes()).ok()?))
}

/// The registrable domain of all hosts that end in `end`, if it is spelled out. `end` is the end of
/// the host, or reaches back to the scheme.
fn registrable(end: &str) -> Option<&str> {
    let is_name = |host: &&str| {
        let top = host.rsplit('.').next().unwrap_or_default();
        host.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_'))
            && top.bytes().any(|b| !b.is_ascii_digit())
    };
    if let Some(host) = end.strip_prefix(HTTPS) {
        return Some(host).filter(is_name).and_then(suffixes::registrable);
    }
    // Its first label may be the end of a longer one.
    let (_, host) = end.split_once('.')?;
    let host = Some(host).filter(is_name)?;
    suffixes::registrable(host).filter(|_| !suffixes::below_is_public(host))
}

/// The parts of a concatenation, with groups flattened. Anchors and word boundaries only restrict
/// matches, so they are dropped.
fn flat(hir: &Hir) -> Vec<Hir> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Vec::new(),
        HirKind::Capture(group) => flat(&group.sub),
        HirKind::Concat(parts) => parts.iter().flat_map(flat).collect(),
        HirKind::Literal(_)
        | HirKind::Class(_)
        | HirKind::Repetition(_)
        | HirKind::Alternation(_) => vec![hir.clone()],
    }
}

/// Removes a port from the end: `:8443`, `:[0-9]+`, or an optional group of that form.
fn drop_port(parts: &mut Vec<Hir>) {
    if parts.last().is_some_and(is_port_or_nothing) {
        parts.pop();
        return;
    }
    let digits = parts.iter().rev().take_while(|part| is_digits(part)).count();
    let front = parts.len() - digits;
    let Some(HirKind::Literal(text)) = parts[..front].last().map(Hir::kind) else { return };
    let digits = text.0.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    if let Some(host) = text.0[..text.0.len() - digits].strip_suffix(b":") {
        let host = Hir::literal(host);
        parts.truncate(front - 1);
        parts.push(host);
    }
}

fn is_port_or_nothing(hir: &Hir) -> bool {
    let parts = flat(hir);
    let Some((first, rest)) = parts.split_first() else { return true };
    match first.kind() {
        HirKind::Literal(text) => {
            let digits = text.0.strip_prefix(b":");
            digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
                && rest.iter().all(is_digits)
        }
        HirKind::Repetition(Repetition { max: Some(1), sub, .. }) => {
            rest.is_empty() && is_port_or_nothing(sub)
        }
        HirKind::Alternation(branches) => {
            rest.is_empty() && branches.iter().all(is_port_or_nothing)
        }
        HirKind::Empty
        | HirKind::Look(_)
        | HirKind::Class(_)
        | HirKind::Repetition(_)
        | HirKind::Capture(_)
        | HirKind::Concat(_) => false,
    }
}

/// Whether it matches nothing but digits, in ASCII.
fn is_digits(hir: &Hir) -> bool {
    let ascii = |start: char, end: char| {
        !start.is_ascii() || (start.is_ascii_digit() && end.is_ascii_digit())
    };
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(text) => text.0.iter().all(u8::is_ascii_digit),
        HirKind::Class(Class::Unicode(class)) => class.iter().all(|r| ascii(r.start(), r.end())),
        HirKind::Class(Class::Bytes(class)) => {
            class.iter().all(|r| ascii(r.start().into(), r.end().into()))
        }
        HirKind::Repetition(repetition) => is_digits(&repetition.sub),
        HirKind::Capture(group) => is_digits(&group.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().all(is_digits),
    }
}

#[cfg(test)]
mod tests {
    use super::{FullMatch, is_loose};
    use proptest::{collection::vec, prelude::*, sample::select};

    /// Expressions composed of parts that people use, well or badly.
    fn expression() -> impl Strategy<Value = String> {
        let start = select(
            &["https://", "https://", "https?://", "^https://", ".*", "(https://|http://)"][..],
        );
        let middle = select(
            &["[a-z]+", ".*", "a", r"\.", r"\.", "-", "(x|y)", r"\.?", r"(.+\.)?", r"([^.]*\.)*"][..],
        );
        let domain = select(&["example", "example", "github", "co", "[a-z]+"][..]);
        let dot = select(&[r"\.", r"\.", "."][..]);
        let top = select(
            &["com", "com", "io", "uk", "(com|org)", "[a-z]+", r"com(\.[a-z]+)?", "com|.*"][..],
        );
        let port = select(
            &["", ":80", "(:[0-9]+)?", r":\d+", ":.*", ".*", r"(:1|\.[a-z]+)?", "[0-9]*", "$"][..],
        );
        (start, vec(middle, 0..4), domain, dot, top, port).prop_map(
            |(start, middle, domain, dot, top, port)| {
                format!("{start}{}{domain}{dot}{top}{port}", middle.concat())
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn rule_30_what_is_not_loose_admits_no_stranger(expression in expression()) {
            if is_loose(&expression) {
                return Ok(());
            }
            let regex = FullMatch::new(&expression).map_err(|e| TestCaseError::fail(e.to_string()))?;
            for stranger in [
                "http://a.example.com", "https://evil.com", "https://evil.com:80", "https://evilexample.com",
                "https://evil-example.com", "https://evil.github.io", "https://evil.co.uk", "https://a.example.evil",
                "https://a.example.com.evil", "https://example.com.evil:80", "https://evil.example-com",
            ] {
                prop_assert!(!regex.matches(stranger), "{expression} admits {stranger}");
            }
        }
    }

    #[test]
    fn rule_30_https_and_a_literal_registrable_domain() {
        for tight in [
            r"https://app\.example\.com",
            r"^https://app\.example\.com$",
            r"https://pr-[0-9]+\.example\.com",
            r"https://pr-\d{1,5}\.example\.co\.uk",
            r"https://.*\.example\.com",
            r"https://(.+\.)?example\.com",
            r"https://([a-z0-9-]+\.)*example\.com",
            r"https://(app|www)\.example\.com",
            r"(https://a\.example\.com|https://b\.example\.com(:[0-9]+)?)",
            r"https://(a\.example\.com(:80)?|b\.example\.com:[0-9]+)",
            r"https://(a\.b\.example\.com|example\.com|[a-z]+\.c\.example\.com)",
            r"https://.*\.[e]xample\.com",
            r"https://a\.example\.com:8443",
            r"https://a\.example\.com(:8443)",
            r"https://a\.example\.com(:[0-9]+)?",
            r"https://a\.example\.com(?::\d{1,5})?",
            r"https://a\.example\.com(:(3000|8080))?",
            r"https://a\.example\.com(:3000|:80[0-9]{2}|)",
            r"https://a\.example\.com:30\d\d",
            r"https://[a-z]+\.me\.github\.io",
            r"https://\w+-(?P<user>\d+)\.example\.com",
            r"https://me\.github\.io",
            r"https://[a-z]+\.corp\.internal",
            r"[h]ttps://a\.example\.com",
            r"https://\p{L}+\.example\.com",
            r"https://[^\x{100}]+\.example\.com",
            r"https://\Qa.example.com\E",
        ] {
            assert!(!is_loose(tight), "{tight}");
        }
    }

    #[test]
    fn rule_30_anything_else_is_loose() {
        for loose in [
            r"http://app\.example\.com",
            r"https?://app\.example\.com",
            r"(https://|http://)app\.example\.com",
            r".*",
            r".*://a\.example\.com",
            r"https:/.*",
            r"(https://)?a\.example\.com",
            r"https://a\.example\.com|http://b\.example\.com",
            // An unescaped dot, or none.
            r"https://app.example.com",
            r"https://.*example\.com",
            r"https://[a-z-]*example\.com",
            r"https://.*[.-]example\.com",
            r"https://(.+\.|.*-)?example\.com",
            // Ends that are not literal.
            r"https://app\.example\..*",
            r"https://app\.example\.com.*",
            r"https://app\.example\.[a-z]{2,3}",
            r"https://app\.example\.(com|[a-z]+)",
            r"https://(app\.example\.com|.*)",
            r"https://app\.example\.com[0-9]*",
            r"https://app\.example\.com:?[0-9]*",
            r"https://app\.example\.com(:.*)?",
            r"https://app\.example\.com(:[0-9]+)?(\.[a-z]+)?",
            r"https://app\.example\.com(:[0-\x{FFFF}]+)?",
            // Several domains.
            r"^https://.*\.example\.(com|org)$",
            r"https://.*\.examp[l1]e\.com",
            r"https://.*\.example[s]?\.com",
            r"https://(app|www)\.example\.(com|org)",
            r"https://(a\.example\.com(:80)?|b\.example\.org:[0-9]+)",
            r"https://a\.example\.com|https://b\.example\.org",
            // Public suffixes, listed or by default.
            r"https://.*\.com",
            r"https://.*\.co\.uk",
            r"https://.*\.github\.io",
            r"https://.*\.kawasaki\.jp",
            r"https://.*\.internal",
            r"https://(.*\.)?github\.io",
            r"https://localhost",
            r"https://a\.example\.com|https://.*\.github\.io",
            // Addresses, and what no browser sends.
            r"https://10\.0\.0\.1",
            r"https://.*\.0\.1",
            r"https://\[::1\]",
            r"https://a\.example\.com/.*",
            r"https://a\.Example\.Com",
            r"(?i)https://a\.example\.com",
            // Classes that mean other things elsewhere.
            r"https://a\.[example.com&&e]xample\.com",
            r"https://a\.exampl[a-z&&e]\.com",
            r"https://a\.exampl[[e]\.com",
            r"https://a\.exampl[e--]\.com",
            r"https://a\.exampl[c-f~~cdf]\.com",
            r"https://",
            r"",
            r"(",
        ] {
            assert!(is_loose(loose), "{loose}");
        }
    }

    #[test]
    fn rule_30_what_is_deeply_nested_is_loose() {
        let nested = |depth: usize| {
            format!(r"https://{}a{}\.example\.com", "(".repeat(depth), "|b)".repeat(depth))
        };
        assert!(!is_loose(&nested(3)));
        assert!(is_loose(&nested(120)));
    }
}
