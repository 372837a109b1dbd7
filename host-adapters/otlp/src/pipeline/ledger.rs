//! The account of one signal's way through a pipeline: what was let in, what was delivered, what was lost.

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

/// Counts what goes into a signal's processor and what comes out of its exporter.
///
/// The SDK's processors keep to themselves what they drop. So a full queue is recognised here, before them: what waits is
/// counted up when it is let in, and down when a batch reaches the exporter, by which time it has left the SDK's queue.
/// The SDK's queue therefore never holds more than is counted here, and never overflows.
#[derive(Debug)]
pub(super) struct Ledger {
    signal: Signal,
    /// Items let in that no export has begun for.
    waiting: AtomicU64,
    /// Items of exports under way.
    under_way: AtomicU64,
    exported: AtomicU64,
    failed: AtomicU64,
    queue_full: AtomicU64,
    rejected: AtomicU64,
    too_large: AtomicU64,
    /// The most items of one export that were too large.
    most_too_large: AtomicU64,
    too_large_told: AtomicBool,
    abandoned: AtomicU64,
    /// Data points whose last export failed, while a later one would make up for it.
    pending: AtomicU64,
    /// No more is let in.
    closed: AtomicBool,
    /// The exporter was shut down: everything that will be exported has been.
    finished: (Mutex<bool>, Condvar),
    dropped: Dropped,
    alarm: Arc<Alarm>,
    /// Where it goes, for people.
    destination: String,
    /// Credentials that are hidden in a collector's answers.
    secrets: Secrets,
}

impl Ledger {
    pub(super) fn new(
        signal: Signal,
        destination: String,
        secrets: Secrets,
        dropped: Dropped,
        alarm: Arc<Alarm>,
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
            too_large_told: AtomicBool::new(false),
            abandoned: AtomicU64::new(0),
            pending: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            finished: (Mutex::new(false), Condvar::new()),
            dropped,
            alarm,
            destination,
            secrets,
        })
    }

    /// Lets one item in, if fewer than `capacity` wait; otherwise counts it as dropped.
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

    /// An export of `items` begins that were let in before.
    pub(super) fn begin(&self, items: u64) {
        // What was given up in the meantime is accounted for, whatever becomes of it.
        if subtract(&self.waiting, items) {
            self.under_way.fetch_add(items, Ordering::AcqRel);
        }
    }

    /// Tells the warnings that wait, on the thread that exports.
    pub(super) fn tell_warnings(&self) {
        self.alarm.tell_warnings();
    }

    /// An export of `items` begins that never waited.
    pub(super) fn begin_unqueued(&self, items: u64) {
        self.under_way.fetch_add(items, Ordering::AcqRel);
    }

    /// Counts items of the export under way that a collector accepted, or rejected in a request
    /// that it accepted. It may name any number: no more are counted than the request had. If it
    /// rejected none, its message is a warning.
    pub(super) fn delivered(&self, items: u64, rejected: Rejected) {
        // What was given up in the meantime is accounted for.
        if !subtract(&self.under_way, items) {
            return;
        }
        self.exported.fetch_add(items, Ordering::AcqRel);
        let said = match self.secrets.shown(&rejected.message) {
            Some(words) => format!(": {words}"),
            None => String::new(),
        };
        let rejected = u64::try_from(rejected.items).unwrap_or(0).min(items);
        if rejected == 0 {
            if !said.is_empty() {
                let what = self.signal.as_str();
                let destination = &self.destination;
                self.alarm.remark(&format!(
                    "{destination} took the {what} with a remark{said}"
                ));
            }
            return;
        }
        let plural = if rejected == 1 { "" } else { "s" };
        let message = format!("the collector rejected {rejected} item{plural}{said}");
        self.rejected.fetch_add(rejected, Ordering::Relaxed);
        self.dropped
            .add(self.signal, Reason::ExportFailed, rejected);
        self.alarm.ring(self.signal, &self.destination, &message);
    }

    /// Names what is in a request around each item.
    pub(super) fn around(&self) -> &'static str {
        match self.signal {
            Signal::Traces | Signal::Logs => "resource and scope",
            Signal::Metrics => "resource, scope and metric",
        }
    }

    /// Counts one item of the export under way as too large, as `counted` items: 0 if it was
    /// counted in an earlier export. Warns of the first one.
    pub(super) fn too_large(&self, name: &str, counted: u64, why: &str) {
        if !subtract(&self.under_way, 1) {
            return;
        }
        self.too_large.fetch_add(counted, Ordering::AcqRel);
        self.dropped.add(self.signal, Reason::TooLarge, counted);
        self.dropped.note_name(self.signal, Reason::TooLarge, name);
        if !self.too_large_told.swap(true, Ordering::Relaxed) {
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
            self.alarm.set_first(&message);
            self.alarm.tell(&message);
        }
    }

    /// Returns how much the number of items that are too large has grown, if each export repeats
    /// those of the one before.
    pub(super) fn too_large_again(&self, in_this_export: u64) -> u64 {
        let most = self
            .most_too_large
            .fetch_max(in_this_export, Ordering::Relaxed);
        in_this_export.saturating_sub(most)
    }

    /// The export ended without a failure.
    pub(super) fn succeeded(&self) {
        self.pending.store(0, Ordering::Relaxed);
    }

    /// The export failed. What is left of it is lost, of at most `items`. It is counted before it
    /// is told.
    pub(super) fn lost(&self, items: u64, error: &str) {
        let left = take(&self.under_way, items);
        self.failed.fetch_add(left, Ordering::AcqRel);
        self.dropped.add(self.signal, Reason::ExportFailed, left);
        self.alarm.ring(self.signal, &self.destination, error);
    }

    /// The export failed, but the next one will hold what is left of it.
    pub(super) fn put_off(&self, items: u64, error: &str) {
        let left = take(&self.under_way, items);
        self.pending.store(left, Ordering::Relaxed);
        self.alarm.ring(self.signal, &self.destination, error);
    }

    /// Lets nothing in any more.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// The exporter was shut down.
    pub(super) fn finish(&self) {
        let (finished, changed) = &self.finished;
        *finished.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }

    /// Waits for [`Ledger::finish`]; says whether it came in time.
    pub(super) fn wait_finished(&self, until: Instant) -> bool {
        let (finished, changed) = &self.finished;
        let guard = finished.lock().unwrap_or_else(PoisonError::into_inner);
        let left = until.saturating_duration_since(Instant::now());
        let waited = changed.wait_timeout_while(guard, left, |finished| !*finished);
        let (guard, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *guard
    }

    /// Counts what has not been delivered as lost, once no more will be.
    pub(super) fn settle(&self) {
        self.close();
        let abandoned =
            self.waiting.swap(0, Ordering::AcqRel) + self.under_way.swap(0, Ordering::AcqRel);
        self.abandoned.fetch_add(abandoned, Ordering::Relaxed);
        self.dropped.add(self.signal, Reason::Shutdown, abandoned);
        let failed = self.pending.swap(0, Ordering::AcqRel);
        self.failed.fetch_add(failed, Ordering::AcqRel);
        self.dropped.add(self.signal, Reason::ExportFailed, failed);
    }

    /// How many items that were let in have neither been delivered nor lost.
    pub(super) fn unsettled(&self) -> u64 {
        self.waiting.load(Ordering::Acquire) + self.under_way.load(Ordering::Acquire)
    }

    /// Returns what is counted.
    pub(super) fn signal(&self) -> Signal {
        self.signal
    }

    /// How many items wait.
    pub(super) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// How many items have been delivered or lost so far.
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

/// Takes `items` off, unless fewer are left: then they were given up in the meantime, and are accounted for.
fn subtract(counter: &AtomicU64, items: u64) -> bool {
    counter
        .fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| {
            count.checked_sub(items)
        })
        .is_ok()
}

/// Takes up to `items` off and returns how many. There are fewer if the pipeline gave up meanwhile,
/// or if some were accounted for one by one.
fn take(counter: &AtomicU64, items: u64) -> u64 {
    let before = counter.fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| {
        Some(count.saturating_sub(items))
    });
    before.unwrap_or_else(|count| count).min(items)
}

/// What a collector says of a request that it accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rejected {
    /// How many items it did not accept. Any number.
    pub(super) items: i64,
    /// Why, or a remark.
    pub(super) message: String,
}

/// Tells of the first failure of a pipeline, once.
#[derive(Debug)]
pub(super) struct Alarm {
    hook: Option<WarningHook>,
    first: Mutex<Option<String>>,
    /// A collector's remark was told.
    remarked: AtomicBool,
    /// Further warnings that wait to be told.
    warnings: Warnings,
}

impl Alarm {
    pub(super) fn new(hook: Option<WarningHook>) -> Arc<Self> {
        Arc::new(Self {
            hook,
            first: Mutex::new(None),
            remarked: AtomicBool::new(false),
            warnings: Warnings::default(),
        })
    }

    pub(super) fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    /// Tells the warnings that wait.
    pub(super) fn tell_warnings(&self) {
        for warning in self.warnings.take() {
            self.tell(&warning);
        }
    }

    /// Tells what a collector remarks about what it took, the first time.
    fn remark(&self, message: &str) {
        if !self.remarked.swap(true, Ordering::Relaxed) {
            self.tell(message);
        }
    }

    /// Gives the first error, if there was any.
    pub(super) fn first(&self) -> Option<String> {
        self.first
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn ring(&self, signal: Signal, destination: &str, error: &str) {
        let message = format!("cannot send {} to {destination}: {error}", signal.as_str());
        if self.set_first(&message) {
            self.tell(&message);
        }
    }

    /// Keeps an error, unless there was one before.
    fn set_first(&self, message: &str) -> bool {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if first.is_some() {
            return false;
        }
        *first = Some(String::from(message));
        true
    }

    fn tell(&self, message: &str) {
        if let Some(WarningHook(hook)) = &self.hook {
            // The hook is the embedder's: its panic must not end the thread that exports.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| hook(message)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> (Arc<Ledger>, Dropped) {
        let dropped = Dropped::default();
        let ledger = Ledger::new(
            Signal::Logs,
            String::from("there"),
            Secrets::default(),
            dropped.clone(),
            Alarm::new(None),
        );
        (ledger, dropped)
    }

    #[test]
    fn full_queue_refuses_until_an_export_begins() {
        let (ledger, dropped) = ledger();
        assert!(ledger.admit(2) && ledger.admit(2));
        assert!(!ledger.admit(2));
        ledger.begin(2);
        assert!(ledger.admit(2));
        ledger.delivered(2, Rejected::default());
        let report = ledger.report();
        assert_eq!((report.exported, report.queue_full), (2, 1));
        assert_eq!(dropped.get(Signal::Logs, Reason::QueueFull), 1);
        assert_eq!(ledger.unsettled(), 1);
    }

    #[test]
    fn what_is_given_up_is_counted_once_whatever_its_export_says_later() {
        let (ledger, dropped) = ledger();
        for _ in 0..5 {
            assert!(ledger.admit(9));
        }
        ledger.begin(3);
        ledger.settle();
        ledger.lost(3, "given up");
        ledger.begin(2);
        ledger.lost(2, "given up");
        let report = ledger.report();
        assert_eq!(
            (report.abandoned, report.failed, report.exported),
            (5, 0, 0)
        );
        assert_eq!(dropped.total(Signal::Logs), 5);
        assert!(!ledger.admit(9));
        assert_eq!(dropped.get(Signal::Logs, Reason::Shutdown), 6);
    }

    #[test]
    fn failed_export_of_totals_is_made_up_for_by_a_later_one() {
        let (ledger, dropped) = ledger();
        ledger.begin_unqueued(4);
        ledger.put_off(4, "refused");
        ledger.begin_unqueued(4);
        ledger.delivered(4, Rejected::default());
        ledger.succeeded();
        ledger.settle();
        assert_eq!(dropped.total(Signal::Logs), 0);
        ledger.begin_unqueued(4);
        ledger.put_off(4, "refused");
        ledger.settle();
        assert_eq!(dropped.get(Signal::Logs, Reason::ExportFailed), 4);
    }

    #[test]
    fn alarm_rings_once_and_outlives_a_panicking_hook() {
        let rung = Arc::new(AtomicU64::new(0));
        let hook = {
            let rung = Arc::clone(&rung);
            WarningHook(Arc::new(move |message: &str| {
                assert_eq!(message, "cannot send traces to there: refused");
                rung.fetch_add(1, Ordering::Relaxed);
                panic!("the embedder's own");
            }))
        };
        let alarm = Alarm::new(Some(hook));
        alarm.ring(Signal::Traces, "there", "refused");
        alarm.ring(Signal::Logs, "elsewhere", "late");
        assert_eq!(rung.load(Ordering::Relaxed), 1);
        assert_eq!(
            alarm.first().unwrap(),
            "cannot send traces to there: refused"
        );
    }
}
