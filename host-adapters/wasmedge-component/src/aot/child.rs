//! Compiling in a child process: WasmEdge's compiler ends its process where it cannot go on, and
//! nothing but the end of its process interrupts it.

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

/// The variable that tells the child what to do.
const TASK: &str = "WASMEDGE_COMPONENT_COMPILE";

/// How often the child is looked at.
const POLL: Duration = Duration::from_millis(10);

/// How much memory the compiler may have, unless [`ChildCompiler::memory_limit`] says otherwise.
const DEFAULT_MEMORY: u64 = 8 << 30;

/// How much of the child's standard error is kept: the end of it.
const LAST_WORDS: usize = 4096;

/// How to start a process that compiles a core module, for [`Config::compile_in_child`].
///
/// The process has to call [`compile_as_child`] and to end with what that returns. A program can
/// start itself, with an argument of its own:
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
    /// Makes one that starts a program.
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

    /// Sets when compiling has to be done. A process that is at work then is killed, and compiling
    /// fails.
    pub fn deadline(&mut self, at: Instant) -> &mut Self {
        self.deadline = Some(at);
        self
    }

    /// Sets how many bytes of memory the compiler may have: 8 GiB unless told otherwise. With more,
    /// compiling fails. On Linux it is the limit `RLIMIT_DATA` of the process, which counts the
    /// memory that it can write to. Other systems may count less, or nothing.
    pub fn memory_limit(&mut self, bytes: u64) -> &mut Self {
        self.memory = bytes;
        self
    }

    /// Compiles a module. The scratch folder is removed in any case.
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
        let words = child.0.stderr.take().map(keep_last);
        let status = child.wait(self.deadline)?;
        let words = words.and_then(|words| words.join().ok());
        // The child gives the file its name when it is complete.
        let code = match status {
            Some(status) if !status.success() => None,
            Some(_) | None => fs::read(scratch.path().join(CODE)).ok(),
        };
        code.map(ffi::compiled).ok_or_else(|| {
            let words = words.unwrap_or_default();
            Cause::of(status, &words, scratch.path(), self.memory)
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
        // Ctrl-C in a terminal reaches us only. The child then sees that we have gone.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.spawn().map(Running).map_err(Cause::Start)
    }
}

/// A child process. It is killed and reaped when this is dropped. Its standard input stays open
/// until then: the process takes the end of that for ours.
struct Running(Child);

impl Running {
    /// Waits until the process has ended. Returns `None` if the system does not say how: a process
    /// that was started with SIGCHLD ignored does not learn it.
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
        // Its number may be another process's by now if it has gone.
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

/// Reads what a child says until it ends, and keeps the end of it.
fn keep_last(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut last = VecDeque::new();
        let mut buffer = [0; 1024];
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            last.extend(buffer.iter().take(read));
            let excess = last.len().saturating_sub(LAST_WORDS);
            last.drain(..excess);
        }
        String::from_utf8_lossy(last.make_contiguous()).into_owned()
    })
}

/// Compiles a module for a process that has started this one by a [`ChildCompiler`]. The program
/// has to end with what this returns, soon.
///
/// It does nothing but write to standard error if no such process has started it.
#[must_use = "the process has to end with it"]
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

/// Waits until standard input is closed, which is when the parent has ended. Then the scratch
/// folder is of no use any more, nor is this process.
fn end_with_parent(folder: &Path) {
    let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
    scratch::remove(folder);
    end_at_once();
}

/// Ends this process, without what libraries do at its end: the compiler is at work on another
/// thread, and uses what they would give back.
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
        // It fails for no number that is lower than the hard limit.
        let _ = setrlimit(Resource::Data, limit);
    }
}

#[cfg(not(unix))]
fn limit_memory(_: u64) {}

/// What the parent wants, besides the module.
struct Task {
    config: Config,
    memory: u64,
}

impl Task {
    fn read(task: &str) -> Option<Self> {
        let mut words = task.split(' ');
        let (cost, optimization) = (words.next()?, words.next()?);
        let memory = words.next()?.parse().ok()?;
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
    // A file that is cut off must not crash the parent.
    let code = fs::read(&draft).map_err(|error| Cause::Scratch(error).into_error())?;
    engine.load_compiled(&ffi::compiled(code))?;
    fs::rename(&draft, folder.join(CODE)).map_err(|error| Cause::Scratch(error).into_error())
}
