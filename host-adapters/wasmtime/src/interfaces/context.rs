//! `wasmscope:otel/context`.

use wasmscope_telemetry::Instance;
use wasmscope_telemetry::model::BaggageEntry;
use wasmtime::Result;

use super::{lower_context, no_handle, no_notice};
use crate::host::Interface;
use crate::lift::shape;

pub(crate) fn add<T, G>(mut interface: Interface<'_, T, G>) -> Result<()>
where
    T: 'static,
    G: Fn(&mut T) -> &mut Instance + Copy + Send + Sync + 'static,
{
    interface.scalar(
        "current",
        || None,
        |instance, ()| instance.current_context().as_ref().map(lower_context),
    )?;
    interface.scalar("baggage", Vec::new, |instance, ()| {
        instance
            .baggage()
            .into_iter()
            .map(lower_entry)
            .collect::<Vec<_>>()
    })?;
    interface.lifted::<Vec<BaggageEntry>, 2, _>(
        "enter-baggage",
        no_handle,
        Instance::enter_baggage,
    )?;
    interface.scalar("exit-baggage", no_notice, |instance, (scope,)| {
        instance.exit_baggage(scope)
    })
}

fn lower_entry(entry: BaggageEntry) -> shape::BaggageEntry {
    let BaggageEntry {
        key,
        value,
        metadata,
    } = entry;
    shape::BaggageEntry {
        key,
        value,
        metadata,
    }
}
