//! Metrics, a link and a structured log, by the direct API.

use crate::order::{Order, Rejection};
use crate::pricing::Receipt;
use crate::stock::Stock;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use wasmscope::{
    AnyValue, Counter, Gauge, Guard, Histogram, Link, Logger, Meter, ObservableGauge, Severity,
    attributes, fields,
};

static METER: Meter = wasmscope::meter!();
static LOGGER: Logger = wasmscope::logger!();

static ORDERS: Counter<u64> = Counter::new(&METER, "checkout.orders")
    .with_unit("{order}")
    .with_description("Orders that were read, by outcome");
static VALUE: Histogram<f64> = Histogram::new(&METER, "checkout.order.value")
    .with_unit("EUR")
    .with_description("What customers pay for an order")
    .with_boundaries(&[10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0]);
static DURATION: Histogram<f64> = Histogram::new(&METER, "checkout.order.duration")
    .with_unit("s")
    .with_description("Time to carry out an order")
    .with_boundaries(&[0.00001, 0.0001, 0.001, 0.01, 0.1, 1.0]);
static LAST_VALUE: Gauge<f64> = Gauge::new(&METER, "checkout.last_order.value")
    .with_unit("EUR")
    .with_description("What the last customer pays");
static STOCK: ObservableGauge<u64> = ObservableGauge::new(&METER, "checkout.stock")
    .with_unit("{piece}")
    .with_description("Pieces that are left");

/// Connects the program to its host, and observes the stock.
pub(crate) fn start(stock: &Rc<RefCell<Stock>>) -> Guard {
    let guard = wasmscope::init();
    let stock = Rc::clone(stock);
    STOCK.register(move |observer| {
        // The stock is borrowed while an order is processed. The next collection reads it.
        if let Ok(stock) = stock.try_borrow() {
            for (sku, left) in stock.left().filter(|(_, left)| *left < 60) {
                observer.observe(left.into(), attributes!["item.sku" => sku]);
            }
        }
    });
    guard
}

pub(crate) fn carried_out(receipt: &Receipt, duration: Duration) {
    ORDERS.add(1, attributes!["outcome" => "carried_out"]);
    let euros = euros(receipt.total());
    VALUE.record(euros, attributes![]);
    LAST_VALUE.record(euros, attributes![]);
    DURATION.record(duration.as_secs_f64(), attributes![]);
}

pub(crate) fn rejected(rejection: &Rejection) {
    ORDERS.add(
        1,
        attributes!["outcome" => "rejected", "reason" => rejection.reason()],
    );
}

/// Links the order's span to the request that placed it hours before.
pub(crate) fn link_to_request(traceparent: &str) {
    if let Some(context) = wasmscope::SpanContext::from_traceparent(traceparent, "") {
        use wasmscope::subscriber::SpanExt as _;
        tracing::Span::current().add_link(Link::to_remote(
            &context,
            attributes!["link.what" => "placed by"],
        ));
    }
}

/// Logs the sold items as one event with a nested body.
pub(crate) fn order_log(order: &Order, receipt: &Receipt) {
    if !LOGGER.enabled(Severity::Info) {
        return;
    }
    let items: Vec<[(&str, AnyValue<'_>); 2]> = order
        .items
        .iter()
        .map(|item| {
            [
                ("sku", AnyValue::from(&item.sku)),
                ("quantity", AnyValue::from(item.quantity)),
            ]
        })
        .collect();
    let items: Vec<AnyValue<'_>> = items.iter().map(|item| AnyValue::map(item)).collect();
    let price = fields![
        "net" => euros(receipt.net), "discount" => euros(receipt.discount), "tax" => euros(receipt.tax),
        "shipping" => euros(receipt.shipping), "total" => euros(receipt.total()),
    ];
    let mut body = vec![
        ("order", AnyValue::from(&order.id)),
        ("items", AnyValue::array(&items)),
        ("price", AnyValue::map(price)),
    ];
    if let Some(note) = &order.note {
        body.push(("note", AnyValue::from(note)));
    }
    LOGGER
        .record(Severity::Info)
        .with_event_name("checkout.order.carried_out")
        .with_body(AnyValue::map(&body))
        .with_attributes(fields!["customer.country" => &order.customer.country])
        .emit();
}

fn euros(cents: u64) -> f64 {
    // Exact up to 2^53 cents.
    cents as f64 / 100.0
}
