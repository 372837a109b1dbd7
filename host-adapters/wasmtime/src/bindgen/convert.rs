//! Conversions between the generated types and those of the telemetry core.

use opentelemetry::logs::Severity;
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{Array, Key, KeyValue, StringValue, Value};
use wasmscope_telemetry::model::{
    self, BaggageEntry, InstrumentDescriptor, InstrumentHandle, InstrumentKind, LinkTarget,
    LogRecord, LogValue, Number, Observation, RemoteContext, Scope, SpanChanges, SpanHandle,
    SpanLink, SpanReference,
};

use super::bindings::wasmscope::otel::{context, logger, meter, tracer, types};

/// Converts each element of a list.
pub(super) fn all<A: Into<B>, B>(list: Vec<A>) -> Vec<B> {
    list.into_iter().map(Into::into).collect()
}

/// Implements a conversion between two enums with the same names of cases.
macro_rules! cases {
    ($from:path => $to:path { $($case:ident)* }) => {
        impl From<$from> for $to {
            fn from(case: $from) -> Self {
                match case {
                    $(<$from>::$case => Self::$case,)*
                }
            }
        }
    };
}

cases!(tracer::SpanKind => SpanKind { Internal Server Client Producer Consumer });

cases!(meter::InstrumentKind => InstrumentKind {
    CounterU64 CounterF64 UpDownCounterS64 UpDownCounterF64
    HistogramU64 HistogramF64 GaugeU64 GaugeS64 GaugeF64
    ObservableCounterU64 ObservableCounterF64
    ObservableUpDownCounterS64 ObservableUpDownCounterF64
    ObservableGaugeU64 ObservableGaugeS64 ObservableGaugeF64
});

macro_rules! severities {
    ($($case:ident)*) => {
        cases!(logger::Severity => Severity { $($case)* });
        cases!(Severity => logger::Severity { $($case)* });
    };
}
severities! {
    Trace Trace2 Trace3 Trace4 Debug Debug2 Debug3 Debug4 Info Info2 Info3 Info4
    Warn Warn2 Warn3 Warn4 Error Error2 Error3 Error4 Fatal Fatal2 Fatal3 Fatal4
}

impl From<types::Value> for Value {
    fn from(value: types::Value) -> Self {
        match value {
            types::Value::StringValue(text) => Self::String(text.into()),
            types::Value::BoolValue(value) => Self::Bool(value),
            types::Value::IntValue(value) => Self::I64(value),
            types::Value::DoubleValue(value) => Self::F64(value),
            types::Value::StringArray(texts) => {
                Self::Array(Array::String(all::<_, StringValue>(texts)))
            }
            types::Value::BoolArray(values) => Self::Array(Array::Bool(values)),
            types::Value::IntArray(values) => Self::Array(Array::I64(values)),
            types::Value::DoubleArray(values) => Self::Array(Array::F64(values)),
        }
    }
}

impl From<types::KeyValue> for KeyValue {
    fn from(attribute: types::KeyValue) -> Self {
        Self::new(attribute.key, Value::from(attribute.value))
    }
}

impl From<types::InstrumentationScope> for Scope {
    fn from(scope: types::InstrumentationScope) -> Self {
        let mut builder = Self::builder(scope.name);
        if let Some(version) = scope.version {
            builder = builder.with_version(version);
        }
        if let Some(schema_url) = scope.schema_url {
            builder = builder.with_schema_url(schema_url);
        }
        builder
            .with_attributes(all::<_, KeyValue>(scope.attributes))
            .build()
    }
}

impl From<types::SpanContext> for RemoteContext {
    fn from(context: types::SpanContext) -> Self {
        let flag = |flag, bit| {
            if context.trace_flags.contains(flag) {
                bit
            } else {
                0
            }
        };
        Self {
            trace_id: (context.trace_id.high, context.trace_id.low),
            span_id: context.span_id,
            trace_flags: flag(types::TraceFlags::SAMPLED, 0b01)
                | flag(types::TraceFlags::RANDOM, 0b10),
            trace_state: context.trace_state,
        }
    }
}

impl From<&model::LocalContext> for types::SpanContext {
    fn from(context: &model::LocalContext) -> Self {
        let trace_id = u128::from_be_bytes(context.trace_id().to_bytes());
        let flags = context.trace_flags().to_u8();
        let mut trace_flags = types::TraceFlags::empty();
        if flags & 0b01 != 0 {
            trace_flags |= types::TraceFlags::SAMPLED;
        }
        if flags & 0b10 != 0 {
            trace_flags |= types::TraceFlags::RANDOM;
        }
        Self {
            trace_id: types::TraceId {
                high: (trace_id >> 64) as u64,
                low: trace_id as u64,
            },
            span_id: u64::from_be_bytes(context.span_id().to_bytes()),
            trace_flags,
            trace_state: context.trace_state().header(),
        }
    }
}

impl From<types::SpanReference> for SpanReference {
    fn from(reference: types::SpanReference) -> Self {
        match reference {
            types::SpanReference::Ambient => Self::Ambient,
            types::SpanReference::None => Self::None,
            types::SpanReference::Span(span) => Self::Span(SpanHandle::from_bits(span)),
            types::SpanReference::Remote(context) => Self::Remote(context.into()),
        }
    }
}

impl From<tracer::Status> for Status {
    fn from(status: tracer::Status) -> Self {
        match status {
            tracer::Status::Unset => Self::Unset,
            tracer::Status::Ok => Self::Ok,
            tracer::Status::Error(description) => Self::error(description),
        }
    }
}

impl From<tracer::Link> for SpanLink {
    fn from(link: tracer::Link) -> Self {
        Self {
            target: match link.target {
                tracer::LinkTarget::Span(span) => LinkTarget::Span(SpanHandle::from_bits(span)),
                tracer::LinkTarget::Remote(context) => LinkTarget::Remote(context.into()),
            },
            attributes: all(link.attributes),
        }
    }
}

impl From<tracer::SpanChanges> for SpanChanges {
    fn from(changes: tracer::SpanChanges) -> Self {
        Self {
            name: changes.name,
            status: changes.status.into(),
            attributes: all(changes.attributes),
            links: all(changes.links),
        }
    }
}

impl From<context::BaggageEntry> for BaggageEntry {
    fn from(entry: context::BaggageEntry) -> Self {
        Self {
            key: entry.key,
            value: entry.value,
            metadata: entry.metadata,
        }
    }
}

impl From<BaggageEntry> for context::BaggageEntry {
    fn from(entry: BaggageEntry) -> Self {
        Self {
            key: entry.key,
            value: entry.value,
            metadata: entry.metadata,
        }
    }
}

impl From<meter::InstrumentDescriptor> for InstrumentDescriptor {
    fn from(descriptor: meter::InstrumentDescriptor) -> Self {
        Self {
            name: descriptor.name,
            kind: descriptor.kind.into(),
            unit: descriptor.unit,
            description: descriptor.description,
            boundaries: descriptor.boundaries,
        }
    }
}

impl From<meter::Number> for Number {
    fn from(number: meter::Number) -> Self {
        match number {
            meter::Number::Unsigned(value) => Self::Unsigned(value),
            meter::Number::Signed(value) => Self::Signed(value),
            meter::Number::Float(value) => Self::Float(value),
        }
    }
}

impl From<meter::Observation> for Observation {
    fn from(observation: meter::Observation) -> Self {
        Self {
            instrument: InstrumentHandle::from_bits(observation.instrument),
            value: observation.value.into(),
            attributes: all(observation.attributes),
        }
    }
}

impl From<logger::LogValue> for LogValue {
    fn from(value: logger::LogValue) -> Self {
        match value {
            logger::LogValue::StringValue(text) => Self::String(text),
            logger::LogValue::BoolValue(value) => Self::Bool(value),
            logger::LogValue::IntValue(value) => Self::Int(value),
            logger::LogValue::DoubleValue(value) => Self::Double(value),
            logger::LogValue::BytesValue(bytes) => Self::Bytes(bytes),
            logger::LogValue::ArrayValue(nodes) => Self::Array(nodes),
            logger::LogValue::MapValue(entries) => {
                let entry = |entry: logger::MapEntry| (entry.key, entry.node);
                Self::Map(entries.into_iter().map(entry).collect())
            }
        }
    }
}

impl From<logger::LogRecord> for LogRecord {
    fn from(record: logger::LogRecord) -> Self {
        let attribute =
            |attribute: logger::LogAttribute| (Key::from(attribute.key), attribute.value.into());
        Self {
            body: record.body.map(Into::into),
            severity: record.severity.map(Into::into),
            severity_text: record.severity_text.map(Into::into),
            event_name: record.event_name.map(Into::into),
            attributes: record.attributes.into_iter().map(attribute).collect(),
            nodes: all(record.nodes),
            time: record.time,
            context: record.context.into(),
        }
    }
}

impl From<model::LogThreshold> for logger::LogThreshold {
    fn from(threshold: model::LogThreshold) -> Self {
        Self {
            severity: threshold.severity.map(Into::into),
            generation: threshold.generation,
        }
    }
}
