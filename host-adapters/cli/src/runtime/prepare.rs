//! Preparing a component within a time. Compilers cannot be interrupted, so the command ends while
//! one is still at work.

use crate::args::Deadline;
use crate::failure::Failure;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};
use wasmscope_wasmtime::SizeLimits;

/// What the thread gets. Compilers recurse over types and code.
const STACK: usize = 16 << 20;

/// How long the thread has to clean up after the deadline: a child process that compiles ends then
/// as well, and its scratch folder is removed.
const GRACE: Duration = Duration::from_millis(500);

/// How large a component may be, and when preparing it has to be done.
#[derive(Debug, Clone)]
pub(crate) struct PrepareLimits {
    pub(crate) sizes: SizeLimits,
    pub(crate) deadline: Deadline,
}

/// Does some work on a thread of its own, and waits for it until the deadline.
///
/// # Errors
///
/// Fails with the work's own failure, or if the deadline has passed.
pub(super) fn within<T: Send + 'static>(
    path: &Path,
    deadline: Deadline,
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let (done, finished) = mpsc::sync_channel(1);
    let thread = thread::Builder::new()
        .name("prepare".to_owned())
        .stack_size(STACK)
        .spawn(move || {
            let _ = done.send(work());
        })
        .map_err(|error| Failure::new(format!("cannot start a thread: {error}")))?;
    let result = match deadline.at() {
        Some(at) => finished.recv_timeout(at.saturating_duration_since(Instant::now())),
        None => finished
            .recv()
            .map_err(|_ended| RecvTimeoutError::Disconnected),
    };
    let too_late = || {
        Failure::too_late(format!(
            "{} is not ready: reading, checking and compiling it took longer than {}",
            path.display(),
            deadline.allowed()
        ))
    };
    match result {
        // The work may see the deadline first, and fail because of it.
        Ok(Err(_)) if deadline.is_over() => Err(too_late()),
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => {
            let _ = finished.recv_timeout(GRACE);
            Err(too_late())
        }
        Err(RecvTimeoutError::Disconnected) => match thread.join() {
            // Engines assert what they believe to hold of valid components.
            Err(_panic) => Err(Failure::new(format!(
                "{} cannot be prepared: the runtime panicked, with the message above; please report that to the runtime's project",
                path.display()
            ))),
            Ok(()) => Err(Failure::new("the component could not be prepared")),
        },
    }
}
