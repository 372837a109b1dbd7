//! Reads and runs scenarios.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use wasmscope_test_support::binary::binary;
use wasmscope_test_support::{Cli, Collector, Output, Running};

use crate::guests;
use crate::service::{self, Service};

/// A runtime on which every scenario runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runtime {
    /// Its name in tests.
    pub name: &'static str,
    /// The options of `wasmscope run` that select it.
    pub options: &'static [&'static str],
    /// Whether the guest is compiled ahead of time, into a folder that all runs share.
    pub aot: bool,
}

/// All runtimes.
pub const RUNTIMES: &[Runtime] = &[Runtime::WASMTIME, Runtime::WASMEDGE, Runtime::WASMEDGE_AOT];

impl Runtime {
    /// Wasmtime.
    pub const WASMTIME: Self = Self {
        name: "wasmtime",
        options: &["--runtime", "wasmtime"],
        aot: false,
    };
    /// WasmEdge with its interpreter.
    pub const WASMEDGE: Self = Self {
        name: "wasmedge",
        options: &["--runtime", "wasmedge"],
        aot: false,
    };
    /// WasmEdge with ahead-of-time compilation.
    pub const WASMEDGE_AOT: Self = Self {
        name: "wasmedge-aot",
        options: &["--runtime", "wasmedge", "--aot", "--aot-cache"],
        aot: true,
    };

    /// Returns the command `wasmscope run` on this runtime, without further arguments.
    ///
    /// # Panics
    /// If there is no `wasmscope`.
    #[must_use]
    #[track_caller]
    pub fn run(self) -> Cli {
        self.chosen("run", Cli::new())
    }

    /// Returns the command `wasmscope serve` on this runtime, on a free port.
    ///
    /// # Panics
    /// If there is no `wasmscope`.
    #[must_use]
    #[track_caller]
    pub fn serve(self) -> Cli {
        self.chosen("serve", Cli::new())
            .args(["--addr", "127.0.0.1:0"])
    }

    /// Returns the same command inside a shell script, which runs it as `"$@"`.
    ///
    /// # Panics
    /// If there is no `wasmscope`.
    #[must_use]
    #[track_caller]
    pub fn run_in_shell(self, line: &str) -> Cli {
        let shell = Cli::program("sh").args(["-c", line, "sh"]).arg(binary());
        self.chosen("run", shell)
    }

    fn chosen(self, subcommand: &str, command: Cli) -> Cli {
        command
            .arg(subcommand)
            // The first test of a guest compiles it. A short `--timeout` alone would limit that to
            // 5 s, which is too little on a busy machine.
            .args(["--prepare-timeout", "10m"])
            .args(self.options)
            .args(self.aot.then(guests::compiled_folder))
    }
}

/// Makes tests `wasmtime::NAME` and `wasmedge::NAME` of functions that take a [`Runtime`].
///
/// The compiler reports a function that is not listed as dead code.
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

/// Makes tests like [`on_each_runtime!`], and also `wasmedge_aot::NAME`.
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
    /// A sentence about its purpose.
    pub about: String,
    /// The guest's name, if it differs from the scenario's. A guest for another target has the
    /// target as its ending, as in `targets.wasm32-wasip1`.
    #[serde(default)]
    pub guest: Option<String>,
    /// The guest's arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// The content of standard input.
    #[serde(default)]
    pub stdin: String,
    /// Whether standard input stays open after its content.
    #[serde(default)]
    pub hold_stdin: bool,
    /// The environment of the `wasmscope` command.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Options of `wasmscope run`, in addition to the endpoint and the runtime.
    #[serde(default)]
    pub options: Vec<String>,
    /// Files by name, with their content, in the folder in which `wasmscope` runs: for `--dir`.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// The signal to send, if any.
    #[serde(default)]
    pub signal: Option<Signal>,
    /// Requests to send, one after another. With any, the guest is served, and stopped after them.
    #[serde(default)]
    pub requests: Vec<Request>,
    /// The expected exit code.
    #[serde(default)]
    pub exit: i32,
    /// Attributes whose values are hidden.
    #[serde(default)]
    pub hide: Vec<String>,
    /// Names of spans that are only counted.
    #[serde(default)]
    pub count_only: Vec<String>,
}

/// A request to a service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The method and the path, as in `GET /orders`.
    pub send: String,
    /// Headers, as in `traceparent: 00-...`.
    #[serde(default)]
    pub headers: Vec<String>,
    /// The body.
    #[serde(default)]
    pub body: String,
}

impl Request {
    fn to_bytes(&self) -> String {
        let mut head = format!(
            "{} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n",
            self.send
        );
        if !self.body.is_empty() {
            head += &format!("content-length: {}\r\n", self.body.len());
        }
        for header in &self.headers {
            head += &format!("{header}\r\n");
        }
        format!("{head}\r\n{}", self.body)
    }
}

/// A signal to send to a running scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// The signal's name.
    pub send: SignalName,
    /// The guest's text on standard output after which the signal is sent.
    pub after: String,
}

/// The signals that end a program cleanly.
#[derive(Clone, Copy, Debug, Deserialize)]
pub enum SignalName {
    /// SIGINT.
    #[serde(rename = "SIGINT")]
    Interrupt,
    /// SIGTERM.
    #[serde(rename = "SIGTERM")]
    Terminate,
}

/// Returns the folder of all scenarios.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// Lists the names of all scenarios, sorted.
///
/// # Errors
/// If the folder cannot be read.
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
    /// If there is no such file, or it contains an unknown field.
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

    /// Runs the scenario `name` on a runtime, and sends its telemetry to `collector`.
    ///
    /// # Errors
    /// If its files cannot be written.
    ///
    /// # Panics
    /// If there is no guest or no `wasmscope`, or if it does not end in time.
    pub fn run(&self, name: &str, runtime: Runtime, collector: &Collector) -> Result<Output> {
        let guest = guests::guest(self.guest.as_deref().unwrap_or(name));
        let folder = tempfile::tempdir()?;
        for (file, content) in &self.files {
            let file = folder.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap_or(folder.path()))?;
            std::fs::write(file, content)?;
        }
        let is_service = !self.requests.is_empty();
        let cli = if is_service {
            runtime.serve()
        } else {
            runtime.run()
        };
        let cli = cli
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
        if is_service {
            return Ok(self.send_requests(running));
        }
        if let Some(signal) = &self.signal {
            running.wait_for_stdout(|stdout| stdout.contains(&signal.after));
            match signal.send {
                SignalName::Interrupt => running.interrupt(),
                SignalName::Terminate => running.terminate(),
            }
        }
        Ok(running.finish())
    }

    /// Sends the requests, and stops the service. Its output then has the responses.
    fn send_requests(&self, running: Running) -> Output {
        let address = Service::address_of(&running);
        let mut answers = String::new();
        for request in &self.requests {
            let mut answer = service::send(address, request.to_bytes());
            // Its response has no body.
            answer.is_complete |= request.send.starts_with("HEAD ");
            answers += &format!("{}: {answer}\n", request.send);
        }
        running.terminate();
        Output {
            stdout: answers.into_bytes(),
            ..running.finish()
        }
    }
}
