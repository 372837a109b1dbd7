//! Prepares a component within a time limit. Compilers cannot be interrupted, so the command may
//! end while one is still running.

use crate::args::Deadline;
use crate::failure::Failure;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};
use wasmscope_wasmtime::SizeLimits;

/// The thread's stack size, in bytes. Compilers recurse over types and code.
const STACK: usize = 16 << 20;

/// The time for the thread to clean up after the deadline. A compiling child process also ends at
/// the deadline, and its scratch folder is removed.
const GRACE: Duration = Duration::from_millis(500);

/// The limits on a component's size, and the deadline for preparing it.
#[derive(Debug, Clone)]
pub(crate) struct PrepareLimits {
    pub(crate) sizes: SizeLimits,
    pub(crate) deadline: Deadline,
}

/// Runs `work` on a separate thread, and waits for it until the deadline.
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
        // The work may notice the deadline first, and fail because of it.
        Ok(Err(_)) if deadline.is_over() => Err(too_late()),
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => {
            let _ = finished.recv_timeout(GRACE);
            Err(too_late())
        }
        Err(RecvTimeoutError::Disconnected) => match thread.join() {
            // An engine's assertion about valid components may fail.
            Err(_panic) => Err(Failure::new(format!(
                "{} cannot be prepared: the runtime panicked, with the message above; please report that to the runtime's project",
                path.display()
            ))),
            Ok(()) => Err(Failure::new("the component could not be prepared")),
        },
    }
}
