//! Instruments that the program calls for each measurement.

use core::marker::PhantomData;

use super::meter::Meter;
use super::number::{
    CounterNumber, GaugeNumber, HistogramNumber, Measurement, UpDownCounterNumber,
};
use crate::backend::{Slot, meter};
use crate::notice;
use crate::types::{
    InstrumentDescriptor, InstrumentHandle, InstrumentKind, InstrumentOf, KeyValue, SeriesHandle,
    family,
};

/// The description of an instrument of any kind, and its handle.
#[derive(Debug)]
pub(super) struct Declaration {
    meter: &'static Meter,
    name: &'static str,
    pub(super) unit: Option<&'static str>,
    pub(super) description: Option<&'static str>,
    pub(super) boundaries: Option<&'static [f64]>,
    handle: Slot<InstrumentHandle>,
}

impl Declaration {
    pub(super) const fn new(meter: &'static Meter, name: &'static str) -> Self {
        Self {
            meter,
            name,
            unit: None,
            description: None,
            boundaries: None,
            handle: Slot::new(),
        }
    }

    pub(super) fn handle(&self, kind: InstrumentKind) -> InstrumentHandle {
        self.handle.get_or(|| {
            meter::create(
                self.meter.handle(),
                InstrumentDescriptor {
                    name: self.name,
                    kind,
                    unit: self.unit,
                    description: self.description,
                    boundaries: self.boundaries,
                },
            )
        })
    }
}

macro_rules! instrument {
    ($(#[$doc:meta])* $name:ident<$number:ident>, $(#[$method_doc:meta])* $method:ident) => {
        $(#[$doc])*
        ///
        /// It is constant: keep it in a `static`. The host creates it with the first measurement.
        #[derive(Debug)]
        pub struct $name<T: $number> {
            declaration: Declaration,
            number: PhantomData<fn(T)>,
        }

        impl<T: $number> $name<T> {
            /// Creates an instrument. The name has 1 to 255 characters: a letter, then letters,
            /// digits, `_`, `.`, `-` and `/`. The host drops and counts measurements with an
            /// invalid name.
            #[must_use]
            pub const fn new(meter: &'static Meter, name: &'static str) -> Self {
                Self { declaration: Declaration::new(meter, name), number: PhantomData }
            }

            /// Sets the unit, in UCUM notation such as `ms`, `By` or `{request}`; at most 63 ASCII
            /// characters.
            #[must_use]
            pub const fn with_unit(mut self, unit: &'static str) -> Self {
                self.declaration.unit = Some(unit);
                self
            }

            /// Sets a human-readable description.
            #[must_use]
            pub const fn with_description(mut self, description: &'static str) -> Self {
                self.declaration.description = Some(description);
                self
            }

            $(#[$method_doc])*
            pub fn $method(&self, value: T, attributes: &[KeyValue<'_>]) {
                let instrument = self.declaration.handle(<T as InstrumentOf<family::$name>>::KIND);
                notice::take(meter::measure(instrument, value.number(), attributes));
            }

            /// Binds attributes, so that a measurement passes only a number. Keep the series: each
            /// call creates a new one, and an instance may have 1,024.
            pub fn bind(&self, attributes: &[KeyValue<'_>]) -> Series<T> {
                let instrument = self.declaration.handle(<T as InstrumentOf<family::$name>>::KIND);
                Series {
                    handle: meter::bind(instrument, attributes),
                    number: PhantomData,
                }
            }
        }
    };
}

instrument! {
    /// Sums up values that only grow: requests served, bytes sent.
    Counter<CounterNumber>,
    /// Adds to the sum. The value must not be negative.
    add
}
instrument! {
    /// Sums up values that grow and shrink: open connections, items in a queue.
    UpDownCounter<UpDownCounterNumber>,
    /// Adds to the sum. A negative value subtracts.
    add
}
instrument! {
    /// Counts values in buckets: durations, payload lengths.
    Histogram<HistogramNumber>,
    /// Records a value.
    record
}
instrument! {
    /// Keeps the last value, for values that cannot be summed: a temperature, a level.
    Gauge<GaugeNumber>,
    /// Sets the value.
    record
}

impl<T: HistogramNumber> Histogram<T> {
    /// Sets the upper bounds of the buckets: inclusive, strictly increasing and finite, at most
    /// 256. With an empty list, only sum and count are kept.
    ///
    /// By default, a histogram whose unit is `s` has the bounds that the semantic conventions
    /// recommend for durations, from 0.005 to 10. Any other histogram has the OpenTelemetry SDK's
    /// default, from 0 to 10,000, which suits milliseconds. Set bounds for microseconds, bytes or
    /// counts. If the host aggregates exponentially, bounds have no effect.
    #[must_use]
    pub const fn with_boundaries(mut self, boundaries: &'static [f64]) -> Self {
        self.declaration.boundaries = Some(boundaries);
        self
    }
}

/// An instrument that is bound to one set of attributes. A measurement passes only a number.
///
/// It belongs to the component instance that created it.
#[derive(Debug, Clone, Copy)]
pub struct Series<T> {
    handle: SeriesHandle,
    number: PhantomData<fn(T)>,
}

impl<T: Measurement> Series<T> {
    /// Adds to a sum.
    #[inline]
    pub fn add(&self, value: T) {
        self.record(value);
    }

    /// Records in a histogram, sets a gauge, or adds to a sum.
    #[inline]
    pub fn record(&self, value: T) {
        notice::take(meter::measure_series(self.handle, value.number()));
    }
}
