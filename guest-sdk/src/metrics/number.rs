//! The number types of instruments.

use crate::types::{InstrumentOf, Number, family};

mod sealed {
    #[expect(unnameable_types, reason = "it seals the traits")]
    pub trait Sealed {}
}
use sealed::Sealed;

/// A number that can be measured: `u64`, `i64` or `f64`.
pub trait Measurement: Sealed + Copy + 'static {
    #[doc(hidden)]
    fn number(self) -> Number;
}

macro_rules! measurement {
    ($($type:ty => $variant:ident),*) => {$(
        impl Sealed for $type {}
        impl Measurement for $type {
            #[inline]
            fn number(self) -> Number {
                Number::$variant(self)
            }
        }
    )*};
}
measurement!(u64 => Unsigned, i64 => Signed, f64 => Float);

macro_rules! numbers {
    ($($(#[$doc:meta])* $trait:ident: $($family:ident),*;)*) => {$(
        $(#[$doc])*
        pub trait $trait: Measurement $(+ InstrumentOf<family::$family>)* {}
        impl<T: Measurement $(+ InstrumentOf<family::$family>)*> $trait for T {}
    )*};
}

numbers! {
    /// A number for a counter: `u64` or `f64`.
    CounterNumber: Counter, ObservableCounter;
    /// A number for an up-down counter: `i64` or `f64`.
    UpDownCounterNumber: UpDownCounter, ObservableUpDownCounter;
    /// A number for a histogram: `u64` or `f64`.
    HistogramNumber: Histogram;
    /// A number for a gauge: `u64`, `i64` or `f64`.
    GaugeNumber: Gauge, ObservableGauge;
}
