//! Start attributes for samplers that look at them.

use std::sync::Arc;

use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingResult, ShouldSample};

/// A span's start attributes, on their way to [`SeesStartAttributes`].
#[derive(Debug)]
pub(crate) struct StartAttributes(pub(crate) Arc<[KeyValue]>);

/// A sampler that shows another one the attributes which a guest's span, or the host's around it, starts with.
///
/// The core keeps a span's attributes until its end, since the SDK could not replace a value once it has it. A sampler would
/// therefore see none. Those that the `OTEL_TRACES_SAMPLER` variable knows need none; for another,
/// wrap it, and tell [`crate::TelemetryBuilder::sampler_sees_attributes`].
#[derive(Debug, Clone)]
pub struct SeesStartAttributes<S>(pub S);

impl<S: ShouldSample + Clone + 'static> ShouldSample for SeesStartAttributes<S> {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        span_kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let kept_back = parent_context.and_then(Context::get::<StartAttributes>);
        let attributes = kept_back.map_or(attributes, |kept_back| &kept_back.0);
        self.0
            .should_sample(parent_context, trace_id, name, span_kind, attributes, links)
    }
}
