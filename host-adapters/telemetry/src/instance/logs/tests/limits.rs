//! The limits on logs.

use super::*;

#[test]
fn records_of_scopes_beyond_the_limit_are_counted() {
    let limits = Limits {
        log_scopes: 1,
        ..Limits::default()
    };
    let host = Host::with(limits, "warn");
    let mut guest = host.telemetry.instance("shop");
    let first = guest.logger(scope("a"));
    let beyond = guest.logger(scope("b"));
    assert_eq!(guest.logger(scope("a")), first);
    assert_eq!(guest.log_threshold(beyond).severity, Some(Severity::Warn));
    assert!(guest.log_enabled(beyond, Some(Severity::Warn), None));
    guest.emit_logs(beyond, vec![message("x", Severity::Fatal); 3]);
    assert_eq!(host.dropped(Reason::LogScopes), 3);
    assert_eq!(host.records().len(), 0);
}

#[test]
fn severity_texts_are_interned_within_limits() {
    let limits = Limits {
        interned: 1,
        ..Limits::default()
    };
    let host = Host::with(limits, "trace");
    for (text, expected, dropped) in [
        ("WARNING", Some("WARNING"), 0),
        ("custom", Some("custom"), 0),
        ("another", None, 1),
        ("custom", Some("custom"), 1),
    ] {
        let record = host.emit(LogRecord {
            severity_text: Some(String::from(text).into()),
            ..LogRecord::default()
        });
        assert_eq!(record.severity_text(), expected);
        assert_eq!(host.dropped(Reason::Interned), dropped);
    }
}

#[test]
fn event_names_beyond_the_limit_become_attributes_and_are_counted() {
    let limits = Limits {
        interned: 1,
        log_attributes: 1,
        ..Limits::default()
    };
    let host = Host::with(limits, "trace");
    let event = |name: &str| LogRecord {
        event_name: Some(String::from(name).into()),
        attributes: vec![(Key::from("a"), LogValue::Int(1))],
        ..LogRecord::default()
    };
    assert_eq!(host.emit(event("kept")).event_name(), Some("kept"));
    let beyond = host.emit(event("beyond"));
    assert_eq!(beyond.event_name(), None);
    assert_eq!(
        attributes(&beyond),
        [
            ("otel.event.name", AnyValue::String("beyond".into())),
            ("a", AnyValue::Int(1))
        ]
    );
    assert_eq!(host.dropped(Reason::Interned), 1);
    assert_eq!(host.emit(event("kept")).event_name(), Some("kept"));
}

#[test]
fn attributes_are_limited() {
    let limits = Limits {
        log_attributes: 2,
        key_bytes: 4,
        log_value_chars: Some(3),
        ..Limits::default()
    };
    let host = Host::with(limits, "trace");
    let attribute = |key: &'static str, value: &str| (Key::from(key), string(value));
    let record = host.emit(LogRecord {
        body: Some(string("longer than three")),
        attributes: vec![
            attribute("", "x"),
            attribute("a", "1"),
            attribute("too long", "x"),
            attribute("b", "abcdef"),
            attribute("c", "x"),
            attribute("a", "2"),
        ],
        ..LogRecord::default()
    });
    assert_eq!(
        attributes(&record),
        [
            ("a", AnyValue::String("2".into())),
            ("b", AnyValue::String("abc".into()))
        ]
    );
    assert_eq!(
        record.body(),
        Some(&AnyValue::String("longer than three".into()))
    );
    for (reason, count) in [
        (Reason::EmptyKey, 1),
        (Reason::KeyBytes, 1),
        (Reason::LogAttributes, 1),
        (Reason::LogValueChars, 1),
    ] {
        assert_eq!(host.dropped(reason), count, "{reason:?}");
    }
}

#[test]
fn items_that_are_dropped_whole_are_counted_once() {
    let limits = Limits {
        log_attributes: 1,
        log_bytes: 200,
        value_bytes: 20,
        text_bytes: 8,
        interned: 0,
        interned_bytes: 0,
        ..Limits::default()
    };
    let host = Host::with(limits, "trace");
    let total = || host.telemetry.dropped().total(Signal::Logs);
    let long = || string(&"x".repeat(30));
    let record = |attributes: &[&'static str]| LogRecord {
        attributes: attributes
            .iter()
            .map(|key| (Key::from(*key), long()))
            .collect(),
        ..LogRecord::default()
    };
    // The first attribute is shortened. The second is beyond the limit, and too long.
    host.emit(record(&["a", "b"]));
    assert_eq!(host.dropped(Reason::ValueBytes), 1);
    assert_eq!((host.dropped(Reason::LogAttributes), total()), (1, 2));
    // Each value is too long, and so is their sum.
    let nodes: Vec<_> = (0..20).map(|_| long()).collect();
    host.emit(LogRecord {
        body: Some(LogValue::Array((0..20).collect())),
        nodes,
        ..record(&[])
    });
    assert_eq!((host.dropped(Reason::LogBytes), total()), (1, 3));
    // An event name beyond the limit becomes an attribute, and is too long for one.
    host.emit(LogRecord {
        event_name: Some("a name that is too long".into()),
        ..record(&[])
    });
    assert_eq!((host.dropped(Reason::Interned), total()), (1, 4));
}

#[test]
fn invalid_nested_values_are_dropped_without_the_rest() {
    let host = Host::new();
    let record = host.emit(LogRecord {
        body: Some(LogValue::Array(vec![0, 0])),
        attributes: vec![
            (Key::from("a"), LogValue::Int(1)),
            (Key::from("b"), LogValue::Map(vec![])),
        ],
        nodes: vec![string("x")],
        severity: Some(Severity::Error),
        ..LogRecord::default()
    });
    assert_eq!(record.body(), None);
    assert_eq!(attributes(&record), [("a", AnyValue::Int(1))]);
    assert_eq!(record.severity_number(), Some(Severity::Error));
    assert_eq!(host.dropped(Reason::NestedValue), 2);
}

#[test]
fn bytes_of_a_record_are_limited() {
    let limits = Limits {
        log_bytes: 2_000,
        ..Limits::default()
    };
    let host = Host::with(limits, "trace");
    let long = |key: &'static str| (Key::from(key), string(&"x".repeat(800)));
    let record = host.emit(LogRecord {
        body: Some(string("short")),
        attributes: vec![
            long("a"),
            long("b"),
            long("c"),
            (Key::from("d"), LogValue::Int(1)),
        ],
        ..LogRecord::default()
    });
    let keys: Vec<_> = record
        .attributes_iter()
        .map(|(key, _)| key.as_str())
        .collect();
    assert_eq!(keys, ["a", "b", "d"]);
    assert_eq!(host.dropped(Reason::LogBytes), 1);
    let record = host.emit(LogRecord {
        body: Some(string(&"x".repeat(3_000))),
        ..LogRecord::default()
    });
    assert_eq!(record.body(), None);
    assert_eq!(host.dropped(Reason::LogBytes), 2);
}

#[test]
fn ten_thousand_instances_with_fresh_names_stay_bounded() {
    let host = Host::new();
    for round in 0..10_000 {
        let mut guest = host.telemetry.instance("shop");
        let logger = guest.logger(scope(&format!("scope{round}")));
        guest.emit_logs(
            logger,
            vec![LogRecord {
                event_name: Some(format!("bounded.event{round}").into()),
                ..LogRecord::default()
            }],
        );
        if round % 1_000 == 0 {
            host.exporter.reset();
        }
    }
    assert_eq!(
        host.telemetry.0.loggers.len(),
        host.telemetry.limits().scopes_per_provider
    );
    assert_eq!(host.dropped(Reason::Interned), 10_000 - 1_024);
}
