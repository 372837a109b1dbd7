//! The open spans and invocations of an instance. Another thread can end them.

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

/// The invocations, spans and baggage of an instance. An [`Ender`] can end them.
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
    /// The number of handles that were made for host spans.
    pub(super) host_handles: u64,
    pub(super) entered: Vec<Entered>,
    pub(super) baggage: Vec<EnteredBaggage>,
    pub(super) baggage_tag: Tag,
    /// The number of times that baggage was entered.
    pub(super) baggage_scopes: u32,
    /// The panic that the guest has reported. A call that shows that the guest caught it removes
    /// it. Boxed because it is rare.
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
            host_handles: 0,
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

    /// Returns the reason for dropping a change of a span that is not open.
    pub(super) fn not_open(&self) -> Reason {
        if self.ended {
            Reason::Shutdown
        } else {
            Reason::WrongHandle
        }
    }
}

/// An [`Activity`] that the guest's thread and an [`Ender`] share.
///
/// Each call about a span takes the lock. A spin lock needs one atomic operation, the standard
/// library's mutex two. The guest's thread hardly ever waits, because only an [`Ender`] takes the
/// lock as well, and only once.
#[derive(Debug)]
pub(super) struct SharedActivity {
    activity: Mutex<Activity>,
    /// The same as [`Activity::ended`], for calls that do not take the lock.
    ended: AtomicBool,
}

impl SharedActivity {
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

    /// Waits without spinning until no call is in progress, and locks. Returns `None` at the limit.
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

/// The time that [`Ender::end`] waits for a call in progress. A call takes microseconds, unless an
/// embedder's processor hangs.
const MAX_WAIT: Duration = Duration::from_secs(ENDER_SECONDS);

/// Ends the telemetry of an [`Instance`](crate::Instance) from another thread.
///
/// Use it for a guest that does not stop when it is interrupted, for example because its thread
/// waits in a host function. The thread holds the instance, so without this type the spans of the
/// guest and of the call would never be exported.
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
/// // If the call returns later, that has no effect.
/// guest.finish(Outcome::Ok);
/// ```
#[derive(Debug, Clone)]
pub struct Ender(Arc<SharedActivity>);

impl Ender {
    pub(super) fn new(activity: &Arc<SharedActivity>) -> Self {
        Self(Arc::clone(activity))
    }

    /// Ends all calls with this outcome, and all open spans of the guest, as
    /// [`Invocation::finish`](crate::Invocation::finish) does. Returns false if the instance has
    /// already ended, or if the guest's thread does not return from a call about a span.
    ///
    /// After this, the instance records nothing. Telemetry of the guest is dropped and counted as
    /// `shutdown`. The end of a call has no effect.
    pub fn end(&self, outcome: &Outcome) -> bool {
        let Some(mut activity) = self.0.wait(MAX_WAIT) else {
            return false;
        };
        if activity.ended {
            return false;
        }
        self.0.ended.store(true, Ordering::Relaxed);
        let all = activity.take_all(outcome);
        // Without the lock, so that the guest's thread does not spin while spans are exported.
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
