//! Log records as text.

use opentelemetry_proto::tonic::logs::v1::SeverityNumber;

use super::Normaliser;
use super::text::{self, Lines};
use crate::views::LogView;

pub(super) fn render(normaliser: &mut Normaliser, logs: &[LogView]) -> String {
    let mut logs: Vec<_> = logs.iter().collect();
    // A stable sort, so records with equal times keep their order.
    logs.sort_by_key(|log| match log.time_unix_nano {
        0 => log.observed_time_unix_nano,
        time => time,
    });
    let mut lines = Lines::default();
    for log in logs {
        render_one(normaliser, &mut lines, log);
    }
    lines.finish()
}

fn render_one(normaliser: &mut Normaliser, lines: &mut Lines, log: &LogView) {
    let mut words = vec!["log".to_owned(), severity(log)];
    if !log.severity_text.is_empty() {
        words.push(format!("{:?}", log.severity_text));
    }
    if !log.event_name.is_empty() {
        words.push(format!("event {}", text::name(&log.event_name)));
    }
    words.push(normaliser.resource_label(&log.resource));
    lines.line(0, words.join(" "));
    lines.line(1, text::scope(&log.scope, &normaliser.hidden));
    if !text::is_absent(&log.trace_id) || !text::is_absent(&log.span_id) {
        let trace = normaliser.trace_label(&log.trace_id);
        let span = if text::is_absent(&log.span_id) {
            "none".to_owned()
        } else {
            normaliser.span_label(&log.trace_id, &log.span_id)
        };
        let flags = text::flags(log.flags, "span").join(" ");
        lines.line(1, format!("span {trace}/{span} {flags}"));
    } else if log.flags != 0 {
        lines.line(1, format!("no span, but flags {:#x}", log.flags));
    }
    if let Some(body) = log.body_value() {
        lines.line(1, format!("body {}", text::value(&body)));
    }
    for attribute in text::attributes(&log.attributes, &normaliser.hidden) {
        lines.line(1, attribute);
    }
    if log.dropped_attributes_count > 0 {
        lines.line(1, text::dropped("attributes", log.dropped_attributes_count));
    }
    if log.time_unix_nano == 0 {
        lines.line(1, "without a time");
    }
    if log.observed_time_unix_nano == 0 {
        lines.line(1, "without an observed time");
    }
}

fn severity(log: &LogView) -> String {
    match SeverityNumber::try_from(log.severity_number) {
        Ok(severity) => severity
            .as_str_name()
            .trim_start_matches("SEVERITY_NUMBER_")
            .to_lowercase(),
        Err(_) => format!("severity-{}", log.severity_number),
    }
}
