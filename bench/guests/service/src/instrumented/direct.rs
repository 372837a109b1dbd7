//! Instrumented with the direct API. With the feature `log`, the log record is made by the crate
//! `log`.

use crate::order::Order;
use wasmscope::{Counter, Histogram, Meter, Tracer, attributes};

static TRACER: Tracer = wasmscope::tracer!();
static METER: Meter = wasmscope::meter!();

static ORDERS: Counter<u64> = Counter::new(&METER, "service.orders").with_unit("{order}");
static PRICES: Histogram<f64> = Histogram::new(&METER, "service.price").with_unit("EUR");

/// Prices an order.
pub(crate) fn price(order: &Order<'_>) -> u64 {
    let _telemetry = wasmscope::init();
    let span = TRACER
        .span("price order")
        .with_attributes(attributes![
            "order.id" => order.id as i64,
            "order.customer" => order.customer,
            "order.articles" => order.articles() as i64,
        ])
        .enter();
    let cents = order.price();
    let euros = cents as f64 / 100.0;
    span.set_attribute("order.price", euros);
    span.event("priced", attributes!["price.cents" => cents as i64]);
    #[cfg(not(feature = "log"))]
    emit(order, euros, &span);
    #[cfg(feature = "log")]
    log::info!(
        "order.id" = order.id,
        "order.customer" = order.customer,
        "order.price" = euros;
        "an order is priced"
    );
    ORDERS.add(1, attributes!["large" => cents > 10_000]);
    PRICES.record(euros, attributes!["large" => cents > 10_000]);
    cents
}

#[cfg(not(feature = "log"))]
fn emit(order: &Order<'_>, euros: f64, span: &wasmscope::Span) {
    static LOGGER: wasmscope::Logger = wasmscope::logger!();
    LOGGER
        .record(wasmscope::Severity::Info)
        .with_body("an order is priced")
        .with_attributes(wasmscope::fields![
            "order.id" => order.id as i64,
            "order.customer" => order.customer,
            "order.price" => euros,
        ])
        .with_span(span)
        .emit();
}
