//! Tracers and spans.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use ::opentelemetry::trace::{
    self as api, Event, Link as ApiLink, SpanBuilder, SpanContext as ApiSpanContext,
    Status as ApiStatus,
};
use ::opentelemetry::{Context, InstrumentationScope, KeyValue as ApiKeyValue};

use super::known::{self, Reference};
use super::scope::Scope;
use super::used;
use super::values::{self, TextArrays};
use crate::backend::tracer;
use crate::notice;
use crate::trace::{pending, start};
use crate::types::{Link, SpanChanges, SpanHandle, SpanKind, Status};

/// Provides tracers whose spans go to the host.
///
/// All providers are equal, because they have no state.
#[derive(Debug, Clone, Copy, Default)]
pub struct TracerProvider(());

impl TracerProvider {
    /// Creates a provider.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

impl api::TracerProvider for TracerProvider {
    type Tracer = Tracer;

    fn tracer_with_scope(&self, scope: InstrumentationScope) -> Tracer {
        used::set_used();
        Tracer(Scope::of(scope))
    }
}

/// Starts spans of one instrumentation scope. The first span asks the host for its handle.
#[derive(Clone)]
pub struct Tracer(Arc<Scope>);

impl core::fmt::Debug for Tracer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Tracer").field(&self.0.name()).finish()
    }
}

impl api::Tracer for Tracer {
    type Span = Span;

    fn build_with_context(&self, builder: SpanBuilder, parent_cx: &Context) -> Span {
        if parent_cx.is_telemetry_suppressed() {
            return Span::suppressed();
        }
        let parent = Reference::of(parent_cx);
        let attributes = builder.attributes.unwrap_or_default();
        let arrays = TextArrays::of(&attributes);
        let handle = start::start(
            self.0.tracer(),
            &builder.name,
            builder.span_kind.map_or(SpanKind::Internal, kind),
            parent.as_reference(),
            &values::attributes(&attributes, &arrays),
            builder.start_time.map(values::nanos),
            false,
        );
        if handle.is_recorded() {
            add_links(handle, &builder.links.unwrap_or_default());
            for event in builder.events.unwrap_or_default() {
                add_event(handle, &event);
            }
        }
        Span {
            handle: Some(handle),
            open: true,
            context: OnceLock::new(),
        }
    }
}

fn kind(kind: api::SpanKind) -> SpanKind {
    match kind {
        api::SpanKind::Client => SpanKind::Client,
        api::SpanKind::Server => SpanKind::Server,
        api::SpanKind::Producer => SpanKind::Producer,
        api::SpanKind::Consumer => SpanKind::Consumer,
        api::SpanKind::Internal => SpanKind::Internal,
    }
}

fn add_event(span: SpanHandle, event: &Event) {
    let time = Some(values::nanos(event.timestamp));
    send_event(span, &event.name, &event.attributes, time);
}

fn send_event(span: SpanHandle, name: &str, attributes: &[ApiKeyValue], time: Option<u64>) {
    let arrays = TextArrays::of(attributes);
    let attributes = values::attributes(attributes, &arrays);
    notice::take(tracer::event(span, name, &attributes, time));
}

/// Sends links in one call, except those to invalid contexts, which the host would drop.
fn add_links(span: SpanHandle, links: &[ApiLink]) {
    let targets: Vec<_> = links
        .iter()
        .map(|link| Reference::to(&link.span_context))
        .collect();
    let arrays: Vec<_> = links
        .iter()
        .map(|link| TextArrays::of(&link.attributes))
        .collect();
    let attributes: Vec<_> = links
        .iter()
        .zip(&arrays)
        .map(|(link, arrays)| values::attributes(&link.attributes, arrays))
        .collect();
    let links: Vec<_> = targets
        .iter()
        .zip(&attributes)
        .filter_map(|(target, attributes)| {
            Some(Link {
                target: target.as_link_target()?,
                attributes,
            })
        })
        .collect();
    if !links.is_empty() {
        update(span, SpanChanges::new().with_links(&links));
    }
}

fn update(span: SpanHandle, changes: SpanChanges<'_>) {
    notice::take(tracer::update(span, changes));
}

/// A span. It ends when it is dropped, unless it has already ended.
///
/// If the host does not record it, changes make no call.
#[derive(Debug)]
#[must_use = "a span ends when it is dropped"]
pub struct Span {
    /// `None` if telemetry was suppressed at its start.
    handle: Option<SpanHandle>,
    /// Whether it has not ended.
    open: bool,
    context: OnceLock<ApiSpanContext>,
}

impl Span {
    const fn suppressed() -> Self {
        Self {
            handle: None,
            open: false,
            context: OnceLock::new(),
        }
    }

    /// Returns the handle if the span is recorded and has not ended.
    const fn recorded(&self) -> Option<SpanHandle> {
        match self.handle {
            Some(handle) if self.open && handle.is_recorded() => Some(handle),
            _ => None,
        }
    }

    fn event(&self, name: &str, attributes: &[ApiKeyValue], time: Option<SystemTime>) {
        if let Some(handle) = self.recorded() {
            send_event(handle, name, attributes, time.map(values::nanos));
        }
    }

    /// Ends the span. It runs no observable callbacks, because a `SpanRef` calls it while it holds
    /// a lock that a callback may need.
    fn finish(&mut self, time: Option<SystemTime>) {
        let recorded = self.recorded();
        if core::mem::take(&mut self.open)
            && let Some(context) = self.context.get()
        {
            known::remove(context);
        }
        if let Some(handle) = recorded {
            pending::end(handle, time.map(values::nanos));
        }
    }
}

impl api::Span for Span {
    /// Adds an event that happens now, by the host's clock.
    fn add_event<T: Into<Cow<'static, str>>>(&mut self, name: T, attributes: Vec<ApiKeyValue>) {
        self.event(&name.into(), &attributes, None);
    }

    fn add_event_with_timestamp<T: Into<Cow<'static, str>>>(
        &mut self,
        name: T,
        timestamp: SystemTime,
        attributes: Vec<ApiKeyValue>,
    ) {
        self.event(&name.into(), &attributes, Some(timestamp));
    }

    /// Returns the span's context. The first call asks the host.
    fn span_context(&self) -> &ApiSpanContext {
        self.context.get_or_init(|| {
            let context = self.handle.and_then(|handle| {
                let context = values::to_api(&tracer::context_of(handle)?, false);
                if self.open {
                    known::insert(&context, handle);
                }
                Some(context)
            });
            context.unwrap_or(ApiSpanContext::NONE)
        })
    }

    fn is_recording(&self) -> bool {
        self.recorded().is_some()
    }

    fn set_attribute(&mut self, attribute: ApiKeyValue) {
        if let Some(handle) = self.recorded() {
            let attribute = [attribute];
            let arrays = TextArrays::of(&attribute);
            for attribute in values::attributes(&attribute, &arrays) {
                pending::set_attribute(handle, &attribute);
            }
        }
    }

    fn set_status(&mut self, status: ApiStatus) {
        if let Some(handle) = self.recorded() {
            match &status {
                ApiStatus::Unset => {}
                ApiStatus::Ok => pending::set_status(handle, Status::Ok),
                ApiStatus::Error { description } => {
                    pending::set_status(handle, Status::Error(description));
                }
            }
        }
    }

    fn update_name<T: Into<Cow<'static, str>>>(&mut self, new_name: T) {
        if let Some(handle) = self.recorded() {
            let name = new_name.into();
            update(handle, SpanChanges::new().with_name(&name));
        }
    }

    fn add_link(&mut self, span_context: ApiSpanContext, attributes: Vec<ApiKeyValue>) {
        if let Some(handle) = self.recorded() {
            add_links(handle, &[ApiLink::new(span_context, attributes, 0)]);
        }
    }

    /// Ends the span now, by the host's clock.
    fn end(&mut self) {
        self.finish(None);
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        self.finish(Some(timestamp));
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        self.finish(None);
        notice::safe_point();
    }
}
