//! The loggers of a provider, shared by its instances.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use opentelemetry::logs::LoggerProvider;
use opentelemetry_sdk::logs::{SdkLogger, SdkLoggerProvider};
use opentelemetry_sdk::metrics::SdkMeterProvider;

use crate::dropped::Reason;
use crate::emitted::metric;
use crate::held;
use crate::interned::{Interned, usual_severity_text};
use crate::limits::Limits;
use crate::metrics::ScopeKey;

/// What all instances of a provider share of logs.
pub(crate) struct Loggers {
    provider: Option<SdkLoggerProvider>,
    by_scope: RwLock<HashMap<ScopeKey, Arc<SdkLogger>>>,
    max_scopes: usize,
    names: Arc<Interned>,
}

impl fmt::Debug for Loggers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loggers")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

impl Loggers {
    pub(crate) fn new(provider: Option<&SdkLoggerProvider>, limits: &Limits) -> Self {
        Self {
            provider: provider.cloned(),
            by_scope: RwLock::default(),
            max_scopes: limits.scopes_per_provider,
            names: Arc::new(Interned::new(limits.interned, limits.interned_bytes)),
        }
    }

    /// Gives the logger of a scope, from the cache where there is room; `None` without a provider.
    ///
    /// The SDK's provider does not hold on to its loggers, so that one beyond the cache's limit lasts as long as the
    /// instance that it is made for.
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

    /// Exports how many texts are held.
    pub(crate) fn export_held(&self, provider: &SdkMeterProvider) {
        let names = Arc::clone(&self.names);
        held::export(
            provider,
            &metric::INTERNED,
            Vec::new(),
            held::once_used(move || names.len()),
        );
    }

    /// Returns an event's name as the SDK wants it.
    ///
    /// # Errors
    ///
    /// Returns the limit that leaves no room for it.
    pub(crate) fn event_name(&self, name: &str) -> Result<&'static str, Reason> {
        self.names.intern(name)
    }

    /// Returns a severity text as the SDK wants it.
    ///
    /// # Errors
    ///
    /// Returns the limit that leaves no room for it.
    pub(crate) fn severity_text(&self, text: &str) -> Result<&'static str, Reason> {
        usual_severity_text(text).map_or_else(|| self.names.intern(text), Ok)
    }

    /// How many loggers are kept.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.by_scope
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }
}
