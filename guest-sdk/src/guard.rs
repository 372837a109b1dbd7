//! Connects the program to the host while a guard lives.

use core::marker::PhantomData;
use std::cell::Cell;

use crate::{local, notice, panic_hook, trace};

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Connects the program to the host. Keep the guard until the end of `main` or of an export.
///
/// It installs a panic hook. With the feature `tracing` it sets `wasmscope::subscriber()` as the
/// program's subscriber, and with the feature `log` a `wasmscope::log::Bridge` as its logger,
/// unless the program has one. With the feature `opentelemetry` it calls
/// `wasmscope::opentelemetry::install`.
///
/// It may be called in each export of a component. The hook is installed only once. Only the
/// outermost guard reads observable instruments when it is dropped.
///
/// A subscriber or a logger that the program has already set is kept. Then `tracing` or `log` does
/// not reach the host, unless the program composes its own with this crate's. Otherwise the first
/// call sends a warning to the host as a log record. `wasmscope run` repeats it at the end.
/// Providers of `opentelemetry` that are already set are replaced.
///
/// A panic is recorded before the program traps: as a log (severity `FATAL`, event name
/// `exception`), and on the active span as the event `exception` and an error status. The previous
/// hook is called after it.
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

/// Runs the callbacks of observable instruments and sends buffered changes when it is dropped.
///
/// `std::process::exit` drops nothing: return from `main` instead, with an `ExitCode` if needed.
#[derive(Debug)]
#[must_use = "observable instruments are read when this is dropped, at the end of the program"]
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
/// run for a long time without ending a span. It costs one call to the host, or none if no callback
/// is registered.
pub fn collect() {
    notice::ask();
}
