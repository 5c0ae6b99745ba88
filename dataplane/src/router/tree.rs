//! The tree of path segments.

use crate::path::{PathPattern, Segment, split};
use hashbrown::{DefaultHashBuilder, HashTable};
use std::{hash::BuildHasher, ops::Range};

/// Patterns by their segments. Holds no rules, but ranges of the sorted list that it is built
/// from: patterns of one shape stand together there. One hash table serves the literals of all
/// nodes, so that a node takes 32 bytes and a step one look-up, however many siblings there are.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    /// The root first; none if there are no patterns.
    nodes: Vec<Node>,
    /// The literals that lead to nodes, laid end to end.
    labels: String,
    /// Nodes that a literal leads to, by parent and literal.
    literals: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

/// The patterns that begin with the same segments, names aside.
#[derive(Clone, Debug, Default)]
struct Node {
    parent: u32,
    /// Where its literal stands in `labels`.
    label: u32,
    label_len: u16,
    /// Whether any literal leads on from here.
    has_literals: bool,
    /// Where a capture leads; 0, the root, is nowhere.
    capture: u32,
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
    /// Builds the tree of patterns, which are sorted by [`PathPattern::precedence`].
    pub(super) fn new<'p>(patterns: impl Iterator<Item = &'p PathPattern>) -> Self {
        let mut tree = Self::default();
        for (index, pattern) in (0..).zip(patterns) {
            tree.insert(index, pattern);
        }
        tree.nodes.shrink_to_fit();
        tree.labels.shrink_to_fit();
        let Self { nodes, labels, literals, hasher } = &mut tree;
        literals.shrink_to_fit(|&node| key_of(nodes, labels, hasher, node));
        tree
    }

    fn insert(&mut self, index: u32, pattern: &PathPattern) {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let mut at = 0;
        for segment in pattern.segments() {
            at = match segment {
                Segment::Literal(literal) => self.literal(at, literal),
                Segment::Capture(_) => self.capture(at),
                Segment::Rest => return self.nodes[at as usize].rest.push(index),
            };
        }
        self.nodes[at as usize].end.push(index);
    }

    /// The node that `literal` leads to from the node `at`; made if need be.
    fn literal(&mut self, at: u32, literal: &str) -> u32 {
        if let Some(found) = self.step(at, literal) {
            return found;
        }
        let node = self.add(Node {
            parent: at,
            label: size(self.labels.len()),
            label_len: u16::try_from(literal.len()).unwrap_or(u16::MAX),
            ..Node::default()
        });
        self.nodes[at as usize].has_literals = true;
        self.labels.push_str(literal);
        let Self { nodes, labels, literals, hasher } = self;
        literals.insert_unique(key(hasher, at, literal), node, |&node| {
            key_of(nodes, labels, hasher, node)
        });
        node
    }

    /// The node that a capture leads to from the node `at`; made if need be.
    fn capture(&mut self, at: u32) -> u32 {
        if self.nodes[at as usize].capture == 0 {
            self.nodes[at as usize].capture = self.add(Node { parent: at, ..Node::default() });
        }
        self.nodes[at as usize].capture
    }

    fn add(&mut self, node: Node) -> u32 {
        self.nodes.push(node);
        size(self.nodes.len() - 1)
    }

    fn step(&self, at: u32, literal: &str) -> Option<u32> {
        let is = |&node: &u32| {
            let node = &self.nodes[node as usize];
            node.parent == at && node.label(&self.labels) == literal
        };
        self.literals.find(key(&self.hasher, at, literal), is).copied()
    }

    /// Asks `choose` about the ranges of patterns that match a normalised path, the most specific
    /// first, until it answers.
    ///
    /// Every node is visited once at most. With no captures in the patterns that is one node for
    /// each of the path's segments; where a literal and a capture both fit, both ways are tried.
    pub(super) fn find<T>(
        &self,
        path: &str,
        choose: &mut impl FnMut(Range<usize>) -> Option<T>,
    ) -> Option<T> {
        if self.nodes.is_empty() {
            return None;
        }
        self.find_from(0, path.strip_prefix('/'), choose)
    }

    /// Goes on at the node `at` with what is left of the path; `None` is its end. As deep as the
    /// deepest pattern, whose length is limited.
    fn find_from<T>(
        &self,
        at: u32,
        left: Option<&str>,
        choose: &mut impl FnMut(Range<usize>) -> Option<T>,
    ) -> Option<T> {
        let node = &self.nodes[at as usize];
        let found = if let Some(left) = left {
            let (segment, after) = split(left);
            let literal = if node.has_literals { self.step(at, segment) } else { None };
            let capture = (node.capture != 0 && !segment.is_empty()).then_some(node.capture);
            literal
                .and_then(|child| self.find_from(child, after, choose))
                .or_else(|| capture.and_then(|child| self.find_from(child, after, choose)))
        } else {
            ask(node.end, choose)
        };
        found.or_else(|| ask(node.rest, choose))
    }
}

fn ask<T>(span: Span, choose: &mut impl FnMut(Range<usize>) -> Option<T>) -> Option<T> {
    if span.len == 0 { None } else { choose(span.range()) }
}

impl Node {
    fn label<'l>(&self, labels: &'l str) -> &'l str {
        let start = self.label as usize;
        &labels[start..start + usize::from(self.label_len)]
    }
}

fn key(hasher: &DefaultHashBuilder, parent: u32, literal: &str) -> u64 {
    hasher.hash_one((parent, literal))
}

fn key_of(nodes: &[Node], labels: &str, hasher: &DefaultHashBuilder, node: u32) -> u64 {
    let node = &nodes[node as usize];
    key(hasher, node.parent, node.label(labels))
}

/// An index into the tree. All patterns of a cluster's objects are far fewer than 2³² bytes, and a
/// literal is limited by [`PathPatternError::MAX_CHARS`](crate::path::PathPatternError::MAX_CHARS).
fn size(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
