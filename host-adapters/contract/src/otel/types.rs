//! The types of `wasmscope:otel`, by interface. A test compares them with `wit/`.

use opentelemetry::logs::Severity;
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{Key, KeyValue, StringValue, Value};
use wasmscope_telemetry::model::{
    BaggageEntry, InstrumentDescriptor, InstrumentKind, LinkTarget, LogRecord, LogValue, Number,
    Observation, RemoteContext, Scope, SpanChanges, SpanLink, SpanReference,
};
use wasmscope_telemetry::severity::SEVERITY_NAMES;

use super::results::{LogThreshold, SpanContext};
use crate::abi::{Type, WitType, enumeration, primitives, record, variant};

primitives! {
    StringValue: String,
}

// types

/// `trace-id`. The core has two numbers for it.
pub(crate) enum TraceId {}

record!(TraceId {
    "high": u64,
    "low": u64,
});

/// `trace-flags`. The core has one byte for it.
enum TraceFlags {}

impl WitType for TraceFlags {
    const TYPE: &'static Type = &Type::Flags(&["sampled", "random"]);
}

record!(RemoteContext {
    "trace-id": TraceId,
    "span-id": u64,
    "trace-flags": TraceFlags,
    "trace-state": String,
});

impl WitType for SpanContext {
    const TYPE: &'static Type = RemoteContext::TYPE;
}

variant!(SpanReference {
    "ambient",
    "none",
    "span"(u64),
    "remote"(RemoteContext),
});

variant!(Value {
    "string-value"(String),
    "bool-value"(bool),
    "int-value"(i64),
    "double-value"(f64),
    "string-array"(Vec<String>),
    "bool-array"(Vec<bool>),
    "int-array"(Vec<i64>),
    "double-array"(Vec<f64>),
});

record!(KeyValue {
    "key": String,
    "value": Value,
});

record!(Scope {
    "name": String,
    "version": Option<String>,
    "schema-url": Option<String>,
    "attributes": Vec<KeyValue>,
});

// tracer

enumeration!(SpanKind {
    "internal",
    "server",
    "client",
    "producer",
    "consumer",
});

variant!(Status {
    "unset",
    "ok",
    "error"(String),
});

variant!(LinkTarget {
    "span"(u64),
    "remote"(RemoteContext),
});

record!(SpanLink {
    "target": LinkTarget,
    "attributes": Vec<KeyValue>,
});

record!(SpanChanges {
    "name": Option<String>,
    "status": Status,
    "attributes": Vec<KeyValue>,
    "links": Vec<SpanLink>,
});

// meter

impl WitType for InstrumentKind {
    const TYPE: &'static Type = &Type::Enum(&Self::NAMES);
}

record!(InstrumentDescriptor {
    "name": String,
    "kind": InstrumentKind,
    "unit": Option<String>,
    "description": Option<String>,
    "boundaries": Option<Vec<f64>>,
});

variant!(Number {
    "unsigned"(u64),
    "signed"(i64),
    "float"(f64),
});

record!(Observation {
    "instrument": u64,
    "value": Number,
    "attributes": Vec<KeyValue>,
});

// logger

impl WitType for Severity {
    const TYPE: &'static Type = &Type::Enum(&SEVERITY_NAMES);
}

variant!(LogValue {
    "string-value"(String),
    "bool-value"(bool),
    "int-value"(i64),
    "double-value"(f64),
    "bytes-value"(Vec<u8>),
    "array-value"(Vec<u32>),
    "map-value"(Vec<(String, u32)>),
});

// `map-entry`.
record!((String, u32) {
    "key": String,
    "node": u32,
});

// `log-attribute`.
record!((Key, LogValue) {
    "key": String,
    "value": LogValue,
});

record!(LogRecord {
    "body": Option<LogValue>,
    "severity": Option<Severity>,
    "severity-text": Option<String>,
    "event-name": Option<String>,
    "attributes": Vec<(Key, LogValue)>,
    "nodes": Vec<LogValue>,
    "time": Option<u64>,
    "context": SpanReference,
});

record!(LogThreshold {
    "severity": Option<Severity>,
    "generation": u32,
});

// context

record!(BaggageEntry {
    "key": String,
    "value": String,
    "metadata": String,
});
