//! Exceeds the limits that its argument names by one. The scenarios set them low.

use scenarios::context::{self, BaggageEntry};
use scenarios::logger::{self, LogAttribute, LogRecord, LogValue, MapEntry, Severity};
use scenarios::meter::{self, InstrumentDescriptor, InstrumentKind, Number, Observation};
use scenarios::tracer::{self, LinkTarget, SpanChanges, SpanKind};
use scenarios::types::{InstrumentationScope, KeyValue, SpanReference};
use scenarios::{NOT_RECORDED, describe, end, kv, link, no_changes, remote, scope, set, start};

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("spans") => {
            one_span();
            values();
        }
        Some("variables") => {
            one_span();
            values();
            log_attributes();
        }
        Some("span-bytes") => span_bytes(),
        Some("open") => open(),
        Some("unrecorded") => unrecorded(),
        Some("context") => baggage(),
        Some("metrics") => metrics(),
        Some("provider") => provider(),
        Some("cardinality") => cardinality(8),
        Some("metric-bytes") => cardinality(40),
        Some("observations") => observations(),
        Some("logs") => logs(),
        Some("interned") => interned(),
        Some("call-bytes") => call_bytes(),
        other => panic!("limits that are not known: {other:?}"),
    }
}

fn tracer() -> u64 {
    tracer::get(&scope("limits"))
}

fn numbered(prefix: &str, count: i64) -> Vec<KeyValue> {
    (1..=count)
        .map(|number| kv(&format!("{prefix}{number}"), number))
        .collect()
}

fn one_span() {
    let span = tracer::start(
        tracer(),
        "too many of each",
        SpanKind::Internal,
        &SpanReference::Ambient,
        &numbered("start", 2),
        None,
        false,
    );
    let _ = tracer::update(span, &set(numbered("update", 2)));
    // Beyond the limit, an existing key can still be set.
    let _ = tracer::update(span, &set(vec![kv("start1", "again")]));
    for name in ["first", "second", "third"] {
        let _ = tracer::event(span, name, &numbered("event", 2), None);
    }
    for number in 1..=2 {
        let target = LinkTarget::Remote(remote(0xa, number, true, ""));
        let _ = tracer::update(span, &link(target, numbered("link", 2)));
    }
    end(span);
}

fn values() {
    let span = start(
        tracer(),
        "a name that is much too long for the limit",
        &SpanReference::Ambient,
    );
    let changes = SpanChanges {
        status: tracer::Status::Error("a description that is much too long".to_owned()),
        ..set(vec![
            kv("long", "0123456789abcdef"),
            kv("cut", "äöüßéè"),
            kv("a key that is too long", 1),
        ])
    };
    let _ = tracer::update(span, &changes);
    let _ = tracer::event(
        span,
        "an event's name that is too long",
        &[kv("long", "0123456789")],
        None,
    );
    end(span);
    let span = start(tracer(), "arrays", &SpanReference::Ambient);
    let arrays = vec![
        kv("ints", &[1, 2, 3, 4][..]),
        kv("texts", &["0123456789", "b", "c"][..]),
    ];
    let _ = tracer::end(span, &set(arrays), None);
}

fn span_bytes() {
    let big = |key: &str| vec![kv(key, "x".repeat(250))];
    let span = start(tracer(), "too large", &SpanReference::Ambient);
    for key in ["a", "b", "c", "d"] {
        let _ = tracer::update(span, &set(big(key)));
    }
    let _ = tracer::event(span, "has no room", &big("e"), None);
    end(span);
    let spans: Vec<_> = ["first", "second", "third", "fourth", "fifth"]
        .into_iter()
        .map(|name| {
            let span = start(tracer(), name, &SpanReference::Ambient);
            let _ = tracer::update(span, &set([big("a"), big("b")].concat()));
            span
        })
        .collect();
    spans.into_iter().for_each(end);
    let span = start(tracer(), "there is room again", &SpanReference::Ambient);
    let _ = tracer::end(span, &set(big("a")), None);
}

fn open() {
    let spans: Vec<_> = (1..=6)
        .map(|number| start(tracer(), &format!("open {number}"), &SpanReference::Ambient))
        .collect();
    let recorded: Vec<_> = spans.iter().map(|span| span & NOT_RECORDED == 0).collect();
    println!("recorded: {recorded:?}");
    println!(
        "context of the last: {}",
        describe(tracer::context_of(spans[5]).as_ref())
    );
    for span in &spans[..3] {
        let _ = tracer::enter(*span);
    }
    spans.into_iter().for_each(end);
    let span = start(tracer(), "there is room again", &SpanReference::Ambient);
    println!("recorded again: {}", span & NOT_RECORDED == 0);
    end(span);

    let full = InstrumentationScope {
        attributes: numbered("k", 2),
        ..scope("attributes")
    };
    end(start(
        tracer::get(&full),
        "of a scope with too many attributes",
        &SpanReference::Ambient,
    ));
    let large = InstrumentationScope {
        attributes: vec![kv("large", "x".repeat(100))],
        ..scope("bytes")
    };
    end(start(
        tracer::get(&large),
        "of a scope with too large attributes",
        &SpanReference::Ambient,
    ));
    let beyond = start(
        tracer::get(&scope("one too many")),
        "of a scope too many",
        &SpanReference::Ambient,
    );
    println!(
        "recorded by a scope too many: {}",
        beyond & NOT_RECORDED == 0
    );
    end(beyond);
}

fn unrecorded() {
    let roots: Vec<_> = (0..4)
        .map(|_| start(tracer(), "root", &SpanReference::None))
        .collect();
    for root in roots {
        println!("context: {}", describe(tracer::context_of(root).as_ref()));
    }
}

fn baggage() {
    let entry = |key: &str, value: &str| BaggageEntry {
        key: key.to_owned(),
        value: value.to_owned(),
        metadata: String::new(),
    };
    let show = |what: &str| {
        let mut entries: Vec<_> = context::baggage()
            .into_iter()
            .map(|entry| format!("{}={}", entry.key, entry.value))
            .collect();
        entries.sort();
        println!("{what}: {entries:?}");
    };
    let many: Vec<_> = ["a", "b", "c", "d"]
        .into_iter()
        .map(|key| entry(key, "1"))
        .collect();
    let first = context::enter_baggage(&many);
    show("entries");
    let second = context::enter_baggage(&[entry("a", "0123456789"), entry("b", "0123456789")]);
    show("bytes");
    let third = context::enter_baggage(&[entry("third", "1")]);
    show("one scope too many");
    for scope in [third, second, first] {
        let _ = context::exit_baggage(scope);
    }
    show("exited");
    let parent = SpanReference::Remote(remote(1, 2, true, "a=1,b=2,c=3,d=4"));
    let span = start(tracer(), "with a tracestate that is too long", &parent);
    println!(
        "tracestate: {}",
        describe(tracer::context_of(span).as_ref())
    );
    end(span);
}

fn counter(meter: u64, name: &str, kind: InstrumentKind) -> u64 {
    let descriptor = InstrumentDescriptor {
        name: name.to_owned(),
        kind,
        unit: None,
        description: None,
        boundaries: None,
    };
    meter::create(meter, &descriptor)
}

fn metrics() {
    let meter = meter::get(&scope("limits"));
    let first = counter(meter, "first", InstrumentKind::CounterU64);
    let _ = meter::measure(first, Number::Unsigned(1), &numbered("k", 3));
    for number in 1..=3 {
        let series = meter::bind(first, &[kv("bound", number)]);
        let _ = meter::measure_series(series, Number::Unsigned(1));
    }
    for boundaries in [vec![1.0, 2.0], vec![1.0, 2.0, 3.0]] {
        let descriptor = InstrumentDescriptor {
            name: format!("histogram.{}", boundaries.len()),
            kind: InstrumentKind::HistogramF64,
            unit: None,
            description: None,
            boundaries: Some(boundaries),
        };
        let _ = meter::measure(meter::create(meter, &descriptor), Number::Float(1.5), &[]);
    }
    let other = meter::get(&scope("limits.second"));
    let fourth = counter(other, "fourth", InstrumentKind::CounterU64);
    let _ = meter::measure(fourth, Number::Unsigned(1), &[]);
    let fifth = counter(other, "fifth", InstrumentKind::CounterU64);
    let _ = meter::measure(fifth, Number::Unsigned(1), &[]);
    let third = meter::get(&scope("limits.third"));
    let lost = counter(third, "of.a.meter.too.many", InstrumentKind::CounterU64);
    let _ = meter::measure(lost, Number::Unsigned(1), &[]);
}

fn provider() {
    for (name, instrument) in [
        ("one", "a"),
        ("two", "a"),
        ("three", "a"),
        ("one", "b"),
        ("one", "c"),
    ] {
        let counter = counter(
            meter::get(&scope(name)),
            instrument,
            InstrumentKind::CounterU64,
        );
        let _ = meter::measure(counter, Number::Unsigned(1), &[]);
        let span = start(
            tracer::get(&scope(name)),
            instrument,
            &SpanReference::Ambient,
        );
        end(span);
    }
}

fn cardinality(count: i64) {
    let meter = meter::get(&scope("limits"));
    let counter = counter(meter, "counted", InstrumentKind::CounterU64);
    for round in 0..2 {
        for number in 0..count {
            let padding = "x".repeat(50);
            let _ = meter::measure(
                counter,
                Number::Unsigned(1),
                &[kv("n", number), kv("padding", &*padding)],
            );
        }
        println!("round {round}");
    }
}

fn observations() {
    let meter = meter::get(&scope("limits"));
    let gauge = counter(meter, "observed", InstrumentKind::ObservableGaugeU64);
    let observer = meter::create_observer();
    let observe = |numbers: std::ops::Range<u64>| {
        let observations: Vec<_> = numbers
            .map(|number| Observation {
                instrument: gauge,
                value: Number::Unsigned(number),
                attributes: vec![kv("n", number as i64)],
            })
            .collect();
        let _ = meter::observe(observer, &observations, false);
    };
    observe(0..2);
    observe(1..5);
    // An empty round frees the places.
    let _ = meter::observe(observer, &[], true);
    let _ = meter::observe(observer, &[], true);
    observe(1..3);
    for _ in 0..64 {
        let _ = meter::create_observer();
    }
    let beyond = meter::create_observer();
    let _ = meter::observe(beyond, &[], true);
}

fn record(body: &str) -> LogRecord {
    LogRecord {
        body: Some(LogValue::StringValue(body.to_owned())),
        severity: Some(Severity::Info),
        severity_text: None,
        event_name: None,
        attributes: Vec::new(),
        nodes: Vec::new(),
        time: None,
        context: SpanReference::Ambient,
    }
}

fn attribute(key: &str, value: LogValue) -> LogAttribute {
    LogAttribute {
        key: key.to_owned(),
        value,
    }
}

fn log_attributes() {
    let logger = logger::get(&scope("limits"));
    let text = |text: &str| LogValue::StringValue(text.to_owned());
    let many = ["a", "b", "c"]
        .map(|key| attribute(key, LogValue::IntValue(1)))
        .to_vec();
    let long = vec![
        attribute("long", text("0123456789")),
        attribute("cut", text("äöüßéè")),
    ];
    let nested = vec![attribute("nested", LogValue::ArrayValue(vec![0]))];
    let _ = logger::emit(
        logger,
        &[
            LogRecord {
                attributes: many,
                ..record("too many attributes")
            },
            LogRecord {
                attributes: long,
                ..record("long values; a body may be as long as it likes")
            },
            LogRecord {
                attributes: nested,
                nodes: vec![text("0123456789")],
                ..record("a long value in a nested one")
            },
        ],
    );
}

fn logs() {
    log_attributes();
    let logger = logger::get(&scope("limits"));
    let array = |children: &[u32]| LogValue::ArrayValue(children.to_vec());
    let int = LogValue::IntValue(1);
    let nodes = |count: u32| LogRecord {
        body: Some(array(&(0..count).collect::<Vec<_>>())),
        nodes: vec![int.clone(); count as usize],
        ..record("")
    };
    let depth = |levels: u32| LogRecord {
        body: Some(array(&[0])),
        nodes: (1..levels)
            .map(|level| array(&[level]))
            .chain([int.clone()])
            .collect(),
        ..record("")
    };
    let named = |mut record: LogRecord, name: &str| {
        record.attributes = vec![attribute("what", LogValue::StringValue(name.to_owned()))];
        record
    };
    let map = LogRecord {
        body: Some(LogValue::MapValue(vec![MapEntry {
            key: "a".to_owned(),
            node: 0,
        }])),
        nodes: vec![LogValue::BytesValue(vec![7; 1_000])],
        ..record("")
    };
    let _ = logger::emit(
        logger,
        &[
            named(nodes(4), "4"),
            named(nodes(5), "5"),
            named(depth(2), "2"),
            named(depth(3), "3"),
            named(depth(4), "4 deep"),
            named(map, "big"),
            record(&"x".repeat(1_000)),
        ],
    );
    for name in ["second", "third", "fourth"] {
        let _ = logger::emit(
            logger::get(&scope(name)),
            &[record("of a scope, which may be one too many")],
        );
    }
}

fn interned() {
    let logger = logger::get(&scope("limits"));
    let event = |name: &str| LogRecord {
        event_name: Some(name.to_owned()),
        ..record("an event")
    };
    let _ = logger::emit(
        logger,
        &[
            event("first"),
            event("second"),
            LogRecord {
                severity_text: Some("HM".to_owned()),
                ..event("first")
            },
            event("fourth, beyond the number"),
            LogRecord {
                severity_text: Some("HMM".to_owned()),
                ..event("first")
            },
            event(&"beyond the bytes ".repeat(3)),
        ],
    );
}

fn call_bytes() {
    let span = start(
        tracer(),
        "calls that bring too much",
        &SpanReference::Ambient,
    );
    let _ = tracer::update(
        span,
        &set(vec![
            kv("fits", "x".repeat(10)),
            kv("does.not", "y".repeat(5_000)),
            kv("after.it", 1),
        ]),
    );
    let _ = tracer::event(span, "many", &numbered("k", 500), None);
    let _ = tracer::end(span, &no_changes(), None);
    let logger = logger::get(&scope("limits"));
    let _ = logger::emit(
        logger,
        &[
            record("fits"),
            record(&"x".repeat(5_000)),
            record("after it"),
        ],
    );
    let counter = counter(
        meter::get(&scope("limits")),
        "counted",
        InstrumentKind::CounterU64,
    );
    let _ = meter::measure(counter, Number::Unsigned(1), &[kv("k", "x".repeat(5_000))]);
}
