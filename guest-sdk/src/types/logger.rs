//! The types of the contract's interface `logger`.

use super::variants::{WitEnum as _, wit_enum};
use super::wire::{Maybe, MaybeByte, WireReference};

wit_enum! {
    /// The severity of a log record: `SeverityNumber` of the OpenTelemetry logs data model, from 1
    /// (`Trace`) to 24 (`Fatal4`).
    #[derive(PartialOrd, Ord)]
    #[expect(missing_docs, reason = "the order of the scale explains them")]
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
}

impl Severity {
    /// Returns the severity's number, 1 to 24.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// Returns the severity of a number from 1 to 24.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number.wrapping_sub(1))).copied()
    }
}

/// A value in a log record in the contract's form: a node in a list, in which arrays and maps refer
/// to their children by index.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, u64)]
pub(crate) enum LogValue<'a> {
    String(&'a str),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(&'a [u8]),
    /// The indices of the elements, in order.
    Array(&'a [u32]),
    /// Keys with the indices of their values.
    Map(&'a [MapEntry<'a>]),
}

/// An entry of a map in the list of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct MapEntry<'a> {
    pub(crate) key: &'a str,
    /// The index of the value in the record's nodes.
    pub(crate) node: u32,
}

/// An attribute of a log record in the contract's form.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub(crate) struct LogAttribute<'a> {
    pub(crate) key: &'a str,
    pub(crate) value: LogValue<'a>,
}

/// A log record in the contract's form.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub(crate) struct LogRecord<'a> {
    pub(crate) body: Maybe<LogValue<'a>>,
    pub(crate) severity: MaybeByte<Severity>,
    pub(crate) severity_text: Maybe<&'a str>,
    pub(crate) event_name: Maybe<&'a str>,
    pub(crate) attributes: &'a [LogAttribute<'a>],
    /// The children of arrays and maps.
    pub(crate) nodes: &'a [LogValue<'a>],
    /// Nanoseconds since the Unix epoch. The default is now.
    pub(crate) time: Maybe<u64>,
    pub(crate) context: WireReference<'a>,
}

/// The lowest severity that the host accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogThreshold {
    /// The number of the lowest severity, or [`LOGS_DISABLED`].
    pub(crate) lowest: u8,
    /// The version of the host's settings.
    pub(crate) generation: u32,
}

/// A threshold above every severity: the host accepts no records.
pub(crate) const LOGS_DISABLED: u8 = 25;
