//! The types of the contract's interface `meter`.

use super::handle::InstrumentHandle;
use super::value::KeyValue;
use super::variants::wit_enum;

/// Passes the table of instrument kinds to a macro. Each family, in the contract's order, has its
/// number types with the kind of instrument.
macro_rules! instrument_kinds {
    ($callback:ident) => {
        $callback! {
            Counter { u64 => CounterU64, f64 => CounterF64 }
            UpDownCounter { i64 => UpDownCounterS64, f64 => UpDownCounterF64 }
            Histogram { u64 => HistogramU64, f64 => HistogramF64 }
            Gauge { u64 => GaugeU64, i64 => GaugeS64, f64 => GaugeF64 }
            ObservableCounter { u64 => ObservableCounterU64, f64 => ObservableCounterF64 }
            ObservableUpDownCounter { i64 => ObservableUpDownCounterS64, f64 => ObservableUpDownCounterF64 }
            ObservableGauge { u64 => ObservableGaugeU64, i64 => ObservableGaugeS64, f64 => ObservableGaugeF64 }
        }
    };
}
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use instrument_kinds;

macro_rules! declare_kinds {
    ($($family:ident { $($number:ty => $kind:ident),* })*) => {
        wit_enum! {
            /// The kind of an instrument and the type of its numbers; `wit/meter.wit` documents the
            /// cases.
            pub enum InstrumentKind {
                $($($kind,)*)*
            }
        }

        /// The families of instruments, as types.
        pub(crate) mod family {
            $(#[derive(Debug)] pub struct $family;)*
        }

        $($(impl InstrumentOf<family::$family> for $number {
            const KIND: InstrumentKind = InstrumentKind::$kind;
        })*)*
    };
}

/// A number for instruments of a family.
pub trait InstrumentOf<Family> {
    /// The kind of such an instrument.
    const KIND: InstrumentKind;
}

instrument_kinds!(declare_kinds);

/// The description of an instrument, with the host's rules for names and units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct InstrumentDescriptor<'a> {
    /// 1 to 255 characters: a letter, then letters, digits, `_`, `.`, `-` and `/`.
    pub(crate) name: &'a str,
    pub(crate) kind: InstrumentKind,
    /// In UCUM notation, at most 63 ASCII characters.
    pub(crate) unit: Option<&'a str>,
    pub(crate) description: Option<&'a str>,
    /// For histograms: the upper bounds of the buckets, strictly growing.
    pub(crate) boundaries: Option<&'a [f64]>,
}

/// A number. Its type must be that of the instrument's kind.
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

/// One value of an observable instrument.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub(crate) struct Observation<'a> {
    pub(crate) instrument: InstrumentHandle,
    /// The value; for sums, the total so far.
    pub(crate) value: Number,
    /// The attributes of the time series.
    pub(crate) attributes: &'a [KeyValue<'a>],
}
