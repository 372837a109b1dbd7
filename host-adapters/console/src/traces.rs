//! Draws traces as trees.

use std::collections::HashMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, span};
use wasmscope_otlp::memory::{Record, ResourceInfo, ScopeInfo, Snapshot};

use super::fold::{self, FAILED};
use super::guides::{DURATION, Guides, deepest};
use super::layout::{Line, Page, Piece, glued, spaced, width, words};
use super::style::{Paint, Style};
use super::text::{
    NAME, VALUE, attributes, clean, count, duration, hex, offset, scope_label, service,
};
use super::tree::{Node, Root, Trace, is_error, traces};

/// The most lines of spans in the view.
const SPANS: usize = 500;

/// The most links of a span.
const LINKS: usize = 10;

/// The name of exception events (semantic conventions for exceptions).
const EXCEPTION: &str = "exception";

/// The width of the bar that shows when a span ran.
const BAR: usize = 20;

/// The names of spans by trace id and span id, to describe links and logs.
pub(super) type Names<'a> = HashMap<(&'a [u8], &'a [u8]), &'a str>;

/// Collects the names of all spans.
pub(super) fn names(snapshot: &Snapshot) -> Names<'_> {
    snapshot
        .spans
        .iter()
        .map(|record| {
            let span = &record.item;
            (
                (span.trace_id.as_slice(), span.span_id.as_slice()),
                span.name.as_str(),
            )
        })
        .collect()
}

/// The next item to draw. A stack of these replaces recursion, because a guest decides how deep a
/// tree is.
enum Step {
    Span {
        node: usize,
        depth: usize,
        last: bool,
        root: Root,
    },
    Rest {
        nodes: Vec<usize>,
        depth: usize,
        last: bool,
    },
}

/// Draws all traces.
pub(super) fn draw(page: &mut Page<'_>, snapshot: &Snapshot, names: &Names<'_>) {
    let traces = traces(snapshot.spans.iter().map(|record| &**record));
    let repeats = page.style().repeats;
    let groups = fold::fold(
        traces.iter().map(|trace| fold::Item {
            kind: kind_of_trace(trace),
            length: trace.end.saturating_sub(trace.start),
            failed: trace.errors > 0,
        }),
        repeats,
    );
    let mut spans_left = repeats.map_or(usize::MAX, |_| SPANS);
    let mut groups = groups.into_iter();
    while let Some(shown) = groups.next() {
        match shown {
            fold::Shown::One(at) if spans_left > 0 => {
                let trace = &traces[at];
                page.blank();
                heading(page, trace);
                let mut drawing = Drawing {
                    page,
                    trace,
                    names,
                    guides: Guides::default(),
                    spans_left: &mut spans_left,
                };
                drawing.run();
            }
            fold::Shown::Rest(rest) if spans_left > 0 => {
                page.blank();
                let rest: Vec<_> = rest.into_iter().map(|at| &traces[at]).collect();
                summarise_traces(page, "more traces like it", &rest);
            }
            shown @ (fold::Shown::One(_) | fold::Shown::Rest(_)) => {
                let left = std::iter::once(shown).chain(groups.by_ref());
                let left: Vec<_> = left
                    .flat_map(|shown| match shown {
                        fold::Shown::One(at) => vec![at],
                        fold::Shown::Rest(rest) => rest,
                    })
                    .map(|at| &traces[at])
                    .collect();
                page.blank();
                summarise_traces(page, "more traces", &left);
            }
        }
    }
}

/// Returns the key that similar traces share: name, scope and resource of the first root, and the
/// number of roots.
fn kind_of_trace<'a>(trace: &Trace<'a>) -> (Kind<'a>, usize) {
    let first = trace
        .roots
        .first()
        .map(|(root, _)| trace.nodes[*root].record);
    (first.map(kind_of_span), trace.roots.len())
}

/// What similar spans share: name, scope and resource. `None` for a trace without a root.
type Kind<'a> = Option<(&'a str, *const ScopeInfo, *const ResourceInfo)>;

fn kind_of_span(record: &Record<Span>) -> (&str, *const ScopeInfo, *const ResourceInfo) {
    (
        record.item.name.as_str(),
        Arc::as_ptr(&record.scope),
        Arc::as_ptr(&record.resource),
    )
}

/// Draws one line for traces that are not shown.
fn summarise_traces(page: &mut Page<'_>, label: &str, traces: &[&Trace<'_>]) {
    let ellipsis = page.fold();
    let style = page.style();
    let mut pieces = words(
        0,
        &format!("{ellipsis} {} {label}", traces.len()),
        Paint::Faint,
    );
    let first = traces.first().and_then(|trace| {
        let (root, _) = trace.roots.first()?;
        Some(trace.nodes[*root].record.item.name.as_str())
    });
    if let Some(name) = first {
        pieces.push(glued(":", Paint::Faint));
        pieces.extend(words(1, &clean(style, name, NAME), Paint::Plain));
    }
    let errors = traces.iter().filter(|trace| trace.errors > 0).count();
    if errors > 0 {
        pieces.push(spaced(2, format!("{errors} with errors"), Paint::Bad));
    }
    let lengths = traces.iter();
    pieces.extend(totals(
        style,
        lengths.map(|trace| trace.end.saturating_sub(trace.start)),
    ));
    let spans: usize = traces.iter().map(|trace| trace.nodes.len()).sum();
    pieces.extend(words(
        0,
        &format!(", {}", count(spans, "span")),
        Paint::Faint,
    ));
    page.text(0, pieces);
}

/// Formats the total and the range of durations.
fn totals(style: &Style, lengths: impl Iterator<Item = u64> + Clone) -> Vec<Piece> {
    let total = lengths.clone().fold(0, u64::saturating_add);
    let shortest = duration(style, lengths.clone().min().unwrap_or(0));
    let longest = duration(style, lengths.max().unwrap_or(0));
    let each = if shortest == longest {
        shortest
    } else {
        format!("{shortest} to {longest}")
    };
    let text = format!("{} in all, {each} each", duration(style, total));
    words(2, &text, Paint::Faint)
}

fn length(span: &Span) -> u64 {
    span.end_time_unix_nano
        .saturating_sub(span.start_time_unix_nano)
}

/// Returns how many of `all` items are shown. One item over the limit is shown, because a line that
/// says it is left out would take as much space.
fn shown_count(all: usize, limit: usize) -> usize {
    if all <= limit.saturating_add(1) {
        all
    } else {
        limit
    }
}

fn heading(page: &mut Page<'_>, trace: &Trace<'_>) {
    let style = page.style();
    let mut pieces = vec![
        glued("Trace", Paint::Title),
        spaced(1, hex(trace.id), Paint::Plain),
    ];
    let mut fact = |text: String, paint: Paint| {
        pieces.push(glued(style.pick(" ·", ","), Paint::Faint));
        pieces.push(spaced(1, text, paint));
    };
    fact(count(trace.nodes.len(), "span"), Paint::Faint);
    let length = trace.end.saturating_sub(trace.start);
    fact(duration(style, length), Paint::Faint);
    if trace.errors > 0 {
        fact(count(trace.errors, "error"), Paint::Bad);
    }
    page.text(0, pieces);
}

struct Drawing<'d, 's, 'a> {
    page: &'d mut Page<'s>,
    trace: &'d Trace<'a>,
    names: &'d Names<'a>,
    guides: Guides,
    /// How many more lines of spans the view may have.
    spans_left: &'d mut usize,
}

impl Drawing<'_, '_, '_> {
    fn run(&mut self) {
        let mut stack: Vec<Step> = self
            .trace
            .roots
            .iter()
            .rev()
            .map(|&(node, root)| Step::Span {
                node,
                depth: 0,
                last: true,
                root,
            })
            .collect();
        while let Some(step) = stack.pop() {
            if *self.spans_left == 0 {
                stack.push(step);
                return self.summarise_rest(stack);
            }
            *self.spans_left -= 1;
            match step {
                Step::Span {
                    node,
                    depth,
                    last,
                    root,
                } => {
                    self.guides.at(depth);
                    self.span(node, depth, last, root);
                    self.guides.beneath(last);
                    self.push_children(&mut stack, node, depth + 1);
                }
                Step::Rest { nodes, depth, last } => {
                    self.guides.at(depth);
                    self.rest(&nodes, depth, last);
                }
            }
        }
    }

    /// Pushes a span's children onto the stack. Those over the limit of similar spans become one
    /// step that summarises them.
    fn push_children(&self, stack: &mut Vec<Step>, node: usize, depth: usize) {
        let nodes = &self.trace.nodes;
        let children = &nodes[node].children;
        let groups = fold::fold(
            children.iter().map(|&child| {
                let Node {
                    record,
                    error_within,
                    ..
                } = &nodes[child];
                fold::Item {
                    kind: kind_of_span(record),
                    length: length(&record.item),
                    failed: *error_within,
                }
            }),
            self.page.style().repeats,
        );
        let mut steps: Vec<Step> = groups
            .into_iter()
            .map(|shown| match shown {
                fold::Shown::One(at) => Step::Span {
                    node: children[at],
                    depth,
                    last: false,
                    root: Root::Real,
                },
                fold::Shown::Rest(rest) => Step::Rest {
                    nodes: rest.into_iter().map(|at| children[at]).collect(),
                    depth,
                    last: false,
                },
            })
            .collect();
        if let Some(Step::Span { last, .. } | Step::Rest { last, .. }) = steps.last_mut() {
            *last = true;
        }
        stack.extend(steps.into_iter().rev());
    }

    fn span(&mut self, node: usize, depth: usize, last: bool, root: Root) {
        let node = &self.trace.nodes[node];
        let span = &node.record.item;
        let style = self.page.style();

        let mut pieces = Vec::new();
        if depth > deepest(style) {
            pieces.push(spaced(1, format!("(level {depth})"), Paint::Faint));
        }
        let paint = if is_error(span) {
            Paint::Bad
        } else {
            Paint::Strong
        };
        pieces.extend(words(1, &clean(style, &span.name, NAME), paint));
        pieces.extend(kind(span).map(|kind| spaced(1, format!("({kind})"), Paint::Faint)));
        pieces.extend(self.scope(node));
        pieces.extend(status(style, span));
        if let Some(note) = note(root, span) {
            pieces.extend(words(2, &note, Paint::Warning));
        }
        let mut first = column(style, length(span));
        first.push(self.guides.before(style, depth, last));
        let rest = self
            .guides
            .beside(style, depth, last, !node.children.is_empty());
        self.page.line(Line {
            first,
            rest: rest.clone(),
            pieces,
            tail: self.bar(span),
        });
        self.details(span, &rest);
    }

    /// Draws the details of a span below its line.
    fn details(&mut self, span: &Span, rest: &[Piece]) {
        let style = self.page.style();
        if !span.attributes.is_empty() {
            self.detail(rest, attributes(style, &span.attributes, 0));
        }
        let mut events: Vec<&span::Event> = span.events.iter().collect();
        events.sort_by_key(|event| event.time_unix_nano);
        for alike in events.chunk_by(|one, next| one.name == next.name) {
            self.events(span, alike, rest);
        }
        let limit = self.page.style().repeats.map_or(usize::MAX, |_| LINKS);
        let shown = shown_count(span.links.len(), limit);
        for link in &span.links[..shown] {
            self.link(span, link, rest);
        }
        if shown < span.links.len() {
            let more = count(span.links.len() - shown, "more link");
            self.more(&more, rest);
        }
        let dropped = dropped(&[
            (span.dropped_attributes_count, "attribute"),
            (span.dropped_events_count, "event"),
            (span.dropped_links_count, "link"),
        ]);
        if !dropped.is_empty() {
            self.detail(rest, dropped);
        }
    }

    /// Draws consecutive events with the same name.
    fn events(&mut self, span: &Span, alike: &[&span::Event], rest: &[Piece]) {
        let style = self.page.style();
        let limit = match style.repeats {
            Some(_) if alike.first().is_some_and(|event| event.name == EXCEPTION) => FAILED,
            Some(limit) => limit.max(1),
            None => usize::MAX,
        };
        let shown = shown_count(alike.len(), limit);
        for event in &alike[..shown] {
            let at = offset(style, span.start_time_unix_nano, event.time_unix_nano);
            let mut pieces = vec![
                glued(style.pick("• ", "* "), Paint::Warning),
                glued(at, Paint::Faint),
            ];
            pieces.extend(words(2, &clean(style, &event.name, NAME), Paint::Plain));
            pieces.extend(attributes(style, &event.attributes, 2));
            pieces.extend(dropped(&[(event.dropped_attributes_count, "attribute")]));
            self.detail(rest, pieces);
        }
        if let Some(last) = alike[shown..].last() {
            let name = clean(style, &last.name, NAME);
            let at = offset(style, span.start_time_unix_nano, last.time_unix_nano);
            let more = format!("{} more {name}, the last at {at}", alike.len() - shown);
            self.more(&more, rest);
        }
    }

    fn more(&mut self, label: &str, rest: &[Piece]) {
        let ellipsis = self.page.fold();
        self.detail(rest, words(0, &format!("{ellipsis} {label}"), Paint::Faint));
    }

    fn link(&mut self, span: &Span, link: &span::Link, rest: &[Piece]) {
        let style = self.page.style();
        let mut pieces = vec![glued(style.pick("↗ link to ", "> link to "), Paint::Faint)];
        let known = self
            .names
            .get(&(link.trace_id.as_slice(), link.span_id.as_slice()));
        if let Some(name) = known {
            pieces.extend(words(0, &clean(style, name, NAME), Paint::Plain));
            pieces.push(spaced(1, format!("({})", hex(&link.span_id)), Paint::Faint));
        } else {
            pieces.push(glued(format!("span {}", hex(&link.span_id)), Paint::Plain));
        }
        if link.trace_id != span.trace_id {
            let trace = format!("in trace {}", hex(&link.trace_id));
            pieces.extend(words(1, &trace, Paint::Faint));
        }
        pieces.extend(attributes(style, &link.attributes, 2));
        pieces.extend(dropped(&[(link.dropped_attributes_count, "attribute")]));
        self.detail(rest, pieces);
    }

    fn detail(&mut self, rest: &[Piece], pieces: Vec<Piece>) {
        let mut further = rest.to_vec();
        further.push(glued("  ", Paint::Plain));
        self.page.line(Line {
            first: rest.to_vec(),
            rest: further,
            pieces,
            tail: Vec::new(),
        });
    }

    /// Draws one line for similar spans.
    fn rest(&mut self, nodes: &[usize], depth: usize, last: bool) {
        let ellipsis = self.page.fold();
        let style = self.page.style();
        let nodes = || nodes.iter().map(|&node| &self.trace.nodes[node]);
        let name = nodes().next().map_or("", |node| &node.record.item.name);
        let beneath: usize = nodes().map(|node| node.descendants).sum();
        let errors = nodes().filter(|node| node.error_within).count();

        let more = format!("{ellipsis} {} more", nodes().count());
        let mut pieces = words(1, &more, Paint::Faint);
        pieces.extend(words(1, &clean(style, name, NAME), Paint::Plain));
        if errors > 0 {
            pieces.push(spaced(2, format!("{errors} with errors"), Paint::Bad));
        }
        let lengths = nodes().map(|node| length(&node.record.item));
        pieces.extend(totals(style, lengths));
        if beneath > 0 {
            let beneath = format!(", {} beneath", count(beneath, "span"));
            pieces.extend(words(0, &beneath, Paint::Faint));
        }
        let mut first = vec![spaced(DURATION + 1, "", Paint::Plain)];
        first.push(self.guides.before(style, depth, last));
        self.page.line(Line {
            first,
            rest: self.guides.beside(style, depth, last, false),
            pieces,
            tail: Vec::new(),
        });
    }

    /// Summarises the rest of the stack when the view is full. Failed spans are still shown.
    fn summarise_rest(&mut self, stack: Vec<Step>) {
        let mut left: Vec<usize> = Vec::new();
        for step in stack.into_iter().rev() {
            match step {
                Step::Span { node, .. } => left.push(node),
                Step::Rest { nodes, .. } => left.extend(nodes),
            }
        }
        let mut next = 0;
        while let Some(&node) = left.get(next) {
            left.extend(&self.trace.nodes[node].children);
            next += 1;
        }
        let failed = |&node: &usize| is_error(&self.trace.nodes[node].record.item);
        let failed: Vec<usize> = left.iter().copied().filter(failed).collect();
        let ellipsis = self.page.fold();
        let mut text = format!("{ellipsis} {} more spans of this trace", left.len());
        if !failed.is_empty() {
            text.push_str(&format!(", {}", count(failed.len(), "error")));
        }
        self.page
            .text(DURATION + 2, words(0, &text, Paint::Warning));
        for node in failed.into_iter().take(FAILED) {
            self.guides.at(0);
            self.span(node, 0, true, Root::Real);
        }
    }

    /// Returns the scope, if it or the resource differs from the parent's. Where another service
    /// begins, its name is in front.
    fn scope(&self, node: &Node<'_>) -> Option<Piece> {
        let style = self.page.style();
        let record = node.record;
        let own = scope_label(style, &record.scope);
        let parent = node.parent.map(|parent| self.trace.nodes[parent].record);
        let is_crossing = parent.is_some_and(|parent| parent.resource != record.resource);
        let same = parent.is_some_and(|parent| scope_label(style, &parent.scope) == own);
        let service = is_crossing
            .then(|| service(style, &record.resource))
            .flatten();
        let service = service.map_or(String::new(), |service| format!("{service}: "));
        (is_crossing || !same).then(|| spaced(2, format!("[{service}{own}]"), Paint::Faint))
    }

    /// Draws a bar that shows when the span ran within its trace.
    fn bar(&self, span: &Span) -> Vec<Piece> {
        let style = self.page.style();
        let whole = u128::from(self.trace.end.saturating_sub(self.trace.start));
        if style.columns() < 80 || whole == 0 || self.trace.nodes.len() < 2 {
            return Vec::new();
        }
        let cell = |time: u64| {
            let since = u128::from(time.saturating_sub(self.trace.start)).min(whole);
            usize::try_from(since * BAR as u128 / whole).unwrap_or(BAR)
        };
        let from = cell(span.start_time_unix_nano).min(BAR - 1);
        let to = cell(span.end_time_unix_nano).clamp(from + 1, BAR);
        let (idle, busy) = (style.pick("·", "."), style.pick("━", "="));
        let paint = if is_error(span) {
            Paint::Bad
        } else {
            Paint::Bar
        };
        vec![
            glued(idle.repeat(from), Paint::Faint),
            glued(busy.repeat(to - from), paint),
            glued(idle.repeat(BAR - to), Paint::Faint),
        ]
    }
}

/// Formats a duration in its column.
fn column(style: &Style, nanoseconds: u64) -> Vec<Piece> {
    let text = duration(style, nanoseconds);
    let gap = DURATION.saturating_sub(width(&text));
    vec![spaced(gap, text, Paint::Faint), glued(" ", Paint::Plain)]
}

fn kind(span: &Span) -> Option<&'static str> {
    match span.kind() {
        SpanKind::Unspecified | SpanKind::Internal => None,
        SpanKind::Server => Some("server"),
        SpanKind::Client => Some("client"),
        SpanKind::Producer => Some("producer"),
        SpanKind::Consumer => Some("consumer"),
    }
}

fn status(style: &Style, span: &Span) -> Vec<Piece> {
    let Some(status) = &span.status else {
        return Vec::new();
    };
    match status.code() {
        StatusCode::Unset => Vec::new(),
        StatusCode::Ok => vec![spaced(2, style.pick("✔ ok", "ok"), Paint::Good)],
        StatusCode::Error => {
            let mut text = style.pick("✘ error", "error").to_owned();
            if !status.message.is_empty() {
                text.push_str(": ");
                // Only the first line is shown: the others are usually a backtrace, whose start
                // says little.
                let line = status.message.lines().next().unwrap_or_default();
                text.push_str(&clean(style, line, VALUE));
                if line.len() < status.message.trim_end().len() {
                    text.push_str(style.pick(" …", " ..."));
                }
            }
            words(2, &text, Paint::Bad)
        }
    }
}

/// Says why a span is a root, if that is not obvious.
fn note(root: Root, span: &Span) -> Option<String> {
    let parent = hex(&span.parent_span_id);
    match root {
        Root::Real => None,
        Root::Remote => Some(format!("continues remote span {parent}")),
        Root::Orphan => Some(format!("its parent {parent} was not received")),
        Root::Cycle => Some(format!("is among its own ancestors, by parent {parent}")),
    }
}

/// Formats the counts of items dropped over a limit.
fn dropped(counts: &[(u32, &str)]) -> Vec<Piece> {
    let parts: Vec<String> = counts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|&(number, noun)| count(usize::try_from(number).unwrap_or(usize::MAX), noun))
        .collect();
    if parts.is_empty() {
        return Vec::new();
    }
    let text = format!("(dropped over a limit: {})", parts.join(", "));
    words(2, &text, Paint::Warning)
}
