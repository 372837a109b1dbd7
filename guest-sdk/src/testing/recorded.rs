//! What a recorder has kept, as plain data.

use crate::{KeyValue, Severity, SpanContext, SpanKind, Value};

/// Is a recorded value of an attribute or a log.
#[derive(Debug, Clone, PartialEq)]
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
            Value::StringValue(value) => value.into(),
            Value::BoolValue(value) => value.into(),
            Value::IntValue(value) => value.into(),
            Value::DoubleValue(value) => value.into(),
            Value::StringArray(values) => values.to_vec().into(),
            Value::BoolArray(values) => values.to_vec().into(),
            Value::IntArray(values) => values.to_vec().into(),
            Value::DoubleArray(values) => values.to_vec().into(),
            Value::UnsignedValue(value) => value.get().to_string().as_str().into(),
        }
    }
}

/// Recorded attributes. Setting one that is there replaces it.
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

/// Is a recorded scope.
#[derive(Debug, Clone, PartialEq)]
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

/// Is a recorded span's parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordedParent {
    /// None: the span began a trace.
    None,
    /// A span of the program, by its handle ([`RecordedSpan::handle`]).
    Span(u64),
    /// A span of another process.
    Remote(SpanContext),
}

/// Is a recorded status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RecordedStatus {
    /// Not said.
    #[default]
    Unset,
    /// Judged a success.
    Ok,
    /// An error, with its description.
    Error(String),
}

/// Is a recorded span.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedSpan {
    /// The handle, as [`Span::handle`](crate::Span::handle) gives it.
    pub handle: u64,
    /// The scope of its tracer.
    pub scope: RecordedScope,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: SpanKind,
    /// Its parent, the ambient one resolved.
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
    /// When it began, where that was said.
    pub start_time: Option<u64>,
    /// When it ended, where that was said.
    pub end_time: Option<u64>,
    /// Whether it has ended.
    pub ended: bool,
}

impl RecordedSpan {
    /// Gives an attribute's value.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&RecordedValue> {
        get(&self.attributes, key)
    }

    /// Whether the other span is its parent.
    #[must_use]
    pub fn is_child_of(&self, other: &Self) -> bool {
        self.parent == RecordedParent::Span(other.handle)
    }
}

/// Is a recorded event of a span.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedEvent {
    /// Its name.
    pub name: String,
    /// Its attributes.
    pub attributes: Vec<(String, RecordedValue)>,
    /// When it happened, where that was said.
    pub time: Option<u64>,
}

impl RecordedEvent {
    /// Gives an attribute's value.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&RecordedValue> {
        get(&self.attributes, key)
    }
}

/// Is a recorded link.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedLink {
    /// The other span's context.
    pub context: SpanContext,
    /// The link's attributes.
    pub attributes: Vec<(String, RecordedValue)>,
}

/// Is a recorded log record.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedLog {
    /// The scope of its logger.
    pub scope: RecordedScope,
    /// What it says.
    pub body: Option<RecordedValue>,
    /// How grave it is.
    pub severity: Option<Severity>,
    /// The source's own word for the severity.
    pub severity_text: Option<String>,
    /// What names its class of events.
    pub event_name: Option<String>,
    /// Its attributes.
    pub attributes: Vec<(String, RecordedValue)>,
    /// When it happened, where that was said.
    pub time: Option<u64>,
    /// The span that it belongs to, the ambient one resolved.
    pub span: Option<SpanContext>,
}

impl RecordedLog {
    /// Gives an attribute's value.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&RecordedValue> {
        get(&self.attributes, key)
    }
}

/// Is a recorded number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RecordedNumber {
    /// Of an instrument over `u64`.
    U64(u64),
    /// Of an instrument over `i64`.
    I64(i64),
    /// Of an instrument over `f64`.
    F64(f64),
}

/// Says which kind of instrument measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named for the instruments")]
pub enum MeasurementKind {
    Counter,
    UpDownCounter,
    Histogram,
    Gauge,
    ObservableCounter,
    ObservableUpDownCounter,
    ObservableGauge,
}

/// Is a recorded measurement or observation.
#[derive(Debug, Clone, PartialEq)]
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
    /// Whether it came through a bound series.
    pub bound: bool,
}

impl RecordedMeasurement {
    /// Gives an attribute's value.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&RecordedValue> {
        get(&self.attributes, key)
    }
}
