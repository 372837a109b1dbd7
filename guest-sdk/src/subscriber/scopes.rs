//! Who is speaking: a tracer for each crate, a logger for each target.

use std::sync::Arc;

use tracing::Metadata;

use crate::{Logger, Scope, Severity, Tracer};

/// How many targets have a scope to themselves. A host admits a limited number (by default 64 of tracers, 256 of loggers, for
/// all that a component links), and what is said with one beyond is lost: from here on, a crate's targets share the crate's scope.
const MAX_TARGETS: usize = 40;
/// How many scopes there may be before the rest share one, of loggers and of tracers.
const MAX_SCOPES: usize = 48;
const OVERFLOW_SCOPE: &str = "tracing";

/// Holds the tracers and loggers that have been asked for, most of them for good.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    fixed: Option<Tracer>,
    tracers: Vec<(&'static str, Tracer)>,
    loggers: Vec<TargetLogger>,
    /// How many scopes those have between them.
    scopes: usize,
}

/// Is the logger of a target.
#[derive(Debug)]
struct TargetLogger {
    target: &'static str,
    scope: &'static str,
    logger: Arc<Logger>,
}

/// Is a logger that somebody listens to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listened {
    pub(super) logger: u64,
    /// Whether the logger's scope is the target.
    pub(super) is_exact: bool,
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
        if let Some((_, tracer)) = self.tracers.iter().find(|(other, _)| *other == name) {
            return tracer.handle();
        }
        if self.tracers.len() < MAX_SCOPES {
            let tracer = Tracer::new(Scope::new(name));
            let handle = tracer.handle();
            self.tracers.push((name, tracer));
            return handle;
        }
        static OVERFLOW: Tracer = Tracer::new(Scope::new(OVERFLOW_SCOPE));
        OVERFLOW.handle()
    }

    /// Gives a target's logger if somebody listens to it at a severity.
    pub(super) fn listening(
        &mut self,
        target: &'static str,
        severity: Severity,
    ) -> Option<Listened> {
        let TargetLogger { scope, logger, .. } = self.logger(target);
        logger.enabled(severity).then(|| Listened {
            logger: logger.handle(),
            is_exact: *scope == target,
        })
    }

    /// Gives a target's logger.
    fn logger(&mut self, target: &'static str) -> &TargetLogger {
        let found = self
            .loggers
            .iter()
            .position(|logger| logger.target == target);
        let index = found.unwrap_or_else(|| {
            self.add_logger(target);
            self.loggers.len() - 1
        });
        &self.loggers[index]
    }

    /// Whether somebody listens to a target at a severity, or it is not known.
    pub(super) fn is_listened_to(&self, target: &str, severity: Severity) -> bool {
        self.loggers
            .iter()
            .find(|logger| logger.target == target)
            .is_none_or(|found| found.logger.enabled(severity))
    }

    fn add_logger(&mut self, target: &'static str) {
        let scope = match self.scopes {
            0..MAX_TARGETS => target,
            MAX_TARGETS..MAX_SCOPES => crate_of(target),
            _ => OVERFLOW_SCOPE,
        };
        let shared = self.loggers.iter().find(|logger| logger.scope == scope);
        let logger = TargetLogger {
            target,
            scope,
            logger: match shared {
                Some(shared) => Arc::clone(&shared.logger),
                None => {
                    self.scopes += 1;
                    Arc::new(Logger::new(Scope::new(scope)))
                }
            },
        };
        self.loggers.push(logger);
    }
}

fn crate_of(path: &'static str) -> &'static str {
    let end = path.bytes().position(|byte| byte == b':');
    end.and_then(|end| path.get(..end)).unwrap_or(path)
}
