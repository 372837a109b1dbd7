//! Calls the sampler before a span is made.

use std::cell::Cell;
use std::sync::Arc;

use opentelemetry::trace::{
    Link, SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{
    IdGenerator, RandomIdGenerator, SamplingDecision, SamplingResult, ShouldSample,
    TracerProviderBuilder,
};

/// A sampler that decides before the SDK makes a span. So an unrecorded span costs only a decision,
/// not a span of the SDK.
///
/// The inner sampler decides. For spans of guests and for host spans, this crate calls it once and
/// passes the decision to the SDK. For other spans of the provider, the SDK calls it as usual.
///
/// Build the provider with it ([`install`](Self::install)), and pass it to
/// [`TelemetryBuilder::sampler`](crate::TelemetryBuilder::sampler).
///
/// # Examples
///
/// ```
/// use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
/// use wasmscope_telemetry::sampler::EarlySampler;
/// use wasmscope_telemetry::{Providers, Telemetry};
///
/// let sampler = EarlySampler::new(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(0.1))));
/// let provider = sampler.install(SdkTracerProvider::builder()).build();
/// let providers = Providers { tracer: Some(provider), ..Providers::default() };
/// let telemetry = Telemetry::builder(providers).sampler(sampler).build();
/// ```
#[derive(Debug, Clone)]
pub struct EarlySampler {
    sampler: Arc<dyn ShouldSample>,
    ids: Arc<dyn IdGenerator>,
    sees_attributes: bool,
}

impl EarlySampler {
    /// Wraps `sampler`. Ids come from the SDK's [`RandomIdGenerator`].
    #[must_use]
    pub fn new(sampler: impl ShouldSample + 'static) -> Self {
        Self {
            sampler: Arc::new(sampler),
            ids: Arc::new(RandomIdGenerator::default()),
            sees_attributes: false,
        }
    }

    /// Sets whether the sampler gets the attributes that a span starts with. Default: no. The
    /// samplers of `OTEL_TRACES_SAMPLER` use no attributes, so guests need not pass those of an
    /// unrecorded span.
    ///
    /// Without an early sampler, a sampler gets no attributes at all: the core keeps them until the
    /// span's end, because the SDK cannot replace the value of an attribute.
    #[must_use]
    pub fn sees_attributes(mut self, sees: bool) -> Self {
        self.sees_attributes = sees;
        self
    }

    /// Sets the id generator. Call this instead of the provider builder's `with_id_generator`. The
    /// generator must not start spans.
    #[must_use]
    pub fn id_generator(mut self, ids: impl IdGenerator + 'static) -> Self {
        self.ids = Arc::new(ids);
        self
    }

    /// Sets the sampler and the id generator of a provider.
    #[must_use]
    pub fn install(&self, provider: TracerProviderBuilder) -> TracerProviderBuilder {
        provider
            .with_sampler(self.clone())
            .with_id_generator(Ids(Arc::clone(&self.ids)))
    }

    /// Returns whether the decision can depend on attributes.
    pub(crate) const fn uses_attributes(&self) -> bool {
        self.sees_attributes
    }

    /// Asks the sampler about the next span, which has no links. Returns a guard that passes the
    /// decision to the SDK, or as the error the context of an unrecorded span.
    pub(crate) fn decide(
        &self,
        name: &str,
        kind: &SpanKind,
        parent: &Context,
        attributes: &[KeyValue],
    ) -> Result<PendingDecision, SpanContext> {
        let parent_span = parent.span();
        let parent_span = parent_span.span_context();
        let trace_id = if parent_span.is_valid() {
            parent_span.trace_id()
        } else {
            self.ids.new_trace_id()
        };
        let visible_attributes = if self.sees_attributes {
            attributes
        } else {
            &[]
        };
        let result =
            self.sampler
                .should_sample(Some(parent), trace_id, name, kind, visible_attributes, &[]);
        if result.decision == SamplingDecision::Drop {
            return Err(SpanContext::new(
                trace_id,
                self.ids.new_span_id(),
                TraceFlags::NOT_SAMPLED,
                false,
                result.trace_state,
            ));
        }
        Ok(PendingDecision::set(trace_id, result))
    }
}

thread_local! {
    static DECISION: Cell<Option<Decision>> = const { Cell::new(None) };
    /// The full result, if it has attributes or a trace state. Most results have neither.
    static FULL_RESULT: Cell<Option<SamplingResult>> = const { Cell::new(None) };
}

/// The decision about the next span of a thread.
#[derive(Clone, Copy)]
struct Decision {
    trace_id: TraceId,
    is_sampled: bool,
    has_full_result: bool,
}

/// A guard. While it exists, the SDK uses the decision for the thread's next span.
pub(crate) struct PendingDecision {
    has_full_result: bool,
}

impl PendingDecision {
    fn set(trace_id: TraceId, result: SamplingResult) -> Self {
        let has_full_result =
            !result.attributes.is_empty() || result.trace_state != TraceState::NONE;
        DECISION.set(Some(Decision {
            trace_id,
            is_sampled: result.decision == SamplingDecision::RecordAndSample,
            has_full_result,
        }));
        if has_full_result {
            FULL_RESULT.set(Some(result));
        }
        Self { has_full_result }
    }
}

impl Drop for PendingDecision {
    #[inline]
    fn drop(&mut self) {
        // The SDK has not used the decision if the provider was shut down or has another sampler.
        DECISION.set(None);
        if self.has_full_result {
            FULL_RESULT.set(None);
        }
    }
}

impl Decision {
    fn result(self) -> Option<SamplingResult> {
        if self.has_full_result {
            return FULL_RESULT.take();
        }
        Some(SamplingResult {
            decision: if self.is_sampled {
                SamplingDecision::RecordAndSample
            } else {
                SamplingDecision::RecordOnly
            },
            attributes: Vec::new(),
            trace_state: TraceState::NONE,
        })
    }
}

impl ShouldSample for EarlySampler {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        span_kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let decision = DECISION.take().and_then(Decision::result);
        decision.unwrap_or_else(|| {
            self.sampler
                .should_sample(parent_context, trace_id, name, span_kind, attributes, links)
        })
    }
}

/// An id generator that gives the SDK the trace id of the sampler's decision.
#[derive(Debug)]
struct Ids(Arc<dyn IdGenerator>);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        DECISION
            .get()
            .map_or_else(|| self.0.new_trace_id(), |decision| decision.trace_id)
    }

    fn new_span_id(&self) -> SpanId {
        self.0.new_span_id()
    }
}
