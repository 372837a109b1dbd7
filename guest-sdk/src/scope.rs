//! The scope of a tracer, a meter or a logger.

use crate::types::{InstrumentationScope, KeyValue};
use crate::unsigned;

/// Names the library or module that emits telemetry (OpenTelemetry's instrumentation scope).
///
/// `wasmscope::scope!()` creates one with the calling crate's name and version.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scope {
    name: &'static str,
    version: Option<&'static str>,
    schema_url: Option<&'static str>,
    attributes: &'static [KeyValue<'static>],
}

impl Scope {
    /// Creates a scope without version and schema.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            version: None,
            schema_url: None,
            attributes: &[],
        }
    }

    /// Sets the version of the library or module.
    #[must_use]
    pub const fn with_version(mut self, version: &'static str) -> Self {
        self.version = Some(version);
        self
    }

    /// Sets the URL of the schema that the telemetry of this scope follows.
    #[must_use]
    pub const fn with_schema_url(mut self, schema_url: &'static str) -> Self {
        self.schema_url = Some(schema_url);
        self
    }

    /// Sets attributes of the scope itself.
    #[must_use]
    pub const fn with_attributes(mut self, attributes: &'static [KeyValue<'static>]) -> Self {
        self.attributes = attributes;
        self
    }

    pub(crate) fn as_contract(&self) -> InstrumentationScope<'static> {
        InstrumentationScope {
            name: self.name,
            version: self.version,
            schema_url: self.schema_url,
            attributes: unsigned::of_scope(self.attributes),
        }
    }
}

/// Creates a [`Scope`] with the calling crate's name and version.
#[macro_export]
macro_rules! scope {
    () => {
        $crate::Scope::new(env!("CARGO_PKG_NAME")).with_version(env!("CARGO_PKG_VERSION"))
    };
}

/// Creates a [`Tracer`](crate::Tracer) for the calling crate: `static TRACER: Tracer =
/// wasmscope::tracer!();`
#[macro_export]
macro_rules! tracer {
    () => {
        $crate::Tracer::new($crate::scope!())
    };
}

/// Creates a [`Meter`](crate::Meter) for the calling crate: `static METER: Meter =
/// wasmscope::meter!();`
#[macro_export]
macro_rules! meter {
    () => {
        $crate::Meter::new($crate::scope!())
    };
}

/// Creates a [`Logger`](crate::Logger) for the calling crate: `static LOGGER: Logger =
/// wasmscope::logger!();`
#[macro_export]
macro_rules! logger {
    () => {
        $crate::Logger::new($crate::scope!())
    };
}
