//! The scopes in use. Equal scopes are shared, so that repeated requests need no more memory.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};

use ::opentelemetry::InstrumentationScope as ApiScope;

use super::instrument::Instrument;
use super::values;
use crate::backend::{self, Slot};
use crate::logs::Threshold;
use crate::types::{InstrumentationScope, LoggerHandle, MeterHandle, Severity, TracerHandle};

/// The number of scopes that are kept: the host's default limit. Further ones are created for each
/// request, and freed.
const MAX_SCOPES: usize = 64;

thread_local! {
    static SCOPES: RefCell<Vec<Arc<Scope>>> = const { RefCell::new(Vec::new()) };
}

/// A scope with its handles for all three signals.
pub(super) struct Scope {
    scope: ApiScope,
    tracer: Slot<TracerHandle>,
    meter: Slot<MeterHandle>,
    logger: Slot<LoggerHandle>,
    threshold: Threshold,
    pub(super) instruments: Mutex<Vec<Arc<Instrument>>>,
}

impl Scope {
    /// Returns the scope that is equal to this one.
    pub(super) fn of(scope: ApiScope) -> Arc<Self> {
        SCOPES.with_borrow_mut(|scopes| {
            match scopes.iter().find(|other| is_same(&other.scope, &scope)) {
                Some(found) => Arc::clone(found),
                None => Self::add(scopes, scope),
            }
        })
    }

    fn add(scopes: &mut Vec<Arc<Self>>, scope: ApiScope) -> Arc<Self> {
        let made = Arc::new(Self {
            scope,
            tracer: Slot::new(),
            meter: Slot::new(),
            logger: Slot::new(),
            threshold: Threshold::new(),
            instruments: Mutex::new(Vec::new()),
        });
        if scopes.len() < MAX_SCOPES {
            scopes.push(Arc::clone(&made));
        }
        made
    }

    pub(super) fn name(&self) -> &str {
        self.scope.name()
    }

    pub(super) fn tracer(&self) -> TracerHandle {
        self.tracer.get_or(|| self.ask(backend::tracer::get))
    }

    pub(super) fn meter(&self) -> MeterHandle {
        self.meter.get_or(|| self.ask(backend::meter::get))
    }

    pub(super) fn logger(&self) -> LoggerHandle {
        self.logger.get_or(|| self.ask(backend::logger::get))
    }

    /// Returns true if the host accepts logs of a severity.
    pub(super) fn accepts(&self, severity: Option<Severity>) -> bool {
        self.threshold.accepts(severity, || self.logger())
    }

    fn ask<T>(&self, get: fn(InstrumentationScope<'_>) -> T) -> T {
        let attributes: Vec<_> = self.scope.attributes().cloned().collect();
        let arrays = values::TextArrays::of(&attributes);
        get(InstrumentationScope {
            name: self.scope.name(),
            version: self.scope.version(),
            schema_url: self.scope.schema_url(),
            attributes: &values::attributes(&attributes, &arrays),
        })
    }
}

/// Compares scopes. Unlike in the API's own equality, the order of attributes matters. This saves
/// the code that sorts them. The host recognises equal scopes in any order.
fn is_same(one: &ApiScope, other: &ApiScope) -> bool {
    one.name() == other.name()
        && one.version() == other.version()
        && one.schema_url() == other.schema_url()
        && one.attributes().eq(other.attributes())
}

/// Resets the state for another backend.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn reset() {
    SCOPES.with_borrow_mut(Vec::clear);
}

/// Returns the number of kept scopes.
#[cfg(test)]
pub(super) fn kept() -> usize {
    SCOPES.with_borrow(Vec::len)
}
