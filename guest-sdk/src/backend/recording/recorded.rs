//! The data of a recorder.

use crate::types::{
    InstrumentKind, KeyValue, Severity, SpanContext, SpanHandle, SpanKind, Value, instrument_kinds,
};

/// A recorded value of an attribute or a log.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RecordedValue {
    /// Text.
    String(String),
    /// True or false.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// A floating point number.
    Double(f64),
    /// Bytes.
    Bytes(Vec<u8>),
    /// An array.
    Array(Vec<Self>),
    /// A map.
    Map(Vec<(String, Self)>),
}

macro_rules! recorded_from {
    ($($from:ty => $variant:ident),* $(,)?) => {$(
        impl From<$from> for RecordedValue {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

recorded_from!(&str => String, String => String, bool => Bool, i32 => Int, i64 => Int, f64 => Double, &[u8] => Bytes);

impl<T: Into<Self>> From<Vec<T>> for RecordedValue {
    fn from(values: Vec<T>) -> Self {
        Self::Array(values.into_iter().map(Into::into).collect())
    }
}

impl From<Value<'_>> for RecordedValue {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::String(value) => value.into(),
            Value::Bool(value) => value.into(),
            Value::Int(value) => value.into(),
            Value::Double(value) => value.into(),
            Value::StringArray(values) => values.to_vec().into(),
            Value::BoolArray(values) => values.to_vec().into(),
            Value::IntArray(values) => values.to_vec().into(),
            Value::DoubleArray(values) => values.to_vec().into(),
            Value::Unsigned(value) => value.get().to_string().as_str().into(),
        }
    }
}

/// Recorded attributes. Setting an existing one replaces it.
pub(super) type Attributes = Vec<(String, RecordedValue)>;

pub(super) fn set_all(to: &mut Attributes, attributes: &[KeyValue<'_>]) {
    for attribute in attributes {
        set(to, attribute.key, attribute.value.into());
    }
}

pub(super) fn set(to: &mut Attributes, key: &str, value: RecordedValue) {
    match to.iter_mut().find(|(other, _)| other == key) {
        Some(place) => place.1 = value,
        None => to.push((key.into(), value)),
    }
}

fn get<'a>(from: &'a Attributes, key: &str) -> Option<&'a RecordedValue> {
    from.iter()
        .find(|(other, _)| other == key)
        .map(|(_, value)| value)
}

/// A recorded scope.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RecordedScope {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Its schema.
    pub schema_url: Option<String>,
    /// Its attributes.
    pub attributes: Vec<(String, RecordedValue)>,
}

/// The parent of a recorded span.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordedParent {
    /// None: the span started a trace.
    None,
    /// A span of the program ([`RecordedSpan::handle`]).
    Span(SpanHandle),
    /// A span of another process.
    Remote(SpanContext),
}

/// A recorded status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RecordedStatus {
    /// Not set.
    #[default]
    Unset,
    /// Set by the guest for a success.
    Ok,
    /// An error, with its description.
    Error(String),
}

/// A recorded span.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RecordedSpan {
    /// Identifies the span within the recorder.
    pub handle: SpanHandle,
    /// The scope of its tracer.
    pub scope: RecordedScope,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: SpanKind,
    /// Its parent. For the ambient span, the span that was ambient.
    pub parent: RecordedParent,
    /// Its context.
    pub context: SpanContext,
    /// Its attributes.
    pub attributes: Vec<(String, RecordedValue)>,
    /// Its events.
    pub events: Vec<RecordedEvent>,
    /// Its links.
    pub links: Vec<RecordedLink>,
    /// Its status.
    pub status: RecordedStatus,
    /// The start time, if the program set one.
    pub start_time: Option<u64>,
    /// The end time, if the program set one.
    pub end_time: Option<u64>,
    /// Whether it has ended.
    pub ended: bool,
}

impl RecordedSpan {
    /// Makes the host's span around a call.
    pub(super) fn of_host(handle: SpanHandle) -> Self {
        Self {
            handle,
            scope: RecordedScope {
                name: String::new(),
                version: None,
                schema_url: None,
                attributes: Vec::new(),
            },
            name: String::new(),
            kind: SpanKind::Internal,
            parent: RecordedParent::None,
            context: SpanContext::default(),
            attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
            status: RecordedStatus::Unset,
            start_time: None,
            end_time: None,
            ended: false,
        }
    }

    /// Returns the value of an attribute.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&RecordedValue> {
        get(&self.attributes, key)
    }

    /// Returns true if the other span is its parent.
    #[must_use]
    pub fn is_child_of(&self, other: &Self) -> bool {
        self.parent == RecordedParent::Span(other.handle)
    }
}

/// A recorded event of a span.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RecordedEvent {
    /// Its name.
    pub name: String,
    /// Its attributes.
    pub attributes: Vec<(String, RecordedValue)>,
    /// The time, if the program set one.
    pub time: Option<u64>,
}

impl RecordedEvent {
    /// Returns the value of an attribute.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&RecordedValue> {
        get(&self.attributes, key)
    }
}

/// A recorded link.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RecordedLink {
    /// The other span's context.
    pub context: SpanContext,
    /// The link's attributes.
    pub attributes: Vec<(String, RecordedValue)>,
}

/// A recorded log record.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RecordedLog {
    /// The scope of its logger.
    pub scope: RecordedScope,
    /// Its body.
    pub body: Option<RecordedValue>,
    /// Its severity.
    pub severity: Option<Severity>,
    /// The severity in the source's own notation.
    pub severity_text: Option<String>,
    /// The name of the event.
    pub event_name: Option<String>,
    /// Its attributes.
    pub attributes: Vec<(String, RecordedValue)>,
    /// The time, if the program set one.
    pub time: Option<u64>,
    /// The context of the span that it belongs to.
    pub span: Option<SpanContext>,
}

impl RecordedLog {
    /// Returns the value of an attribute.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&RecordedValue> {
        get(&self.attributes, key)
    }
}

/// A recorded number.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum RecordedNumber {
    /// Of an instrument over `u64`.
    U64(u64),
    /// Of an instrument over `i64`.
    I64(i64),
    /// Of an instrument over `f64`.
    F64(f64),
}

macro_rules! declare_families {
    ($($family:ident { $($number:ty => $kind:ident),* })*) => {
        /// The kind of instrument of a measurement.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "named for the instruments")]
        pub enum MeasurementKind {
            $($family,)*
        }

        impl From<InstrumentKind> for MeasurementKind {
            fn from(kind: InstrumentKind) -> Self {
                match kind {
                    $($(InstrumentKind::$kind)|* => Self::$family,)*
                }
            }
        }
    };
}
instrument_kinds!(declare_families);

/// A recorded measurement or observation.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RecordedMeasurement {
    /// The scope of its meter.
    pub scope: RecordedScope,
    /// The instrument's name.
    pub instrument: String,
    /// The instrument's kind.
    pub kind: MeasurementKind,
    /// The instrument's unit.
    pub unit: Option<String>,
    /// The instrument's description.
    pub description: Option<String>,
    /// The histogram's boundaries.
    pub boundaries: Option<Vec<f64>>,
    /// The value.
    pub value: RecordedNumber,
    /// The attributes.
    pub attributes: Vec<(String, RecordedValue)>,
    /// Whether it was made by a [`Series`](crate::Series).
    pub bound: bool,
}

impl RecordedMeasurement {
    /// Returns the value of an attribute.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&RecordedValue> {
        get(&self.attributes, key)
    }
}
