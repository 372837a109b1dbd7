//! Checks the direction of the guest SDK's modules: none may import each other in circles.
//!
//! The source files are the nodes. Each path that begins with `crate`, `self`, `super` or the name
//! of a child module is an edge, in code and in macros. Tests are left out, because they may use
//! everything.

use anyhow::{Context as _, Result, ensure};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A module: the names from the crate's root down.
type Module = Vec<String>;

/// Checks that the modules of a crate do not import each other in circles.
///
/// # Errors
///
/// Fails with the names of these modules.
pub(crate) fn check(source: &Path) -> Result<()> {
    let mut files = BTreeMap::new();
    read(source, &Vec::new(), &mut files)?;
    let circles = circles(&files);
    ensure!(
        circles.is_empty(),
        "modules of {} import each other in circles: {}",
        source.display(),
        circles.join(", ")
    );
    Ok(())
}

/// Reads the modules in a folder.
fn read(folder: &Path, module: &Module, files: &mut BTreeMap<Module, TokenStream>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let stem = stem.context("a file name that is not UTF-8")?.to_owned();
        if stem == "tests" {
            continue;
        }
        let inner = child(module, &stem);
        if path.is_dir() {
            read(&path, &inner, files)?;
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let tokens = text
            .parse()
            .map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
        let is_parent = stem == "mod" || stem == "lib";
        files.insert(if is_parent { module.clone() } else { inner }, tokens);
    }
    Ok(())
}

/// Returns the modules in circles, and modules between two circles.
fn circles(files: &BTreeMap<Module, TokenStream>) -> Vec<String> {
    let mut imports: BTreeMap<_, _> = files
        .iter()
        .map(|(module, tokens)| {
            let mut found = BTreeSet::new();
            let mut visitor = Visitor {
                files,
                found: &mut found,
            };
            visitor.visit(tokens.clone(), module);
            found.remove(module);
            (module, found)
        })
        .collect();
    // A module without remaining imports, or without remaining importers, is in no circle.
    loop {
        let left: BTreeSet<_> = imports.keys().map(|module| (*module).clone()).collect();
        let imported: BTreeSet<_> = imports.values().flatten().cloned().collect();
        let before = imports.len();
        imports.retain(|module, on| !on.is_disjoint(&left) && imported.contains(*module));
        if imports.len() == before {
            let name = |module: &&Module| format!("crate::{}", module.join("::"));
            return imports.keys().map(name).collect();
        }
    }
}

/// Collects the modules that paths lead to.
struct Visitor<'a> {
    files: &'a BTreeMap<Module, TokenStream>,
    found: &'a mut BTreeSet<Module>,
}

impl Visitor<'_> {
    /// Visits the tokens of a module.
    fn visit(&mut self, tokens: TokenStream, module: &Module) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let before = at.checked_sub(1).and_then(|before| tokens.get(before));
            at += 1;
            match token {
                TokenTree::Group(group) => self.visit(group.stream(), module),
                TokenTree::Ident(name) if name == "mod" => {
                    at = self.inline_module(&tokens, at, module);
                }
                TokenTree::Ident(name) if is_path(&tokens, at) => {
                    if let Some(start) = self.start(&name.to_string(), before, module) {
                        at = self.path(&tokens, at, start);
                    }
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    /// Returns the module at the start of a path, if it belongs to the crate.
    fn start(&self, name: &str, before: Option<&TokenTree>, module: &Module) -> Option<Module> {
        let is_visibility = matches!(before, Some(TokenTree::Ident(before)) if before == "in");
        if is_visibility || is_punct(before, ':') || is_punct(before, '$') {
            return None;
        }
        match name {
            "crate" => Some(Vec::new()),
            "self" => Some(module.clone()),
            "super" => Some(parent(module)),
            name => Some(child(module, name)).filter(|child| self.files.contains_key(child)),
        }
    }

    /// Visits an inline module, unless it contains tests.
    fn inline_module(&mut self, tokens: &[TokenTree], at: usize, module: &Module) -> usize {
        if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
            (tokens.get(at), tokens.get(at + 1))
        {
            if name != "tests" {
                self.visit(body.stream(), &child(module, &name.to_string()));
            }
            return at + 2;
        }
        at
    }

    /// Follows a path, and each branch of it if it ends in braces.
    fn path(&mut self, tokens: &[TokenTree], mut at: usize, mut path: Module) -> usize {
        while is_path(tokens, at) {
            at += 2;
            match tokens.get(at) {
                Some(TokenTree::Ident(name)) if name == "super" => path = parent(&path),
                Some(TokenTree::Ident(name)) if name == "self" => {}
                // A macro of the crate is exported at its root, wherever it is defined.
                Some(TokenTree::Ident(_)) if is_punct(tokens.get(at + 1), '!') => return at + 1,
                Some(TokenTree::Ident(name)) => path.push(name.to_string()),
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    self.branches(group.stream(), &path);
                    return at + 1;
                }
                _ => break,
            }
            at += 1;
        }
        let files = (0..=path.len()).rev().map(|length| path[..length].to_vec());
        let file = files
            .into_iter()
            .find(|module| self.files.contains_key(module));
        self.found.insert(file.unwrap_or_default());
        at
    }

    fn branches(&mut self, tokens: TokenStream, path: &Module) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        for branch in tokens.split(|token| is_punct(Some(token), ',')) {
            if let Some(TokenTree::Ident(name)) = branch.first() {
                let start = match name.to_string().as_str() {
                    "self" => path.clone(),
                    name => child(path, name),
                };
                self.path(branch, 1, start);
            }
        }
    }
}

fn child(module: &Module, name: &str) -> Module {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

fn parent(module: &[String]) -> Module {
    module[..module.len().saturating_sub(1)].to_vec()
}

fn is_path(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':')
}

fn is_punct(token: Option<&TokenTree>, char: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == char)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
        let module = |path: &str| path.split_terminator("::").map(str::to_owned).collect();
        let files = files
            .iter()
            .map(|(path, text)| (module(path), text.parse().unwrap()))
            .collect();
        circles(&files)
    }

    #[test]
    fn circle_is_found_in_uses_paths_and_macros() {
        for (one, other) in [
            ("use crate::b::{C, D};", "use super::a;"),
            ("fn f() { crate::b::g(); }", "use crate::{x, a::{self, Y}};"),
            (
                "macro_rules! m { () => { crate::b::f() } }",
                "mod inner { use super::super::a; }",
            ),
            ("use crate::B;", "use crate::a::A;"),
        ] {
            let root = "mod a; mod b; pub use b::B; pub use crate::b::B;";
            let found = circles_of(&[("", root), ("a", one), ("b", other)]);
            assert!(found.len() >= 2, "{one} {other}: {found:?}");
        }
    }

    #[test]
    fn one_direction_is_no_circle() {
        let found = circles_of(&[
            ("", "mod a; pub use crate::a::A;"),
            (
                "a",
                "use super::b::B; use crate::b::c::C; fn f(&self) { $crate::A; crate::m!() }",
            ),
            (
                "b",
                "mod c; pub(crate) use self::c::C; mod tests { use crate::a::A; }",
            ),
            ("b::c", "use core::fmt; use self::Local::Case;"),
        ]);
        assert_eq!(found, [""; 0]);
    }
}
