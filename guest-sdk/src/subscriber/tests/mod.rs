//! Tests the subscriber with a recorder.

mod contexts;
mod defaults;
mod errors;
mod events;
mod filters;
#[cfg(feature = "layer")]
mod layer;
mod lifecycle;
mod model;
mod references;

use tracing::dispatcher::DefaultGuard;

use super::Builder;
use crate::testing::{RecordedSpan, Recorder};

/// Installs a recorder and a subscriber for this thread. The subscriber is dropped first.
struct Setup {
    _default: DefaultGuard,
    recorder: Recorder,
}

impl core::ops::Deref for Setup {
    type Target = Recorder;

    fn deref(&self) -> &Recorder {
        &self.recorder
    }
}

fn setup(change: impl FnOnce(Builder) -> Builder) -> Setup {
    let recorder = Recorder::install();
    Setup {
        _default: change(crate::subscriber()).set_default(),
        recorder,
    }
}

fn defaults() -> Setup {
    setup(|builder| builder)
}

fn keys(span: &RecordedSpan) -> Vec<&str> {
    span.attributes
        .iter()
        .map(|(key, _)| key.as_str())
        .collect()
}
