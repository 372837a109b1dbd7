//! The package `wasmscope:otel`: its types, the arguments and results of its functions, and the
//! functions of the telemetry core that they call.

mod arguments;
mod context;
mod logger;
mod meter;
mod results;
#[cfg(test)]
mod tests;
mod tracer;
mod types;

use wasmscope_telemetry::model::BaggageEntry;

use crate::abi::Register;
pub use results::{LogThreshold, SpanContext};

/// Adds the functions of all interfaces of `wasmscope:otel`.
///
/// # Errors
///
/// Returns the registrar's first error.
pub fn register<G, E>(registrar: &mut G) -> Result<(), E>
where
    G: Register<u64, Error = E>
        + Register<bool, Error = E>
        + Register<Option<SpanContext>, Error = E>
        + Register<Vec<BaggageEntry>, Error = E>
        + Register<LogThreshold, Error = E>,
{
    context::register(registrar)?;
    tracer::register(registrar)?;
    meter::register(registrar)?;
    logger::register(registrar)
}

/// Returns an empty `types.notice`.
fn no_notice() -> u64 {
    0
}

/// Returns a handle that is never given out. Every function treats it as invalid.
fn no_handle() -> u64 {
    0
}
