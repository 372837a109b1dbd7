//! Traces, drawn as trees.

use std::collections::HashMap;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, span};

use super::collector::Snapshot;
use super::guides::{DURATION, Guides, deepest};
use super::layout::{Line, Page, Piece, glued, spaced, width, words};
use super::style::{Paint, Style};
use super::text::{NAME, VALUE, attributes, clean, count, duration, hex, offset, scope_label};
use super::tree::{Node, Root, Trace, is_error, traces};

/// The cells of the bar that shows when a span ran.
const BAR: usize = 20;

/// The spans that are known by name, to say which one a link or a log means.
pub(super) type Names<'a> = HashMap<(&'a [u8], &'a [u8]), &'a str>;

/// Gives the names of all spans by trace id and span id.
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

/// What is drawn next: a stack of these replaces recursion, since a guest decides how deep a tree is.
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
    for trace in traces(snapshot.spans.iter().map(|record| &**record)) {
        page.blank();
        heading(page, &trace);
        let mut drawing = Drawing {
            page,
            trace: &trace,
            names,
            guides: Guides::default(),
        };
        drawing.run();
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

    /// Puts a span's children on the stack, those that are too many of a name as one step that sums them up.
    fn push_children(&self, stack: &mut Vec<Step>, node: usize, depth: usize) {
        let mut steps: Vec<Step> = Vec::new();
        let mut rests: HashMap<&str, (usize, Vec<usize>)> = HashMap::new();
        let mut shown: HashMap<(&str, bool), usize> = HashMap::new();
        let limit = self.page.style().repeats.unwrap_or(usize::MAX);
        for &node in &self.trace.nodes[node].children {
            let child = &self.trace.nodes[node];
            let name = child.record.item.name.as_str();
            let shown = shown.entry((name, child.error_within)).or_default();
            if *shown < limit {
                *shown += 1;
                steps.push(Step::Span {
                    node,
                    depth,
                    last: false,
                    root: Root::Real,
                });
                if let Some((place, _)) = rests.get_mut(name) {
                    *place = steps.len();
                }
            } else {
                let place = steps.len();
                rests
                    .entry(name)
                    .or_insert((place, Vec::new()))
                    .1
                    .push(node);
            }
        }
        let mut rests: Vec<_> = rests.into_values().collect();
        rests.sort_by(|(place, nodes), (other, others)| (other, others).cmp(&(place, nodes)));
        for (place, nodes) in rests {
            let last = false;
            steps.insert(place, Step::Rest { nodes, depth, last });
        }
        if let Some(Step::Span { last, .. } | Step::Rest { last, .. }) = steps.last_mut() {
            *last = true;
        }
        stack.extend(steps.into_iter().rev());
    }

    fn span(&mut self, node: usize, depth: usize, last: bool, root: Root) {
        let node = &self.trace.nodes[node];
        let span = &node.record.item;
        let style = self.page.style();
        let length = span
            .end_time_unix_nano
            .saturating_sub(span.start_time_unix_nano);

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
        let mut first = column(style, length);
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

    /// What belongs to a span, beneath its line.
    fn details(&mut self, span: &Span, rest: &[Piece]) {
        let style = self.page.style();
        if !span.attributes.is_empty() {
            self.detail(rest, attributes(style, &span.attributes, 0));
        }
        let mut events: Vec<&span::Event> = span.events.iter().collect();
        events.sort_by_key(|event| event.time_unix_nano);
        for event in events {
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
        for link in &span.links {
            self.link(span, link, rest);
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

    /// One line for spans that repeat others.
    fn rest(&mut self, nodes: &[usize], depth: usize, last: bool) {
        let style = self.page.style();
        let spans = || {
            nodes
                .iter()
                .map(|&node| &self.trace.nodes[node].record.item)
        };
        let lengths = || {
            spans().map(|span| {
                span.end_time_unix_nano
                    .saturating_sub(span.start_time_unix_nano)
            })
        };
        let name = spans().next().map_or("", |span| &span.name);
        let total = lengths().fold(0, u64::saturating_add);
        let shortest = lengths().min().unwrap_or(0);
        let longest = lengths().max().unwrap_or(0);
        let beneath: usize = nodes
            .iter()
            .map(|&node| self.trace.nodes[node].descendants)
            .sum();
        let errors = nodes
            .iter()
            .filter(|&&node| self.trace.nodes[node].error_within)
            .count();

        let ellipsis = style.pick("…", "...");
        let mut pieces = words(1, &format!("{ellipsis} {} more", nodes.len()), Paint::Faint);
        pieces.extend(words(1, &clean(style, name, NAME), Paint::Plain));
        if errors > 0 {
            pieces.push(spaced(2, format!("{errors} with errors"), Paint::Bad));
        }
        let (shortest, longest) = (duration(style, shortest), duration(style, longest));
        let each = if shortest == longest {
            format!("{shortest} each")
        } else {
            format!("{shortest} to {longest} each")
        };
        pieces.push(spaced(2, each, Paint::Faint));
        if beneath > 0 {
            pieces.push(glued(",", Paint::Faint));
            let beneath = format!("{} beneath", count(beneath, "span"));
            pieces.push(spaced(1, beneath, Paint::Faint));
        }
        let mut first = column(style, total);
        first.push(self.guides.before(style, depth, last));
        self.page.line(Line {
            first,
            rest: self.guides.beside(style, depth, last, false),
            pieces,
            tail: Vec::new(),
        });
    }

    /// The scope, where it is not that of the parent.
    fn scope(&self, node: &Node<'_>) -> Option<Piece> {
        let style = self.page.style();
        let own = scope_label(style, &node.record.scope);
        let parent = node.parent.map(|parent| &self.trace.nodes[parent]);
        let same = parent.is_some_and(|parent| scope_label(style, &parent.record.scope) == own);
        (!same).then(|| spaced(2, format!("[{own}]"), Paint::Faint))
    }

    /// A bar on the time of the whole trace, which shows when the span ran.
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

/// Gives a duration in its column.
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
                // What follows a first line is a backtrace as a rule, whose beginning would tell nothing.
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

/// Why a span stands at the top, where that needs to be said.
fn note(root: Root, span: &Span) -> Option<String> {
    let parent = hex(&span.parent_span_id);
    match root {
        Root::Real => None,
        Root::Remote => Some(format!("continues remote span {parent}")),
        Root::Orphan => Some(format!("its parent {parent} was not received")),
        Root::Cycle => Some(format!("is among its own ancestors, by parent {parent}")),
    }
}

/// What a limit left out.
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
