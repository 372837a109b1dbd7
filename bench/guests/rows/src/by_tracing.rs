//! The rows by the crate `tracing`. It has spans and events, and an event within a span is a log
//! record.

use tracing::{debug, info, info_span};
use wasmscope::subscriber::SpanExt as _;

use crate::api::{owned, repeat};

/// The suffix of rows whose spans begin with their first use.
pub(super) const DEFERRED: &str = ", deferred";

/// Lets spans begin with their first use, for the rest of the instance's life.
pub(super) fn defer() {
    wasmscope::subscriber().with_deferred_start(true).init();
}

pub(super) fn span(times: u32) {
    repeat(times, |number| drop(started(number)));
}

pub(super) fn nested(times: u32) {
    repeat(times, |number| {
        let _request = started(number).entered();
        let _order = started(number).entered();
        let _item = started(number).entered();
    });
}

fn started(number: u32) -> tracing::Span {
    let user = owned(number);
    let span = info_span!(
        "handle request",
        otel.kind = "server",
        http.route = "/orders/{id}",
        user.name = &*user,
        http.request.body.size = i64::from(number),
        cached = false,
    );
    span.add_event("priced", &[], None);
    span
}

pub(super) fn log(times: u32) {
    repeat(times, |number| {
        info!(
            order.id = i64::from(number),
            order.currency = "EUR",
            order.new = true,
            "order priced"
        );
    });
}

pub(super) fn log_below(times: u32) {
    repeat(times, |number| {
        debug!(
            order.id = i64::from(number),
            order.currency = "EUR",
            order.new = true,
            "order priced"
        );
    });
}
