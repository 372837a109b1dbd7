//! Remembers whether the program uses the providers.

use std::sync::atomic::{AtomicBool, Ordering};

static USED: AtomicBool = AtomicBool::new(false);

/// Called when the program asks for a tracer or a logger.
pub(super) fn set_used() {
    USED.store(true, Ordering::Relaxed);
}

/// Returns true if the program, or for example a layer of `tracing`, has asked one of our providers
/// for a tracer or a logger.
#[cfg(feature = "tracing")]
pub(crate) fn is_used() -> bool {
    USED.load(Ordering::Relaxed)
}
