//! The types of the package `wasmscope:otel`, with the OpenTelemetry SDK's types inside. Adapters
//! convert the arguments of calls into these types. [`crate::Instance`] applies all rules.
//!
//! Handles are `u64` in the contract. Here each kind of handle has its own type.

use std::borrow::Cow;

use opentelemetry::logs::Severity;
use opentelemetry::trace::{SpanContext, SpanKind};
use opentelemetry::{InstrumentationScope, Key, KeyValue};

pub use crate::handle::{
    BaggageHandle, InstrumentHandle, LoggerHandle, MeterHandle, ObserverHandle, SeriesHandle,
    SpanHandle, TracerHandle,
};

/// `types.span-reference`.
#[derive(Debug, Clone, Default)]
pub enum SpanReference {
    /// The innermost active span.
    #[default]
    Ambient,
    /// No span.
    None,
    /// A span of the instance, by handle.
    Span(SpanHandle),
    /// A span of another process.
    Remote(RemoteContext),
}

/// `types.span-context` from a guest, not validated.
#[derive(Debug, Clone, Default)]
pub struct RemoteContext {
    /// The trace id, high half first.
    pub trace_id: (u64, u64),
    /// The span id.
    pub span_id: u64,
    /// The W3C trace flags as a byte: bit 0 sampled, bit 1 random.
    pub trace_flags: u8,
    /// The `tracestate` header's value.
    pub trace_state: String,
}

/// The arguments of `tracer.start`.
#[derive(Debug, Clone)]
pub struct SpanStart {
    /// The tracer's handle.
    pub tracer: TracerHandle,
    /// The span's name.
    pub name: Cow<'static, str>,
    /// Its kind.
    pub kind: SpanKind,
    /// Its parent.
    pub parent: SpanReference,
    /// Attributes known at the start.
    pub attributes: Vec<KeyValue>,
    /// The start time, in nanoseconds since the Unix epoch. `None` means now.
    pub start_time: Option<u64>,
    /// Whether to enter the span immediately.
    pub activate: bool,
}

/// `tracer.span-changes`.
#[derive(Debug, Clone, Default)]
pub struct SpanChanges {
    /// A new name.
    pub name: Option<String>,
    /// A new status; [`opentelemetry::trace::Status::Unset`] changes nothing.
    pub status: opentelemetry::trace::Status,
    /// Attributes to set.
    pub attributes: Vec<KeyValue>,
    /// Links to add.
    pub links: Vec<SpanLink>,
}

impl SpanChanges {
    /// Returns whether there are no changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.name.is_none()
            && self.status == opentelemetry::trace::Status::Unset
            && self.attributes.is_empty()
            && self.links.is_empty()
    }
}

/// `tracer.link`.
#[derive(Debug, Clone)]
pub struct SpanLink {
    /// The other span.
    pub target: LinkTarget,
    /// Attributes of the link.
    pub attributes: Vec<KeyValue>,
}

/// `tracer.link-target`.
#[derive(Debug, Clone)]
pub enum LinkTarget {
    /// A span of the instance, by handle.
    Span(SpanHandle),
    /// A span of another process.
    Remote(RemoteContext),
}

/// The arguments of `tracer.event`, except the span.
#[derive(Debug, Clone)]
pub struct SpanEvent {
    /// The event's name.
    pub name: Cow<'static, str>,
    /// Its attributes.
    pub attributes: Vec<KeyValue>,
    /// The event's time, in nanoseconds since the Unix epoch. `None` means now.
    pub time: Option<u64>,
}

/// `context.baggage-entry`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaggageEntry {
    /// The name.
    pub key: String,
    /// The value, decoded.
    pub value: String,
    /// The properties, in the notation of the header.
    pub metadata: String,
}

/// The role of an instrument, without its number type and synchronicity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the terms are OpenTelemetry's")]
pub enum InstrumentRole {
    Counter,
    UpDownCounter,
    Histogram,
    Gauge,
}

/// The type of an instrument's numbers, as the cases of [`Number`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "see `Number`")]
pub enum NumberType {
    Unsigned,
    Signed,
    Float,
}

macro_rules! instrument_kinds {
    ($($kind:ident = $name:literal, $sync:ident $role:ident, $number:ident;)+) => {
        /// `meter.instrument-kind`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "documented case by case in wit/meter.wit")]
        pub enum InstrumentKind {
            $($kind,)+
        }

        impl InstrumentKind {
            /// All kinds, in the order of the contract.
            pub const ALL: [Self; 16] = [$(Self::$kind),+];

            /// Their names in the contract, in the same order.
            pub const NAMES: [&str; 16] = [$($name),+];

            /// Returns the role of an instrument of this kind.
            #[must_use]
            pub const fn role(self) -> InstrumentRole {
                match self {
                    $(Self::$kind => InstrumentRole::$role,)+
                }
            }

            /// Returns the type of its numbers.
            #[must_use]
            pub const fn number(self) -> NumberType {
                match self {
                    $(Self::$kind => NumberType::$number,)+
                }
            }

            /// Returns whether it is observable.
            #[must_use]
            pub const fn is_observable(self) -> bool {
                match self {
                    $(Self::$kind => instrument_kinds!(@is_observable $sync),)+
                }
            }
        }
    };
    (@is_observable sync) => { false };
    (@is_observable observable) => { true };
}

instrument_kinds! {
    CounterU64 = "counter-u64", sync Counter, Unsigned;
    CounterF64 = "counter-f64", sync Counter, Float;
    UpDownCounterS64 = "up-down-counter-s64", sync UpDownCounter, Signed;
    UpDownCounterF64 = "up-down-counter-f64", sync UpDownCounter, Float;
    HistogramU64 = "histogram-u64", sync Histogram, Unsigned;
    HistogramF64 = "histogram-f64", sync Histogram, Float;
    GaugeU64 = "gauge-u64", sync Gauge, Unsigned;
    GaugeS64 = "gauge-s64", sync Gauge, Signed;
    GaugeF64 = "gauge-f64", sync Gauge, Float;
    ObservableCounterU64 = "observable-counter-u64", observable Counter, Unsigned;
    ObservableCounterF64 = "observable-counter-f64", observable Counter, Float;
    ObservableUpDownCounterS64 = "observable-up-down-counter-s64", observable UpDownCounter, Signed;
    ObservableUpDownCounterF64 = "observable-up-down-counter-f64", observable UpDownCounter, Float;
    ObservableGaugeU64 = "observable-gauge-u64", observable Gauge, Unsigned;
    ObservableGaugeS64 = "observable-gauge-s64", observable Gauge, Signed;
    ObservableGaugeF64 = "observable-gauge-f64", observable Gauge, Float;
}

impl InstrumentKind {
    /// Returns its name in the contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// `meter.instrument-descriptor`.
#[derive(Debug, Clone)]
pub struct InstrumentDescriptor {
    /// The name.
    pub name: String,
    /// The kind.
    pub kind: InstrumentKind,
    /// The unit.
    pub unit: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// A histogram's bucket boundaries.
    pub boundaries: Option<Vec<f64>>,
}

/// `meter.number`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// For the kinds over `u64`.
    Unsigned(u64),
    /// For the kinds over `s64`.
    Signed(i64),
    /// For the kinds over `f64`.
    Float(f64),
}

/// `meter.observation`.
#[derive(Debug, Clone)]
pub struct Observation {
    /// The observable instrument's handle.
    pub instrument: InstrumentHandle,
    /// The value.
    pub value: Number,
    /// The attributes.
    pub attributes: Vec<KeyValue>,
}

/// `logger.log-value`: a node of the arena that contains the nested values of a record.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "documented case by case in wit/logger.wit")]
pub enum LogValue {
    String(String),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(Vec<u8>),
    Array(Vec<u32>),
    Map(Vec<(String, u32)>),
}

/// `logger.log-record`.
#[derive(Debug, Clone, Default)]
pub struct LogRecord {
    /// The body.
    pub body: Option<LogValue>,
    /// The severity.
    pub severity: Option<Severity>,
    /// The source's own text for the severity.
    pub severity_text: Option<Cow<'static, str>>,
    /// The event's name.
    pub event_name: Option<Cow<'static, str>>,
    /// The attributes.
    pub attributes: Vec<(Key, LogValue)>,
    /// The children of arrays and maps.
    pub nodes: Vec<LogValue>,
    /// The record's time, in nanoseconds since the Unix epoch. `None` means now.
    pub time: Option<u64>,
    /// The span that it belongs to.
    pub context: SpanReference,
}

/// `logger.log-threshold`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogThreshold {
    /// Records below this severity need not be emitted. `None` means that no record is kept.
    pub severity: Option<Severity>,
    /// The generation of the log levels.
    pub generation: u32,
}

/// `types.notice`, as its 64 bits.
pub type Notice = u64;

/// The scope of a tracer, meter or logger. Adapters build it from `types.instrumentation-scope`.
pub type Scope = InstrumentationScope;

/// The context of a span, for a guest.
pub type LocalContext = SpanContext;
