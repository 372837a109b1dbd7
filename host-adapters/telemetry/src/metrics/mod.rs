//! The meters, instruments, series and observed values that all instances of a provider share.
//!
//! A provider of the OpenTelemetry SDK never frees a meter, an instrument or an attribute set. So
//! each is made at most once for all instances, within limits.

mod attributes;
mod descriptor;
mod duplicates;
mod observable;
mod series;
mod shared_byte_budget;
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
pub(crate) use observable::{Observable, ReportKind};
pub(crate) use series::{Series, SyncInstrument};
pub use view::{HistogramAggregation, metrics_view};

use crate::dropped::Reason;
use crate::emitted::{COLLECTION, metric};
use crate::limits::{Limits, MAX_CARDINALITY};
use crate::model::{InstrumentKind, InstrumentRole};
use crate::state_metrics::{self, ItemCount};
use crate::telemetry::host_scope;
use observable::Reports;
use shared_byte_budget::SharedByteBudget;

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

/// The instruments that all instances of a provider share.
pub(crate) struct Registry {
    provider: Option<SdkMeterProvider>,
    scopes: RwLock<Scopes>,
    /// The number of instruments, for a metric.
    instrument_count: Arc<ItemCount>,
    max_scopes: usize,
    max_instruments: usize,
    max_series: usize,
    budget: Arc<SharedByteBudget>,
    reports: Arc<Reports>,
    collections: Arc<AtomicU64>,
    /// The number of the next collection. Every notice contains it, so it is stored in that form.
    next_collection: Arc<AtomicU32>,
    readers: ReaderConfig,
    observers: AtomicU64,
    warnings: Warnings,
}

/// The configuration of a provider's readers and views. The SDK has no getters for it, so the
/// embedder passes it to the builder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReaderConfig {
    /// The temporality that the exporter prefers.
    pub(crate) temporality: Temporality,
    /// The aggregation of histograms.
    pub(crate) histograms: HistogramAggregation,
    /// True if no view merges series, by leaving out attributes or by a lower cardinality limit.
    pub(crate) no_merging_views: bool,
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
        readers: ReaderConfig,
        limits: &Limits,
        warnings: Warnings,
    ) -> Self {
        let collections = Arc::new(AtomicU64::new(0));
        let next_collection = Arc::new(AtomicU32::new(0));
        if let Some(provider) = provider {
            next_collection.store(collection_number(0), Ordering::Relaxed);
            count_collections(provider, &collections, &next_collection);
        }
        Self {
            provider: provider.cloned(),
            scopes: RwLock::default(),
            instrument_count: Arc::default(),
            max_scopes: limits.scopes_per_provider,
            max_instruments: limits.instruments_per_provider,
            max_series: limits.cardinality.min(MAX_CARDINALITY),
            budget: Arc::new(SharedByteBudget::new(limits.metric_bytes)),
            reports: Arc::new(Reports::new(limits.observations_per_provider)),
            collections,
            next_collection,
            readers,
            observers: AtomicU64::new(0),
            warnings,
        }
    }

    /// Exports the numbers of instruments, attribute sets, bytes and observations.
    pub(crate) fn export_state_metrics(&self, provider: &SdkMeterProvider) {
        let count = Arc::clone(&self.instrument_count);
        state_metrics::export(
            provider,
            &metric::HELD_INSTRUMENTS,
            Vec::new(),
            state_metrics::after_first_use(move || count.get()),
        );
        let budget = Arc::clone(&self.budget);
        state_metrics::export(
            provider,
            &metric::METRIC_BYTES,
            Vec::new(),
            state_metrics::after_first_use(move || budget.held().0),
        );
        let budget = Arc::clone(&self.budget);
        state_metrics::export(
            provider,
            &metric::ATTRIBUTE_SETS,
            Vec::new(),
            state_metrics::after_first_use(move || budget.held().1),
        );
        let reports = Arc::clone(&self.reports);
        state_metrics::export(
            provider,
            &metric::OBSERVATIONS,
            Vec::new(),
            state_metrics::after_first_use(move || reports.held()),
        );
    }

    /// Returns the provider of the instruments.
    pub(crate) fn provider(&self) -> Option<&SdkMeterProvider> {
        self.provider.as_ref()
    }

    /// Returns a unique number for an observer.
    pub(crate) fn next_observer(&self) -> u64 {
        self.observers.fetch_add(1, Ordering::Relaxed)
    }

    /// Returns the number of the next collection for the notice. It is 0 without a provider.
    ///
    /// A guest compares it with the number of its last report. A flag per instance would not do: an
    /// instance may contain several components, and the host cannot distinguish their calls.
    pub(crate) fn next_collection(&self) -> u32 {
        self.next_collection.load(Ordering::Relaxed)
    }

    /// Returns the warnings about instruments.
    pub(crate) fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    /// Warns if an instrument is made again with another name or other boundaries.
    pub(crate) fn compare(
        &self,
        scope: &ScopeKey,
        registration: &Registration,
        again: &Descriptor,
    ) {
        registration.compare(scope.0.name(), again, &self.warnings);
    }

    /// Returns the instrument of a scope and descriptor with its registration. Makes it if it is
    /// new. `None` without a provider.
    ///
    /// # Errors
    ///
    /// Returns the limit on scopes or instruments if it is exceeded.
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
        // Made without the lock: this waits if the SDK is collecting. So only calls for the same
        // instrument wait with it.
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
        self.instrument_count.add();
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
            let collections = sdk_forgets_idle_series(readers.temporality, descriptor.kind)
                .then(|| Arc::clone(&self.collections));
            SyncInstrument::new(
                meter,
                descriptor,
                self.max_series,
                readers,
                budget,
                collections,
            )
            .map(|instrument| Instrument::Sync(Arc::new(instrument)))
        }
    }
}

/// Returns the number of the next collection after `begun` collections. Its lowest four bits are
/// never all zero: the handle of an unrecorded span has only these bits, and zero means that
/// nothing is collected.
fn collection_number(begun: u64) -> u32 {
    // There are 15/16 of 2^32 such numbers. After the last one they start again.
    let begun = (begun % (15 << 28)) as u32;
    (begun / 15) << 4 | (begun % 15 + 1)
}

/// Returns whether the SDK forgets series that were not measured between two collections. It does
/// for delta temporality (opentelemetry_sdk 0.33.1, `InstrumentKind::temporality_preference`).
fn sdk_forgets_idle_series(temporality: Temporality, kind: InstrumentKind) -> bool {
    match kind.role() {
        _ if kind.is_observable() => false,
        InstrumentRole::Counter | InstrumentRole::Histogram => {
            matches!(temporality, Temporality::Delta | Temporality::LowMemory)
        }
        InstrumentRole::Gauge => temporality == Temporality::Delta,
        InstrumentRole::UpDownCounter => false,
    }
}

/// Registers an instrument that never has a value. The SDK calls its callback when a collection
/// begins.
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
            next.store(collection_number(begun), Ordering::Relaxed);
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
            let number = collection_number(begun);
            assert!(number > last && number & 15 != 0, "{begun}");
            last = number;
        }
        assert_eq!(collection_number((15 << 28) - 1), u32::MAX);
        assert_eq!(collection_number(15 << 28), 1);
        assert_ne!(collection_number(u64::MAX) & 15, 0);
    }
}
