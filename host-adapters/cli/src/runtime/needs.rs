//! A component's imports and exports, described in the same way for all runtimes.

use crate::failure::Failure;
use std::fmt::{Display, Write as _};
use std::path::Path;
use wasmscope_contract::{Extern, ExternKind, MissingImport, NotACommand, NotAHandler};

/// The worlds of `wasmscope:otel`, each with the interface that only it imports.
const WORLDS: [(&str, &str); 3] = [
    ("tracing", "tracer"),
    ("metrics", "meter"),
    ("logging", "logger"),
];

/// The versions of interfaces that this host provides.
const OTEL_VERSION_PREFIX: &str = "0.1.";
const WASI_VERSION_PREFIX: &str = "0.2.";

/// The packages of WASI of which this host provides some version.
const WASI_PACKAGES: [&str; 7] = [
    "wasi:cli",
    "wasi:clocks",
    "wasi:filesystem",
    "wasi:http",
    "wasi:io",
    "wasi:random",
    "wasi:sockets",
];

/// The export of a component that this command calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// `run` of `wasi:cli/run`.
    Command,
    /// `handle` of `wasi:http/incoming-handler`.
    HttpHandler,
}

/// A component's imports, exports, and missing imports.
#[derive(Debug)]
pub(crate) struct Needs {
    pub(crate) imports: Vec<Extern>,
    pub(crate) exports: Vec<Extern>,
    /// The imports that this host lacks.
    pub(crate) missing: Vec<MissingImport>,
}

impl Needs {
    /// Returns whether this host can run the component: it has all imports, and exports of known
    /// names have the right types.
    pub(crate) fn served(&self) -> bool {
        let is_faulty_command = self
            .command()
            .err()
            .is_some_and(|not| not.claims_to_be_one());
        let is_faulty_handler = self
            .http_handler()
            .err()
            .is_some_and(|not| not.claims_to_be_one());
        self.missing.is_empty() && !is_faulty_command && !is_faulty_handler
    }

    /// Returns the name of the export to call.
    ///
    /// # Errors
    ///
    /// Fails unless the component has this export, and this host all of its imports.
    pub(crate) fn must_export(&self, entry: Entry, path: &Path) -> Result<String, Failure> {
        let path = path.display();
        let (command, handler) = (self.command(), self.http_handler());
        let lacks = |verb| {
            format!(
                "{verb} imports that this host does not have:\n{}\n`wasmscope inspect {path}` shows everything that it imports",
                self.list_missing()
            )
        };
        let found: Result<&str, &dyn Display> = match entry {
            Entry::Command => command.as_deref().map_err(|not| not as _),
            Entry::HttpHandler => handler.as_deref().map_err(|not| not as _),
        };
        match (found, self.missing.is_empty()) {
            (Ok(export), true) => Ok(export.to_owned()),
            (Ok(_), false) => Err(Failure::new(format!("{path} {}", lacks("needs")))),
            (Err(not), true) => Err(Failure::new(format!("{path} is {not}"))),
            (Err(not), false) => {
                let lacks = lacks("It also needs");
                Err(Failure::new(format!("{path} is {not}\n{lacks}")))
            }
        }
    }

    fn command(&self) -> Result<&str, NotACommand> {
        wasmscope_contract::command(&self.exports)
    }

    fn http_handler(&self) -> Result<&str, NotAHandler> {
        wasmscope_contract::http_handler(&self.exports)
    }

    /// Returns a line for each missing import, followed by advice.
    fn list_missing(&self) -> String {
        let items = self.missing.iter().map(|item| format!("  {item}"));
        let lines: Vec<_> = items.chain(hints(&self.missing)).collect();
        lines.join("\n")
    }

    /// Returns the text of `wasmscope inspect`.
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
                "none known to this host".to_owned()
            } else {
                worlds.join(", ")
            }
        )?;
        write_items(text, "imports", &self.imports)?;
        write_items(text, "exports", &self.exports)?;
        if self.missing.is_empty() {
            writeln!(text, "\nThis host has all of its imports.")?;
        } else {
            writeln!(text, "\nThis host lacks:\n{}", self.list_missing())?;
        }
        let (command, handler) = (self.command(), self.http_handler());
        if let Err(not) = &command
            && (handler.is_err() || not.claims_to_be_one())
        {
            writeln!(text, "`wasmscope run` cannot run it. It is {not}")?;
        }
        if let Err(not) = &handler
            && not.claims_to_be_one()
        {
            writeln!(text, "`wasmscope serve` cannot serve it. It is {not}")?;
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
        if self.command().is_ok() {
            worlds.push("wasi:cli/command".to_owned());
        }
        if self.http_handler().is_ok() {
            worlds.push("wasi:http/proxy".to_owned());
        }
        for (world, interface) in WORLDS {
            if let Some(version) = imports(interface) {
                worlds.push(format!("wasmscope:otel/{world}@{version}"));
            }
        }
        worlds
    }
}

/// Returns whether a version has the given major and minor number. A pre-release matches only
/// itself.
fn is_of(version: &str, track: &str) -> bool {
    version.starts_with(track) && !version.contains('-')
}

/// Explains missing imports, and gives advice.
fn hints(missing: &[MissingImport]) -> Vec<String> {
    let package = |item: &MissingImport| {
        let (interface, version) = item.import.split_once('@').unwrap_or((&item.import, ""));
        let package = interface.split('/').next().unwrap_or_default().to_owned();
        (package, version.to_owned())
    };
    let mut hints = Vec::new();
    let mut hint = |is_meant: &dyn Fn(&str, &str) -> bool, text: &str| {
        let mut packages = missing.iter().map(package);
        if packages.any(|(package, version)| is_meant(&package, &version)) {
            hints.push(text.to_owned());
        }
    };
    hint(
        &|package, version| package == "wasmscope:otel" && !is_of(version, OTEL_VERSION_PREFIX),
        "This host has wasmscope:otel@0.1. Use an SDK and a host of the same version.",
    );
    hint(
        &|package, version| package == "wasmscope:otel" && is_of(version, OTEL_VERSION_PREFIX),
        "The component was probably built with a newer SDK: update this host, or build it with an SDK of this host's version.",
    );
    hint(
        &|package, version| {
            WASI_PACKAGES.contains(&package) && !is_of(version, WASI_VERSION_PREFIX)
        },
        "This host has WASI 0.2. Build the component for it, for instance with `cargo build --target wasm32-wasip2`.",
    );
    hints
}

fn write_items(text: &mut String, title: &str, items: &[Extern]) -> std::fmt::Result {
    if items.is_empty() {
        return writeln!(text, "\n{title:<10}none");
    }
    writeln!(text, "\n{title}")?;
    let width = items.iter().map(|item| item.name.len()).max().unwrap_or(0);
    for item in items {
        let mut holds = Vec::new();
        for kind in [ExternKind::Function, ExternKind::Resource] {
            match item.count(kind) {
                0 => {}
                1 => holds.push(format!("1 {kind}")),
                count => holds.push(format!("{count} {kind}s")),
            }
        }
        let holds = if holds.is_empty() {
            item.kind.to_string()
        } else {
            holds.join(", ")
        };
        writeln!(text, "  {:<width$}  {holds}", item.name)?;
    }
    Ok(())
}
