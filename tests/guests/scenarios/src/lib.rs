//! Helpers for the guests of the scenario suite: the contract's functions as `wit-bindgen`
//! generates them, without the SDK, and short functions that build their arguments.

mod bindings;

pub use bindings::wasmscope::otel::{context, logger, meter, tracer, types};

use tracer::{LinkTarget, SpanChanges, SpanKind, Status};
use types::{
    InstrumentationScope, KeyValue, SpanContext, SpanReference, TraceFlags, TraceId, Value,
};

/// The bit of a span's handle that says "not recorded".
pub const NOT_RECORDED: u64 = 1 << 63;
/// The bit of a span's handle that says that sampling does not depend on attributes.
pub const ATTRIBUTES_LATER: u64 = 1 << 62;

/// Makes a scope that has only a name.
#[must_use]
pub fn scope(name: &str) -> InstrumentationScope {
    InstrumentationScope {
        name: name.to_owned(),
        version: None,
        schema_url: None,
        attributes: Vec::new(),
    }
}

/// Makes an attribute.
#[must_use]
pub fn kv(key: &str, value: impl IntoValue) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: value.into_value(),
    }
}

/// The Rust types of attribute values.
pub trait IntoValue {
    /// Converts it to a value.
    fn into_value(self) -> Value;
}

macro_rules! into_value {
    ($($from:ty => |$value:ident| $to:expr;)*) => {$(
        impl IntoValue for $from {
            fn into_value(self) -> Value {
                let $value = self;
                $to
            }
        }
    )*};
}

into_value! {
    Value => |value| value;
    &str => |value| Value::StringValue(value.to_owned());
    String => |value| Value::StringValue(value);
    bool => |value| Value::BoolValue(value);
    i64 => |value| Value::IntValue(value);
    f64 => |value| Value::DoubleValue(value);
    &[&str] => |value| Value::StringArray(value.iter().map(|&text| text.to_owned()).collect());
    &[bool] => |value| Value::BoolArray(value.to_vec());
    &[i64] => |value| Value::IntArray(value.to_vec());
    &[f64] => |value| Value::DoubleArray(value.to_vec());
}

/// Returns one attribute of each type of value, with the extreme values of each type.
#[must_use]
pub fn every_value() -> Vec<KeyValue> {
    vec![
        kv("v.string", "text, \"quoted\" → ünïcödé 🦀\n\0"),
        kv("v.string.empty", ""),
        kv("v.bool.true", true),
        kv("v.bool.false", false),
        kv("v.int.max", i64::MAX),
        kv("v.int.min", i64::MIN),
        kv("v.double", 0.1),
        kv("v.double.negative-zero", -0.0),
        kv("v.double.nan", f64::NAN),
        kv("v.double.infinite", f64::NEG_INFINITY),
        kv("v.strings", &["a", "", "ß"][..]),
        kv("v.bools", &[true, false][..]),
        kv("v.ints", &[-1, 0, i64::MAX][..]),
        kv("v.doubles", &[1.5, f64::INFINITY][..]),
        kv("v.strings.empty", &[][..] as &[&str]),
        kv("v.ints.empty", &[][..] as &[i64]),
    ]
}

/// Makes an empty change.
#[must_use]
pub fn no_changes() -> SpanChanges {
    SpanChanges {
        name: None,
        status: Status::Unset,
        attributes: Vec::new(),
        links: Vec::new(),
    }
}

/// Makes a change that sets attributes.
#[must_use]
pub fn set(attributes: Vec<KeyValue>) -> SpanChanges {
    SpanChanges {
        attributes,
        ..no_changes()
    }
}

/// Makes a change that adds one link.
#[must_use]
pub fn link(target: LinkTarget, attributes: Vec<KeyValue>) -> SpanChanges {
    SpanChanges {
        links: vec![tracer::Link { target, attributes }],
        ..no_changes()
    }
}

/// Starts a span of the kind `internal` now, without attributes and without activating it.
#[must_use]
pub fn start(tracer: u64, name: &str, parent: &SpanReference) -> u64 {
    tracer::start(tracer, name, SpanKind::Internal, parent, &[], None, false)
}

/// Ends a span now.
pub fn end(span: u64) {
    let _ = tracer::end(span, &no_changes(), None);
}

/// Makes a remote context.
#[must_use]
pub fn remote(trace: u64, span: u64, sampled: bool, state: &str) -> SpanContext {
    SpanContext {
        trace_id: TraceId {
            high: 0x1111_2222_3333_4444,
            low: trace,
        },
        span_id: span,
        trace_flags: if sampled {
            TraceFlags::SAMPLED
        } else {
            TraceFlags::empty()
        },
        trace_state: state.to_owned(),
    }
}

/// Describes a context without its ids, which differ between runs.
#[must_use]
pub fn describe(context: Option<&SpanContext>) -> String {
    let Some(context) = context else {
        return "none".to_owned();
    };
    let valid = (context.trace_id.high, context.trace_id.low) != (0, 0) && context.span_id != 0;
    format!(
        "{} sampled={} random={} state={:?}",
        if valid { "valid" } else { "INVALID" },
        context.trace_flags.contains(TraceFlags::SAMPLED),
        context.trace_flags.contains(TraceFlags::RANDOM),
        context.trace_state,
    )
}

/// Returns true if both contexts have the same trace id.
#[must_use]
pub fn same_trace(a: &SpanContext, b: &SpanContext) -> bool {
    (a.trace_id.high, a.trace_id.low) == (b.trace_id.high, b.trace_id.low)
}
