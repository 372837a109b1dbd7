//! What a component imports and exports, in the words of every runtime alike.

use crate::failure::Failure;
use std::fmt::Write as _;
use std::path::Path;

/// The contract's worlds, by the interface that only they import.
const WORLDS: [(&str, &str); 3] = [
    ("tracing", "tracer"),
    ("metrics", "meter"),
    ("logging", "logger"),
];

/// An import or export.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) functions: usize,
    pub(crate) resources: usize,
}

/// What a component needs and offers.
#[derive(Debug)]
pub(crate) struct Needs {
    pub(crate) imports: Vec<Item>,
    pub(crate) exports: Vec<Item>,
    /// What of the imports this host lacks, each named in full.
    pub(crate) missing: Vec<String>,
}

impl Needs {
    /// Whether this host has all that the component imports.
    pub(crate) fn served(&self) -> bool {
        self.missing.is_empty()
    }

    /// Fails unless the component is a command that this host can serve.
    pub(crate) fn must_be_command(&self, path: &Path) -> Result<(), Failure> {
        let path = path.display();
        if !self.served() {
            return Err(Failure::new(format!(
                "{path} imports what this host does not have:\n  {}\n`wasmscope inspect {path}` shows everything that it imports",
                self.missing.join("\n  ")
            )));
        }
        if !self.is_command() {
            let exports: Vec<_> = self.exports.iter().map(|item| item.name.as_str()).collect();
            return Err(Failure::new(format!(
                "{path} is not a command: it does not export wasi:cli/run@0.2; what it exports: {}",
                if exports.is_empty() {
                    "nothing".to_owned()
                } else {
                    exports.join(", ")
                }
            )));
        }
        Ok(())
    }

    fn is_command(&self) -> bool {
        self.exports
            .iter()
            .any(|item| item.name.starts_with("wasi:cli/run@0.2."))
    }

    /// The text of `wasmscope inspect`.
    pub(crate) fn report(&self, path: &Path) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_report(&mut text, path);
        text
    }

    fn write_report(&self, text: &mut String, path: &Path) -> std::fmt::Result {
        writeln!(text, "{}", path.display())?;
        let worlds = self.worlds();
        writeln!(
            text,
            "\nworlds    {}",
            if worlds.is_empty() {
                "none that is known here".to_owned()
            } else {
                worlds.join(", ")
            }
        )?;
        write_items(text, "imports", &self.imports)?;
        write_items(text, "exports", &self.exports)?;
        if self.served() {
            writeln!(text, "\nThis host has everything that it imports.")?;
        } else {
            writeln!(text, "\nThis host lacks:\n  {}", self.missing.join("\n  "))?;
        }
        if !self.is_command() {
            writeln!(
                text,
                "It is not a command (no export wasi:cli/run@0.2), so `wasmscope run` cannot run it."
            )?;
        }
        Ok(())
    }

    fn worlds(&self) -> Vec<String> {
        let imports = |interface: &str| {
            let prefix = format!("wasmscope:otel/{interface}@");
            self.imports
                .iter()
                .find_map(|item| item.name.strip_prefix(&prefix))
        };
        let mut worlds = Vec::new();
        if self.is_command() {
            worlds.push("wasi:cli/command".to_owned());
        }
        for (world, interface) in WORLDS {
            if let Some(version) = imports(interface) {
                worlds.push(format!("wasmscope:otel/{world}@{version}"));
            }
        }
        worlds
    }
}

fn write_items(text: &mut String, title: &str, items: &[Item]) -> std::fmt::Result {
    if items.is_empty() {
        return writeln!(text, "\n{title:<10}none");
    }
    writeln!(text, "\n{title}")?;
    let width = items.iter().map(|item| item.name.len()).max().unwrap_or(0);
    for item in items {
        let mut holds = Vec::new();
        for (count, what) in [(item.functions, "function"), (item.resources, "resource")] {
            match count {
                0 => {}
                1 => holds.push(format!("1 {what}")),
                _ => holds.push(format!("{count} {what}s")),
            }
        }
        let holds = if holds.is_empty() {
            item.kind.clone()
        } else {
            holds.join(", ")
        };
        writeln!(text, "  {:<width$}  {holds}", item.name)?;
    }
    Ok(())
}
