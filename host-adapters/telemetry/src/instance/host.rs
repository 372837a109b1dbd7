//! The host's own span around an invocation.

use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanKind, Status, TraceContextExt, Tracer as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::Span;

use super::activity::Activity;
use super::ambient::{Entered, EnteredBaggage};
use super::open_span::{hand_over, put_first};
use crate::attributes::Rules;
use crate::dropped::{Reason, Signal};
use crate::emitted::{attribute, event};
use crate::invocation::{InvocationOptions, Outcome};
use crate::refusals::Refused;
use crate::remote;
use crate::telemetry::Shared;

/// An invocation that has begun.
#[derive(Debug)]
pub(super) struct ActiveInvocation {
    /// `None` if it is not recorded.
    pub(super) span: Option<HostSpan>,
}

/// A host span that is recorded. As with a guest's, its attributes are kept here until the end.
#[derive(Debug)]
pub(super) struct HostSpan {
    span: Span,
    attributes: Vec<KeyValue>,
    /// How many attributes were left out because there were too many.
    attributes_over: u32,
}

impl Activity {
    /// Begins an invocation, and gives its depth: 1 for the outermost.
    pub(super) fn begin_invocation(&mut self, options: InvocationOptions) -> u32 {
        let shared = Arc::clone(&self.telemetry.0);
        let rules = shared.span_rules();
        let remote_parent = options.traceparent.as_deref().and_then(|traceparent| {
            remote::headers(
                traceparent,
                options.tracestate.as_deref().unwrap_or_default(),
                rules,
            )
        });
        let parent = match remote_parent {
            Some(parent) => Some(Context::new().with_remote_span_context(parent)),
            // What a guest left entered earlier is no parent; the invocation that this one is part
            // of is.
            None if self.invocations.is_empty() => None,
            None => self.ambient_context(),
        };
        let baggage = match options.baggage.as_deref() {
            Some(header) => remote::baggage_header(header, rules),
            None if self.invocations.is_empty() => Vec::new(),
            None => self.baggage(),
        };

        let mut attributes = vec![KeyValue::new(
            attribute::COMPONENT_NAME.key,
            self.component.clone(),
        )];
        if let Some(runtime) = &shared.runtime {
            attributes.push(KeyValue::new(attribute::RUNTIME_NAME.key, runtime.name));
            attributes.push(KeyValue::new(
                attribute::RUNTIME_VERSION.key,
                runtime.version,
            ));
        }
        let limit = shared.host_attributes;
        let attributes_over = add(&mut attributes, options.attributes, limit, rules);

        let mut span = None;
        let mut context = parent;
        if self.ended && shared.host_tracer.is_some() {
            shared.dropped.add(Signal::Traces, Reason::Shutdown, 1);
        } else if let Some(tracer) = &shared.host_tracer {
            let name = options
                .name
                .unwrap_or_else(|| format!("run {}", self.component));
            let kind = options.kind.unwrap_or(SpanKind::Internal);
            let above = context.clone().unwrap_or_default();
            let own = match shared.decide(&name, &kind, &above, &attributes) {
                Ok(_decided) => {
                    let builder = SpanBuilder::from_name(name).with_kind(kind);
                    let started = tracer.build_with_context(builder, &above);
                    let own = started.span_context().clone();
                    span = started.is_recording().then_some(HostSpan {
                        span: started,
                        attributes,
                        attributes_over,
                    });
                    own
                }
                Err(own) => own,
            };
            if own.is_valid() {
                context = Some(Context::new().with_remote_span_context(own));
            }
        }
        self.invocations.push(ActiveInvocation { span });
        self.entered.push(Entered::Host(context));
        self.baggage.push(EnteredBaggage {
            scope: None,
            entries: baggage,
        });
        self.invocations.len() as u32
    }
}

impl HostSpan {
    /// Ends it, and hands it to the SDK's processors.
    pub(super) fn end(
        self,
        shared: &Shared,
        outcome: &Outcome,
        error: Option<(&str, &str)>,
        refused: Option<Refused>,
        time: SystemTime,
    ) {
        let Self {
            mut span,
            mut attributes,
            attributes_over,
        } = self;
        let rules = shared.span_rules();
        // In the order in which they find a place.
        let mut own = vec![KeyValue::new(attribute::OUTCOME.key, outcome.as_str())];
        if let Some((error_type, description)) = error {
            own.push(KeyValue::new(
                attribute::ERROR_TYPE.key,
                error_type.to_owned(),
            ));
            span.set_status(Status::error(rules.own_text(description)));
        }
        if let Outcome::Exit { code } = outcome {
            own.push(KeyValue::new(attribute::EXIT_CODE.key, i64::from(*code)));
        }
        if let Some(refused) = refused {
            let attributes = refused.attributes();
            span.add_event_with_timestamp(event::MEMORY_REFUSED, refused.at, attributes);
        }
        let over = put_first(&mut attributes, own, shared.host_attributes, rules);
        let over = attributes_over.saturating_add(over);
        hand_over(&mut span, &mut attributes, over, shared.sdk_counts);
        span.end_with_timestamp(time);
    }
}

/// Adds the embedder's attributes, the last value of a key, up to `limit`: that is what the SDK can
/// hold, for the limits on guests' spans do not apply. Returns how many were left out, which have
/// been counted.
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
