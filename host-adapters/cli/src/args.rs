//! The command line's subcommands and options.

mod preparation;
mod program;
mod serve;
mod stdio;
mod telemetry;

pub(crate) use self::preparation::{Deadline, Preparation};
pub(crate) use self::program::Directory;
pub(crate) use self::serve::{Serve, Server as ServerOptions};
pub(crate) use self::stdio::StdioTo;
pub(crate) use self::telemetry::{Format, Telemetry};

use crate::failure::Failure;
use bytesize::ByteSize;
use clap::error::{ContextKind, ContextValue};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;
use wasmscope_http::outgoing::Rule;

/// Runs WebAssembly components and delivers their OpenTelemetry traces, metrics and logs.
#[derive(Debug, Parser)]
#[command(
    name = "wasmscope",
    version,
    propagate_version = true,
    // If an option is given twice, the last value applies, so a script's defaults can be overridden
    // by later options.
    args_override_self = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs a command component (WASI 0.2) and delivers its telemetry.
    Run(Box<Run>),
    /// Answers HTTP requests with a component (WASI 0.2) and delivers its telemetry.
    Serve(Box<Serve>),
    /// Shows what a component imports and exports, and whether this host can serve it.
    Inspect(Inspect),
    /// Compiles a component into a file that `run` starts faster.
    Compile(Compile),
    /// Shows telemetry from files with OTLP JSON.
    View(View),
    /// Compiles a core module for WasmEdge. The command starts itself with this subcommand.
    #[cfg(feature = "wasmedge")]
    #[command(name = COMPILE_IN_CHILD, hide = true)]
    CompileInChild,
}

/// The name of the subcommand with which the command starts itself to compile.
#[cfg(feature = "wasmedge")]
pub(crate) const COMPILE_IN_CHILD: &str = "compile-in-child";

const RUN_HELP: &str = "\
Examples:
  wasmscope run app.wasm                       run it, then show its telemetry here
  wasmscope run --otlp-endpoint http://127.0.0.1:4318 app.wasm --its-own flags
  wasmscope run --dir data::/data:ro --env LANG app.wasm < input.jsonl
  wasmscope run --aot app.wasm                 compile it once, and load the compiled code the next time
  wasmscope run --runtime wasmedge app.wasm

The exit code is the program's. Other exit codes: 2 when the command is wrong and nothing was run,
124 when --timeout ended the program or preparing it took too long, 134 when it trapped, and 129, 130, 131 and 143 after
SIGHUP, SIGINT, SIGQUIT and SIGTERM. The first of these signals stops the program and delivers its telemetry, the second
stops the delivery, the third ends the command at once. A signal that is ignored when the command starts stays ignored,
as under nohup.

If an option is given more than once, the last value applies; --env, --dir and --otlp-header take one value for each name.
The OTEL_* variables of the OpenTelemetry specification apply; options override them.
WASMSCOPE_LIMITS sets the limits on guests' telemetry. docs/configuration.md in the repository describes all variables.";

/// `wasmscope run`.
#[derive(Debug, Args)]
#[command(after_help = RUN_HELP)]
pub(crate) struct Run {
    /// The component, and arguments for the program. The component is a .wasm file, or a file that
    /// `wasmscope compile` wrote. Everything after it is passed to the program, even if it looks
    /// like an option of this command. A `--` directly after it is not passed on.
    // One argument and not two: clap reads options until the first value of the last argument.
    #[arg(value_names = ["COMPONENT", "ARGS"], required = true, num_args = 1.., trailing_var_arg = true)]
    invoked: Vec<OsString>,

    #[command(flatten)]
    pub(crate) program: Program,
    /// Ends the program after this time, for example 30s or 1m30s. Without --prepare-timeout,
    /// the same limit, but at least 5s, applies to preparing the program.
    #[arg(long, value_name = "DURATION", value_parser = program::timeout, allow_negative_numbers = true, help_heading = "Program")]
    pub(crate) timeout: Option<Duration>,
    /// Sets where the program's standard output and error go.
    #[arg(long, value_name = "WHERE", value_enum, ignore_case = true, default_value_t = StdioTo::Inherit, help_heading = "Program")]
    pub(crate) stdio: StdioTo,
    #[command(flatten)]
    pub(crate) preparation: Preparation,
    #[command(flatten)]
    pub(crate) telemetry: Telemetry,
}

impl Run {
    /// Returns the path of the component.
    pub(crate) fn component(&self) -> &Path {
        self.invoked.first().map_or(Path::new(""), Path::new)
    }

    /// Returns the program's arguments.
    ///
    /// # Errors
    ///
    /// Fails if one is not UTF-8, because a component's arguments are text.
    pub(crate) fn args(&self) -> Result<Vec<String>, Failure> {
        let args = self.invoked.get(1..).unwrap_or_default();
        let args = match args {
            [first, rest @ ..] if first == "--" => rest,
            all => all,
        };
        let text = |arg: &OsString| match arg.to_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(Failure::new(format!(
                "the program's argument {arg:?} is not UTF-8"
            ))),
        };
        args.iter().map(text).collect()
    }
}

/// The resources of the program, and the limits on them.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Program")]
pub(crate) struct Program {
    /// Selects the WebAssembly runtime. [default: wasmtime, or the runtime that the file was
    /// compiled for]
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) runtime: Option<RuntimeName>,
    /// Compiles the program once, and later loads the compiled code from a cache. Without this
    /// option, Wasmtime compiles at each start, and WasmEdge interprets.
    #[arg(long)]
    pub(crate) aot: bool,
    /// Sets the folder for the code that --aot compiles. You must own it, and other users must not
    /// be able to write to it. By default it is wasmscope/aot in your cache folder.
    #[arg(long, value_name = "FOLDER", requires = "aot")]
    pub(crate) aot_cache: Option<PathBuf>,
    /// Runs a file that `wasmscope compile` wrote elsewhere. It contains native code, which runs
    /// with your permissions, so use it only for files from a source that you trust. Files that
    /// you compiled on this machine do not need this option.
    #[arg(long)]
    pub(crate) allow_precompiled: bool,
    /// Sets an environment variable of the program. Without a value, it gets the value from this
    /// environment. Repeatable; for each name, the last value applies. WASMSCOPE_RUNTIME is
    /// the name of the runtime, unless you set it.
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = program::variable)]
    pub(crate) env: Vec<(String, Option<String>)>,
    /// Gives the program access to a directory. GUEST is its path in the program, by default the
    /// same as HOST; `:ro` makes it read-only. Repeatable; for each guest path, the last
    /// directory applies. Write a colon in a path as `\:`.
    #[arg(long, value_name = "HOST[::GUEST][:ro]", value_parser = program::directory)]
    pub(crate) dir: Vec<Directory>,
    /// Lets the program use the network: TCP, UDP, name look-up, and HTTP requests to all hosts on
    /// the public internet.
    #[arg(long)]
    pub(crate) network: bool,
    /// Lets the program send HTTP requests to a host, for example `https://api.example.com`,
    /// `https://*.example.com` or `http://127.0.0.1:8081`. Without a scheme, both http and https
    /// are allowed; without a port, only that of the scheme. `*` stands for all hosts or ports.
    /// Repeatable. With --network, all hosts are allowed.
    #[arg(long, value_name = "[SCHEME://]HOST[:PORT]", value_parser = program::rule)]
    pub(crate) outbound: Vec<Rule>,
    /// Lets HTTP requests of the program reach addresses that are not on the public internet:
    /// loopback, link-local and private ones. Without this option, --outbound has to name such an
    /// address, or localhost.
    #[arg(long)]
    pub(crate) outbound_private: bool,
    /// Sends the trace context and the baggage only to this host, written as for --outbound.
    /// Repeatable. [default: all hosts that the program may send requests to]
    #[arg(long, value_name = "[SCHEME://]HOST[:PORT]", value_parser = program::rule)]
    pub(crate) propagate_to: Vec<Rule>,
    /// Limits the memory of the program: the total of its linear memories and tables, for example
    /// 64MiB.
    #[arg(long, value_name = "SIZE", value_parser = program::size, allow_negative_numbers = true, default_value = "4GiB")]
    pub(crate) max_memory: ByteSize,
    /// Limits the file descriptors and streams that the program has open at once: files,
    /// directories, sockets, and streams of bytes. At most 100000. [default: 512]
    #[arg(long, value_name = "NUMBER", value_parser = program::descriptors, allow_negative_numbers = true)]
    pub(crate) max_descriptors: Option<usize>,
    /// Ends the program, or the handling of a request, when it has used this much fuel. One unit
    /// is roughly one instruction.
    #[arg(long, value_name = "UNITS", value_parser = program::fuel, allow_negative_numbers = true)]
    pub(crate) fuel: Option<u64>,
}

/// `wasmscope inspect`.
#[derive(Debug, Args)]
#[command(after_help = INSPECT_HELP)]
pub(crate) struct Inspect {
    /// The component: a .wasm file, or a file that `wasmscope compile` wrote.
    pub(crate) component: PathBuf,
    /// Selects the WebAssembly runtime. [default: wasmtime, or the runtime that the file was
    /// compiled for]
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) runtime: Option<RuntimeName>,
    /// Accepts a file that `wasmscope compile` wrote elsewhere. Use it only for files from a
    /// source that you trust.
    #[arg(long)]
    pub(crate) allow_precompiled: bool,
    #[command(flatten)]
    pub(crate) preparation: Preparation,
}

const COMPILE_HELP: &str = "\
Examples:
  wasmscope compile app.wasm                             writes app.cwasm into this folder, for Wasmtime
  wasmscope compile --runtime wasmedge app.wasm -o build/app.cwasm
  wasmscope run app.cwasm                                runs it on the runtime that it was compiled for
  wasmscope run --allow-precompiled app.cwasm            runs a file that was compiled elsewhere

All options of `run` work with the file. It works with one version of one runtime, and on machines with this
architecture and the features of this processor; on others it is refused. It contains native code, which is not
sandboxed: run only files from a source that you trust.

If you have the component itself, `wasmscope run --aot app.wasm` does the same with a cache.

The exit code is 0 when the file is written, 2 when it is not, and 124 when compiling took longer than --prepare-timeout allows.";

const INSPECT_HELP: &str = "\
The exit code is 0 when this host can serve the component, 1 when something is missing, 2 when the component cannot be loaded,
and 124 when loading took longer than --prepare-timeout allows.";

/// `wasmscope compile`.
#[derive(Debug, Args)]
#[command(after_help = COMPILE_HELP)]
pub(crate) struct Compile {
    /// The component: a .wasm file.
    pub(crate) component: PathBuf,
    /// Sets the file to write. By default it is the component's name with the extension .cwasm, in
    /// the current folder.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Selects the WebAssembly runtime to compile for.
    #[arg(long, value_enum, ignore_case = true, default_value_t = RuntimeName::Wasmtime)]
    pub(crate) runtime: RuntimeName,
    /// Leaves out the code that `run --fuel` needs. The file takes about half the size, and half
    /// the time to compile.
    #[arg(long)]
    pub(crate) no_fuel: bool,
    #[command(flatten)]
    pub(crate) preparation: Preparation,
}

const VIEW_HELP: &str = "\
Examples:
  wasmscope run --format json --output app.jsonl app.wasm; wasmscope view app.jsonl
  wasmscope view shop.jsonl prices.jsonl       traces that pass through both services become whole

Reads what --format json writes, and files of the file exporter of the OpenTelemetry Collector. Other lines are skipped,
with a warning. At most 10,000 spans, log records and metric series are shown.

The exit code is 0 when there is telemetry to show, and 2 when there is none.";

/// `wasmscope view`.
#[derive(Debug, Args)]
#[command(after_help = VIEW_HELP)]
pub(crate) struct View {
    /// The files. `-` stands for standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// A runtime with an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RuntimeName {
    /// Wasmtime, which is part of this program.
    Wasmtime,
    /// WasmEdge, if this program was built with its library.
    #[value(name = "wasmedge")]
    WasmEdge,
}

impl RuntimeName {
    /// Returns its name in options and files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Wasmtime => "wasmtime",
            Self::WasmEdge => "wasmedge",
        }
    }

    /// Returns its name in sentences.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Wasmtime => "Wasmtime",
            Self::WasmEdge => "WasmEdge",
        }
    }

    /// Returns the runtime with this name in a file.
    pub(crate) fn of(name: &str) -> Option<Self> {
        [Self::Wasmtime, Self::WasmEdge]
            .into_iter()
            .find(|runtime| runtime.name() == name)
    }
}

/// Adds a tip to an error if a component is given in place of a subcommand, and hides possible
/// credentials.
pub(crate) fn with_tip(mut error: clap::Error) -> clap::Error {
    telemetry::redact(&mut error);
    let tip = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(word)) if word.ends_with(".wasm") => {
            format!("to run a component, use 'wasmscope run {word}'")
        }
        _ => return error,
    };
    error.insert(
        ContextKind::Suggested,
        ContextValue::StyledStrs(vec![tip.into()]),
    );
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    fn run(words: &[&str]) -> Run {
        let words = ["wasmscope", "run"].iter().chain(words);
        let cli = Cli::try_parse_from(words).expect("valid");
        let Command::Run(run) = cli.command else {
            panic!("not a run")
        };
        *run
    }

    #[test]
    fn arguments_after_the_component_are_passed_on() {
        for args in [
            &["--limit", "3", "-"][..],
            &["--timeout", "5s", "x"],
            &["--timeout"],
            &["--otlp-endpoint", "http://127.0.0.1:4318"],
            &["--help"],
            &["-V"],
            &["", "a", "--", "--aot"],
            &[],
        ] {
            let words: Vec<_> = ["--fuel", "7", "a.wasm"]
                .iter()
                .chain(args)
                .copied()
                .collect();
            let run = run(&words);
            assert_eq!(run.component(), Path::new("a.wasm"));
            assert_eq!(run.args().expect("text"), args);
            assert_eq!(run.program.fuel, Some(7));
            assert_eq!(run.timeout, None);
            assert_eq!(run.telemetry.otlp_endpoint, None);
        }
    }

    #[test]
    fn separator_after_the_component_is_not_passed_on() {
        let args = |words| run(words).args().expect("text");
        assert_eq!(args(&["a.wasm", "--", "--help"]), ["--help"]);
        assert_eq!(args(&["a.wasm", "--", "--", "x"]), ["--", "x"]);
        assert_eq!(args(&["a.wasm", "x", "--", "y"]), ["x", "--", "y"]);
        // Before the component it only ends the options.
        assert_eq!(args(&["--", "a.wasm", "--fuel"]), ["--fuel"]);
    }

    #[test]
    fn unknown_option_is_not_taken_for_a_component() {
        let error = Cli::try_parse_from(["wasmscope", "run", "--no-such", "a.wasm"]);
        let error = error.expect_err("not known").to_string();
        assert!(error.contains("--no-such"), "{error}");
        assert!(error.contains("[OPTIONS] <COMPONENT> [ARGS]..."), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn arguments_are_text_and_a_component_may_have_any_name() {
        use std::os::unix::ffi::OsStringExt as _;
        let bytes = OsString::from_vec(b"\xff.wasm".to_vec());
        let run = |words: [&OsString; 2]| {
            let words = [OsString::from("wasmscope"), "run".into()]
                .into_iter()
                .chain(words.map(Clone::clone));
            let Command::Run(run) = Cli::try_parse_from(words).expect("valid").command else {
                panic!("not a run")
            };
            run
        };
        let text = OsString::from("a.wasm");
        assert_eq!(run([&bytes, &text]).component(), Path::new(&bytes));
        let error = run([&text, &bytes]).args().expect_err("no text");
        assert!(error.to_string().contains("xFF.wasm"), "{error}");
    }
}
