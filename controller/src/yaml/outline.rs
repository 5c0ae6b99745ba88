//! Where everything is in a document.

use super::{
    MAX_DEPTH,
    event::{Event, EventKind, Events},
    json::Json,
    parser::Parser,
    token::Error,
};
use std::{collections::HashMap, ops::Range};

/// Where everything is in a document: a tree of offsets.
#[derive(Debug)]
pub(crate) struct Outline {
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    content: Content,
    at: Range<usize>,
}

#[derive(Debug)]
enum Content {
    Scalar,
    /// The node that it stands for.
    Alias(usize),
    Sequence(Vec<usize>),
    Mapping(Vec<Member>),
}

/// A key, with its place, and the value. `None` is a merge key.
type Member = (Option<String>, Range<usize>, usize);

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The last key on the path.
    pub(crate) key: Option<Range<usize>>,
    /// Its value, or the last item; of a collection, what it begins with.
    pub(crate) value: Range<usize>,
    /// Whether the value is neither a mapping nor a sequence.
    pub(crate) scalar: bool,
    /// Whether this is where the whole path leads, and not the last place on it that exists.
    pub(crate) whole: bool,
}

impl Outline {
    /// That of a text's first YAML document; `None` if there is none.
    pub(crate) fn yaml(text: &str) -> Result<Option<Self>, Error> {
        Parser::new(text)?.map(Self::new).transpose()
    }

    /// That of the first JSON value of a text; `None` if there is none.
    pub(crate) fn json(text: &str) -> Result<Option<Self>, Error> {
        Json::new(text, 0).map(Self::new).transpose()
    }

    fn new<'t>(events: impl Events<'t>) -> Result<Self, Error> {
        let mut builder = Builder { events, nodes: Vec::new(), anchors: HashMap::new(), depth: 0 };
        let event = builder.events.next()?;
        builder.node(event)?;
        Ok(Self { nodes: builder.nodes })
    }

    /// Where a path leads, written as Kubernetes does: `spec.matches[0].path`,
    /// `metadata.labels[app.kubernetes.io/name]`.
    pub(crate) fn find(&self, path: &str) -> Found {
        let mut found = Found { key: None, value: 0..0, scalar: false, whole: false };
        let (mut node, mut rest) = (0, path);
        // Every step but those through aliases makes the path shorter; those lead backwards.
        while let Some(here) = self.nodes.get(node) {
            found.value = here.at.clone();
            found.scalar = matches!(here.content, Content::Scalar);
            if rest.is_empty() {
                found.whole = true;
                return found;
            }
            let next = match &here.content {
                Content::Scalar => None,
                Content::Alias(target) => Some((None, *target, rest)),
                Content::Sequence(items) => item(items, rest),
                Content::Mapping(_) => self.member(node, rest, MAX_DEPTH),
            };
            let Some((key, target, after)) = next else { break };
            if !matches!(here.content, Content::Alias(_)) {
                found.key = key;
            }
            (node, rest) = (target, after);
        }
        found
    }

    /// The member of a mapping, or of those merged into it, that the path names, and what is left of
    /// the path. A name may contain dots: the longest one that fits is meant.
    fn member<'p>(
        &self,
        node: usize,
        path: &'p str,
        depth: usize,
    ) -> Option<(Option<Range<usize>>, usize, &'p str)> {
        let members = match &self.nodes.get(node)?.content {
            Content::Mapping(members) => members,
            Content::Alias(target) if depth > 0 => return self.member(*target, path, depth - 1),
            Content::Sequence(items) if depth > 0 => {
                return items.iter().find_map(|item| self.member(*item, path, depth - 1));
            }
            Content::Scalar | Content::Alias(_) | Content::Sequence(_) => return None,
        };
        let fits = |member: &(Option<String>, Range<usize>, usize)| {
            let rest = after_name(path, member.0.as_deref()?)?;
            Some((Some(member.1.clone()), member.2, rest))
        };
        // Of duplicate keys, the last one counts.
        let own = members.iter().rev().filter_map(fits).min_by_key(|(.., rest)| rest.len());
        own.or_else(|| {
            let merged = members.iter().rev().filter(|member| member.0.is_none() && depth > 0);
            merged.into_iter().find_map(|member| self.member(member.2, path, depth - 1))
        })
    }
}

/// The item that the path names, and what is left of the path.
fn item<'p>(items: &[usize], path: &'p str) -> Option<(Option<Range<usize>>, usize, &'p str)> {
    let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
    Some((None, *items.get(index.parse::<usize>().ok()?)?, rest))
}

/// What is left of a path behind a name, if it begins with that.
fn after_name<'p>(path: &'p str, name: &str) -> Option<&'p str> {
    if let Some(rest) = path.strip_prefix('[').and_then(|path| path.strip_prefix(name)) {
        return rest.strip_prefix(']');
    }
    let rest = path.strip_prefix('.').unwrap_or(path).strip_prefix(name)?;
    (rest.is_empty() || rest.starts_with(['.', '['])).then_some(rest)
}

struct Builder<'t, E> {
    events: E,
    nodes: Vec<Node>,
    anchors: HashMap<&'t str, usize>,
    depth: usize,
}

impl<'t, E: Events<'t>> Builder<'t, E> {
    /// Adds a node. Returns its index.
    fn node(&mut self, event: Event<'t>) -> Result<usize, Error> {
        let index = self.nodes.len();
        let at = event.start..event.end;
        self.nodes.push(Node { content: Content::Scalar, at });
        if let Some(name) = event.anchor {
            self.anchors.insert(name, index);
        }
        if self.depth > MAX_DEPTH {
            return Err(Error::too_deep(event.start));
        }
        self.depth += 1;
        let content = match event.kind {
            EventKind::Scalar(_) | EventKind::Merge => Content::Scalar,
            EventKind::Alias(name) => match self.anchors.get(name) {
                Some(target) => Content::Alias(*target),
                None => Content::Scalar,
            },
            EventKind::SequenceStart => Content::Sequence(self.sequence()?),
            EventKind::MappingStart => Content::Mapping(self.mapping()?),
            EventKind::SequenceEnd | EventKind::MappingEnd => {
                return Err(Error::new(event.start, "expected a value"));
            }
        };
        self.depth -= 1;
        self.nodes[index].content = content;
        Ok(index)
    }

    fn sequence(&mut self) -> Result<Vec<usize>, Error> {
        let mut items = Vec::new();
        loop {
            let event = self.events.next()?;
            if matches!(event.kind, EventKind::SequenceEnd) {
                return Ok(items);
            }
            items.push(self.node(event)?);
        }
    }

    fn mapping(&mut self) -> Result<Vec<Member>, Error> {
        let mut members = Vec::new();
        loop {
            let event = self.events.next()?;
            let at = event.start..event.end;
            let name = match &event.kind {
                EventKind::MappingEnd => return Ok(members),
                EventKind::Merge => None,
                EventKind::Scalar(scalar) => Some(scalar.clone().into_key().unwrap_or_default()),
                EventKind::Alias(_)
                | EventKind::SequenceStart
                | EventKind::SequenceEnd
                | EventKind::MappingStart => Some(String::new()),
            };
            self.node(event)?;
            let event = self.events.next()?;
            members.push((name, at, self.node(event)?));
        }
    }
}
