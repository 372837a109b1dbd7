//! Metrics about a [`crate::Telemetry`] itself. They show how close it is to its limits.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;

use crate::emitted::MetricInfo;
use crate::telemetry::host_scope;

/// The open spans of all instances.
///
/// Each instance writes only its own counter, so instances do not contend for it. The counters are
/// added up when metrics are collected.
#[derive(Debug, Default)]
pub(crate) struct OpenSpans {
    counters: Mutex<Vec<Weak<AtomicU32>>>,
    has_instances: AtomicBool,
}

impl OpenSpans {
    /// Records that an instance was made.
    pub(crate) fn note_instance(&self) {
        if !self.has_instances() {
            self.has_instances.store(true, Ordering::Relaxed);
        }
    }

    /// Returns whether an instance was ever made.
    pub(crate) fn has_instances(&self) -> bool {
        self.has_instances.load(Ordering::Relaxed)
    }

    /// Makes the counter of an instance. It is part of the sum until it is dropped.
    pub(crate) fn counter(&self) -> Arc<AtomicU32> {
        let counter = Arc::default();
        let mut all = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        // Removes the counters of ended instances before the vector grows.
        if all.len() == all.capacity() {
            all.retain(|counter| counter.strong_count() > 0);
        }
        all.push(Arc::downgrade(&counter));
        counter
    }

    pub(crate) fn sum(&self) -> usize {
        let all = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let live = all.iter().filter_map(Weak::upgrade);
        live.map(|counter| counter.load(Ordering::Relaxed) as usize)
            .sum()
    }
}

/// A number of items, for a metric.
#[derive(Debug, Default)]
pub(crate) struct ItemCount(AtomicUsize);

impl ItemCount {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn subtract(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Registers a metric for the provider's lifetime. `value` is called when metrics are collected.
/// `None` is not exported.
pub(crate) fn export(
    provider: &SdkMeterProvider,
    metric: &MetricInfo,
    attributes: Vec<KeyValue>,
    value: impl Fn() -> Option<usize> + Send + Sync + 'static,
) {
    let _ = provider
        .meter_with_scope(host_scope())
        .i64_observable_up_down_counter(metric.name)
        .with_unit(metric.unit)
        .with_description(metric.description)
        .with_callback(move |observer| {
            if let Some(value) = value() {
                observer.observe(i64::try_from(value).unwrap_or(i64::MAX), &attributes);
            }
        })
        .build();
}

/// Wraps `value` so that it returns `None` until the value was once not 0. So an idle host exports
/// nothing.
pub(crate) fn after_first_use(
    value: impl Fn() -> usize + Send + Sync + 'static,
) -> impl Fn() -> Option<usize> + Send + Sync + 'static {
    let used = AtomicBool::new(false);
    move || {
        let value = value();
        if value > 0 {
            used.store(true, Ordering::Relaxed);
        }
        used.load(Ordering::Relaxed).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_ended_instances_are_freed() {
        let open = OpenSpans::default();
        let kept = open.counter();
        kept.store(2, Ordering::Relaxed);
        for _ in 0..10_000 {
            open.counter().store(7, Ordering::Relaxed);
        }
        assert_eq!(open.sum(), 2);
        assert!(open.counters.lock().unwrap().capacity() < 100);
    }
}
