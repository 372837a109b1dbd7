//! Instrumented with the API crate `opentelemetry`, which gets its providers from the SDK.

use crate::order::Order;
use opentelemetry::logs::{LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry::metrics::{Counter, Histogram};
use opentelemetry::trace::{TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue, global};
use std::sync::LazyLock;
use wasmscope::opentelemetry::{Logger, LoggerProvider};

const SCOPE: &str = env!("CARGO_PKG_NAME");

/// The instruments and the tracer, which are made once.
struct Instruments {
    tracer: global::BoxedTracer,
    logger: Logger,
    orders: Counter<u64>,
    prices: Histogram<f64>,
}

static INSTRUMENTS: LazyLock<Instruments> = LazyLock::new(|| {
    let meter = global::meter(SCOPE);
    Instruments {
        tracer: global::tracer(SCOPE),
        logger: LoggerProvider::new().logger(SCOPE),
        orders: meter
            .u64_counter("service.orders")
            .with_unit("{order}")
            .build(),
        prices: meter
            .f64_histogram("service.price")
            .with_unit("EUR")
            .build(),
    }
});

/// Prices an order.
pub(crate) fn price(order: &Order<'_>) -> u64 {
    let _telemetry = wasmscope::init();
    let Instruments {
        tracer,
        logger,
        orders,
        prices,
    } = &*INSTRUMENTS;
    let span = tracer
        .span_builder("price order")
        .with_attributes([
            KeyValue::new("order.id", order.id as i64),
            KeyValue::new("order.customer", order.customer.to_owned()),
            KeyValue::new("order.articles", order.articles() as i64),
        ])
        .start(tracer);
    let context = Context::current_with_span(span);
    let _entered = context.clone().attach();
    let cents = order.price();
    let euros = cents as f64 / 100.0;
    let span = context.span();
    span.set_attribute(KeyValue::new("order.price", euros));
    span.add_event("priced", vec![KeyValue::new("price.cents", cents as i64)]);
    let mut record = logger.create_log_record();
    record.set_severity_number(Severity::Info);
    record.set_body("an order is priced".into());
    record.add_attribute("order.id", order.id as i64);
    record.add_attribute("order.customer", order.customer.to_owned());
    record.add_attribute("order.price", euros);
    logger.emit(record);
    orders.add(1, &[KeyValue::new("large", cents > 10_000)]);
    prices.record(euros, &[KeyValue::new("large", cents > 10_000)]);
    cents
}
