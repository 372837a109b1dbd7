//! Behaviour of compositions while they run, which scenarios cannot show.

use std::time::Duration;

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as PointValue;
use wasmscope_test_support::{Collector, Running, Signal};
use wasmscope_tests::{Runtime, guest, on_each_runtime};

on_each_runtime! {
    gateway_and_pricing_report_their_observables_while_they_run,
    all_components_report_each_collection,
}

/// Starts a program that reads lines, with a metric reader that collects twenty times a second.
fn start(runtime: Runtime, collector: &Collector, name: &str, args: &[&str]) -> Running {
    runtime
        .run()
        .args(["--otlp-endpoint", &collector.endpoint_http()])
        .arg(guest(name))
        .args(args)
        .env("OTEL_METRIC_EXPORT_INTERVAL", "50")
        .hold_stdin()
        .spawn()
}

/// Returns the last collected value of a metric with one series, a sum of integers.
fn last(collector: &Collector, name: &str) -> Option<i64> {
    let metrics = collector.metrics();
    let metric = metrics.iter().rfind(|metric| metric.name == name)?;
    let Some(Data::Sum(sum)) = &metric.data else {
        panic!("{name} is no sum")
    };
    match sum.data_points[..] {
        [ref point] => match point.value {
            Some(PointValue::AsInt(value)) => Some(value),
            Some(PointValue::AsDouble(_)) | None => panic!("{name} is no integer"),
        },
        _ => panic!("{name} has several series"),
    }
}

/// Lets two collections pass, and runs `act` between them, until both metrics are `value`.
#[track_caller]
fn wait_for(collector: &Collector, metrics: [&str; 2], value: i64, mut act: impl FnMut()) {
    let both = || {
        metrics
            .iter()
            .all(|name| last(collector, name) >= Some(value))
    };
    let mut turns = 0;
    while !both() {
        turns += 1;
        assert!(turns < 20, "not both are {value}:\n{}", collector.dump());
        act();
        let collected = collector.attempts_for(Signal::Metrics);
        collector.wait_for(
            |collector| collector.attempts_for(Signal::Metrics) > collected + 1,
            Duration::from_secs(30),
        );
    }
}

fn gateway_and_pricing_report_their_observables_while_they_run(runtime: Runtime) {
    const METRICS: [&str; 2] = ["gateway.sessions", "pricing.baskets"];
    let collector = Collector::start();
    let mut gateway = start(runtime, &collector, "gateway", &[]);
    for count in 1..=3 {
        let basket = format!(r#""basket":"b{count}","customer":"Ada","country":"DE""#);
        gateway.write(format!("{{\"id\":\"1\",\"do\":\"open\",{basket}}}\n"));
        wait_for(&collector, METRICS, count, || {
            gateway.write("{\"id\":\"2\",\"do\":\"quote\",\"basket\":\"b1\"}\n");
        });
    }
    gateway.close_stdin();
    let _ = gateway.finish().expect_code(0);
    // The metrics are reported again at the end, when all baskets are closed.
    for name in METRICS {
        assert_eq!(last(&collector, name), Some(0), "{name}");
    }
}

/// One of the components always hears of a collection first. The other one still reports.
fn all_components_report_each_collection(runtime: Runtime) {
    let collector = Collector::start();
    let mut caller = start(runtime, &collector, "scenario-caller", &["ticks"]);
    let mut ticks = 0;
    for _ in 0..3 {
        wait_for(
            &collector,
            ["caller.ticks", "callee.ticks"],
            ticks + 1,
            || {
                caller.write("tick\n");
                ticks += 1;
            },
        );
    }
    caller.close_stdin();
    let _ = caller.finish().expect_code(0);
}
