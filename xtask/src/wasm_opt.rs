//! Runs Binaryen's `wasm-opt` on components.

use crate::apt::Apt;
use crate::run::{output, run};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use wasm_encoder::{Component, RawSection};
use wasmparser::{Parser, Payload, Validator};

/// Debian's package.
const PACKAGE: &str = "binaryen";

/// The features that Rust's WebAssembly targets assume. A stripped module does not name the ones
/// that it uses.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// A working `wasm-opt`.
#[derive(Debug)]
pub(crate) struct WasmOpt {
    program: PathBuf,
    work: PathBuf,
}

impl WasmOpt {
    /// Finds the machine's program, or downloads it with apt into the target directory. Prints the
    /// result.
    pub(crate) fn find_or_fetch(workspace: &Workspace) -> Option<Self> {
        let work = workspace.target("wasm-opt");
        let fetched = work.join("root/usr/bin/wasm-opt");
        let program = [PathBuf::from("wasm-opt"), fetched.clone()]
            .into_iter()
            .find(|program| runs(program).is_ok())
            .map_or_else(
                || fetch(&work).and_then(|()| runs(&fetched)).map(|_| fetched),
                Ok,
            );
        match program {
            Ok(program) => Some(Self { program, work }),
            Err(error) => {
                eprintln!(
                    "wasm-opt: not installed and cannot be downloaded, so its columns are left out: {error:#}"
                );
                None
            }
        }
    }

    /// Optimises the modules of a component, for example at `-Oz`. Nested components are left
    /// unchanged.
    ///
    /// # Errors
    ///
    /// Fails if the bytes are not a component, if `wasm-opt` does not support a module, or if the
    /// result is not valid.
    pub(crate) fn optimise(&self, component: &[u8], level: &str) -> Result<Vec<u8>> {
        let mut made = Component::new();
        for (id, section, is_module) in sections(component)? {
            let optimised;
            let data = if is_module {
                optimised = self.optimise_module(section, level)?;
                &optimised
            } else {
                section
            };
            made.section(&RawSection { id, data });
        }
        let made = made.finish();
        Validator::new()
            .validate_all(&made)
            .context("wasm-opt made an invalid component")?;
        Ok(made)
    }

    fn optimise_module(&self, module: &[u8], level: &str) -> Result<Vec<u8>> {
        fs::create_dir_all(&self.work)?;
        let file = self.work.join("module.wasm");
        fs::write(&file, module)?;
        run(Command::new(&self.program)
            .args(FEATURES)
            .arg(level)
            .arg(&file)
            .arg("-o")
            .arg(&file))?;
        Ok(fs::read(&file)?)
    }
}

fn runs(program: &Path) -> Result<String> {
    output(Command::new(program).arg("--version"))
}

fn fetch(folder: &Path) -> Result<()> {
    let apt = Apt::of_this_machine(folder.to_owned())?;
    eprintln!("wasm-opt: fetching {PACKAGE} {}", apt.version(PACKAGE)?);
    apt.unpack(&[PACKAGE])?;
    Ok(())
}

/// Returns the sections of a component: the id, the contents, and whether they are a module.
fn sections(component: &[u8]) -> Result<Vec<(u8, &[u8], bool)>> {
    let mut sections = Vec::new();
    // The parser also descends into modules and components.
    let mut read = 0;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        if let Some((id, range)) = payload.as_section()
            && range.start >= read
        {
            read = range.end;
            let is_module = matches!(payload, Payload::ModuleSection { .. });
            let contents = &component[range.start as usize..range.end as usize];
            sections.push((id, contents, is_module));
        }
    }
    Ok(sections)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn component_is_split_into_its_sections() {
        let mut nested = Component::new();
        nested.section(&RawSection {
            id: 1,
            data: b"\0asm\x01\0\0\0",
        });
        let mut component = Component::new();
        component
            .section(&wasm_encoder::CustomSection {
                name: "first".into(),
                data: (&[1, 2]).into(),
            })
            .section(&RawSection {
                id: 1,
                data: b"\0asm\x01\0\0\0\0\x03\x01a\x07",
            })
            .section(&wasm_encoder::NestedComponentSection(&nested));
        let component = component.finish();
        let sections = sections(&component).expect("a component");
        let kinds: Vec<_> = sections
            .iter()
            .map(|(id, _, module)| (*id, *module))
            .collect();
        assert_eq!(kinds, [(0, false), (1, true), (4, false)]);
        let mut copy = Component::new();
        for (id, data, _) in sections {
            copy.section(&RawSection { id, data });
        }
        assert_eq!(copy.finish(), component);
    }
}
