//! The account of one signal's way through a pipeline: what was let in, what was delivered, what was lost.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use crate::config::WarningHook;
use crate::dropped::{Dropped, Reason, Signal};
use crate::metrics::Warnings;

use super::reason::Secrets;
use super::report::SignalReport;

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

    /// That export succeeded.
    pub(super) fn delivered(&self, items: u64) {
        self.pending.store(0, Ordering::Relaxed);
        if subtract(&self.under_way, items) {
            self.exported.fetch_add(items, Ordering::AcqRel);
        }
    }

    /// That export failed, and what was in it is lost. It is counted before it is told.
    pub(super) fn lost(&self, items: u64, error: &str) {
        if subtract(&self.under_way, items) {
            self.failed.fetch_add(items, Ordering::AcqRel);
            self.dropped.add(self.signal, Reason::ExportFailed, items);
        }
        self.alarm.ring(self.signal, &self.destination, error);
    }

    /// That export failed, but the next will hold what was in this one.
    pub(super) fn put_off(&self, items: u64, error: &str) {
        subtract(&self.under_way, items);
        self.pending.store(items, Ordering::Relaxed);
        self.alarm.ring(self.signal, &self.destination, error);
    }

    /// Counts the items that the collector refused in a request that it took. It may name any
    /// number: no more are counted than the request had. With none, its message is a warning.
    pub(super) fn refused(&self, items: i64, message: &str) {
        let items = u64::try_from(items).unwrap_or(0);
        let items = items.min(self.under_way.load(Ordering::Acquire));
        let said = match self.secrets.shown(message) {
            Some(words) => format!(": {words}"),
            None => String::new(),
        };
        if items == 0 {
            if !said.is_empty() {
                let what = self.signal.as_str();
                let destination = &self.destination;
                self.alarm.remark(&format!(
                    "{destination} took the {what} with a remark{said}"
                ));
            }
            return;
        }
        let plural = if items == 1 { "" } else { "s" };
        let message = format!("the collector rejected {items} item{plural}{said}");
        self.rejected.fetch_add(items, Ordering::Relaxed);
        self.dropped.add(self.signal, Reason::ExportFailed, items);
        self.alarm.ring(self.signal, &self.destination, &message);
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
        self.exported.load(Ordering::Acquire) + self.failed.load(Ordering::Acquire)
    }

    pub(super) fn failures(&self) -> u64 {
        self.failed.load(Ordering::Acquire) + self.pending.load(Ordering::Acquire)
    }

    pub(super) fn report(&self) -> SignalReport {
        SignalReport {
            exported: self.exported.load(Ordering::Acquire),
            failed: self.failed.load(Ordering::Acquire),
            queue_full: self.queue_full.load(Ordering::Acquire),
            rejected: self.rejected.load(Ordering::Acquire),
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
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if first.is_some() {
            return;
        }
        let message = format!("cannot send {} to {destination}: {error}", signal.as_str());
        *first = Some(message.clone());
        drop(first);
        self.tell(&message);
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
        ledger.delivered(2);
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
        ledger.delivered(4);
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
