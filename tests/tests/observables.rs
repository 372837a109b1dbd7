//! Observable instruments of programs with unsampled spans. A trace sampler must not affect
//! metrics.

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use wasmscope_test_support::Collector;
use wasmscope_tests::{Runtime, guest, on_each_runtime};

on_each_runtime! {
    unsampled_programs_report_observables_by_every_api,
    programs_with_only_unsampled_spans_report_observables,
    a_stopped_program_has_reported_its_observables,
}

/// Runs twenty rounds of 100 ms, with an export every 300 ms. Returns the number of exports with
/// the gauge.
fn exports(runtime: Runtime, args: &[&str], sampler: [&str; 2], options: &[&str]) -> usize {
    let collector = Collector::start();
    let _ = runtime
        .run()
        .args(["--otlp-endpoint", &collector.endpoint_http()])
        .args(options)
        .arg(guest("sdk-observables"))
        .args(args)
        .env("OTEL_METRIC_EXPORT_INTERVAL", "300")
        .env("OTEL_TRACES_SAMPLER", sampler[0])
        .env("OTEL_TRACES_SAMPLER_ARG", sampler[1])
        .run();
    let metrics = collector.metrics();
    let heat = metrics.iter().filter(|metric| metric.name == "heat");
    heat.filter(
        |metric| matches!(&metric.data, Some(Data::Gauge(gauge)) if gauge.data_points.len() == 1),
    )
    .count()
}

const OFF: [&str; 2] = ["always_off", ""];
const LOW: [&str; 2] = ["traceidratio", "0.000001"];

#[track_caller]
fn assert_reported(
    runtime: Runtime,
    args: &[&str],
    sampler: [&str; 2],
    options: &[&str],
    least: usize,
) {
    let exports = exports(runtime, args, sampler, options);
    assert!(
        exports >= least,
        "{args:?} {sampler:?} {options:?}: {exports} exports"
    );
}

fn unsampled_programs_report_observables_by_every_api(runtime: Runtime) {
    for api in ["tracing", "direct", "entered", "opentelemetry"] {
        assert_reported(runtime, &[api, "counts"], OFF, &[], 4);
    }
    assert_reported(runtime, &["tracing", "counts"], LOW, &[], 4);
}

fn programs_with_only_unsampled_spans_report_observables(runtime: Runtime) {
    for api in ["tracing", "direct", "entered", "opentelemetry", "collect"] {
        assert_reported(runtime, &[api], OFF, &[], 4);
    }
    assert_reported(runtime, &["direct"], LOW, &[], 4);
}

fn a_stopped_program_has_reported_its_observables(runtime: Runtime) {
    assert_reported(
        runtime,
        &["tracing", "counts"],
        OFF,
        &["--timeout", "1s"],
        1,
    );
    assert_reported(runtime, &["direct"], OFF, &["--timeout", "1s"], 1);
}
