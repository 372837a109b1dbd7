//! Asking a sampler before there is a span.

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

/// A sampler that is asked before the SDK is, so that a span which is not recorded costs a decision
/// and no span of the SDK's.
///
/// It decides as the sampler within it does: for a guest's span, and for the host's around it, this
/// crate asks it once and tells the SDK what came of that. Whoever else uses the provider has the
/// SDK ask it as usual.
///
/// The provider has to be built with it, and the [`Telemetry`](crate::Telemetry) be told of it.
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
    /// Makes one that decides as `sampler` does, with ids of the SDK's [`RandomIdGenerator`].
    #[must_use]
    pub fn new(sampler: impl ShouldSample + 'static) -> Self {
        Self {
            sampler: Arc::new(sampler),
            ids: Arc::new(RandomIdGenerator::default()),
            sees_attributes: false,
        }
    }

    /// Shows the sampler the attributes that a span starts with. Default: no. The samplers of
    /// `OTEL_TRACES_SAMPLER` use no attributes, and unused attributes need not leave the guest.
    ///
    /// Without this the sampler sees no attributes: the core keeps them until the span's end,
    /// because the SDK cannot replace the value of an attribute.
    #[must_use]
    pub fn sees_attributes(mut self, sees: bool) -> Self {
        self.sees_attributes = sees;
        self
    }

    /// Replaces what generates ids: call this instead of the provider builder's own
    /// `with_id_generator`. A generator must start no span itself.
    #[must_use]
    pub fn id_generator(mut self, ids: impl IdGenerator + 'static) -> Self {
        self.ids = Arc::new(ids);
        self
    }

    /// Sets the sampler and the generator of ids of a provider.
    #[must_use]
    pub fn install(&self, provider: TracerProviderBuilder) -> TracerProviderBuilder {
        provider
            .with_sampler(self.clone())
            .with_id_generator(Ids(Arc::clone(&self.ids)))
    }

    /// Returns whether attributes can change what is decided.
    pub(crate) const fn looks_at_attributes(&self) -> bool {
        self.sees_attributes
    }

    /// Decides about a span without links that is to be started next: the context of one that is
    /// not recorded, or else what tells the SDK so.
    pub(crate) fn decide(
        &self,
        name: &str,
        kind: &SpanKind,
        parent: &Context,
        attributes: &[KeyValue],
    ) -> Result<Decided, SpanContext> {
        let above = parent.span();
        let above = above.span_context();
        let trace_id = if above.is_valid() {
            above.trace_id()
        } else {
            self.ids.new_trace_id()
        };
        let shown = if self.sees_attributes {
            attributes
        } else {
            &[]
        };
        let sampler = &self.sampler;
        let result = sampler.should_sample(Some(parent), trace_id, name, kind, shown, &[]);
        if result.decision == SamplingDecision::Drop {
            return Err(SpanContext::new(
                trace_id,
                self.ids.new_span_id(),
                TraceFlags::NOT_SAMPLED,
                false,
                result.trace_state,
            ));
        }
        Ok(Decided::tell(trace_id, result))
    }
}

thread_local! {
    static DECISION: Cell<Option<Decision>> = const { Cell::new(None) };
    /// The rest of it, which there seldom is.
    static REST: Cell<Option<SamplingResult>> = const { Cell::new(None) };
}

/// What has been decided about the next span of a thread.
#[derive(Clone, Copy)]
struct Decision {
    trace_id: TraceId,
    is_sampled: bool,
    has_rest: bool,
}

/// As long as it lives, the SDK is told what has been decided, for the next span of this thread.
pub(crate) struct Decided {
    has_rest: bool,
}

impl Decided {
    fn tell(trace_id: TraceId, result: SamplingResult) -> Self {
        let has_rest = !result.attributes.is_empty() || result.trace_state != TraceState::NONE;
        DECISION.set(Some(Decision {
            trace_id,
            is_sampled: result.decision == SamplingDecision::RecordAndSample,
            has_rest,
        }));
        if has_rest {
            REST.set(Some(result));
        }
        Self { has_rest }
    }
}

impl Drop for Decided {
    #[inline]
    fn drop(&mut self) {
        // A provider that was shut down, or that has another sampler, has not asked.
        DECISION.set(None);
        if self.has_rest {
            REST.set(None);
        }
    }
}

impl Decision {
    fn result(self) -> Option<SamplingResult> {
        if self.has_rest {
            return REST.take();
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
        let decided = DECISION.take().and_then(Decision::result);
        decided.unwrap_or_else(|| {
            self.sampler
                .should_sample(parent_context, trace_id, name, span_kind, attributes, links)
        })
    }
}

/// Returns the SDK the trace id that was decided about.
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
