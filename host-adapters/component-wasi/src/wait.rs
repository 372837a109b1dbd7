//! Waits on the guest's thread until a future is ready or the guest is interrupted.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use component_model::{Interrupted, Trap, TrapCode};
use tokio::runtime::Handle;
use wasmtime_wasi::runtime::with_ambient_tokio_runtime;

/// Waits for a future on this thread, at most until the guest is interrupted.
///
/// A future that is ready at once neither registers for the interruption nor parks the thread.
///
/// # Panics
///
/// On a thread that runs asynchronous tasks, unless the future is ready at once.
pub(crate) fn wait<F: Future>(interrupted: Interrupted, future: F) -> Result<F::Output, Trap> {
    let mut future = pin!(future);
    let runtime = with_ambient_tokio_runtime(Handle::current);
    let _entered = runtime.enter();
    if let Poll::Ready(output) = future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        return Ok(output);
    }
    let mut interrupted = pin!(interrupted);
    runtime.block_on(poll_fn(|cx| {
        if interrupted.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(Trap::new(TrapCode::Interrupt, "interrupt")));
        }
        future.as_mut().poll(cx).map(Ok)
    }))
}
