use std::collections::HashMap;

use ::opentelemetry::baggage::{BaggageExt, KeyValueMetadata};
use ::opentelemetry::propagation::{Extractor, TextMapPropagator};
use ::opentelemetry::trace::{SpanContext, TraceContextExt, Tracer as _, mark_span_as_active};
use ::opentelemetry::{Context, KeyValue, global};

use super::installed;
use crate::opentelemetry::{BaggagePropagator, Propagator, TraceContextPropagator};
use crate::testing::{RecordedParent, Recorder};
use crate::{BaggageEntry, Scope, Tracer};

const PARENT: &str = "00-0123456789abcdef0011223344556677-8899aabbccddeeff-01";

fn headers(headers: &[(&str, &str)]) -> HashMap<String, String> {
    headers
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn injected(context: &Context) -> HashMap<String, String> {
    let mut headers = HashMap::new();
    Propagator::new().inject_context(context, &mut headers);
    headers
}

fn extracted(given: &[(&str, &str)]) -> Context {
    Propagator::new().extract_with_context(&Context::new(), &headers(given))
}

#[test]
fn trace_context_is_propagated_unchanged() {
    let context = extracted(&[("traceparent", PARENT), ("tracestate", "a=1,b=2")]);
    let span = context.span().span_context().clone();
    assert!(span.is_remote());
    assert!(span.is_sampled());
    assert_eq!(
        span.trace_id().to_string(),
        "0123456789abcdef0011223344556677"
    );
    assert_eq!(span.span_id().to_string(), "8899aabbccddeeff");
    assert_eq!(span.trace_state().header(), "a=1,b=2");
    assert_eq!(
        injected(&context),
        headers(&[("traceparent", PARENT), ("tracestate", "a=1,b=2")])
    );
}

#[test]
fn invalid_parent_leaves_the_context_unchanged() {
    let before = extracted(&[("traceparent", PARENT)]);
    for invalid in [
        "",
        "00",
        "00-00000000000000000000000000000000-8899aabbccddeeff-01",
        "00-0123456789abcdef0011223344556677-0000000000000000-01",
        "ff-0123456789abcdef0011223344556677-8899aabbccddeeff-01",
        "00-0123456789ABCDEF0011223344556677-8899aabbccddeeff-01",
        "00-0123456789abcdef0011223344556677-8899aabbccddeeff-01-more",
    ] {
        let carrier = headers(&[("traceparent", invalid)]);
        let after = Propagator::new().extract_with_context(&before, &carrier);
        assert_eq!(
            after.span().span_context(),
            before.span().span_context(),
            "{invalid}"
        );
    }
    assert!(!extracted(&[("tracestate", "a=1")]).has_active_span());
}

#[test]
fn invalid_state_keeps_the_parent() {
    let context = extracted(&[("traceparent", PARENT), ("tracestate", "no list member")]);
    assert_eq!(injected(&context), headers(&[("traceparent", PARENT)]));
}

#[test]
fn several_state_headers_are_joined_and_two_parents_are_invalid() {
    struct Carrier(Vec<(&'static str, &'static str)>);
    impl Extractor for Carrier {
        fn get(&self, key: &str) -> Option<&str> {
            self.get_all(key)?.first().copied()
        }
        fn keys(&self) -> Vec<&str> {
            self.0.iter().map(|(key, _)| *key).collect()
        }
        fn get_all(&self, key: &str) -> Option<Vec<&str>> {
            let of_key = self.0.iter().filter(|(other, _)| *other == key);
            Some(of_key.map(|(_, value)| *value).collect::<Vec<_>>()).filter(|all| !all.is_empty())
        }
    }
    let carrier = Carrier(vec![
        ("traceparent", PARENT),
        ("tracestate", "a=1"),
        ("baggage", "x=1"),
        ("tracestate", "b=2"),
        ("baggage", "y=2"),
    ]);
    let context = Propagator::new().extract(&carrier);
    assert_eq!(
        context.span().span_context().trace_state().header(),
        "a=1,b=2"
    );
    assert_eq!(context.baggage().len(), 2);
    let twice = Carrier(vec![("traceparent", PARENT), ("traceparent", PARENT)]);
    assert!(!Propagator::new().extract(&twice).has_active_span());
}

#[test]
fn request_passes_through_the_program() {
    let recorder = installed();
    let incoming = headers(&[
        ("traceparent", PARENT),
        ("tracestate", "a=1"),
        ("baggage", "user=ada"),
    ]);
    let context = global::get_text_map_propagator(|propagator| propagator.extract(&incoming));
    let span = global::tracer("test").start_with_context("handle", &context);
    let context = context.with_span(span);
    let _attached = context.attach();
    let mut outgoing = HashMap::new();
    global::get_text_map_propagator(|propagator| propagator.inject(&mut outgoing));
    let handled = recorder.span("handle");
    let expected = crate::SpanContext::from_traceparent(PARENT, "a=1").unwrap();
    assert_eq!(handled.parent, RecordedParent::Remote(expected));
    assert_eq!(outgoing["traceparent"], handled.context.traceparent());
    assert_eq!(outgoing["tracestate"], "a=1");
    assert_eq!(outgoing["baggage"], "user=ada");
}

#[test]
fn ambient_span_and_baggage_are_injected_by_default() {
    static DIRECT: Tracer = Tracer::new(Scope::new("direct"));
    let recorder = installed();
    assert_eq!(injected(&Context::new()), HashMap::new());
    recorder.set_host_span(crate::SpanContext::from_traceparent(PARENT, "a=1"));
    recorder.set_host_baggage(vec![BaggageEntry::new("host", "1")]);
    assert_eq!(
        injected(&Context::new()),
        headers(&[
            ("traceparent", PARENT),
            ("tracestate", "a=1"),
            ("baggage", "host=1")
        ])
    );
    let direct = DIRECT.enter("direct");
    let parent = recorder.span("direct").context.traceparent();
    assert_eq!(injected(&Context::new())["traceparent"], parent);
    drop(direct);
    let none = Context::new()
        .with_remote_span_context(SpanContext::NONE)
        .with_cleared_baggage();
    assert_eq!(injected(&none), HashMap::new());
    let _attached = mark_span_as_active(global::tracer("test").start("attached"));
    let _baggage = Context::current_with_baggage([KeyValue::new("own", 1)]).attach();
    assert_eq!(injected(&Context::new()), HashMap::new());
}

#[test]
fn baggage_is_parsed_as_recommended() {
    let header = " plain=1 ,spaces = a b\t,encoded=%C3%A4%2C%3B%25,equals=a=b==,props=v ; p1=x;p2 , empty=,\
                  broken,=no key,bad key=1,not%20decoded=1,not utf-8=1,bytes=%FF";
    let context = extracted(&[("baggage", header)]);
    let baggage = context.baggage();
    let get = |key: &str| {
        let (value, metadata) = baggage.get_with_metadata(key)?;
        Some((value.as_str().to_owned(), metadata.as_str().to_owned()))
    };
    let plain = |value: &str| Some((value.to_owned(), String::new()));
    assert_eq!(get("plain"), plain("1"));
    assert_eq!(get("spaces"), plain("a b"));
    assert_eq!(get("encoded"), plain("ä,;%"));
    assert_eq!(get("equals"), plain("a=b=="));
    assert_eq!(get("props"), Some(("v".to_owned(), "p1=x;p2".to_owned())));
    assert_eq!(get("empty"), plain(""));
    assert_eq!(get("not%20decoded"), plain("1"));
    assert_eq!(get("bytes"), plain("\u{fffd}"));
    assert_eq!(baggage.len(), 8);
}

#[test]
fn baggage_makes_the_round_trip() {
    let values = [
        ("plain", "1", ""),
        ("text", "grüße, \"du\"; a=b \\ 100% %41 \u{1f600}", ""),
        ("lines", "a\r\nb", ""),
        ("props", "v", "p1=x;p2"),
    ];
    let baggage = values.map(|(key, value, props)| KeyValueMetadata::new(key, value, props));
    let carrier = injected(&Context::new().with_baggage(baggage));
    let header = &carrier["baggage"];
    assert!(
        header.bytes().all(|byte| (0x21..0x7f).contains(&byte)),
        "{header}"
    );
    let context = Propagator::new().extract_with_context(&Context::new(), &carrier);
    assert_eq!(context.baggage().len(), values.len());
    for (key, value, props) in values {
        let (read, metadata) = context.baggage().get_with_metadata(key).unwrap();
        assert_eq!((read.as_str(), metadata.as_str()), (value, props));
    }
}

#[test]
fn properties_cannot_break_out_of_their_member() {
    for metadata in ["a,other=1", "a\r\nX-Header: 1", "ä"] {
        let baggage = [KeyValueMetadata::new("k", "v", metadata)];
        let carrier = injected(&Context::new().with_baggage(baggage));
        assert_eq!(carrier["baggage"], "k=v");
    }
}

#[test]
fn baggage_is_cut_to_its_limits() {
    let header: Vec<_> = (0..10_000).map(|number| format!("k{number}=v")).collect();
    let context = extracted(&[("baggage", &header.join(","))]);
    assert_eq!(context.baggage().len(), 64);
    assert!(context.baggage().get("k63").is_some());
}

#[test]
fn each_propagator_handles_its_headers() {
    let _recorder = Recorder::install();
    let fields = |propagator: &dyn TextMapPropagator| {
        propagator.fields().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        fields(&TraceContextPropagator::new()),
        ["traceparent", "tracestate"]
    );
    assert_eq!(fields(&BaggagePropagator::new()), ["baggage"]);
    assert_eq!(
        fields(&Propagator::new()),
        ["traceparent", "tracestate", "baggage"]
    );
    let carrier = headers(&[("traceparent", PARENT), ("baggage", "k=v")]);
    let trace = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
    assert!(trace.has_active_span() && trace.baggage().is_empty());
    let baggage = BaggagePropagator::new().extract_with_context(&Context::new(), &carrier);
    assert!(!baggage.has_active_span() && baggage.baggage().len() == 1);
}
