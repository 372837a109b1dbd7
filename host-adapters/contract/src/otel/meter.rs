//! `wasmscope:otel/meter`.

use std::cell::RefCell;

use opentelemetry::KeyValue;
use wasmscope_telemetry::model::{
    InstrumentHandle, MeterHandle, Notice, Number, ObserverHandle, SeriesHandle,
};
use wasmscope_telemetry::{Instance, Signal};

use super::{no_handle, no_notice};
use crate::abi::{Interface, Register};
use crate::abi::{LazyList, Reader, Result};

const METER: Interface = Interface {
    name: "wasmscope:otel/meter@0.1.0",
    signal: Signal::Metrics,
};

pub(super) fn register<G, E>(registrar: &mut G) -> Result<(), E>
where
    G: Register<u64, Error = E> + Register<bool, Error = E>,
{
    registrar.function(METER.function("get", no_handle, |instance, scope| {
        instance.meter(scope).to_bits()
    }))?;
    registrar.function(
        METER.function("create", no_handle, |instance, (meter, descriptor)| {
            instance
                .create_instrument(MeterHandle::from_bits(meter), descriptor)
                .to_bits()
        }),
    )?;
    registrar.function(
        METER.reading::<(u64, Number, Vec<KeyValue>), _, _>("measure", no_notice, measure),
    )?;
    registrar.function(METER.function(
        "bind",
        no_handle,
        |instance, (instrument, attributes)| {
            instance
                .bind(InstrumentHandle::from_bits(instrument), attributes)
                .to_bits()
        },
    ))?;
    registrar.function(METER.function(
        "measure-series",
        no_notice,
        |instance, (series, value)| instance.measure_series(SeriesHandle::from_bits(series), value),
    ))?;
    registrar.function(
        METER.function("create-observer", no_handle, |instance, ()| {
            instance.create_observer().to_bits()
        }),
    )?;
    registrar.function(METER.function(
        "observe",
        no_notice,
        |instance, (observer, observations, complete)| {
            instance.observe(ObserverHandle::from_bits(observer), observations, complete)
        },
    ))
}

thread_local! {
    /// The cache key: the bytes of a measurement's instrument and attributes.
    static CACHE_KEY: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Records a measurement. Its attributes are read only if they are not in the series cache.
fn measure(
    instance: &mut Instance,
    arguments: (u64, Number, LazyList<KeyValue>),
    reader: &mut Reader<'_>,
) -> Result<Notice> {
    measure_reading(instance, arguments, reader, Reader::lazy_attributes)
}

/// Records a measurement. `read` reads its attributes.
#[inline]
pub(super) fn measure_reading<'m>(
    instance: &mut Instance,
    (instrument, value, attributes): (u64, Number, LazyList<KeyValue>),
    reader: &mut Reader<'m>,
    read: impl FnOnce(&mut Reader<'m>, LazyList<KeyValue>) -> Result<Vec<KeyValue>>,
) -> Result<Notice> {
    CACHE_KEY.with_borrow_mut(|key| {
        key.clear();
        key.extend_from_slice(&instrument.to_le_bytes());
        let is_key = reader.transcribe(attributes, key)?;
        let instrument = InstrumentHandle::from_bits(instrument);
        let cache_key = is_key.then_some(&**key);
        instance.measure_with(instrument, value, cache_key, || read(reader, attributes))
    })
}
