//! Prices an order, instrumented with one of the APIs.
//!
//! With several features, as in a build with all of them, the first one here applies.

#[cfg(feature = "opentelemetry")]
mod opentelemetry;
#[cfg(feature = "opentelemetry")]
pub(crate) use opentelemetry::price;

#[cfg(all(feature = "tracing", not(feature = "opentelemetry")))]
mod tracing;
#[cfg(all(feature = "tracing", not(feature = "opentelemetry")))]
pub(crate) use tracing::price;

#[cfg(all(
    feature = "direct",
    not(any(feature = "tracing", feature = "opentelemetry"))
))]
mod direct;
#[cfg(all(
    feature = "direct",
    not(any(feature = "tracing", feature = "opentelemetry"))
))]
pub(crate) use direct::price;

/// Prices an order without telemetry.
#[cfg(not(any(feature = "direct", feature = "tracing", feature = "opentelemetry")))]
pub(crate) fn price(order: &crate::order::Order<'_>) -> u64 {
    order.price()
}
