//! The summary of lost, dropped and shortened telemetry at the end of a run.

use crate::interrupt::Signals;
use crate::messages::say;
use std::sync::Arc;
use std::time::Duration;
use wasmscope_otlp::{Pipeline, Report};
use wasmscope_telemetry::Limits;
use wasmscope_telemetry::dropped::{DroppedCount, Reason};

/// The result of the delivery.
pub(crate) struct Delivered {
    pub(crate) report: Report,
    /// Whether a second signal ended it.
    pub(crate) was_cut_short: bool,
}

impl Delivered {
    /// Delivers the remaining telemetry, until the deadline or the second signal.
    pub(crate) async fn by(pipeline: Pipeline, deadline: Duration, signals: &mut Signals) -> Self {
        let pipeline = Arc::new(pipeline);
        let delivering = Arc::clone(&pipeline);
        tokio::select! {
            report = tokio::task::spawn_blocking(move || delivering.shutdown(deadline)) => Self {
                report: report.unwrap_or_else(|_panic| pipeline.status()),
                was_cut_short: false,
            },
            () = signals.second() => Self {
                report: pipeline.give_up(),
                was_cut_short: true,
            },
        }
    }
}

/// Prints the items that were lost on export, and those that were dropped or shortened before.
pub(crate) fn report_losses(delivered: &Delivered, limits: &Limits) {
    for line in lines(delivered, limits) {
        say!("wasmscope: {line}");
    }
}

fn lines(delivered: &Delivered, limits: &Limits) -> Vec<String> {
    let Delivered {
        report,
        was_cut_short,
    } = delivered;
    let mut lines = Vec::new();
    if *was_cut_short {
        lines.push(given_up(report));
    }
    if report.lost() > 0 {
        lines.push(report.to_string());
    }
    lines.extend(too_large(report));
    if !report.complete && !was_cut_short {
        lines.push(String::from(
            "the telemetry could not be delivered in time: raise --flush-timeout, or check the collector",
        ));
    }
    let dropped = || {
        let dropped = report.dropped.iter();
        dropped.filter(|dropped| !dropped.reason.is_of_the_export())
    };
    lines.extend(dropped().map(|dropped| line(dropped, limits)));
    let mut exceeded = dropped().filter_map(|dropped| dropped.reason.limit());
    if let Some(limit) = exceeded.next() {
        let more = if exceeded.next().is_some() {
            ",…"
        } else {
            ""
        };
        lines.push(format!(
            "to raise a limit, set WASMSCOPE_LIMITS={}=NUMBER{more}; docs/telemetry.md lists all reasons",
            limit.name
        ));
    } else if dropped().next().is_some() {
        lines.push(String::from("docs/telemetry.md lists all reasons"));
    }
    lines
}

/// Lists the items that were delivered before a second signal.
fn given_up(report: &Report) -> String {
    let counts = [
        (&report.traces, "spans"),
        (&report.metrics, "data points"),
        (&report.logs, "log records"),
    ];
    let counts = counts.map(|(signal, name)| format!("{} {name}", signal.delivered()));
    format!(
        "the second signal ended the delivery of telemetry; delivered before: {}",
        counts.join(", ")
    )
}

/// Lists the items that were too large to be sent.
fn too_large(report: &Report) -> Option<String> {
    let too_large = report
        .dropped
        .iter()
        .filter(|dropped| dropped.reason == Reason::TooLarge);
    let names: Vec<_> = too_large
        .flat_map(|dropped| &dropped.names)
        .map(|name| format!("\"{name}\""))
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "too large to send: {}; to raise the limit, set --otlp-max-request-size, and the collector's own",
            names.join(", ")
        )
    })
}

/// Returns a line about the items that were dropped for one reason, such as `dropped or shortened:
/// 2 items of traces, span_attributes (limit 128): "a", "b"`.
fn line(dropped: &DroppedCount, limits: &Limits) -> String {
    let DroppedCount {
        signal,
        reason,
        count,
        names,
        ..
    } = dropped;
    let items = if *count == 1 { "item" } else { "items" };
    let mut line = format!(
        "dropped or shortened: {count} {items} of {}, {}",
        signal.as_str(),
        reason.as_str()
    );
    if let Some(value) = reason.limit().and_then(|limit| limit.get(limits)) {
        line += &format!(" (limit {value})");
    }
    // The names are already escaped.
    for (at, name) in names.iter().enumerate() {
        line += if at == 0 { ": " } else { ", " };
        line += &format!("\"{name}\"");
    }
    line
}
