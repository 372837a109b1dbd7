//! The context of the running code: the ambient span, and baggage.

mod ambient;
mod baggage;
mod header;
mod w3c;

pub use ambient::current;
pub use baggage::{BaggageGuard, baggage, enter_baggage, with_baggage_entry};
#[cfg(feature = "opentelemetry")]
pub(crate) use header::write_member;
pub use header::{baggage_from_header, baggage_header};
