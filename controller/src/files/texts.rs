//! The texts of files, kept where lines of them are shown.

use super::{
    decode::Origin,
    locate::{Outline, Position, Source},
};
use std::{collections::BTreeMap, path::Path, sync::Arc};

/// The texts of files, by path.
#[derive(Debug, Default)]
pub struct Texts(BTreeMap<Arc<Path>, Text>);

#[derive(Debug)]
struct Text {
    content: String,
    /// The offset at which each line starts.
    lines: Vec<usize>,
}

/// A field whose place is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark<'m> {
    /// The file.
    pub(crate) path: &'m Path,
    /// Where the object is.
    pub(crate) origin: Origin,
    /// The field's path in the object, as Kubernetes writes it; empty for the object itself.
    pub(crate) field: &'m str,
    /// Whether its name is wanted, rather than its value.
    pub(crate) is_key: bool,
}

/// What is shown of a line around a place in it.
#[derive(Debug, PartialEq, Eq)]
pub struct Excerpt<'t> {
    /// What precedes the place.
    pub before: &'t str,
    /// The place itself.
    pub marked: &'t str,
    /// What follows it.
    pub after: &'t str,
    /// Whether the line's beginning and its end are left out.
    pub cut: (bool, bool),
}

impl Texts {
    pub(super) fn insert(&mut self, path: Arc<Path>, content: String) {
        let feeds = content.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = [0].into_iter().chain(feeds.map(|(index, _)| index + 1)).collect();
        self.0.insert(path, Text { content, lines });
    }

    /// Where fields are, for each what it is wanted for; without those of files that are not known.
    /// Every document that has any is read once more, however many it has. Of a field that is not
    /// there, it is the innermost mapping or item that would have it.
    pub(crate) fn locate<'m, T>(
        &self,
        marks: impl IntoIterator<Item = (Mark<'m>, T)>,
    ) -> Vec<(T, Position)> {
        let mut documents: BTreeMap<(&Path, Source), Vec<_>> = BTreeMap::new();
        for (mark, wanted_for) in marks {
            let document = (mark.path, mark.origin.source);
            documents.entry(document).or_default().push((mark, wanted_for));
        }
        let mut found = Vec::new();
        for ((path, source), marks) in documents {
            let Some(text) = self.0.get(path) else { continue };
            let Some(outline) = Outline::read(&text.content, &source) else { continue };
            let marks = marks.into_iter();
            found.extend(marks.map(|(mark, it)| (it, text.position(&outline, &mark))));
        }
        found
    }

    /// A place with at most `around` characters of its line on either side, and of itself.
    pub fn excerpt(&self, path: &Path, position: Position, around: usize) -> Option<Excerpt<'_>> {
        self.0.get(path).map(|text| text.excerpt(position, around))
    }
}

impl Text {
    fn position(&self, outline: &Outline<'_>, mark: &Mark<'_>) -> Position {
        let Mark { origin, field, is_key, .. } = mark;
        let place = match origin.item {
            Some(item) if field.is_empty() => outline.find(&format!("items[{item}]")),
            Some(item) => outline.find(&format!("items[{item}].{field}")),
            None => outline.find(field),
        };
        match place.key.filter(|_| *is_key && place.whole) {
            Some(key) => key,
            // A mapping or an item without a name of its own: its first line stands for it.
            None if !place.scalar && place.key.is_none() => {
                let Position { line, column, .. } = place.value;
                let rest = skip(self.line(line), column - 1);
                let rest = rest.split(" #").next().unwrap_or(rest).trim_end();
                Position { line, column, length: rest.chars().count().max(1) }
            }
            None => place.position(),
        }
    }

    /// A line, from 1, without its end.
    fn line(&self, number: usize) -> &str {
        let start = self.lines.get(number.saturating_sub(1)).copied();
        let end = self.lines.get(number).map_or(self.content.len(), |next| next - 1);
        let line = self.content.get(start.unwrap_or(end)..end).unwrap_or_default();
        line.strip_suffix('\r').unwrap_or(line)
    }

    fn excerpt(&self, position: Position, around: usize) -> Excerpt<'_> {
        let line = self.line(position.line);
        let start = position.column.saturating_sub(1);
        let (before, rest) = split(line, start);
        let before = skip(before, start.saturating_sub(around));
        let (marked, rest) = split(rest, position.length.min(around));
        let (after, rest) = split(rest, around);
        Excerpt { before, marked, after, cut: (start > around, !rest.is_empty()) }
    }
}

/// A text without its first characters.
fn skip(text: &str, characters: usize) -> &str {
    split(text, characters).1
}

/// A text's first characters, and the rest.
fn split(text: &str, characters: usize) -> (&str, &str) {
    let at = text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at);
    text.split_at(at)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn texts(content: &str) -> (Arc<Path>, Texts) {
        let (path, mut texts): (Arc<Path>, _) = (Path::new("a.yaml").into(), Texts::default());
        texts.insert(path.clone(), content.to_owned());
        (path, texts)
    }

    #[test]
    fn an_excerpt_is_what_the_position_says() {
        let long = format!("first\n{}é: value{}\r\nlast", "ä".repeat(1000), "z".repeat(1000));
        let (path, texts) = texts(&long);
        let excerpt = |line, column, length, around| {
            texts.excerpt(&path, Position { line, column, length }, around).unwrap()
        };
        assert_eq!(
            excerpt(2, 1004, 5, 4),
            Excerpt { before: "äé: ", marked: "valu", after: "ezzz", cut: (true, true) }
        );
        assert_eq!(
            excerpt(3, 1, 4, 100),
            Excerpt { before: "", marked: "last", after: "", cut: (false, false) }
        );
        let beyond = excerpt(2, 2010, 1, 2);
        assert_eq!((beyond.marked, beyond.after), ("", ""), "beyond the line's end");
        assert_eq!(excerpt(9, 1, 1, 9).marked, "", "beyond the text's end");
    }

    const TEXT: &str = "\
kind: Route
metadata:
  name: a
  labels: {app.kubernetes.io/name: x}
spec:
  matches:
  - path: /a
    methods: [GET, \"PUT\"]
  - {path: '/b'} # Another.
  empty:
items:
- kind: Route
  spec: {a: 1}
- kind: FrontDoor # One more.
";

    fn found(item: Option<usize>, field: &str, is_key: bool) -> String {
        let (path, texts) = texts(TEXT);
        let (start, end, format) = (0, TEXT.len(), super::super::locate::Format::Yaml);
        let source = Source { start, end, line: 1, first_line: 1, format };
        let origin = Origin { document: 1, source, item };
        let mark = Mark { path: &path, origin, field, is_key };
        let ((), position) = texts.locate([(mark, ())])[0];
        texts.excerpt(&path, position, 100).unwrap().marked.to_owned()
    }

    #[test]
    fn scalars_are_marked_and_names_of_everything_else() {
        for (field, marked) in [
            ("kind", "Route"),
            ("metadata", "metadata"),
            ("metadata.name", "a"),
            ("metadata.labels[app.kubernetes.io/name]", "x"),
            ("spec.matches", "matches"),
            ("spec.matches[0]", "path: /a"),
            ("spec.matches[0].path", "/a"),
            ("spec.matches[0].methods", "methods"),
            ("spec.matches[0].methods[1]", "\"PUT\""),
            ("spec.matches[1].path", "'/b'"),
            ("", "kind: Route"),
        ] {
            assert_eq!(found(None, field, false), marked, "{field}");
        }
        assert_eq!(found(None, "metadata.name", true), "name");
        assert_eq!(found(None, "spec.matches[0].methods", true), "methods");
    }

    #[test]
    fn what_is_missing_is_marked_where_it_would_be() {
        for (field, marked) in [
            ("spec.frontDoorRef.name", "spec"),
            ("spec.matches[0].query[3].name", "path: /a"),
            ("spec.matches[1].query", "{path: '/b'}"),
            ("spec.matches[7]", "matches"),
            ("spce", "kind: Route"),
        ] {
            assert_eq!(found(None, field, false), marked, "{field}");
        }
    }

    #[test]
    fn items_of_lists_are_objects() {
        assert_eq!(found(Some(0), "spec.a", false), "1");
        assert_eq!(found(Some(1), "spec.hosts", false), "kind: FrontDoor");
        assert_eq!(found(Some(1), "kind", false), "FrontDoor");
    }
}
