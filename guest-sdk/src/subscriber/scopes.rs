//! Who is speaking: a tracer for each crate, a logger for each target.

use std::sync::Arc;

use tracing::Metadata;

use crate::{Logger, Scope, Severity, Tracer};

/// How many targets have a scope to themselves. The host admits 64 scopes by default, and what is emitted with
/// one beyond is lost: from here on, a crate's targets share the crate's scope.
const MAX_TARGETS: usize = 48;

/// Holds the tracers and loggers that have been asked for, most of them for good.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    fixed: Option<Tracer>,
    tracers: Vec<(&'static str, Tracer)>,
    loggers: Vec<TargetLogger>,
}

/// Is the logger of a target.
#[derive(Debug, Clone)]
pub(super) struct TargetLogger {
    target: &'static str,
    pub(super) logger: Arc<Logger>,
    /// Whether the logger's scope is the target.
    pub(super) exact: bool,
}

impl Scopes {
    pub(super) fn new(scope: Option<Scope>) -> Self {
        Self {
            fixed: scope.map(Tracer::new),
            ..Self::default()
        }
    }

    /// Gives the tracer's handle for a span.
    pub(super) fn tracer(&mut self, metadata: &Metadata<'static>) -> u64 {
        if let Some(tracer) = &self.fixed {
            return tracer.handle();
        }
        let name = crate_of(metadata.module_path().unwrap_or(metadata.target()));
        let index = match self.tracers.iter().position(|(other, _)| *other == name) {
            Some(index) => index,
            None => {
                self.tracers.push((name, Tracer::new(Scope::new(name))));
                self.tracers.len() - 1
            }
        };
        self.tracers[index].1.handle()
    }

    /// Gives a target's logger if somebody listens to it at a severity.
    pub(super) fn logger(&mut self, target: &'static str, severity: Severity) -> Option<TargetLogger> {
        let logger = match self.find(target) {
            Some(found) => found.clone(),
            None => self.add_logger(target),
        };
        logger.logger.enabled(severity).then_some(logger)
    }

    fn find(&self, target: &str) -> Option<&TargetLogger> {
        self.loggers.iter().find(|logger| logger.target == target)
    }

    fn add_logger(&mut self, target: &'static str) -> TargetLogger {
        let crate_name = crate_of(target);
        let exact = self.loggers.len() < MAX_TARGETS || crate_name == target;
        let shared = (!exact)
            .then(|| self.find(crate_name).map(|found| Arc::clone(&found.logger)))
            .flatten();
        let logger = TargetLogger {
            target,
            logger: shared.unwrap_or_else(|| {
                Arc::new(Logger::new(Scope::new(if exact { target } else { crate_name })))
            }),
            exact,
        };
        self.loggers.push(logger.clone());
        logger
    }
}

fn crate_of(path: &'static str) -> &'static str {
    path.split_once("::").map_or(path, |(name, _)| name)
}
