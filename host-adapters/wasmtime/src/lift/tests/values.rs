use opentelemetry::logs::Severity;
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{Array, Key, KeyValue, StringValue, Value};
use wasmscope_telemetry::model::*;
use wasmtime::component::Val;

use super::{ENCODINGS, echo};

fn text(text: &str) -> Val {
    Val::String(text.to_owned())
}

fn some(value: Val) -> Val {
    Val::Option(Some(Box::new(value)))
}

const NONE: Val = Val::Option(None);

fn record<const N: usize>(fields: [(&str, Val); N]) -> Val {
    Val::Record(
        fields
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec(),
    )
}

fn case(name: &str, payload: impl Into<Option<Val>>) -> Val {
    Val::Variant(name.to_owned(), payload.into().map(Box::new))
}

fn enumerated(name: &str) -> Val {
    Val::Enum(name.to_owned())
}

/// Texts in ASCII, in Latin 1, with one and with two units in UTF-16, and an empty one.
const TEXTS: [&str; 5] = ["plain", "gr\u{fc}n", "\u{20ac}uro", "crab \u{1f980}!", ""];

/// An attribute of each kind.
fn attributes() -> (Val, Vec<KeyValue>) {
    let samples: [(&str, Val, Value); 8] = [
        ("bool-value", Val::Bool(true), Value::Bool(true)),
        ("int-value", Val::S64(i64::MIN), Value::I64(i64::MIN)),
        (
            "double-value",
            Val::Float64(f64::NEG_INFINITY),
            Value::F64(f64::NEG_INFINITY),
        ),
        (
            "string-array",
            Val::List(TEXTS.map(text).to_vec()),
            Value::Array(Array::String(
                TEXTS
                    .map(|text| StringValue::from(text.to_owned()))
                    .to_vec(),
            )),
        ),
        (
            "bool-array",
            Val::List(vec![Val::Bool(false), Val::Bool(true)]),
            Value::Array(Array::Bool(vec![false, true])),
        ),
        (
            "int-array",
            Val::List(vec![Val::S64(-1), Val::S64(i64::MAX)]),
            Value::Array(Array::I64(vec![-1, i64::MAX])),
        ),
        (
            "double-array",
            Val::List(vec![Val::Float64(0.5), Val::Float64(f64::NAN)]),
            Value::Array(Array::F64(vec![0.5, f64::NAN])),
        ),
        (
            "string-array",
            Val::List(vec![]),
            Value::Array(Array::String(vec![])),
        ),
    ];
    let texts = TEXTS.map(|sample| ("string-value", text(sample), Value::from(sample.to_owned())));
    let mut values = Vec::new();
    let mut expected = Vec::new();
    for (index, (kind, value, model)) in texts.into_iter().chain(samples).enumerate() {
        let key = format!("{}{index}", TEXTS[index % TEXTS.len()]);
        values.push(record([("key", text(&key)), ("value", case(kind, value))]));
        expected.push(KeyValue::new(key, model));
    }
    (Val::List(values), expected)
}

fn remote_context() -> (Val, RemoteContext) {
    let value = record([
        (
            "trace-id",
            record([("high", Val::U64(u64::MAX - 1)), ("low", Val::U64(2))]),
        ),
        ("span-id", Val::U64(3)),
        ("trace-flags", Val::Flags(vec!["random".to_owned()])),
        ("trace-state", text("vendor=\u{e9}\u{20ac}")),
    ]);
    let expected = RemoteContext {
        trace_id: (u64::MAX - 1, 2),
        span_id: 3,
        trace_flags: 0b10,
        trace_state: "vendor=\u{e9}\u{20ac}".to_owned(),
    };
    (value, expected)
}

fn changes() -> (Val, SpanChanges) {
    let (attributes, expected_attributes) = attributes();
    let (context, expected_context) = remote_context();
    let link = |target, attributes| record([("target", target), ("attributes", attributes)]);
    let value = record([
        ("name", some(text("renamed \u{1f980}"))),
        ("status", case("error", text("went wr\u{f6}ng"))),
        ("attributes", attributes.clone()),
        (
            "links",
            Val::List(vec![
                link(case("span", Val::U64(77)), Val::List(vec![])),
                link(case("remote", context), attributes),
            ]),
        ),
    ]);
    let expected = SpanChanges {
        name: Some("renamed \u{1f980}".to_owned()),
        status: Status::error("went wr\u{f6}ng"),
        attributes: expected_attributes.clone(),
        links: vec![
            SpanLink {
                target: LinkTarget::Span(SpanHandle::from_bits(77)),
                attributes: vec![],
            },
            SpanLink {
                target: LinkTarget::Remote(expected_context),
                attributes: expected_attributes,
            },
        ],
    };
    (value, expected)
}

/// Asserts that the values arrive as expected in every encoding, with nothing left out.
fn arrives(interface: &str, function: &str, arguments: &[Val], expected: impl std::fmt::Debug) {
    for encoding in ENCODINGS {
        let last = echo(encoding, interface, function, arguments);
        // Whether a text came from the string cache does not matter.
        let shown = |text: &str| text.replace("Static(", "Owned(");
        assert_eq!(
            shown(&last.arguments),
            shown(&format!("{expected:?}")),
            "{function} in {encoding:?}"
        );
        assert_eq!(last.left_out, 0);
    }
}

#[test]
fn scopes_arrive_unchanged() {
    let (attributes, expected) = attributes();
    let scope = record([
        ("name", text("scope \u{20ac}")),
        ("version", some(text("1.2.3"))),
        ("schema-url", NONE),
        ("attributes", attributes),
    ]);
    let expected = Scope::builder("scope \u{20ac}")
        .with_version("1.2.3")
        .with_attributes(expected)
        .build();
    arrives("tracer", "get", &[scope], expected);
}

#[test]
fn span_starts_arrive_with_every_kind_of_parent() {
    let (attributes, expected_attributes) = attributes();
    let (context, expected_context) = remote_context();
    let parents = [
        (
            case("ambient", None),
            SpanReference::Ambient,
            SpanKind::Internal,
            "internal",
        ),
        (
            case("none", None),
            SpanReference::None,
            SpanKind::Server,
            "server",
        ),
        (
            case("span", Val::U64(9)),
            SpanReference::Span(SpanHandle::from_bits(9)),
            SpanKind::Client,
            "client",
        ),
        (
            case("span", Val::U64(u64::MAX)),
            SpanReference::Span(SpanHandle::from_bits(u64::MAX)),
            SpanKind::Producer,
            "producer",
        ),
        (
            case("remote", context),
            SpanReference::Remote(expected_context),
            SpanKind::Consumer,
            "consumer",
        ),
    ];
    for (index, (parent, expected_parent, kind, kind_name)) in parents.into_iter().enumerate() {
        let start_time = (index % 2 == 0).then_some(u64::MAX);
        let arguments = [
            Val::U64(1),
            text("work"),
            enumerated(kind_name),
            parent,
            attributes.clone(),
            start_time.map_or(NONE, |time| some(Val::U64(time))),
            Val::Bool(index % 2 == 1),
        ];
        let expected = SpanStart {
            tracer: TracerHandle::from_bits(1),
            name: "work".into(),
            kind,
            parent: expected_parent,
            attributes: expected_attributes.clone(),
            start_time,
            activate: index % 2 == 1,
        };
        arrives("tracer", "start", &arguments, expected);
    }
}

#[test]
fn changes_events_and_ends_arrive_unchanged() {
    let (value, expected) = changes();
    arrives(
        "tracer",
        "update",
        &[Val::U64(5), value.clone()],
        (5, expected.clone()),
    );
    arrives(
        "tracer",
        "end",
        &[Val::U64(5), value, some(Val::U64(8))],
        (5, expected, Some(8)),
    );

    let unchanged = record([
        ("name", NONE),
        ("status", case("ok", None)),
        ("attributes", Val::List(vec![])),
        ("links", Val::List(vec![])),
    ]);
    let expected = SpanChanges {
        status: Status::Ok,
        ..SpanChanges::default()
    };
    arrives(
        "tracer",
        "end",
        &[Val::U64(5), unchanged, NONE],
        (5, expected, None::<u64>),
    );

    let (attributes, expected) = attributes();
    let event = SpanEvent {
        name: "hit".into(),
        attributes: expected,
        time: Some(4),
    };
    arrives(
        "tracer",
        "event",
        &[Val::U64(6), text("hit"), attributes, some(Val::U64(4))],
        (6, event),
    );
}

#[test]
fn descriptors_arrive_with_every_kind() {
    let kinds = [
        ("counter-u64", InstrumentKind::CounterU64),
        ("counter-f64", InstrumentKind::CounterF64),
        ("up-down-counter-s64", InstrumentKind::UpDownCounterS64),
        ("up-down-counter-f64", InstrumentKind::UpDownCounterF64),
        ("histogram-u64", InstrumentKind::HistogramU64),
        ("histogram-f64", InstrumentKind::HistogramF64),
        ("gauge-u64", InstrumentKind::GaugeU64),
        ("gauge-s64", InstrumentKind::GaugeS64),
        ("gauge-f64", InstrumentKind::GaugeF64),
        (
            "observable-counter-u64",
            InstrumentKind::ObservableCounterU64,
        ),
        (
            "observable-counter-f64",
            InstrumentKind::ObservableCounterF64,
        ),
        (
            "observable-up-down-counter-s64",
            InstrumentKind::ObservableUpDownCounterS64,
        ),
        (
            "observable-up-down-counter-f64",
            InstrumentKind::ObservableUpDownCounterF64,
        ),
        ("observable-gauge-u64", InstrumentKind::ObservableGaugeU64),
        ("observable-gauge-s64", InstrumentKind::ObservableGaugeS64),
        ("observable-gauge-f64", InstrumentKind::ObservableGaugeF64),
    ];
    for (index, (name, kind)) in kinds.into_iter().enumerate() {
        let boundaries = (index % 2 == 0).then(|| vec![0.5, f64::MAX]);
        let list =
            |bounds: &Vec<f64>| Val::List(bounds.iter().copied().map(Val::Float64).collect());
        let descriptor = record([
            ("name", text("requests")),
            ("kind", enumerated(name)),
            ("unit", some(text("{\u{b5}s}"))),
            ("description", NONE),
            (
                "boundaries",
                boundaries
                    .as_ref()
                    .map_or(NONE, |bounds| some(list(bounds))),
            ),
        ]);
        let expected = InstrumentDescriptor {
            name: "requests".to_owned(),
            kind,
            unit: Some("{\u{b5}s}".to_owned()),
            description: None,
            boundaries,
        };
        let last = echo(
            ENCODINGS[index % 3],
            "meter",
            "create",
            &[Val::U64(3), descriptor],
        );
        assert_eq!(last.arguments, format!("{:?}", (3, expected)));
    }
}

#[test]
fn measurements_and_observations_arrive_with_every_type_of_number() {
    let (attributes, expected) = attributes();
    for (number, model) in [
        (
            case("unsigned", Val::U64(u64::MAX)),
            Number::Unsigned(u64::MAX),
        ),
        (case("signed", Val::S64(-5)), Number::Signed(-5)),
        (case("float", Val::Float64(-0.25)), Number::Float(-0.25)),
    ] {
        arrives(
            "meter",
            "measure-series",
            &[Val::U64(1), number.clone()],
            (1, model),
        );
        let arguments = [Val::U64(1), number.clone(), attributes.clone()];
        arrives("meter", "measure", &arguments, (1, model, expected.clone()));
        let observation = record([
            ("instrument", Val::U64(8)),
            ("value", number),
            ("attributes", attributes.clone()),
        ]);
        let model = Observation {
            instrument: InstrumentHandle::from_bits(8),
            value: model,
            attributes: expected.clone(),
        };
        arrives(
            "meter",
            "observe",
            &[
                Val::U64(2),
                Val::List(vec![observation; 3]),
                Val::Bool(true),
            ],
            (2, vec![model; 3], true),
        );
    }
    arrives("meter", "bind", &[Val::U64(1), attributes], (1, expected));
}

#[test]
fn log_records_arrive_with_every_kind_of_value() {
    let entry = record([("key", text("k\u{e9}")), ("node", Val::U32(8))]);
    let nodes = [
        (
            case("string-value", text("crab \u{1f980}")),
            LogValue::String("crab \u{1f980}".to_owned()),
        ),
        (case("bool-value", Val::Bool(true)), LogValue::Bool(true)),
        (case("int-value", Val::S64(-1)), LogValue::Int(-1)),
        (
            case("double-value", Val::Float64(1.5)),
            LogValue::Double(1.5),
        ),
        (
            case("bytes-value", Val::List(vec![Val::U8(0), Val::U8(255)])),
            LogValue::Bytes(vec![0, 255]),
        ),
        (
            case("array-value", Val::List(vec![Val::U32(7), Val::U32(9)])),
            LogValue::Array(vec![7, 9]),
        ),
        (
            case("map-value", Val::List(vec![entry])),
            LogValue::Map(vec![("k\u{e9}".to_owned(), 8)]),
        ),
    ];
    let (values, expected): (Vec<_>, Vec<_>) = nodes.into_iter().unzip();
    let attribute = |value: &Val| record([("key", text("a")), ("value", value.clone())]);
    let (context, expected_context) = remote_context();
    let full = record([
        ("body", some(values[5].clone())),
        ("severity", some(enumerated("fatal4"))),
        ("severity-text", some(text("doom"))),
        ("event-name", some(text("end"))),
        (
            "attributes",
            Val::List(values.iter().map(attribute).collect()),
        ),
        ("nodes", Val::List(values.clone())),
        ("time", some(Val::U64(1))),
        ("context", case("remote", context)),
    ]);
    let empty = record([
        ("body", NONE),
        ("severity", NONE),
        ("severity-text", NONE),
        ("event-name", NONE),
        ("attributes", Val::List(vec![])),
        ("nodes", Val::List(vec![])),
        ("time", NONE),
        ("context", case("ambient", None)),
    ]);
    let records = vec![
        LogRecord {
            body: Some(expected[5].clone()),
            severity: Some(Severity::Fatal4),
            severity_text: Some("doom".into()),
            event_name: Some("end".into()),
            attributes: expected
                .iter()
                .map(|value| (Key::from("a"), value.clone()))
                .collect(),
            nodes: expected,
            time: Some(1),
            context: SpanReference::Remote(expected_context),
        },
        LogRecord::default(),
    ];
    arrives(
        "logger",
        "emit",
        &[Val::U64(2), Val::List(vec![full, empty])],
        (2, records),
    );
}

#[test]
fn severities_arrive_by_name() {
    let names = ["trace", "debug", "info", "warn", "error", "fatal"];
    for name in names {
        for step in 0..4 {
            let name = if step == 0 {
                name.to_owned()
            } else {
                format!("{name}{}", step + 1)
            };
            let arguments = [Val::U64(1), some(enumerated(&name)), some(text("event"))];
            let last = echo(ENCODINGS[0], "logger", "enabled", &arguments);
            let severity = name[..1].to_uppercase() + &name[1..];
            let expected = format!("(1, Some({severity}), Some(\"event\"))");
            assert_eq!(last.arguments, expected);
        }
    }
    arrives(
        "logger",
        "enabled",
        &[Val::U64(1), NONE, NONE],
        (1, None::<Severity>, None::<String>),
    );
}

#[test]
fn baggage_arrives_unchanged() {
    let entry = record([
        ("key", text("user")),
        ("value", text("\u{fc}ser \u{1f980}")),
        ("metadata", text("ttl=1")),
    ]);
    let expected = BaggageEntry {
        key: "user".to_owned(),
        value: "\u{fc}ser \u{1f980}".to_owned(),
        metadata: "ttl=1".to_owned(),
    };
    arrives(
        "context",
        "enter-baggage",
        &[Val::List(vec![entry; 2])],
        vec![expected; 2],
    );
}
