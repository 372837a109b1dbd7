//! Which numbers an instrument may take.

use super::types::{InstrumentKind, Number};

mod sealed {
    #[expect(unnameable_types, reason = "it seals the traits")]
    pub trait Sealed {}
}
use sealed::Sealed;

/// Is a number that can be measured: `u64`, `i64` or `f64`, as far as the instrument takes it.
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

macro_rules! kinds {
    ($(#[$doc:meta])* $trait:ident { $($type:ty { $($name:ident = $kind:ident),* })* }, $($name_of:ident: $doc_of:literal),*) => {
        $(#[$doc])*
        pub trait $trait: Measurement {
            $(#[doc = $doc_of] #[doc(hidden)] const $name_of: InstrumentKind;)*
        }
        $(impl $trait for $type {
            $(const $name: InstrumentKind = InstrumentKind::$kind;)*
        })*
    };
}

kinds! {
    /// Is a number that a counter takes: `u64` or `f64`.
    CounterNumber {
        u64 { KIND = CounterU64, OBSERVABLE = ObservableCounterU64 }
        f64 { KIND = CounterF64, OBSERVABLE = ObservableCounterF64 }
    }, KIND: "The kind.", OBSERVABLE: "The observable kind."
}
kinds! {
    /// Is a number that an up-down counter takes: `i64` or `f64`.
    UpDownCounterNumber {
        i64 { KIND = UpDownCounterS64, OBSERVABLE = ObservableUpDownCounterS64 }
        f64 { KIND = UpDownCounterF64, OBSERVABLE = ObservableUpDownCounterF64 }
    }, KIND: "The kind.", OBSERVABLE: "The observable kind."
}
kinds! {
    /// Is a number that a histogram takes: `u64` or `f64`.
    HistogramNumber {
        u64 { KIND = HistogramU64 }
        f64 { KIND = HistogramF64 }
    }, KIND: "The kind."
}
kinds! {
    /// Is a number that a gauge takes: `u64`, `i64` or `f64`.
    GaugeNumber {
        u64 { KIND = GaugeU64, OBSERVABLE = ObservableGaugeU64 }
        i64 { KIND = GaugeS64, OBSERVABLE = ObservableGaugeS64 }
        f64 { KIND = GaugeF64, OBSERVABLE = ObservableGaugeF64 }
    }, KIND: "The kind.", OBSERVABLE: "The observable kind."
}
