//! Converts the API's values into the contract's. Texts are borrowed; only the list of attributes
//! is allocated.

use std::time::{SystemTime, UNIX_EPOCH};

use ::opentelemetry::trace::{SpanContext as ApiSpanContext, TraceState};
use ::opentelemetry::{
    Array, KeyValue as ApiKeyValue, SpanId as ApiSpanId, TraceFlags as ApiTraceFlags,
    TraceId as ApiTraceId, Value as ApiValue,
};

use crate::types::{KeyValue, SpanContext, TraceFlags, TraceId, Value};

/// The texts of attributes that are arrays of texts, in order, as slices to borrow from.
pub(super) struct TextArrays<'a>(Vec<Vec<&'a str>>);

impl<'a> TextArrays<'a> {
    pub(super) fn of(attributes: &'a [ApiKeyValue]) -> Self {
        Self(
            attributes
                .iter()
                .filter_map(|attribute| {
                    let ApiValue::Array(Array::String(texts)) = &attribute.value else {
                        return None;
                    };
                    Some(texts.iter().map(|text| text.as_str()).collect())
                })
                .collect(),
        )
    }
}

/// Converts attributes. `arrays` must come from the same attributes.
pub(super) fn attributes<'a>(
    attributes: &'a [ApiKeyValue],
    arrays: &'a TextArrays<'a>,
) -> Vec<KeyValue<'a>> {
    let mut arrays = arrays.0.iter();
    attributes
        .iter()
        .filter_map(|attribute| {
            Some(KeyValue {
                key: attribute.key.as_str(),
                value: value(&attribute.value, &mut arrays)?,
            })
        })
        .collect()
}

/// Converts a value. Returns `None` for a kind that a future version of the API may add.
fn value<'a>(
    value: &'a ApiValue,
    arrays: &mut impl Iterator<Item = &'a Vec<&'a str>>,
) -> Option<Value<'a>> {
    Some(match value {
        ApiValue::Bool(value) => Value::Bool(*value),
        ApiValue::I64(value) => Value::Int(*value),
        ApiValue::F64(value) => Value::Double(*value),
        ApiValue::String(value) => Value::String(value.as_str()),
        ApiValue::Array(array) => match array {
            Array::Bool(values) => Value::BoolArray(values),
            Array::I64(values) => Value::IntArray(values),
            Array::F64(values) => Value::DoubleArray(values),
            Array::String(_) => Value::StringArray(arrays.next()?),
            _ => return None,
        },
        _ => return None,
    })
}

/// Returns nanoseconds since the Unix epoch. Times before the epoch become the epoch, and times
/// after the year 2554 become the largest number.
pub(super) fn nanos(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}

pub(super) fn trace_id(id: ApiTraceId) -> TraceId {
    let id = u128::from_be_bytes(id.to_bytes());
    TraceId {
        high: (id >> 64) as u64,
        low: id as u64,
    }
}

pub(super) fn span_id(id: ApiSpanId) -> u64 {
    u64::from_be_bytes(id.to_bytes())
}

pub(super) fn from_api(context: &ApiSpanContext) -> SpanContext {
    SpanContext {
        trace_id: trace_id(context.trace_id()),
        span_id: span_id(context.span_id()),
        trace_flags: TraceFlags::from_bits_retain(context.trace_flags().to_u8()),
        trace_state: context.trace_state().header(),
    }
}

/// Converts a span context. An invalid trace state is left out (W3C Trace Context 3.3.1).
pub(super) fn to_api(context: &SpanContext, is_remote: bool) -> ApiSpanContext {
    let id = u128::from(context.trace_id.high) << 64 | u128::from(context.trace_id.low);
    ApiSpanContext::new(
        ApiTraceId::from(id),
        ApiSpanId::from(context.span_id),
        ApiTraceFlags::new(context.trace_flags.bits()),
        is_remote,
        context.trace_state.parse().unwrap_or(TraceState::NONE),
    )
}
