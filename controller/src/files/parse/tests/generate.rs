//! Random texts that are nearly YAML, or nearly JSON.

use super::pieces::{JSON, KEYS, PIECES, SCALARS, SEPARATORS, TAGS};

/// A generator of random numbers: xorshift64*, so that a seed gives the same texts everywhere.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).unwrap_or(0) % bound
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// One of the kinds of texts.
    pub(super) fn text(&mut self) -> String {
        match self.below(6) {
            0 => self.soup(),
            1 => self.scalars(),
            2 => self.json(),
            3 => self.stream(),
            _ => {
                let mut text = String::new();
                self.node(&mut text, 0, 4);
                text.push('\n');
                self.spoil(text)
            }
        }
    }

    /// Pieces in any order.
    fn soup(&mut self) -> String {
        let count = 1 + self.below(14);
        (0..count).map(|_| self.pick(PIECES)).collect()
    }

    /// Scalars as values, keys, and in flow collections.
    fn scalars(&mut self) -> String {
        let count = 1 + self.below(4);
        let mut text = String::new();
        for index in 0..count {
            let scalar = self.scalar();
            let tag = if self.below(8) == 0 { self.pick(TAGS) } else { "" };
            text.push_str(&match self.below(5) {
                0 => format!("{scalar}: v{index}\n"),
                1 => format!("k{index}: [{tag}{scalar}, x]\n"),
                2 => format!("k{index}: {{{scalar}: {tag}x}}\n"),
                3 => format!("? {tag}{scalar}\n: {index}\n"),
                _ => format!("k{index}: {tag}{scalar}\n"),
            });
        }
        text
    }

    /// A word, or random characters of those that numbers and words are made of.
    fn scalar(&mut self) -> String {
        if self.below(2) == 0 {
            return self.pick(SCALARS).to_owned();
        }
        let of =
            ["0123456789", "0123456789_.eE+-xob", "01_", "yYesnNOoftrulan~.", "0123456789.e-T: Z"];
        let characters: Vec<char> = self.pick(&of).chars().collect();
        let length = 1 + self.below(8);
        (0..length).map(|_| characters[self.below(characters.len())]).collect()
    }

    /// Pieces of JSON.
    fn json(&mut self) -> String {
        let count = self.below(10);
        let mut text = "{".to_owned();
        text.extend((0..count).map(|_| self.pick(JSON)));
        if self.below(2) == 0 {
            text.push('}');
        }
        if self.below(3) == 0 {
            text.push_str(self.pick(&[
                "\n{\"b\": 2}",
                "{}{}",
                "\n---\nc: 3\n",
                " x",
                "\n\nd: 4",
                "{}\n---\n",
            ]));
        }
        text
    }

    /// Documents with all kinds of lines between them.
    fn stream(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..=self.below(4) {
            text.push_str(self.pick(SEPARATORS));
            if self.below(3) > 0 {
                self.node(&mut text, 0, 2);
                text.push_str(self.pick(&["\n", "\n", "\r\n", "", "\r"]));
            }
        }
        text
    }

    /// A node whose lines are indented by as many spaces.
    fn node(&mut self, text: &mut String, indent: usize, depth: usize) {
        if self.below(12) == 0 {
            text.push_str(self.pick(&["&a ", "&b ", "!!str ", "!x ", "!!map "]));
        }
        match self.below(if depth == 0 { 4 } else { 9 }) {
            0 => text.push_str(self.pick(&["*a", "*b", "x", "1"])),
            1..4 => text.push_str(self.pick(SCALARS)),
            4 => self.flow(text, depth),
            5 => self.sequence(text, indent, depth),
            _ => self.mapping(text, indent, depth),
        }
    }

    fn line(&mut self, text: &mut String, indent: usize) {
        text.push_str(self.pick(&["\n", "\n", "\n", "\n", "\n\n", " # c\n", "\r\n"]));
        text.push_str(&" ".repeat(indent));
    }

    fn sequence(&mut self, text: &mut String, indent: usize, depth: usize) {
        for _ in 0..=self.below(3) {
            self.line(text, indent);
            text.push_str("- ");
            self.node(text, indent + 2, depth - 1);
        }
    }

    fn mapping(&mut self, text: &mut String, indent: usize, depth: usize) {
        let inner = indent + 1 + self.below(2);
        if indent > 0 || !text.is_empty() {
            self.line(text, indent);
        }
        for index in 0..=self.below(4) {
            if index > 0 {
                self.line(text, indent);
            }
            let key = if self.below(4) == 0 { self.pick(SCALARS) } else { self.pick(KEYS) };
            text.push_str(key);
            text.push_str(self.pick(&[": ", ": ", ": ", ":  ", ":"]));
            self.node(text, inner, depth - 1);
        }
    }

    fn flow(&mut self, text: &mut String, depth: usize) {
        let is_map = self.below(2) == 0;
        text.push(if is_map { '{' } else { '[' });
        for index in 0..self.below(4) {
            if index > 0 {
                text.push_str(self.pick(&[", ", ",", ",\n  ", " ,"]));
            }
            if is_map || self.below(4) == 0 {
                text.push_str(self.pick(KEYS));
                text.push_str(self.pick(&[": ", ": ", ":", "", " : "]));
            }
            if depth > 0 && self.below(4) == 0 {
                self.flow(text, depth - 1);
            } else {
                text.push_str(self.pick(SCALARS));
            }
        }
        text.push(if is_map { '}' } else { ']' });
    }

    /// Puts something where it may not belong, or leaves something out.
    fn spoil(&mut self, text: String) -> String {
        let mut characters: Vec<char> = text.chars().collect();
        for _ in 0..self.below(3) {
            let at = self.below(characters.len());
            match self.below(3) {
                0 => drop(characters.remove(at)),
                1 => {
                    let piece = self.pick(PIECES);
                    drop(characters.splice(at..at, piece.chars()));
                }
                _ => {}
            }
            if characters.is_empty() {
                break;
            }
        }
        characters.into_iter().collect()
    }
}
