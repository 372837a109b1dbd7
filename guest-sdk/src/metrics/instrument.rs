//! Instruments that are told each measurement.

use core::marker::PhantomData;

use super::types::{InstrumentDescriptor, InstrumentKind};
use super::{CounterNumber, GaugeNumber, HistogramNumber, Measurement, Meter, UpDownCounterNumber};
use crate::backend::{Slot, meter};
use crate::{KeyValue, notice};

/// What every instrument has, whatever its kind.
#[derive(Debug)]
pub(super) struct Core {
    meter: &'static Meter,
    name: &'static str,
    pub(super) unit: Option<&'static str>,
    pub(super) description: Option<&'static str>,
    pub(super) boundaries: Option<&'static [f64]>,
    slot: Slot,
}

impl Core {
    pub(super) const fn new(meter: &'static Meter, name: &'static str) -> Self {
        Self {
            meter,
            name,
            unit: None,
            description: None,
            boundaries: None,
            slot: Slot::new(),
        }
    }

    pub(super) fn handle(&self, kind: InstrumentKind) -> u64 {
        self.slot.get_or(|| {
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
        /// It is cheap and constant: keep it in a `static`. The host makes it with the first measurement.
        #[derive(Debug)]
        pub struct $name<T: $number> {
            core: Core,
            number: PhantomData<fn(T)>,
        }

        impl<T: $number> $name<T> {
            /// Makes an instrument. The name has 1 to 255 characters, a letter first, then letters, digits, `_`,
            /// `.`, `-` and `/`; with another one the measurements are dropped and counted by the host.
            #[must_use]
            pub const fn new(meter: &'static Meter, name: &'static str) -> Self {
                Self { core: Core::new(meter, name), number: PhantomData }
            }

            /// Sets the unit, in UCUM notation such as `ms`, `By` or `{request}`; at most 63 ASCII characters.
            #[must_use]
            pub const fn with_unit(mut self, unit: &'static str) -> Self {
                self.core.unit = Some(unit);
                self
            }

            /// Sets what it measures, for people.
            #[must_use]
            pub const fn with_description(mut self, description: &'static str) -> Self {
                self.core.description = Some(description);
                self
            }

            $(#[$method_doc])*
            pub fn $method(&self, value: T, attributes: &[KeyValue<'_>]) {
                notice::take(meter::measure(self.core.handle(T::KIND), value.number(), attributes));
            }

            /// Fixes the attributes once, for measurements that pass a number and nothing else. Keep the series: each call
            /// makes one, and an instance may have 1,024.
            pub fn bind(&self, attributes: &[KeyValue<'_>]) -> Series<T> {
                Series {
                    handle: meter::bind(self.core.handle(T::KIND), attributes),
                    number: PhantomData,
                }
            }
        }
    };
}

instrument! {
    /// Sums up what only grows: requests served, bytes sent.
    Counter<CounterNumber>,
    /// Adds to the sum; the value is not negative.
    add
}
instrument! {
    /// Sums up what grows and shrinks: open connections, items in a queue.
    UpDownCounter<UpDownCounterNumber>,
    /// Adds to the sum; a negative value takes away.
    add
}
instrument! {
    /// Counts values by size: durations, payload lengths.
    Histogram<HistogramNumber>,
    /// Records a value.
    record
}
instrument! {
    /// Keeps the last value of what cannot be summed up: a temperature, a level.
    Gauge<GaugeNumber>,
    /// Sets the value.
    record
}

impl<T: HistogramNumber> Histogram<T> {
    /// Sets the upper bounds of the buckets: inclusive, strictly growing and finite, at most 256.
    /// An empty list keeps sum and count alone.
    ///
    /// Without it, a histogram whose unit is `s` has the bounds that the semantic conventions
    /// recommend for durations, from 0.005 to 10. Any other has the OpenTelemetry SDK's default,
    /// from 0 to 10,000, which suits milliseconds: give bounds of your own for microseconds, bytes
    /// or counts. Where the host aggregates exponentially, bounds have no effect.
    #[must_use]
    pub const fn with_boundaries(mut self, boundaries: &'static [f64]) -> Self {
        self.core.boundaries = Some(boundaries);
        self
    }
}

/// Is an instrument bound to one set of attributes. A measurement passes a number, and no memory is read.
///
/// It belongs to the component instance that made it.
#[derive(Debug, Clone, Copy)]
pub struct Series<T> {
    handle: u64,
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
