//! Tests the rules for spans, contexts and baggage by exported spans and counts.

mod context;
mod ender;
mod every_limit;
mod hostile;
mod invocation;
mod limits;
mod panics;
mod sampling;
mod spans;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{SpanContext, SpanId, SpanKind};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::trace::{
    InMemorySpanExporter, Sampler, SdkTracerProvider, SpanData, SpanLimits,
};

use super::Instance;
use crate::dropped::{DroppedCount, Reason, Signal};
use crate::invocation::{Invocation, InvocationOptions};
use crate::limits::Limits;
use crate::model::{
    RemoteContext, SpanChanges, SpanEvent, SpanHandle, SpanReference, SpanStart, TracerHandle,
};
use crate::sampler::EarlySampler;
use crate::telemetry::{Providers, Runtime, Telemetry};

/// The caller of the sampler.
#[derive(Debug, Clone, Copy)]
enum SamplerCall {
    BySdk,
    /// The core, before a span is made.
    Early,
}

/// Telemetry with readable spans.
struct Bench {
    telemetry: Telemetry,
    exporter: InMemorySpanExporter,
    provider: SdkTracerProvider,
}

impl Bench {
    fn new() -> Self {
        Self::with(Sampler::AlwaysOn, Limits::default())
    }

    fn with(sampler: Sampler, limits: Limits) -> Self {
        Self::sampling(sampler, limits, SamplerCall::BySdk)
    }

    fn sampling(sampler: Sampler, limits: Limits, call: SamplerCall) -> Self {
        let early = EarlySampler::new(sampler.clone());
        let exporter = InMemorySpanExporter::default();
        let sdk_limits = SpanLimits {
            max_events_per_span: limits.span_events as u32,
            max_attributes_per_span: limits.span_attributes as u32,
            max_links_per_span: limits.span_links as u32,
            max_attributes_per_event: limits.event_attributes as u32,
            max_attributes_per_link: limits.link_attributes as u32,
        };
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(exporter.clone())
            .with_span_limits(sdk_limits);
        let provider = match call {
            SamplerCall::Early => early.install(provider),
            SamplerCall::BySdk => provider.with_sampler(sampler),
        };
        let provider = provider.build();
        let providers = Providers {
            tracer: Some(provider.clone()),
            ..Providers::default()
        };
        let telemetry = Telemetry::builder(providers)
            .limits(limits)
            .span_limits(sdk_limits)
            .runtime(Runtime {
                name: "engine",
                version: "1.2.3",
            });
        let telemetry = match call {
            SamplerCall::Early => telemetry.sampler(early),
            SamplerCall::BySdk => telemetry,
        };
        let telemetry = telemetry.build();
        Self {
            telemetry,
            exporter,
            provider,
        }
    }

    fn limited(change: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits::default();
        change(&mut limits);
        Self::with(Sampler::AlwaysOn, limits)
    }

    fn instance(&self) -> Instance {
        self.telemetry.instance("checkout")
    }

    fn spans(&self) -> Vec<SpanData> {
        self.exporter.get_finished_spans().unwrap()
    }

    fn span(&self, name: &str) -> SpanData {
        let spans = self.spans();
        let mut named = spans.iter().filter(|span| span.name == name);
        let span = named
            .next()
            .unwrap_or_else(|| panic!("no span {name}"))
            .clone();
        assert!(named.next().is_none(), "several spans {name}");
        span
    }

    fn dropped(&self, reason: Reason) -> u64 {
        self.telemetry.dropped().get(Signal::Traces, reason)
    }

    fn all_dropped(&self) -> Vec<DroppedCount> {
        self.telemetry.dropped().snapshot()
    }
}

/// Shorthands for frequent calls.
impl Instance {
    fn begin(&mut self, name: &str, parent: SpanReference) -> SpanHandle {
        let tracer = self.tracer(scope("lib"));
        self.start_span(start(tracer, name, parent))
    }

    fn end(&mut self, span: SpanHandle) {
        self.end_span(span, SpanChanges::default(), None);
    }

    fn set(&mut self, span: SpanHandle, attributes: Vec<KeyValue>) {
        self.update_span(
            span,
            SpanChanges {
                attributes,
                ..SpanChanges::default()
            },
        );
    }
}

/// In nanoseconds.
const HOUR: u64 = 3_600_000_000_000;

fn from_now(nanoseconds: u64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_nanos() as u64 + nanoseconds
}

fn scope(name: &'static str) -> InstrumentationScope {
    InstrumentationScope::builder(name).build()
}

fn start(tracer: TracerHandle, name: &str, parent: SpanReference) -> SpanStart {
    SpanStart {
        tracer,
        name: name.to_owned().into(),
        kind: SpanKind::Internal,
        parent,
        attributes: Vec::new(),
        start_time: None,
        activate: false,
    }
}

fn event(name: &str, attributes: Vec<KeyValue>) -> SpanEvent {
    SpanEvent {
        name: name.to_owned().into(),
        attributes,
        time: None,
    }
}

fn remote(flags: u8) -> RemoteContext {
    RemoteContext {
        trace_id: (1, 2),
        span_id: 3,
        trace_flags: flags,
        trace_state: "a=1".to_owned(),
    }
}

fn numbered(prefix: &str, count: usize) -> Vec<KeyValue> {
    (0..count)
        .map(|n| KeyValue::new(format!("{prefix}{n}"), n as i64))
        .collect()
}

fn value(span: &SpanData, key: &str) -> Option<Value> {
    let mut values = span
        .attributes
        .iter()
        .filter(|attribute| attribute.key.as_str() == key);
    let value = values.next().map(|attribute| attribute.value.clone());
    assert!(values.next().is_none(), "{key} twice");
    value
}

fn text(value: &str) -> Option<Value> {
    Some(Value::from(value.to_owned()))
}

/// The results of [`SpanHandle::is_recorded`].
const RECORDED: bool = true;
const UNRECORDED: bool = false;
