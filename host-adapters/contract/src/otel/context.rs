//! `wasmscope:otel/context`.

use wasmscope_telemetry::Signal;
use wasmscope_telemetry::model::{BaggageEntry, BaggageHandle};

use super::results::SpanContext;
use super::{no_handle, no_notice};
use crate::abi::{Interface, Register};

const CONTEXT: Interface = Interface {
    name: "wasmscope:otel/context@0.1.0",
    signal: Signal::Traces,
};

pub(super) fn register<G, E>(registrar: &mut G) -> Result<(), E>
where
    G: Register<u64, Error = E>
        + Register<Option<SpanContext>, Error = E>
        + Register<Vec<BaggageEntry>, Error = E>,
{
    registrar.function(CONTEXT.function(
        "current",
        || None,
        |instance, ()| instance.current_context().as_ref().map(SpanContext::from),
    ))?;
    registrar.function(CONTEXT.function("baggage", Vec::new, |instance, ()| instance.baggage()))?;
    registrar.function(
        CONTEXT.function("enter-baggage", no_handle, |instance, entries| {
            instance.enter_baggage(entries).to_bits()
        }),
    )?;
    registrar.function(
        CONTEXT.function("exit-baggage", no_notice, |instance, (scope,)| {
            instance.exit_baggage(BaggageHandle::from_bits(scope))
        }),
    )
}
