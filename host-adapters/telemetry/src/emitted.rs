//! Tables of the telemetry that the host emits: names, units and meanings. All code uses the names
//! in these tables.
//!
//! [`markdown`] writes the tables as `docs/telemetry.md`. They do not list the telemetry of guests.

mod attributes;
mod markdown;
mod metrics;

pub(crate) use attributes::OWN_PREFIX;
pub use attributes::{ATTRIBUTES, ERROR_TYPES, attribute};
pub use markdown::markdown;
pub(crate) use metrics::COLLECTION;
pub use metrics::{METRICS, is_of_telemetry, metric};

/// The stability of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stability {
    /// A stable name of the OpenTelemetry semantic conventions.
    Stable,
    /// A name of the OpenTelemetry semantic conventions that is in development. It changes when
    /// they do.
    Development,
    /// A name that Wasmscope defines. Before version 1.0 it may change in a minor version, with a
    /// note in the changelog.
    Own,
}

impl Stability {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Stable => "conventions, stable",
            Self::Development => "conventions, in development",
            Self::Own => "own",
        }
    }
}

/// The kind of a metric's instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// A sum that only grows.
    Counter,
    /// A sum that grows and shrinks.
    UpDownCounter,
    /// A distribution.
    Histogram,
}

impl MetricKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::UpDownCounter => "up-down counter",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric of the host, on the scope `wasmscope`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetricInfo {
    /// Its name.
    pub name: &'static str,
    /// Its instrument.
    pub kind: MetricKind,
    /// Its unit in UCUM.
    pub unit: &'static str,
    /// Its description, which is exported.
    pub description: &'static str,
    /// The keys of its attributes.
    pub attributes: &'static [&'static str],
    /// When it is exported, or which limit it belongs to.
    pub note: &'static str,
    /// The stability of its name.
    pub stability: Stability,
}

/// The names of the host's events, and of the guests' events that the host reads.
pub mod event {
    /// The event of a host span when a limiter refuses memory to the component.
    pub const MEMORY_REFUSED: &str = "wasmscope.memory.refused";
    /// The event of a log record in which a guest's SDK warns about wrong use. The host keeps the
    /// first few warnings.
    pub const WARNING: &str = "wasmscope.warning";
}

/// The names of the host's scopes for guests.
pub mod scope {
    /// The scope of log records that are lines which a guest has printed.
    pub const STDIO: &str = "wasmscope.stdio";
}

/// The telemetry that has an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributeLocation {
    /// On the resource.
    Resource,
    /// On the scopes of guests.
    Scope,
    /// On the host's own span.
    HostSpan,
    /// On the events of the host's own span.
    HostEvent,
    /// On spans of guests that the host ended.
    EndedSpan,
    /// On data points of the host's metrics.
    Metric,
    /// On data points of guests' metrics.
    GuestMetric,
    /// On log records of guests.
    Log,
}

impl AttributeLocation {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::Scope => "scopes of guests",
            Self::HostSpan => "host span",
            Self::HostEvent => "events of the host span",
            Self::EndedSpan => "spans of guests that the host ended",
            Self::Metric => "metrics of the host",
            Self::GuestMetric => "metrics of guests",
            Self::Log => "log records of guests",
        }
    }
}

/// An attribute that the host sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttributeInfo {
    /// Its key.
    pub key: &'static str,
    /// The type of its value.
    pub value: &'static str,
    /// The telemetry that has the attribute.
    pub locations: &'static [AttributeLocation],
    /// Its meaning.
    pub meaning: &'static str,
    /// The stability of its key.
    pub stability: Stability,
}

/// A value of an attribute with its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ValueInfo {
    /// The value.
    pub value: &'static str,
    /// The meaning.
    pub meaning: &'static str,
}

impl ValueInfo {
    pub(crate) const fn new(value: &'static str, meaning: &'static str) -> Self {
        Self { value, meaning }
    }
}

#[cfg(test)]
mod tests;
