//! Tables of all telemetry that the host itself emits: names, units and meanings. The code takes
//! its names from them.
//!
//! [`markdown`] writes them as `docs/telemetry.md`. The telemetry of guests is not listed.

mod attributes;
mod markdown;
mod metrics;

pub use attributes::{ATTRIBUTES, ERROR_TYPES, attribute};
pub use markdown::markdown;
pub(crate) use metrics::COLLECTION;
pub use metrics::{METRICS, is_of_telemetry, metric};

/// How firmly a name is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stability {
    /// A name of the OpenTelemetry semantic conventions, stable there.
    Stable,
    /// A name of the OpenTelemetry semantic conventions, in development there: it follows them.
    Development,
    /// A name of Wasmscope's own. Before version 1.0 it may change with a minor version, which its
    /// changelog says.
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
    /// How firmly its name is promised.
    pub stability: Stability,
}

/// The names of events.
pub mod event {
    /// Added to the host span if a limiter refused the component memory.
    pub const MEMORY_REFUSED: &str = "wasmscope.memory.refused";
    /// A log record in which a component's SDK warns about how it is used. The host keeps the first
    /// few.
    pub const WARNING: &str = "wasmscope.warning";
}

/// Where an attribute stands.
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
    /// Where it stands.
    pub locations: &'static [AttributeLocation],
    /// What it says.
    pub meaning: &'static str,
    /// How firmly its key is promised.
    pub stability: Stability,
}

/// A value of an attribute, and what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ValueInfo {
    /// The value.
    pub value: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

impl ValueInfo {
    pub(crate) const fn new(value: &'static str, meaning: &'static str) -> Self {
        Self { value, meaning }
    }
}

#[cfg(test)]
mod tests;
