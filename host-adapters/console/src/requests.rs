//! Single requests of a server, each shown when it ends.

use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use wasmscope_otlp::memory::Snapshot;
use wasmscope_telemetry::emitted::attribute;

use crate::layout::{Page, Piece, glued, spaced};
use crate::style::{Paint, Style};
use crate::text::{clean, count, duration, hex};
use crate::{logs, start, traces};

/// The longest texts, in columns.
const PATH: usize = 60;
const NAME: usize = 40;

/// Draws a request that [`take_requests`] returned: its trace as a tree, and its logs. Ends with an
/// empty line.
///
/// [`take_requests`]: wasmscope_otlp::memory::MemoryExporter::take_requests
#[must_use]
pub fn render_request(request: &Snapshot, style: &Style) -> String {
    let mut page = Page::new(style);
    let names = traces::names(request);
    traces::draw(&mut page, request, &names);
    logs::draw(&mut page, request, &names, start(request));
    let mut text = page.finish();
    // Between requests.
    text.push('\n');
    text
}

/// Draws a line for each request in a trace: its time, method, path, status code, error, duration,
/// and the size and id of its trace. Each ends with a newline.
#[must_use]
pub fn request_lines(request: &Snapshot, style: &Style) -> String {
    let mut page = Page::new(style);
    let spans = request.spans.iter().map(|record| &record.item);
    for span in spans.filter(|span| span.kind == SpanKind::Server as i32) {
        page.text(0, line(request, span, style));
    }
    page.finish()
}

fn line(request: &Snapshot, span: &Span, style: &Style) -> Vec<Piece> {
    let failed = span.status.as_ref().map(|status| status.code) == Some(StatusCode::Error as i32);
    let outcome = if failed { Paint::Bad } else { Paint::Good };
    let length = span
        .end_time_unix_nano
        .saturating_sub(span.start_time_unix_nano);
    let mut pieces = vec![
        glued(clock(span.end_time_unix_nano), Paint::Faint),
        spaced(2, clean(style, &span.name, NAME), Paint::Strong),
    ];
    if let Some(path) = text(span, attribute::URL_PATH.key) {
        // The name ends with the route, if there is one.
        if !span.name.ends_with(path) {
            pieces.push(spaced(1, clean(style, path, PATH), Paint::Plain));
        }
    }
    let status = number(span, attribute::HTTP_STATUS.key);
    let status = status.map_or_else(|| "-".to_owned(), |status| status.to_string());
    let error = text(span, attribute::ERROR_TYPE.key).filter(|error| failed && *error != status);
    pieces.push(spaced(2, status, outcome));
    if let Some(error) = error {
        pieces.push(spaced(1, clean(style, error, NAME), Paint::Bad));
    }
    pieces.push(spaced(2, duration(style, length), Paint::Plain));
    let mut sizes = count(request.spans.len(), "span");
    if !request.logs.is_empty() {
        sizes.push_str(", ");
        sizes.push_str(&count(request.logs.len(), "log record"));
    }
    pieces.push(spaced(2, sizes, Paint::Faint));
    pieces.push(spaced(2, hex(&span.trace_id), Paint::Faint));
    pieces
}

/// Returns the time of day in UTC, with milliseconds.
fn clock(nanoseconds: u64) -> String {
    let moment = SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(nanoseconds));
    let Some(moment) = moment else {
        return String::new();
    };
    let text = humantime::format_rfc3339_millis(moment).to_string();
    let time = text.split_once('T').map_or("", |(_, time)| time);
    time.trim_end_matches('Z').to_owned()
}

fn text<'a>(span: &'a Span, key: &str) -> Option<&'a str> {
    let Value::StringValue(text) = value(span, key)? else {
        return None;
    };
    Some(text)
}

fn number(span: &Span, key: &str) -> Option<i64> {
    let Value::IntValue(number) = value(span, key)? else {
        return None;
    };
    Some(*number)
}

fn value<'a>(span: &'a Span, key: &str) -> Option<&'a Value> {
    let attribute = span.attributes.iter().find(|known| known.key == key)?;
    attribute.value.as_ref()?.value.as_ref()
}
