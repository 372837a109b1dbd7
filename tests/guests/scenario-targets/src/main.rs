//! Every API of the SDK, and other uses of WASI. The output is the same on each target.

use std::time::{Instant, SystemTime};

use opentelemetry::trace::{Span as _, Tracer as _};
use wasmscope::{Counter, Meter, ObservableGauge, Scope, Tracer, attributes};

static TRACER: Tracer = Tracer::new(Scope::new("targets"));
static METER: Meter = Meter::new(Scope::new("targets"));
static COUNT: Counter<u64> = Counter::new(&METER, "count");
static WARMTH: ObservableGauge<f64> = ObservableGauge::new(&METER, "warmth");

fn main() {
    let _telemetry = wasmscope::init();
    WARMTH.register(|observer| observer.observe(21.5, &[]));

    let span = TRACER.enter("direct");
    traced(3);
    let mut other = opentelemetry::global::tracer("targets.api").start("by the API");
    other.set_attribute(opentelemetry::KeyValue::new("a", 1));
    drop(other);
    log::info!("a record of log");
    COUNT.add(1, attributes!["a" => true]);
    drop(span);

    println!(
        "arguments: {:?}",
        std::env::args().skip(1).collect::<Vec<_>>()
    );
    println!("environment: {:?}", std::env::var("GIVEN"));
    println!(
        "standard input: {:?}",
        std::io::read_to_string(std::io::stdin()).ok()
    );
    let start = Instant::now();
    println!(
        "clocks: {} {}",
        start.elapsed().as_secs() < 60,
        SystemTime::UNIX_EPOCH < SystemTime::now()
    );
    // Hash maps have random seeds.
    let map: std::collections::HashMap<_, _> = [(1, 2)].into();
    println!("random: {:?}", map.get(&1));
}

#[tracing::instrument]
fn traced(number: u64) {
    tracing::info!(number, "an event of tracing");
}
