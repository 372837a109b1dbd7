//! `wasmscope:otel/meter`.

use opentelemetry::KeyValue;
use wasmscope_telemetry::Instance;
use wasmscope_telemetry::model::{InstrumentDescriptor, Number, Observation, Scope};
use wasmtime::Result;

use super::{no_handle, no_notice};
use crate::host::Interface;

pub(crate) fn add<T, G>(mut interface: Interface<'_, T, G>) -> Result<()>
where
    T: 'static,
    G: Fn(&mut T) -> &mut Instance + Copy + Send + Sync + 'static,
{
    interface.lifted::<Scope, 10, _>("get", no_handle, Instance::meter)?;
    interface.lifted::<(u64, InstrumentDescriptor), 13, _>(
        "create",
        no_handle,
        |instance, (meter, descriptor)| instance.create_instrument(meter, descriptor),
    )?;
    interface.lifted::<(u64, Number, Vec<KeyValue>), 5, _>(
        "measure",
        no_notice,
        |instance, (instrument, value, attributes)| instance.measure(instrument, value, attributes),
    )?;
    interface.lifted::<(u64, Vec<KeyValue>), 3, _>(
        "bind",
        no_handle,
        |instance, (instrument, attributes)| instance.bind(instrument, attributes),
    )?;
    interface.lifted::<(u64, Number), 3, _>(
        "measure-series",
        no_notice,
        |instance, (series, value)| instance.measure_series(series, value),
    )?;
    interface.lifted::<Vec<Observation>, 2, _>("observe", no_notice, Instance::observe)
}
