//! Propagators of span contexts and baggage.

use std::sync::LazyLock;

use ::opentelemetry::Context;
use ::opentelemetry::baggage::{Baggage, BaggageExt};
use ::opentelemetry::propagation::text_map_propagator::FieldIter;
use ::opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use ::opentelemetry::trace::TraceContextExt;
use percent_encoding::percent_decode_str;

use super::known::Reference;
use super::{observer, values};
use crate::context::{current, write_member};
use crate::types::SpanContext;

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";
const BAGGAGE: &str = "baggage";

static FIELDS: LazyLock<[String; 3]> =
    LazyLock::new(|| [TRACEPARENT, TRACESTATE, BAGGAGE].map(str::to_owned));

/// Propagates a span's context as the headers `traceparent` and `tracestate` (W3C Trace Context,
/// level 2).
///
/// If the `Context` has no span, it injects the ambient one.
#[derive(Debug, Clone, Copy, Default)]
pub struct TraceContextPropagator(());

impl TraceContextPropagator {
    /// Creates a propagator.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

impl TextMapPropagator for TraceContextPropagator {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        let context = match Reference::of(cx) {
            Reference::Ambient => current(),
            Reference::None => None,
            Reference::Span(_) => Some(values::from_api(cx.span().span_context())),
            Reference::Remote(context) => Some(context),
        };
        if let Some(context) = context.filter(SpanContext::is_valid) {
            injector.set(TRACEPARENT, context.traceparent());
            if !context.trace_state.is_empty() {
                injector.set(TRACESTATE, context.trace_state);
            }
        }
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        // Several `tracestate` headers are one list (3.3.1); several `traceparent` headers are
        // invalid.
        let state = all(extractor, TRACESTATE).join(",");
        let context = match *all(extractor, TRACEPARENT) {
            [parent] => SpanContext::from_traceparent(parent, &state),
            _ => None,
        };
        match context {
            Some(context) => cx.with_remote_span_context(values::to_api(&context, true)),
            None => cx.clone(),
        }
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&FIELDS[..2])
    }
}

fn all<'a>(extractor: &'a dyn Extractor, key: &str) -> Vec<&'a str> {
    extractor.get_all(key).unwrap_or_default()
}

/// Propagates baggage as the header `baggage` (W3C Baggage).
///
/// If the `Context` has no baggage, it injects that of the call.
#[derive(Debug, Clone, Copy, Default)]
pub struct BaggagePropagator(());

impl BaggagePropagator {
    /// Creates a propagator.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

impl TextMapPropagator for BaggagePropagator {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        let mut header = String::new();
        for entry in observer::baggage_of(cx) {
            write_member(&mut header, &entry);
        }
        if !header.is_empty() {
            injector.set(BAGGAGE, header);
        }
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let headers = all(extractor, BAGGAGE);
        if headers.is_empty() {
            return cx.clone();
        }
        // The API checks the keys and the size.
        let mut baggage = Baggage::new();
        for header in headers {
            for member in header.split(',') {
                read_member(&mut baggage, member);
            }
        }
        cx.with_baggage(baggage)
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&FIELDS[2..])
    }
}

fn read_member(baggage: &mut Baggage, member: &str) {
    let (pair, metadata) = member.split_once(';').unwrap_or((member, ""));
    if let Some((key, value)) = pair.split_once('=') {
        let value = percent_decode_str(value.trim_ascii()).decode_utf8_lossy();
        baggage.insert_with_metadata(key.trim_ascii().to_owned(), value.into_owned(), metadata);
    }
}

/// Propagates both a span's context and baggage.
#[derive(Debug, Clone, Copy, Default)]
pub struct Propagator(());

impl Propagator {
    /// Creates a propagator.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

impl TextMapPropagator for Propagator {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        TraceContextPropagator::new().inject_context(cx, injector);
        BaggagePropagator::new().inject_context(cx, injector);
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let cx = TraceContextPropagator::new().extract_with_context(cx, extractor);
        BaggagePropagator::new().extract_with_context(&cx, extractor)
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&*FIELDS)
    }
}
