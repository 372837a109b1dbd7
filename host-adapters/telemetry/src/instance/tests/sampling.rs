//! Sampling, and the contexts of unrecorded spans.

use std::sync::atomic::{AtomicUsize, Ordering};

use opentelemetry::Context;
use opentelemetry::trace::{
    Link, Span as _, TraceContextExt as _, TraceId, TraceState, Tracer as _, TracerProvider as _,
};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use super::*;
use crate::invocation::Outcome;

fn allows_later_attributes(span: SpanHandle) -> bool {
    span.to_bits() & SpanHandle::ATTRIBUTES_LATER != 0
}

#[test]
fn the_handle_contains_the_samplers_decision() {
    for call in [SamplerCall::BySdk, SamplerCall::Early] {
        check_decisions(call);
    }
}

fn check_decisions(call: SamplerCall) {
    let parent_based = |root| Sampler::ParentBased(Box::new(root));
    for (sampler, parent, expected) in [
        (
            Sampler::AlwaysOn,
            SpanReference::Remote(remote(0)),
            RECORDED,
        ),
        (
            Sampler::AlwaysOff,
            SpanReference::Remote(remote(1)),
            UNRECORDED,
        ),
        (
            Sampler::TraceIdRatioBased(1.0),
            SpanReference::None,
            RECORDED,
        ),
        (
            Sampler::TraceIdRatioBased(0.0),
            SpanReference::None,
            UNRECORDED,
        ),
        (
            parent_based(Sampler::AlwaysOff),
            SpanReference::Remote(remote(1)),
            RECORDED,
        ),
        (
            parent_based(Sampler::AlwaysOn),
            SpanReference::Remote(remote(0)),
            UNRECORDED,
        ),
        (
            parent_based(Sampler::AlwaysOn),
            SpanReference::None,
            RECORDED,
        ),
    ] {
        let case = format!("{call:?} {sampler:?} {parent:?}");
        let bench = Bench::sampling(sampler, Limits::default(), call);
        let mut instance = bench.instance();
        let has_parent = matches!(parent, SpanReference::Remote(_));
        let span = instance.begin("s", parent);
        assert_eq!(span.is_recorded(), expected, "{case}");
        if expected == UNRECORDED {
            assert!(allows_later_attributes(span), "{case}");
        }
        let context = instance.span_context(span).unwrap();
        assert_eq!(context.is_sampled(), expected == RECORDED, "{case}");
        if has_parent {
            assert_eq!(
                context.trace_id().to_string(),
                "00000000000000010000000000000002",
                "{case}"
            );
            assert_ne!(context.span_id(), SpanId::from(3), "{case}");
        }
        // Ignored for an unrecorded span, but not counted as misuse.
        instance.span_event(span, event("e", Vec::new()));
        instance.end(span);
        assert_eq!(
            bench.spans().len(),
            usize::from(expected == RECORDED),
            "{case}"
        );
        assert_eq!(bench.all_dropped(), [], "{case}");
    }
}

#[test]
fn unrecorded_spans_of_a_trace_differ_and_share_one_entry() {
    let bench = Bench::with(Sampler::AlwaysOff, Limits::default());
    let mut instance = bench.instance();
    let root = instance.begin("root", SpanReference::None);
    let root_context = instance.span_context(root).unwrap();
    let mut ids = vec![root_context.span_id()];
    for _ in 0..1_000 {
        let child = instance.begin("child", SpanReference::Span(root));
        let context = instance.span_context(child).unwrap();
        assert_eq!(context.trace_id(), root_context.trace_id());
        assert_eq!(instance.span_context(child).unwrap(), context);
        ids.push(context.span_id());
    }
    ids.sort_unstable_by_key(|id| id.to_bytes());
    ids.dedup();
    assert_eq!(ids.len(), 1_001);
    assert_eq!(instance.activity.lock().unrecorded.len(), 1);
}

#[test]
fn the_handle_of_an_unrecorded_span_has_a_digest_of_the_notice() {
    let bench = Bench::with(Sampler::AlwaysOff, Limits::default());
    let mut instance = bench.instance();
    for level in ["error", "info", "error"] {
        bench.telemetry.set_log_levels(level.parse().unwrap());
        let span = instance.begin("s", SpanReference::None);
        let notice = instance.enter_span(span);
        assert_eq!(span.to_bits() >> 58 & 15, notice & 15);
        assert_eq!(span.to_bits() >> 54 & 15, notice >> 32 & 15);
        // The digest is not part of the span's identity.
        let context = instance.span_context(span);
        let other_notice = SpanHandle::from_bits(span.to_bits() ^ 0xff << 54);
        assert_eq!(instance.span_context(other_notice), context);
        assert!(context.is_some());
    }
}

#[test]
fn the_oldest_unrecorded_traces_are_forgotten() {
    let bench = Bench::with(Sampler::AlwaysOff, Limits::default());
    let mut instance = bench.instance();
    let first = instance.begin("s", SpanReference::None);
    instance.enter_span(first);
    let context = instance.span_context(first).unwrap();
    for _ in 0..255 {
        instance.begin("s", SpanReference::None);
    }
    assert_eq!(instance.span_context(first).as_ref(), Some(&context));
    instance.begin("s", SpanReference::None);
    assert_eq!(instance.span_context(first), None);
    assert_eq!(instance.activity.lock().unrecorded.len(), 256);
    // Entered spans are not forgotten.
    assert_eq!(instance.current_context(), Some(context));
}

#[test]
fn an_early_sampler_sees_the_start_attributes() {
    #[derive(Debug, Clone)]
    struct ByAttribute;
    impl ShouldSample for ByAttribute {
        fn should_sample(
            &self,
            _: Option<&Context>,
            _: TraceId,
            _: &str,
            _: &SpanKind,
            attributes: &[KeyValue],
            _: &[Link],
        ) -> SamplingResult {
            let wanted = attributes.contains(&KeyValue::new("wanted", true));
            let decision = if wanted {
                SamplingDecision::RecordAndSample
            } else {
                SamplingDecision::Drop
            };
            SamplingResult {
                decision,
                attributes: Vec::new(),
                trace_state: TraceState::NONE,
            }
        }
    }
    let exporter = InMemorySpanExporter::default();
    let sampler = EarlySampler::new(ByAttribute).sees_attributes(true);
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone());
    let provider = sampler.install(provider).build();
    let providers = Providers {
        tracer: Some(provider),
        ..Providers::default()
    };
    let telemetry = Telemetry::builder(providers).sampler(sampler).build();
    let mut instance = telemetry.instance("c");
    let tracer = instance.tracer(scope("lib"));
    for (wanted, expected) in [(true, RECORDED), (false, UNRECORDED)] {
        let attributes = vec![KeyValue::new("wanted", wanted)];
        let begin = SpanStart {
            attributes,
            ..start(tracer, "s", SpanReference::None)
        };
        let span = instance.start_span(begin);
        assert_eq!(span.is_recorded(), expected);
        if expected == UNRECORDED {
            assert!(!allows_later_attributes(span), "attributes decide");
        }
        instance.set(span, vec![KeyValue::new("wanted", 1)]);
        instance.end(span);
    }
    let spans = exporter.get_finished_spans().unwrap();
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0].attributes, [KeyValue::new("wanted", 1)]);

    // The same applies to the host's own span.
    for wanted in [true, false] {
        let options = InvocationOptions::default().with_attribute(KeyValue::new("wanted", wanted));
        Invocation::begin(&mut instance, options).finish(Outcome::Ok);
    }
    let spans = exporter.get_finished_spans().unwrap();
    assert_eq!(spans.len(), 2);
    assert_eq!(value(&spans[1], "wanted"), Some(Value::Bool(true)));
}

/// Records half of all trace ids, and counts its calls.
#[derive(Debug, Clone, Default)]
struct Counting(Arc<AtomicUsize>);

impl Counting {
    fn records(trace_id: TraceId) -> bool {
        trace_id.to_bytes()[15] & 1 == 0
    }
}

impl ShouldSample for Counting {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        _: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        self.0.fetch_add(1, Ordering::Relaxed);
        let state = parent.map(|parent| parent.span().span_context().trace_state().clone());
        SamplingResult {
            decision: if Self::records(trace_id) {
                SamplingDecision::RecordAndSample
            } else {
                SamplingDecision::Drop
            },
            attributes: vec![KeyValue::new("sampler", "counting")],
            trace_state: state.unwrap_or_default(),
        }
    }
}

#[test]
fn an_early_sampler_is_called_once_with_the_spans_trace() {
    let (exporter, sampler) = (InMemorySpanExporter::default(), Counting::default());
    let calls = Arc::clone(&sampler.0);
    let early = EarlySampler::new(sampler);
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone());
    let provider = early.install(provider).build();
    let providers = Providers {
        tracer: Some(provider.clone()),
        ..Providers::default()
    };
    let telemetry = Telemetry::builder(providers).sampler(early).build();
    let mut instance = telemetry.instance("c");
    let tracer = instance.tracer(scope("lib"));
    let mut recorded = 0;
    for _ in 0..64 {
        let span = instance.start_span(start(tracer, "s", SpanReference::None));
        let context = instance.span_context(span).unwrap();
        let expected = Counting::records(context.trace_id());
        assert_eq!(span.is_recorded(), expected);
        assert_eq!(context.is_sampled(), expected);
        recorded += usize::from(expected);
        instance.end(span);
    }
    assert_eq!(calls.load(Ordering::Relaxed), 64);
    assert!((1..64).contains(&recorded), "{recorded}");
    let spans = exporter.get_finished_spans().unwrap();
    assert_eq!(spans.len(), recorded);
    assert_eq!(
        value(&spans[0], "sampler"),
        Some(Value::from("counting")),
        "the sampler's attribute"
    );

    // For other spans of the provider, the SDK calls it.
    for _ in 0..16 {
        let span = provider.tracer("native").start("native");
        let context = span.span_context().clone();
        assert_eq!(context.is_sampled(), Counting::records(context.trace_id()));
    }
    assert_eq!(calls.load(Ordering::Relaxed), 80);
}

#[test]
fn a_decision_that_the_sdk_does_not_take_is_discarded() {
    let shut = Bench::sampling(Sampler::AlwaysOn, Limits::default(), SamplerCall::Early);
    shut.provider.shutdown().unwrap();
    let off = Bench::sampling(Sampler::AlwaysOff, Limits::default(), SamplerCall::Early);
    let mut instance = shut.instance();
    let span = instance.begin("s", SpanReference::None);
    assert!(!span.is_recorded());
    assert_eq!(shut.dropped(Reason::Shutdown), 1);

    let native = off.provider.tracer("native").start("native");
    let context = native.span_context();
    assert!(!context.is_sampled(), "the decision was about another span");
}

#[test]
fn an_unrecorded_host_span_is_still_the_parent() {
    for call in [SamplerCall::BySdk, SamplerCall::Early] {
        let bench = Bench::sampling(Sampler::AlwaysOff, Limits::default(), call);
        let mut instance = bench.instance();
        let invocation = Invocation::begin(&mut instance, InvocationOptions::default());
        let inside = invocation.current_context().unwrap();
        assert!(inside.is_valid() && !inside.is_sampled(), "{call:?}");
        invocation.finish(Outcome::Ok);
    }
}
