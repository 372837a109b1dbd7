//! Finds the core behind a dispatcher: that of our subscriber, or of our layer.

use tracing::Dispatch;
use tracing::span::Id;

use super::core::Core;
#[cfg(feature = "layer")]
use super::layer::Layer;
use super::subscriber::Subscriber;
use crate::types::SpanHandle;

/// Returns the core behind a dispatcher, if there is one.
pub(super) fn core_of(dispatch: &Dispatch) -> Option<&Core> {
    let subscriber = dispatch.downcast_ref::<Subscriber>();
    let core = subscriber.map(|subscriber| &subscriber.core);
    #[cfg(feature = "layer")]
    let core = core.or_else(|| Some(&dispatch.downcast_ref::<Layer>()?.core));
    core
}

/// Returns the id of a span in the core behind a dispatcher, or `None` if a filter of the layer has
/// disabled the span.
pub(super) fn id_in_core(dispatch: &Dispatch, id: &Id) -> Option<Id> {
    #[cfg(feature = "layer")]
    if let Some(layer) = dispatch.downcast_ref::<Layer>() {
        return layer.find(id);
    }
    #[cfg(not(feature = "layer"))]
    let _ = dispatch;
    Some(id.clone())
}

/// Tells the core that a span is about to end, or with `None` that the program panics.
pub(super) fn before_end(ending: Option<SpanHandle>) {
    tracing::dispatcher::get_default(|dispatch| {
        if let Some(core) = core_of(dispatch) {
            core.before_end(ending);
        }
    });
}

/// Returns true if the default dispatcher leads to the host: through our subscriber or layer, or
/// through a layer that uses our OpenTelemetry providers.
pub(super) fn is_connected() -> bool {
    #[cfg(feature = "opentelemetry")]
    if crate::opentelemetry::is_used() {
        return true;
    }
    tracing::dispatcher::get_default(|dispatch| core_of(dispatch).is_some())
}
