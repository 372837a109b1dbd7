//! The programs that are measured, and the one that measures.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use clap::Args;

/// The programs of the tables of HTTP services.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Programs {
    /// The command `wasmscope`.
    #[arg(long, value_name = "FILE")]
    wasmscope: Option<PathBuf>,
    /// The native service.
    #[arg(long, value_name = "FILE")]
    native_service: Option<PathBuf>,
    /// The command `wasmtime`. Not needed in a check.
    #[arg(long, value_name = "FILE")]
    wasmtime: Option<PathBuf>,
    /// The load generator `oha`. Without it, a client of the bench is used.
    #[arg(long, value_name = "FILE")]
    pub(super) oha: Option<PathBuf>,
}

impl Programs {
    /// Returns the options by name.
    fn options(&self) -> [(&'static str, &Option<PathBuf>); 4] {
        [
            ("--wasmscope", &self.wasmscope),
            ("--native-service", &self.native_service),
            ("--wasmtime", &self.wasmtime),
            ("--oha", &self.oha),
        ]
    }

    /// Passes the options on to another process of the bench.
    pub(crate) fn pass_on(&self, command: &mut Command) {
        for (option, file) in self.options() {
            if let Some(file) = file {
                command.arg(option).arg(file);
            }
        }
    }

    fn of(&self, option: &str) -> Result<&Path> {
        let found = self.options().into_iter().find(|(name, _)| *name == option);
        let file = found.and_then(|(_, file)| file.as_deref());
        file.with_context(|| format!("the bench needs {option}"))
    }

    pub(super) fn wasmscope(&self) -> Result<&Path> {
        self.of("--wasmscope")
    }

    pub(super) fn native_service(&self) -> Result<&Path> {
        self.of("--native-service")
    }

    pub(super) fn wasmtime(&self) -> Result<&Path> {
        self.of("--wasmtime")
    }
}
