use wasmscope::testing::Recorder;
use wasmscope::{BaggageEntry, Scope, SpanContext, TraceFlags, TraceId, Tracer};

static TRACER: Tracer = Tracer::new(Scope::new("shop"));

#[test]
fn current_context_is_that_of_the_entered_span_or_the_host() {
    let recorder = Recorder::install();
    assert_eq!(wasmscope::current(), None);
    let host = SpanContext {
        trace_id: TraceId { high: 1, low: 2 },
        span_id: 3,
        trace_flags: TraceFlags::SAMPLED,
        trace_state: "a=b".into(),
    };
    recorder.set_host_span(Some(host.clone()));
    assert_eq!(wasmscope::current(), Some(host.clone()));
    let span = TRACER.enter("work");
    let current = wasmscope::current();
    assert_eq!(current, span.context());
    assert_ne!(current, Some(host.clone()));
    drop(span);
    assert_eq!(wasmscope::current(), Some(host));
}

#[test]
fn traceparent_makes_the_round_trip() {
    let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let context = SpanContext::from_traceparent(header, " k=v ").expect("valid");
    assert_eq!(
        context,
        SpanContext {
            trace_id: TraceId {
                high: 0x0af7_6519_16cd_43dd,
                low: 0x8448_eb21_1c80_319c
            },
            span_id: 0xb7ad_6b71_6920_3331,
            trace_flags: TraceFlags::SAMPLED,
            trace_state: "k=v".into(),
        }
    );
    assert_eq!(context.traceparent(), header);
    let zeros = "00-00000000000000000000000000000001-0000000000000001-00";
    let context = SpanContext::from_traceparent(zeros, "").expect("valid");
    assert_eq!(context.traceparent(), zeros);
}

#[test]
fn later_version_of_traceparent_is_parsed_as_version_00() {
    let ids = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for header in [format!("cc-{ids}"), format!("cc-{ids}-what-comes-next")] {
        assert!(
            SpanContext::from_traceparent(&header, "").is_some(),
            "{header}"
        );
    }
}

#[test]
fn invalid_traceparent_is_rejected() {
    let headers = [
        "",
        "00",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0100",
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0100",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333g-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333ä-01",
    ];
    for header in headers {
        assert_eq!(SpanContext::from_traceparent(header, ""), None, "{header}");
    }
}

#[test]
fn baggage_is_current_until_its_guard_is_dropped_in_any_order() {
    let recorder = Recorder::install();
    recorder.set_host_baggage(vec![BaggageEntry::new("tenant", "acme")]);
    let values = || -> Vec<_> {
        wasmscope::baggage()
            .into_iter()
            .map(|entry| (entry.key, entry.value))
            .collect()
    };
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());

    let added = wasmscope::with_baggage_entry(BaggageEntry::new("user", "ada"));
    assert_eq!(values(), [pair("tenant", "acme"), pair("user", "ada")]);
    let replaced = wasmscope::with_baggage_entry(BaggageEntry::new("tenant", "beta"));
    assert_eq!(values(), [pair("user", "ada"), pair("tenant", "beta")]);
    drop(added);
    assert_eq!(values(), [pair("user", "ada"), pair("tenant", "beta")]);
    drop(replaced);
    assert_eq!(values(), [pair("tenant", "acme")]);
    let nothing = wasmscope::enter_baggage(&[]);
    assert_eq!(values(), []);
    drop(nothing);
}
