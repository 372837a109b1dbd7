//! What the instances of a provider share of metrics: meters, instruments, series and observed
//! values.
//!
//! A provider of the OpenTelemetry SDK never lets go of a meter, an instrument or an attribute set.
//! So here they are made at most once each, within limits, for all instances.

mod attributes;
mod bytes;
mod descriptor;
mod duplicates;
mod observable;
mod series;
mod total;
mod view;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry_sdk::metrics::{SdkMeterProvider, Temporality};

pub(crate) use attributes::AttributeSet;
pub use attributes::ScopeKey;
pub(crate) use descriptor::{Descriptor, InstrumentKey};
pub(crate) use duplicates::Registration;
pub use duplicates::Warnings;
pub(crate) use observable::{Observable, Taken};
pub(crate) use series::{Series, SyncInstrument};
pub use view::metrics_view;

use crate::dropped::Reason;
use crate::emitted::{COLLECTION, metric};
use crate::held::{self, Gauge};
use crate::limits::{Limits, MAX_CARDINALITY};
use crate::model::{InstrumentKind, InstrumentRole};
use crate::telemetry::host_scope;
use bytes::ByteBudget;
use observable::Reports;

/// How a meter provider's views aggregate histograms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HistogramAggregation {
    /// By fixed boundaries.
    #[default]
    ExplicitBuckets,
    /// By boundaries that grow exponentially and adapt; those that a guest gives have no effect.
    Base2Exponential,
}

/// An instrument of a provider.
#[derive(Debug, Clone)]
pub(crate) enum Instrument {
    Sync(Arc<SyncInstrument>),
    Observable(Arc<Observable>),
}

impl Instrument {
    /// Returns its name.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Sync(instrument) => instrument.name(),
            Self::Observable(observable) => observable.name(),
        }
    }
}

/// What all instances of a provider share.
pub(crate) struct Registry {
    provider: Option<SdkMeterProvider>,
    scopes: RwLock<Scopes>,
    /// How many instruments there are, for a metric.
    made: Arc<Gauge>,
    max_scopes: usize,
    max_instruments: usize,
    max_series: usize,
    budget: Arc<ByteBudget>,
    reports: Arc<Reports>,
    collections: Arc<AtomicU64>,
    /// The number of the collection that comes next. Every notice carries it, so it is made out
    /// once.
    next_collection: Arc<AtomicU32>,
    readers: Readers,
    observers: AtomicU64,
    warnings: Warnings,
}

/// What is known of a provider's readers and views, which it does not tell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Readers {
    /// What the exporter prefers.
    pub(crate) temporality: Temporality,
    /// What histograms become.
    pub(crate) histograms: HistogramAggregation,
    /// Whether no view makes one series of several, by leaving out attributes or by a lower limit
    /// on their sets.
    pub(crate) series_stay_apart: bool,
}

#[derive(Default)]
struct Scopes {
    by_key: HashMap<ScopeKey, MeterEntry>,
    instruments: usize,
}

struct MeterEntry {
    meter: Meter,
    instruments: HashMap<InstrumentKey, Arc<Registration>>,
    /// The first instrument of each name.
    first: HashMap<String, InstrumentKey>,
}

impl Scopes {
    fn find(&self, scope: &ScopeKey, key: &InstrumentKey) -> Option<(Meter, Arc<Registration>)> {
        let entry = self.by_key.get(scope)?;
        Some((entry.meter.clone(), Arc::clone(entry.instruments.get(key)?)))
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("budget", &self.budget)
            .field("reports", &self.reports)
            .field("collections", &self.collections)
            .finish_non_exhaustive()
    }
}

impl Registry {
    pub(crate) fn new(
        provider: Option<&SdkMeterProvider>,
        readers: Readers,
        limits: &Limits,
        warnings: Warnings,
    ) -> Self {
        let collections = Arc::new(AtomicU64::new(0));
        let next_collection = Arc::new(AtomicU32::new(0));
        if let Some(provider) = provider {
            next_collection.store(number_of(0), Ordering::Relaxed);
            count_collections(provider, &collections, &next_collection);
        }
        Self {
            provider: provider.cloned(),
            scopes: RwLock::default(),
            made: Arc::default(),
            max_scopes: limits.scopes_per_provider,
            max_instruments: limits.instruments_per_provider,
            max_series: limits.cardinality.min(MAX_CARDINALITY),
            budget: Arc::new(ByteBudget::new(limits.metric_bytes)),
            reports: Arc::new(Reports::new(limits.observations_per_provider)),
            collections,
            next_collection,
            readers,
            observers: AtomicU64::new(0),
            warnings,
        }
    }

    /// Exports how much is held.
    pub(crate) fn export_held(&self, provider: &SdkMeterProvider) {
        let made = Arc::clone(&self.made);
        held::export(
            provider,
            &metric::HELD_INSTRUMENTS,
            Vec::new(),
            held::once_used(move || made.get()),
        );
        let budget = Arc::clone(&self.budget);
        held::export(
            provider,
            &metric::METRIC_BYTES,
            Vec::new(),
            held::once_used(move || budget.held().0),
        );
        let budget = Arc::clone(&self.budget);
        held::export(
            provider,
            &metric::ATTRIBUTE_SETS,
            Vec::new(),
            held::once_used(move || budget.held().1),
        );
        let reports = Arc::clone(&self.reports);
        held::export(
            provider,
            &metric::OBSERVATIONS,
            Vec::new(),
            held::once_used(move || reports.held()),
        );
    }

    /// Returns the provider that all of it is made with.
    pub(crate) fn provider(&self) -> Option<&SdkMeterProvider> {
        self.provider.as_ref()
    }

    /// Returns a number to tell an observer's reports from others'.
    pub(crate) fn next_observer(&self) -> u64 {
        self.observers.fetch_add(1, Ordering::Relaxed)
    }

    /// Gives the number of the collection that the SDK will begin next, for the notice; 0 where it
    /// never collects.
    ///
    /// It is a number, and not whether an instance has reported: an instance may be several
    /// components, which nothing tells apart, and each of them compares with what it remembers.
    pub(crate) fn next_collection(&self) -> u32 {
        self.next_collection.load(Ordering::Relaxed)
    }

    /// Returns what is to be told about instruments.
    pub(crate) fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    /// Warns if an instrument is made again that is not quite what it was.
    pub(crate) fn compare(
        &self,
        scope: &ScopeKey,
        registration: &Registration,
        again: &Descriptor,
    ) {
        registration.compare(scope.0.name(), again, &self.warnings);
    }

    /// Returns the instrument of a scope and descriptor and its registration, and makes a new one;
    /// `None` without a provider.
    ///
    /// # Errors
    ///
    /// The limit on scopes or on instruments.
    pub(crate) fn instrument(
        &self,
        scope: &ScopeKey,
        key: &InstrumentKey,
        descriptor: Descriptor,
    ) -> Result<Option<(Instrument, Arc<Registration>)>, Reason> {
        let Some(provider) = &self.provider else {
            return Ok(None);
        };
        let known = self
            .scopes
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .find(scope, key);
        let (meter, registration) = match known {
            Some(known) => known,
            None => self.register(provider, scope, key, &descriptor)?,
        };
        self.compare(scope, &registration, &descriptor);
        // Made outside the lock: the SDK may be collecting, for which this waits, and only those
        // who want the same instrument.
        let made = registration
            .instrument
            .get_or_init(|| self.make(&meter, descriptor));
        let made = made.clone();
        Ok(made.map(|instrument| (instrument, registration)))
    }

    /// Registers a new instrument, within the limits.
    fn register(
        &self,
        provider: &SdkMeterProvider,
        scope: &ScopeKey,
        key: &InstrumentKey,
        descriptor: &Descriptor,
    ) -> Result<(Meter, Arc<Registration>), Reason> {
        let mut scopes = self.scopes.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = scopes.find(scope, key) {
            return Ok(known);
        }
        if scopes.instruments >= self.max_instruments {
            return Err(Reason::InstrumentsPerProvider);
        }
        if scopes.by_key.len() >= self.max_scopes && !scopes.by_key.contains_key(scope) {
            return Err(Reason::ScopesPerProvider);
        }
        scopes.instruments += 1;
        self.made.add();
        let entry = scopes
            .by_key
            .entry(scope.clone())
            .or_insert_with(|| MeterEntry {
                meter: provider.meter_with_scope(scope.0.clone()),
                instruments: HashMap::new(),
                first: HashMap::new(),
            });
        match entry.first.get(&key.name) {
            Some(first) => self.warnings.same_name(scope.0.name(), first, key),
            None => drop(entry.first.insert(key.name.clone(), key.clone())),
        }
        let registration = Arc::new(Registration::new(descriptor));
        entry
            .instruments
            .insert(key.clone(), Arc::clone(&registration));
        Ok((entry.meter.clone(), registration))
    }

    fn make(&self, meter: &Meter, descriptor: Descriptor) -> Option<Instrument> {
        let budget = Arc::clone(&self.budget);
        if descriptor.kind.is_observable() {
            let reports = Arc::clone(&self.reports);
            let temporality = self.readers.temporality;
            Observable::new(
                meter,
                descriptor,
                self.max_series,
                budget,
                reports,
                temporality,
            )
            .map(Instrument::Observable)
        } else {
            let readers = self.readers;
            let forgets = forgets(readers.temporality, descriptor.kind)
                .then(|| Arc::clone(&self.collections));
            SyncInstrument::new(meter, descriptor, self.max_series, readers, budget, forgets)
                .map(|instrument| Instrument::Sync(Arc::new(instrument)))
        }
    }
}

/// Returns the number of the collection before which so many have begun. Its lowest four bits are
/// never all zero, as only those of zero are: they are all that the handle of an unrecorded span
/// carries of it.
fn number_of(begun: u64) -> u32 {
    // They number 15/16 of 2^32, and begin anew after that.
    let begun = (begun % (15 << 28)) as u32;
    (begun / 15) << 4 | (begun % 15 + 1)
}

/// Returns whether the SDK forgets what was not measured between two collections: where it exports
/// differences (opentelemetry_sdk 0.33.1, `InstrumentKind::temporality_preference`).
fn forgets(temporality: Temporality, kind: InstrumentKind) -> bool {
    match kind.role() {
        _ if kind.is_observable() => false,
        InstrumentRole::Counter | InstrumentRole::Histogram => {
            matches!(temporality, Temporality::Delta | Temporality::LowMemory)
        }
        InstrumentRole::Gauge => temporality == Temporality::Delta,
        InstrumentRole::UpDownCounter => false,
    }
}

/// Registers an instrument that never has a value: its callback tells that a collection has begun.
fn count_collections(
    provider: &SdkMeterProvider,
    collections: &Arc<AtomicU64>,
    next: &Arc<AtomicU32>,
) {
    let (collections, next) = (Arc::clone(collections), Arc::clone(next));
    let _ = provider
        .meter_with_scope(host_scope())
        .u64_observable_gauge(COLLECTION)
        .with_callback(move |_| {
            let begun = collections.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            next.store(number_of(begun), Ordering::Relaxed);
        })
        .build();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_collections_grow_and_their_low_bits_are_never_zero() {
        let mut last = 0;
        for begun in 0..1_000 {
            let number = number_of(begun);
            assert!(number > last && number & 15 != 0, "{begun}");
            last = number;
        }
        assert_eq!(number_of((15 << 28) - 1), u32::MAX);
        assert_eq!(number_of(15 << 28), 1);
        assert_ne!(number_of(u64::MAX) & 15, 0);
    }
}
