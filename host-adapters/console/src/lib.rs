//! The terminal view: traces as trees, metrics with drawn histograms, and logs.
//!
//! A [`MemoryExporter`] replaces the OTLP exporters. When the program has ended and the providers
//! have been flushed, [`render`] draws its contents for people, and [`MemoryExporter::write_json`]
//! writes the same telemetry as OTLP JSON lines.
//!
//! All contents may come from a hostile guest. Texts are escaped and shortened, trees of any depth
//! are walked without recursion, parents that form a cycle are separated, and times are not
//! trusted.

mod fold;
mod guides;
mod layout;
mod location;
mod logs;
mod metrics;
mod requests;
mod style;
mod text;
mod traces;
mod tree;

#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use wasmscope_otlp::memory::{MemoryExporter, ScopeInfo, Snapshot};
use wasmscope_telemetry::Signal;
use wasmscope_telemetry::emitted::attribute;

pub use self::requests::{render_request, request_lines};
pub use self::style::Style;

use self::layout::{Page, glued, words};
use self::style::Paint;

/// The scope of the host's own telemetry.
const HOST_SCOPE: &str = "wasmscope";

/// Hints for a component that sent nothing.
const HINTS: [&str; 3] = [
    "Does the component use the contract? `wasmscope inspect COMPONENT` lists its imports; there should be \
     `wasmscope:otel/...`.",
    TURNED_OFF,
    "Does the component set up the SDK first, and does it reach the instrumented code?",
];

const TURNED_OFF: &str = "Is it turned off? See OTEL_SDK_DISABLED, OTEL_TRACES_SAMPLER and WASMSCOPE_LOG_LEVEL, and the options \
     --sampler and --log-level.";

/// Draws the telemetry that an exporter has received so far. Ends with a newline.
#[must_use]
pub fn render(received: &MemoryExporter, style: &Style) -> String {
    let snapshot = received.snapshot();
    let mut page = Page::new(style);
    let names = traces::names(&snapshot);
    let start = start(&snapshot);
    heading(&mut page, &snapshot, start);
    traces::draw(&mut page, &snapshot, &names);
    metrics::draw(&mut page, &snapshot);
    logs::draw(&mut page, &snapshot, &names, start);
    explain_silence(&mut page, &snapshot);
    if page.is_folded() {
        page.blank();
        let ellipsis = style.pick("…", "...");
        let text = format!("{ellipsis} marks omitted items; --format json shows everything.");
        page.text(0, words(0, &text, Paint::Faint));
    }
    if !snapshot.discarded.is_empty() {
        page.blank();
        let text = format!(
            "Not shown: {}. The terminal view keeps the latest up to a limit; send telemetry to a collector to \
             have all of it (--otlp-endpoint).",
            snapshot.discarded
        );
        page.text(0, words(0, &text, Paint::Warning));
    }
    page.finish()
}

/// Returns the earliest time, in nanoseconds since the Unix epoch.
fn start(snapshot: &Snapshot) -> u64 {
    let spans = snapshot
        .spans
        .iter()
        .map(|record| record.item.start_time_unix_nano);
    let logs = snapshot.logs.iter().map(|record| logs::time(&record.item));
    spans.chain(logs).min().unwrap_or(0)
}

/// Draws the resources and the start time.
fn heading(page: &mut Page<'_>, snapshot: &Snapshot, start: u64) {
    let style = page.style();
    let spans = snapshot.spans.iter().map(|record| &record.resource);
    let logs = snapshot.logs.iter().map(|record| &record.resource);
    let metrics = snapshot.metrics.iter().map(|group| &group.resource);
    let mut resources = Vec::new();
    for resource in spans.chain(metrics).chain(logs) {
        if resources.last() != Some(&resource) && !resources.contains(&resource) {
            resources.push(resource);
        }
    }
    for resource in resources {
        // Attributes about the host's SDK are of no use in a terminal.
        let shown: Vec<KeyValue> = resource
            .resource
            .attributes
            .iter()
            .filter(|attribute| !attribute.key.starts_with("telemetry.sdk."))
            .cloned()
            .collect();
        if !shown.is_empty() {
            let mut pieces = vec![glued("Resource", Paint::Title)];
            pieces.extend(text::attributes(style, &shown, 1));
            page.text(0, pieces);
        }
    }
    let moment = SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(start));
    // A guest may claim any time, and the format ends with the year 9999.
    let last = Duration::from_secs(253_402_300_799);
    if let Some(moment) = moment.filter(|_| start > 0 && Duration::from_nanos(start) < last) {
        let started = humantime::format_rfc3339_millis(moment);
        page.text(
            0,
            vec![
                glued("Start ", Paint::Title),
                glued(started.to_string(), Paint::Plain),
            ],
        );
    }
}

/// Returns whether a scope is the host's own. A component's scope of the same name has the
/// attribute with the component's name.
fn is_host_scope(scope: &ScopeInfo) -> bool {
    let mut attributes = scope.scope.attributes.iter();
    scope.scope.name == HOST_SCOPE
        && !attributes.any(|given| given.key == attribute::COMPONENT_NAME.key)
}

/// Returns whether the host's span says that the program was stopped. Called only if all spans are
/// the host's.
fn was_stopped(span: &Span) -> bool {
    span.attributes
        .iter()
        .filter(|given| given.key == attribute::OUTCOME.key)
        .filter_map(|attribute| attribute.value.as_ref()?.value.as_ref())
        .any(|value| matches!(value, Value::StringValue(outcome) if ["trap", "timeout", "killed"].contains(&outcome.as_str())))
}

/// Names the signals that are shown here, or all telemetry.
fn shown_here(elsewhere: &[Signal]) -> String {
    if elsewhere.is_empty() {
        return String::from("telemetry");
    }
    let here = Signal::ALL
        .iter()
        .filter(|signal| !elsewhere.contains(signal));
    let here: Vec<_> = here.map(|signal| signal.as_str()).collect();
    here.join(" or ")
}

/// Reports that nothing was received, with possible reasons.
fn explain_silence(page: &mut Page<'_>, snapshot: &Snapshot) {
    let spans = snapshot.spans.iter().map(|record| &record.scope);
    let logs = snapshot.logs.iter().map(|record| &record.scope);
    let metrics = snapshot.metrics.iter().map(|group| &group.scope);
    let mut scopes = spans.chain(logs).chain(metrics).peekable();
    let here = shown_here(&snapshot.elsewhere);
    let text = if scopes.peek().is_none() {
        match here.as_str() {
            "telemetry" => String::from("No telemetry was received."),
            _ => format!("No {here} were received."),
        }
    } else if scopes.all(|scope| is_host_scope(scope)) {
        format!("The component itself sent no {here}.")
    } else {
        return;
    };
    page.blank();
    page.text(0, words(0, &text, Paint::Warning));
    if !snapshot.elsewhere.is_empty() {
        let names = |name: fn(&Signal) -> String| {
            let names: Vec<_> = snapshot.elsewhere.iter().map(name).collect();
            names.join(" and ")
        };
        let text = format!(
            "Not shown here: {}. See {}.",
            names(|signal| signal.as_str().to_owned()),
            names(|signal| format!("OTEL_{}_EXPORTER", signal.as_str().to_ascii_uppercase()))
        );
        page.text(0, words(0, &text, Paint::Warning));
    }
    let stopped = snapshot
        .spans
        .iter()
        .any(|record| was_stopped(&record.item));
    for hint in HINTS {
        // A stopped program more likely did not get as far as sending.
        if stopped && hint == TURNED_OFF {
            continue;
        }
        let mut line = layout::Line {
            first: vec![glued("  - ", Paint::Faint)],
            rest: vec![glued("    ", Paint::Plain)],
            ..layout::Line::default()
        };
        line.pieces = words(0, hint, Paint::Plain);
        page.line(line);
    }
}

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
