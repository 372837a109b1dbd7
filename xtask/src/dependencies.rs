//! The stage `dependencies`: which packages may depend on which.

use crate::pins;
use crate::run::{cargo, output};
use crate::workspace::Workspace;
use anyhow::{Result, ensure};
use std::collections::{HashMap, HashSet};

/// A package, and one that it depends on, or must not depend on.
type Pair = (&'static str, &'static str);

/// A misspelt name would pass as an absence, so one presence is asserted for each name.
const PRESENT: [Pair; 24] = [
    ("wasmscope-wasmtime", "wasmtime"),
    ("wasmscope-wasmtime", "wasmscope-contract"),
    ("wasmscope-contract", "wasmscope-telemetry"),
    ("wasmscope-telemetry", "opentelemetry_sdk"),
    ("wasmscope-otlp", "wasmscope-telemetry"),
    ("wasmscope-otlp", "reqwest"),
    ("wasmscope-otlp", "tonic"),
    ("wasmscope-otlp", "rustls"),
    ("wasmscope-otlp", "flate2"),
    ("wasmscope-console", "wasmscope-otlp"),
    ("wasmscope-console", "anstyle"),
    ("wasmscope-console", "unicode-width"),
    ("xtask", "wit-parser"),
    ("component-model", "wasmtime-environ"),
    ("component-model", "component-size"),
    ("wasmedge-component", "component-model"),
    ("wasmscope-wasmtime", "component-size"),
    ("component-wasi", "wasmtime-wasi"),
    ("wasmscope-component-otel", "component-wasi"),
    ("wasmscope-component-otel", "wasmscope-contract"),
    ("wasi-bounds", "wasmtime-wasi"),
    ("wasmscope-http", "hyper"),
    ("wasmscope-wasmedge", "component-wasi"),
    ("wasmscope-cli", "cranelift-codegen"),
];

const ABSENT: [Pair; 57] = [
    ("wasmscope", "wasmtime"),
    ("wasmscope", "wasmscope-telemetry"),
    ("wasmscope", "opentelemetry_sdk"),
    ("wasmscope-telemetry", "wasmtime"),
    ("wasmscope-telemetry", "wasmscope-contract"),
    ("wasmscope-telemetry", "wasmscope-wasmtime"),
    // A host with its own providers compiles no transport and no terminal view.
    ("wasmscope-telemetry", "wasmscope-otlp"),
    ("wasmscope-telemetry", "reqwest"),
    ("wasmscope-telemetry", "tonic"),
    ("wasmscope-telemetry", "rustls"),
    ("wasmscope-telemetry", "flate2"),
    ("wasmscope-telemetry", "anstyle"),
    ("wasmscope-telemetry", "unicode-width"),
    ("wasmscope-telemetry", "tokio"),
    ("wasmscope-wasmtime", "wasmscope-otlp"),
    ("wasmscope-wasmtime", "reqwest"),
    ("wasmscope-wasmtime", "tonic"),
    ("wasmscope-wasmtime", "rustls"),
    ("wasmscope-wasmtime", "flate2"),
    ("wasmscope-wasmtime", "anstyle"),
    ("wasmscope-wasmtime", "unicode-width"),
    ("wasmscope-wasmedge", "wasmscope-otlp"),
    ("wasmscope-wasmedge", "opentelemetry-otlp"),
    ("wasmscope-wasmedge", "tonic"),
    ("wasmscope-otlp", "wasmscope-console"),
    ("wasmscope-otlp", "wasmscope-contract"),
    ("wasmscope-otlp", "anstyle"),
    ("wasmscope-otlp", "unicode-width"),
    ("component-size", "wasmtime-environ"),
    ("component-size", "wasmscope-telemetry"),
    ("wasmscope-contract", "wasmtime"),
    ("wasmscope-contract", "wasmtime-environ"),
    ("wasmscope-contract", "wasmedge-component"),
    ("wasmscope-contract", "wasmscope-wasmtime"),
    // The component model works without telemetry, on any engine, and needs no compiler.
    ("component-model", "wasmscope-telemetry"),
    ("component-model", "cranelift-codegen"),
    ("component-model", "wasmedge-sys"),
    ("component-wasi", "wasmedge-sys"),
    ("wasmscope-component-otel", "wasmedge-sys"),
    ("wasmscope-component-otel", "cranelift-codegen"),
    ("wasmscope-component-otel", "wasmscope-otlp"),
    ("wasmedge-component", "wasmscope-telemetry"),
    ("wasmedge-component", "opentelemetry"),
    ("wasmedge-component", "cranelift-codegen"),
    ("component-wasi", "cranelift-codegen"),
    ("component-wasi", "wasmscope-telemetry"),
    ("wasi-bounds", "cranelift-codegen"),
    ("wasmscope-http", "cranelift-codegen"),
    ("wasmscope-http", "wasmedge-sys"),
    ("wasmscope-http", "wasmscope-otlp"),
    ("wasmscope-telemetry", "hyper"),
    ("wasi-bounds", "wasmscope-telemetry"),
    ("wasmscope-wasmedge", "cranelift-codegen"),
    ("wasmscope-wasmedge", "wasmscope-wasmtime"),
    ("wasmscope-wasmtime", "wasmedge-component"),
    // Would need cmake or an installed C library.
    ("wasmscope-cli", "aws-lc-sys"),
    ("wasmscope-cli", "openssl-sys"),
];

/// What a host's program with WasmEdge does not contain. The build script of wasmedge-sys can
/// download the library, with reqwest, rustls and flate2. unicode-width is in the program:
/// wasmedge-sys needs it to parse WebAssembly text.
const ABSENT_AT_RUN_TIME: [Pair; 4] = [
    ("wasmscope-wasmedge", "reqwest"),
    ("wasmscope-wasmedge", "rustls"),
    ("wasmscope-wasmedge", "flate2"),
    ("wasmscope-wasmedge", "anstyle"),
];

/// Checks the direction of dependencies.
///
/// # Errors
///
/// Fails if a dependency is missing, or must not be there.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    pins::check(workspace)?;
    let mut all = Dependencies::new("normal,build", "--all-features");
    for (package, on) in PRESENT {
        ensure!(
            all.has(package, on)?,
            "{package} no longer depends on {on}; this check can no longer detect a dependency"
        );
    }
    let mut at_run_time = Dependencies::new("normal", "--all-features");
    ensure!(
        at_run_time.has("wasmscope-wasmedge", "wasmedge-sys")?,
        "wasmscope-wasmedge no longer depends on wasmedge-sys; this check can no longer detect a dependency"
    );
    let mut without_grpc = Dependencies::new("normal,build", "--no-default-features");
    all.lacks(&ABSENT)?;
    at_run_time.lacks(&ABSENT_AT_RUN_TIME)?;
    without_grpc.lacks(&[("wasmscope-otlp", "tonic")])
}

/// The dependencies of packages, direct and indirect. cargo is asked once for each package.
struct Dependencies {
    edges: &'static str,
    features: &'static str,
    by_package: HashMap<&'static str, HashSet<String>>,
}

impl Dependencies {
    fn new(edges: &'static str, features: &'static str) -> Self {
        Self {
            edges,
            features,
            by_package: HashMap::new(),
        }
    }

    fn has(&mut self, package: &'static str, on: &str) -> Result<bool> {
        if !self.by_package.contains_key(package) {
            let names = self.list(package)?;
            self.by_package.insert(package, names);
        }
        Ok(self.by_package[package].contains(on))
    }

    fn lacks(&mut self, pairs: &[Pair]) -> Result<()> {
        for (package, on) in pairs {
            let Self {
                edges, features, ..
            } = *self;
            ensure!(
                !self.has(package, on)?,
                "{package} must not depend on {on} ({features}, edges {edges})"
            );
        }
        Ok(())
    }

    fn list(&self, package: &str) -> Result<HashSet<String>> {
        let mut command = cargo();
        command.args(["tree", "--locked", "--package", package, self.features]);
        command.args(["--target", "all", "--edges", self.edges]);
        let tree = output(command.args(["--prefix", "none", "--format", "{p}"]))?;
        let names = tree.lines().filter_map(|line| line.split(' ').next());
        Ok(names.map(str::to_owned).collect())
    }
}
