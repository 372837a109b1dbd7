//! Enters the span and the baggage of an attached `Context`, for other components of a composition,
//! and for code that uses `tracing` or this crate's own API.

use std::cell::RefCell;
use std::sync::Arc;

use ::opentelemetry::Context;
use ::opentelemetry::baggage::{Baggage, BaggageExt};
use ::opentelemetry::context::{ContextObserver, GlobalContextObserver};
use ::opentelemetry::trace::{SpanContext, TraceContextExt};

use super::known;
use crate::types::{BaggageEntry, BaggageHandle};
use crate::{backend, notice};

struct Observer;

pub(super) fn install() {
    GlobalContextObserver::set(Arc::new(Observer));
}

/// The API calls it while the thread's current `Context` is borrowed, so these methods must not
/// access it.
impl ContextObserver for Observer {
    fn on_context_enter(&self, from: &Context, to: &Context) {
        if spans_differ(from, to) {
            with_span(to, known::enter);
        }
        if !core::ptr::eq(from.baggage(), to.baggage()) && has_baggage(to) {
            enter_baggage(to.baggage());
        }
    }

    fn on_context_exit(&self, from: &Context, to: &Context) {
        if spans_differ(from, to) {
            with_span(from, known::exit);
        }
        if !core::ptr::eq(from.baggage(), to.baggage()) && has_baggage(from) {
            exit_baggage(from.baggage());
        }
    }
}

/// Returns true if the spans differ. A `Context` that only adds a value to the current one enters
/// no span.
fn spans_differ(one: &Context, other: &Context) -> bool {
    let (one, other) = (one.span(), other.span());
    let (one, other) = (one.span_context(), other.span_context());
    one.span_id() != other.span_id() || one.trace_id() != other.trace_id()
}

fn with_span(context: &Context, act: fn(&SpanContext)) {
    if context.has_active_span() {
        act(context.span().span_context());
    }
}

/// Baggage that has been entered: its address, and the host's handle.
type EnteredBaggage = Vec<(usize, BaggageHandle)>;

/// The maximum number of entries. Guards that are dropped out of order leave entries behind, until
/// the outer ones are dropped.
const MAX_BAGGAGE: usize = 64;

thread_local! {
    static ENTERED_BAGGAGE: RefCell<EnteredBaggage> = const { RefCell::new(Vec::new()) };
}

/// Returns true if baggage has been set, even if it is empty. Otherwise the API returns a shared
/// one.
fn has_baggage(context: &Context) -> bool {
    !core::ptr::eq(context.baggage(), Context::new().baggage())
}

fn address(baggage: &Baggage) -> usize {
    core::ptr::from_ref(baggage).addr()
}

fn entries(baggage: &Baggage) -> Vec<BaggageEntry> {
    baggage
        .iter()
        .map(|(key, (value, metadata))| BaggageEntry {
            key: key.as_str().to_owned(),
            value: value.as_str().to_owned(),
            metadata: metadata.as_str().to_owned(),
        })
        .collect()
}

fn enter_baggage(baggage: &Baggage) {
    let entries = entries(baggage);
    let scope = backend::context::enter_baggage(&entries.iter().collect::<Vec<_>>());
    ENTERED_BAGGAGE.with_borrow_mut(|entered| {
        if entered.len() == MAX_BAGGAGE {
            let (_, oldest) = entered.remove(0);
            notice::take(backend::context::exit_baggage(oldest));
        }
        entered.push((address(baggage), scope));
    });
}

/// Exits baggage that [`enter_baggage`] entered, and all baggage that was entered within it.
fn exit_baggage(baggage: &Baggage) {
    ENTERED_BAGGAGE.with_borrow_mut(|entered| {
        let address = address(baggage);
        if let Some(at) = entered.iter().rposition(|(other, _)| *other == address) {
            for (_, scope) in entered.drain(at..) {
                notice::take(backend::context::exit_baggage(scope));
            }
        }
    });
}

/// Returns the baggage of a `Context`, or that of the call if none has been set.
pub(super) fn baggage_of(context: &Context) -> Vec<BaggageEntry> {
    if has_baggage(context) {
        entries(context.baggage())
    } else if ENTERED_BAGGAGE.with_borrow(Vec::is_empty) {
        backend::context::baggage()
    } else {
        Vec::new()
    }
}

/// Resets the state for another backend.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn reset() {
    ENTERED_BAGGAGE.with_borrow_mut(Vec::clear);
}
