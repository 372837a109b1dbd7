//! The recorded state of a thread.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering};

use super::context::{Context, ContextFunctions};
use super::logs::{LoggerFunctions, Logs};
use super::metrics::{MeterFunctions, Metrics};
use super::scopes::Scopes;
use super::traces::{TracerFunctions, Traces};
use crate::types::Notice;

thread_local! {
    static STATE: RefCell<Option<Box<State>>> = const { RefCell::new(None) };
}

pub(crate) struct State {
    /// The recorder's number.
    epoch: u32,
    /// The functions that were called.
    pub(crate) calls: Vec<&'static str>,
    scopes: Scopes,
    pub(crate) traces: Traces,
    pub(crate) metrics: Metrics,
    pub(crate) logs: Logs,
    pub(crate) context: Context,
}

/// Installs a new state for the thread.
///
/// # Panics
///
/// Panics if the thread already has one.
#[track_caller]
pub(crate) fn install() {
    static EPOCHS: AtomicU32 = AtomicU32::new(0);
    // Never 0, which stands for "no recorder", and never beyond the 24 bits of a `Slot`.
    let epoch = EPOCHS.fetch_add(1, Ordering::Relaxed) % 0xff_ffff + 1;
    STATE.with_borrow_mut(|state| {
        assert!(state.is_none(), "this thread has a recorder already");
        *state = Some(Box::new(State {
            epoch,
            calls: Vec::new(),
            scopes: Scopes::default(),
            traces: Traces::new(epoch),
            metrics: Metrics::default(),
            logs: Logs::new(),
            context: Context::default(),
        }));
    });
}

/// Removes the thread's state.
pub(crate) fn uninstall() {
    STATE.take();
}

/// Reads or changes the thread's state.
///
/// # Panics
///
/// Panics if the thread has none.
pub(crate) fn change<R>(change: impl FnOnce(&mut State) -> R) -> R {
    STATE.with_borrow_mut(|state| change(state.as_mut().expect("the recorder is installed")))
}

/// Passes a call to the thread's state, if there is one.
pub(crate) fn with<R>(call: &'static str, act: impl FnOnce(&mut State) -> R) -> Option<R> {
    // A thread may drop spans after its state when it ends. The panic hook may be called from here.
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

/// Returns the number of the thread's recorder, 0 if there is none.
pub(crate) fn epoch() -> u32 {
    STATE
        .try_with(|state| Some(state.try_borrow().ok()?.as_ref()?.epoch))
        .ok()
        .flatten()
        .unwrap_or(0)
}

impl State {
    fn notice(&self) -> Notice {
        Notice::new(self.metrics.collection, self.logs.generation)
    }

    pub(crate) fn tracer(&mut self) -> TracerFunctions<'_> {
        TracerFunctions {
            notice: self.notice(),
            scopes: &mut self.scopes,
            traces: &mut self.traces,
        }
    }

    pub(crate) fn meter(&mut self) -> MeterFunctions<'_> {
        MeterFunctions {
            notice: self.notice(),
            scopes: &mut self.scopes,
            metrics: &mut self.metrics,
        }
    }

    pub(crate) fn logger(&mut self) -> LoggerFunctions<'_> {
        LoggerFunctions {
            notice: self.notice(),
            scopes: &mut self.scopes,
            traces: &self.traces,
            logs: &mut self.logs,
        }
    }

    pub(crate) fn context(&mut self) -> ContextFunctions<'_> {
        ContextFunctions {
            notice: self.notice(),
            traces: &self.traces,
            context: &mut self.context,
        }
    }
}
