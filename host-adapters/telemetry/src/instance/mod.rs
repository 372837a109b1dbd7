//! The telemetry of one component instance.

mod activity;
mod ambient;
mod calls;
mod closing;
mod host;
mod invocation_span;
mod logs;
mod metrics;
pub(crate) mod open_span;
mod panic;
mod span_table;
mod spans;
mod table;
#[cfg(test)]
mod tests;
mod unrecorded;

pub use self::activity::Ender;
pub use self::logs::{GuestOutput, PlainLog, StandardStream};

use std::sync::Arc;

use self::activity::{Activity, SharedActivity};
use crate::dropped::{Reason, Signal};
use crate::handle::Mixer;
use crate::interner::InstanceTexts;
use crate::model::Notice;
use crate::refusals::Refusals;
use crate::telemetry::Telemetry;

/// The telemetry of one component instance: its spans, instruments, loggers and baggage.
///
/// Adapters keep one for each store, and turn every call of the guest into a method call. No
/// argument makes a method fail, panic or do I/O. Invalid items and items beyond a limit are
/// dropped and counted in [`Telemetry::dropped`].
///
/// When it is dropped, open spans end as killed. An [`Ender`] ends them from another thread.
#[derive(Debug)]
pub struct Instance {
    telemetry: Telemetry,
    component: Arc<str>,
    activity: Arc<SharedActivity>,
    metrics: metrics::Metrics,
    loggers: logs::Loggers,
    texts: Arc<InstanceTexts>,
    /// Receives refusals from a limiter of the same store.
    pub(crate) refusals: Refusals,
}

impl Instance {
    pub(crate) fn new(telemetry: Telemetry, component: Arc<str>) -> Self {
        let refusals = Refusals::default();
        let texts = Arc::new(InstanceTexts::new(&telemetry.0.interner));
        let activity = Activity::new(
            telemetry.clone(),
            Arc::clone(&component),
            Arc::clone(&texts),
            refusals.clone(),
        );
        Self {
            telemetry,
            component,
            activity: Arc::new(SharedActivity::new(activity)),
            metrics: metrics::Metrics::default(),
            loggers: logs::Loggers::new(&Mixer::default()),
            texts,
            refusals,
        }
    }

    /// Returns the telemetry that it belongs to.
    #[must_use]
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Returns the component's name.
    #[must_use]
    pub fn component(&self) -> &str {
        &self.component
    }

    /// Counts items that an adapter left out of a call's arguments, usually because of a
    /// [`crate::limits::Budget`].
    pub fn count_dropped(&mut self, signal: Signal, reason: Reason, items: u64) {
        self.telemetry.0.dropped.add(signal, reason, items);
    }

    /// Interns a text of a call that is [repeated](crate::string_cache::Miss), so that
    /// [`string_cache::find`](crate::string_cache::find) finds it.
    pub fn cache_text(&mut self, bytes: &[u8]) {
        let _ = self.texts.cache(bytes);
    }

    /// Returns the notice: the result of every call that has no other result.
    pub(crate) fn notice(&self) -> Notice {
        self.telemetry.0.notice()
    }
}
