//! The types of the contract's interface `logger`, as the generated bindings take them.

use crate::backend::wire::{Maybe, MaybeByte, WireReference};

/// Says how grave a record is: `SeverityNumber` of the OpenTelemetry logs data model, 1 (`Trace`) to 24
/// (`Fatal4`), in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "a scale: each step is described by its place")]
pub enum Severity {
    Trace,
    Trace2,
    Trace3,
    Trace4,
    Debug,
    Debug2,
    Debug3,
    Debug4,
    Info,
    Info2,
    Info3,
    Info4,
    Warn,
    Warn2,
    Warn3,
    Warn4,
    Error,
    Error2,
    Error3,
    Error4,
    Fatal,
    Fatal2,
    Fatal3,
    Fatal4,
}

impl Severity {
    const ALL: [Self; 24] = [
        Self::Trace,
        Self::Trace2,
        Self::Trace3,
        Self::Trace4,
        Self::Debug,
        Self::Debug2,
        Self::Debug3,
        Self::Debug4,
        Self::Info,
        Self::Info2,
        Self::Info3,
        Self::Info4,
        Self::Warn,
        Self::Warn2,
        Self::Warn3,
        Self::Warn4,
        Self::Error,
        Self::Error2,
        Self::Error3,
        Self::Error4,
        Self::Fatal,
        Self::Fatal2,
        Self::Fatal3,
        Self::Fatal4,
    ];

    /// Gives the severity's number, 1 to 24.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// Gives the severity of a number, where it is 1 to 24.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number.wrapping_sub(1))).copied()
    }

    /// What the generated bindings call to read one; a host that answers out of range is taken to listen to all.
    #[doc(hidden)]
    #[must_use]
    pub fn _lift(discriminant: u8) -> Self {
        Self::ALL
            .get(usize::from(discriminant))
            .copied()
            .unwrap_or(Self::Trace)
    }
}

/// Is a value in a log record as the contract has it: a node of an arena, in which arrays and maps name
/// their children by index.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, u64)]
#[expect(clippy::enum_variant_names, reason = "named as in the contract")]
pub(crate) enum LogValue<'a> {
    /// Text.
    StringValue(&'a str),
    /// True or false.
    BoolValue(bool),
    /// A signed integer.
    IntValue(i64),
    /// A floating point number.
    DoubleValue(f64),
    /// Bytes.
    BytesValue(&'a [u8]),
    /// An array: its elements' indices, in order.
    ArrayValue(&'a [u32]),
    /// A map: keys with their values' indices.
    MapValue(&'a [MapEntry<'a>]),
}

/// Is an entry of a map in the arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct MapEntry<'a> {
    /// The key.
    pub(crate) key: &'a str,
    /// The index of the value in the record's nodes.
    pub(crate) node: u32,
}

/// Is an attribute of a log record as the contract has it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub(crate) struct LogAttribute<'a> {
    /// Its name.
    pub(crate) key: &'a str,
    /// Its value.
    pub(crate) value: LogValue<'a>,
}

/// Is a log record as the contract has it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub(crate) struct LogRecord<'a> {
    /// What it says.
    pub(crate) body: Maybe<LogValue<'a>>,
    /// How grave it is.
    pub(crate) severity: MaybeByte<Severity>,
    /// The source's own word for the severity.
    pub(crate) severity_text: Maybe<&'a str>,
    /// What names the class of events with the same shape.
    pub(crate) event_name: Maybe<&'a str>,
    /// Its attributes.
    pub(crate) attributes: &'a [LogAttribute<'a>],
    /// The children of arrays and maps.
    pub(crate) nodes: &'a [LogValue<'a>],
    /// When it happened, in nanoseconds since the Unix epoch; absent, now.
    pub(crate) time: Maybe<u64>,
    /// The span that it belongs to.
    pub(crate) context: WireReference<'a>,
}

/// Says below which severity nobody listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogThreshold {
    /// The number of the lowest severity that is listened to.
    pub(crate) lowest: u8,
    /// Which state of the host's settings this is.
    pub(crate) generation: u32,
}

/// Is above each severity's number.
pub(crate) const NOBODY_LISTENS: u8 = 25;
