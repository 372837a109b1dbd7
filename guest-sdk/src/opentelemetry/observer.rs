//! Attaching a `Context` enters its span and its baggage, for what the `Context` itself does not reach: other
//! components of a composition, and code that uses `tracing` or this crate's own API.

use std::cell::RefCell;
use std::sync::Arc;

use ::opentelemetry::Context;
use ::opentelemetry::baggage::{Baggage, BaggageExt};
use ::opentelemetry::context::{ContextObserver, GlobalContextObserver};
use ::opentelemetry::trace::{SpanContext, TraceContextExt};

use super::known;
use crate::{BaggageEntry, backend, notice};

struct Observer;

pub(super) fn install() {
    GlobalContextObserver::set(Arc::new(Observer));
}

/// Called while the thread's current `Context` is borrowed: nothing in here may ask for it.
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

/// Whether the two hold different spans. A `Context` that merely adds a value to the current one enters nothing.
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

/// Baggage that has been entered, by its place in memory, and the host's handle for it.
type EnteredBaggage = Vec<(usize, u64)>;

/// Only guards that are dropped out of order leave entries behind, and only until those beneath are left.
const MAX_BAGGAGE: usize = 64;

thread_local! {
    static ENTERED_BAGGAGE: RefCell<EnteredBaggage> = const { RefCell::new(Vec::new()) };
}

/// Whether baggage has been set, be it none: where it has not, the API gives one that all share.
fn has_baggage(context: &Context) -> bool {
    !core::ptr::eq(context.baggage(), Context::new().baggage())
}

fn place(baggage: &Baggage) -> usize {
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
        entered.push((place(baggage), scope));
    });
}

/// Undoes [`enter_baggage`]; what was entered above has been left by then, in whatever order.
fn exit_baggage(baggage: &Baggage) {
    ENTERED_BAGGAGE.with_borrow_mut(|entered| {
        let place = place(baggage);
        if let Some(at) = entered.iter().rposition(|(other, _)| *other == place) {
            for (_, scope) in entered.drain(at..) {
                notice::take(backend::context::exit_baggage(scope));
            }
        }
    });
}

/// Gives the baggage of a `Context`, or where none has been set what came with the call.
pub(super) fn baggage_of(context: &Context) -> Vec<BaggageEntry> {
    if has_baggage(context) {
        entries(context.baggage())
    } else if ENTERED_BAGGAGE.with_borrow(Vec::is_empty) {
        backend::context::baggage()
    } else {
        Vec::new()
    }
}

/// Forgets what an earlier backend was told.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn reset() {
    ENTERED_BAGGAGE.with_borrow_mut(Vec::clear);
}
