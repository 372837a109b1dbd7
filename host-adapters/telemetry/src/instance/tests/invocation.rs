use opentelemetry::trace::Status;

use super::*;
use crate::invocation::Outcome;

const TRACEPARENT: &str = "00-00000000000000010000000000000002-0000000000000003-01";

fn trap() -> Outcome {
    Outcome::Trap {
        code: "unreachable".to_owned(),
        message: "wasm `unreachable` executed".to_owned(),
    }
}

#[test]
fn the_host_span_is_the_guests_outermost_parent() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let options = InvocationOptions {
        attributes: vec![KeyValue::new("mine", 1)],
        kind: Some(SpanKind::Server),
        ..InvocationOptions::default()
    };
    let mut invocation = Invocation::begin(&mut instance, options);
    let current = invocation.current_context().unwrap();
    let span = invocation.begin("s", SpanReference::Ambient);
    invocation.end(span);
    invocation.finish(Outcome::Ok);
    assert_eq!(instance.current_context(), None);

    let host = bench.span("run checkout");
    assert_eq!(host.span_context.span_id(), current.span_id());
    assert_eq!(bench.span("s").parent_span_id, current.span_id());
    assert_eq!(host.span_kind, SpanKind::Server);
    assert_eq!(host.status, Status::Unset);
    assert_eq!(host.instrumentation_scope.name(), "wasmscope");
    let expected = [
        KeyValue::new("wasmscope.component.name", "checkout"),
        KeyValue::new("process.runtime.name", "engine"),
        KeyValue::new("process.runtime.version", "1.2.3"),
        KeyValue::new("mine", 1),
        KeyValue::new("wasmscope.outcome", "ok"),
    ];
    assert_eq!(host.attributes, expected);
}

#[test]
fn an_invocation_continues_the_context_and_baggage_of_its_environment() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let options = InvocationOptions::from_env(|name| match name {
        "TRACEPARENT" => Some(TRACEPARENT.to_owned()),
        "TRACESTATE" => Some("a=1".to_owned()),
        "BAGGAGE" => Some("k=v%20w;p".to_owned()),
        _ => None,
    });
    let invocation = Invocation::begin(
        &mut instance,
        InvocationOptions {
            name: Some("call".to_owned()),
            ..options
        },
    );
    let baggage = invocation.baggage();
    assert_eq!(
        (&*baggage[0].key, &*baggage[0].value, &*baggage[0].metadata),
        ("k", "v w", "p")
    );
    invocation.finish(Outcome::Ok);
    assert_eq!(instance.baggage(), []);
    let host = bench.span("call");
    assert_eq!(host.parent_span_id, SpanId::from(3));
    assert!(host.parent_span_is_remote);
    assert_eq!(host.span_context.trace_state().header(), "a=1");
}

#[test]
fn a_malformed_traceparent_is_counted_and_starts_a_new_trace() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let options = InvocationOptions {
        traceparent: Some("nonsense".to_owned()),
        ..InvocationOptions::default()
    };
    Invocation::begin(&mut instance, options).finish(Outcome::Ok);
    assert_eq!(bench.span("run checkout").parent_span_id, SpanId::INVALID);
    assert_eq!(bench.dropped(Reason::InvalidContext), 1);
}

/// Open spans and the host span have the end reason, and the error type if there is an error.
#[test]
fn outcomes_end_open_spans_with_their_reason() {
    for (outcome, name, reason, error) in [
        (Outcome::Ok, "ok", "return", None),
        (Outcome::Exit { code: 0 }, "exit", "exit", None),
        (
            Outcome::Exit { code: 3 },
            "exit",
            "exit",
            Some(("exit", "exit code 3")),
        ),
        (
            Outcome::Error("no luck".to_owned()),
            "error",
            "error",
            Some(("error", "no luck")),
        ),
        (
            trap(),
            "trap",
            "trap",
            Some(("unreachable", "wasm `unreachable` executed")),
        ),
        (
            Outcome::Timeout,
            "timeout",
            "timeout",
            Some(("timeout", "stopped because its time was over")),
        ),
        (
            Outcome::Killed,
            "killed",
            "killed",
            Some(("killed", "stopped before its end")),
        ),
    ] {
        for own_status in [Status::Unset, Status::Ok, Status::error("guest's")] {
            let bench = Bench::new();
            let mut instance = bench.instance();
            let mut invocation = Invocation::begin(&mut instance, InvocationOptions::default());
            let outer = invocation.begin("outer", SpanReference::Ambient);
            let inner = invocation.begin("inner", SpanReference::Span(outer));
            let forged = vec![
                KeyValue::new("error.type", "guest's"),
                KeyValue::new("wasmscope.end_reason", "guest's"),
            ];
            let status = own_status.clone();
            invocation.update_span(
                inner,
                SpanChanges {
                    status,
                    attributes: forged,
                    ..SpanChanges::default()
                },
            );
            invocation.update_span(
                outer,
                SpanChanges {
                    status: own_status.clone(),
                    ..SpanChanges::default()
                },
            );
            invocation.finish(outcome.clone());

            let names: Vec<_> = bench
                .spans()
                .iter()
                .map(|span| span.name.to_string())
                .collect();
            assert_eq!(names, ["inner", "outer", "run checkout"]);
            let status = error.map(|(_, description)| Status::error(description));
            for span in ["inner", "outer"] {
                let span = bench.span(span);
                assert_eq!(
                    value(&span, "wasmscope.end_reason"),
                    text(reason),
                    "{outcome:?}"
                );
                assert_eq!(
                    span.status,
                    status.clone().unwrap_or(own_status.clone()),
                    "{outcome:?}"
                );
                if let Some((error_type, _)) = error {
                    assert_eq!(value(&span, "error.type"), text(error_type), "{outcome:?}");
                }
            }
            if error.is_none() {
                assert_eq!(value(&bench.span("outer"), "error.type"), None);
            }
            let host = bench.span("run checkout");
            assert_eq!(value(&host, "wasmscope.outcome"), text(name));
            assert_eq!(
                value(&host, "error.type"),
                error.and_then(|(error_type, _)| text(error_type))
            );
            assert_eq!(host.status, status.unwrap_or(Status::Unset));
            let code = if let Outcome::Exit { code } = outcome {
                Some(Value::I64(code.into()))
            } else {
                None
            };
            assert_eq!(value(&host, "process.exit.code"), code);
            assert_eq!(instance.activity.lock().spans.sizes().1, 0);
        }
    }
}

#[test]
fn outcome_and_error_of_the_host_span_have_priority_at_every_limit() {
    for limit in 0..9 {
        let bench = Bench::limited(|limits| limits.span_attributes = limit);
        let mut instance = bench.instance();
        let options = InvocationOptions::default()
            .with_attribute(KeyValue::new("mine", 1))
            .with_attribute(KeyValue::new("error.type", "mine"))
            .with_attribute(KeyValue::new("too", 1));
        Invocation::begin(&mut instance, options).finish(trap());
        let host = bench.span("run checkout");
        let by_rank = [
            ("wasmscope.outcome", text("trap")),
            ("error.type", text("unreachable")),
            ("wasmscope.component.name", text("checkout")),
            ("process.runtime.name", text("engine")),
            ("process.runtime.version", text("1.2.3")),
            ("mine", Some(Value::I64(1))),
            ("too", Some(Value::I64(1))),
        ];
        for (rank, (key, expected)) in by_rank.into_iter().enumerate() {
            let expected = expected.filter(|_| rank < limit);
            assert_eq!(value(&host, key), expected, "{limit}: {key}");
        }
        // A replaced attribute is not lost, if it was kept before.
        let replaced = u64::from(limit >= 5);
        let lost = 8 - replaced - host.attributes.len() as u64;
        assert_eq!(bench.dropped(Reason::SpanAttributes), lost, "{limit}");
        assert_eq!(u64::from(host.dropped_attributes_count), lost, "{limit}");
    }
}

#[test]
fn the_limits_on_guests_spans_do_not_apply_to_the_hosts() {
    let limits = Limits {
        span_attributes: 1,
        span_value_chars: Some(2),
        ..Limits::default()
    };
    let exporter = InMemorySpanExporter::default();
    let provider = || SdkTracerProvider::builder().with_simple_exporter(exporter.clone());
    let providers = |provider| Providers {
        tracer: Some(provider),
        ..Providers::default()
    };
    let sdk_limits = SpanLimits {
        max_attributes_per_span: 1,
        ..SpanLimits::default()
    };
    // With the SDK's own limits, and with a separate provider of the host.
    let own = Telemetry::builder(providers(provider().build())).limits(limits.clone());
    let low = provider().with_span_limits(sdk_limits).build();
    let two = Telemetry::builder(providers(low))
        .limits(limits)
        .span_limits(sdk_limits)
        .host_tracer_provider(provider().build());
    for builder in [own, two] {
        exporter.reset();
        let telemetry = builder.build();
        let mut instance = telemetry.instance("checkout");
        let options = InvocationOptions::default()
            .with_attributes(numbered("k", 100))
            .with_attribute(KeyValue::new("k0", "a long value"));
        let mut invocation = Invocation::begin(&mut instance, options);
        let span = invocation.begin("s", SpanReference::Ambient);
        invocation.set(span, numbered("k", 4));
        invocation.end(span);
        invocation.finish(Outcome::Ok);
        let spans = exporter.get_finished_spans().unwrap();
        let [guest, host] = &spans[..] else {
            panic!("{spans:#?}");
        };
        assert_eq!(guest.attributes.len(), 1);
        assert_eq!(value(host, "wasmscope.component.name"), text("checkout"));
        assert_eq!(value(host, "wasmscope.outcome"), text("ok"));
        assert_eq!(value(host, "k0"), text("a long value"));
        assert_eq!(host.attributes.len(), 102);
        assert_eq!(host.dropped_attributes_count, 0);
        // Three attributes of the guest's span.
        let dropped = telemetry
            .dropped()
            .get(Signal::Traces, Reason::SpanAttributes);
        assert_eq!(dropped, 3);
    }
}

#[test]
fn an_embedders_error_type_is_kept_if_there_is_no_error() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let options = InvocationOptions::default().with_attribute(KeyValue::new("error.type", "mine"));
    Invocation::begin(&mut instance, options).finish(Outcome::Ok);
    let host = bench.span("run checkout");
    assert_eq!(value(&host, "error.type"), text("mine"));
}

#[test]
fn a_traps_reason_replaces_attributes_of_a_full_span() {
    let bench = Bench::limited(|limits| limits.span_attributes = 3);
    let mut instance = bench.instance();
    let mut invocation = Invocation::begin(&mut instance, InvocationOptions::default());
    let span = invocation.begin("s", SpanReference::Ambient);
    invocation.set(span, numbered("k", 4));
    invocation.finish(trap());
    let data = bench.span("s");
    let expected = [
        KeyValue::new("k0", 0),
        KeyValue::new("wasmscope.end_reason", "trap"),
        KeyValue::new("error.type", "unreachable"),
    ];
    assert_eq!(data.attributes, expected);
    assert_eq!(data.dropped_attributes_count, 3);
    // The host's span has the same limit, and five attributes.
    assert_eq!(bench.dropped(Reason::SpanAttributes), 3 + 2);
}

#[test]
fn only_the_hosts_span_has_the_backtrace_of_a_trap() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let mut invocation = Invocation::begin(&mut instance, InvocationOptions::default());
    let _ = invocation.begin("s", SpanReference::Ambient);
    invocation.finish(Outcome::Trap {
        code: "unreachable".to_owned(),
        message: "the cause\n  0: main".to_owned(),
    });
    assert_eq!(bench.span("s").status, Status::error("the cause"));
    assert_eq!(
        bench.span("run checkout").status,
        Status::error("the cause\n  0: main")
    );
}

#[test]
fn a_traps_long_message_is_shortened_and_not_counted() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let tracer = instance.tracer(scope("t"));
    let mut invocation = Invocation::begin(&mut instance, InvocationOptions::default());
    let _ = invocation.start_span(start(tracer, "s", SpanReference::Ambient));
    invocation.finish(Outcome::Trap {
        code: "unreachable".to_owned(),
        message: "m".repeat(10_000),
    });
    for name in ["s", "run checkout"] {
        let Status::Error { description } = bench.span(name).status else {
            panic!("{name} is no error");
        };
        assert_eq!(description.len(), 1_024, "{name}");
    }
    assert_eq!(bench.dropped(Reason::TextBytes), 0);
}

#[test]
fn an_invocation_dropped_without_an_outcome_was_killed() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    drop(Invocation::begin(
        &mut instance,
        InvocationOptions::default(),
    ));
    assert_eq!(
        value(&bench.span("run checkout"), "wasmscope.outcome"),
        text("killed")
    );
}

#[test]
fn a_dropped_instance_ends_its_open_spans() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    instance.begin("before", SpanReference::None);
    let mut invocation = Invocation::begin(instance, InvocationOptions::default());
    invocation.begin("within", SpanReference::Ambient);
    // The store is dropped before `finish`.
    drop(invocation);
    for name in ["before", "within"] {
        assert_eq!(
            value(&bench.span(name), "wasmscope.end_reason"),
            text("killed")
        );
    }
    assert_eq!(
        value(&bench.span("run checkout"), "wasmscope.outcome"),
        text("killed")
    );
    assert_eq!(bench.spans().len(), 3);
}

#[test]
fn a_normal_end_keeps_earlier_spans_open() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let before = instance.begin("before", SpanReference::None);
    instance.enter_span(before);
    let mut invocation = Invocation::begin(&mut instance, InvocationOptions::default());
    let within = invocation.begin("within", SpanReference::Ambient);
    invocation.enter_span(within);
    invocation.enter_span(before);
    invocation.enter_baggage(Vec::new());
    invocation.finish(Outcome::Ok);
    assert_eq!(
        bench.span("within").parent_span_id,
        bench.span("run checkout").span_context.span_id()
    );
    assert_eq!(instance.current_context(), instance.span_context(before));
    {
        let activity = instance.activity.lock();
        assert_eq!((activity.entered.len(), activity.baggage.len()), (1, 0));
    }
    instance.end(before);
    assert_eq!(instance.activity.lock().entered.len(), 0);
    assert_eq!(value(&bench.span("before"), "wasmscope.end_reason"), None);
}

#[test]
fn earlier_spans_end_if_the_guest_itself_has_ended() {
    for (outcome, reason) in [
        (trap(), Some("trap")),
        (Outcome::Timeout, Some("timeout")),
        (Outcome::Exit { code: 3 }, Some("exit")),
        (Outcome::Exit { code: 0 }, Some("exit")),
        (Outcome::Error("sold out".to_owned()), None),
        (Outcome::Ok, None),
    ] {
        let bench = Bench::new();
        let mut instance = bench.instance();
        let before = instance.begin("before", SpanReference::None);
        Invocation::begin(&mut instance, InvocationOptions::default()).finish(outcome.clone());
        if reason.is_none() {
            instance.end(before);
        }
        let span = bench.span("before");
        assert_eq!(
            value(&span, "wasmscope.end_reason"),
            reason.and_then(text),
            "{outcome:?}"
        );
        assert_eq!(
            value(&span, "error.type").is_some(),
            reason.is_some() && outcome != Outcome::Exit { code: 0 },
            "{outcome:?}"
        );
        assert_eq!(bench.dropped(Reason::WrongHandle), 0, "{outcome:?}");
    }
}

#[test]
fn an_invocation_within_another_is_its_child() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let mut outer = Invocation::begin(
        &mut instance,
        InvocationOptions {
            name: Some("outer".to_owned()),
            baggage: Some("k=v".to_owned()),
            ..InvocationOptions::default()
        },
    );
    let span = outer.begin("s", SpanReference::Ambient);
    outer.enter_span(span);
    let options = InvocationOptions {
        name: Some("inner".to_owned()),
        ..InvocationOptions::default()
    };
    let mut inner = Invocation::begin(&mut *outer, options);
    assert_eq!(inner.baggage().len(), 1);
    inner.begin("leaked", SpanReference::Ambient);
    inner.finish(Outcome::Ok);
    assert_eq!(outer.current_context(), outer.span_context(span));
    outer.end(span);
    outer.finish(Outcome::Ok);
    let parent = |name| bench.span(name).parent_span_id;
    let id = |name| bench.span(name).span_context.span_id();
    assert_eq!(parent("s"), id("outer"));
    assert_eq!(parent("inner"), id("s"));
    assert_eq!(parent("leaked"), id("inner"));
    assert_eq!(value(&bench.span("s"), "wasmscope.end_reason"), None);
}

#[test]
fn an_unsampled_invocation_passes_its_decision_on() {
    let bench = Bench::with(
        Sampler::ParentBased(Box::new(Sampler::AlwaysOff)),
        Limits::default(),
    );
    let mut instance = bench.instance();
    let mut invocation = Invocation::begin(&mut instance, InvocationOptions::default());
    let span = invocation.begin("s", SpanReference::Ambient);
    assert!(!span.is_recorded());
    let (current, context) = (
        invocation.current_context().unwrap(),
        invocation.span_context(span).unwrap(),
    );
    assert_eq!(current.trace_id(), context.trace_id());
    invocation.finish(Outcome::Ok);
    assert_eq!(bench.spans().len(), 0);
}

#[test]
fn without_a_provider_an_invocation_passes_the_remote_context_on() {
    let telemetry = Telemetry::builder(Providers::default()).build();
    let mut instance = telemetry.instance("c");
    let options = InvocationOptions {
        traceparent: Some(TRACEPARENT.to_owned()),
        ..InvocationOptions::default()
    };
    let mut invocation = Invocation::begin(&mut instance, options);
    assert_eq!(
        invocation.current_context().unwrap().span_id(),
        SpanId::from(3)
    );
    let span = invocation.begin("s", SpanReference::Ambient);
    assert_eq!(
        invocation.span_context(span).unwrap().span_id(),
        SpanId::from(3)
    );
    invocation.finish(trap());
}

#[test]
fn an_invocation_without_an_instance_does_nothing() {
    struct NoInstance(u8);
    impl crate::InstanceAccess for NoInstance {
        fn instance(&mut self) -> Option<&mut Instance> {
            None
        }
    }
    let mut invocation = Invocation::begin(NoInstance(1), InvocationOptions::default());
    invocation.0 += 1;
    assert_eq!(invocation.finish(Outcome::Ok).0, 2);
}

#[test]
fn instances_and_telemetry_can_be_sent_to_threads() {
    fn is_send<T: Send>() {}
    fn is_shared<T: Send + Sync + Clone>() {}
    is_send::<Instance>();
    is_send::<Invocation<Instance>>();
    is_shared::<Telemetry>();
    let _: Arc<str> = Arc::from("");
}

#[test]
fn a_span_from_the_future_ends_at_its_start_and_is_not_counted() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let tracer = instance.tracer(scope("lib"));
    let start_time = Some(from_now(HOUR));
    instance.start_span(SpanStart {
        start_time,
        ..start(tracer, "s", SpanReference::None)
    });
    drop(instance);
    let span = bench.span("s");
    assert_eq!(span.start_time, span.end_time);
    assert_eq!(bench.all_dropped(), []);
}
