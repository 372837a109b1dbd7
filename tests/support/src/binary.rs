//! Runs the `wasmscope` command as a user does, with a deadline.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{ErrorKind, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::cargo::{self, Artifact};

/// Names the `wasmscope` binary to test.
pub const BINARY_VARIABLE: &str = "WASMSCOPE_BIN";

/// The default time limit of a program. Long enough for a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// Prefixes of the variables that a program under test does not inherit. The tester's own settings
/// must not change results.
const FOREIGN: [&str; 6] = [
    "OTEL_",
    "OTLP_",
    "WASMSCOPE_",
    "TRACEPARENT",
    "TRACESTATE",
    "BAGGAGE",
];

/// Returns the path of the `wasmscope` binary: the value of `WASMSCOPE_BIN`, or else the file in
/// the target directory and profile of the running test. Cargo builds that file if it is missing or
/// older than its sources.
///
/// # Panics
/// If there is no binary. The message contains the command that builds it.
#[must_use]
#[track_caller]
pub fn binary() -> PathBuf {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match MADE.get_or_init(|| find(cargo::path_from_env(BINARY_VARIABLE))) {
        Ok(file) => file.clone(),
        Err(error) => panic!("no `wasmscope` binary: {error}"),
    }
}

fn find(named: Option<PathBuf>) -> Result<PathBuf, String> {
    let exe = std::env::current_exe().map_err(|error| format!("where is this test? {error}"))?;
    let artifact = artifact(&exe);
    match named {
        None => artifact.make(),
        Some(file) if file.is_file() => Ok(file),
        Some(file) => Err(format!(
            "{BINARY_VARIABLE} names {}, which does not exist; unset it, or run `{}`",
            file.display(),
            artifact.command(),
        )),
    }
}

fn artifact(exe: &Path) -> Artifact {
    // A test is in TARGET/PROFILE/deps. A doc test is elsewhere, and gets the default.
    let folder = exe
        .parent()
        .filter(|folder| folder.ends_with("deps"))
        .and_then(Path::parent);
    let target_dir = cargo::target_dir();
    let folder = folder.map_or_else(|| target_dir.join("debug"), Path::to_owned);
    let profile = match folder.file_name().and_then(OsStr::to_str) {
        None | Some("debug") => "dev",
        Some(profile) => profile,
    };
    let args = [
        "build",
        "--package",
        "wasmscope-cli",
        "--bin",
        "wasmscope",
        "--profile",
        profile,
    ];
    Artifact {
        files: vec![folder.join(format!("wasmscope{}", std::env::consts::EXE_SUFFIX))],
        workspace: cargo::workspace(),
        target_dir,
        args: args.map(str::to_owned).to_vec(),
    }
}

/// Runs `wasmscope` with arguments, standard input and environment, for at most 60 s.
///
/// # Panics
/// If it does not end in time, or if there is no binary: see [`binary()`].
#[track_caller]
pub fn run<A: AsRef<OsStr>>(
    args: impl IntoIterator<Item = A>,
    stdin: impl AsRef<[u8]>,
    env: &[(&str, &str)],
) -> Output {
    let env = env.iter().copied();
    Cli::new().args(args).stdin(stdin).envs(env).run()
}

/// A program to run: `wasmscope`, or another one.
///
/// It inherits the environment, except for variables that configure telemetry (`OTEL_*`, `OTLP_*`,
/// `WASMSCOPE_*`, `TRACEPARENT`, `TRACESTATE`, `BAGGAGE`).
#[derive(Clone, Debug)]
pub struct Cli {
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    stdin: Vec<u8>,
    hold_stdin: bool,
    leave_stdout: bool,
    close_stdout: bool,
    dir: Option<PathBuf>,
    deadline: Duration,
}

impl Cli {
    /// Prepares a run of `wasmscope`.
    ///
    /// # Panics
    /// If there is no binary: see [`binary()`].
    #[must_use]
    #[track_caller]
    #[expect(
        clippy::new_without_default,
        reason = "it may build the binary, and panic"
    )]
    pub fn new() -> Self {
        Self::program(binary())
    }

    /// Prepares a run of another program.
    #[must_use]
    pub fn program(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            stdin: Vec::new(),
            hold_stdin: false,
            leave_stdout: false,
            close_stdout: false,
            dir: None,
            deadline: DEADLINE,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(self, arg: impl AsRef<OsStr>) -> Self {
        self.args([arg])
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.envs([(name, value)])
    }

    /// Sets environment variables.
    #[must_use]
    pub fn envs<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        mut self,
        env: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let owned = |(name, value): (K, V)| (name.as_ref().to_owned(), value.as_ref().to_owned());
        self.env.extend(env.into_iter().map(owned));
        self
    }

    /// Writes `bytes` to its standard input, and then closes it.
    #[must_use]
    pub fn stdin(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.stdin = bytes.as_ref().to_owned();
        self
    }

    /// Keeps standard input open after the bytes of [`Cli::stdin`]. A program that reads further
    /// waits for [`Running::write`].
    #[must_use]
    pub fn hold_stdin(mut self) -> Self {
        self.hold_stdin = true;
        self
    }

    /// Keeps standard output open and does not read it. A program that writes more than a pipe
    /// holds is blocked.
    #[must_use]
    pub fn leave_stdout(mut self) -> Self {
        self.leave_stdout = true;
        self
    }

    /// Closes standard output for reading. A program that writes gets an error.
    #[must_use]
    pub fn close_stdout(mut self) -> Self {
        self.close_stdout = true;
        self
    }

    /// Runs it in `dir` instead of the test's current folder.
    #[must_use]
    pub fn current_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// Sets the time limit from its start. After this time it is killed, and the test fails. The
    /// default is 60 s.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// If it does not start or does not end in time.
    #[track_caller]
    pub fn run(self) -> Output {
        self.spawn().finish()
    }

    /// Starts it.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    #[track_caller]
    pub fn spawn(self) -> Running {
        let mut command = with_default_signals(&self.program);
        for (name, _) in std::env::vars_os() {
            if FOREIGN
                .iter()
                .any(|foreign| name.to_string_lossy().starts_with(foreign))
            {
                command.env_remove(name);
            }
        }
        command
            .args(&self.args)
            .envs(self.env)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        let command_line = format!("{} {:?}", self.program.display(), self.args);
        let started = Instant::now();
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command_line} did not start: {error}"));

        let mut input = child.stdin.take().expect("standard input was piped");
        let bytes = self.stdin;
        let (held, holder) = mpsc::channel();
        let hold = self.hold_stdin;
        // Written on a thread, because a program may write before it reads. A program may also
        // close its input unread, so a broken pipe is no error.
        thread::spawn(move || match input.write_all(&bytes) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                panic!("standard input: {error}")
            }
            // The channel keeps the pipe open until `Running` drops the receiver.
            _ if hold => drop(held.send(input)),
            _ => {}
        });
        let (closed, both_closed) = mpsc::channel();
        let mut unread = child.stdout.take().filter(|_| !self.close_stdout);
        let stdout = match unread.take_if(|_| !self.leave_stdout) {
            Some(stdout) => Captured::new(stdout, closed.clone()),
            None => Captured::default(),
        };
        let stderr = Captured::new(child.stderr.take().expect("it was piped"), closed);
        let deadline = started + self.deadline;
        Running {
            child,
            command_line,
            started,
            deadline,
            stdout,
            stderr,
            both_closed,
            stdin: holder,
            held: None,
            _unread: unread,
        }
    }
}

/// Returns a command that runs a program with the default action for signals. A shell without job
/// control ignores SIGINT and SIGQUIT in its background processes, and the tests may be one of
/// them.
fn with_default_signals(program: &Path) -> Command {
    if cfg!(target_os = "linux") {
        let mut command = Command::new("env");
        command.args(["--default-signal=HUP,INT,QUIT,TERM", "--"]);
        command.arg(program);
        command
    } else {
        Command::new(program)
    }
}

/// The output of a program so far. A thread collects it.
#[derive(Clone, Debug, Default)]
struct Captured(Arc<(Mutex<Vec<u8>>, Condvar)>);

impl Captured {
    fn new(mut from: impl Read + Send + 'static, closed: mpsc::Sender<()>) -> Self {
        let captured = Self::default();
        let to = captured.clone();
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            loop {
                match from.read(&mut buffer) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Ok(0) | Err(_) => break,
                    Ok(length) => {
                        let (bytes, changed) = &*to.0;
                        let mut bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner);
                        bytes.extend_from_slice(&buffer[..length]);
                        changed.notify_all();
                    }
                }
            }
            // Never sends: the drop tells the receiver that this stream is closed.
            drop(closed);
        });
        captured
    }

    fn bytes(&self) -> Vec<u8> {
        self.0
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    /// Waits until `condition` is true. Returns false if it is not true by the deadline.
    fn wait_for(&self, condition: impl Fn(&str) -> bool, deadline: Instant) -> bool {
        let (bytes, changed) = &*self.0;
        let bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let timeout = deadline.saturating_duration_since(Instant::now());
        let waited = changed.wait_timeout_while(bytes, timeout, |bytes| {
            !condition(&String::from_utf8_lossy(bytes))
        });
        let (bytes, _) = waited.unwrap_or_else(PoisonError::into_inner);
        condition(&String::from_utf8_lossy(&bytes))
    }
}

/// A running program. Killed on drop.
#[derive(Debug)]
pub struct Running {
    child: Child,
    command_line: String,
    started: Instant,
    deadline: Instant,
    stdout: Captured,
    stderr: Captured,
    /// Fails to receive once both output streams are closed.
    both_closed: mpsc::Receiver<()>,
    /// Receives standard input if it is to stay open.
    stdin: mpsc::Receiver<ChildStdin>,
    /// Standard input, after the first write.
    held: Option<ChildStdin>,
    /// Keeps standard output open if it is not read.
    _unread: Option<ChildStdout>,
}

impl Running {
    /// Returns its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until its standard output fulfils `condition`.
    ///
    /// # Panics
    /// At the deadline. The message contains its output.
    #[track_caller]
    pub fn wait_for_stdout(&self, condition: impl Fn(&str) -> bool) {
        let fulfilled = self.stdout.wait_for(condition, self.deadline);
        assert!(
            fulfilled,
            "standard output is not as expected\n{}",
            self.written()
        );
    }

    /// Returns its standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits until its standard error fulfils `condition`.
    ///
    /// # Panics
    /// At the deadline. The message contains its output.
    #[track_caller]
    pub fn wait_for_stderr(&self, condition: impl Fn(&str) -> bool) {
        let fulfilled = self.stderr.wait_for(condition, self.deadline);
        assert!(
            fulfilled,
            "standard error is not as expected\n{}",
            self.written()
        );
    }

    /// Writes to its standard input, which [`Cli::hold_stdin`] kept open.
    ///
    /// # Panics
    /// If it is not open, or is not read.
    #[track_caller]
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        if self.held.is_none() {
            // Arrives after the bytes of `Cli::stdin` are written.
            self.held = self.stdin.recv_timeout(self.left()).ok();
        }
        let input = self.held.as_mut().expect("standard input is held open");
        input
            .write_all(bytes.as_ref())
            .unwrap_or_else(|error| panic!("standard input: {error}\n{}", self.written()));
    }

    /// Closes its standard input, which [`Cli::hold_stdin`] kept open.
    pub fn close_stdin(&mut self) {
        drop(self.held.take());
        drop(self.stdin.recv_timeout(self.left()));
    }

    /// Sends SIGINT.
    ///
    /// # Panics
    /// If the system refuses it.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// Sends SIGTERM.
    ///
    /// # Panics
    /// If the system refuses it.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends SIGHUP.
    ///
    /// # Panics
    /// If the system refuses it.
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// Sends SIGQUIT.
    ///
    /// # Panics
    /// If the system refuses it.
    pub fn quit(&self) {
        self.signal(Signal::QUIT);
    }

    fn signal(&self, signal: Signal) {
        // The process was not waited for, so its id cannot belong to another process.
        let pid = Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("cannot send a signal to the child");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// At the deadline, after killing it. The message contains its output.
    #[track_caller]
    pub fn finish(mut self) -> Output {
        // The streams close when the program ends, so there is no need to poll.
        let _ = self.both_closed.recv_timeout(self.left());
        let status = loop {
            match self.child.try_wait().expect("the state of a child") {
                Some(status) => break status,
                None if self.left().is_zero() => {
                    let _ = self.child.kill();
                    let _ = self.child.wait();
                    panic!(
                        "{} was killed at its deadline\n{}",
                        self.command_line,
                        self.written()
                    );
                }
                // Reached only between the closing of the streams and the end, or if the program
                // closed its streams early.
                None => thread::park_timeout(Duration::from_millis(1)),
            }
        };
        Output {
            status,
            stdout: self.stdout.bytes(),
            stderr: self.stderr.text(),
            elapsed: self.started.elapsed(),
        }
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn written(&self) -> String {
        format!(
            "stdout:\n{}\nstderr:\n{}",
            self.stdout.text(),
            self.stderr.text()
        )
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both do nothing if the program has ended and was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The result of a program.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its exit status.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error as text. Invalid UTF-8 is replaced.
    pub stderr: String,
    /// How long it ran.
    pub elapsed: Duration,
}

impl Output {
    /// Returns the exit code, or `None` if a signal ended it.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Returns standard output as text.
    ///
    /// # Panics
    /// If it is not UTF-8.
    #[must_use]
    #[track_caller]
    pub fn stdout(&self) -> &str {
        str::from_utf8(&self.stdout).expect("standard output in UTF-8")
    }

    /// Checks the exit code and returns itself.
    ///
    /// # Panics
    /// If the code is different. The message contains the output.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "{self}");
        self
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stdout = String::from_utf8_lossy(&self.stdout);
        writeln!(f, "{} after {:?}", self.status, self.elapsed)?;
        write!(f, "stdout:\n{stdout}\nstderr:\n{}", self.stderr)
    }
}

#[cfg(test)]
mod tests;
