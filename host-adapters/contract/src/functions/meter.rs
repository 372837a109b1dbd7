//! `wasmscope:otel/meter`.

use std::cell::RefCell;

use opentelemetry::KeyValue;
use wasmscope_telemetry::model::{Notice, Number};
use wasmscope_telemetry::{Instance, Signal};

use super::{Interface, Register, no_handle, no_notice};
use crate::error::Result;
use crate::lift::{Reader, Unread};

const METER: Interface = Interface {
    name: "wasmscope:otel/meter@0.1.0",
    signal: Signal::Metrics,
};

pub(super) fn register<G, E>(registrar: &mut G) -> Result<(), E>
where
    G: Register<u64, Error = E> + Register<bool, Error = E>,
{
    registrar.function(METER.function("get", no_handle, Instance::meter))?;
    registrar.function(
        METER.function("create", no_handle, |instance, (meter, descriptor)| {
            instance.create_instrument(meter, descriptor)
        }),
    )?;
    registrar.function(
        METER.reading::<(u64, Number, Vec<KeyValue>), _, _>("measure", no_notice, measure),
    )?;
    registrar.function(METER.function(
        "bind",
        no_handle,
        |instance, (instrument, attributes)| instance.bind(instrument, attributes),
    ))?;
    registrar.function(METER.function(
        "measure-series",
        no_notice,
        |instance, (series, value)| instance.measure_series(series, value),
    ))?;
    registrar.function(
        METER.function("create-observer", no_handle, |instance, ()| {
            instance.create_observer()
        }),
    )?;
    registrar.function(METER.function(
        "observe",
        no_notice,
        |instance, (observer, observations, complete)| {
            instance.observe(observer, observations, complete)
        },
    ))
}

thread_local! {
    /// The bytes of a measurement's instrument and attributes.
    static CACHE_KEY: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Takes a measurement. Its attributes are read only if they have not come before.
pub(super) fn measure(
    instance: &mut Instance,
    (instrument, value, attributes): (u64, Number, Unread<KeyValue>),
    reader: &mut Reader<'_>,
) -> Result<Notice> {
    CACHE_KEY.with_borrow_mut(|key| {
        key.clear();
        key.extend_from_slice(&instrument.to_le_bytes());
        let is_key = reader.transcribe(attributes, key)?;
        instance.measure_with(instrument, value, is_key.then_some(&**key), || {
            reader.unread_attributes(attributes)
        })
    })
}
