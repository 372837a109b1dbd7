//! The instrumentation scope of telemetry that names a target: the records of `log`, the events and
//! spans of `tracing`, and log records of the OpenTelemetry API.
//!
//! A host accepts a limited number of scopes for a whole composition: by default 64 for tracers and
//! 256 for loggers. It drops telemetry beyond that. So one rule decides the scope of a target:
//!
//! 1. the first 40 targets have a scope each;
//! 2. further targets share the scope of their crate, up to 48 scopes;
//! 3. the rest share one.
//!
//! A scope that is named for a target or a crate has no version, because it is unknown here.

use std::cell::RefCell;
use std::rc::Rc;

use crate::backend::{Slot, logger};
use crate::logs::Threshold;
use crate::types::{InstrumentationScope, LoggerHandle, Severity};

/// The number of scopes up to which each target gets its own.
const MAX_TARGETS: usize = 40;
/// The number of scopes beyond which targets share a single one.
#[cfg(any(feature = "log", feature = "tracing"))]
pub(crate) const MAX_SCOPES: usize = 48;

thread_local! {
    static LOGGERS: RefCell<Vec<Rc<TargetLogger>>> = const { RefCell::new(Vec::new()) };
}

/// The logger of a scope that is named for a target, a crate, or the rest.
#[derive(Debug)]
pub(crate) struct TargetLogger {
    scope: Box<str>,
    handle: Slot<LoggerHandle>,
    threshold: Threshold,
}

impl TargetLogger {
    fn new(scope: &str) -> Self {
        Self {
            scope: scope.into(),
            handle: Slot::new(),
            threshold: Threshold::new(),
        }
    }

    /// Returns true if the scope is named for that target. Otherwise records must name their target
    /// in an attribute.
    pub(crate) fn is_named_for(&self, target: &str) -> bool {
        *self.scope == *target
    }

    pub(crate) fn accepts(&self, severity: Option<Severity>) -> bool {
        self.threshold.accepts(severity, || self.handle())
    }

    pub(crate) fn handle(&self) -> LoggerHandle {
        self.handle
            .get_or(|| logger::get(InstrumentationScope::named(&self.scope)))
    }
}

/// Returns the logger of a target, or of its crate, or of `rest`.
///
/// It is counted, so that no borrow is held while the program's code runs, which may log.
#[cfg(any(feature = "log", feature = "tracing"))]
pub(crate) fn logger(target: &str, rest: &str) -> Rc<TargetLogger> {
    LOGGERS.with_borrow_mut(|loggers| {
        if let Some(found) = find(loggers, target) {
            return found;
        }
        let scope = match loggers.len() {
            0..MAX_TARGETS => target,
            MAX_TARGETS..MAX_SCOPES => crate_of(target),
            _ => rest,
        };
        find(loggers, scope).unwrap_or_else(|| add(loggers, scope))
    })
}

/// Returns the logger that is named for a target, unless there are too many.
#[cfg(feature = "opentelemetry")]
pub(crate) fn own_logger(target: &str) -> Option<Rc<TargetLogger>> {
    LOGGERS.with_borrow_mut(|loggers| {
        find(loggers, target)
            .or_else(|| (loggers.len() < MAX_TARGETS).then(|| add(loggers, target)))
    })
}

/// Returns the logger of a target, if there is one.
#[cfg(feature = "tracing")]
pub(crate) fn known_logger(target: &str) -> Option<Rc<TargetLogger>> {
    LOGGERS.with_borrow(|loggers| find(loggers, target))
}

fn find(loggers: &[Rc<TargetLogger>], scope: &str) -> Option<Rc<TargetLogger>> {
    loggers
        .iter()
        .find(|logger| logger.is_named_for(scope))
        .cloned()
}

fn add(loggers: &mut Vec<Rc<TargetLogger>>, scope: &str) -> Rc<TargetLogger> {
    let added = Rc::new(TargetLogger::new(scope));
    loggers.push(Rc::clone(&added));
    added
}

/// Returns the name of the crate that a path or a target begins with.
#[cfg(any(feature = "log", feature = "tracing"))]
pub(crate) fn crate_of(path: &str) -> &str {
    let end = path.bytes().position(|byte| byte == b':');
    end.and_then(|end| path.get(..end)).unwrap_or(path)
}

/// Resets the state for another backend.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn reset() {
    LOGGERS.with_borrow_mut(Vec::clear);
}
