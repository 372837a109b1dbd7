//! Starts telemetry, and the guard that `main` keeps until its end.

use core::marker::PhantomData;
use std::cell::Cell;

use crate::{local, notice, panic_hook, trace};

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Installs the panic hook and gives the guard to hold until the program's, or the export's, last line.
///
/// With the feature `tracing` it makes `wasmscope::subscriber()` the program's subscriber, and with the feature `log`
/// `wasmscope::log::Bridge` its logger, unless it has one; with the feature `opentelemetry`, what `wasmscope::opentelemetry::install` says.
///
/// It may be called in each export of a component: the hook is installed once, and what the end brings is done by
/// the outermost guard.
///
/// A subscriber or a logger that the program has set before stays. Then `tracing` or `log` does not
/// reach the host, unless the program composes its own with this crate's. If it does not, the first
/// call sends a warning to the host as a log record, which `wasmscope run` repeats at its end.
/// Providers of `opentelemetry` that were set before are replaced.
///
/// A panic is recorded as a log (severity `FATAL`, event name `exception`) and, as the event `exception` and an error status, on the
/// active span, before the program traps. The hook that was there before is called after it.
pub fn init() -> Guard {
    panic_hook::install();
    #[cfg(feature = "opentelemetry")]
    crate::opentelemetry::install();
    #[cfg(feature = "tracing")]
    crate::subscriber::install();
    #[cfg(feature = "log")]
    crate::log::install();
    local::set(&DEPTH, DEPTH.get().saturating_add(1));
    Guard {
        not_send: PhantomData,
    }
}

/// Runs the callbacks of observable instruments, and passes on what the SDK has kept back, when dropped.
///
/// `std::process::exit` drops nothing: return from `main` instead, with an `ExitCode` where need be.
#[derive(Debug)]
#[must_use = "observable instruments are read when this is dropped, at the program's end"]
pub struct Guard {
    not_send: PhantomData<*const ()>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let depth = DEPTH.get().saturating_sub(1);
        local::set(&DEPTH, depth);
        if depth == 0 {
            trace::pending::flush_if_used();
            notice::collect_now();
        }
    }
}

/// Runs the callbacks of observable instruments if a collection is due. Call it in programs that
/// run long without ending a span. It costs one call to the host, or none if no callback is
/// registered.
pub fn collect() {
    notice::ask();
}
