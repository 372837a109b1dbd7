//! The reason why a child process compiled nothing.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::ExitStatus;

use component_model::LoadError;

/// The free space below which the disk counts as full. No compiler needs less.
const FULL: u64 = 1 << 20;

/// The messages of LLVM, the C++ and the Rust library for a failed allocation.
const OUT_OF_MEMORY: [&str; 4] = [
    "out of memory",
    "bad_alloc",
    "memory allocation of",
    "cannot allocate memory",
];

const FILE_LIMIT: &str = "a file would exceed the limit on file sizes (ulimit -f)";

#[derive(Debug)]
pub(super) enum Cause {
    /// The scratch folder cannot be created, read or written.
    Scratch(io::Error),
    /// The child process cannot be started.
    Start(io::Error),
    /// The system does not report whether the child has ended.
    Wait(io::Error),
    /// The child was still running at the deadline.
    Deadline,
    /// The child ended or was killed; holds the message.
    Ended(String),
}

impl Cause {
    /// Finds the reason why a child failed whose memory was limited to this many bytes. Its scratch
    /// folder must still exist. Without a status, it is unknown how the child ended.
    pub(super) fn of(
        status: Option<ExitStatus>,
        stderr: &str,
        scratch: &Path,
        memory: u64,
    ) -> Self {
        let code = status.and_then(|status| status.code());
        let signal = status.and_then(signal);
        if signal == Some("SIGXFSZ") || contains(stderr, "File too large") || reached_limit(scratch)
        {
            return Self::Ended(FILE_LIMIT.to_owned());
        }
        if contains(stderr, "No space left on device") || is_full(scratch) {
            return Self::Ended(no_space());
        }
        if contains(stderr, "Disk quota exceeded") {
            return Self::Ended(no_quota());
        }
        let memory = format!(
            "it may have {} MiB (or less by ulimit -d or -v)",
            memory >> 20
        );
        if OUT_OF_MEMORY.iter().any(|text| contains(stderr, text)) {
            return Self::Ended(format!("the compiler is out of memory; {memory}"));
        }
        if contains(stderr, "resource temporarily unavailable") {
            return Self::Ended(format!(
                "the compiler cannot start a thread: it is out of memory ({memory}), or there are too many processes (ulimit -u)"
            ));
        }
        let last = stderr
            .lines()
            .rev()
            .map(str::trim)
            .find(|line| !line.is_empty());
        let last: String = last.unwrap_or_default().chars().take(300).collect();
        let last = match last.as_str() {
            "" => String::new(),
            last => format!(": {last}"),
        };
        Self::Ended(match (signal, code) {
            (Some("SIGKILL"), _) => {
                "the compiler was killed (SIGKILL): the system may be out of memory".to_owned()
            }
            (Some(signal @ ("SIGSEGV" | "SIGBUS" | "SIGILL" | "SIGABRT")), _) => {
                format!("the compiler has crashed ({signal}){last}")
            }
            (Some(signal), _) => format!("the compiler was ended by a signal ({signal})"),
            (None, Some(0)) => "the compiler has written nothing".to_owned(),
            (None, _) => format!("the compiler has failed{last}"),
        })
    }

    pub(super) fn into_error(self) -> LoadError {
        let message = match self {
            Self::Scratch(error) => unusable(&error),
            Self::Start(error) => format!("the compiler's process cannot be started: {error}"),
            Self::Wait(error) => format!("the compiler's process cannot be waited for: {error}"),
            Self::Deadline => "the time limit for compiling is reached".to_owned(),
            Self::Ended(message) => message,
        };
        LoadError::Compiler { message }
    }
}

fn no_space() -> String {
    let temporary = std::env::temp_dir();
    format!(
        "there is no space left in the temporary folder {} (TMPDIR)",
        temporary.display()
    )
}

fn no_quota() -> String {
    let temporary = std::env::temp_dir();
    format!(
        "the disk quota is used up in the temporary folder {} (TMPDIR)",
        temporary.display()
    )
}

/// Describes why the scratch folder cannot be used. Leaves out the path that `tempfile` adds: that
/// folder never existed.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "all other kinds describe themselves"
)]
fn unusable(error: &io::Error) -> String {
    let reason = match error.kind() {
        ErrorKind::StorageFull => return no_space(),
        ErrorKind::QuotaExceeded => return no_quota(),
        ErrorKind::FileTooLarge => return FILE_LIMIT.to_owned(),
        ErrorKind::NotFound => "no such folder".to_owned(),
        ErrorKind::NotADirectory => "it is not a folder".to_owned(),
        ErrorKind::ReadOnlyFilesystem => "it is read-only".to_owned(),
        kind => kind.to_string(),
    };
    format!(
        "the temporary folder {} (TMPDIR) cannot be used: {reason}",
        std::env::temp_dir().display()
    )
}

fn contains(stderr: &str, text: &str) -> bool {
    let (stderr, text) = (stderr.to_lowercase(), text.to_lowercase());
    stderr.contains(&text)
}

#[cfg(unix)]
fn is_full(folder: &Path) -> bool {
    rustix::fs::statvfs(folder).is_ok_and(|disk| {
        disk.f_bavail.saturating_mul(disk.f_frsize) < FULL
            || (disk.f_files > 0 && disk.f_favail == 0)
    })
}

#[cfg(not(unix))]
fn is_full(_: &Path) -> bool {
    false
}

/// Returns whether a file in the folder has reached the limit on file sizes.
#[cfg(unix)]
fn reached_limit(folder: &Path) -> bool {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize).current;
    let Some(limit) = limit else {
        return false;
    };
    let Ok(mut files) = fs::read_dir(folder) else {
        return false;
    };
    files.any(|file| {
        let metadata = file.and_then(|file| file.metadata());
        metadata.is_ok_and(|metadata| metadata.len() >= limit)
    })
}

#[cfg(not(unix))]
fn reached_limit(_: &Path) -> bool {
    false
}

/// Returns the name of the signal that ended a process.
#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<&'static str> {
    use rustix::process::Signal;
    use std::os::unix::process::ExitStatusExt as _;
    let number = status.signal()?;
    let names = [
        (Signal::KILL, "SIGKILL"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::BUS, "SIGBUS"),
        (Signal::ILL, "SIGILL"),
        (Signal::ABORT, "SIGABRT"),
        (Signal::XFSZ, "SIGXFSZ"),
        (Signal::XCPU, "SIGXCPU"),
        (Signal::TERM, "SIGTERM"),
        (Signal::INT, "SIGINT"),
        (Signal::HUP, "SIGHUP"),
    ];
    let name = names.iter().find(|(signal, _)| signal.as_raw() == number);
    Some(name.map_or("another signal", |(_, name)| *name))
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<&'static str> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;

    #[test]
    fn each_exit_of_the_compiler_has_a_cause() {
        let folder = tempfile::tempdir().unwrap();
        let cause = |status: i32, stderr: &str| {
            let status = Some(ExitStatus::from_raw(status));
            let cause = Cause::of(status, stderr, folder.path(), 512 << 20);
            let LoadError::Compiler { message } = cause.into_error() else {
                panic!("another kind of error")
            };
            message
        };
        for (status, stderr, expected) in [
            (9, "", "out of memory"),
            (11, "", "crashed (SIGSEGV)"),
            (6, "LLVM ERROR: broken\n", "(SIGABRT): LLVM ERROR: broken"),
            (6, "LLVM ERROR: out of memory\n", "it may have 512 MiB"),
            (
                6,
                "terminate called after throwing an instance of 'std::bad_alloc'\n",
                "is out of memory",
            ),
            (6, "memory allocation of 9 bytes failed\n", "out of memory"),
            (
                6,
                "what():  Resource temporarily unavailable\n",
                "cannot start a thread: it is out of memory (it may have 512 MiB",
            ),
            (25, "", "ulimit -f"),
            (15, "", "ended by a signal (SIGTERM)"),
            (1 << 8, "first\n\nlast \n", "has failed: last"),
            (
                1 << 8,
                "ld: error: cannot write: No space left on device",
                "no space left",
            ),
            (
                1 << 8,
                "cannot write: no space left on device",
                "no space left",
            ),
            (1 << 8, "write: File too large", "ulimit -f"),
            (1 << 8, "", "the compiler has failed"),
            (0, "", "written nothing"),
        ] {
            let message = cause(status, stderr);
            assert!(message.contains(expected), "{status} {stderr:?}: {message}");
        }
        let long = cause(1 << 8, &"x".repeat(5000));
        assert!(long.len() < 400, "{long}");
    }
}
