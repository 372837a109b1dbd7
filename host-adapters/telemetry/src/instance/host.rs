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
use super::open_span::{set_sdk_attributes, set_with_priority};
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

/// A recorded host span. As for guests' spans, its attributes are kept here until the end.
#[derive(Debug)]
pub(super) struct HostSpan {
    span: Span,
    attributes: Vec<KeyValue>,
    /// The number of attributes that were left out because there were too many.
    attributes_over: u32,
}

impl Activity {
    /// Begins an invocation. Returns its depth, which is 1 for the outermost.
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
            // Without an enclosing invocation there is no parent: a span that the guest left
            // entered after an earlier call is not one.
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
            let parent_context = context.clone().unwrap_or_default();
            let span_context = match shared.decide(&name, &kind, &parent_context, &attributes) {
                Ok(_decided) => {
                    let builder = SpanBuilder::from_name(name).with_kind(kind);
                    let started = tracer.build_with_context(builder, &parent_context);
                    let span_context = started.span_context().clone();
                    span = started.is_recording().then_some(HostSpan {
                        span: started,
                        attributes,
                        attributes_over,
                    });
                    span_context
                }
                Err(span_context) => span_context,
            };
            if span_context.is_valid() {
                context = Some(Context::new().with_remote_span_context(span_context));
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
    /// Ends the span, and passes it to the SDK's processors.
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
        // In the order of their priority.
        let mut host_attributes = vec![KeyValue::new(attribute::OUTCOME.key, outcome.as_str())];
        if let Some((error_type, description)) = error {
            host_attributes.push(KeyValue::new(
                attribute::ERROR_TYPE.key,
                error_type.to_owned(),
            ));
            span.set_status(Status::error(rules.own_text(description)));
        }
        if let Outcome::Exit { code } = outcome {
            host_attributes.push(KeyValue::new(attribute::EXIT_CODE.key, i64::from(*code)));
        }
        if let Some(refused) = refused {
            let attributes = refused.attributes();
            span.add_event_with_timestamp(event::MEMORY_REFUSED, refused.at, attributes);
        }
        let over = set_with_priority(
            &mut attributes,
            host_attributes,
            shared.host_attributes,
            rules,
        );
        let over = attributes_over.saturating_add(over);
        set_sdk_attributes(&mut span, &mut attributes, over, shared.sdk_counts);
        span.end_with_timestamp(time);
    }
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
