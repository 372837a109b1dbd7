//! The loggers of a provider, shared by its instances.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use opentelemetry::logs::LoggerProvider;
use opentelemetry_sdk::logs::{SdkLogger, SdkLoggerProvider};

use crate::limits::Limits;
use crate::metrics::ScopeKey;

/// The loggers that all instances of a provider share.
pub(crate) struct Loggers {
    provider: Option<SdkLoggerProvider>,
    by_scope: RwLock<HashMap<ScopeKey, Arc<SdkLogger>>>,
    max_scopes: usize,
}

impl fmt::Debug for Loggers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loggers").finish_non_exhaustive()
    }
}

impl Loggers {
    pub(crate) fn new(provider: Option<&SdkLoggerProvider>, limits: &Limits) -> Self {
        Self {
            provider: provider.cloned(),
            by_scope: RwLock::default(),
            max_scopes: limits.scopes_per_provider,
        }
    }

    /// Returns the logger of a scope. `None` without a provider.
    ///
    /// Loggers beyond the limit are not cached. The SDK's provider keeps no loggers, so such a
    /// logger is freed with its instance.
    pub(crate) fn logger(&self, scope: &ScopeKey) -> Option<Arc<SdkLogger>> {
        let provider = self.provider.as_ref()?;
        if let Some(known) = self
            .by_scope
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(scope)
        {
            return Some(Arc::clone(known));
        }
        let logger = Arc::new(provider.logger_with_scope(scope.0.clone()));
        let mut by_scope = self
            .by_scope
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if by_scope.len() < self.max_scopes {
            by_scope.insert(scope.clone(), Arc::clone(&logger));
        }
        Some(logger)
    }

    /// Returns the number of cached loggers.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.by_scope
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }
}
