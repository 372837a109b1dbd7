//! Which spans are recorded, and what is known of those that are not.

use super::*;
use crate::instance::unrecorded::ATTRIBUTES_LATER;

#[test]
fn the_sampler_decides_and_the_handle_tells() {
    let parent_based = |root| Sampler::ParentBased(Box::new(root));
    for (sampler, parent, told) in [
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
        let case = format!("{sampler:?} {parent:?}");
        let bench = Bench::with(sampler, Limits::default());
        let mut instance = bench.instance();
        let has_parent = matches!(parent, SpanReference::Remote(_));
        let span = instance.begin("s", parent);
        assert_eq!(mark(span), told, "{case}");
        if told == UNRECORDED {
            assert_ne!(span & ATTRIBUTES_LATER, 0, "{case}");
        }
        let context = instance.span_context(span).unwrap();
        assert_eq!(context.is_sampled(), told == RECORDED, "{case}");
        if has_parent {
            assert_eq!(
                context.trace_id().to_string(),
                "00000000000000010000000000000002",
                "{case}"
            );
            assert_ne!(context.span_id(), SpanId::from(3), "{case}");
        }
        // Ignored for an unrecorded span, and no misuse.
        instance.span_event(span, event("e", Vec::new()));
        instance.end(span);
        assert_eq!(bench.spans().len(), usize::from(told == RECORDED), "{case}");
        assert_eq!(bench.all_dropped(), [], "{case}");
    }
}

#[test]
fn unrecorded_spans_of_a_trace_differ_and_take_one_place() {
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
    assert_eq!(instance.unrecorded.len(), 1);
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
    assert_eq!(instance.unrecorded.len(), 256);
    // What is entered is not forgotten.
    assert_eq!(instance.current_context(), Some(context));
}

#[test]
fn a_wrapped_sampler_sees_the_start_attributes() {
    use crate::invocation::Outcome;
    use crate::sampler::SeesStartAttributes;
    use opentelemetry::trace::{Link, TraceId, TraceState};
    use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

    #[derive(Debug, Clone)]
    struct Picky;
    impl ShouldSample for Picky {
        fn should_sample(
            &self,
            _: Option<&opentelemetry::Context>,
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
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .with_sampler(SeesStartAttributes(Picky))
        .build();
    let providers = Providers {
        tracer: Some(provider),
        ..Providers::default()
    };
    let telemetry = Telemetry::builder(providers)
        .sampler_sees_attributes(true)
        .build();
    let mut instance = telemetry.instance("c");
    let tracer = instance.tracer(scope("lib"));
    for (wanted, told) in [(true, RECORDED), (false, UNRECORDED)] {
        let attributes = vec![KeyValue::new("wanted", wanted)];
        let begin = SpanStart {
            attributes,
            ..start(tracer, "s", SpanReference::None)
        };
        let span = instance.start_span(begin);
        assert_eq!(mark(span), told);
        if told == UNRECORDED {
            assert_eq!(span & ATTRIBUTES_LATER, 0, "attributes decide");
        }
        instance.set(span, vec![KeyValue::new("wanted", 1)]);
        instance.end(span);
    }
    let spans = exporter.get_finished_spans().unwrap();
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0].attributes, [KeyValue::new("wanted", 1)]);

    // The host's own span is no different.
    for wanted in [true, false] {
        let options = InvocationOptions::default().with_attribute(KeyValue::new("wanted", wanted));
        Invocation::begin(&mut instance, options).finish(Outcome::Ok);
    }
    let spans = exporter.get_finished_spans().unwrap();
    assert_eq!(spans.len(), 2);
    assert_eq!(value(&spans[1], "wanted"), Some(Value::Bool(true)));
}
