//! Instrumented with `tracing`. It has no metrics, so those use the direct API.
//!
//! By default, an event of `tracing` is a log record. So the event and the log are the same here.

use crate::order::Order;
use tracing::{field, info, instrument};
use wasmscope::{Counter, Histogram, Meter, attributes};

static METER: Meter = wasmscope::meter!();

static ORDERS: Counter<u64> = Counter::new(&METER, "service.orders").with_unit("{order}");
static PRICES: Histogram<f64> = Histogram::new(&METER, "service.price").with_unit("EUR");

/// Prices an order.
pub(crate) fn price(order: &Order<'_>) -> u64 {
    let _telemetry = wasmscope::init();
    priced(order)
}

#[instrument(
    name = "price order",
    skip_all,
    fields(
        order.id = order.id,
        order.customer = order.customer,
        order.articles = order.articles(),
        order.price = field::Empty,
    )
)]
fn priced(order: &Order<'_>) -> u64 {
    let cents = order.price();
    let euros = cents as f64 / 100.0;
    tracing::Span::current().record("order.price", euros);
    info!(name: "priced", { price.cents = cents }, "priced");
    info!(
        order.id = order.id,
        order.customer = order.customer,
        order.price = euros,
        "an order is priced"
    );
    ORDERS.add(1, attributes!["large" => cents > 10_000]);
    PRICES.record(euros, attributes!["large" => cents > 10_000]);
    cents
}
