//! Metrics: instruments that the host aggregates, across all instances.

mod instrument;
mod meter;
mod number;
pub(crate) mod observable;

pub use instrument::{Counter, Gauge, Histogram, Series, UpDownCounter};
pub use meter::Meter;
pub use number::{CounterNumber, GaugeNumber, HistogramNumber, Measurement, UpDownCounterNumber};
pub use observable::{ObservableCounter, ObservableGauge, ObservableUpDownCounter, Observer};
