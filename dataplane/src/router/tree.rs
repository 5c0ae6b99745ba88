//! The tree of path segments.

use crate::path::{Captures, PathPattern, Segment, split};
use hashbrown::{DefaultHashBuilder, HashTable};
use std::{hash::BuildHasher, ops::Range};

/// Patterns by their segments. Holds no matches, only ranges of the sorted list it was built from,
/// where patterns of one shape are adjacent. One hash table holds all nodes but the root, so that a
/// node takes 32 bytes and a step one lookup, however many siblings there are.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    root: Node,
    /// By parent and label.
    nodes: HashTable<Node>,
    /// All labels, concatenated.
    labels: String,
    hasher: DefaultHashBuilder,
}

/// The label of a capture; no canonical literal has a brace.
const CAPTURE: &str = "{}";

/// The patterns that begin with the same segments, capture names aside.
#[derive(Clone, Debug, Default)]
struct Node {
    /// Numbered in insertion order; the root is 0.
    id: u32,
    parent: u32,
    /// Offset of its label in `labels`: the literal that leads here, or [`CAPTURE`].
    label: u32,
    label_len: u16,
    /// Whether it has a child for a literal.
    literals: bool,
    /// Whether it has a child for a capture.
    capture: bool,
    /// The patterns that end here.
    end: Span,
    /// The patterns that end in `*` here.
    rest: Span,
}

/// A range of the sorted list.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u32,
    len: u32,
}

impl Span {
    /// Adds the pattern at `index`, which follows the last one.
    fn push(&mut self, index: u32) {
        if self.len == 0 {
            self.start = index;
        }
        self.len += 1;
    }

    fn range(self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.len as usize
    }
}

impl Tree {
    /// Builds the tree from patterns sorted by [`PathPattern::precedence`].
    pub(super) fn new<'p>(patterns: impl Iterator<Item = &'p PathPattern>) -> Self {
        let mut tree = Self::default();
        for (index, pattern) in (0..).zip(patterns) {
            tree.insert(index, pattern);
        }
        let Self { nodes, labels, hasher, .. } = &mut tree;
        nodes.shrink_to_fit(|node| hasher.hash_one(node.key(labels)));
        labels.shrink_to_fit();
        tree
    }

    fn insert(&mut self, index: u32, pattern: &PathPattern) {
        let Self { root, nodes, labels, hasher } = self;
        let mut node = root;
        for segment in pattern.segments() {
            let label = match segment {
                Segment::Literal(literal) => {
                    node.literals = true;
                    literal
                }
                Segment::Capture(_) => {
                    node.capture = true;
                    CAPTURE
                }
                Segment::Rest => return node.rest.push(index),
            };
            let parent = node.id;
            let id = size(nodes.len() + 1);
            let key = (parent, label);
            let hash = hasher.hash_one(key);
            let entry = nodes.entry(
                hash,
                |node| node.key(labels) == key,
                |node| hasher.hash_one(node.key(labels)),
            );
            node = entry
                .or_insert_with(|| {
                    let start = size(labels.len());
                    labels.push_str(label);
                    let label_len = u16::try_from(label.len()).unwrap_or(u16::MAX);
                    Node { id, parent, label: start, label_len, ..Node::default() }
                })
                .into_mut();
        }
        node.end.push(index);
    }

    /// The child with this label.
    fn step(&self, node: &Node, label: &str) -> Option<&Node> {
        let key = (node.id, label);
        self.nodes.find(self.hasher.hash_one(key), |node| node.key(&self.labels) == key)
    }

    /// Calls `choose` with the ranges of patterns that match a normalised path, most specific
    /// first, until it returns something. Returns that and what the patterns of that range
    /// captured.
    ///
    /// Visits every node at most once. Without captures in the patterns that is one node for each
    /// of the path's segments; where a literal and a capture both match, both branches are tried.
    pub(super) fn find<'p, T>(
        &self,
        path: &'p str,
        choose: &mut impl FnMut(Range<usize>) -> Option<T>,
    ) -> Option<(T, Captures<'p>)> {
        let (found, mut captures) = self.find_from(&self.root, path.strip_prefix('/'), choose)?;
        captures.values.reverse();
        Some((found, captures))
    }

    /// Continues at a node with the rest of the path; `None` is its end. Recursion is as deep as
    /// the longest pattern, whose length is limited. Captures are collected on the way back, last
    /// first.
    fn find_from<'p, T>(
        &self,
        node: &Node,
        left: Option<&'p str>,
        choose: &mut impl FnMut(Range<usize>) -> Option<T>,
    ) -> Option<(T, Captures<'p>)> {
        if let Some(left) = left {
            let (segment, after) = split(left);
            if node.literals
                && let Some(child) = self.step(node, segment)
                && let Some(found) = self.find_from(child, after, choose)
            {
                return Some(found);
            }
            if node.capture
                && !segment.is_empty()
                && let Some(child) = self.step(node, CAPTURE)
                && let Some((found, mut captures)) = self.find_from(child, after, choose)
            {
                captures.values.push(segment);
                return Some((found, captures));
            }
        } else if let Some(found) = choose_from(node.end, choose) {
            return Some((found, Captures::default()));
        }
        let found = choose_from(node.rest, choose)?;
        Some((found, Captures { rest: left, ..Captures::default() }))
    }
}

fn choose_from<T>(span: Span, choose: &mut impl FnMut(Range<usize>) -> Option<T>) -> Option<T> {
    if span.len == 0 { None } else { choose(span.range()) }
}

impl Node {
    fn key<'l>(&self, labels: &'l str) -> (u32, &'l str) {
        let start = self.label as usize;
        (self.parent, &labels[start..start + usize::from(self.label_len)])
    }
}

/// An index into the tree. All patterns of a cluster's objects are far smaller than 2³² bytes, and
/// a literal is limited by
/// [`PathPatternError::MAX_CHARS`](crate::path::PathPatternError::MAX_CHARS).
fn size(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
