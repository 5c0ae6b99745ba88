//! Which module names which.

use crate::source::{ModulePath, Name, Source};
use std::collections::{BTreeMap, BTreeSet};

/// The modules of a crate.
#[derive(Debug, Default)]
pub(crate) struct Modules {
    /// The modules that `lib.rs` lists, the lowest first.
    order: Vec<String>,
    all: BTreeSet<ModulePath>,
    /// What a `use` calls a path, by the module that has it.
    aliases: BTreeMap<ModulePath, ModulePath>,
    sources: Vec<Source>,
}

impl Modules {
    pub(crate) fn new(sources: Vec<Source>) -> Self {
        let lib = sources.iter().find(|source| source.modules[0].is_empty());
        let order = lib.map(|lib| lib.declared.clone()).unwrap_or_default();
        let all = sources.iter().flat_map(|source| source.modules.clone()).collect();
        let mut modules = Self { order, all, sources, ..Self::default() };
        let names = modules.sources.iter().flat_map(|source| &source.names);
        let aliases = names.filter_map(|name| {
            let alias = name.alias.clone()?;
            Some(([name.module.as_slice(), &[alias]].concat(), modules.absolute(name)?))
        });
        modules.aliases = aliases.collect();
        modules
    }

    /// The path from the crate's root; `None` where it leads to another crate, or is some name of the
    /// module's own.
    fn absolute(&self, name: &Name) -> Option<ModulePath> {
        let mut path = name.module.clone();
        let mut segments = name.segments.as_slice();
        match segments.first()?.as_str() {
            "crate" => {
                path.clear();
                segments = &segments[1..];
            }
            "self" | "super" => {
                while let Some((first, rest)) = segments.split_first() {
                    match first.as_str() {
                        "self" => {}
                        "super" => drop(path.pop()),
                        _ => break,
                    }
                    segments = rest;
                }
            }
            child => {
                let child = [path.as_slice(), &[child.to_owned()]].concat();
                if !self.all.contains(&child) {
                    return None;
                }
            }
        }
        path.extend(segments.iter().cloned());
        Some(path)
    }

    /// The module to which a path leads; by what a folder re-exports, where `from` is inside it.
    fn target(&self, from: &ModulePath, path: &ModulePath) -> ModulePath {
        let mut path = path.clone();
        // Names that stand for each other in a circle don't compile; this ends all the same.
        for _ in 0..=self.aliases.len() {
            let known = (0..=path.len()).rev().find(|end| self.all.contains(&path[..*end]));
            let (module, item) = path.split_at(known.unwrap_or_default());
            let alias = path.get(..module.len() + 1).and_then(|item| self.aliases.get(item));
            match alias.filter(|_| from.starts_with(module)) {
                Some(alias) => path = [alias, &item[1..]].concat(),
                None => return module.to_vec(),
            }
        }
        path
    }

    /// Every module of the top that names one that `lib.rs` lists after it.
    pub(crate) fn arrows_back(&self) -> Vec<String> {
        let layer = |module: &str| self.order.iter().position(|listed| listed == module);
        let mut arrows = Vec::new();
        for source in &self.sources {
            let Some(own) = source.modules[0].first() else { continue };
            let Some(own_layer) = layer(own) else {
                arrows.push(format!("{}:1: {own} is not listed in lib.rs", source.file));
                continue;
            };
            for name in &source.names {
                let named = self.absolute(name).and_then(|path| path.into_iter().next());
                if let Some(named) = named.filter(|named| layer(named) > Some(own_layer)) {
                    let (file, line) = (&source.file, name.line);
                    arrows.push(format!(
                        "{file}:{line}: {own} names {named}, which stands after it in lib.rs"
                    ));
                }
            }
        }
        arrows
    }

    /// Every module that names one of the same folder which, by itself or by others, names it back.
    pub(crate) fn circles(&self) -> Vec<String> {
        let mut edges: BTreeMap<(ModulePath, ModulePath), String> = BTreeMap::new();
        for source in &self.sources {
            for name in &source.names {
                let Some(path) = self.absolute(name) else { continue };
                let target = self.target(&name.module, &path);
                let common = name.module.iter().zip(&target).take_while(|(a, b)| a == b).count();
                let siblings = name.module.get(..common + 1).zip(target.get(..common + 1));
                if let Some((from, to)) = siblings.filter(|_| common > 0) {
                    let place = format!("{}:{}", source.file, name.line);
                    edges.entry((from.to_vec(), to.to_vec())).or_insert(place);
                }
            }
        }
        let leads_back = |from: &ModulePath, to: &ModulePath| {
            let (mut seen, mut next) = (BTreeSet::new(), vec![to]);
            while let Some(module) = next.pop() {
                if seen.insert(module) {
                    next.extend(edges.keys().filter(|(a, _)| a == module).map(|(_, b)| b));
                }
            }
            seen.contains(from)
        };
        let circles = edges.iter().filter(|((from, to), _)| leads_back(from, to));
        let say = |((from, to), place): (&(ModulePath, ModulePath), &String)| {
            let (from, to) = (from.join("::"), to.last().map_or("", String::as_str));
            format!("{place}: {from} names {to}, which leads back to it")
        };
        circles.map(say).collect()
    }
}
