//! Checks that each limit is counted under its own name only.

use std::collections::BTreeSet;

use opentelemetry::logs::Severity;
use opentelemetry::{Array, Key};
use opentelemetry_sdk::logs::{InMemoryLogExporter, SdkLoggerProvider};
use opentelemetry_sdk::metrics::SdkMeterProvider;

use super::*;
use crate::http::ServerRequest;
use crate::invocation::{Invocation, InvocationOptions, Outcome};
use crate::model::{
    BaggageEntry, InstrumentDescriptor, InstrumentKind, LinkTarget, LogRecord, LogValue, Number,
    Observation, SpanLink,
};

/// Records two items of each kind, each longer than one byte.
fn record_two_of_everything(instance: &mut Instance) {
    let attributes = || {
        vec![
            KeyValue::new("first", "text"),
            KeyValue::new("second", Value::Array(Array::I64(vec![1, 2]))),
        ]
    };
    let scoped = |name: &'static str| {
        InstrumentationScope::builder(name)
            .with_attributes(attributes())
            .build()
    };
    spans(instance, [scoped("one"), scoped("two")], &attributes);
    metrics(instance, [scoped("one"), scoped("two")], &attributes);
    logs(instance, [scoped("one"), scoped("two")]);
    requests(instance);
}

/// Answers two requests that have different routes.
fn requests(instance: &mut Instance) {
    for route in ["/one", "/two"] {
        let request = ServerRequest {
            method: "GET",
            scheme: "http",
            path: "/",
            query: None,
            host: None,
            port: None,
            client: None,
            version: "1.1",
            user_agent: None,
        };
        let telemetry = instance.telemetry().clone();
        let options = InvocationOptions::default();
        let mut active = telemetry.start_server_request("c", &request, options);
        let span = active.take_span().unwrap();
        let mut call = Invocation::begin_in(&mut *instance, span);
        let span = call.invocation_span();
        let changes = SpanChanges {
            attributes: vec![KeyValue::new("http.route", route)],
            ..SpanChanges::default()
        };
        call.update_span(span, changes);
        let (_, span) = call.hand_over(&Outcome::Ok);
        active.return_span(span);
    }
}

fn spans(
    instance: &mut Instance,
    scopes: [InstrumentationScope; 2],
    attributes: &dyn Fn() -> Vec<KeyValue>,
) {
    let link = || SpanLink {
        target: LinkTarget::Remote(RemoteContext {
            trace_state: "a=1,b=2".to_owned(),
            ..remote(1)
        }),
        attributes: attributes(),
    };
    let mut open = Vec::new();
    for scope in scopes {
        let tracer = instance.tracer(scope);
        let span = instance.start_span(SpanStart {
            attributes: attributes(),
            ..start(tracer, "span", SpanReference::None)
        });
        instance.enter_span(span);
        instance.span_event(span, event("event", attributes()));
        instance.span_event(span, event("event", attributes()));
        let changes = SpanChanges {
            links: vec![link(), link()],
            ..SpanChanges::default()
        };
        instance.update_span(span, changes);
        open.push(span);
    }
    for span in open {
        instance.end(span);
    }
    let entry = |key: &str| BaggageEntry {
        key: key.to_owned(),
        value: "value".to_owned(),
        metadata: String::new(),
    };
    instance.enter_baggage(vec![entry("one"), entry("two")]);
    instance.enter_baggage(vec![entry("one"), entry("two")]);
}

fn metrics(
    instance: &mut Instance,
    scopes: [InstrumentationScope; 2],
    attributes: &dyn Fn() -> Vec<KeyValue>,
) {
    let other = || vec![KeyValue::new("first", "other")];
    for scope in scopes {
        let meter = instance.meter(scope);
        let observer = instance.create_observer();
        let mut make = |name: &str, kind| {
            instance.create_instrument(
                meter,
                InstrumentDescriptor {
                    name: name.to_owned(),
                    kind,
                    unit: None,
                    description: Some("description".to_owned()),
                    boundaries: Some(vec![1.0, 2.0]),
                },
            )
        };
        let histogram = make("histogram", InstrumentKind::HistogramF64);
        let gauge = make("gauge", InstrumentKind::ObservableGaugeU64);
        instance.measure(histogram, Number::Float(1.0), attributes());
        instance.measure(histogram, Number::Float(1.0), other());
        for attributes in [attributes(), other()] {
            let series = instance.bind(histogram, attributes.clone());
            instance.measure_series(series, Number::Float(1.0));
            let observation = Observation {
                instrument: gauge,
                value: Number::Unsigned(1),
                attributes,
            };
            instance.observe(observer, vec![observation], false);
        }
    }
}

fn logs(instance: &mut Instance, scopes: [InstrumentationScope; 2]) {
    for (scope, event_name) in scopes.into_iter().zip(["limits.one", "limits.two"]) {
        let logger = instance.logger(scope);
        let record = LogRecord {
            event_name: Some(event_name.into()),
            severity: Some(Severity::Error),
            body: Some(LogValue::Array(vec![0, 1])),
            attributes: vec![
                (Key::from("first"), LogValue::String("text".to_owned())),
                (Key::from("second"), LogValue::Int(1)),
            ],
            nodes: vec![LogValue::Int(1), LogValue::Int(2)],
            ..LogRecord::default()
        };
        instance.emit_logs(logger, vec![record]);
    }
}

fn counted(limits: Limits) -> BTreeSet<&'static str> {
    let providers = Providers {
        tracer: Some(SdkTracerProvider::builder().build()),
        meter: Some(SdkMeterProvider::builder().build()),
        logger: Some(
            SdkLoggerProvider::builder()
                .with_simple_exporter(InMemoryLogExporter::default())
                .build(),
        ),
    };
    let telemetry = Telemetry::builder(providers).limits(limits).build();
    record_two_of_everything(&mut telemetry.instance("c"));
    let dropped = telemetry.dropped().snapshot();
    dropped.iter().map(|count| count.reason.as_str()).collect()
}

#[test]
fn every_limit_is_counted_under_its_own_name_only() {
    assert_eq!(counted(Limits::default()), BTreeSet::new());
    for limit in Limits::TABLE {
        // `call_bytes` is counted by adapters.
        let Some(reason) = limit.reason.filter(|reason| *reason != Reason::CallBytes) else {
            continue;
        };
        let mut limits = Limits::default();
        limit.set(&mut limits, 1);
        let expected = BTreeSet::from([reason.as_str()]);
        assert_eq!(counted(limits), expected, "with {}=1", limit.name);
    }
}

#[test]
fn extreme_limits_work() {
    for limit in Limits::TABLE {
        for value in [0, usize::MAX] {
            let mut limits = Limits::default();
            limit.set(&mut limits, value);
            let counted = counted(limits);
            if value > 0 {
                assert_eq!(counted, BTreeSet::new(), "with {}={value}", limit.name);
            }
        }
    }
    for value in [0, usize::MAX] {
        let mut limits = Limits::default();
        for limit in Limits::TABLE {
            limit.set(&mut limits, value);
        }
        counted(limits);
    }
}

#[test]
fn names_of_dropped_items_are_kept() {
    let limits = Limits {
        span_attributes: 1,
        instruments: 1,
        log_scopes: 1,
        baggage_entries: 1,
        ..Limits::default()
    };
    let telemetry = {
        let provider = SdkMeterProvider::builder().build();
        let providers = Providers {
            tracer: Some(SdkTracerProvider::builder().build()),
            meter: Some(provider),
            logger: None,
        };
        Telemetry::builder(providers).limits(limits).build()
    };
    record_two_of_everything(&mut telemetry.instance("c"));
    let named: Vec<_> = telemetry
        .dropped()
        .snapshot()
        .into_iter()
        .map(|count| {
            (
                count.signal.as_str(),
                count.reason.as_str(),
                count.names.join(" "),
            )
        })
        .collect();
    let expected = [
        ("traces", "span_attributes", "second"),
        ("traces", "baggage_entries", "two"),
        ("metrics", "instruments", "gauge histogram"),
        ("logs", "log_scopes", "two"),
    ];
    let expected = expected.map(|(signal, reason, names)| (signal, reason, names.to_owned()));
    assert_eq!(named, expected);
}
