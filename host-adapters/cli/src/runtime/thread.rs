//! The guest's thread, and the thread that watches it.
//!
//! On every runtime, a guest has its own thread. So a timeout or a signal ends the command even
//! while the guest waits, for example for a reader of the standard output.

use super::{Ended, KeptStore};
use crate::failure::Failure;
use crate::interrupt::Signals;
use crate::messages;
use std::num::NonZero;
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;
use wasmscope_telemetry::{Ender, Outcome};

/// The stack of the thread: compiled guests take up to 4 MiB on some runtimes, and host functions
/// need more.
const STACK: usize = 16 << 20;

/// The time for a guest to notice that it was stopped. It needs none, unless a host function waits
/// and cannot be interrupted.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// The maximum number of threads for a guest's file operations and name look-ups. Each may hang: on
/// a pipe in a directory of the guest, or on a name server.
const BLOCKING_THREADS: usize = 16;

/// The same for all guests of a server.
const REQUEST_THREADS: usize = 128;

/// The async runtime on which a guest waits.
///
/// It belongs to the guest, so a guest that blocks all of its threads delays nothing else. Dropping
/// it does not wait.
pub(super) struct GuestRuntime {
    handle: Handle,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

impl GuestRuntime {
    /// Starts a runtime for guests that all run on it, as many at once as there are processors.
    pub(super) fn for_requests() -> Result<Self, Failure> {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self::build(
            Builder::new_multi_thread()
                .worker_threads(processors)
                .max_blocking_threads(REQUEST_THREADS)
                .thread_name("guest"),
        )
    }

    pub(super) fn start() -> Result<Self, Failure> {
        Self::with("guest-io", BLOCKING_THREADS, None)
    }

    fn with(name: &str, threads: usize, stack: Option<usize>) -> Result<Self, Failure> {
        let mut builder = Builder::new_multi_thread();
        if let Some(stack) = stack {
            builder.thread_stack_size(stack);
        }
        Self::build(
            builder
                .worker_threads(1)
                .max_blocking_threads(threads)
                .thread_name(name),
        )
    }

    fn build(builder: &mut Builder) -> Result<Self, Failure> {
        builder
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

/// Threads on which guests run, one for each, and the async runtime on which they wait.
#[cfg(feature = "wasmedge")]
pub(super) struct Workers {
    threads: GuestRuntime,
    io: GuestRuntime,
}

#[cfg(feature = "wasmedge")]
impl Workers {
    /// Prepares up to `count` threads. Each is started when it is needed.
    pub(super) fn start(count: usize) -> Result<Self, Failure> {
        Ok(Self {
            threads: GuestRuntime::with("guest", count, Some(STACK))?,
            // Their file operations need threads of their own: those of the guests may all wait.
            io: GuestRuntime::with("guest-io", REQUEST_THREADS, None)?,
        })
    }

    /// Runs a guest on a thread. Returns `None` if it panics.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        guest: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let io = self.io.handle().clone();
        let running = self.threads.handle().spawn_blocking(move || {
            let _entered = io.enter();
            guest()
        });
        running.await.ok()
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
    /// Receives the guest's end, and its store.
    pub(super) finished: oneshot::Receiver<(Ended, KeptStore)>,
    /// Stops the guest with a reason.
    pub(super) stop: Box<dyn FnOnce((Ended, Outcome))>,
    /// Ends the guest's telemetry if the guest cannot be stopped.
    pub(super) ender: Ender,
}

impl Running {
    /// Waits until the guest has ended, its time is over, or a signal arrives. In the latter two
    /// cases, it stops the guest. A guest that does not notice it keeps running with its store.
    pub(super) async fn watch(
        self,
        timeout: Option<Duration>,
        signals: &mut Signals,
    ) -> (Ended, Option<KeptStore>) {
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
        messages::bound_writes();
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

/// Returns the guest's end. If its thread sent none, it panicked.
fn kept<E>(result: Result<(Ended, KeptStore), E>) -> (Ended, Option<KeptStore>) {
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
