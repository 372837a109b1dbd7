//! The interfaces of `wit/`, function by function.

pub(crate) mod context;
pub(crate) mod logger;
pub(crate) mod meter;
pub(crate) mod tracer;

use opentelemetry::trace::SpanContext;

use crate::lift::shape;

/// `types.notice` that says nothing.
fn no_notice() -> u64 {
    0
}

/// A handle that no instance gives out, and that every function takes for a wrong one.
fn no_handle() -> u64 {
    0
}

fn lower_context(context: &SpanContext) -> shape::SpanContext {
    let trace_id = u128::from_be_bytes(context.trace_id().to_bytes());
    let bits = context.trace_flags().to_u8();
    let mut trace_flags = shape::TraceFlags::default();
    if bits & 0b01 != 0 {
        trace_flags |= shape::TraceFlags::SAMPLED;
    }
    if bits & 0b10 != 0 {
        trace_flags |= shape::TraceFlags::RANDOM;
    }
    shape::SpanContext {
        trace_id: shape::TraceId {
            high: (trace_id >> 64) as u64,
            low: trace_id as u64,
        },
        span_id: u64::from_be_bytes(context.span_id().to_bytes()),
        trace_flags,
        trace_state: context.trace_state().header(),
    }
}
