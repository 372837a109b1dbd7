//! Whether the program uses the providers.

use std::sync::atomic::{AtomicBool, Ordering};

static USED: AtomicBool = AtomicBool::new(false);

/// Called when the program asks for a tracer or a logger.
pub(super) fn set_used() {
    USED.store(true, Ordering::Relaxed);
}

/// Returns true if the program has asked one of our providers for a tracer or a logger, for a layer
/// of `tracing` for example.
#[cfg(feature = "tracing")]
pub(crate) fn is_used() -> bool {
    USED.load(Ordering::Relaxed)
}
