//! Snippets of nginx's configuration. Some of their directives have an equal; those that are known
//! not to keep anybody out can be left out; with any other, the Route must not be served.

use super::super::{annotation::Annotation, literal, settings::Settings};

/// Directives that decide about nobody's access. Each is also the beginning of others.
const HARMLESS: [&str; 17] = [
    "access_log",
    "add_header",
    "charset",
    "client_body_",
    "client_header_",
    "error_log",
    "etag",
    "expires",
    "gzip",
    "log_",
    "more_",
    "opentelemetry",
    "proxy_buffer",
    "proxy_hide_header",
    "proxy_set_header",
    "sub_filter",
    "types",
];

/// `configuration-snippet`.
pub(super) fn location(it: &Annotation<'_, '_>, settings: &mut Settings) {
    let Some(directives) = directives(it.text) else {
        return it.closes(settings, "the snippet has blocks, such as if: write rules for it");
    };
    it.kept();
    for words in directives {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let Some(name) = words.first() else { continue };
        if apply(&words, settings).is_some() {
        } else if HARMLESS.iter().any(|harmless| name.starts_with(harmless)) {
            it.dropped(format!("{name} has no equal, or not with these values"));
        } else {
            it.closes(settings, format!("{name} is not known to keep nobody out"));
        }
    }
}

/// `server-snippet`: for all paths of the host, of other Ingresses too.
pub(super) fn server(it: &Annotation<'_, '_>, settings: &mut Settings) {
    let is_harmless = |words: &Vec<String>| {
        words.first().is_none_or(|name| HARMLESS.iter().any(|it| name.starts_with(it)))
    };
    if directives(it.text).is_some_and(|directives| directives.iter().all(is_harmless)) {
        it.dropped("write it as rules of the FrontDoor, as far as it matters");
    } else {
        let why = "the snippet may keep requests out";
        it.dropped(format!("{why}: its hosts answer 503 until you have written rules for it"));
        settings.closed_hosts.push(why.to_owned());
    }
}

/// What a directive asks for, if it has an equal.
fn apply(words: &[&str], settings: &mut Settings) -> Option<()> {
    let (request, response) = (&mut settings.request_headers, &mut settings.response_headers);
    let checked = |name: &str, value: &str| {
        let is_plain = literal::is_header(name, value) && !value.contains('$');
        is_plain.then(|| (name.to_owned(), value.to_owned()))
    };
    match words {
        ["more_set_headers", lines @ ..] => {
            let line = |line: &&str| {
                let (name, value) = line.split_once(':')?;
                checked(name.trim(), value.trim())
            };
            let lines: Option<Vec<_>> = lines.iter().map(line).collect();
            response.set.extend(lines?);
        }
        ["add_header", name, value] | ["add_header", name, value, "always"] => {
            response.add.push(checked(name, value)?);
        }
        ["proxy_set_header", name, ""] => request.remove.push(checked(name, "")?.0),
        ["proxy_set_header", name, value] => request.set.push(checked(name, value)?),
        ["more_set_input_headers", line] => {
            let (name, value) = line.split_once(':')?;
            request.set.push(checked(name.trim(), value.trim())?);
        }
        ["proxy_hide_header", name] | ["more_clear_headers", name] => {
            response.remove.push(checked(name, "")?.0);
        }
        _ => return None,
    }
    Some(())
}

/// The directives of a snippet, as words; `None` if it has blocks, or is broken.
fn directives(text: &str) -> Option<Vec<Vec<String>>> {
    let (mut all, mut words) = (Vec::new(), Vec::new());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            ';' => all.push(std::mem::take(&mut words)),
            '{' | '}' => return None,
            '#' => while characters.next_if(|c| *c != '\n').is_some() {},
            c if c.is_whitespace() => {}
            quote @ ('"' | '\'') => {
                let mut word = String::new();
                loop {
                    match characters.next()? {
                        '\\' => word.push(characters.next()?),
                        c if c == quote => break,
                        c => word.push(c),
                    }
                }
                words.push(word);
            }
            c => {
                let mut word = c.to_string();
                while let Some(c) =
                    characters.next_if(|c| !c.is_whitespace() && !";{}".contains(*c))
                {
                    word.push(c);
                }
                words.push(word);
            }
        }
    }
    words.is_empty().then_some(all)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_words() {
        let text = "more_set_headers \"X-A: b; c\"; # d\nadd_header X-B 'e f' always;";
        let words = directives(text).unwrap();
        assert_eq!(
            words,
            [vec!["more_set_headers", "X-A: b; c"], vec!["add_header", "X-B", "e f", "always"]]
        );
        for bad in ["if ($a) { return 403; }", "deny all", "a \"b", "}"] {
            assert_eq!(directives(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_has_an_equal_is_kept() {
        let mut settings = Settings::default();
        for words in [
            &["more_set_headers", "X-A: b"][..],
            &["add_header", "X-B", "c", "always"],
            &["proxy_set_header", "X-C", "d"],
            &["proxy_hide_header", "Server"],
        ] {
            apply(words, &mut settings).unwrap();
        }
        assert_eq!(settings.response_headers.set, [("X-A".to_owned(), "b".to_owned())]);
        assert_eq!(settings.response_headers.remove, ["Server"]);
        for words in
            [&["add_header", "X-A", "$b"][..], &["deny", "all"], &["proxy_set_header", "Host", "a"]]
        {
            assert_eq!(apply(words, &mut settings), None, "{words:?}");
        }
    }
}
