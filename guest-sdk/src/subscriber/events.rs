//! What becomes of events.

use tracing::span::Id;
use tracing::{Event, Level, Metadata};

use super::Subscriber;
#[cfg(feature = "tracing-std")]
use super::exceptions::Exception;
use super::fields::{Fields, Text};
use super::scopes::Listened;
use super::spans::Parent;
use super::subscriber::{contextual, is_recorded, push_location, severity};
use super::visitor::{EXCEPTION, EXCEPTION_MESSAGE, Of, SetStatus, Special, visit};
use crate::backend::wire::{Maybe, MaybeByte};
use crate::backend::{logger, tracer};
use crate::logs::types::{LogAttribute, LogRecord, LogValue};
use crate::{KeyValue, notice};

/// Adds an event to the span of a handle.
pub(super) type AddEvent = fn(&Visited, &'static Metadata<'static>, u64);

/// Is an event whose fields have been visited.
pub(super) struct Visited {
    fields: Fields,
    /// What it says: the message, or where there is none the error.
    body: Option<Text>,
    /// Its name, where it has one of its own.
    name: Option<&'static str>,
    status: Option<SetStatus>,
    /// An `Error` among the values, with its sources.
    #[cfg(feature = "tracing-std")]
    exception: Option<Exception>,
}

impl Subscriber {
    pub(super) fn pass_event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let log = self
            .config
            .logs
            .then(|| {
                self.lock()
                    .scopes
                    .listening(metadata.target(), severity(metadata.level()))
            })
            .flatten();
        let context = match event.parent() {
            Some(id) => self.start(id).map_or(Parent::None, Parent::Span),
            None => contextual(event.is_contextual()),
        };
        let recorded = match context {
            Parent::Span(handle) if is_recorded(handle) => Some(handle),
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
            && let Some(id) = self.span_of(event)
        {
            self.mark(&id, &visited);
        }
        if let Some(log) = log {
            visited.emit(metadata, log, &context);
        }
        if let Some((handle, add_event)) = span_event {
            add_event(&visited, metadata, handle);
        }
    }

    fn span_of(&self, event: &Event<'_>) -> Option<Id> {
        event
            .parent()
            .cloned()
            .or_else(|| self.current().filter(|_| event.is_contextual()))
    }

    fn visit(&self, event: &Event<'_>) -> Visited {
        let metadata = event.metadata();
        let mut fields = Fields::default();
        let special = visit(Of::Event, &self.config, &mut fields, |visitor| {
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
                if !special.error_is_told {
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

    /// Tells the span what the event says about it.
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
            exception.mark(handle, &visited.fields);
        }
    }
}

impl Visited {
    fn body(&self) -> Option<&str> {
        self.body.as_ref().map(|body| self.fields.str(body))
    }

    fn emit(&self, metadata: &Metadata<'static>, to: Listened, context: &Parent) {
        // Errors' sources are the only arrays in events.
        #[cfg(feature = "tracing-std")]
        let (nodes, indices) = self.fields.log_nodes();
        #[cfg(not(feature = "tracing-std"))]
        let (nodes, indices) = ([], []);
        let mut attributes = self.fields.log_attributes(&indices);
        if !to.is_exact {
            attributes.push(LogAttribute {
                key: "target",
                value: LogValue::StringValue(metadata.target()),
            });
        }
        notice::take(logger::emit(
            to.logger,
            &[LogRecord {
                body: self.body().map(LogValue::StringValue).into(),
                severity: MaybeByte::Some(severity(metadata.level())),
                severity_text: Maybe::Some(metadata.level().as_str()),
                event_name: self.name.into(),
                attributes: &attributes,
                nodes: &nodes,
                time: Maybe::None,
                context: context.as_reference().into(),
            }],
        ));
    }

    pub(super) fn add_to(&self, metadata: &'static Metadata<'static>, handle: u64) {
        let is_exception = self.name == Some(EXCEPTION);
        let name = match self.body() {
            Some(message) if !is_exception => message,
            Some(_) | None => self.name.unwrap_or(metadata.name()),
        };
        notice::take(self.fields.lend(|fields| {
            let mut attributes = vec![
                KeyValue::new("level", metadata.level().as_str()),
                KeyValue::new("target", metadata.target()),
            ];
            attributes.extend(fields);
            tracer::event(handle, name, &attributes, None)
        }));
    }
}

/// Gives an event's name if its author has chosen it; otherwise `tracing` makes it of the place: `event src/main.rs:12`.
fn own_name(metadata: &Metadata<'static>) -> Option<&'static str> {
    let name = metadata.name();
    let is_place = name
        .strip_prefix("event ")
        .zip(metadata.file())
        .and_then(|(place, file)| place.strip_prefix(file))
        .is_some();
    (!is_place).then_some(name)
}
