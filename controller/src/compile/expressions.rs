//! Regular expressions in objects: each is compiled once, and what those of an object and of a
//! namespace take is limited.

use portico_dataplane::{
    full_match::{FullMatch, FullMatchError},
    table::ObjectName,
};
use std::{collections::HashMap, sync::Arc};

/// How much the expressions of one object may take, in bytes.
const MAX_OBJECT_BYTES: usize = 256 << 10;
/// How much the expressions of all objects of a namespace may take, in bytes.
const MAX_NAMESPACE_BYTES: usize = 4 << 20;
/// What an expression counts for that is too large: finding that out takes longer than compiling
/// one that is not.
const TOO_LARGE_BYTES: usize = 64 << 10;

/// The expressions that the last compile met, by their text, so that those that have not changed
/// are not compiled again.
#[derive(Debug, Default)]
pub(super) struct ExpressionCache {
    known: HashMap<Box<str>, Known>,
    /// How many expressions have been met for the first time.
    met: usize,
}

/// What is known about an expression.
#[derive(Debug)]
struct Known {
    /// Tells it from others.
    id: usize,
    /// Whether this compile has met it.
    used: bool,
    syntax: Result<(), FullMatchError>,
    /// `None` if nobody was allowed to compile it yet.
    compiled: Option<Result<FullMatch, FullMatchError>>,
    /// Whether it is loose as an expression for origins; `None` if nobody has asked yet.
    loose: Option<bool>,
}

impl ExpressionCache {
    fn know(&mut self, text: &str) -> &mut Known {
        let Self { known, met } = self;
        let known = known.entry(text.into()).or_insert_with(|| {
            *met += 1;
            let syntax = FullMatch::check_syntax(text);
            Known { id: *met, used: true, syntax, compiled: None, loose: None }
        });
        known.used = true;
        known
    }

    /// Forgets what has not been met since the last call.
    pub(super) fn forget_unused(&mut self) {
        self.known.retain(|_, known| std::mem::take(&mut known.used));
    }
}

/// Compiles the expressions of one object after another.
pub(super) struct Expressions<'c> {
    cache: &'c mut ExpressionCache,
    namespaces: HashMap<Arc<str>, Namespace>,
    /// What the current version of an object takes.
    object: SpentByObject,
    /// Whether the expressions that are left of this object are only checked.
    check_only: bool,
    /// Whether anybody has asked for one since the last call of [`asked`](Self::asked).
    asked: bool,
}

/// What the expressions of a namespace take.
#[derive(Debug, Default)]
struct Namespace {
    /// Those that requests are compared with.
    used: Spent,
    /// Those of versions that are not used. They may take as much again; beyond that they count as
    /// if they were used, so that what is compiled is limited too.
    unused: Spent,
}

/// How much distinct expressions take.
#[derive(Debug, Default)]
struct Spent {
    bytes: usize,
    /// Each with its size, by their ids.
    expressions: HashMap<usize, usize>,
}

impl Spent {
    fn has(&self, id: usize) -> bool {
        self.expressions.contains_key(&id)
    }

    fn add(&mut self, id: usize, bytes: usize) {
        if self.expressions.insert(id, bytes).is_none() {
            self.bytes += bytes;
        }
    }

    fn merge(&mut self, other: Self) {
        other.expressions.into_iter().for_each(|(id, bytes)| self.add(id, bytes));
    }
}

/// What the expressions of one version of an object take.
#[derive(Debug)]
pub(super) struct SpentByObject {
    namespace: Arc<str>,
    all: Spent,
    /// How much it adds to what its namespace uses.
    added: usize,
}

impl SpentByObject {
    fn none(namespace: Arc<str>) -> Self {
        Self { namespace, all: Spent::default(), added: 0 }
    }
}

/// Why there is no compiled expression.
pub(super) enum Missing {
    /// It is wrong; a sentence.
    Wrong(String),
    /// It was left out, because its object is not served anyway.
    LeftOut,
}

impl<'c> Expressions<'c> {
    pub(super) fn new(cache: &'c mut ExpressionCache) -> Self {
        Self {
            cache,
            namespaces: HashMap::new(),
            object: SpentByObject::none(Arc::from("")),
            check_only: false,
            asked: false,
        }
    }

    /// Whether anybody has asked for an expression since the last call. What is allowed depends on
    /// those of other objects.
    pub(super) fn asked(&mut self) -> bool {
        std::mem::take(&mut self.asked)
    }

    /// Begins a version of an object. If it is not served anyway, its expressions are only checked.
    pub(super) fn begin(&mut self, object: &ObjectName, is_served: bool) {
        self.object = SpentByObject::none(object.namespace.clone());
        self.check_only = !is_served;
    }

    /// Ends a version of an object, for [`keep`](Self::keep) or [`release`](Self::release).
    pub(super) fn end(&mut self) -> SpentByObject {
        let none = SpentByObject::none(self.object.namespace.clone());
        std::mem::replace(&mut self.object, none)
    }

    /// The version is served, or its place is held.
    pub(super) fn keep(&mut self, SpentByObject { namespace, all, .. }: SpentByObject) {
        if all.bytes > 0 {
            self.namespaces.entry(namespace).or_default().used.merge(all);
        }
    }

    /// Nothing of the version is used.
    pub(super) fn release(&mut self, SpentByObject { namespace, all, .. }: SpentByObject) {
        if all.bytes > 0 {
            let namespace = self.namespaces.entry(namespace).or_default();
            match namespace.unused.bytes + all.bytes > MAX_NAMESPACE_BYTES {
                true => namespace.used.merge(all),
                false => namespace.unused.merge(all),
            }
        }
    }

    /// Compiles an expression that must match whole values.
    pub(super) fn full_match(&mut self, text: &str) -> Result<FullMatch, Missing> {
        self.asked = true;
        if text.len() > FullMatch::MAX_PATTERN_BYTES {
            return Err(wrong(text, &FullMatchError::TooLong));
        }
        let known = self.cache.know(text);
        if let Err(error) = &known.syntax {
            return Err(wrong(text, error));
        }
        if self.check_only {
            return Err(Missing::LeftOut);
        }
        let compiled = known.compiled.get_or_insert_with(|| FullMatch::new(text));
        let bytes = compiled.as_ref().map_or(TOO_LARGE_BYTES, FullMatch::bytes);
        let object = &mut self.object;
        let used = self.namespaces.get(&object.namespace).map(|namespace| &namespace.used);
        let is_new = !object.all.has(known.id);
        let is_added = is_new && used.is_none_or(|used| !used.has(known.id));
        let object_bytes = object.all.bytes + if is_new { bytes } else { 0 };
        let added = object.added + if is_added { bytes } else { 0 };
        let namespace_bytes = used.map_or(0, |used| used.bytes) + added;
        self.check_only = object_bytes > MAX_OBJECT_BYTES || namespace_bytes > MAX_NAMESPACE_BYTES;
        if !self.check_only {
            object.all.add(known.id, bytes);
            object.added = added;
        }
        let compiled = compiled.clone().map_err(|error| wrong(text, &error))?;
        if object_bytes > MAX_OBJECT_BYTES {
            return Err(Missing::Wrong(format!(
                "{} brings the object's compiled regular expressions to {}: at most 256 KiB is allowed. Use fewer or simpler ones, or split the object",
                quoted(text),
                kib(object_bytes)
            )));
        }
        if namespace_bytes > MAX_NAMESPACE_BYTES {
            return Err(Missing::Wrong(format!(
                "{} brings the compiled regular expressions of namespace '{}' to {}: at most 4 MiB is allowed, and older objects keep theirs. Use fewer or simpler ones",
                quoted(text),
                self.object.namespace,
                kib(namespace_bytes)
            )));
        }
        Ok(compiled)
    }

    /// What `is_loose` says about an expression; it is asked once.
    pub(super) fn is_loose(&mut self, text: &str, is_loose: fn(&str) -> bool) -> bool {
        self.asked = true;
        *self.cache.know(text).loose.get_or_insert_with(|| is_loose(text))
    }
}

fn wrong(text: &str, error: &FullMatchError) -> Missing {
    Missing::Wrong(format!("{} {error}", quoted(text)))
}

/// An expression in quotes, cut off if it is very long.
fn quoted(text: &str) -> String {
    const MAX_CHARS: usize = 256;
    let mut shown: String = text.chars().take(MAX_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("'{shown}'")
}

fn kib(bytes: usize) -> String {
    format!("{} KiB", bytes.div_ceil(1 << 10))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn message(result: Result<FullMatch, Missing>) -> String {
        match result {
            Ok(compiled) => format!("compiled: {}", compiled.as_str()),
            Err(Missing::Wrong(message)) => message,
            Err(Missing::LeftOut) => "left out".to_owned(),
        }
    }

    /// Of several KiB, compiled, and different for each number.
    fn large(number: usize) -> String {
        format!("{number}[a-z]{{1,100}}")
    }

    #[test]
    fn what_has_not_changed_is_not_compiled_again() {
        let mut cache = ExpressionCache::default();
        let mut compile = |texts: &[&str]| {
            let mut expressions = Expressions::new(&mut cache);
            expressions.begin(&ObjectName::new("web", "a"), true);
            let compile = |text: &&str| expressions.full_match(text).ok().unwrap();
            let compiled: Vec<_> = texts.iter().map(compile).collect();
            cache.forget_unused();
            (compiled, cache.known.len())
        };
        let (first, _) = compile(&["a+", "b+"]);
        let (second, known) = compile(&["a+", "c+"]);
        assert!(std::ptr::eq(first[0].as_str(), second[0].as_str()), "compiled again");
        assert_eq!(known, 2, "only what the last compile met is kept");
        let (third, _) = compile(&["b+"]);
        assert!(!std::ptr::eq(first[1].as_str(), third[0].as_str()));
    }

    #[test]
    fn the_expressions_of_an_object_are_limited() {
        let mut cache = ExpressionCache::default();
        let mut expressions = Expressions::new(&mut cache);
        expressions.begin(&ObjectName::new("web", "a"), true);
        let results: Vec<_> =
            (0..200).map(|number| message(expressions.full_match(&large(number)))).collect();
        let refused = results.iter().position(|text| text.contains("at most 256 KiB")).unwrap();
        assert!((20..150).contains(&refused), "{refused}");
        assert!(results[refused + 1..].iter().all(|text| text == "left out"));
        assert!(
            cache.known.values().filter(|known| known.compiled.is_some()).count() <= refused + 1
        );

        let mut expressions = Expressions::new(&mut cache);
        expressions.begin(&ObjectName::new("web", "b"), true);
        for _ in 0..200 {
            assert!(message(expressions.full_match("x[a-z]{1,100}")).starts_with("compiled"));
        }
        assert!(!expressions.check_only, "the same expression counts once");
    }

    #[test]
    fn the_expressions_of_a_namespace_are_limited_and_the_first_keep_theirs() {
        let mut cache = ExpressionCache::default();
        let mut expressions = Expressions::new(&mut cache);
        let mut number = 0;
        let mut route = |namespace: &str, expressions: &mut Expressions<'_>| {
            expressions.begin(&ObjectName::new(namespace, "a"), true);
            let last = (0..20).map(|_| {
                number += 1;
                message(expressions.full_match(&large(number)))
            });
            let last = last.last().unwrap();
            let spent = expressions.end();
            expressions.keep(spent);
            last
        };
        assert!(route("shop", &mut expressions).starts_with("compiled"));
        let messages: Vec<_> = (0..200).map(|_| route("web", &mut expressions)).collect();
        assert!(messages[0].starts_with("compiled"));
        assert_eq!(messages[199], "left out");
        assert!(route("other", &mut expressions).starts_with("compiled"));
        expressions.begin(&ObjectName::new("web", "z"), true);
        assert!(message(expressions.full_match(&large(10_000))).contains("of namespace 'web'"));
    }

    #[test]
    fn versions_that_are_not_used_take_nothing_from_those_that_are() {
        let mut cache = ExpressionCache::default();
        let mut expressions = Expressions::new(&mut cache);
        let mut number = 0;
        let mut version = |expressions: &mut Expressions<'_>| {
            expressions.begin(&ObjectName::new("web", "a"), true);
            for _ in 0..20 {
                number += 1;
                message(expressions.full_match(&large(number)));
            }
            expressions.end()
        };
        let first = version(&mut expressions);
        let (bytes, many) = (first.all.bytes, MAX_NAMESPACE_BYTES / first.all.bytes);
        expressions.release(first);
        let used = |expressions: &Expressions<'_>| expressions.namespaces["web"].used.bytes;
        for _ in 1..many - 1 {
            let spent = version(&mut expressions);
            expressions.release(spent);
        }
        assert_eq!(used(&expressions), 0);
        let kept = version(&mut expressions);
        expressions.keep(kept);
        assert!(used(&expressions) >= bytes);
        for _ in 0..many {
            let spent = version(&mut expressions);
            expressions.release(spent);
        }
        assert!(used(&expressions) > 2 * bytes, "what is compiled in vain has a limit too");
    }

    #[test]
    fn too_large_ones_end_the_work_on_an_object() {
        let mut cache = ExpressionCache::default();
        let mut expressions = Expressions::new(&mut cache);
        expressions.begin(&ObjectName::new("web", "a"), true);
        let results: Vec<_> = (0..48)
            .map(|number| message(expressions.full_match(&format!("{number}[a-z]{{1,1000}}"))))
            .collect();
        assert!(results[0].contains("compiles to more than 16 KiB"), "{}", results[0]);
        assert_eq!(results[47], "left out");
        assert!(cache.known.values().filter(|known| known.compiled.is_some()).count() < 8);
    }

    #[test]
    fn what_is_not_served_is_only_checked() {
        let mut cache = ExpressionCache::default();
        let mut expressions = Expressions::new(&mut cache);
        expressions.begin(&ObjectName::new("web", "a"), false);
        assert_eq!(message(expressions.full_match("[a-z]{1,1000}")), "left out");
        assert!(message(expressions.full_match("(")).contains("is not a regular expression"));
        assert!(message(expressions.full_match(&"a".repeat(5000))).contains("longer than 4 KiB"));
        assert!(cache.known.values().all(|known| known.compiled.is_none()));
    }
}
