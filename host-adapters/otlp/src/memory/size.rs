//! Estimates the memory of a record.

use std::mem::size_of;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};

pub(super) fn of_span(span: &Span) -> usize {
    let events: usize = span
        .events
        .iter()
        .map(|event| size_of::<Event>() + event.name.len() + of_attributes(&event.attributes))
        .sum();
    let links: usize = span
        .links
        .iter()
        .map(|link| {
            size_of::<Link>() + 24 + link.trace_state.len() + of_attributes(&link.attributes)
        })
        .sum();
    let status = span
        .status
        .as_ref()
        .map_or(0, |status| status.message.len());
    size_of::<Span>()
        + 32
        + span.name.len()
        + span.trace_state.len()
        + status
        + of_attributes(&span.attributes)
        + events
        + links
}

pub(super) fn of_log(log: &LogRecord) -> usize {
    size_of::<LogRecord>()
        + 24
        + log.event_name.len()
        + log.severity_text.len()
        + log.body.as_ref().map_or(0, of_value)
        + of_attributes(&log.attributes)
}

pub(super) fn of_attributes(attributes: &[KeyValue]) -> usize {
    attributes
        .iter()
        .map(|attribute| {
            size_of::<KeyValue>()
                + attribute.key.len()
                + attribute.value.as_ref().map_or(0, of_value)
        })
        .sum()
}

/// Returns the size of a value's heap data. Uses an explicit stack, because values may be deeply
/// nested.
fn of_value(value: &AnyValue) -> usize {
    let mut total = 0;
    let mut stack = vec![value];
    while let Some(value) = stack.pop() {
        match &value.value {
            Some(Value::StringValue(text)) => total += text.len(),
            Some(Value::BytesValue(bytes)) => total += bytes.len(),
            Some(Value::ArrayValue(array)) => {
                total += array.values.len() * size_of::<AnyValue>();
                stack.extend(&array.values);
            }
            Some(Value::KvlistValue(map)) => {
                for entry in &map.values {
                    total += size_of::<KeyValue>() + entry.key.len();
                    stack.extend(&entry.value);
                }
            }
            Some(
                Value::BoolValue(_)
                | Value::IntValue(_)
                | Value::DoubleValue(_)
                | Value::StringValueStrindex(_),
            )
            | None => {}
        }
    }
    total
}
