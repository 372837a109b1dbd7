//! Sends events: as logs, as events of spans, and as the status of spans.

use std::cell::Cell;
use std::rc::Rc;

use tracing::span::Id;
use tracing::{Event, Level, Metadata};

use super::config::REST_SCOPE;
use super::core::{Core, ParentChoice, push_location, severity};
#[cfg(feature = "tracing-std")]
use super::exceptions::Exception;
use super::fields::{Fields, Text};
use super::spans::Parent;
use super::visitor::{EXCEPTION, EXCEPTION_MESSAGE, Owner, SetStatus, Special, visit};
use crate::backend::{logger, tracer};
use crate::notice;
use crate::targets::{self, TargetLogger};
use crate::trace::log_context;
use crate::types::{KeyValue, LogAttribute, LogRecord, LogValue, Maybe, MaybeByte, SpanHandle};

/// Returns the logger of an event's target, if the host accepts logs of that severity.
pub(super) fn logger_of(metadata: &Metadata<'_>) -> Option<Rc<TargetLogger>> {
    let logger = targets::logger(metadata.target(), REST_SCOPE);
    logger
        .accepts(Some(severity(metadata.level())))
        .then_some(logger)
}

/// An event whose fields have been visited.
struct Visited {
    fields: Fields,
    /// The message, or the error if there is none.
    body: Option<Text>,
    /// The name, if the author gave one.
    name: Option<&'static str>,
    status: Option<SetStatus>,
    /// An `Error` among the values, with its sources.
    #[cfg(feature = "tracing-std")]
    exception: Option<Exception>,
}

impl Core {
    pub(super) fn event(&self, event: &Event<'_>, parent_choice: &ParentChoice) {
        // Events of the API's own set-up do not belong to the program.
        #[cfg(feature = "opentelemetry")]
        if crate::opentelemetry::is_setting_up() {
            return;
        }
        // A `Debug` implementation may log, so the recursion must be limited.
        if let Some(_depth) = Depth::enter() {
            self.dispatch_event(event, parent_choice);
        }
    }

    fn dispatch_event(&self, event: &Event<'_>, parent_choice: &ParentChoice) {
        let metadata = event.metadata();
        let logs = self.config.logs;
        let log = logs.then(|| logger_of(metadata)).flatten();
        let context = self.parent(parent_choice);
        let recorded = match context {
            Parent::Span(handle) if handle.is_recorded() => Some(handle),
            Parent::Span(_)
            | Parent::Ambient
            | Parent::None
            | Parent::Pinned(_)
            | Parent::Remote(_) => None,
        };
        let span_event = recorded.zip(self.config.span_events);
        let marked = recorded.filter(|_| self.marks_span(metadata) || log.is_some());
        if log.is_none() && span_event.is_none() && marked.is_none() {
            return;
        }
        let visited = self.visit(event);
        if recorded.is_some()
            && let Some(id) = self.span_of(parent_choice)
        {
            self.mark(&id, &visited);
        }
        if let Some(log) = log {
            visited.emit(metadata, &log, &context);
        }
        if let Some((handle, add_event)) = span_event {
            let name = visited.span_event_name(metadata);
            add_event(handle, name, &visited.fields, metadata);
        }
    }

    /// Returns the `tracing` span of an event.
    fn span_of(&self, parent_choice: &ParentChoice) -> Option<Id> {
        match parent_choice {
            ParentChoice::Span(id) => Some(id.clone()),
            ParentChoice::Context => self.current(),
            ParentChoice::Root => None,
        }
    }

    fn visit(&self, event: &Event<'_>) -> Visited {
        let metadata = event.metadata();
        let mut fields = Fields::default();
        let special = visit(Owner::Event, &self.config, &mut fields, |visitor| {
            event.record(visitor);
        });
        self.interpret(metadata, special, fields)
    }

    fn interpret(
        &self,
        metadata: &'static Metadata<'static>,
        special: Special,
        mut fields: Fields,
    ) -> Visited {
        let mut name = own_name(metadata);
        let mut status =
            (*metadata.level() == Level::ERROR).then_some(SetStatus::Error(Text::Static("")));
        let mut body = special.name;
        if let Some(error) = special.error {
            let is_exception = body.is_none();
            if is_exception && self.config.error_events_to_status {
                status = Some(SetStatus::Error(error.clone()));
            }
            if is_exception && self.config.error_events_to_exceptions {
                name = Some(EXCEPTION);
                if !special.error_is_added {
                    fields.push_text(EXCEPTION_MESSAGE, error.clone());
                }
            } else {
                fields.push_text("error", error.clone());
            }
            body = body.or(Some(error));
        }
        if self.config.location {
            push_location(&mut fields, metadata);
        }
        Visited {
            fields,
            body,
            name,
            status,
            #[cfg(feature = "tracing-std")]
            exception: special.exception,
        }
    }

    /// Changes the event's span.
    fn mark(&self, id: &Id, visited: &Visited) {
        let mut shared = self.lock();
        let Some(span) = shared.spans.get(id) else {
            return;
        };
        if let Some(status) = &visited.status {
            span.set_status(status, &visited.fields);
        }
        #[cfg(feature = "tracing-std")]
        if let Some(handle) = span.handle()
            && let Some(exception) = &visited.exception
        {
            exception.mark(handle, EXCEPTION_MESSAGE, &visited.fields);
        }
    }
}

impl Visited {
    fn body(&self) -> Option<&str> {
        self.body.as_ref().map(|body| self.fields.str(body))
    }

    fn emit(&self, metadata: &Metadata<'static>, to: &TargetLogger, context: &Parent) {
        // The only arrays in events are sources of errors.
        #[cfg(feature = "tracing-std")]
        let (nodes, indices) = self.fields.log_nodes();
        #[cfg(not(feature = "tracing-std"))]
        let (nodes, indices) = ([], []);
        let mut attributes = self.fields.log_attributes(&indices);
        if !to.is_named_for(metadata.target()) {
            attributes.push(LogAttribute {
                key: "target",
                value: LogValue::String(metadata.target()),
            });
        }
        notice::take(logger::emit(
            to.handle(),
            &[LogRecord {
                body: self.body().map(LogValue::String).into(),
                severity: MaybeByte::Some(severity(metadata.level())),
                severity_text: Maybe::Some(metadata.level().as_str()),
                event_name: self.name.into(),
                attributes: &attributes,
                nodes: &nodes,
                time: Maybe::None,
                context: log_context(context.as_reference()),
            }],
        ));
    }

    /// Returns the name of the event if it becomes a span event.
    fn span_event_name(&self, metadata: &'static Metadata<'static>) -> &str {
        let is_exception = self.name == Some(EXCEPTION);
        match self.body() {
            Some(message) if !is_exception => message,
            Some(_) | None => self.name.unwrap_or(metadata.name()),
        }
    }
}

/// Adds an event to a span.
pub(super) fn add_to_span(
    span: SpanHandle,
    name: &str,
    fields: &Fields,
    metadata: &'static Metadata<'static>,
) {
    notice::take(fields.lend(|fields| {
        let mut attributes = vec![
            KeyValue::new("level", metadata.level().as_str()),
            KeyValue::new("target", metadata.target()),
        ];
        attributes.extend(fields);
        tracer::event(span, name, &attributes, None)
    }));
}

/// Returns an event's name if the author gave one. The default name of `tracing` is the location:
/// `event src/main.rs:12`.
fn own_name(metadata: &Metadata<'static>) -> Option<&'static str> {
    let name = metadata.name();
    let is_location = name
        .strip_prefix("event ")
        .zip(metadata.file())
        .and_then(|(location, file)| location.strip_prefix(file))
        .is_some();
    (!is_location).then_some(name)
}

/// The maximum nesting of events that are emitted while another one is visited.
const MAX_DEPTH: u8 = 4;

thread_local! {
    static DEPTH: Cell<u8> = const { Cell::new(0) };
}

struct Depth;

impl Depth {
    fn enter() -> Option<Self> {
        (DEPTH.get() < MAX_DEPTH).then(|| {
            DEPTH.set(DEPTH.get() + 1);
            Self
        })
    }
}

impl Drop for Depth {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}
