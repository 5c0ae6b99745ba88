//! Text for terminals.

use annotate_snippets::Renderer;
use clap::builder::styling::{AnsiColor, Style};
use std::{
    env,
    fmt::{self, Write},
    io::{self, IsTerminal},
};

/// Text from a manifest on one line, without characters that a terminal would interpret: controls,
/// and those that change the direction of text.
pub(crate) struct Plain<'t>(pub(crate) &'t str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| {
            let is_odd = c.is_control()
                || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if is_odd { write!(f, "{}", c.escape_default()) } else { f.write_char(c) }
        })
    }
}

/// How wide a line of prose is.
const WIDTH: usize = 100;

/// The lines of a paragraph, the first of which begins with `first` and the others with as much
/// space.
pub(crate) fn paragraph(first: &str, text: &str) -> Vec<String> {
    let (mut lines, mut line) = (Vec::new(), first.to_owned());
    let indent = first.chars().count();
    for word in text.split(' ') {
        if line.chars().count() + word.chars().count() > WIDTH && line.trim() != "" {
            lines.push(line.trim_end().to_owned());
            line = " ".repeat(indent);
        }
        line.push_str(word);
        line.push(' ');
    }
    lines.push(line.trim_end().to_owned());
    lines
}

/// Highlights words with colours, if the output is a terminal.
#[derive(Clone, Copy)]
pub(crate) struct Paint {
    colours: bool,
}

impl Paint {
    /// Uses colours on a terminal, unless `NO_COLOR` is set.
    pub(crate) fn of_stdout() -> Self {
        Self { colours: io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none() }
    }

    /// Uses no colours.
    pub(crate) fn none() -> Self {
        Self { colours: false }
    }

    /// Renders problems with lines of the source.
    pub(crate) fn renderer(self) -> Renderer {
        if self.colours { Renderer::styled() } else { Renderer::plain() }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.with(Style::new().bold(), text)
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.with(AnsiColor::Green.on_default(), text)
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.with(AnsiColor::Red.on_default(), text)
    }

    pub(crate) fn odd(self, text: &str) -> String {
        self.with(AnsiColor::Yellow.on_default(), text)
    }

    fn with(self, style: Style, text: &str) -> String {
        let text = Plain(text);
        if self.colours { format!("{style}{text}{style:#}") } else { text.to_string() }
    }
}
