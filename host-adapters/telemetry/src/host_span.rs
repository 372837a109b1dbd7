//! Spans of the host: around calls into a component, and around requests that a guest sends.

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::trace::{
    Link, SpanBuilder, SpanContext, SpanId, SpanKind, TraceContextExt, Tracer as _,
};
use opentelemetry::{Context, KeyValue};

use crate::attributes::Rules;
use crate::dropped::{Reason, Signal};
use crate::emitted::{OWN_PREFIX, attribute, event};
use crate::http::Route;
use crate::instance::open_span::{OpenSpan, set_with_priority};
use crate::invocation::{InvocationOptions, Outcome, TrustIncoming};
use crate::model::BaggageEntry;
use crate::refusals::Refused;
use crate::remote;
use crate::telemetry::Telemetry;

/// A span of the host that has not ended. It ends when it is dropped.
///
/// Around a call into a component, an [`Invocation`](crate::Invocation) usually owns it. A server
/// starts it itself ([`Telemetry::start_call`]) when a request arrives, lends it to the invocation
/// ([`Invocation::begin_in`](crate::Invocation::begin_in)), and ends it after the response.
///
/// Without a tracer provider, or if the sampler decides so, it is not recorded. It passes its
/// context on nevertheless.
#[derive(Debug)]
#[must_use = "dropped at once, it ends"]
pub struct HostSpan {
    telemetry: Telemetry,
    recorded: Option<Box<Recorded>>,
    /// The context for its children: its own, or else that of its parent.
    context: Option<Context>,
    /// The span of the caller, if it is the parent.
    remote_parent: Option<SpanId>,
    baggage: Vec<BaggageEntry>,
    /// The route of the request that it is for. Known even if the span is not recorded.
    pub(crate) route: Route,
}

/// The recorded data. As for guests' spans, attributes are kept here until the end.
#[derive(Debug)]
struct Recorded {
    /// The SDK's span, with all that the guest has set on it.
    open: OpenSpan,
    /// The attributes of the host.
    attributes: Vec<KeyValue>,
    /// The number of the host's attributes that were left out because there were too many.
    attributes_over: u32,
}

/// The surroundings in which a host span starts.
pub(crate) struct StartIn<'a> {
    pub(crate) component: &'a str,
    /// The parent, unless the options name one.
    pub(crate) parent: Option<Context>,
    /// The baggage, unless the options name some.
    pub(crate) baggage: Vec<BaggageEntry>,
    /// False if the instance was ended. The span is counted then.
    pub(crate) is_open: bool,
}

impl Telemetry {
    /// Starts the span of a call into a component, before an instance exists.
    ///
    /// `component` is the component's name, as for [`instance`](Self::instance).
    pub fn start_call(&self, component: &str, options: InvocationOptions) -> HostSpan {
        let start = StartIn {
            component,
            parent: None,
            baggage: Vec::new(),
            is_open: true,
        };
        HostSpan::start(self, options, start)
    }
}

impl HostSpan {
    /// Starts a span. It continues the context of the options if that is valid and trusted.
    pub(crate) fn start(
        telemetry: &Telemetry,
        options: InvocationOptions,
        at: StartIn<'_>,
    ) -> Self {
        let shared = &telemetry.0;
        let rules = shared.span_rules();
        let remote = options.traceparent.as_deref().and_then(|traceparent| {
            let state = options.tracestate.as_deref().unwrap_or_default();
            remote::headers(traceparent, state, rules)
        });
        let (remote, link) = match (options.trust, remote) {
            (TrustIncoming::Always, remote) => (remote, None),
            (TrustIncoming::Sampled, Some(remote)) if remote.is_sampled() => (Some(remote), None),
            (TrustIncoming::Sampled | TrustIncoming::Never, remote) => (None, remote),
        };
        let remote_parent = remote.as_ref().map(SpanContext::span_id);
        let parent = match remote {
            Some(remote) => Some(Context::new().with_remote_span_context(remote)),
            None => at.parent,
        };
        let baggage = match options.baggage.as_deref() {
            Some(_) if options.trust == TrustIncoming::Never => Vec::new(),
            Some(header) => remote::baggage_header(header, rules),
            None => at.baggage,
        };
        let mut span = Self {
            telemetry: telemetry.clone(),
            recorded: None,
            context: parent,
            remote_parent,
            baggage,
            route: Route::default(),
        };
        let mut attributes = Self::own_attributes(telemetry, at.component);
        let limit = shared.host_attributes;
        let attributes_over = add(&mut attributes, options.attributes, limit, rules);
        if !at.is_open {
            if shared.host_tracer.is_some() {
                shared.dropped.add(Signal::Traces, Reason::Shutdown, 1);
            }
            return span;
        }
        let Some(tracer) = &shared.host_tracer else {
            return span;
        };
        let name = options
            .name
            .unwrap_or_else(|| format!("run {}", at.component));
        let kind = options.kind.unwrap_or(SpanKind::Internal);
        let parent = span.context.clone().unwrap_or_default();
        let context = match shared.decide(&name, &kind, &parent, &attributes) {
            Ok(_decided) => {
                let mut builder = SpanBuilder::from_name(name).with_kind(kind);
                builder.links = link.map(|link| vec![Link::with_context(link)]);
                let mut open = OpenSpan::empty();
                match open.store(|| tracer.build_with_context(builder, &parent)) {
                    Ok(context) => {
                        span.recorded = Some(Box::new(Recorded {
                            open,
                            attributes,
                            attributes_over,
                        }));
                        context
                    }
                    Err(unrecorded) => unrecorded,
                }
            }
            Err(unrecorded) => unrecorded,
        };
        if context.is_valid() {
            span.context = Some(Context::new().with_remote_span_context(context));
        }
        span
    }

    fn own_attributes(telemetry: &Telemetry, component: &str) -> Vec<KeyValue> {
        let name = KeyValue::new(attribute::COMPONENT_NAME.key, component.to_owned());
        let mut attributes = vec![name];
        if let Some(runtime) = &telemetry.0.runtime {
            attributes.push(KeyValue::new(attribute::RUNTIME_NAME.key, runtime.name));
            attributes.push(KeyValue::new(
                attribute::RUNTIME_VERSION.key,
                runtime.version,
            ));
        }
        attributes
    }

    /// Returns its context for children. Without a recorded span, this is the context of an
    /// unrecorded one, or that of its parent. `None` if there is none.
    #[must_use]
    pub fn context(&self) -> Option<SpanContext> {
        let context = self.context.as_ref()?.span().span_context().clone();
        context.is_valid().then_some(context)
    }

    /// Returns its context for children as a `traceparent` header.
    pub(crate) fn traceparent(&self) -> Option<String> {
        Some(remote::traceparent_of(&self.context()?))
    }

    /// Returns the headers that propagate its context to another service, with their values. They
    /// replace those of the same names.
    #[must_use]
    pub fn headers(&self, propagation: Propagation) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        if propagation.trace_context
            && let Some(context) = self.context()
        {
            headers.push(("traceparent", remote::traceparent_of(&context)));
            let state = context.trace_state().header();
            if !state.is_empty() {
                headers.push(("tracestate", state));
            }
        }
        if propagation.baggage && !self.baggage.is_empty() {
            headers.push(("baggage", remote::baggage_header_of(&self.baggage)));
        }
        headers
    }

    /// Sets an attribute. Replaces an earlier value of the same key. The limits on guests' spans do
    /// not apply.
    pub fn set_attribute(&mut self, attribute: KeyValue) {
        let shared = &self.telemetry.0;
        if let Some(recorded) = &mut self.recorded {
            let limit = shared.host_attributes;
            let rules = shared.span_rules();
            let over = add(&mut recorded.attributes, vec![attribute], limit, rules);
            recorded.attributes_over = recorded.attributes_over.saturating_add(over);
        }
    }

    /// Returns the recorded span, with what the guest has set on it.
    pub(crate) fn open_mut(&mut self) -> Option<&mut OpenSpan> {
        Some(&mut self.recorded.as_mut()?.open)
    }

    /// Returns whether anything is kept that the guest sets on it.
    pub(crate) fn keeps_changes(&self) -> bool {
        let has_metrics = self.telemetry.0.http_metrics.is_some();
        self.recorded.is_some() || (self.route.is_wanted() && has_metrics)
    }

    /// Changes the name.
    fn set_name(&mut self, name: String) {
        let rules = self.telemetry.0.span_rules();
        if let Some(recorded) = &mut self.recorded {
            recorded.open.set_name(name, rules);
        }
    }

    /// Sets `error.type`, and the status to an error. The description of an earlier error stays.
    pub(crate) fn set_error(&mut self, error_type: Cow<'static, str>) {
        if let Some(recorded) = &mut self.recorded {
            recorded.open.fail(String::new());
        }
        self.set_attribute(KeyValue::new(attribute::ERROR_TYPE.key, error_type));
    }

    /// Ends the span now, and passes it to the SDK's processors.
    pub fn end(self) {
        self.end_at(SystemTime::now());
    }

    pub(crate) fn end_at(mut self, time: SystemTime) {
        self.end_recorded(time);
    }

    fn end_recorded(&mut self, time: SystemTime) {
        self.apply_route();
        let Some(recorded) = self.recorded.take() else {
            return;
        };
        let Recorded {
            mut open,
            mut attributes,
            mut attributes_over,
        } = *recorded;
        let shared = &self.telemetry.0;
        let rules = shared.span_rules();
        let mut of_guest = open.take_attributes();
        // The host's attributes are facts, which operators rely on.
        of_guest.retain(|given| {
            let is_free = !given.key.as_str().starts_with(OWN_PREFIX)
                && attributes.iter().all(|own| own.key != given.key);
            if !is_free {
                rules.count_named(Reason::HostAttribute, given.key.as_str());
            }
            is_free
        });
        let over = add(&mut attributes, of_guest, shared.host_attributes, rules);
        attributes_over = attributes_over.saturating_add(over);
        open.replace_attributes(attributes, attributes_over);
        open.finish(time, shared.host_sdk_counts);
    }

    /// Sets the route of a request, and renames the span after it.
    fn apply_route(&mut self) {
        let Some(route) = self.route.get().map(str::to_owned) else {
            return;
        };
        if let Some(name) = self.route.span_name() {
            self.set_name(name);
        }
        self.set_attribute(KeyValue::new(attribute::HTTP_ROUTE.key, route));
    }

    pub(crate) fn remote_parent(&self) -> Option<SpanId> {
        self.remote_parent
    }

    /// Returns its `error.type`, if it has failed.
    pub(crate) fn error_type(&self) -> Option<String> {
        let mut attributes = self.recorded.as_ref()?.attributes.iter();
        let found = attributes.find(|known| known.key.as_str() == attribute::ERROR_TYPE.key)?;
        Some(found.value.to_string())
    }

    pub(crate) fn parent_context(&self) -> Option<Context> {
        self.context.clone()
    }

    pub(crate) fn baggage(&self) -> &[BaggageEntry] {
        &self.baggage
    }

    /// Records how its call ended. These attributes have priority over others.
    pub(crate) fn set_outcome(
        &mut self,
        outcome: &Outcome,
        error: Option<(&str, &str)>,
        refused: Option<Refused>,
    ) {
        let shared = &self.telemetry.0;
        let rules = shared.span_rules();
        let Some(recorded) = &mut self.recorded else {
            return;
        };
        // In the order of their priority.
        let mut attributes = vec![KeyValue::new(attribute::OUTCOME.key, outcome.as_str())];
        if let Some((error_type, description)) = error {
            attributes.push(KeyValue::new(
                attribute::ERROR_TYPE.key,
                error_type.to_owned(),
            ));
            recorded.open.fail(rules.own_text(description));
        }
        if let Outcome::Exit { code } = outcome {
            attributes.push(KeyValue::new(attribute::EXIT_CODE.key, i64::from(*code)));
        }
        if let Some(refused) = refused {
            let attributes = refused.attributes();
            let open = &mut recorded.open;
            open.add_host_event(event::MEMORY_REFUSED, refused.at, attributes);
        }
        let limit = shared.host_attributes;
        let over = set_with_priority(&mut recorded.attributes, attributes, limit, rules);
        recorded.attributes_over = recorded.attributes_over.saturating_add(over);
    }
}

impl Drop for HostSpan {
    fn drop(&mut self) {
        self.end_recorded(SystemTime::now());
    }
}

/// The contexts that are propagated to other services, as `OTEL_PROPAGATORS` selects them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Propagation {
    /// `traceparent` and `tracestate`: W3C Trace Context.
    pub trace_context: bool,
    /// `baggage`: W3C Baggage.
    pub baggage: bool,
}

/// Adds the embedder's attributes up to `limit`, with the last value of each key. The limits on
/// guests' spans do not apply, so `limit` is that of the SDK. Counts the attributes that were left
/// out, and returns their number.
fn add(
    attributes: &mut Vec<KeyValue>,
    given: Vec<KeyValue>,
    limit: usize,
    rules: Rules<'_>,
) -> u32 {
    for attribute in given {
        match attributes
            .iter_mut()
            .find(|known| known.key == attribute.key)
        {
            Some(known) => known.value = attribute.value,
            None => attributes.push(attribute),
        }
    }
    let mut left_out = 0u32;
    for over in attributes.drain(attributes.len().min(limit)..) {
        rules.count_named(Reason::SpanAttributes, over.key.as_str());
        left_out = left_out.saturating_add(1);
    }
    left_out
}
