use std::fmt;

use ::log::{Level, Log, Metadata, Record};

use super::Bridge;
use crate::testing::{RecordedValue, Recorder};
use crate::{Scope, Severity, Tracer};

fn emit(bridge: &Bridge, target: &str, level: Level, text: &str) {
    bridge.log(
        &Record::builder()
            .target(target)
            .level(level)
            .file(Some("orders.rs"))
            .line(Some(7))
            .args(format_args!("{text}"))
            .build(),
    );
}

#[test]
fn init_connects_the_bridge_and_may_be_repeated() {
    let recorder = Recorder::install();
    drop(crate::init());
    super::init().expect("the logger is the bridge already");
    ::log::info!(target: "shop::orders", "accepted");
    assert_eq!(recorder.logs().len(), 1);
}

#[test]
fn target_is_the_scope_and_level_the_severity() {
    let recorder = Recorder::install();
    let levels = [
        (Level::Error, Severity::Error, "ERROR"),
        (Level::Warn, Severity::Warn, "WARN"),
        (Level::Info, Severity::Info, "INFO"),
        (Level::Debug, Severity::Debug, "DEBUG"),
        (Level::Trace, Severity::Trace, "TRACE"),
    ];
    for (level, _, _) in levels {
        emit(&Bridge::new(), "shop::orders", level, "accepted");
    }
    let logs = recorder.logs();
    assert_eq!(logs.len(), levels.len());
    for (log, (_, severity, text)) in logs.iter().zip(levels) {
        assert_eq!(log.scope.name, "shop::orders");
        assert_eq!(log.body, Some("accepted".into()));
        assert_eq!(log.severity, Some(severity));
        assert_eq!(log.severity_text.as_deref(), Some(text));
        assert_eq!(log.attributes, []);
    }
}

#[test]
fn key_values_keep_their_types() {
    struct Money;
    impl fmt::Display for Money {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("3 EUR")
        }
    }
    let money = Money;
    let pairs = [
        ("text", ::log::kv::Value::from("Ada")),
        ("yes", true.into()),
        ("int", (-3_i32).into()),
        ("float", 0.5.into()),
        ("large", u64::MAX.into()),
        ("null", ::log::kv::Value::null()),
        ("display", ::log::kv::Value::from_dyn_display(&money)),
    ];
    let recorder = Recorder::install();
    Bridge::new().log(
        &Record::builder()
            .target("kv")
            .args(format_args!("x"))
            .key_values(&pairs.as_slice())
            .build(),
    );
    let expected: [(&str, RecordedValue); 6] = [
        ("text", "Ada".into()),
        ("yes", true.into()),
        ("int", (-3_i64).into()),
        ("float", 0.5.into()),
        ("large", "18446744073709551615".into()),
        ("display", "3 EUR".into()),
    ];
    let expected = expected.map(|(key, value)| (key.to_owned(), value));
    assert_eq!(recorder.logs()[0].attributes, expected);
}

#[test]
fn disabled_record_makes_no_call() {
    let recorder = Recorder::install();
    recorder.set_log_threshold(Some(Severity::Info));
    emit(&Bridge::new(), "quiet", Level::Info, "first");
    let _ = recorder.take_calls();
    emit(&Bridge::new(), "quiet", Level::Debug, "second");
    assert!(
        !Bridge::new().enabled(
            &Metadata::builder()
                .target("quiet")
                .level(Level::Debug)
                .build()
        )
    );
    assert_eq!(recorder.take_calls(), Vec::<&str>::new());
    assert_eq!(recorder.logs().len(), 1);
}

#[test]
fn location_is_added_on_request() {
    let recorder = Recorder::install();
    emit(&Bridge::new().with_location(), "here", Level::Info, "x");
    let log = &recorder.logs()[0];
    assert_eq!(log.attribute("code.file.path"), Some(&"orders.rs".into()));
    assert_eq!(log.attribute("code.line.number"), Some(&7.into()));
}

#[test]
fn excess_targets_share_the_scope_of_their_crate() {
    let recorder = Recorder::install();
    for number in 0..200 {
        emit(
            &Bridge::new(),
            &format!("c{}::m{number}", number % 3),
            Level::Info,
            "x",
        );
    }
    let logs = recorder.logs();
    assert_eq!(logs[0].scope.name, "c0::m0");
    assert_eq!(logs[0].attribute("log.target"), None);
    assert_eq!(logs[199].scope.name, "c1");
    assert_eq!(logs[199].attribute("log.target"), Some(&"c1::m199".into()));
    let mut scopes: Vec<_> = logs.into_iter().map(|log| log.scope.name).collect();
    scopes.sort();
    scopes.dedup();
    assert_eq!(scopes.len(), 43);
}

#[test]
fn record_belongs_to_the_active_span() {
    static TRACER: Tracer = Tracer::new(Scope::new("t"));
    let recorder = Recorder::install();
    let span = TRACER.enter("outer");
    emit(&Bridge::new(), "in span", Level::Info, "x");
    drop(span);
    assert_eq!(
        recorder.logs()[0].span,
        Some(recorder.span("outer").context)
    );
}

#[test]
fn value_may_log_while_it_is_displayed() {
    struct Chatty;
    impl fmt::Display for Chatty {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            emit(&Bridge::new(), "inner", Level::Info, "from within");
            f.write_str("done")
        }
    }
    let chatty = Chatty;
    let pairs = [("chatty", ::log::kv::Value::from_dyn_display(&chatty))];
    let recorder = Recorder::install();
    Bridge::new().log(
        &Record::builder()
            .target("outer")
            .args(format_args!("{Chatty}"))
            .key_values(&pairs.as_slice())
            .build(),
    );
    let bodies: Vec<_> = recorder.logs().into_iter().map(|log| log.body).collect();
    let inner = Some("from within".into());
    assert_eq!(bodies, [inner.clone(), inner, Some("done".into())]);
}
