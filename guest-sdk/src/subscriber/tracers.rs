//! The tracers of spans: one for each crate.

use tracing::Metadata;

use crate::scope::Scope;
use crate::targets::{MAX_SCOPES, crate_of};
use crate::trace::Tracer;
use crate::types::TracerHandle;

/// Holds the tracers in use.
#[derive(Debug, Default)]
pub(super) struct Tracers {
    /// The tracer of all spans, if the program has set a scope.
    fixed: Option<Tracer>,
    tracers: Vec<(&'static str, Tracer)>,
}

impl Tracers {
    pub(super) fn new(scope: Option<Scope>) -> Self {
        Self {
            fixed: scope.map(Tracer::new),
            tracers: Vec::new(),
        }
    }

    /// Returns the tracer of a span's crate, or a shared one if there are too many.
    pub(super) fn tracer(&mut self, metadata: &Metadata<'static>) -> TracerHandle {
        if let Some(tracer) = &self.fixed {
            return tracer.handle();
        }
        let name = crate_of(metadata.module_path().unwrap_or(metadata.target()));
        if let Some((_, tracer)) = self.tracers.iter().find(|(other, _)| *other == name) {
            return tracer.handle();
        }
        if self.tracers.len() < MAX_SCOPES {
            let tracer = Tracer::new(Scope::new(name));
            let handle = tracer.handle();
            self.tracers.push((name, tracer));
            return handle;
        }
        static REST: Tracer = Tracer::new(Scope::new(super::config::REST_SCOPE));
        REST.handle()
    }
}
