//! `wasmscope:otel/meter`.

use wasmscope_telemetry::{Instance, Signal};

use super::{Interface, Register, no_handle, no_notice};

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
    registrar.function(METER.function(
        "measure",
        no_notice,
        |instance, (instrument, value, attributes)| instance.measure(instrument, value, attributes),
    ))?;
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
    registrar.function(METER.function("observe", no_notice, Instance::observe))
}
