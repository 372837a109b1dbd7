//! Logs: loggers that cache the host's thresholds, and records with nested values.

pub(crate) mod arena;
mod logger;
mod owned;
mod record;
#[cfg(feature = "serde")]
mod serialize;
mod threshold;
mod value;

pub use logger::Logger;
pub(crate) use logger::SDK_LOGGER;
pub use owned::OwnedValue;
pub use record::{LogBuilder, Record};
#[cfg(feature = "serde")]
pub use serialize::SerializeError;
#[cfg(any(feature = "log", feature = "opentelemetry", feature = "tracing"))]
pub(crate) use threshold::Threshold;
pub(crate) use value::scalar;
pub use value::{AnyUnsigned, AnyValue, Items, Owned};
