//! Counts one signal's items through a pipeline: accepted, delivered and lost.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use wasmscope_telemetry::Warnings;
use wasmscope_telemetry::dropped::{Dropped, Reason, Signal};
use wasmscope_telemetry::printable::printable;

use crate::config::WarningHook;

use super::reason::Secrets;
use super::report::SignalReport;

/// The most characters of an item's name in a warning.
const LONGEST_NAME: usize = 64;

/// Counts the items that enter a signal's processor and leave its exporter.
///
/// The SDK's processors do not report how many items they drop. So a full queue is detected here,
/// before them: `waiting` grows when an item enters and shrinks when its batch reaches the
/// exporter. By then the batch has left the SDK's queue. The SDK's queue therefore never holds more
/// items than are counted here, and never overflows.
#[derive(Debug)]
pub(super) struct ExportStats {
    signal: Signal,
    /// Items that wait for their export.
    waiting: AtomicU64,
    /// Items of running exports.
    under_way: AtomicU64,
    exported: AtomicU64,
    failed: AtomicU64,
    queue_full: AtomicU64,
    rejected: AtomicU64,
    too_large: AtomicU64,
    /// The most items of one export that were too large.
    most_too_large: AtomicU64,
    has_warned_too_large: AtomicBool,
    abandoned: AtomicU64,
    /// Data points whose last export failed. A later export of the same series replaces them.
    pending: AtomicU64,
    /// No more items are accepted.
    closed: AtomicBool,
    /// The exporter was shut down, so no more exports follow.
    finished: (Mutex<bool>, Condvar),
    dropped: Dropped,
    failure_hook: Arc<FailureHook>,
    /// The endpoint, as shown in messages.
    destination: String,
    /// Credentials that are hidden in a collector's answers.
    secrets: Secrets,
}

impl ExportStats {
    pub(super) fn new(
        signal: Signal,
        destination: String,
        secrets: Secrets,
        dropped: Dropped,
        failure_hook: Arc<FailureHook>,
    ) -> Arc<Self> {
        Arc::new(Self {
            signal,
            waiting: AtomicU64::new(0),
            under_way: AtomicU64::new(0),
            exported: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            queue_full: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            too_large: AtomicU64::new(0),
            most_too_large: AtomicU64::new(0),
            has_warned_too_large: AtomicBool::new(false),
            abandoned: AtomicU64::new(0),
            pending: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            finished: (Mutex::new(false), Condvar::new()),
            dropped,
            failure_hook,
            destination,
            secrets,
        })
    }

    /// Accepts one item if fewer than `capacity` are waiting. Otherwise counts it as dropped.
    pub(super) fn admit(&self, capacity: u64) -> bool {
        if self.closed.load(Ordering::Acquire) {
            self.dropped.add(self.signal, Reason::Shutdown, 1);
            self.abandoned.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        let admitted = self
            .waiting
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |waiting| {
                (waiting < capacity).then_some(waiting + 1)
            });
        if admitted.is_err() {
            self.queue_full.fetch_add(1, Ordering::Relaxed);
            self.dropped.add(self.signal, Reason::QueueFull, 1);
        }
        admitted.is_ok()
    }

    /// Starts an export of `items` that were waiting.
    pub(super) fn begin(&self, items: u64) {
        // Items that were abandoned meanwhile are already counted.
        if subtract(&self.waiting, items) {
            self.under_way.fetch_add(items, Ordering::AcqRel);
        }
    }

    /// Passes the queued warnings to the hook. Runs on the exporting thread.
    pub(super) fn report_warnings(&self) {
        self.failure_hook.report_warnings();
    }

    /// Starts an export of `items` that were never queued.
    pub(super) fn begin_unqueued(&self, items: u64) {
        self.under_way.fetch_add(items, Ordering::AcqRel);
    }

    /// Counts items of the running export in a request that the collector accepted, some of which
    /// it may have rejected. The collector may report any number of rejections; at most the number
    /// of items in the request is counted. Without a rejection, its message is a warning.
    pub(super) fn delivered(&self, items: u64, rejected: PartialSuccess) {
        // Items that were abandoned meanwhile are already counted.
        if !subtract(&self.under_way, items) {
            return;
        }
        self.exported.fetch_add(items, Ordering::AcqRel);
        let reason_text = match self.secrets.shown(&rejected.message) {
            Some(words) => format!(": {words}"),
            None => String::new(),
        };
        let rejected = u64::try_from(rejected.items).unwrap_or(0).min(items);
        if rejected == 0 {
            if !reason_text.is_empty() {
                let signal = self.signal.as_str();
                let destination = &self.destination;
                self.failure_hook.warn_once(&format!(
                    "{destination} accepted the {signal} with a warning{reason_text}"
                ));
            }
            return;
        }
        let plural = if rejected == 1 { "" } else { "s" };
        let message = format!("the collector rejected {rejected} item{plural}{reason_text}");
        self.rejected.fetch_add(rejected, Ordering::Relaxed);
        self.dropped
            .add(self.signal, Reason::ExportFailed, rejected);
        self.failure_hook
            .report_failure(self.signal, &self.destination, &message);
    }

    /// Names the messages around an item in a request.
    pub(super) fn envelope(&self) -> &'static str {
        match self.signal {
            Signal::Traces | Signal::Logs => "resource and scope",
            Signal::Metrics => "resource, scope and metric",
        }
    }

    /// Counts one item of the running export as too large. Adds `counted` to the total: 0 if an
    /// earlier export counted the item. Warns about the first one.
    pub(super) fn too_large(&self, name: &str, counted: u64, why: &str) {
        if !subtract(&self.under_way, 1) {
            return;
        }
        self.too_large.fetch_add(counted, Ordering::AcqRel);
        self.dropped.add(self.signal, Reason::TooLarge, counted);
        self.dropped.note_name(self.signal, Reason::TooLarge, name);
        if !self.has_warned_too_large.swap(true, Ordering::Relaxed) {
            let item = match self.signal {
                Signal::Traces => "the span",
                Signal::Metrics => "a data point of the metric",
                Signal::Logs => "a log record of",
            };
            let message = format!(
                "cannot send {item} \"{}\" to {}: {why}",
                printable(name, LONGEST_NAME),
                self.destination
            );
            self.failure_hook.set_first(&message);
            self.failure_hook.call_hook(&message);
        }
    }

    /// Returns by how much the number of too large items has grown, if each export repeats the
    /// items of the previous one.
    pub(super) fn newly_too_large(&self, in_this_export: u64) -> u64 {
        let most = self
            .most_too_large
            .fetch_max(in_this_export, Ordering::Relaxed);
        in_this_export.saturating_sub(most)
    }

    /// The export succeeded.
    pub(super) fn succeeded(&self) {
        self.pending.store(0, Ordering::Relaxed);
    }

    /// The export failed and its remaining items, at most `items`, are lost. Counts them before the
    /// hook is called.
    pub(super) fn lost(&self, items: u64, error: &str) {
        let left = take(&self.under_way, items);
        self.failed.fetch_add(left, Ordering::AcqRel);
        self.dropped.add(self.signal, Reason::ExportFailed, left);
        self.failure_hook
            .report_failure(self.signal, &self.destination, error);
    }

    /// The export failed, but the next one repeats its remaining items.
    pub(super) fn deferred(&self, items: u64, error: &str) {
        let left = take(&self.under_way, items);
        self.pending.store(left, Ordering::Relaxed);
        self.failure_hook
            .report_failure(self.signal, &self.destination, error);
    }

    /// Stops accepting items.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Marks the exporter as shut down.
    pub(super) fn finish(&self) {
        let (finished, changed) = &self.finished;
        *finished.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }

    /// Waits for [`ExportStats::finish`]. Returns whether it came in time.
    pub(super) fn wait_finished(&self, until: Instant) -> bool {
        let (finished, changed) = &self.finished;
        let guard = finished.lock().unwrap_or_else(PoisonError::into_inner);
        let left = until.saturating_duration_since(Instant::now());
        let waited = changed.wait_timeout_while(guard, left, |finished| !*finished);
        let (guard, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *guard
    }

    /// Counts all undelivered items as lost. No more items are delivered after this.
    pub(super) fn abandon_rest(&self) {
        self.close();
        let abandoned =
            self.waiting.swap(0, Ordering::AcqRel) + self.under_way.swap(0, Ordering::AcqRel);
        self.abandoned.fetch_add(abandoned, Ordering::Relaxed);
        self.dropped.add(self.signal, Reason::Shutdown, abandoned);
        let failed = self.pending.swap(0, Ordering::AcqRel);
        self.failed.fetch_add(failed, Ordering::AcqRel);
        self.dropped.add(self.signal, Reason::ExportFailed, failed);
    }

    /// Returns how many accepted items have been neither delivered nor lost.
    pub(super) fn unsettled(&self) -> u64 {
        self.waiting.load(Ordering::Acquire) + self.under_way.load(Ordering::Acquire)
    }

    /// Returns the signal of the counted items.
    pub(super) fn signal(&self) -> Signal {
        self.signal
    }

    /// Returns how many items are queued.
    pub(super) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Returns how many items have been delivered or lost.
    pub(super) fn settled(&self) -> u64 {
        [&self.exported, &self.failed, &self.too_large]
            .iter()
            .map(|count| count.load(Ordering::Acquire))
            .sum()
    }

    pub(super) fn failures(&self) -> u64 {
        [&self.failed, &self.too_large, &self.pending]
            .iter()
            .map(|count| count.load(Ordering::Acquire))
            .sum()
    }

    pub(super) fn report(&self) -> SignalReport {
        SignalReport {
            exported: self.exported.load(Ordering::Acquire),
            failed: self.failed.load(Ordering::Acquire),
            queue_full: self.queue_full.load(Ordering::Acquire),
            rejected: self.rejected.load(Ordering::Acquire),
            too_large: self.too_large.load(Ordering::Acquire),
            abandoned: self.abandoned.load(Ordering::Acquire),
        }
    }
}

/// Subtracts `items`, unless fewer are left. In that case they were abandoned meanwhile and are
/// already counted.
fn subtract(counter: &AtomicU64, items: u64) -> bool {
    counter
        .fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| {
            count.checked_sub(items)
        })
        .is_ok()
}

/// Subtracts up to `items` and returns how many. Fewer are left if the pipeline gave up meanwhile,
/// or if some items were counted one by one.
fn take(counter: &AtomicU64, items: u64) -> u64 {
    let before = counter.fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| {
        Some(count.saturating_sub(items))
    });
    before.unwrap_or_else(|count| count).min(items)
}

/// The partial success in a collector's answer: rejected items, or only a warning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PartialSuccess {
    /// How many items were rejected. Untrusted: any number.
    pub(super) items: i64,
    /// The reason, or a warning.
    pub(super) message: String,
}

/// Calls the embedder's hook for the first failure of a pipeline, and for warnings.
#[derive(Debug)]
pub(super) struct FailureHook {
    hook: Option<WarningHook>,
    first: Mutex<Option<String>>,
    /// Whether the hook was called for a collector's warning.
    has_warned: AtomicBool,
    /// Warnings that wait for the next export.
    warnings: Warnings,
}

impl FailureHook {
    pub(super) fn new(hook: Option<WarningHook>) -> Arc<Self> {
        Arc::new(Self {
            hook,
            first: Mutex::new(None),
            has_warned: AtomicBool::new(false),
            warnings: Warnings::default(),
        })
    }

    pub(super) fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    /// Passes the waiting warnings to the hook.
    pub(super) fn report_warnings(&self) {
        for warning in self.warnings.take() {
            self.call_hook(&warning);
        }
    }

    /// Reports a collector's warning, the first time only.
    fn warn_once(&self, message: &str) {
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            self.call_hook(message);
        }
    }

    /// Returns the first error.
    pub(super) fn first(&self) -> Option<String> {
        self.first
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn report_failure(&self, signal: Signal, destination: &str, error: &str) {
        let message = format!("cannot send {} to {destination}: {error}", signal.as_str());
        if self.set_first(&message) {
            self.call_hook(&message);
        }
    }

    /// Keeps the first error. Returns whether this is it.
    fn set_first(&self, message: &str) -> bool {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if first.is_some() {
            return false;
        }
        *first = Some(String::from(message));
        true
    }

    fn call_hook(&self, message: &str) {
        if let Some(WarningHook(hook)) = &self.hook {
            // The hook belongs to the embedder. Its panic must not end the exporting thread.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| hook(message)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats() -> (Arc<ExportStats>, Dropped) {
        let dropped = Dropped::default();
        let stats = ExportStats::new(
            Signal::Logs,
            String::from("there"),
            Secrets::default(),
            dropped.clone(),
            FailureHook::new(None),
        );
        (stats, dropped)
    }

    #[test]
    fn full_queue_refuses_until_an_export_begins() {
        let (stats, dropped) = stats();
        assert!(stats.admit(2) && stats.admit(2));
        assert!(!stats.admit(2));
        stats.begin(2);
        assert!(stats.admit(2));
        stats.delivered(2, PartialSuccess::default());
        let report = stats.report();
        assert_eq!((report.exported, report.queue_full), (2, 1));
        assert_eq!(dropped.get(Signal::Logs, Reason::QueueFull), 1);
        assert_eq!(stats.unsettled(), 1);
    }

    #[test]
    fn abandoned_items_are_counted_once() {
        let (stats, dropped) = stats();
        for _ in 0..5 {
            assert!(stats.admit(9));
        }
        stats.begin(3);
        stats.abandon_rest();
        stats.lost(3, "given up");
        stats.begin(2);
        stats.lost(2, "given up");
        let report = stats.report();
        assert_eq!(
            (report.abandoned, report.failed, report.exported),
            (5, 0, 0)
        );
        assert_eq!(dropped.total(Signal::Logs), 5);
        assert!(!stats.admit(9));
        assert_eq!(dropped.get(Signal::Logs, Reason::Shutdown), 6);
    }

    #[test]
    fn deferred_items_are_not_lost_if_a_later_export_succeeds() {
        let (stats, dropped) = stats();
        stats.begin_unqueued(4);
        stats.deferred(4, "refused");
        stats.begin_unqueued(4);
        stats.delivered(4, PartialSuccess::default());
        stats.succeeded();
        stats.abandon_rest();
        assert_eq!(dropped.total(Signal::Logs), 0);
        stats.begin_unqueued(4);
        stats.deferred(4, "refused");
        stats.abandon_rest();
        assert_eq!(dropped.get(Signal::Logs, Reason::ExportFailed), 4);
    }

    #[test]
    fn failure_is_reported_once_and_a_panicking_hook_is_survived() {
        let calls = Arc::new(AtomicU64::new(0));
        let hook = {
            let calls = Arc::clone(&calls);
            WarningHook(Arc::new(move |message: &str| {
                assert_eq!(message, "cannot send traces to there: refused");
                calls.fetch_add(1, Ordering::Relaxed);
                panic!("the embedder's own");
            }))
        };
        let failure_hook = FailureHook::new(Some(hook));
        failure_hook.report_failure(Signal::Traces, "there", "refused");
        failure_hook.report_failure(Signal::Logs, "elsewhere", "late");
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        assert_eq!(
            failure_hook.first().unwrap(),
            "cannot send traces to there: refused"
        );
    }
}
