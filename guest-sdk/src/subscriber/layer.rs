//! The layer, for programs with a registry of tracing-subscriber.

use core::fmt;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::config::Config;
use super::core::{Core, ParentChoice};

/// Passes spans and events to the host, as a layer of a registry (feature `layer`).
///
/// [`wasmscope::layer()`](crate::layer()) creates one with the defaults, and
/// [`Builder::build_layer`](super::Builder::build_layer) one with settings.
///
/// ```
/// use tracing_subscriber::layer::SubscriberExt;
/// use tracing_subscriber::util::SubscriberInitExt;
/// use tracing_subscriber::{EnvFilter, Layer};
///
/// let to_stderr = tracing_subscriber::fmt::layer()
///     .with_writer(std::io::stderr)
///     .with_filter(EnvFilter::new("warn,shop=debug"));
/// tracing_subscriber::registry()
///     .with(to_stderr)
///     .with(wasmscope::layer())
///     .init();
/// let _telemetry = wasmscope::init();
///
/// tracing::info_span!("order").in_scope(|| tracing::info!("accepted"));
/// ```
///
/// It works like the [`Subscriber`](super::Subscriber), with these differences that a registry
/// causes:
///
/// - It disables no callsite, because other layers may need it. A log below the host's threshold
///   costs a look-up, but no call.
/// - A span ends after its children, because the registry keeps it open for them.
/// - Spans that a filter of the layer disables are left out. Their children belong to the next
///   enabled span outwards. [`with_max_level`](super::Builder::with_max_level) is such a filter.
pub struct Layer {
    pub(super) core: Core,
    /// The registry's id of each span, with the id in the core. Not a hash map: its seed would make
    /// the component import WASI's random numbers.
    ids: Mutex<BTreeMap<u64, Id>>,
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layer").finish_non_exhaustive()
    }
}

impl Layer {
    pub(super) fn new(config: Config) -> Self {
        Self {
            core: Core::new(config),
            ids: Mutex::default(),
        }
    }

    fn ids(&self) -> MutexGuard<'_, BTreeMap<u64, Id>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the core's id of a span, `None` if the layer does not have it.
    pub(super) fn find(&self, id: &Id) -> Option<Id> {
        self.ids().get(&id.into_u64()).cloned()
    }

    /// Returns the innermost span that the layer has, searching outwards from a span.
    fn innermost<'a, S: LookupSpan<'a>>(&self, span: SpanRef<'a, S>) -> Option<Id> {
        span.scope().find_map(|span| self.find(&span.id()))
    }
}

impl<S> tracing_subscriber::Layer<S> for Layer
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        #[cfg(feature = "log")]
        crate::log::note_probe(metadata.target());
        #[cfg(not(feature = "log"))]
        let _ = metadata;
        true
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if self.core.is_enabled(attributes.metadata()) == Some(false) {
            return;
        }
        let parent = attributes.parent().and_then(|_| {
            let parent = context.span(id)?.parent()?;
            self.innermost(parent)
        });
        let parent_choice = ParentChoice::new(parent, attributes.is_contextual());
        let own = self.core.new_span(attributes, &parent_choice);
        self.ids().insert(id.into_u64(), own);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        if let Some(id) = self.find(id) {
            self.core.record(&id, values);
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, _: Context<'_, S>) {
        if let (Some(id), Some(follows)) = (self.find(id), self.find(follows)) {
            self.core.follows_from(&id, &follows);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if self.core.is_enabled(event.metadata()) == Some(false) {
            return;
        }
        let parent = event.parent().and_then(|parent| {
            let parent = context.span(parent)?;
            self.innermost(parent)
        });
        let parent_choice = ParentChoice::new(parent, event.is_contextual());
        self.core.event(event, &parent_choice);
    }

    fn on_enter(&self, id: &Id, _: Context<'_, S>) {
        if let Some(id) = self.find(id) {
            self.core.enter(&id);
        }
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        if let Some(id) = self.find(id) {
            self.core.exit(&id);
        }
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        let own = self.ids().remove(&id.into_u64());
        if let Some(own) = own {
            self.core.close(&own);
        }
    }
}
