//! Telemetry beyond spans and simple logs. Without the feature `telemetry`, the functions do
//! nothing.

#[cfg(feature = "telemetry")]
mod on;
#[cfg(feature = "telemetry")]
pub(crate) use on::{carried_out, link_to_request, order_log, rejected, start};

#[cfg(not(feature = "telemetry"))]
mod off;
#[cfg(not(feature = "telemetry"))]
pub(crate) use off::{carried_out, link_to_request, order_log, rejected, start};
