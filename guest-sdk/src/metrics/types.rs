//! The types of the contract's interface `meter`, as the generated bindings take them.

use crate::KeyValue;

/// Is the kind of an instrument and the type of its numbers; documented case by case in `wit/meter.wit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum InstrumentKind {
    CounterU64,
    CounterF64,
    UpDownCounterS64,
    UpDownCounterF64,
    HistogramU64,
    HistogramF64,
    GaugeU64,
    GaugeS64,
    GaugeF64,
    ObservableCounterU64,
    ObservableCounterF64,
    ObservableUpDownCounterS64,
    ObservableUpDownCounterF64,
    ObservableGaugeU64,
    ObservableGaugeS64,
    ObservableGaugeF64,
}

/// Is what an instrument is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct InstrumentDescriptor<'a> {
    /// Its name: 1 to 255 characters, a letter first, then letters, digits, `_`, `.`, `-` and `/`.
    pub(crate) name: &'a str,
    /// Its kind.
    pub(crate) kind: InstrumentKind,
    /// The unit in UCUM notation, at most 63 ASCII characters.
    pub(crate) unit: Option<&'a str>,
    /// What it measures, for people.
    pub(crate) description: Option<&'a str>,
    /// For histograms: the upper bounds of the buckets, strictly growing.
    pub(crate) boundaries: Option<&'a [f64]>,
}

/// Is a number, whose type must be that of the instrument's kind.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, u64)]
pub enum Number {
    /// For the kinds over `u64`: 0 to 2^63-1.
    Unsigned(u64),
    /// For the kinds over `i64`.
    Signed(i64),
    /// For the kinds over `f64`.
    Float(f64),
}

/// Is one value of an observable instrument.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub(crate) struct Observation<'a> {
    /// The observable instrument, by its handle.
    pub(crate) instrument: u64,
    /// Its value: for sums the total so far.
    pub(crate) value: Number,
    /// Which of its time series is meant.
    pub(crate) attributes: &'a [KeyValue<'a>],
}
