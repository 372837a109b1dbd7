//! Renders the result of a scenario as text that is equal in each run, on each machine and runtime.

use std::fmt::Write as _;

use crate::Scenario;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use wasmscope_test_support::{Collector, MetricView, Normaliser, Output, SpanView, Value};

/// Attributes that describe the runtime and the versions.
const ENVIRONMENT: [&str; 4] = [
    "process.runtime.name",
    "process.runtime.version",
    "telemetry.sdk.version",
    "service.version",
];

/// The host's metrics whose values depend on the machine.
const MEASURED: [&str; 3] = [
    "wasmscope.runtime.memory",
    "wasmscope.runtime.instantiation.duration",
    "wasmscope.runtime.fuel",
];

/// Renders the exit code, the output, the messages of `wasmscope`, and all received telemetry.
///
/// Standard output is shown in full. From standard error, only the lines of `wasmscope` itself are
/// shown. A runtime's message for a trap is left out. The host's own measurements (memory, times,
/// fuel) are shown without values, and the metrics about telemetry itself are left out. Everything
/// else is rendered by
/// [`wasmscope_test_support::normalise`](mod@wasmscope_test_support::normalise).
#[must_use]
pub fn report(output: &Output, collector: &Collector, scenario: &Scenario) -> String {
    let mut text = format!("exit code {}\n", code(output));
    section(&mut text, "stdout", &readable(&output.stdout));
    section(&mut text, "stderr", &own_lines(&output.stderr));

    let mut normaliser = Normaliser::new();
    let hide = scenario.hide.iter().map(String::as_str);
    for key in ENVIRONMENT.into_iter().chain(hide) {
        normaliser = normaliser.hide(key);
    }
    let (counted, spans): (Vec<_>, Vec<_>) = collector
        .spans()
        .into_iter()
        .partition(|span| scenario.count_only.contains(&span.name));
    let spans: Vec<_> = spans.into_iter().map(without_trap_message).collect();
    let metrics = collector.metrics().into_iter();
    let (measured, metrics): (Vec<_>, Vec<_>) = metrics
        .filter(|metric| !is_of_telemetry(metric))
        .partition(is_measured);
    section(&mut text, "traces", &normaliser.traces(&spans));
    section(
        &mut text,
        "counted spans",
        &counts(&scenario.count_only, &counted),
    );
    let metrics: Vec<_> = metrics.into_iter().map(without_times).collect();
    section(&mut text, "metrics", &normaliser.metrics(&metrics));
    section(&mut text, "host metrics", &names(&measured));
    section(&mut text, "logs", &normaliser.logs(&collector.logs()));
    text
}

fn code(output: &Output) -> String {
    output
        .code()
        .map_or_else(|| output.status.to_string(), |code| code.to_string())
}

/// Returns standard output as text. Lines with invalid UTF-8 or control characters are escaped.
fn readable(bytes: &[u8]) -> String {
    let mut text = String::new();
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        match str::from_utf8(line) {
            Ok(line) if !line.contains(char::is_control) => text.push_str(line),
            Ok(_) | Err(_) => text += &line.escape_ascii().to_string(),
        }
        text.push('\n');
    }
    text
}

fn section(text: &mut String, title: &str, content: &str) {
    if content.is_empty() {
        return;
    }
    // Writing to a string cannot fail.
    let _ = writeln!(text, "\n{title}:");
    for line in content.lines() {
        let _ = writeln!(text, "{}", format!("  {line}").trim_end());
    }
}

/// Returns the lines that `wasmscope` itself wrote, without a runtime's message for a trap.
fn own_lines(stderr: &str) -> String {
    const TRAPPED: &str = "wasmscope: the program trapped: ";
    const LISTENING: &str = "wasmscope: listening on ";
    const COMPILING: &str = "wasmscope: compiling for ";
    let mut text = String::new();
    for line in stderr.lines() {
        let message = line.strip_prefix(TRAPPED).unwrap_or_default();
        // A panic's message comes from the guest, so it is shown.
        if !message.is_empty() && !message.starts_with("it panicked: ") {
            let _ = writeln!(text, "{TRAPPED}[message]");
        } else if line.starts_with(LISTENING) {
            // The port differs.
        } else if line.starts_with(COMPILING) {
            // Only the first run of a guest prints this line.
        } else if line.starts_with("wasmscope: ") || line.starts_with("error: ") {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

/// Removes a trap's message from a span's status. A panic's message is kept, because it comes from
/// the guest.
fn without_trap_message(mut span: SpanView) -> SpanView {
    let panicked = span.attr("error.type") == Some(Value::from("panic"));
    let trapped = ["wasmscope.end_reason", "wasmscope.outcome"]
        .iter()
        .any(|key| span.attr(key) == Some(Value::from("trap")))
        && !panicked;
    if let Some(status) = span.item.status.as_mut().filter(|_| trapped)
        && status.code == StatusCode::Error as i32
        && !status.message.is_empty()
    {
        "[message]".clone_into(&mut status.message);
    }
    span
}

fn counts(names: &[String], spans: &[SpanView]) -> String {
    let count = |name: &String| spans.iter().filter(|span| &span.name == name).count();
    names
        .iter()
        .map(|name| format!("{name:?} {}\n", count(name)))
        .collect()
}

/// Returns true for metrics about telemetry itself, which would be in every scenario.
fn is_of_telemetry(metric: &MetricView) -> bool {
    let begins = |begin| metric.name.starts_with(begin);
    metric.scope.name == "wasmscope" && (begins("wasmscope.telemetry.") || begins("otel.sdk."))
}

/// Removes the times from the host's histograms of durations. The attributes and counts stay.
fn without_times(mut metric: MetricView) -> MetricView {
    let is_duration = metric.name.starts_with("http.") && metric.name.ends_with(".duration");
    if let Some(Data::Histogram(histogram)) = &mut metric.item.data
        && metric.scope.name == "wasmscope"
        && is_duration
    {
        for point in &mut histogram.data_points {
            point.sum = None;
            point.min = None;
            point.max = None;
            point.bucket_counts = Vec::new();
            point.explicit_bounds = Vec::new();
        }
    }
    metric
}

fn is_measured(metric: &MetricView) -> bool {
    metric.scope.name == "wasmscope" && MEASURED.contains(&&*metric.name)
}

fn names(metrics: &[MetricView]) -> String {
    let mut names: Vec<_> = metrics
        .iter()
        .map(|metric| format!("{} {}\n", metric.name, metric.unit))
        .collect();
    names.sort();
    names.dedup();
    names.concat()
}
