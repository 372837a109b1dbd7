//! The recorder that tests use.

use core::marker::PhantomData;

use crate::backend::recording::{self, RecordedLog, RecordedMeasurement, RecordedSpan, change};
use crate::types::{BaggageEntry, Severity, SpanContext};
use crate::{metrics, notice, trace};

/// Keeps the telemetry that this thread records, until it is dropped.
#[derive(Debug)]
#[must_use = "it records until it is dropped"]
pub struct Recorder {
    not_send: PhantomData<*const ()>,
}

impl Recorder {
    /// Installs a recorder for this thread. It records every span and every log.
    ///
    /// # Panics
    ///
    /// Panics if the thread already has one.
    pub fn install() -> Self {
        recording::install();
        forget();
        Self {
            not_send: PhantomData,
        }
    }

    /// Sets whether spans that start from now on are recorded, as a host's sampler decides.
    pub fn sample(&self, recorded: bool) {
        change(|state| state.traces.sampled = recorded);
    }

    /// Sets the lowest severity of accepted logs. With `None`, no logs are accepted.
    ///
    /// As with a host, loggers learn of a new threshold with the program's next call.
    pub fn set_log_threshold(&self, severity: Option<Severity>) {
        change(|state| {
            state.logs.threshold = severity;
            state.logs.generation += 1;
        });
    }

    /// Asks for observations, as a host does when a collection is due.
    pub fn request_collection(&self) {
        change(|state| {
            let collection = &mut state.metrics.collection;
            // As in a host's numbers, the lowest four bits are never all zero.
            *collection += if *collection & 15 == 15 { 2 } else { 1 };
        });
    }

    /// Sets the host's own span around the call, which is ambient while the code has entered none.
    pub fn set_host_span(&self, context: Option<SpanContext>) {
        change(|state| state.traces.host = context);
    }

    /// Sets the baggage of the call.
    pub fn set_host_baggage(&self, entries: Vec<BaggageEntry>) {
        change(|state| state.context.host = entries);
    }

    /// Returns the host's span around the call, with what the program has set on it by
    /// [`invocation`](crate::invocation) and [`route`](crate::route). The host's own data is empty.
    #[must_use]
    pub fn invocation(&self) -> RecordedSpan {
        change(|state| state.traces.invocation.clone())
    }

    /// Returns the recorded spans, in the order in which they started.
    #[must_use]
    pub fn spans(&self) -> Vec<RecordedSpan> {
        change(|state| state.traces.recorded())
    }

    /// Returns the recorded span of that name.
    ///
    /// # Panics
    ///
    /// Panics if there is none, or more than one.
    #[track_caller]
    pub fn span(&self, name: &str) -> RecordedSpan {
        let mut spans = self.spans();
        let names: Vec<_> = spans.iter().map(|span| span.name.clone()).collect();
        spans.retain(|span| span.name == name);
        assert!(
            spans.len() == 1,
            "expected one span `{name}`, found {} among {names:?}",
            spans.len()
        );
        spans.remove(0)
    }

    /// Returns the recorded log records, in order.
    #[must_use]
    pub fn logs(&self) -> Vec<RecordedLog> {
        change(|state| state.logs.records.clone())
    }

    /// Returns the recorded measurements and observations, in order.
    #[must_use]
    pub fn measurements(&self) -> Vec<RecordedMeasurement> {
        change(|state| state.metrics.measurements.clone())
    }

    /// Returns the current reports of observable instruments as a host would collect them: the last
    /// observation of each series, unless a later round of callbacks left it out.
    #[must_use]
    pub fn observations(&self) -> Vec<RecordedMeasurement> {
        change(|state| state.metrics.observed())
    }

    /// Returns the current baggage.
    #[must_use]
    pub fn baggage(&self) -> Vec<BaggageEntry> {
        change(|state| state.context.current())
    }

    /// Returns the functions of the contract that were called since the last call of this method,
    /// for example `tracer.start`.
    #[must_use]
    pub fn take_calls(&self) -> Vec<&'static str> {
        change(|state| core::mem::take(&mut state.calls))
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        recording::uninstall();
        forget();
    }
}

/// Clears the thread's state of the SDK that belongs to another backend.
fn forget() {
    notice::reset();
    trace::reset();
    metrics::observable::reset();
    #[cfg(any(feature = "log", feature = "opentelemetry", feature = "tracing"))]
    crate::targets::reset();
    #[cfg(feature = "opentelemetry")]
    crate::opentelemetry::reset();
}
