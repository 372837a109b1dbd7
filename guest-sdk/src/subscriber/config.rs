//! The settings of the bridge from `tracing`.

use tracing::Metadata;
use tracing::level_filters::LevelFilter;

use super::fields::Fields;
use super::timings::Tracking;
use crate::scope::Scope;
use crate::types::SpanHandle;

/// The scope that remaining targets share.
pub(super) const REST_SCOPE: &str = "tracing";

/// Adds an event with a name and fields to a span.
pub(super) type AddEvent = fn(SpanHandle, &str, &Fields, &'static Metadata<'static>);

/// The settings, which [`Builder`](super::Builder) documents.
#[derive(Clone)]
pub(super) struct Config {
    pub(super) scope: Option<Scope>,
    pub(super) max_level: LevelFilter,
    /// Whether events become logs.
    pub(super) logs: bool,
    pub(super) location: bool,
    pub(super) target: bool,
    pub(super) level: bool,
    pub(super) activation: bool,
    pub(super) deferred_start: bool,
    pub(super) error_fields_to_exceptions: bool,
    pub(super) error_records_to_exceptions: bool,
    pub(super) error_events_to_exceptions: bool,
    pub(super) error_events_to_status: bool,
    /// Whether callsites cache the host's log thresholds. Natively they ask each time (without a
    /// call), because each thread may have a recorder with its own thresholds.
    pub(super) cached_thresholds: bool,
    // Pointers, so that a component that does not use these features contains no code for them.
    pub(super) tracking: Option<Tracking>,
    pub(super) threads: Option<fn(&mut Fields)>,
    /// Adds events to spans, if they become span events.
    pub(super) span_events: Option<AddEvent>,
    /// Called before any API ends a span.
    pub(super) before_end: fn(Option<SpanHandle>),
}
