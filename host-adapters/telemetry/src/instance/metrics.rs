//! Metrics of an instance.

use opentelemetry::KeyValue;

use super::Instance;
use crate::model::{InstrumentDescriptor, Notice, Number, Observation, Scope};
use crate::telemetry::Shared;

/// The meters, instruments and series of an instance.
#[derive(Debug, Default)]
pub(super) struct Metrics {}

impl Metrics {
    /// Whether a collection is due, for the notice.
    pub(super) fn collection_due(&self, _shared: &Shared) -> bool {
        false
    }
}

#[expect(clippy::todo, reason = "being written")]
#[expect(unused_variables, reason = "being written")]
impl Instance {
    /// Gives the meter of a scope (`meter.get`).
    pub fn meter(&mut self, scope: Scope) -> u64 {
        todo!()
    }

    /// Makes an instrument (`meter.create`).
    pub fn create_instrument(&mut self, meter: u64, descriptor: InstrumentDescriptor) -> u64 {
        todo!()
    }

    /// Takes a measurement (`meter.measure`).
    pub fn measure(&mut self, instrument: u64, value: Number, attributes: Vec<KeyValue>) -> Notice {
        todo!()
    }

    /// Binds attributes (`meter.bind`).
    pub fn bind(&mut self, instrument: u64, attributes: Vec<KeyValue>) -> u64 {
        todo!()
    }

    /// Takes a measurement (`meter.measure-series`).
    pub fn measure_series(&mut self, series: u64, value: Number) -> Notice {
        todo!()
    }

    /// Whether observations are due (`meter.due`).
    pub fn collection_due(&mut self) -> bool {
        todo!()
    }

    /// Takes observations (`meter.observe`).
    pub fn observe(&mut self, observations: Vec<Observation>) -> Notice {
        todo!()
    }
}
