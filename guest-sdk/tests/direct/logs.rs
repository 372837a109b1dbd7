use wasmscope::testing::{RecordedValue, Recorder};
use wasmscope::{
    AnyValue, Logger, OwnedValue, Record, Scope, Severity, SpanContext, SpanReference, TraceId,
    Tracer, fields,
};

static TRACER: Tracer = Tracer::new(Scope::new("shop"));

fn map(entries: &[(&str, RecordedValue)]) -> RecordedValue {
    RecordedValue::Map(
        entries
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect(),
    )
}

#[test]
fn record_has_all_settings_of_the_builder() {
    static LOGGER: Logger = Logger::new(Scope::new("orders").with_version("2"));
    let recorder = Recorder::install();
    LOGGER
        .record(Severity::Warn2)
        .with_body("short of tea")
        .with_event_name("stock.low")
        .with_severity_text("NOTICE")
        .with_attributes(fields!["item" => "tea", "left" => 3, "share" => 0.1, "urgent" => false])
        .with_time(99)
        .emit();
    let log = &recorder.logs()[0];
    assert_eq!(log.scope.name, "orders");
    assert_eq!(log.scope.version.as_deref(), Some("2"));
    assert_eq!(log.body, Some("short of tea".into()));
    assert_eq!(log.severity, Some(Severity::Warn2));
    assert_eq!(log.severity_text.as_deref(), Some("NOTICE"));
    assert_eq!(log.event_name.as_deref(), Some("stock.low"));
    assert_eq!(log.time, Some(99));
    assert_eq!(log.attribute("item"), Some(&"tea".into()));
    assert_eq!(log.attribute("left"), Some(&3.into()));
    assert_eq!(log.attribute("share"), Some(&0.1.into()));
    assert_eq!(log.attribute("urgent"), Some(&false.into()));
}

#[test]
fn unrecorded_spans_announce_a_new_threshold() {
    static LOGGER: Logger = Logger::new(Scope::new("orders"));
    let recorder = Recorder::install();
    recorder.sample(false);
    for round in 0..40 {
        let enabled = round % 2 == 0;
        recorder.set_log_threshold(enabled.then_some(Severity::Info));
        drop(TRACER.start("work"));
        assert_eq!(LOGGER.enabled(Severity::Info), enabled);
        let _ = recorder.take_calls();
        drop(TRACER.start("work"));
        assert_eq!(LOGGER.enabled(Severity::Info), enabled);
        assert_eq!(recorder.take_calls(), ["tracer.start"]);
    }
}

/// The host does not enter a `tracing` span within an unrecorded one.
#[test]
#[cfg(all(feature = "tracing", feature = "log"))]
fn logs_in_nested_unrecorded_spans_name_the_same_span() {
    static LOGGER: Logger = Logger::new(Scope::new("orders"));
    let recorder = Recorder::install();
    recorder.sample(false);
    let _telemetry = wasmscope::init();
    let say = || {
        tracing::info!("by tracing");
        log::info!("by log");
        LOGGER.log(Severity::Info, "directly");
        let context = wasmscope::current().map(|context| context.span_id);
        let spans: Vec<_> = recorder.logs().into_iter().map(|log| log.span).collect();
        let ids: Vec<_> = spans.into_iter().map(|span| Some(span?.span_id)).collect();
        let last = &ids[ids.len() - 3..];
        assert_eq!(last, [context; 3]);
        context
    };
    let ids = tracing::info_span!("outer").in_scope(|| {
        let outer = say();
        let inner = tracing::info_span!("inner").in_scope(|| {
            let inner = say();
            let direct = TRACER.enter("direct");
            assert_ne!(say(), inner);
            drop(direct);
            assert_eq!(say(), inner);
            inner
        });
        assert_eq!(say(), outer);
        [outer, inner]
    });
    assert_ne!(ids[0], ids[1]);
    assert_eq!(say(), None);
}

#[test]
fn nested_values_arrive_unchanged() {
    static LOGGER: Logger = Logger::new(Scope::new("orders"));
    let recorder = Recorder::install();
    LOGGER
        .record(Severity::Info)
        .with_body(AnyValue::map(fields![
            "id" => 17,
            "items" => AnyValue::array(&[
                AnyValue::map(fields!["name" => "tea", "grams" => 100]),
                AnyValue::map(&[]),
                AnyValue::Bytes(&[0, 255]),
            ]),
            "empty" => AnyValue::array(&[]),
        ]))
        .with_attributes(fields!["deep" => AnyValue::array(&[AnyValue::array(&[AnyValue::Bool(true)])]), "flat" => 1])
        .emit();
    let log = &recorder.logs()[0];
    let expected = map(&[
        ("id", 17.into()),
        (
            "items",
            RecordedValue::Array(vec![
                map(&[("name", "tea".into()), ("grams", 100.into())]),
                map(&[]),
                RecordedValue::Bytes(vec![0, 255]),
            ]),
        ),
        ("empty", RecordedValue::Array(vec![])),
    ]);
    assert_eq!(log.body, Some(expected));
    let deep = RecordedValue::Array(vec![RecordedValue::Array(vec![true.into()])]);
    assert_eq!(log.attribute("deep"), Some(&deep));
    assert_eq!(log.attribute("flat"), Some(&1.into()));
}

#[test]
fn a_disabled_record_makes_no_call() {
    static LOGGER: Logger = Logger::new(Scope::new("quiet"));
    let recorder = Recorder::install();
    recorder.set_log_threshold(Some(Severity::Info));
    assert!(LOGGER.enabled(Severity::Info));
    let _ = recorder.take_calls();
    LOGGER.log(Severity::Debug4, "disabled");
    assert!(!LOGGER.enabled(Severity::Trace));
    assert!(!LOGGER.event_enabled(Severity::Debug, "an.event"));
    LOGGER.emit(&[Record::new().with_severity(Severity::Trace)]);
    assert_eq!(recorder.take_calls(), Vec::<&str>::new());
    assert_eq!(recorder.logs(), []);
}

#[test]
fn program_with_only_suppressed_records_learns_of_a_new_threshold() {
    static LOGGER: Logger = Logger::new(Scope::new("quiet"));
    let recorder = Recorder::install();
    recorder.set_log_threshold(Some(Severity::Info));
    LOGGER.log(Severity::Debug, "suppressed");
    recorder.set_log_threshold(Some(Severity::Debug));
    let _ = recorder.take_calls();
    let silent = (0..2_000).take_while(|_| {
        LOGGER.log(Severity::Debug, "suppressed, or not");
        recorder.take_calls().is_empty()
    });
    assert_eq!(silent.count(), 1_022);
    LOGGER.log(Severity::Debug, "heard");
    assert_eq!(recorder.take_calls(), ["logger.emit"]);
}

#[test]
fn changed_threshold_is_requested_after_its_notice() {
    static LOGGER: Logger = Logger::new(Scope::new("changing"));
    let recorder = Recorder::install();
    recorder.set_log_threshold(Some(Severity::Error));
    assert!(!LOGGER.enabled(Severity::Info));
    recorder.set_log_threshold(Some(Severity::Debug));
    assert!(
        !LOGGER.enabled(Severity::Info),
        "the change is not known yet"
    );
    drop(TRACER.start("any call"));
    let _ = recorder.take_calls();
    assert!(LOGGER.enabled(Severity::Info));
    assert!(LOGGER.enabled(Severity::Debug));
    assert!(!LOGGER.enabled(Severity::Trace4));
    assert_eq!(recorder.take_calls(), ["logger.threshold"]);
}

#[test]
fn a_record_without_severity_passes_unless_all_logs_are_disabled() {
    static LOGGER: Logger = Logger::new(Scope::new("no severity"));
    let recorder = Recorder::install();
    let record = Record::new().with_body("x");
    recorder.set_log_threshold(Some(Severity::Fatal4));
    LOGGER.emit(&[record]);
    assert_eq!(recorder.logs().len(), 1);
    recorder.set_log_threshold(None);
    drop(TRACER.start("any call"));
    LOGGER.emit(&[record]);
    LOGGER.log(Severity::Fatal4, "disabled");
    assert_eq!(recorder.logs().len(), 1);
}

#[test]
fn several_records_are_sent_in_one_call_without_disabled_ones() {
    static LOGGER: Logger = Logger::new(Scope::new("several"));
    let recorder = Recorder::install();
    recorder.set_log_threshold(Some(Severity::Info));
    let records = [
        (Severity::Info, "one"),
        (Severity::Debug, "two"),
        (Severity::Error, "three"),
    ]
    .map(|(severity, text)| Record::new().with_severity(severity).with_body(text));
    LOGGER.emit(&records);
    let calls = recorder.take_calls();
    assert_eq!(
        calls.iter().filter(|call| **call == "logger.emit").count(),
        1
    );
    let bodies: Vec<_> = recorder.logs().into_iter().map(|log| log.body).collect();
    assert_eq!(bodies, [Some("one".into()), Some("three".into())]);
}

#[test]
fn record_belongs_to_the_ambient_or_given_span_or_none() {
    static LOGGER: Logger = Logger::new(Scope::new("spans"));
    let recorder = Recorder::install();
    let given = TRACER.start("given");
    let ambient = TRACER.enter("ambient");
    let remote = SpanContext {
        trace_id: TraceId { high: 1, low: 2 },
        span_id: 3,
        ..SpanContext::default()
    };
    LOGGER.log(Severity::Info, "ambient");
    LOGGER.record(Severity::Info).with_span(&given).emit();
    LOGGER.record(Severity::Info).with_span(&remote).emit();
    LOGGER
        .record(Severity::Info)
        .with_span(SpanReference::None)
        .emit();
    let spans: Vec<_> = recorder.logs().into_iter().map(|log| log.span).collect();
    assert_eq!(
        spans,
        [ambient.context(), given.context(), Some(remote), None]
    );
}

#[test]
fn severities_are_numbered_as_in_the_data_model() {
    assert_eq!(Severity::Trace.number(), 1);
    assert_eq!(Severity::Info.number(), 9);
    assert_eq!(Severity::Fatal4.number(), 24);
    for number in 1..=24 {
        assert_eq!(
            Severity::from_number(number).map(Severity::number),
            Some(number)
        );
    }
    assert_eq!(Severity::from_number(0), None);
    assert_eq!(Severity::from_number(25), None);
}

#[test]
fn values_built_at_run_time_arrive_in_bodies_and_attributes() {
    static LOGGER: Logger = Logger::new(Scope::new("orders"));
    let recorder = Recorder::install();
    let mut stock = OwnedValue::map([("tea", OwnedValue::map([("count", 3), ("reserved", 1)]))]);
    stock.insert("names", OwnedValue::array(["tea", "cup"]));
    stock.insert("bytes", &[1u8, 2][..]);
    stock.insert("huge", u128::MAX);
    LOGGER
        .record(Severity::Info)
        .with_body(&stock)
        .with_attributes(fields!["stock" => &stock, "text" => &OwnedValue::from("plain")])
        .emit();
    LOGGER.emit(&[Record::new()
        .with_severity(Severity::Info)
        .with_body(AnyValue::array(&[(&stock).into()]))]);
    let expected = map(&[
        ("tea", map(&[("count", 3.into()), ("reserved", 1.into())])),
        ("names", vec!["tea", "cup"].into()),
        ("bytes", RecordedValue::Bytes(vec![1, 2])),
        ("huge", u128::MAX.to_string().into()),
    ]);
    let logs = recorder.logs();
    assert_eq!(logs[0].body, Some(expected.clone()));
    assert_eq!(logs[0].attribute("stock"), Some(&expected));
    assert_eq!(logs[0].attribute("text"), Some(&"plain".into()));
    assert_eq!(logs[1].body, Some(RecordedValue::Array(vec![expected])));
}

#[test]
fn unsigned_integers_that_are_too_wide_become_text_at_every_depth() {
    static LOGGER: Logger = Logger::new(Scope::new("orders"));
    let recorder = Recorder::install();
    LOGGER
        .record(Severity::Info)
        .with_body(u64::MAX)
        .with_attributes(fields![
            "fits" => 7u64,
            "size" => 3usize,
            "offset" => -3isize,
            "wide" => u64::MAX - 1,
            "nested" => AnyValue::map(&[("wide", (1u64 << 63).into())]),
        ])
        .emit();
    let log = &recorder.logs()[0];
    assert_eq!(log.body, Some("18446744073709551615".into()));
    assert_eq!(log.attribute("fits"), Some(&7.into()));
    assert_eq!(log.attribute("size"), Some(&3.into()));
    assert_eq!(log.attribute("offset"), Some(&(-3).into()));
    assert_eq!(log.attribute("wide"), Some(&"18446744073709551614".into()));
    let nested = map(&[("wide", "9223372036854775808".into())]);
    assert_eq!(log.attribute("nested"), Some(&nested));
}
