//! Loggers.

use super::threshold::Threshold;
use crate::backend::{Slot, logger};
use crate::scope::Scope;
use crate::types::{LoggerHandle, Severity};

/// The logger of the SDK's own records.
pub(crate) static SDK_LOGGER: Logger =
    Logger::new(Scope::new("wasmscope").with_version(env!("CARGO_PKG_VERSION")));

/// Emits log records of one instrumentation scope. It is constant: keep it in a `static`.
///
/// It caches the host's threshold, so a disabled record costs a comparison and no call. It learns
/// of a new threshold with the next call of another kind: a span, a measurement, or an enabled
/// record. A program that only logs below the threshold asks for it again after 1,023 records.
#[derive(Debug)]
pub struct Logger {
    scope: Scope,
    handle: Slot<LoggerHandle>,
    pub(super) threshold: Threshold,
}

impl Logger {
    /// Creates the logger of a scope.
    #[must_use]
    pub const fn new(scope: Scope) -> Self {
        Self {
            scope,
            handle: Slot::new(),
            threshold: Threshold::new(),
        }
    }

    /// Returns true if the host accepts records of this severity. Use it to skip costly
    /// computations.
    #[must_use]
    pub fn enabled(&self, severity: Severity) -> bool {
        self.threshold.accepts(Some(severity), || self.handle())
    }

    /// Returns true if the host accepts events of this severity and name. The answer is exact. It
    /// costs a call, unless the severity alone decides.
    #[must_use]
    pub fn event_enabled(&self, severity: Severity, event_name: &str) -> bool {
        self.enabled(severity) && logger::enabled(self.handle(), Some(severity), Some(event_name))
    }

    pub(crate) fn handle(&self) -> LoggerHandle {
        self.handle.get_or(|| logger::get(self.scope.as_contract()))
    }
}
