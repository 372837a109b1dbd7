//! The guest's thread, and the one that watches it.
//!
//! A guest has a thread of its own on every runtime. So a timeout or a signal ends the command even
//! while the guest waits, for a reader of the standard output for example.

use super::{Ended, Kept};
use crate::failure::Failure;
use crate::interrupt::Signals;
use crate::messages;
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;
use wasmscope_telemetry::{Ender, Outcome};

/// What the thread gets: compiled guests take up to 4 MiB on some runtimes, and host functions run
/// on top of that.
const STACK: usize = 16 << 20;

/// How long a guest that was stopped has to notice it. It takes no time, unless a host function
/// waits for what nothing interrupts.
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

/// A guest that runs on its thread.
pub(super) struct Running {
    /// Gets how the guest ended, and its store.
    pub(super) finished: oneshot::Receiver<(Ended, Kept)>,
    /// Stops the guest, and says why.
    pub(super) stop: Box<dyn FnOnce((Ended, Outcome))>,
    /// Ends the guest's telemetry if the guest cannot be stopped.
    pub(super) ender: Ender,
}

impl Running {
    /// Waits until the guest has ended, its time is over, or a signal comes. In the last two cases
    /// it is stopped. A guest that does not notice that is left alone, with its store.
    pub(super) async fn watch(
        self,
        timeout: Option<Duration>,
        signals: &mut Signals,
    ) -> (Ended, Option<Kept>) {
        let mut finished = std::pin::pin!(self.finished);
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
        (self.stop)((why.clone(), outcome.clone()));
        let result = tokio::select! {
            biased;
            result = finished => Some(result),
            () = tokio::time::sleep(GRACE) => None,
            () = signals.second() => None,
        };
        match result {
            Some(result) => kept(result),
            None => {
                self.ender.end(&outcome);
                (why, None)
            }
        }
    }
}

/// Returns how the guest ended. Its thread sends nothing only if it panicked.
fn kept<E>(result: Result<(Ended, Kept), E>) -> (Ended, Option<Kept>) {
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
