//! The open spans and invocations of an instance, and their end from another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant as Clock};

use spin::{Mutex, MutexGuard};

use super::ambient::{Entered, EnteredBaggage};
use super::host::ActiveInvocation;
use super::panic::Panic;
use super::span_table::SpanTable;
use super::spans::Tracers;
use super::unrecorded::Unrecorded;
use crate::dropped::Reason;
use crate::handle::{HandleKind, Mixer, Tag};
use crate::interner::InstanceTexts;
use crate::invocation::Outcome;
use crate::limits::ENDER_SECONDS;
use crate::model::Notice;
use crate::refusals::Refusals;
use crate::telemetry::Telemetry;

/// The invocations, spans and baggage of an instance, which [`Ender`] ends.
#[derive(Debug)]
pub(super) struct Activity {
    pub(super) telemetry: Telemetry,
    pub(super) component: Arc<str>,
    pub(super) texts: Arc<InstanceTexts>,
    pub(super) mixer: Mixer,
    pub(super) tracers: Tracers,
    pub(super) spans: SpanTable,
    pub(super) unrecorded: Unrecorded,
    pub(super) invocations: Vec<ActiveInvocation>,
    pub(super) entered: Vec<Entered>,
    pub(super) baggage: Vec<EnteredBaggage>,
    pub(super) baggage_tag: Tag,
    /// How often baggage was entered.
    pub(super) baggage_scopes: u32,
    /// What the guest has reported last, and not gone on after. Boxed, for there is hardly ever
    /// one.
    pub(super) panic: Option<Box<Panic>>,
    pub(super) refusals: Refusals,
    /// Set by an [`Ender`]. Nothing is recorded after it.
    pub(super) ended: bool,
}

impl Activity {
    pub(super) fn new(
        telemetry: Telemetry,
        component: Arc<str>,
        texts: Arc<InstanceTexts>,
        refusals: Refusals,
    ) -> Self {
        let mixer = Mixer::default();
        let spans = SpanTable::new(telemetry.0.open_spans.clone());
        Self {
            telemetry,
            component,
            texts,
            tracers: Tracers::new(&mixer),
            spans,
            unrecorded: Unrecorded::default(),
            invocations: Vec::new(),
            entered: Vec::new(),
            baggage: Vec::new(),
            baggage_tag: mixer.tag(HandleKind::Baggage),
            baggage_scopes: 0,
            mixer,
            panic: None,
            refusals,
            ended: false,
        }
    }

    pub(super) fn notice(&self) -> Notice {
        self.telemetry.0.notice()
    }

    /// Returns the reason to count a change of a span that is not open.
    pub(super) fn not_open(&self) -> Reason {
        if self.ended {
            Reason::Shutdown
        } else {
            Reason::WrongHandle
        }
    }
}

/// An [`Activity`], as the guest's thread and an [`Ender`] share it.
///
/// The lock is taken in each call about a span. A spin lock takes one atomic operation where the
/// standard library's mutex takes two, and the guest's thread never waits: only an [`Ender`] takes
/// the lock besides, once.
#[derive(Debug)]
pub(super) struct Shareable {
    activity: Mutex<Activity>,
    /// As [`Activity::ended`], for calls that do not take the lock.
    ended: AtomicBool,
}

impl Shareable {
    pub(super) fn new(activity: Activity) -> Self {
        Self {
            activity: Mutex::new(activity),
            ended: AtomicBool::new(false),
        }
    }

    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, Activity> {
        self.activity.lock()
    }

    #[inline]
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Waits for a call of the guest's that is under way, without using the processor.
    fn wait(&self, limit: Duration) -> Option<MutexGuard<'_, Activity>> {
        let started = Clock::now();
        loop {
            if let Some(activity) = self.activity.try_lock() {
                return Some(activity);
            }
            if started.elapsed() >= limit {
                return None;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// How long [`Ender::end`] waits for a call of the guest's. It takes microseconds, unless a
/// processor of the embedder's hangs.
const PATIENCE: Duration = Duration::from_secs(ENDER_SECONDS);

/// Ends the telemetry of an [`Instance`](crate::Instance) from another thread.
///
/// It is for a guest that was told to stop, and does not: its thread may wait in a host function
/// that nothing interrupts, and holds the instance. Without this, the spans of the guest and of the
/// call would never be exported.
///
/// # Examples
///
/// ```
/// use wasmscope_telemetry::{Invocation, InvocationOptions, Outcome, Providers, Telemetry};
///
/// let telemetry = Telemetry::builder(Providers::default()).build();
/// let instance = telemetry.instance("checkout");
/// let ender = instance.ender();
/// let guest = Invocation::begin(instance, InvocationOptions::default());
/// // The guest's thread is stuck in the call.
/// assert!(ender.end(&Outcome::Timeout));
/// // If it returns after all, that changes nothing.
/// guest.finish(Outcome::Ok);
/// ```
#[derive(Debug, Clone)]
pub struct Ender(Arc<Shareable>);

impl Ender {
    pub(super) fn new(activity: &Arc<Shareable>) -> Self {
        Self(Arc::clone(activity))
    }

    /// Ends all calls with this outcome, and all spans that the guest has left open, as
    /// [`Invocation::finish`](crate::Invocation::finish) does. Returns false if the instance has
    /// ended before, or if the guest's thread does not come out of a call about a span.
    ///
    /// From then on the instance records nothing. What the guest says is dropped and counted as
    /// `shutdown`; the end of a call has no effect.
    pub fn end(&self, outcome: &Outcome) -> bool {
        let Some(mut activity) = self.0.wait(PATIENCE) else {
            return false;
        };
        if activity.ended {
            return false;
        }
        self.0.ended.store(true, Ordering::Relaxed);
        let all = activity.take_all(outcome);
        // The guest's thread may come back, and would spin while spans are exported.
        drop(activity);
        all.end(outcome);
        true
    }
}

impl Drop for super::Instance {
    fn drop(&mut self) {
        let all = self.activity.lock().take_all(&Outcome::Killed);
        all.end(&Outcome::Killed);
    }
}
