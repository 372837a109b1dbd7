//! Values of every type that the SDK accepts, in every place.

use std::borrow::Cow;
use std::num::{NonZeroU8, NonZeroU64};

use wasmscope::{
    AnyValue, BaggageEntry, Counter, Histogram, KeyValue, Link, Logger, Meter, ObservableGauge,
    OwnedValue, Scope, Severity, SpanContext, Tracer, attributes, fields,
};

static TRACER: Tracer = wasmscope::tracer!();
static METER: Meter = wasmscope::meter!();
static LOGGER: Logger = wasmscope::logger!();
static COUNTED: Counter<u64> = Counter::new(&METER, "counted");
static BOUND: Counter<u64> = Counter::new(&METER, "bound");
static OBSERVED: ObservableGauge<u64> = ObservableGauge::new(&METER, "observed");
static SECONDS: Histogram<f64> = Histogram::new(&METER, "seconds").with_unit("s");
static WHOLE_SECONDS: Histogram<u64> = Histogram::new(&METER, "seconds.whole").with_unit("s");
static MILLISECONDS: Histogram<f64> = Histogram::new(&METER, "milliseconds").with_unit("ms");
static NO_BUCKETS: Histogram<f64> = Histogram::new(&METER, "seconds.bare")
    .with_unit("s")
    .with_boundaries(&[]);

const WIDE: u64 = u64::MAX;

fn main() {
    let _telemetry = wasmscope::init();
    OBSERVED.register(|observer| observer.observe(1, attributes!["wide" => WIDE]));
    let attributes = vec![KeyValue::new("wide", WIDE)].leak();
    Logger::new(Scope::new("of a scope").with_attributes(attributes)).log(Severity::Info, "wide");
    let name = Cow::Borrowed("Ada");
    let remote = SpanContext::from_traceparent(
        "00-0000000000000000000000000000000a-000000000000000b-01",
        "",
    );
    let remote = remote.expect("a valid header");
    let span = TRACER
        .span("values")
        .with_attributes(attributes![
            "wide" => WIDE, "fits" => 7u64, "size" => usize::MAX, "offset" => -1isize, "name" => &name,
            "not zero" => NonZeroU64::MAX
        ])
        .with_links(&[Link::to_remote(&remote, attributes!["wide" => WIDE - 1])])
        .enter();
    span.set_attribute("set", 1u64 << 63);
    span.event("said", attributes!["wide" => WIDE - 2]);

    COUNTED.add(1, attributes!["wide" => WIDE]);
    BOUND.bind(attributes!["wide" => WIDE]).add(1);
    for seconds in [0.003, 0.2, 20.0] {
        SECONDS.record(seconds, &[]);
        NO_BUCKETS.record(seconds, &[]);
        MILLISECONDS.record(seconds * 1_000.0, &[]);
    }
    WHOLE_SECONDS.record(3, &[]);

    let mut stock = OwnedValue::map([("tea", OwnedValue::map([("count", 3), ("reserved", 1)]))]);
    stock.insert("names", OwnedValue::array(["tea", "cup"]));
    stock.insert("huge", u128::MAX);
    LOGGER
        .record(Severity::Info)
        .with_body(&stock)
        .with_attributes(fields![
            "stock" => &stock, "not zero" => NonZeroU8::MAX, "wide" => WIDE, "nested" => AnyValue::map(&[("wide", WIDE.into())])
        ])
        .emit();

    let _baggage = wasmscope::enter_baggage(&[
        BaggageEntry::new("user", "Ada Lovelace, \u{20ac} 100%"),
        BaggageEntry {
            metadata: "ttl=5".into(),
            ..BaggageEntry::new("plain", "a=b")
        },
    ]);
    println!(
        "baggage: {}",
        wasmscope::baggage_header().unwrap_or_default()
    );
}
