//! Scopes that have been asked for: the same one each time, so that asking again and again grows nothing.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};

use ::opentelemetry::InstrumentationScope as ApiScope;

use super::metrics::Instrument;
use super::values;
use crate::InstrumentationScope;
use crate::backend::{self, Slot};
use crate::logs::Threshold;

/// How many are kept. The host admits 64 by default; one beyond is made anew each time, and freed.
const MAX_SCOPES: usize = 64;
/// How many there may be before the targets of logs get none of their own any more.
const MAX_WITH_TARGETS: usize = 40;

thread_local! {
    static SCOPES: RefCell<Vec<Arc<Scope>>> = const { RefCell::new(Vec::new()) };
}

/// Is a scope with what the host said of it, for all three signals.
pub(super) struct Scope {
    scope: ApiScope,
    tracer: Slot,
    meter: Slot,
    logger: Slot,
    pub(super) threshold: Threshold,
    /// Whether this one is kept.
    pub(super) kept: bool,
    pub(super) instruments: Mutex<Vec<Arc<Instrument>>>,
}

impl Scope {
    /// Gives the scope that is kept for an equal one.
    pub(super) fn of(scope: ApiScope) -> Arc<Self> {
        SCOPES.with_borrow_mut(|scopes| {
            match scopes.iter().find(|other| is_same(&other.scope, &scope)) {
                Some(found) => Arc::clone(found),
                None => Self::add(scopes, scope),
            }
        })
    }

    /// Gives the scope that has that name and nothing else, unless there are too many.
    pub(super) fn named(name: &str) -> Option<Arc<Self>> {
        let is_it = |scope: &ApiScope| {
            scope.name() == name
                && scope.version().is_none()
                && scope.schema_url().is_none()
                && scope.attributes().next().is_none()
        };
        SCOPES.with_borrow_mut(
            |scopes| match scopes.iter().find(|other| is_it(&other.scope)) {
                Some(found) => Some(Arc::clone(found)),
                None if scopes.len() >= MAX_WITH_TARGETS => None,
                None => Some(Self::add(
                    scopes,
                    ApiScope::builder(name.to_owned()).build(),
                )),
            },
        )
    }

    fn add(scopes: &mut Vec<Arc<Self>>, scope: ApiScope) -> Arc<Self> {
        let kept = scopes.len() < MAX_SCOPES;
        let made = Arc::new(Self {
            scope,
            tracer: Slot::new(),
            meter: Slot::new(),
            logger: Slot::new(),
            threshold: Threshold::new(),
            kept,
            instruments: Mutex::new(Vec::new()),
        });
        if kept {
            scopes.push(Arc::clone(&made));
        }
        made
    }

    pub(super) fn name(&self) -> &str {
        self.scope.name()
    }

    pub(super) fn tracer(&self) -> u64 {
        self.tracer.get_or(|| self.ask(backend::tracer::get))
    }

    pub(super) fn meter(&self) -> u64 {
        self.meter.get_or(|| self.ask(backend::meter::get))
    }

    pub(super) fn logger(&self) -> u64 {
        self.logger.get_or(|| self.ask(backend::logger::get))
    }

    fn ask(&self, get: fn(InstrumentationScope<'_>) -> u64) -> u64 {
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

/// Unlike the API's own equality it minds the order of the attributes, which spares sorting them (and the code for it). The
/// host finds equal what is.
fn is_same(one: &ApiScope, other: &ApiScope) -> bool {
    one.name() == other.name()
        && one.version() == other.version()
        && one.schema_url() == other.schema_url()
        && one.attributes().eq(other.attributes())
}

/// Forgets what an earlier backend was asked for.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn reset() {
    SCOPES.with_borrow_mut(Vec::clear);
}

/// Gives how many scopes are kept.
#[cfg(test)]
pub(super) fn kept() -> usize {
    SCOPES.with_borrow(Vec::len)
}
