//! The telemetry of one component instance.

mod ambient;
mod host;
mod logs;
mod metrics;
mod open_span;
mod panic;
mod span_table;
mod spans;
mod table;
#[cfg(test)]
mod tests;
mod unrecorded;

pub use self::logs::PlainLog;

use std::sync::Arc;

use self::ambient::{Entered, EnteredBaggage};
use self::host::UnderWay;
use self::panic::Panic;
use self::span_table::SpanTable;
use self::spans::TracerOf;
use self::unrecorded::Unrecorded;
use crate::dropped::{Reason, Signal};
use crate::handle::{HandleKind, Mixer, Tag};
use crate::model::Notice;
use crate::refusals::Refusals;
use crate::telemetry::Telemetry;

/// The telemetry of one component instance: its spans, instruments, loggers and baggage.
///
/// Adapters keep one beside each Wasm instance (each store), and turn every call of the guest into one of its methods. None
/// of them fails, blocks or panics, whatever the guest passes: what is wrong or too much is dropped and
/// counted in [`Telemetry::dropped`].
///
/// Spans that are open when it is dropped are ended as killed.
#[derive(Debug)]
pub struct Instance {
    telemetry: Telemetry,
    component: Arc<str>,
    mixer: Mixer,
    tracer_tag: Tag,
    tracers: Vec<TracerOf>,
    spans: SpanTable,
    /// Whether the span that was started last is recorded, and so the next one likely.
    last_recorded: bool,
    unrecorded: Unrecorded,
    invocations: Vec<UnderWay>,
    entered: Vec<Entered>,
    baggage: Vec<EnteredBaggage>,
    baggage_tag: Tag,
    /// How often baggage was entered.
    baggage_scopes: u32,
    metrics: metrics::Metrics,
    logs: logs::Logs,
    /// What the guest has reported last, and not gone on after. Boxed, for there is hardly ever
    /// one.
    panic: Option<Box<Panic>>,
    /// What a limiter of the same store refuses.
    pub(crate) refusals: Refusals,
}

impl Instance {
    /// The bit of a span's handle that says that it is not recorded (`tracer.start`).
    pub const NOT_RECORDED: u64 = 1 << 63;

    pub(crate) fn new(telemetry: Telemetry, component: Arc<str>) -> Self {
        let mixer = Mixer::default();
        let spans = SpanTable::new(telemetry.0.open_spans.clone());
        Self {
            telemetry,
            component,
            tracer_tag: mixer.tag(HandleKind::Tracer),
            tracers: Vec::new(),
            spans,
            last_recorded: true,
            unrecorded: Unrecorded::default(),
            invocations: Vec::new(),
            entered: Vec::new(),
            baggage: Vec::new(),
            baggage_tag: mixer.tag(HandleKind::Baggage),
            baggage_scopes: 0,
            mixer,
            metrics: metrics::Metrics::default(),
            logs: logs::Logs::default(),
            panic: None,
            refusals: Refusals::default(),
        }
    }

    /// Gives the telemetry that it belongs to.
    #[must_use]
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Gives the component's name.
    #[must_use]
    pub fn component(&self) -> &str {
        &self.component
    }

    /// Counts what an adapter left out while it lifted a call, usually by [`crate::limits::Budget`].
    pub fn count_dropped(&mut self, signal: Signal, reason: Reason, items: u64) {
        self.telemetry.0.dropped.add(signal, reason, items);
    }

    /// What every call that returns nothing else tells the guest.
    pub(crate) fn notice(&self) -> Notice {
        let generation = u64::from(self.telemetry.0.log_levels.generation());
        let collection = u64::from(self.telemetry.0.metrics.next_collection());
        collection << 32 | generation
    }
}
