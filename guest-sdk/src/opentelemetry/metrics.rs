//! Meters and instruments.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError};

use ::opentelemetry::metrics::{
    self as api, AsyncInstrument, AsyncInstrumentBuilder, Callback, Counter, Gauge, Histogram,
    HistogramBuilder, InstrumentBuilder, InstrumentProvider, ObservableCounter, ObservableGauge,
    ObservableUpDownCounter, SyncInstrument, UpDownCounter,
};
use ::opentelemetry::{InstrumentationScope, KeyValue as ApiKeyValue};

use super::scope::Scope;
use super::values::{self, TextArrays};
use crate::Measurement;
use crate::backend::{Slot, meter};
use crate::metrics::observable;
use crate::metrics::types::{InstrumentDescriptor, InstrumentKind};
use crate::notice;

/// How many instruments of a scope are kept: as many as a host admits an instance by default.
const MAX_INSTRUMENTS: usize = 256;
/// How many times an observable instrument may be built with callbacks.
const MAX_CALLBACKS: u32 = 256;

/// Gives meters whose instruments the host aggregates.
///
/// It holds nothing: all providers are the same one.
#[derive(Debug, Clone, Copy, Default)]
pub struct MeterProvider(());

impl MeterProvider {
    /// Makes a provider.
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

/// Is an instrument. The host makes it with the first measurement.
pub(super) struct Instrument {
    scope: Arc<Scope>,
    description: Description,
    slot: Slot,
    callbacks: AtomicU32,
}

#[derive(PartialEq)]
struct Description {
    kind: InstrumentKind,
    name: Cow<'static, str>,
    unit: Option<Cow<'static, str>>,
    description: Option<Cow<'static, str>>,
    boundaries: Option<Vec<f64>>,
}

impl Instrument {
    fn handle(&self) -> u64 {
        let Description {
            kind,
            name,
            unit,
            description,
            boundaries,
        } = &self.description;
        self.slot.get_or(|| {
            meter::create(
                self.scope.meter(),
                InstrumentDescriptor {
                    name,
                    kind: *kind,
                    unit: unit.as_deref(),
                    description: description.as_deref(),
                    boundaries: boundaries.as_deref(),
                },
            )
        })
    }
}

impl<T: Measurement> SyncInstrument<T> for Instrument {
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

/// Takes what a callback observes.
struct Observer(u64);

impl<T: Measurement> AsyncInstrument<T> for Observer {
    fn observe(&self, measurement: T, attributes: &[ApiKeyValue]) {
        let arrays = TextArrays::of(attributes);
        let attributes = values::attributes(attributes, &arrays);
        observable::observe(self.0, measurement.number(), &attributes);
    }
}

/// Makes the instruments of one scope, each once.
struct Instruments(Arc<Scope>);

impl Instruments {
    fn make(&self, description: Description) -> Arc<Instrument> {
        let mut instruments = self
            .0
            .instruments
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = instruments
            .iter()
            .find(|other| other.description == description)
        {
            return Arc::clone(found);
        }
        let made = Arc::new(Instrument {
            scope: Arc::clone(&self.0),
            description,
            slot: Slot::new(),
            callbacks: AtomicU32::new(0),
        });
        // A scope that is not kept must not be kept by its instruments.
        if self.0.kept && instruments.len() < MAX_INSTRUMENTS {
            instruments.push(Arc::clone(&made));
        }
        made
    }

    fn observe<T: Measurement>(&self, description: Description, callbacks: Vec<Callback<T>>) {
        let instrument = self.make(description);
        if !callbacks.is_empty()
            && instrument.callbacks.fetch_add(1, Ordering::Relaxed) < MAX_CALLBACKS
        {
            observable::register(Rc::new(move || {
                let observer = Observer(instrument.handle());
                for callback in &callbacks {
                    callback(&observer);
                }
            }));
        }
    }
}

macro_rules! instruments {
    (
        sync { $($sync:ident: $sync_type:ty, $sync_kind:ident;)* }
        histogram { $($histogram:ident: $histogram_type:ty, $histogram_kind:ident;)* }
        observable { $($observable:ident: $number:ty, $observable_type:ty, $observable_kind:ident;)* }
    ) => {
        impl InstrumentProvider for Instruments {
            $(fn $sync(&self, builder: InstrumentBuilder<'_, $sync_type>) -> $sync_type {
                <$sync_type>::new(self.make(Description {
                    kind: InstrumentKind::$sync_kind,
                    name: builder.name,
                    unit: builder.unit,
                    description: builder.description,
                    boundaries: None,
                }))
            })*
            $(fn $histogram(&self, builder: HistogramBuilder<'_, $histogram_type>) -> $histogram_type {
                <$histogram_type>::new(self.make(Description {
                    kind: InstrumentKind::$histogram_kind,
                    name: builder.name,
                    unit: builder.unit,
                    description: builder.description,
                    boundaries: builder.boundaries,
                }))
            })*
            $(fn $observable(
                &self,
                builder: AsyncInstrumentBuilder<'_, $observable_type, $number>,
            ) -> $observable_type {
                self.observe(
                    Description {
                        kind: InstrumentKind::$observable_kind,
                        name: builder.name,
                        unit: builder.unit,
                        description: builder.description,
                        boundaries: None,
                    },
                    builder.callbacks,
                );
                <$observable_type>::new()
            })*
        }
    };
}

instruments! {
    sync {
        u64_counter: Counter<u64>, CounterU64;
        f64_counter: Counter<f64>, CounterF64;
        i64_up_down_counter: UpDownCounter<i64>, UpDownCounterS64;
        f64_up_down_counter: UpDownCounter<f64>, UpDownCounterF64;
        u64_gauge: Gauge<u64>, GaugeU64;
        i64_gauge: Gauge<i64>, GaugeS64;
        f64_gauge: Gauge<f64>, GaugeF64;
    }
    histogram {
        u64_histogram: Histogram<u64>, HistogramU64;
        f64_histogram: Histogram<f64>, HistogramF64;
    }
    observable {
        u64_observable_counter: u64, ObservableCounter<u64>, ObservableCounterU64;
        f64_observable_counter: f64, ObservableCounter<f64>, ObservableCounterF64;
        i64_observable_up_down_counter: i64, ObservableUpDownCounter<i64>, ObservableUpDownCounterS64;
        f64_observable_up_down_counter: f64, ObservableUpDownCounter<f64>, ObservableUpDownCounterF64;
        u64_observable_gauge: u64, ObservableGauge<u64>, ObservableGaugeU64;
        i64_observable_gauge: i64, ObservableGauge<i64>, ObservableGaugeS64;
        f64_observable_gauge: f64, ObservableGauge<f64>, ObservableGaugeF64;
    }
}
