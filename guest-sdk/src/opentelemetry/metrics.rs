//! Meters and instruments.

use std::rc::Rc;
use std::sync::{Arc, PoisonError};

use ::opentelemetry::metrics::{
    self as api, AsyncInstrument, AsyncInstrumentBuilder, Callback, Counter, Gauge, Histogram,
    HistogramBuilder, InstrumentBuilder, InstrumentProvider, ObservableCounter, ObservableGauge,
    ObservableUpDownCounter, SyncInstrument, UpDownCounter,
};
use ::opentelemetry::{InstrumentationScope, KeyValue as ApiKeyValue};

use super::instrument::{Description, Instrument};
use super::scope::Scope;
use super::values::{self, TextArrays};
use crate::backend::meter;
use crate::metrics::{Measurement, observable};
use crate::notice;
use crate::types::{InstrumentHandle, InstrumentOf, family};

/// The number of instruments that are kept for a scope: the host's default limit for an instance.
const MAX_INSTRUMENTS: usize = 256;

/// Provides meters whose instruments the host aggregates.
///
/// All providers are equal, because they have no state.
#[derive(Debug, Clone, Copy, Default)]
pub struct MeterProvider(());

impl MeterProvider {
    /// Creates a provider.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

impl api::MeterProvider for MeterProvider {
    fn meter_with_scope(&self, scope: InstrumentationScope) -> api::Meter {
        api::Meter::new(Arc::new(Instruments(Scope::of(scope))))
    }
}

/// An instrument with its scope. The scope owns the instrument.
#[derive(Clone)]
struct Scoped {
    scope: Arc<Scope>,
    instrument: Arc<Instrument>,
}

impl Scoped {
    fn handle(&self) -> InstrumentHandle {
        self.instrument.handle(|| self.scope.meter())
    }
}

impl<T: Measurement> SyncInstrument<T> for Scoped {
    fn measure(&self, measurement: T, attributes: &[ApiKeyValue]) {
        let arrays = TextArrays::of(attributes);
        let attributes = values::attributes(attributes, &arrays);
        notice::take(meter::measure(
            self.handle(),
            measurement.number(),
            &attributes,
        ));
    }
}

/// Receives the observations of a callback.
struct Observer(InstrumentHandle);

impl<T: Measurement> AsyncInstrument<T> for Observer {
    fn observe(&self, measurement: T, attributes: &[ApiKeyValue]) {
        let arrays = TextArrays::of(attributes);
        let attributes = values::attributes(attributes, &arrays);
        observable::observe(self.0, measurement.number(), &attributes);
    }
}

/// Creates the instruments of one scope, each of them once.
struct Instruments(Arc<Scope>);

impl Instruments {
    fn make(&self, description: Description) -> Scoped {
        let scope = Arc::clone(&self.0);
        let mut instruments = scope
            .instruments
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let found = instruments.iter().find(|other| other.is(&description));
        let instrument = found.map(Arc::clone).unwrap_or_else(|| {
            let made = Arc::new(Instrument::new(description));
            if instruments.len() < MAX_INSTRUMENTS {
                instruments.push(Arc::clone(&made));
            }
            made
        });
        drop(instruments);
        Scoped { scope, instrument }
    }

    fn observe<T: Measurement>(&self, description: Description, callbacks: Vec<Callback<T>>) {
        let scoped = self.make(description);
        if !callbacks.is_empty() && scoped.instrument.takes_callbacks() {
            observable::register(Rc::new(move || {
                let observer = Observer(scoped.handle());
                for callback in &callbacks {
                    callback(&observer);
                }
            }));
        }
    }
}

/// Returns the kind of the instruments of a family over a type of numbers.
macro_rules! kind {
    ($family:ident, $number:ty) => {
        <$number as InstrumentOf<family::$family>>::KIND
    };
}

macro_rules! instruments {
    (
        sync { $($sync:ident: $sync_family:ident<$sync_number:ty>;)* }
        histogram { $($histogram:ident: $histogram_number:ty;)* }
        observable { $($observable:ident: $observable_family:ident<$observable_number:ty>;)* }
    ) => {
        impl InstrumentProvider for Instruments {
            $(fn $sync(
                &self,
                builder: InstrumentBuilder<'_, $sync_family<$sync_number>>,
            ) -> $sync_family<$sync_number> {
                <$sync_family<$sync_number>>::new(Arc::new(self.make(Description {
                    kind: kind!($sync_family, $sync_number),
                    name: builder.name,
                    unit: builder.unit,
                    description: builder.description,
                    boundaries: None,
                })))
            })*
            $(fn $histogram(
                &self,
                builder: HistogramBuilder<'_, Histogram<$histogram_number>>,
            ) -> Histogram<$histogram_number> {
                <Histogram<$histogram_number>>::new(Arc::new(self.make(Description {
                    kind: kind!(Histogram, $histogram_number),
                    name: builder.name,
                    unit: builder.unit,
                    description: builder.description,
                    boundaries: builder.boundaries,
                })))
            })*
            $(fn $observable(
                &self,
                builder: AsyncInstrumentBuilder<'_, $observable_family<$observable_number>, $observable_number>,
            ) -> $observable_family<$observable_number> {
                self.observe(
                    Description {
                        kind: kind!($observable_family, $observable_number),
                        name: builder.name,
                        unit: builder.unit,
                        description: builder.description,
                        boundaries: None,
                    },
                    builder.callbacks,
                );
                <$observable_family<$observable_number>>::new()
            })*
        }
    };
}

instruments! {
    sync {
        u64_counter: Counter<u64>;
        f64_counter: Counter<f64>;
        i64_up_down_counter: UpDownCounter<i64>;
        f64_up_down_counter: UpDownCounter<f64>;
        u64_gauge: Gauge<u64>;
        i64_gauge: Gauge<i64>;
        f64_gauge: Gauge<f64>;
    }
    histogram {
        u64_histogram: u64;
        f64_histogram: f64;
    }
    observable {
        u64_observable_counter: ObservableCounter<u64>;
        f64_observable_counter: ObservableCounter<f64>;
        i64_observable_up_down_counter: ObservableUpDownCounter<i64>;
        f64_observable_up_down_counter: ObservableUpDownCounter<f64>;
        u64_observable_gauge: ObservableGauge<u64>;
        i64_observable_gauge: ObservableGauge<i64>;
        f64_observable_gauge: ObservableGauge<f64>;
    }
}
