//! The subscriber.

use core::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata};
use tracing_core::span::Current;

use super::config::Config;
use super::core::{Core, ParentChoice, may_log};
use super::events::logger_of;
use crate::notice;

/// Passes spans and events to the host; [`Builder::build`](super::Builder::build) creates it.
pub struct Subscriber {
    pub(super) core: Core,
    /// The generation of log thresholds on which the callsites' interest is based.
    generation: AtomicU32,
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").finish_non_exhaustive()
    }
}

impl Subscriber {
    pub(super) fn new(config: Config) -> Self {
        Self {
            core: Core::new(config),
            generation: AtomicU32::new(notice::generation()),
        }
    }

    /// Invalidates the callsites' interest if the host's log thresholds have changed.
    fn refresh(&self) {
        let generation = notice::generation();
        if self.core.config.cached_thresholds
            && self.generation.load(Ordering::Relaxed) != generation
            && self.is_default()
        {
            self.generation.store(generation, Ordering::Relaxed);
            tracing_core::callsite::rebuild_interest_cache();
        }
    }

    /// Returns true if callsites that ask for their interest would find this subscriber. Within a
    /// call through a thread's own default they would find none, and be disabled forever. A later
    /// call refreshes them then.
    fn is_default(&self) -> bool {
        tracing::dispatcher::get_default(|dispatch| {
            dispatch
                .downcast_ref::<Self>()
                .is_some_and(|default| core::ptr::eq(default, self))
        })
    }
}

impl tracing::Subscriber for Subscriber {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        let enabled = match self.core.is_enabled(metadata) {
            Some(enabled) => enabled,
            None if self.core.config.cached_thresholds => logger_of(metadata).is_some(),
            None => return Interest::sometimes(),
        };
        if enabled {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        #[cfg(feature = "log")]
        crate::log::note_probe(metadata.target());
        self.core
            .is_enabled(metadata)
            .unwrap_or_else(|| may_log(metadata))
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.core.config.max_level)
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let parent_choice =
            ParentChoice::new(attributes.parent().cloned(), attributes.is_contextual());
        self.core.new_span(attributes, &parent_choice)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        self.core.record(id, values);
    }

    fn record_follows_from(&self, id: &Id, follows: &Id) {
        self.core.follows_from(id, follows);
    }

    fn event(&self, event: &Event<'_>) {
        let parent_choice = ParentChoice::new(event.parent().cloned(), event.is_contextual());
        self.core.event(event, &parent_choice);
        self.refresh();
    }

    fn enter(&self, id: &Id) {
        self.core.enter(id);
        self.refresh();
    }

    fn exit(&self, id: &Id) {
        if self.core.exit(id) {
            self.refresh();
        }
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.core.lock().spans.add_reference(id);
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let closed = self.core.close(&id);
        if closed {
            self.refresh();
        }
        closed
    }

    fn current_span(&self) -> Current {
        let current = self.core.current();
        match current.and_then(|id| Some((self.core.metadata(&id)?, id))) {
            Some((metadata, id)) => Current::new(id, metadata),
            None => Current::none(),
        }
    }
}
