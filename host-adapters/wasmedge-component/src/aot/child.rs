//! Compiles in a child process. WasmEdge's compiler ends its process on some errors, and can only
//! be interrupted by ending its process.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use compiled_code::Trusted;
use component_model::LoadError;
use component_model::engine::Compiler;

use super::cause::Cause;
use super::scratch::{self, Scratch};
use crate::engine::{Config, Engine, Optimization};
use crate::ffi;

/// The files in the scratch folder.
const MODULE: &str = "module.wasm";
const CODE: &str = "code.wasm";

/// The environment variable with the child's task.
const TASK: &str = "WASMEDGE_COMPONENT_COMPILE";

/// The interval at which the child is polled.
const POLL: Duration = Duration::from_millis(10);

/// The default of [`ChildCompiler::memory_limit`].
const DEFAULT_MEMORY: u64 = 8 << 30;

/// The number of bytes kept from the end of the child's standard error.
const STDERR_TAIL: usize = 4096;

/// Starts a process that compiles a core module, for [`Config::compile_in_child`].
///
/// The process must call [`compile_as_child`] and end with the returned exit code. A program can
/// start itself, with a special argument:
///
/// ```no_run
/// use std::process::ExitCode;
/// use wasmedge_component::{ChildCompiler, Config, Engine, compile_as_child};
///
/// fn main() -> ExitCode {
///     if std::env::args().nth(1).as_deref() == Some("compile-in-child") {
///         return compile_as_child();
///     }
///     let mut compiler = ChildCompiler::new(std::env::current_exe().expect("a program"));
///     compiler.arg("compile-in-child");
///     let engine = Engine::new(Config::new().compile_in_child(compiler));
///     // Component::precompile(&engine?, ..)
///     ExitCode::SUCCESS
/// }
/// ```
#[derive(Debug, Clone)]
pub struct ChildCompiler {
    program: PathBuf,
    args: Vec<OsString>,
    deadline: Option<Instant>,
    memory: u64,
}

impl ChildCompiler {
    /// Creates a compiler that starts a program.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            deadline: None,
            memory: DEFAULT_MEMORY,
        }
    }

    /// Adds an argument for the program.
    pub fn arg(&mut self, arg: impl Into<OsString>) -> &mut Self {
        self.args.push(arg.into());
        self
    }

    /// Sets the deadline for compiling. A process that is still running then is killed, and
    /// compiling fails.
    pub fn deadline(&mut self, at: Instant) -> &mut Self {
        self.deadline = Some(at);
        self
    }

    /// Sets the memory limit of the compiler in bytes: 8 GiB by default. Compiling fails if it
    /// needs more. On Linux this is the limit `RLIMIT_DATA` of the process, which counts its
    /// writable memory. Other systems may count less, or nothing.
    pub fn memory_limit(&mut self, bytes: u64) -> &mut Self {
        self.memory = bytes;
        self
    }

    /// Compiles a module. The scratch folder is always removed.
    pub(super) fn compile(&self, engine: &Engine, module: &[u8]) -> Result<Trusted, LoadError> {
        if self.deadline.is_some_and(|at| at <= Instant::now()) {
            return Err(Cause::Deadline.into_error());
        }
        let scratch = Scratch::new().map_err(|error| Cause::Scratch(error).into_error())?;
        self.compile_in(&scratch, engine, module)
            .map_err(Cause::into_error)
    }

    fn compile_in(
        &self,
        scratch: &Scratch,
        engine: &Engine,
        module: &[u8],
    ) -> Result<Trusted, Cause> {
        fs::write(scratch.path().join(MODULE), module).map_err(Cause::Scratch)?;
        let mut child = self.start(scratch, engine.config())?;
        let stderr = child.0.stderr.take().map(read_tail);
        let status = child.wait(self.deadline)?;
        let stderr = stderr.and_then(|stderr| stderr.join().ok());
        // The child renames the file when it is complete.
        let code = match status {
            Some(status) if !status.success() => None,
            Some(_) | None => fs::read(scratch.path().join(CODE)).ok(),
        };
        code.map(ffi::compiled).ok_or_else(|| {
            let stderr = stderr.unwrap_or_default();
            Cause::of(status, &stderr, scratch.path(), self.memory)
        })
    }

    fn start(&self, scratch: &Scratch, config: &Config) -> Result<Running, Cause> {
        let task = format!(
            "{} {} {}",
            u8::from(config.measure_cost),
            config.optimization.number(),
            self.memory
        );
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .env(TASK, task)
            .env("TMPDIR", scratch.path())
            .current_dir(scratch.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        // Ctrl-C in a terminal then reaches the parent only. The child notices when the parent has
        // ended.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.spawn().map(Running).map_err(Cause::Start)
    }
}

/// A child process, which is killed and reaped when this is dropped. Its standard input stays open
/// until then: the child takes the end of input for the end of the parent.
struct Running(Child);

impl Running {
    /// Waits until the process has ended. Returns `None` if the system does not report how: a
    /// process that was started with SIGCHLD ignored does not learn it.
    fn wait(&mut self, deadline: Option<Instant>) -> Result<Option<ExitStatus>, Cause> {
        loop {
            match self.0.try_wait() {
                Ok(Some(status)) => return Ok(Some(status)),
                Ok(None) => {}
                Err(error) if is_gone(&error) => return Ok(None),
                Err(error) => return Err(Cause::Wait(error)),
            }
            if deadline.is_some_and(|at| at <= Instant::now()) {
                return Err(Cause::Deadline);
            }
            thread::sleep(POLL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // If the process was reaped, its id may belong to another process by now.
        match self.0.try_wait() {
            Ok(Some(_)) => return,
            Err(error) if is_gone(&error) => return,
            Ok(None) | Err(_) => {}
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(unix)]
fn is_gone(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::CHILD)
}

#[cfg(not(unix))]
fn is_gone(_: &io::Error) -> bool {
    false
}

/// Reads the output of a child until it ends, and keeps the last part.
fn read_tail(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut last = VecDeque::new();
        let mut buffer = [0; 1024];
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            last.extend(buffer.iter().take(read));
            let excess = last.len().saturating_sub(STDERR_TAIL);
            last.drain(..excess);
        }
        String::from_utf8_lossy(last.make_contiguous()).into_owned()
    })
}

/// Compiles a module for a process that has started this one by a [`ChildCompiler`]. The program
/// must then end with the returned exit code soon.
///
/// If no such process has started it, this only writes a message to standard error.
#[must_use = "the process must end with this exit code"]
pub fn compile_as_child() -> ExitCode {
    let folder = std::env::current_dir();
    let task = std::env::var(TASK).ok().and_then(|task| Task::read(&task));
    let (Ok(folder), Some(task)) = (folder, task) else {
        eprintln!("this command is for programs that compile with WasmEdge, and not for users");
        return ExitCode::from(2);
    };
    limit_memory(task.memory);
    let watched = folder.clone();
    thread::spawn(move || end_with_parent(&watched));
    match run(&folder, &task.config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Waits until standard input is closed, which means that the parent has ended. Then neither the
/// scratch folder nor this process is needed any more.
fn end_with_parent(folder: &Path) {
    let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
    scratch::remove(folder);
    end_at_once();
}

/// Ends this process without running the exit handlers of libraries: the compiler is still running
/// on another thread, and uses memory that they would free.
#[cfg(unix)]
fn end_at_once() {
    use rustix::process::{Signal, getpid, kill_process};
    let _ = kill_process(getpid(), Signal::KILL);
}

#[cfg(not(unix))]
fn end_at_once() {
    std::process::exit(1);
}

/// Limits this process's memory, unless there is a lower limit.
#[cfg(unix)]
fn limit_memory(bytes: u64) {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Data);
    if limit.current.is_none_or(|current| bytes < current) {
        limit.current = Some(bytes);
        // Does not fail for a number lower than the hard limit.
        let _ = setrlimit(Resource::Data, limit);
    }
}

#[cfg(not(unix))]
fn limit_memory(_: u64) {}

/// The parent's settings for the child.
struct Task {
    config: Config,
    memory: u64,
}

impl Task {
    fn read(task: &str) -> Option<Self> {
        let mut fields = task.split(' ');
        let (cost, optimization) = (fields.next()?, fields.next()?);
        let memory = fields.next()?.parse().ok()?;
        let mut config = Config::new();
        config
            .measure_cost(cost == "1")
            .optimization(Optimization::numbered(optimization.parse().ok()?)?);
        Some(Self { config, memory })
    }
}

fn run(folder: &Path, config: &Config) -> Result<(), LoadError> {
    let engine = Engine::new(config).map_err(|error| LoadError::Compiler {
        message: error.to_string(),
    })?;
    let module =
        fs::read(folder.join(MODULE)).map_err(|error| Cause::Scratch(error).into_error())?;
    let draft = folder.join("draft.wasm");
    super::compile_to(&engine, &module, &draft)?;
    // The parent must not crash on a truncated file.
    let code = fs::read(&draft).map_err(|error| Cause::Scratch(error).into_error())?;
    engine.load_compiled(&ffi::compiled(code))?;
    fs::rename(&draft, folder.join(CODE)).map_err(|error| Cause::Scratch(error).into_error())
}
