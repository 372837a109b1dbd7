//! The thread that drives the connections to collectors, and the time limits on waiting for them.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{oneshot, watch};

/// A Tokio runtime on a dedicated thread, which ends with the last clone of the `Arc`.
///
/// It is separate from the embedder's runtime, which may be busy with guests, and from those that
/// exporters would make. The batch processors' threads enter it to poll an export; the dedicated
/// thread drives sockets and timers.
#[derive(Debug)]
pub(super) struct Io {
    handle: Handle,
    closing: watch::Sender<bool>,
    given_up: watch::Sender<bool>,
    /// Ends the thread when it is dropped.
    _alive: oneshot::Sender<()>,
}

/// Why a wait ended without a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    /// It exceeded its time limit.
    Late,
    /// The pipeline was shut down and its deadline has passed.
    GivenUp,
}

impl Io {
    pub(super) fn start() -> io::Result<Arc<Self>> {
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let handle = runtime.handle().clone();
        let (alive, ended) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name(String::from("wasmscope-otlp"))
            .spawn(move || {
                // Logs and traces of the transports must not become telemetry that they send
                // themselves.
                let _suppressed = Context::enter_telemetry_suppressed_scope();
                // Nothing is ever sent: the wait ends with an error when the sender is dropped.
                let _ = runtime.block_on(ended);
                // Do not wait for name resolution that hangs.
                runtime.shutdown_background();
            })?;
        let (given_up, _) = watch::channel(false);
        Ok(Arc::new(Self {
            handle,
            closing: watch::Sender::default(),
            given_up,
            _alive: alive,
        }))
    }

    /// Returns a handle for objects that are bound to the runtime in which they are made.
    #[cfg(feature = "grpc")]
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Waits for `work` until `limit` has passed or the pipeline gives up.
    ///
    /// Must not be called on a thread of a Tokio runtime. The threads of the SDK's batch processors
    /// are not.
    pub(super) fn wait<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = T>,
    ) -> Result<T, Stopped> {
        let mut given_up = self.given_up.subscribe();
        self.handle.block_on(async move {
            tokio::select! {
                biased;
                _ = given_up.wait_for(|given_up| *given_up) => Err(Stopped::GivenUp),
                result = work => Ok(result),
                () = tokio::time::sleep(limit) => Err(Stopped::Late),
            }
        })
    }

    /// Marks the pipeline as shutting down: a caller waits for the running exports.
    pub(super) fn close(&self) {
        self.closing.send_replace(true);
    }

    pub(super) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// Waits for [`Io::close`].
    pub(super) async fn closing(&self) {
        // This cannot fail: `self` keeps the sender alive.
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
    }

    /// Ends every current and future wait.
    pub(super) fn give_up(&self) {
        self.given_up.send_replace(true);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn wait_ends_at_its_limit() {
        let io = Io::start().unwrap();
        let limit = Duration::from_millis(20);
        assert_eq!(
            io.wait(limit, std::future::pending::<()>()),
            Err(Stopped::Late)
        );
        assert_eq!(io.wait(LONG, async { 7 }), Ok(7));
    }

    #[test]
    fn giving_up_ends_running_and_later_waits() {
        let io = Io::start().unwrap();
        let waiting = std::thread::spawn({
            let io = Arc::clone(&io);
            move || io.wait(LONG, std::future::pending::<()>())
        });
        let start = Instant::now();
        io.give_up();
        assert_eq!(waiting.join().unwrap(), Err(Stopped::GivenUp));
        assert_eq!(
            io.wait(LONG, std::future::pending::<()>()),
            Err(Stopped::GivenUp)
        );
        assert!(start.elapsed() < LONG);
    }

    #[test]
    fn can_be_created_and_dropped_inside_a_runtime() {
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            drop(Io::start().unwrap());
        });
    }
}
