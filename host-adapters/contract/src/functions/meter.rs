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
    /// What a measurement's attributes are written down in.
    static PASSED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Takes a measurement; its attributes are read only if they have not come before.
pub(super) fn measure(
    instance: &mut Instance,
    (instrument, value, attributes): (u64, Number, Unread<KeyValue>),
    reader: &mut Reader<'_>,
) -> Result<Notice> {
    PASSED.with_borrow_mut(|passed| {
        passed.clear();
        passed.extend_from_slice(&instrument.to_le_bytes());
        let known = reader.transcribe(attributes, passed)?;
        if known && let Some(notice) = instance.measure_recent(value, passed) {
            return Ok(notice);
        }
        measure_unknown(
            instance,
            (instrument, value, attributes),
            reader,
            known.then_some(&**passed),
        )
    })
}

/// Takes a measurement whose attributes have not come before; `passed` is what they will be known by, if they can be.
#[cold]
fn measure_unknown(
    instance: &mut Instance,
    (instrument, value, attributes): (u64, Number, Unread<KeyValue>),
    reader: &mut Reader<'_>,
    passed: Option<&[u8]>,
) -> Result<Notice> {
    let attributes = reader.unread_attributes(attributes)?;
    Ok(match passed {
        Some(passed) => instance.measure_first(instrument, value, attributes, passed),
        None => instance.measure(instrument, value, attributes),
    })
}
