//! What the web pages have in common that Portico writes.

use std::fmt::{self, Display, Write};

/// The brand, above a page's heading.
pub(crate) const BRAND: &str = r#"<p class="brand"><svg viewBox="0 0 32 32" aria-hidden="true"><path d="M16 2 2 10v3h28v-3zM5 15h4v11H5zm9 0h4v11h-4zm9 0h4v11h-4zM2 27h28v3H2z"/></svg>Portico</p>"#;

/// Text in HTML.
pub(crate) struct Text<T>(pub(crate) T);

impl<T: Display> Display for Text<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.to_string().chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            other => f.write_char(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_markup() {
        assert_eq!(
            Text("<a href=\"x\">&</a>").to_string(),
            "&lt;a href=&quot;x&quot;&gt;&amp;&lt;/a&gt;"
        );
    }
}
