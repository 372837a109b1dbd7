//! Every function of `logger`.

use scenarios::logger::{self, LogAttribute, LogRecord, LogValue, MapEntry, Severity};
use scenarios::types::{InstrumentationScope, SpanReference};
use scenarios::{end, every_value, remote, scope, start, tracer};

const SEVERITIES: [Severity; 24] = [
    Severity::Trace,
    Severity::Trace2,
    Severity::Trace3,
    Severity::Trace4,
    Severity::Debug,
    Severity::Debug2,
    Severity::Debug3,
    Severity::Debug4,
    Severity::Info,
    Severity::Info2,
    Severity::Info3,
    Severity::Info4,
    Severity::Warn,
    Severity::Warn2,
    Severity::Warn3,
    Severity::Warn4,
    Severity::Error,
    Severity::Error2,
    Severity::Error3,
    Severity::Error4,
    Severity::Fatal,
    Severity::Fatal2,
    Severity::Fatal3,
    Severity::Fatal4,
];

fn main() {
    let full = InstrumentationScope {
        name: "raw.logs".to_owned(),
        version: Some("1.2.3".to_owned()),
        schema_url: Some("https://example.com/schema/1".to_owned()),
        attributes: every_value(),
    };
    let logger = logger::get(&full);
    println!(
        "equal scopes, equal loggers: {}",
        logger == logger::get(&full)
    );
    let _ = logger::emit(logger, &[text("of a scope with everything")]);
    let logger = logger::get(&scope("raw.logs"));
    println!(
        "other scopes, other loggers: {}",
        logger != logger::get(&full)
    );

    let records: Vec<_> = SEVERITIES
        .into_iter()
        .map(|severity| LogRecord {
            severity: Some(severity),
            ..text(&format!("{severity:?}"))
        })
        .collect();
    let _ = logger::emit(logger, &records);

    values(logger);
    contexts(logger);
    rest(logger);
    broken(logger);
    thresholds();
}

fn record() -> LogRecord {
    LogRecord {
        body: None,
        severity: None,
        severity_text: None,
        event_name: None,
        attributes: Vec::new(),
        nodes: Vec::new(),
        time: None,
        context: SpanReference::Ambient,
    }
}

fn text(body: &str) -> LogRecord {
    LogRecord {
        body: Some(LogValue::StringValue(body.to_owned())),
        ..record()
    }
}

fn attribute(key: &str, value: LogValue) -> LogAttribute {
    LogAttribute {
        key: key.to_owned(),
        value,
    }
}

fn entry(key: &str, node: u32) -> MapEntry {
    MapEntry {
        key: key.to_owned(),
        node,
    }
}

fn values(logger: u64) {
    let bodies = [
        LogValue::StringValue("ünïcödé 🦀".to_owned()),
        LogValue::BoolValue(true),
        LogValue::IntValue(i64::MIN),
        LogValue::DoubleValue(f64::NAN),
        LogValue::BytesValue(vec![0, 127, 128, 255]),
    ];
    for body in bodies {
        let _ = logger::emit(
            logger,
            &[LogRecord {
                body: Some(body),
                ..record()
            }],
        );
    }
    let nested = LogRecord {
        body: Some(LogValue::MapValue(vec![
            entry("list", 0),
            entry("map", 1),
            entry("twice", 2),
            entry("twice", 3),
        ])),
        attributes: vec![
            attribute("flat", LogValue::IntValue(1)),
            attribute("bytes", LogValue::BytesValue(b"raw".to_vec())),
            attribute("nested", LogValue::ArrayValue(vec![4, 5])),
            attribute("twice", LogValue::IntValue(1)),
            attribute("twice", LogValue::BoolValue(true)),
        ],
        nodes: vec![
            LogValue::ArrayValue(vec![6, 7, 8]),
            LogValue::MapValue(vec![entry("inner", 9)]),
            LogValue::IntValue(1),
            LogValue::IntValue(2),
            LogValue::StringValue("first".to_owned()),
            LogValue::MapValue(vec![entry("deep", 10)]),
            LogValue::DoubleValue(0.5),
            LogValue::BytesValue(vec![1, 2]),
            LogValue::ArrayValue(vec![]),
            LogValue::BoolValue(false),
            LogValue::MapValue(vec![]),
        ],
        ..record()
    };
    let _ = logger::emit(logger, &[nested]);
}

fn contexts(logger: u64) {
    let tracer = tracer::get(&scope("raw.logs"));
    let span = start(tracer, "with logs", &SpanReference::Ambient);
    let _ = tracer::enter(span);
    let with = |body: &str, context| LogRecord {
        context,
        ..text(body)
    };
    let _ = logger::emit(
        logger,
        &[
            with("in the ambient span", SpanReference::Ambient),
            with("in no span", SpanReference::None),
            with(
                "in a remote span",
                SpanReference::Remote(remote(0xa, 0xb, true, "")),
            ),
            with(
                "in an unsampled remote span",
                SpanReference::Remote(remote(0xa, 0xc, false, "")),
            ),
            with(
                "in an invalid remote span, so in none",
                SpanReference::Remote(remote(0xa, 0, true, "")),
            ),
        ],
    );
    let _ = tracer::exit(span);
    end(span);
    let _ = logger::emit(
        logger,
        &[
            with("in a given span that has ended", SpanReference::Span(span)),
            with(
                "a wrong handle, so in the ambient span: the host's",
                SpanReference::Span(77),
            ),
        ],
    );
}

fn rest(logger: u64) {
    let event = LogRecord {
        event_name: Some("order.placed".to_owned()),
        severity: Some(Severity::Info),
        severity_text: Some("NOTICE".to_owned()),
        ..text("an event with a severity of its own")
    };
    let past = LogRecord {
        time: Some(1_767_323_045_000_000_000),
        ..text("long ago")
    };
    let _ = logger::emit(logger, &[event, past, record()]);
    let _ = logger::emit(logger, &[]);
}

/// Each loses its nested values, and keeps the rest.
fn broken(logger: u64) {
    let broken = |what: &str, body: LogValue, nodes| LogRecord {
        body: Some(body),
        nodes,
        attributes: vec![attribute("what", LogValue::StringValue(what.to_owned()))],
        ..record()
    };
    let array = |children: &[u32]| LogValue::ArrayValue(children.to_vec());
    let int = LogValue::IntValue(1);
    let deep = |levels: u32| -> Vec<LogValue> {
        (1..levels)
            .map(|level| array(&[level]))
            .chain([int.clone()])
            .collect()
    };
    let records = [
        broken(
            "a child that does not exist",
            array(&[5]),
            vec![int.clone()],
        ),
        broken("a node referenced twice", array(&[0, 0]), vec![int.clone()]),
        broken(
            "a child before its parent",
            array(&[1]),
            vec![int.clone(), array(&[0])],
        ),
        broken("its own child", array(&[0]), vec![array(&[0])]),
        broken(
            "a node that nothing refers to",
            array(&[0]),
            vec![int.clone(), int.clone()],
        ),
        broken("too deep", array(&[0]), deep(40)),
        broken(
            "too many",
            array(&(0..1_025).collect::<Vec<_>>()),
            vec![int.clone(); 1_025],
        ),
    ];
    let _ = logger::emit(logger, &records);
}

fn thresholds() {
    for name in [
        "raw.logs",
        "raw.logs.warn",
        "raw.logs.warn::inner",
        "raw.logs.off",
    ] {
        let logger = logger::get(&scope(name));
        let threshold = logger::threshold(logger);
        let enabled = |severity, event| logger::enabled(logger, severity, event);
        println!(
            "{name}: threshold {:?}, info {}, warn {}, without severity {}, an event {}",
            threshold.severity,
            enabled(Some(Severity::Info), None),
            enabled(Some(Severity::Warn), None),
            enabled(None, None),
            enabled(Some(Severity::Error), Some("an.event")),
        );
        let _ = logger::emit(
            logger,
            &[
                LogRecord {
                    severity: Some(Severity::Info),
                    ..text("below, or not")
                },
                LogRecord {
                    severity: Some(Severity::Warn),
                    ..text("at it, or not")
                },
                LogRecord {
                    severity: None,
                    ..text("without a severity")
                },
            ],
        );
    }
}
