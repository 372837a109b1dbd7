//! Commands that must fail before anything starts.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use wasmscope_test_support::{Collector, Output};

use crate::Runtime;

/// A command that must fail, with its own folder and a collector that must receive nothing.
#[derive(Debug)]
pub struct Attempt {
    /// The runtime.
    pub runtime: Runtime,
    /// A folder for its files.
    pub folder: TempDir,
    /// The collector that the command is given.
    pub collector: Collector,
}

impl Attempt {
    /// Makes a folder and a collector.
    ///
    /// # Panics
    /// If there can be no temporary folder.
    #[must_use]
    pub fn on(runtime: Runtime) -> Self {
        Self {
            runtime,
            folder: tempfile::tempdir().expect("a folder"),
            collector: Collector::start(),
        }
    }

    /// Writes a file into the folder and returns its path.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let file = self.folder.path().join(name);
        std::fs::write(&file, bytes).expect("a file");
        file
    }

    /// Runs `wasmscope run` with options, and checks that it failed with one error before anything
    /// was started.
    ///
    /// # Panics
    /// If it did not.
    #[track_caller]
    pub fn fails(&self, options: &[&str], component: &Path, env: &[(&str, &str)]) -> Output {
        let shown = self.folder.path().join("shown.txt");
        let output = self
            .runtime
            .run()
            .args(["--otlp-endpoint", &self.collector.endpoint_http()])
            .arg("--output")
            .arg(&shown)
            .args(options)
            .arg(component)
            .envs(env.iter().copied())
            .run()
            .expect_code(2);
        assert_eq!(output.stdout(), "", "{output}");
        assert_eq!(output.stderr.matches("error: ").count(), 1, "{output}");
        let begins = output.stderr.starts_with("wasmscope: error: ");
        assert!(begins, "{output}");
        assert!(!output.stderr.contains("panicked"), "{output}");
        assert_eq!(self.collector.connections(), 0, "{output}");
        assert!(!shown.exists(), "{output}");
        output
    }
}

/// Checks that standard error contains all of `words`.
///
/// # Panics
/// If one is missing.
#[track_caller]
pub fn assert_stderr_contains(output: &Output, words: &[&str]) {
    for word in words {
        assert!(output.stderr.contains(word), "no {word:?} in {output}");
    }
}
