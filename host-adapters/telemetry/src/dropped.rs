//! Counts dropped and shortened telemetry by signal and [`Reason`]. Every limit and every kind of
//! misuse has a reason.
//!
//! An item counts once, under the first reason for which it was dropped. If it is dropped as a
//! whole, its dropped and shortened parts do not count. There are two exceptions: data that the
//! host leaves out before it has read a call's arguments ([`Reason::CallBytes`]), and the invalid
//! parent ([`Reason::WrongHandle`]) of a dropped span.

mod names;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;

use crate::emitted::{attribute, metric};
use crate::limits::{Limit, Limits, limit_table};
use crate::telemetry::host_scope;
use names::Names;

/// A kind of telemetry; attribute `wasmscope.signal`.
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
    /// All signals, in the order of their counters.
    pub const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    /// Returns the value of the attribute.
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
    (
        ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+)
        counted { $($limit:ident: $type:ty = $default:expr, $reason:ident, $meaning:literal $(, at most $max_name:ident = $max:expr)? $(, set by $($variable:literal)or+)?;)+ }
        uncounted { $($ignored:tt)* }
    ) => {
        /// Why telemetry was dropped or shortened; attribute `wasmscope.reason`.
        ///
        /// Each limit has a reason of the same name ([`Reason::limit`]).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[doc = $doc])+ $variant,)+
            $(
                #[doc = concat!("More than [`Limits::", stringify!($limit), "`](crate::Limits::", stringify!($limit), ").")]
                $reason,
            )+
        }

        impl Reason {
            /// All reasons, in the order of their counters.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+ $(Self::$reason,)+];

            /// Returns the value of the attribute.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                    $(Self::$reason => stringify!($limit),)+
                }
            }

            /// Returns a description in whole sentences.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($doc),+).trim_start(),)+
                    $(Self::$reason => concat!("The limit `", stringify!($limit), "` was exceeded."),)+
                }
            }
        }
    };
}

limit_table!(reasons(
    /// A handle that is invalid, belongs to another instance, or is no longer valid.
    WrongHandle = "wrong_handle",
    /// An `exit` of a span that is open but not entered, or of an unknown span or baggage.
    NotEntered = "not_entered",
    /// An `enter`, `exit` or `end` of the host's span, which only the host may end.
    HostSpan = "host_span",
    /// An attribute of the host's span that the host sets itself.
    HostAttribute = "host_attribute",
    /// An attribute with an empty key.
    EmptyKey = "empty_key",
    /// A remote context with an id of zero, or a malformed `traceparent`.
    InvalidContext = "invalid_context",
    /// A `tracestate` that W3C Trace Context forbids.
    InvalidTraceState = "invalid_trace_state",
    /// A span's end time before its start time. The start time is used as the end time.
    EndBeforeStart = "end_before_start",
    /// A time before the year 2000, or more than a day ahead of the host's clock. The current
    /// time is used instead.
    Timestamp = "timestamp",
    /// A baggage entry with an invalid key, or with invalid properties.
    InvalidBaggage = "invalid_baggage",
    /// An instrument with an invalid name. Its measurements are dropped.
    InstrumentName = "instrument_name",
    /// An instrument's unit that is longer than 63 bytes, or not ASCII. The unit is left out.
    InstrumentUnit = "instrument_unit",
    /// Bucket boundaries that are not finite or not in ascending order. The histogram gets the
    /// default boundaries.
    InvalidBoundaries = "invalid_boundaries",
    /// A number of the wrong type, or for the wrong kind of instrument.
    NumberType = "number_type",
    /// A number that the instrument does not allow, or that would overflow its sum.
    NumberRange = "number_range",
    /// A nested value of a log record with wrong references between its nodes. Each node must be
    /// referenced exactly once, and must come after its parent.
    NestedValue = "nested_value",
    /// A new event name or severity text, when the process already keeps 65,536 of them, or 4
    /// MiB.
    ProcessTexts = "process_texts",
    /// The host panicked while it handled a call. This is a bug in the host.
    HostPanic = "host_panic",
    /// The item came after the shutdown, or after the end of its instance, or was not delivered
    /// by the shutdown's deadline.
    Shutdown = "shutdown",
    /// The export queue was full.
    QueueFull = "queue_full",
    /// The export failed, or the collector refused the item.
    ExportFailed = "export_failed",
    /// The item does not fit into an export request by itself, or the collector refused it as
    /// too large.
    TooLarge = "too_large",
));

impl Reason {
    /// Returns the limit that was exceeded; `None` for the other reasons.
    #[must_use]
    pub fn limit(self) -> Option<&'static Limit> {
        let mut limits = Limits::TABLE.iter();
        limits.find(|limit| limit.reason == Some(self))
    }

    /// Returns true if the export lost the item, after the core had accepted it.
    #[must_use]
    pub const fn is_of_the_export(self) -> bool {
        matches!(
            self,
            Self::Shutdown | Self::QueueFull | Self::ExportFailed | Self::TooLarge
        )
    }
}

const SIGNALS: usize = Signal::ALL.len();
const REASONS: usize = Reason::ALL.len();

/// A count of dropped items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedCount {
    /// The kind of telemetry.
    pub signal: Signal,
    /// The reason.
    pub reason: Reason,
    /// The number of items since the start. Never 0.
    pub count: u64,
    /// The first different names of dropped items, at most
    /// [`DROPPED_NAMES`](crate::limits::DROPPED_NAMES).
    ///
    /// Depending on the reason, they are names of spans, instruments or scopes, or keys of
    /// attributes. They come from guests: they are shortened, and control characters are escaped.
    /// Empty if the items have no names.
    pub names: Vec<Box<str>>,
}

/// Counters of dropped telemetry by signal and reason. Clones share them.
///
/// The meter provider of their [`crate::Telemetry`] exports them as the observable counter
/// `wasmscope.dropped`. The names are not exported: they come from guests, so they could make any
/// number of series.
#[derive(Clone, Default)]
pub struct Dropped(Arc<Counters>);

struct Counters {
    counts: [[AtomicU64; REASONS]; SIGNALS],
    names: Names,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            counts: [const { [const { AtomicU64::new(0) }; REASONS] }; SIGNALS],
            names: Names::default(),
        }
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

    /// Counts one item as dropped, and records its name.
    #[cold]
    pub fn add_named(&self, signal: Signal, reason: Reason, name: &str) {
        self.add_some(signal, reason, 1);
        self.note_name(signal, reason, name);
    }

    /// Records the name of an item that is counted elsewhere.
    #[cold]
    pub fn note_name(&self, signal: Signal, reason: Reason, name: &str) {
        if !name.is_empty() {
            self.0.names.add(signal, reason, name);
        }
    }

    // Cold, so that the compiler optimizes the callers for the case that nothing is dropped.
    #[cold]
    fn add_some(&self, signal: Signal, reason: Reason, items: u64) {
        // Wraps after 2^64 items. No other memory access depends on it.
        self.counter(signal, reason)
            .fetch_add(items, Ordering::Relaxed);
    }

    /// Returns one count.
    #[must_use]
    pub fn get(&self, signal: Signal, reason: Reason) -> u64 {
        self.counter(signal, reason).load(Ordering::Relaxed)
    }

    /// Returns the sum of one signal's counts.
    #[must_use]
    pub fn total(&self, signal: Signal) -> u64 {
        Reason::ALL.iter().fold(0u64, |sum, &reason| {
            sum.saturating_add(self.get(signal, reason))
        })
    }

    /// Returns the counts that are not 0, with the recorded names.
    #[must_use]
    pub fn snapshot(&self) -> Vec<DroppedCount> {
        let with_names = |(signal, reason, count)| DroppedCount {
            signal,
            reason,
            count,
            names: self.0.names.get(signal, reason),
        };
        self.counts().map(with_names).collect()
    }

    /// Lists the counts that are not 0.
    fn counts(&self) -> impl Iterator<Item = (Signal, Reason, u64)> + '_ {
        Signal::ALL.into_iter().flat_map(move |signal| {
            let counts = Reason::ALL.iter();
            counts.filter_map(move |&reason| {
                let count = self.get(signal, reason);
                (count > 0).then_some((signal, reason, count))
            })
        })
    }

    fn counter(&self, signal: Signal, reason: Reason) -> &AtomicU64 {
        &self.0.counts[signal as usize][reason as usize]
    }

    /// Registers the counter `wasmscope.dropped` with a provider, for the provider's lifetime.
    pub(crate) fn export_to(&self, provider: &SdkMeterProvider) {
        let dropped = self.clone();
        // The provider keeps the callback, so the instrument is not needed.
        let _ = provider
            .meter_with_scope(host_scope())
            .u64_observable_counter(metric::DROPPED.name)
            .with_unit(metric::DROPPED.unit)
            .with_description(metric::DROPPED.description)
            .with_callback(move |observer| {
                for (signal, reason, count) in dropped.counts() {
                    observer.observe(
                        // The exporter writes larger numbers as 0.
                        count.min(i64::MAX as u64),
                        &[
                            KeyValue::new(attribute::SIGNAL.key, signal.as_str()),
                            KeyValue::new(attribute::REASON.key, reason.as_str()),
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
    fn counts_are_exported_as_a_counter() {
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
