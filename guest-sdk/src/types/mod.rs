//! The types of the contract, in the layout that the host reads from memory. They import no other
//! module.

mod context;
mod handle;
mod logger;
mod meter;
mod tracer;
mod value;
mod variants;
mod wire;

pub use context::{BaggageEntry, SpanContext, TraceFlags, TraceId};
pub use handle::SpanHandle;
pub(crate) use handle::{
    BaggageHandle, Handle, InstrumentHandle, LoggerHandle, MeterHandle, Notice, ObserverHandle,
    SeriesHandle, TracerHandle,
};
pub use logger::Severity;
pub(crate) use logger::{LOGS_DISABLED, LogAttribute, LogRecord, LogThreshold, LogValue, MapEntry};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use meter::instrument_kinds;
pub(crate) use meter::{
    InstrumentDescriptor, InstrumentKind, InstrumentOf, Number, Observation, family,
};
pub use tracer::{Link, LinkTarget, SpanChanges, SpanKind, SpanReference, Status};
pub(crate) use value::{InstrumentationScope, from_nonzero, value_from};
pub use value::{KeyValue, Unsigned, Value};
#[cfg(test)]
pub(crate) use variants::WitEnum;
pub(crate) use wire::{Maybe, MaybeByte, WireReference};
#[cfg(any(target_arch = "wasm32", test))]
pub(crate) use wire::{WireContext, WireLink, WireTarget};
