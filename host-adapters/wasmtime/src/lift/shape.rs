//! The types of `wit/`, declared once more so that Wasmtime's derives give what must be exactly right: the type
//! check against a component's imports, and the layout in memory. Only results are ever built of them; parameters
//! are read into [`wasmscope_telemetry::model`] by the sibling modules.

use wasmtime::component::{ComponentType, Lower};

macro_rules! record {
    ($(#[$attr:meta])* $name:ident { $($wit:literal $field:ident: $ty:ty,)* }) => {
        $(#[$attr])*
        #[derive(ComponentType)]
        #[component(record)]
        pub(crate) struct $name {
            $(#[component(name = $wit)] pub(crate) $field: $ty,)*
        }
    };
}

macro_rules! variant {
    ($name:ident { $($wit:literal $case:ident $(($ty:ty))?,)* }) => {
        #[derive(ComponentType)]
        #[component(variant)]
        #[expect(dead_code, reason = "read, never built: it stands for its type and layout")]
        pub(crate) enum $name {
            $(#[component(name = $wit)] $case $(($ty))?,)*
        }
    };
}

macro_rules! enumeration {
    ($(#[$attr:meta])* $name:ident { $($wit:literal $case:ident,)* }) => {
        $(#[$attr])*
        #[derive(ComponentType, Clone, Copy)]
        #[component(enum)]
        #[repr(u8)]
        pub(crate) enum $name {
            $(#[component(name = $wit)] $case,)*
        }
        impl $name {
            /// The number of cases.
            pub(crate) const COUNT: u32 = Self::ALL.len() as u32;
            /// The cases in order.
            pub(crate) const ALL: &[Self] = &[$(Self::$case,)*];
        }
    };
}

// types

record!(#[derive(Lower)] TraceId {
    "high" high: u64,
    "low" low: u64,
});

wasmtime::component::flags! {
    TraceFlags {
        #[component(name = "sampled")]
        const SAMPLED;
        #[component(name = "random")]
        const RANDOM;
    }
}

record!(#[derive(Lower)] SpanContext {
    "trace-id" trace_id: TraceId,
    "span-id" span_id: u64,
    "trace-flags" trace_flags: TraceFlags,
    "trace-state" trace_state: String,
});

variant!(SpanReference {
    "ambient" Ambient,
    "none" None,
    "span" Span(u64),
    "remote" Remote(SpanContext),
});

variant!(Value {
    "string-value" String(String),
    "bool-value" Bool(bool),
    "int-value" Int(i64),
    "double-value" Double(f64),
    "string-array" StringArray(Vec<String>),
    "bool-array" BoolArray(Vec<bool>),
    "int-array" IntArray(Vec<i64>),
    "double-array" DoubleArray(Vec<f64>),
});

record!(#[expect(dead_code, reason = "it stands for its type and layout")] KeyValue {
    "key" key: String,
    "value" value: Value,
});

record!(#[expect(dead_code, reason = "it stands for its type and layout")] Scope {
    "name" name: String,
    "version" version: Option<String>,
    "schema-url" schema_url: Option<String>,
    "attributes" attributes: Vec<KeyValue>,
});

// tracer

enumeration!(SpanKind {
    "internal" Internal,
    "server" Server,
    "client" Client,
    "producer" Producer,
    "consumer" Consumer,
});

variant!(Status {
    "unset" Unset,
    "ok" Ok,
    "error" Error(String),
});

variant!(LinkTarget {
    "span" Span(u64),
    "remote" Remote(SpanContext),
});

record!(#[expect(dead_code, reason = "it stands for its type and layout")] Link {
    "target" target: LinkTarget,
    "attributes" attributes: Vec<KeyValue>,
});

record!(#[expect(dead_code, reason = "it stands for its type and layout")] SpanChanges {
    "name" name: Option<String>,
    "status" status: Status,
    "attributes" attributes: Vec<KeyValue>,
    "links" links: Vec<Link>,
});

// meter

enumeration!(InstrumentKind {
    "counter-u64" CounterU64,
    "counter-f64" CounterF64,
    "up-down-counter-s64" UpDownCounterS64,
    "up-down-counter-f64" UpDownCounterF64,
    "histogram-u64" HistogramU64,
    "histogram-f64" HistogramF64,
    "gauge-u64" GaugeU64,
    "gauge-s64" GaugeS64,
    "gauge-f64" GaugeF64,
    "observable-counter-u64" ObservableCounterU64,
    "observable-counter-f64" ObservableCounterF64,
    "observable-up-down-counter-s64" ObservableUpDownCounterS64,
    "observable-up-down-counter-f64" ObservableUpDownCounterF64,
    "observable-gauge-u64" ObservableGaugeU64,
    "observable-gauge-s64" ObservableGaugeS64,
    "observable-gauge-f64" ObservableGaugeF64,
});

record!(#[expect(dead_code, reason = "it stands for its type and layout")] InstrumentDescriptor {
    "name" name: String,
    "kind" kind: InstrumentKind,
    "unit" unit: Option<String>,
    "description" description: Option<String>,
    "boundaries" boundaries: Option<Vec<f64>>,
});

variant!(Number {
    "unsigned" Unsigned(u64),
    "signed" Signed(i64),
    "float" Float(f64),
});

record!(#[expect(dead_code, reason = "it stands for its type and layout")] Observation {
    "instrument" instrument: u64,
    "value" value: Number,
    "attributes" attributes: Vec<KeyValue>,
});

// logger

enumeration!(#[derive(Lower)] Severity {
    "trace" Trace,
    "trace2" Trace2,
    "trace3" Trace3,
    "trace4" Trace4,
    "debug" Debug,
    "debug2" Debug2,
    "debug3" Debug3,
    "debug4" Debug4,
    "info" Info,
    "info2" Info2,
    "info3" Info3,
    "info4" Info4,
    "warn" Warn,
    "warn2" Warn2,
    "warn3" Warn3,
    "warn4" Warn4,
    "error" Error,
    "error2" Error2,
    "error3" Error3,
    "error4" Error4,
    "fatal" Fatal,
    "fatal2" Fatal2,
    "fatal3" Fatal3,
    "fatal4" Fatal4,
});

variant!(LogValue {
    "string-value" String(String),
    "bool-value" Bool(bool),
    "int-value" Int(i64),
    "double-value" Double(f64),
    "bytes-value" Bytes(Vec<u8>),
    "array-value" Array(Vec<u32>),
    "map-value" Map(Vec<MapEntry>),
});

record!(#[expect(dead_code, reason = "it stands for its type and layout")] MapEntry {
    "key" key: String,
    "node" node: u32,
});

record!(#[expect(dead_code, reason = "it stands for its type and layout")] LogAttribute {
    "key" key: String,
    "value" value: LogValue,
});

record!(#[expect(dead_code, reason = "it stands for its type and layout")] LogRecord {
    "body" body: Option<LogValue>,
    "severity" severity: Option<Severity>,
    "severity-text" severity_text: Option<String>,
    "event-name" event_name: Option<String>,
    "attributes" attributes: Vec<LogAttribute>,
    "nodes" nodes: Vec<LogValue>,
    "time" time: Option<u64>,
    "context" context: SpanReference,
});

record!(#[derive(Lower)] LogThreshold {
    "severity" severity: Option<Severity>,
    "generation" generation: u32,
});

// context

record!(#[derive(Lower)] BaggageEntry {
    "key" key: String,
    "value" value: String,
    "metadata" metadata: String,
});
