//! By the direct API.

use crate::order::Order;
use wasmscope::{Counter, Histogram, Logger, Meter, Severity, Tracer, attributes, fields};

static TRACER: Tracer = wasmscope::tracer!();
static METER: Meter = wasmscope::meter!();
static LOGGER: Logger = wasmscope::logger!();

static ORDERS: Counter<u64> = Counter::new(&METER, "service.orders").with_unit("{order}");
static PRICES: Histogram<f64> = Histogram::new(&METER, "service.price").with_unit("EUR");

/// Prices an order.
pub(crate) fn price(order: &Order<'_>) -> u64 {
    let _telemetry = wasmscope::init();
    let span = TRACER
        .span("price order")
        .attributes(attributes![
            "order.id" => order.id as i64,
            "order.customer" => order.customer,
            "order.articles" => order.articles() as i64,
        ])
        .enter();
    let cents = order.price();
    let euros = cents as f64 / 100.0;
    span.set_attribute("order.price", euros);
    span.event("priced", attributes!["price.cents" => cents as i64]);
    LOGGER
        .record(Severity::Info)
        .body("an order is priced")
        .attributes(fields![
            "order.id" => order.id as i64,
            "order.customer" => order.customer,
            "order.price" => euros,
        ])
        .span(&span)
        .emit();
    ORDERS.add(1, attributes!["large" => cents > 10_000]);
    PRICES.record(euros, attributes!["large" => cents > 10_000]);
    cents
}
