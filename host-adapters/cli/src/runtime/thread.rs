//! The guest's thread, and who watches it.
//!
//! A guest has a thread of its own on every runtime: whatever it waits for there, and be it somebody who does not read our standard output,
//! a timeout or a signal still ends the command.

use super::Ended;
use crate::failure::Failure;
use crate::interrupt::Signals;
use crate::messages;
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;
use wasmscope_telemetry::{Ender, Outcome};

/// What the thread gets: compiled guests take up to 4 MiB on some runtimes, and host functions run on top of that.
const STACK: usize = 16 << 20;

/// How long a guest that was stopped has to notice it. It takes no time, unless a host function waits for what nothing interrupts.
const GRACE: Duration = Duration::from_secs(2);

/// How many threads a guest's file operations and look-ups of names may take at once. Each may
/// hang: on a pipe in a directory of the guest's, or on a name server.
const BLOCKING_THREADS: usize = 16;

/// The asynchronous runtime for what a guest waits for.
///
/// It is the guest's own, so that a guest that keeps all of its threads waiting delays nothing
/// else. Dropping it waits for nothing.
pub(super) struct GuestRuntime {
    handle: Handle,
    /// There until the drop.
    runtime: Option<Runtime>,
}

impl GuestRuntime {
    pub(super) fn start() -> Result<Self, Failure> {
        Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(BLOCKING_THREADS)
            .thread_name("guest-io")
            .enable_all()
            .build()
            .map(|runtime| Self {
                handle: runtime.handle().clone(),
                runtime: Some(runtime),
            })
            .map_err(|error| Failure::new(format!("cannot start the guest's runtime: {error}")))
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for GuestRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Starts the thread.
pub(super) fn start(guest: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    std::thread::Builder::new()
        .name("guest".to_owned())
        .stack_size(STACK)
        .spawn(guest)
        .map(drop)
        .map_err(|error| Failure::new(format!("cannot start a thread: {error}")))
}

/// Waits until the thread has sent how the guest ended, and its store; or until its time is over,
/// or a signal comes: then it is stopped. If it does not notice, it is left alone without its
/// store, and `ender` ends its telemetry.
pub(super) async fn watch<S>(
    finished: oneshot::Receiver<(Ended, S)>,
    timeout: Option<Duration>,
    signals: &mut Signals,
    stop: impl FnOnce((Ended, Outcome)),
    ender: &Ender,
) -> (Ended, Option<S>) {
    let mut finished = std::pin::pin!(finished);
    let timeout = async {
        match timeout {
            Some(timeout) => tokio::time::sleep(timeout).await,
            None => std::future::pending().await,
        }
    };
    let (why, outcome) = tokio::select! {
        biased;
        result = &mut finished => return kept(result),
        () = timeout => (Ended::Timeout, Outcome::Timeout),
        signal = signals.next() => (Ended::Signal(signal), Outcome::Killed),
    };
    messages::hurry();
    stop((why.clone(), outcome.clone()));
    let result = tokio::select! {
        biased;
        result = finished => Some(result),
        () = tokio::time::sleep(GRACE) => None,
        () = signals.second() => None,
    };
    match result {
        Some(result) => kept(result),
        None => {
            ender.end(&outcome);
            (why, None)
        }
    }
}

/// What the thread has sent; it sends nothing only if it panicked.
fn kept<S, E>(result: Result<(Ended, S), E>) -> (Ended, Option<S>) {
    match result {
        Ok((ended, store)) => (ended, Some(store)),
        Err(_) => (
            Ended::Trap {
                message: "the host panicked".to_owned(),
                code: String::new(),
            },
            None,
        ),
    }
}
