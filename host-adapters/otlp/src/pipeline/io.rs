//! The thread on which connections to collectors live, and the bound on everything that waits for them.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{oneshot, watch};

/// A Tokio runtime on a thread of its own; it ends with the last clone of its `Arc`.
///
/// It is neither the embedder's runtime, which may be busy with guests, nor one that exporters make for themselves. The batch
/// processors' threads enter it to poll an export, while the thread here drives the sockets and the clock.
#[derive(Debug)]
pub(super) struct Io {
    handle: Handle,
    closing: watch::Sender<bool>,
    given_up: watch::Sender<bool>,
    /// Ends the thread when it is dropped.
    _alive: oneshot::Sender<()>,
}

/// Why something that was waited for has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    /// It took longer than it may.
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
                // What the transports themselves may log or trace must not become telemetry that is sent by them.
                let _suppressed = Context::enter_telemetry_suppressed_scope();
                // An error is what is waited for: nothing is ever sent.
                let _ = runtime.block_on(ended);
                // Name resolution that hangs may not hold the thread any longer.
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

    /// Gives access to the runtime for what is bound to one when it is made.
    #[cfg(feature = "grpc")]
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Waits for `work`, but no longer than `limit`, and not once the pipeline has given up.
    ///
    /// It must be called on a thread that is not one of a Tokio runtime: those of the SDK's batch processors are not.
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

    /// Says that the pipeline shuts down: somebody waits for what is under way.
    pub(super) fn close(&self) {
        self.closing.send_replace(true);
    }

    pub(super) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// Waits for [`Io::close`].
    pub(super) async fn closing(&self) {
        // The sender is in here.
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
    }

    /// Ends every wait, now and later.
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
    fn giving_up_ends_a_wait_that_is_under_way_and_every_later_one() {
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
    fn may_be_made_and_dropped_inside_of_a_runtime() {
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            drop(Io::start().unwrap());
        });
    }
}
