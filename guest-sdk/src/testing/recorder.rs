//! The recorder and the thread's state behind it.

use core::marker::PhantomData;
use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering};

use super::recorded::set_all;
use super::{RecordedLog, RecordedMeasurement, RecordedScope, RecordedSpan};
use super::{context::Context, logs::Logs, metrics::Metrics, traces::Traces};
use crate::{
    BaggageEntry, InstrumentationScope, Severity, SpanContext, metrics, notice, panic_hook, trace,
};

thread_local! {
    static STATE: RefCell<Option<Box<State>>> = const { RefCell::new(None) };
}

/// Keeps what this thread records, until it is dropped.
#[derive(Debug)]
#[must_use = "it records until it is dropped"]
pub struct Recorder {
    not_send: PhantomData<*const ()>,
}

impl Recorder {
    /// Installs a recorder for this thread. It records every span, and listens to every log.
    ///
    /// # Panics
    ///
    /// Where the thread has one already.
    pub fn install() -> Self {
        static EPOCHS: AtomicU32 = AtomicU32::new(0);
        // Never 0, which stands for "no recorder", and never beyond the 24 bits of a `Slot`.
        let epoch = EPOCHS.fetch_add(1, Ordering::Relaxed) % 0xff_ffff + 1;
        STATE.with_borrow_mut(|state| {
            assert!(state.is_none(), "this thread has a recorder already");
            *state = Some(Box::new(State::new(epoch)));
        });
        forget();
        Self {
            not_send: PhantomData,
        }
    }

    /// Sets whether spans that start from here on are recorded. Not recorded, they are told so, as a host's sampler does.
    pub fn sample(&self, recorded: bool) {
        change(|state| state.traces.sampled = recorded);
    }

    /// Sets the severity below which nobody listens; `None`: nobody listens at all.
    ///
    /// As with a host, loggers that know the threshold learn of the change with the next call that anything makes.
    pub fn set_log_threshold(&self, severity: Option<Severity>) {
        change(|state| {
            state.logs.threshold = severity;
            state.logs.generation += 1;
        });
    }

    /// Asks for observations, as a host does whose collection is due.
    pub fn request_collection(&self) {
        change(|state| {
            let collection = &mut state.metrics.collection;
            // As a host numbers them: the lowest four bits are never all zero.
            *collection += if *collection & 15 == 15 { 2 } else { 1 };
        });
    }

    /// Sets the host's own span around the code: the ambient one where the code has entered none.
    pub fn set_host_span(&self, context: Option<SpanContext>) {
        change(|state| state.traces.host = context);
    }

    /// Sets the baggage that came with the call.
    pub fn set_host_baggage(&self, entries: Vec<BaggageEntry>) {
        change(|state| state.context.host = entries);
    }

    /// Gives the recorded spans, in the order in which they started.
    #[must_use]
    pub fn spans(&self) -> Vec<RecordedSpan> {
        change(|state| state.traces.recorded())
    }

    /// Gives the recorded span of that name.
    ///
    /// # Panics
    ///
    /// Where there is none, or more than one.
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

    /// Gives the recorded log records, in order.
    #[must_use]
    pub fn logs(&self) -> Vec<RecordedLog> {
        change(|state| state.logs.records.clone())
    }

    /// Gives the recorded measurements and observations, in order.
    #[must_use]
    pub fn measurements(&self) -> Vec<RecordedMeasurement> {
        change(|state| state.metrics.measurements.clone())
    }

    /// Returns what observable instruments report at present, as a host would collect it: of each
    /// series the last observation, unless callbacks have run since and have not observed it.
    #[must_use]
    pub fn observations(&self) -> Vec<RecordedMeasurement> {
        change(|state| state.metrics.observed())
    }

    /// Gives the baggage that holds now.
    #[must_use]
    pub fn baggage(&self) -> Vec<BaggageEntry> {
        change(|state| state.context.current())
    }

    /// Gives the functions of the contract that were called since this was asked last, such as `tracer.start`.
    #[must_use]
    pub fn take_calls(&self) -> Vec<&'static str> {
        change(|state| core::mem::take(&mut state.calls))
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        STATE.take();
        forget();
    }
}

/// Clears what the SDK keeps in this thread: it was about another backend.
fn forget() {
    notice::reset();
    panic_hook::reset();
    trace::active::reset();
    trace::pending::reset();
    trace::start::reset();
    metrics::observable::reset();
    #[cfg(feature = "opentelemetry")]
    crate::opentelemetry::reset();
}

fn change<R>(change: impl FnOnce(&mut State) -> R) -> R {
    STATE.with_borrow_mut(|state| change(state.as_mut().expect("the recorder is installed")))
}

/// Passes a call to the thread's recorder, if there is one.
pub(crate) fn with<R>(call: &'static str, act: impl FnOnce(&mut State) -> R) -> Option<R> {
    // A thread that ends may still drop spans when its state is gone, and the panic hook may be called from in here.
    STATE
        .try_with(|state| {
            let mut state = state.try_borrow_mut().ok()?;
            let state = state.as_mut()?;
            state.calls.push(call);
            Some(act(state))
        })
        .ok()
        .flatten()
}

/// Gives the number of the thread's recorder; 0 where there is none.
pub(crate) fn epoch() -> u32 {
    STATE
        .try_with(|state| Some(state.try_borrow().ok()?.as_ref()?.epoch))
        .ok()
        .flatten()
        .unwrap_or(0)
}

pub(crate) struct State {
    epoch: u32,
    calls: Vec<&'static str>,
    pub(super) scopes: Vec<RecordedScope>,
    pub(super) traces: Traces,
    pub(super) metrics: Metrics,
    pub(super) logs: Logs,
    pub(super) context: Context,
}

impl State {
    fn new(epoch: u32) -> Self {
        Self {
            epoch,
            calls: Vec::new(),
            scopes: Vec::new(),
            traces: Traces::new(epoch),
            metrics: Metrics::default(),
            logs: Logs::new(),
            context: Context::default(),
        }
    }

    pub(super) fn notice(&self) -> u64 {
        u64::from(self.metrics.collection) << 32 | u64::from(self.logs.generation)
    }

    pub(super) fn scope(&mut self, scope: InstrumentationScope<'_>) -> u64 {
        let mut recorded = RecordedScope {
            name: scope.name.into(),
            version: scope.version.map(Into::into),
            schema_url: scope.schema_url.map(Into::into),
            attributes: Vec::new(),
        };
        set_all(&mut recorded.attributes, scope.attributes);
        let index = match self.scopes.iter().position(|other| *other == recorded) {
            Some(index) => index,
            None => {
                self.scopes.push(recorded);
                self.scopes.len() - 1
            }
        };
        index as u64 + 1
    }

    pub(super) fn scope_of(&self, handle: u64) -> RecordedScope {
        self.scopes
            .get((handle as usize).wrapping_sub(1))
            .expect("a handle of this recorder")
            .clone()
    }
}
