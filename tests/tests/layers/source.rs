//! A source file: the modules that it declares, and the paths that it names.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::{iter::Peekable, path::Path};

/// The path of a module from the root of its crate.
pub(crate) type ModulePath = Vec<String>;

/// What a source file says of modules.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// Where it is, as messages name it.
    pub(crate) file: String,
    /// Its module and those inside it.
    pub(crate) modules: Vec<ModulePath>,
    /// The modules that it declares at its top, in order.
    pub(crate) declared: Vec<String>,
    /// Every path in it that may lead to a module.
    pub(crate) names: Vec<Name>,
}

/// A path as it is written.
#[derive(Debug)]
pub(crate) struct Name {
    /// The module in which it is written.
    pub(crate) module: ModulePath,
    pub(crate) line: usize,
    pub(crate) segments: Vec<String>,
    /// Under which name a `use` has it; `None` in other places.
    pub(crate) alias: Option<String>,
}

/// The module of a file, given from the crate's `src`; `None` where it is another crate's root, or
/// has only tests.
pub(crate) fn module(path: &Path) -> Option<ModulePath> {
    let mut module: ModulePath = path
        .with_extension("")
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    let first = module.first().map(String::as_str);
    let is_test = module.iter().any(|part| part == "tests" || part == "oracle");
    if is_test || first == Some("bin") || (module.len() == 1 && first == Some("main")) {
        return None;
    }
    if module.last().is_some_and(|last| last == "mod" || last == "lib") {
        module.pop();
    }
    Some(module)
}

impl Source {
    /// Reads the text of a module.
    pub(crate) fn read(file: &str, module: ModulePath, text: &str) -> Self {
        let mut source = Self { file: file.to_owned(), ..Self::default() };
        let tokens: TokenStream =
            text.parse().unwrap_or_else(|error| panic!("{file} is not Rust: {error}"));
        source.modules.push(module.clone());
        source.tokens(tokens, &module, true);
        source
    }

    fn tokens(&mut self, tokens: TokenStream, module: &ModulePath, is_top: bool) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    if takes_test(&mut tokens) {
                        skip_item(&mut tokens);
                    }
                }
                TokenTree::Ident(ident) if ident == "mod" => {
                    self.inner(&mut tokens, module, is_top);
                }
                TokenTree::Ident(ident) if ident == "use" && !is_punct(tokens.peek(), '<') => {
                    self.uses(&mut tokens, module, &[]);
                }
                TokenTree::Ident(ident) => {
                    let line = ident.span().start().line;
                    let segments = path(ident.to_string(), &mut tokens);
                    if segments.len() > 1 {
                        self.names.push(Name {
                            module: module.clone(),
                            line,
                            segments,
                            alias: None,
                        });
                    }
                }
                TokenTree::Group(group) => self.tokens(group.stream(), module, false),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    /// What follows `mod`.
    fn inner(&mut self, tokens: &mut Tokens, module: &ModulePath, is_top: bool) {
        let Some(TokenTree::Ident(name)) = tokens.next() else { return };
        match tokens.next() {
            Some(TokenTree::Group(group)) => {
                let inner = [module.as_slice(), &[name.to_string()]].concat();
                self.modules.push(inner.clone());
                self.tokens(group.stream(), &inner, false);
            }
            _ if is_top => self.declared.push(name.to_string()),
            _ => {}
        }
    }

    /// What follows `use`, or is in its braces.
    fn uses(&mut self, tokens: &mut Tokens, module: &ModulePath, prefix: &[String]) {
        let mut segments = prefix.to_vec();
        let mut alias = None;
        let mut line = 0;
        loop {
            let token = tokens.next();
            match &token {
                Some(TokenTree::Ident(ident)) if ident == "as" => {
                    alias = tokens.next().map(|alias| alias.to_string());
                }
                Some(TokenTree::Ident(ident)) => {
                    line = ident.span().start().line;
                    segments.push(ident.to_string());
                }
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    let mut inner = group.stream().into_iter().peekable();
                    while inner.peek().is_some() {
                        self.uses(&mut inner, module, &segments);
                    }
                    segments.truncate(prefix.len());
                }
                Some(TokenTree::Punct(punct)) if punct.as_char() == ':' => {}
                Some(TokenTree::Punct(punct)) if punct.as_char() == '*' => {
                    line = punct.span().start().line;
                }
                _ => {
                    if segments.len() > prefix.len() {
                        // `use a::{self}` names `a`.
                        if segments.len() > 1 && segments.last().is_some_and(|last| last == "self")
                        {
                            segments.pop();
                        }
                        let alias = alias.or_else(|| segments.last().cloned());
                        self.names.push(Name { module: module.clone(), line, segments, alias });
                    }
                    return;
                }
            }
        }
    }
}

type Tokens = Peekable<proc_macro2::token_stream::IntoIter>;

fn is_punct(token: Option<&TokenTree>, char: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == char)
}

/// Takes the brackets of an attribute. Whether it makes what follows a test's.
fn takes_test(tokens: &mut Tokens) -> bool {
    if is_punct(tokens.peek(), '!') {
        tokens.next();
    }
    let Some(TokenTree::Group(attribute)) = tokens.next() else { return false };
    let text: String =
        attribute.stream().to_string().chars().filter(|c| !c.is_whitespace()).collect();
    text == "cfg(test)" || text.starts_with("cfg(all(test,")
}

/// Takes an item: to its braces or its semicolon.
fn skip_item(tokens: &mut Tokens) {
    for token in tokens {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return,
            TokenTree::Punct(punct) if punct.as_char() == ';' => return,
            _ => {}
        }
    }
}

/// A path that begins so: `crate::a::b`.
fn path(first: String, tokens: &mut Tokens) -> Vec<String> {
    let mut segments = vec![first];
    while is_punct(tokens.peek(), ':') {
        tokens.next();
        if !is_punct(tokens.peek(), ':') {
            return segments;
        }
        tokens.next();
        let Some(TokenTree::Ident(segment)) = tokens.peek() else { return segments };
        segments.push(segment.to_string());
        tokens.next();
    }
    segments
}
