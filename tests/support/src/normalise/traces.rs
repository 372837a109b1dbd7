//! Renders spans as trees.

use std::collections::HashMap;

use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::Normaliser;
use super::text::{self, Lines};
use crate::views::SpanView;

/// The spans of a trace, with their children.
struct Trace<'a> {
    spans: Vec<&'a SpanView>,
    /// The root spans: those without a parent, and those whose parent did not arrive.
    roots: Vec<usize>,
    children: Vec<Vec<usize>>,
    ticks: Ticks,
}

/// The tick of each time: its place among all times of the trace, from 1.
#[derive(Default)]
struct Ticks {
    starts: Vec<usize>,
    ends: Vec<usize>,
    events: Vec<Vec<usize>>,
}

/// A time that gets a tick.
#[derive(Clone, Copy)]
enum Point {
    Start(usize),
    Event(usize, usize),
    End(usize),
}

pub(super) fn render(normaliser: &mut Normaliser, spans: &[SpanView]) -> String {
    let mut by_trace: Vec<Vec<&SpanView>> = Vec::new();
    let mut places: HashMap<&[u8], usize> = HashMap::new();
    for span in spans {
        let place = *places.entry(&span.trace_id).or_insert_with(|| {
            by_trace.push(Vec::new());
            by_trace.len() - 1
        });
        by_trace[place].push(span);
    }
    by_trace.sort_by_key(|spans| spans.iter().map(|span| span.start_time_unix_nano).min());

    let mut lines = Lines::default();
    for spans in by_trace {
        let label = normaliser.trace_label(&spans[0].trace_id);
        lines.line(0, format!("trace {label}"));
        let trace = Trace::new(spans);
        for &root in &trace.roots {
            trace.render(normaliser, &mut lines, root, 1);
        }
    }
    lines.finish()
}

impl<'a> Trace<'a> {
    fn new(spans: Vec<&'a SpanView>) -> Self {
        // If several spans have the same id, the first one gets the children. All of them are
        // shown.
        let mut by_id: HashMap<&[u8], usize> = HashMap::new();
        for (index, span) in spans.iter().enumerate() {
            by_id.entry(&span.span_id).or_insert(index);
        }
        let mut order: Vec<usize> = (0..spans.len()).collect();
        order.sort_by_key(|&i| (spans[i].start_time_unix_nano, spans[i].end_time_unix_nano));
        let mut roots = Vec::new();
        let mut children = vec![Vec::new(); spans.len()];
        for index in order {
            match by_id.get(&*spans[index].parent_span_id) {
                Some(&parent) if !loops(&spans, &by_id, index) => children[parent].push(index),
                _ => roots.push(index),
            }
        }
        let mut trace = Self {
            spans,
            roots,
            children,
            ticks: Ticks::default(),
        };
        trace.ticks = trace.count_ticks();
        trace
    }

    fn count_ticks(&self) -> Ticks {
        let mut points = Vec::new();
        for &root in &self.roots {
            self.points(root, &mut points);
        }
        // A stable sort, so equal times keep the order of the tree.
        points.sort_by_key(|&(time, _)| time);
        let mut ticks = Ticks {
            starts: vec![0; self.spans.len()],
            ends: vec![0; self.spans.len()],
            events: self
                .spans
                .iter()
                .map(|span| vec![0; span.events.len()])
                .collect(),
        };
        for (index, (_, point)) in points.into_iter().enumerate() {
            let tick = match point {
                Point::Start(span) => &mut ticks.starts[span],
                Point::Event(span, event) => &mut ticks.events[span][event],
                Point::End(span) => &mut ticks.ends[span],
            };
            *tick = index + 1;
        }
        ticks
    }

    /// Lists the times of a span and its descendants, in the order that applies to equal times.
    fn points(&self, index: usize, points: &mut Vec<(u64, Point)>) {
        let span = self.spans[index];
        points.push((span.start_time_unix_nano, Point::Start(index)));
        let mut events: Vec<_> = span
            .events
            .iter()
            .enumerate()
            .map(|(i, event)| (event.time_unix_nano, i))
            .collect();
        events.sort_unstable();
        let mut events = events.into_iter().peekable();
        for &child in &self.children[index] {
            let start = self.spans[child].start_time_unix_nano;
            while let Some((time, event)) = events.next_if(|&(time, _)| time <= start) {
                points.push((time, Point::Event(index, event)));
            }
            self.points(child, points);
        }
        points.extend(events.map(|(time, event)| (time, Point::Event(index, event))));
        points.push((span.end_time_unix_nano, Point::End(index)));
    }

    fn render(&self, normaliser: &mut Normaliser, lines: &mut Lines, index: usize, depth: usize) {
        let span = self.spans[index];
        let label = normaliser.span_label(&span.trace_id, &span.span_id);
        let ticks = format!("@{}-@{}", self.ticks.starts[index], self.ticks.ends[index]);
        let mut words = vec![
            label,
            format!("{:?}", span.name),
            kind(span),
            status(span),
            ticks,
        ];
        words.extend(text::flags(span.flags, "parent"));
        words.push(normaliser.resource_label(&span.resource));
        lines.line(depth, words.join(" "));

        let inner = depth + 1;
        lines.line(inner, text::scope(&span.scope, &normaliser.hidden));
        if self.roots.contains(&index) && !text::is_absent(&span.parent_span_id) {
            let parent = normaliser.span_label(&span.trace_id, &span.parent_span_id);
            lines.line(inner, format!("parent {parent}, which did not arrive"));
        }
        if !span.trace_state.is_empty() {
            lines.line(inner, format!("tracestate {:?}", span.trace_state));
        }
        for attribute in text::attributes(&span.attributes, &normaliser.hidden) {
            lines.line(inner, attribute);
        }
        dropped(lines, inner, "attributes", span.dropped_attributes_count);
        for link in &span.links {
            let text = self::link(normaliser, link);
            lines.line(inner, text);
        }
        dropped(lines, inner, "links", span.dropped_links_count);
        for (event, &tick) in span.events.iter().zip(&self.ticks.events[index]) {
            lines.line(inner, self::event(normaliser, event, tick));
        }
        dropped(lines, inner, "events", span.dropped_events_count);
        for &child in &self.children[index] {
            self.render(normaliser, lines, child, inner);
        }
    }
}

fn dropped(lines: &mut Lines, depth: usize, what: &str, count: u32) {
    if count > 0 {
        lines.line(depth, text::dropped(what, count));
    }
}

/// Returns true if a span is its own ancestor. Such a span is shown as a root, or it would not be
/// shown at all.
fn loops(spans: &[&SpanView], by_id: &HashMap<&[u8], usize>, start: usize) -> bool {
    let mut at = start;
    for _ in 0..spans.len() {
        match by_id.get(&*spans[at].parent_span_id) {
            None => return false,
            Some(&parent) if spans[parent].span_id == spans[start].span_id => return true,
            Some(&parent) => at = parent,
        }
    }
    // A loop among the ancestors that does not contain the span.
    false
}

fn kind(span: &SpanView) -> String {
    match SpanKind::try_from(span.kind) {
        Ok(kind) => kind
            .as_str_name()
            .trim_start_matches("SPAN_KIND_")
            .to_lowercase(),
        Err(_) => format!("kind-{}", span.kind),
    }
}

fn status(span: &SpanView) -> String {
    let Some(status) = &span.status else {
        return "unset".to_owned();
    };
    let code = match StatusCode::try_from(status.code) {
        Ok(code) => code
            .as_str_name()
            .trim_start_matches("STATUS_CODE_")
            .to_lowercase(),
        Err(_) => format!("status-{}", status.code),
    };
    if status.message.is_empty() {
        code
    } else {
        format!("{code} {:?}", status.message)
    }
}

fn link(normaliser: &mut Normaliser, link: &Link) -> String {
    let trace = normaliser.trace_label(&link.trace_id);
    let span = normaliser.span_label(&link.trace_id, &link.span_id);
    let mut text = format!(
        "link {trace}/{span} {}",
        text::flags(link.flags, "target").join(" ")
    );
    if !link.trace_state.is_empty() {
        text += &format!(" tracestate {:?}", link.trace_state);
    }
    text + &rest(normaliser, &link.attributes, link.dropped_attributes_count)
}

fn event(normaliser: &Normaliser, event: &Event, tick: usize) -> String {
    let text = format!("event @{tick} {:?}", event.name);
    text + &rest(
        normaliser,
        &event.attributes,
        event.dropped_attributes_count,
    )
}

fn rest(
    normaliser: &Normaliser,
    attributes: &[opentelemetry_proto::tonic::common::v1::KeyValue],
    dropped: u32,
) -> String {
    let mut text = String::new();
    if !attributes.is_empty() {
        text += &format!(" {}", text::attribute_set(attributes, &normaliser.hidden));
    }
    if dropped > 0 {
        text += &format!(" {}", text::dropped("attributes", dropped));
    }
    text
}
