//! Stands for a library that does not know Wasmscope: it uses the plain OpenTelemetry API.

use crate::order::Order;

/// Announces a parcel to the carrier.
#[cfg(feature = "opentelemetry")]
pub(crate) fn announce(order: &Order) {
    use opentelemetry::trace::{Span as _, SpanKind, Tracer as _};
    use opentelemetry::{KeyValue, global};

    let tracer = global::tracer("carrier");
    let mut span = tracer
        .span_builder("announce parcel")
        .with_kind(SpanKind::Client)
        .with_attributes([KeyValue::new("server.address", "parcels.example")])
        .start(&tracer);
    span.set_attribute(KeyValue::new(
        "parcel.country",
        order.customer.country.clone(),
    ));
    global::meter("carrier")
        .u64_counter("carrier.parcels")
        .with_unit("{parcel}")
        .build()
        .add(1, &[]);
    span.end();
}

/// Announces a parcel to the carrier.
#[cfg(not(feature = "opentelemetry"))]
pub(crate) fn announce(_: &Order) {}
