//! The account of what was not kept: every limit and every misuse has a [`Reason`], and is counted by signal.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;

use crate::telemetry::host_scope;

/// The kind of telemetry that something belonged to; attribute `wasmscope.signal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Spans, and the context and baggage around them.
    Traces,
    /// Measurements.
    Metrics,
    /// Log records and events.
    Logs,
}

impl Signal {
    /// Every signal, in the order of their counters.
    pub const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    /// Gives the name under which it is exported.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// Why something was not kept as it was given; attribute `wasmscope.reason`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Reason {
            /// Every reason, in the order of their counters.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Gives the name under which it is exported.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

reasons! {
    /// A handle that is made up, foreign, or no longer good.
    WrongHandle = "wrong_handle",
    /// An `exit` of a span, or of baggage, that was not entered.
    NotEntered = "not_entered",
    /// More scopes than an instance may have.
    Scopes = "scopes",
    /// More open spans than an instance may have.
    OpenSpans = "open_spans",
    /// More entered spans than an instance may have.
    EnteredSpans = "entered_spans",
    /// More attributes than a span, event, link, record, scope or measurement may have.
    Attributes = "attributes",
    /// More events than a span may have.
    Events = "events",
    /// More links than a span may have.
    Links = "links",
    /// An attribute with an empty key.
    EmptyKey = "empty_key",
    /// An attribute with too long a key.
    KeyLength = "key_length",
    /// A name, description, unit or status description that was shortened or left out.
    TextLength = "text_length",
    /// A value that was shortened.
    ValueLength = "value_length",
    /// An array that was shortened.
    ArrayLength = "array_length",
    /// More bytes than one span or one record may have.
    RecordBytes = "record_bytes",
    /// More bytes than an instance may hold at a time.
    InstanceBytes = "instance_bytes",
    /// More bytes than one call may bring.
    CallBytes = "call_bytes",
    /// A remote context with an id of zero, or a malformed `traceparent`.
    InvalidContext = "invalid_context",
    /// A `tracestate` that W3C Trace Context forbids, or entries beyond its length limit.
    InvalidTraceState = "invalid_trace_state",
    /// An end before the start, which was taken as the start.
    EndBeforeStart = "end_before_start",
    /// Baggage entries beyond the limits on entries or bytes.
    Baggage = "baggage",
    /// A baggage entry with an invalid key, or properties that are invalid.
    InvalidBaggage = "invalid_baggage",
    /// More instruments than an instance or a provider may have.
    Instruments = "instruments",
    /// An instrument with an invalid name.
    InstrumentName = "instrument_name",
    /// Bucket boundaries that are invalid.
    Boundaries = "boundaries",
    /// A number of another type than the instrument's, or for another kind of instrument.
    NumberType = "number_type",
    /// A number that the instrument cannot take, or that would leave the range of its sum.
    NumberRange = "number_range",
    /// More bound series than an instance may have.
    Series = "series",
    /// More attribute sets than an instrument may have.
    Cardinality = "cardinality",
    /// More observed values than an instance or a provider may hold.
    Observations = "observations",
    /// A nested value that breaks the rules of the arena.
    NestedValue = "nested_value",
    /// An event name or severity text beyond what the host remembers.
    Interned = "interned",
    /// The host panicked while it handled a call, which is a defect of the host.
    HostPanic = "host_panic",
    /// The provider was shut down.
    Shutdown = "shutdown",
    /// The export queue was full.
    QueueFull = "queue_full",
    /// The exporter gave up.
    ExportFailed = "export_failed",
}

const SIGNALS: usize = Signal::ALL.len();
const REASONS: usize = Reason::ALL.len();

/// One line of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DroppedCount {
    /// What kind of telemetry.
    pub signal: Signal,
    /// Why.
    pub reason: Reason,
    /// How many items, since the start. Never 0.
    pub count: u64,
}

/// Counters of what was dropped, by signal and reason; clones share them.
///
/// They are exported as the observable counter `wasmscope.dropped` by the meter provider of the
/// [`crate::Telemetry`] that they belong to.
#[derive(Clone)]
pub struct Dropped(Arc<[[AtomicU64; REASONS]; SIGNALS]>);

impl Default for Dropped {
    fn default() -> Self {
        Self(Arc::new(
            [const { [const { AtomicU64::new(0) }; REASONS] }; SIGNALS],
        ))
    }
}

impl fmt::Debug for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.snapshot()).finish()
    }
}

impl Dropped {
    /// Counts `items` as dropped.
    #[inline]
    pub fn add(&self, signal: Signal, reason: Reason, items: u64) {
        if items > 0 {
            self.add_some(signal, reason, items);
        }
    }

    // Where it is called, the program is not laid out for it.
    #[cold]
    fn add_some(&self, signal: Signal, reason: Reason, items: u64) {
        // Wraps after 2^64 items; nothing is ordered by it.
        self.counter(signal, reason)
            .fetch_add(items, Ordering::Relaxed);
    }

    /// Gives one count.
    #[must_use]
    pub fn get(&self, signal: Signal, reason: Reason) -> u64 {
        self.counter(signal, reason).load(Ordering::Relaxed)
    }

    /// Gives the sum of one signal's counts.
    #[must_use]
    pub fn total(&self, signal: Signal) -> u64 {
        Reason::ALL.iter().fold(0u64, |sum, &reason| {
            sum.saturating_add(self.get(signal, reason))
        })
    }

    /// Gives the counts that are not 0.
    #[must_use]
    pub fn snapshot(&self) -> Vec<DroppedCount> {
        let mut counts = Vec::new();
        for signal in Signal::ALL {
            for &reason in Reason::ALL {
                let count = self.get(signal, reason);
                if count > 0 {
                    counts.push(DroppedCount {
                        signal,
                        reason,
                        count,
                    });
                }
            }
        }
        counts
    }

    fn counter(&self, signal: Signal, reason: Reason) -> &AtomicU64 {
        &self.0[signal as usize][reason as usize]
    }

    /// Registers the counter `wasmscope.dropped` with a provider, for the provider's life.
    pub(crate) fn export_to(&self, provider: &SdkMeterProvider) {
        let dropped = self.clone();
        // The instrument itself is nothing but the registration: the provider keeps the callback.
        let _ = provider
            .meter_with_scope(host_scope())
            .u64_observable_counter("wasmscope.dropped")
            .with_unit("{item}")
            .with_description("Telemetry that was not kept as it was given, or not delivered")
            .with_callback(move |observer| {
                for line in dropped.snapshot() {
                    observer.observe(
                        // Beyond this the exporter would write 0.
                        line.count.min(i64::MAX as u64),
                        &[
                            KeyValue::new("wasmscope.signal", line.signal.as_str()),
                            KeyValue::new("wasmscope.reason", line.reason.as_str()),
                        ],
                    );
                }
            })
            .build();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use opentelemetry_sdk::metrics::InMemoryMetricExporter;
    use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};

    use super::*;

    #[test]
    fn names_are_unique_and_counters_separate() {
        let dropped = Dropped::default();
        let mut names = HashSet::new();
        let mut expected = 0;
        for signal in Signal::ALL {
            for &reason in Reason::ALL {
                expected += 1;
                dropped.add(signal, reason, expected);
                assert_eq!(dropped.get(signal, reason), expected);
                assert!(names.insert((signal.as_str(), reason.as_str())));
            }
        }
        assert_eq!(dropped.snapshot().len(), names.len());
        let totals: u64 = Signal::ALL
            .iter()
            .map(|signal| dropped.total(*signal))
            .sum();
        assert_eq!(totals, expected * (expected + 1) / 2);
    }

    #[test]
    fn the_account_is_exported_as_a_counter() {
        let exporter = InMemoryMetricExporter::default();
        let provider = SdkMeterProvider::builder()
            .with_periodic_exporter(exporter.clone())
            .build();
        let dropped = Dropped::default();
        dropped.export_to(&provider);
        let clone = dropped.clone();
        clone.add(Signal::Logs, Reason::Scopes, 2);
        clone.add(Signal::Logs, Reason::Scopes, 1);
        clone.add(Signal::Traces, Reason::OpenSpans, 0);
        provider.force_flush().unwrap();

        let exported = exporter.get_finished_metrics().unwrap();
        let scope = exported[0].scope_metrics().next().unwrap();
        assert_eq!(scope.scope().name(), "wasmscope");
        let metric = scope.metrics().next().unwrap();
        assert_eq!(
            (metric.name(), metric.unit()),
            ("wasmscope.dropped", "{item}")
        );
        let AggregatedMetrics::U64(MetricData::Sum(sum)) = metric.data() else {
            panic!("not a sum: {metric:?}");
        };
        assert!(sum.is_monotonic());
        let points: Vec<_> = sum.data_points().collect();
        assert_eq!(points.len(), 1);
        assert_eq!(points[0].value(), 3);
        let attributes: HashSet<_> = points[0].attributes().cloned().collect();
        let expected = [
            KeyValue::new("wasmscope.signal", "logs"),
            KeyValue::new("wasmscope.reason", "scopes"),
        ];
        assert_eq!(attributes, HashSet::from(expected));
    }
}
