//! Metrics and a structured log, by the direct API. Spans and other logs come from `tracing`.

use std::sync::Once;
use std::sync::atomic::{AtomicI64, Ordering};

use wasmscope::{
    AnyValue, Counter, Guard, Histogram, Logger, Meter, ObservableGauge, ObservableUpDownCounter,
    Severity, Tracer, attributes, fields,
};

use crate::basket::Refused;
use crate::catalogue;
use crate::quotes::{Quote, Reduction};

pub(crate) static TRACER: Tracer = wasmscope::tracer!();
static METER: Meter = wasmscope::meter!();
static LOGGER: Logger = wasmscope::logger!();

static QUOTES: Counter<u64> = Counter::new(&METER, "pricing.quotes")
    .with_unit("{quote}")
    .with_description("Quotes that were asked for, by outcome");
static VALUE: Histogram<f64> = Histogram::new(&METER, "pricing.quote.value")
    .with_unit("EUR")
    .with_description("What baskets cost, with tax")
    .with_boundaries(&[10.0, 25.0, 50.0, 100.0, 250.0, 500.0]);
static BASKETS: ObservableUpDownCounter<i64> =
    ObservableUpDownCounter::new(&METER, "pricing.baskets")
        .with_unit("{basket}")
        .with_description("Baskets that are open");
static STOCK: ObservableGauge<u64> = ObservableGauge::new(&METER, "pricing.stock")
    .with_unit("{piece}")
    .with_description("Pieces that are in no basket");

static OPEN: AtomicI64 = AtomicI64::new(0);

/// Connects the component to its host, until the end of the call.
pub(crate) fn start() -> Guard {
    static REGISTERED: Once = Once::new();
    let guard = wasmscope::init();
    REGISTERED.call_once(|| {
        BASKETS.register(|observer| observer.observe(OPEN.load(Ordering::Relaxed), &[]));
        STOCK.register(|observer| {
            for (sku, pieces) in catalogue::free() {
                observer.observe(pieces.into(), attributes!["item.sku" => sku]);
            }
        });
    });
    guard
}

pub(crate) fn basket_opened() {
    OPEN.fetch_add(1, Ordering::Relaxed);
}

pub(crate) fn basket_closed() {
    OPEN.fetch_sub(1, Ordering::Relaxed);
}

pub(crate) fn refused(refused: &Refused) {
    QUOTES.add(
        1,
        attributes!["outcome" => "refused", "reason" => refused.reason()],
    );
}

/// Counts a quote, and logs its parts.
pub(crate) fn quoted(quote: &Quote) {
    QUOTES.add(1, attributes!["outcome" => "quoted"]);
    VALUE.record(euros(quote.total), &[]);
    if !LOGGER.enabled(Severity::Info) {
        return;
    }
    let lines: Vec<[(&str, AnyValue<'_>); 3]> = quote
        .lines
        .iter()
        .map(|line| {
            [
                ("sku", AnyValue::from(&line.item.sku)),
                ("quantity", AnyValue::from(line.item.quantity)),
                ("price", AnyValue::from(euros(line.price))),
            ]
        })
        .collect();
    let lines: Vec<_> = lines.iter().map(|line| AnyValue::map(line)).collect();
    let reductions: Vec<_> = quote
        .reductions
        .iter()
        .map(name)
        .map(AnyValue::from)
        .collect();
    // Baggage of the caller. It comes with the call and is not an argument.
    let baggage = wasmscope::baggage();
    let request = baggage.iter().find(|entry| entry.key == "request.id");
    let request = request.map_or("", |entry| &entry.value);
    LOGGER
        .record(Severity::Info)
        .with_event_name("pricing.quoted")
        .with_body(AnyValue::map(fields![
            "lines" => AnyValue::array(&lines),
            "reductions" => AnyValue::array(&reductions),
            "net" => euros(quote.net),
            "tax" => euros(quote.tax),
        ]))
        .with_attributes(fields!["request.id" => request])
        .emit();
}

fn name(reduction: &Reduction) -> &'static str {
    match reduction {
        Reduction::Dozen(_) => "dozen",
        Reduction::Membership(_) => "membership",
        Reduction::Coupon(_) => "coupon",
    }
}

fn euros(cents: u64) -> f64 {
    // Exact up to 2^53 cents.
    cents as f64 / 100.0
}
