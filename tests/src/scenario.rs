//! What a scenario is, and how it is run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use wasmscope_test_support::binary::binary;
use wasmscope_test_support::{Cli, Collector, Output};

use crate::guests;

/// A runtime that every scenario is run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runtime {
    /// What the tests call it.
    pub name: &'static str,
    /// The options of `wasmscope run` that choose it.
    pub options: &'static [&'static str],
    /// Whether the guest is compiled ahead of time, which goes to a folder that all runs share.
    pub aot: bool,
}

/// The runtimes.
pub const RUNTIMES: &[Runtime] = &[Runtime::WASMTIME, Runtime::WASMEDGE, Runtime::WASMEDGE_AOT];

impl Runtime {
    /// Wasmtime.
    pub const WASMTIME: Self = Self {
        name: "wasmtime",
        options: &["--runtime", "wasmtime"],
        aot: false,
    };
    /// WasmEdge, interpreting.
    pub const WASMEDGE: Self = Self {
        name: "wasmedge",
        options: &["--runtime", "wasmedge"],
        aot: false,
    };
    /// WasmEdge, compiling ahead of time.
    pub const WASMEDGE_AOT: Self = Self {
        name: "wasmedge-aot",
        options: &["--runtime", "wasmedge", "--aot", "--aot-cache"],
        aot: true,
    };

    /// Gives the command `wasmscope run` on this runtime, its other arguments to be added.
    ///
    /// # Panics
    /// When there is no `wasmscope`.
    #[must_use]
    #[track_caller]
    pub fn run(self) -> Cli {
        self.chosen(Cli::new())
    }

    /// Gives the same command for a line of the shell, in which it is `"$@"`.
    ///
    /// # Panics
    /// When there is no `wasmscope`.
    #[must_use]
    #[track_caller]
    pub fn run_in_shell(self, line: &str) -> Cli {
        self.chosen(Cli::program("sh").args(["-c", line, "sh"]).arg(binary()))
    }

    fn chosen(self, command: Cli) -> Cli {
        command
            .arg("run")
            // The first test of a guest compiles it. With a short `--timeout` alone that may take
            // 5 s, which is too little on a busy machine.
            .args(["--prepare-timeout", "10m"])
            .args(self.options)
            .args(self.aot.then(guests::compiled_folder))
    }
}

/// Makes tests of functions that take a [`Runtime`]: `wasmtime::NAME` and `wasmedge::NAME` of each.
///
/// A function that is written for it and not listed is dead code, of which the compiler warns.
#[macro_export]
macro_rules! on_each_runtime {
    ($($test:ident),+ $(,)?) => {
        mod wasmtime {
            $(#[test]
            fn $test() {
                super::$test($crate::Runtime::WASMTIME);
            })+
        }

        mod wasmedge {
            $(#[test]
            fn $test() {
                super::$test($crate::Runtime::WASMEDGE);
            })+
        }
    };
}

/// Makes tests as [`on_each_runtime!`] does, and those of `wasmedge_aot` besides.
#[macro_export]
macro_rules! on_each_engine {
    ($($test:ident),+ $(,)?) => {
        $crate::on_each_runtime! { $($test),+ }

        mod wasmedge_aot {
            $(#[test]
            fn $test() {
                super::$test($crate::Runtime::WASMEDGE_AOT);
            })+
        }
    };
}

/// A file `scenario.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// What it shows, in a sentence.
    pub about: String,
    /// The guest's name where it is not the scenario's own; one for another target ends in that, as in `targets.wasm32-wasip1`.
    #[serde(default)]
    pub guest: Option<String>,
    /// The guest's arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// What stands on standard input.
    #[serde(default)]
    pub stdin: String,
    /// Whether standard input stays open after that.
    #[serde(default)]
    pub hold_stdin: bool,
    /// The environment of the `wasmscope` command.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Options of `wasmscope run`, besides the endpoint and the runtime.
    #[serde(default)]
    pub options: Vec<String>,
    /// Files, with what they hold, in the folder that `wasmscope` is run in: for `--dir`.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// What to send, and after which text on standard output.
    #[serde(default)]
    pub signal: Option<Signal>,
    /// The exit code that is expected.
    #[serde(default)]
    pub exit: i32,
    /// Attributes of which only the presence is shown, wherever they stand.
    #[serde(default)]
    pub hide: Vec<String>,
    /// Names of spans of which only the number is shown.
    #[serde(default)]
    pub count_only: Vec<String>,
}

/// A signal to send to a running scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// Which one.
    pub send: SignalName,
    /// What the guest writes to standard output when it is ready for it.
    pub after: String,
}

/// The signals that end a program in order.
#[derive(Clone, Copy, Debug, Deserialize)]
pub enum SignalName {
    /// SIGINT.
    #[serde(rename = "SIGINT")]
    Interrupt,
    /// SIGTERM.
    #[serde(rename = "SIGTERM")]
    Terminate,
}

/// Gives the folder of all scenarios.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// Lists the names of all scenarios, sorted.
///
/// # Errors
/// When the folder cannot be read.
pub fn names() -> Result<Vec<String>> {
    let folder = folder();
    let mut names = Vec::new();
    for entry in folder
        .read_dir()
        .with_context(|| folder.display().to_string())?
    {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

impl Scenario {
    /// Reads the scenario `name`.
    ///
    /// # Errors
    /// When there is no such file, or it says something unknown.
    pub fn read(name: &str) -> Result<Self> {
        let file = folder().join(name).join("scenario.toml");
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let scenario: Self = toml::from_str(&text).with_context(|| file.display().to_string())?;
        ensure!(
            !scenario.about.trim().is_empty(),
            "{} does not say what it is about",
            file.display()
        );
        Ok(scenario)
    }

    /// Runs the scenario `name` on a runtime, its telemetry going to `collector`.
    ///
    /// # Errors
    /// When its files cannot be written.
    ///
    /// # Panics
    /// When there is no guest or no `wasmscope`, or it does not end in time.
    pub fn run(&self, name: &str, runtime: Runtime, collector: &Collector) -> Result<Output> {
        let guest = guests::guest(self.guest.as_deref().unwrap_or(name));
        let folder = tempfile::tempdir()?;
        for (file, content) in &self.files {
            let file = folder.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap_or(folder.path()))?;
            std::fs::write(file, content)?;
        }
        let cli = runtime
            .run()
            .args(["--otlp-endpoint", &collector.endpoint_http()])
            .args(&self.options)
            .arg(guest)
            .args(&self.args)
            .envs(&self.env)
            .stdin(&self.stdin)
            .current_dir(folder.path());
        let cli = if self.hold_stdin {
            cli.hold_stdin()
        } else {
            cli
        };
        let running = cli.spawn();
        if let Some(signal) = &self.signal {
            running.wait_for_stdout(|stdout| stdout.contains(&signal.after));
            match signal.send {
                SignalName::Interrupt => running.interrupt(),
                SignalName::Terminate => running.terminate(),
            }
        }
        Ok(running.finish())
    }
}
