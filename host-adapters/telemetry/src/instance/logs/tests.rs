mod limits;
mod output;

use std::time::Duration;

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{InMemoryLogExporter, LogProcessor, SdkLogRecord, SdkLoggerProvider};

use super::*;
use crate::limits::Limits;
use crate::log_level::LogLevels;
use crate::model::{LogValue, RemoteContext, SpanHandle, SpanReference};
use crate::telemetry::{Providers, Telemetry};

struct Host {
    telemetry: Telemetry,
    exporter: InMemoryLogExporter,
}

impl Host {
    fn new() -> Self {
        Self::with(Limits::default(), "trace")
    }

    fn with(limits: Limits, levels: &str) -> Self {
        let exporter = InMemoryLogExporter::default();
        let provider = SdkLoggerProvider::builder()
            .with_simple_exporter(exporter.clone())
            .build();
        let providers = Providers {
            logger: Some(provider),
            ..Providers::default()
        };
        let telemetry = Telemetry::builder(providers)
            .limits(limits)
            .log_levels(levels.parse().unwrap())
            .build();
        Self {
            telemetry,
            exporter,
        }
    }

    fn dropped(&self, reason: Reason) -> u64 {
        self.telemetry.dropped().get(Signal::Logs, reason)
    }

    fn records(&self) -> Vec<SdkLogRecord> {
        self.exporter
            .get_emitted_logs()
            .unwrap()
            .into_iter()
            .map(|log| log.record)
            .collect()
    }

    /// Emits one record in the scope `shop::db`, and returns the exported record.
    fn emit(&self, record: LogRecord) -> SdkLogRecord {
        let mut guest = self.telemetry.instance("shop");
        let logger = guest.logger(scope("shop::db"));
        guest.emit_logs(logger, vec![record]);
        self.records().pop().unwrap()
    }
}

fn scope(name: &str) -> Scope {
    Scope::builder(String::from(name)).build()
}

fn string(text: &str) -> LogValue {
    LogValue::String(String::from(text))
}

fn message(text: &str, severity: Severity) -> LogRecord {
    LogRecord {
        body: Some(string(text)),
        severity: Some(severity),
        ..LogRecord::default()
    }
}

fn attributes(record: &SdkLogRecord) -> Vec<(&str, AnyValue)> {
    record
        .attributes_iter()
        .map(|(key, value)| (key.as_str(), value.clone()))
        .collect()
}

fn bodies(records: &[SdkLogRecord]) -> Vec<&str> {
    records
        .iter()
        .map(|record| match record.body() {
            Some(AnyValue::String(text)) => text.as_str(),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn all_fields_of_a_record_are_exported() {
    let host = Host::new();
    let record = host.emit(LogRecord {
        body: Some(LogValue::Map(vec![(String::from("order"), 0)])),
        severity: Some(Severity::Warn2),
        severity_text: Some(String::from("loud").into()),
        event_name: Some(String::from("order.rejected").into()),
        attributes: vec![
            (Key::from("id"), LogValue::Int(7)),
            (Key::from("lines"), LogValue::Array(vec![1, 2])),
        ],
        nodes: vec![
            string("o-1"),
            LogValue::Double(0.5),
            LogValue::Bytes(vec![1]),
        ],
        time: Some(1_500_000_000_123_456_789),
        context: SpanReference::Remote(RemoteContext {
            trace_id: (1, 2),
            span_id: 3,
            trace_flags: 1,
            trace_state: String::new(),
        }),
    });
    assert_eq!(
        record.body(),
        Some(&AnyValue::from_iter([(
            "order",
            AnyValue::String("o-1".into())
        )]))
    );
    assert_eq!(record.severity_number(), Some(Severity::Warn2));
    assert_eq!(record.severity_text(), Some("loud"));
    assert_eq!(record.event_name(), Some("order.rejected"));
    assert_eq!(record.target(), None);
    let lines = vec![AnyValue::Double(0.5), AnyValue::Bytes(Box::new(vec![1]))];
    assert_eq!(
        attributes(&record),
        [
            ("id", AnyValue::Int(7)),
            ("lines", AnyValue::ListAny(Box::new(lines)))
        ]
    );
    assert_eq!(
        record.timestamp(),
        Some(SystemTime::UNIX_EPOCH + Duration::from_nanos(1_500_000_000_123_456_789))
    );
    let context = record.trace_context().unwrap();
    assert_eq!(context.trace_id, TraceId::from(1_u128 << 64 | 2));
    assert_eq!(context.span_id, SpanId::from(3));
    assert_eq!(context.trace_flags, Some(TraceFlags::SAMPLED));
    assert!(host.telemetry.dropped().snapshot().is_empty());
}

#[test]
fn absent_parts_stay_absent_and_the_time_is_now() {
    let host = Host::new();
    let before = SystemTime::now();
    let record = host.emit(LogRecord::default());
    let time = record.timestamp().unwrap();
    assert!(before <= time && time <= SystemTime::now());
    assert_eq!(record.observed_timestamp(), Some(time));
    assert_eq!(
        (
            record.body(),
            record.severity_number(),
            record.severity_text(),
            record.event_name()
        ),
        (None, None, None, None)
    );
    assert_eq!(record.trace_context(), None);
    assert_eq!(record.attributes_iter().count(), 0);
}

#[test]
fn implausible_times_are_counted_and_replaced_by_now() {
    let host = Host::new();
    for time in [0, 1_767_323_045_000, u64::MAX] {
        let record = host.emit(LogRecord {
            time: Some(time),
            ..LogRecord::default()
        });
        assert_eq!(record.timestamp(), record.observed_timestamp());
    }
    assert_eq!(host.dropped(Reason::Timestamp), 3);
    // The plain path counts nothing.
    let mut instance = host.telemetry.instance("shop");
    let logger = instance.logger(scope("shop::db"));
    let plain = instance.emit_plain_log(
        logger,
        Some(Severity::Info),
        Some(0),
        SpanReference::None,
        |_| Ok::<_, ()>(true),
    );
    assert_eq!(plain, Ok(None));
    assert_eq!(host.dropped(Reason::Timestamp), 3);
}

#[test]
fn scopes_have_the_component_name() {
    let host = Host::new();
    host.emit(message("x", Severity::Info));
    let log = host.exporter.get_emitted_logs().unwrap().pop().unwrap();
    assert_eq!(log.instrumentation.name(), "shop::db");
    let attributes: Vec<_> = log.instrumentation.attributes().cloned().collect();
    assert_eq!(
        attributes,
        [KeyValue::new("wasmscope.component.name", "shop")]
    );
}

#[test]
fn records_below_the_threshold_are_dropped_without_being_counted() {
    let host = Host::with(Limits::default(), "warn,shop::db=debug,noisy=off");
    let mut guest = host.telemetry.instance("shop");
    let none = LogRecord {
        body: Some(string("none")),
        ..LogRecord::default()
    };
    let table: [(&str, Option<Severity>, &[&str]); 4] = [
        (
            "shop::db",
            Some(Severity::Debug),
            &["debug", "fatal", "none"],
        ),
        (
            "shop::db::pool",
            Some(Severity::Debug),
            &["debug", "fatal", "none"],
        ),
        ("shop::dbx", Some(Severity::Warn), &["fatal", "none"]),
        ("noisy", None, &[]),
    ];
    for (name, threshold, expected) in table {
        host.exporter.reset();
        let logger = guest.logger(scope(name));
        assert_eq!(guest.log_threshold(logger).severity, threshold, "{name}");
        guest.emit_logs(
            logger,
            vec![
                message("trace", Severity::Trace4),
                message("debug", Severity::Debug),
                message("fatal", Severity::Fatal4),
                none.clone(),
            ],
        );
        assert_eq!(bodies(&host.records()), expected, "{name}");
        for (severity, text) in [
            (Some(Severity::Trace4), "trace"),
            (Some(Severity::Debug), "debug"),
            (Some(Severity::Fatal4), "fatal"),
            (None, "none"),
        ] {
            assert_eq!(
                guest.log_enabled(logger, severity, None),
                expected.contains(&text),
                "{name} {text}"
            );
        }
    }
    assert!(host.telemetry.dropped().snapshot().is_empty());
}

#[test]
fn changed_levels_apply_at_once_and_change_the_generation() {
    let host = Host::with(Limits::default(), "error");
    let mut guest = host.telemetry.instance("shop");
    let logger = guest.logger(scope("s"));
    let before = guest.log_threshold(logger);
    let notice = guest.emit_logs(logger, vec![message("one", Severity::Info)]);
    assert_eq!(notice as u32, before.generation);
    host.telemetry
        .set_log_levels(LogLevels::new(Some(Severity::Info)));
    let notice = guest.emit_logs(logger, vec![message("two", Severity::Info)]);
    assert_ne!(notice as u32, before.generation);
    let after = guest.log_threshold(logger);
    assert_eq!(
        after,
        LogThreshold {
            severity: Some(Severity::Info),
            generation: notice as u32
        }
    );
    assert_eq!(bodies(&host.records()), ["two"]);
}

#[test]
fn without_a_provider_logs_are_disabled() {
    let telemetry = Telemetry::builder(Providers::default()).build();
    let mut guest = telemetry.instance("shop");
    let logger = guest.logger(scope("s"));
    assert_eq!(guest.log_threshold(logger).severity, None);
    assert!(!guest.log_enabled(logger, Some(Severity::Fatal), None));
    guest.emit_logs(logger, vec![message("x", Severity::Fatal)]);
    assert!(telemetry.dropped().snapshot().is_empty());
}

/// Enables only one event.
#[derive(Debug)]
struct OneEvent;

impl LogProcessor for OneEvent {
    fn emit(&self, _: &mut SdkLogRecord, _: &InstrumentationScope) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn event_enabled(&self, severity: Severity, target: &str, name: Option<&str>) -> bool {
        severity >= Severity::Warn && target == "s" && name == Some("wanted")
    }
}

#[test]
fn processors_can_disable_records() {
    let provider = SdkLoggerProvider::builder()
        .with_log_processor(OneEvent)
        .build();
    let telemetry = Telemetry::builder(Providers {
        logger: Some(provider),
        ..Providers::default()
    })
    .build();
    let mut guest = telemetry.instance("shop");
    for (name, severity, event, expected) in [
        ("s", Some(Severity::Warn), Some("wanted"), true),
        ("s", None, Some("wanted"), true),
        ("s", Some(Severity::Info), Some("wanted"), false),
        ("s", Some(Severity::Warn), Some("other"), false),
        ("s", Some(Severity::Warn), None, false),
        ("t", Some(Severity::Warn), Some("wanted"), false),
    ] {
        let logger = guest.logger(scope(name));
        assert_eq!(
            guest.log_enabled(logger, severity, event),
            expected,
            "{name} {severity:?} {event:?}"
        );
    }
}

#[test]
fn host_threads_own_span_is_not_on_records() {
    let host = Host::new();
    let mut guest = host.telemetry.instance("shop");
    let logger = guest.logger(scope("s"));
    let own = SpanContext::new(
        TraceId::from(7),
        SpanId::from(7),
        TraceFlags::SAMPLED,
        false,
        TraceState::NONE,
    );
    let _active = Context::new().with_remote_span_context(own).attach();
    for context in [SpanReference::Ambient, SpanReference::None] {
        guest.emit_logs(
            logger,
            vec![LogRecord {
                context,
                ..LogRecord::default()
            }],
        );
    }
    assert!(
        Context::current().has_active_span(),
        "the embedder's context is restored"
    );
    let contexts: Vec<_> = host
        .records()
        .iter()
        .map(|record| record.trace_context().cloned())
        .collect();
    assert_eq!(contexts, [None, None]);
}

#[test]
fn embedder_that_suppresses_its_own_telemetry_does_not_suppress_the_guests() {
    let host = Host::new();
    let _suppressed = Context::enter_telemetry_suppressed_scope();
    host.emit(message("x", Severity::Info));
}

#[test]
fn invalid_remote_context_is_left_out() {
    let host = Host::new();
    let record = host.emit(LogRecord {
        context: SpanReference::Remote(RemoteContext {
            trace_id: (0, 0),
            span_id: 1,
            ..RemoteContext::default()
        }),
        ..LogRecord::default()
    });
    assert_eq!(record.trace_context(), None);
}

#[test]
fn records_with_wrong_handles_are_each_counted() {
    let host = Host::new();
    let mut guest = host.telemetry.instance("shop");
    let mut other = host.telemetry.instance("shop");
    let foreign = other.logger(scope("s"));
    let own = guest.logger(scope("s"));
    for (bits, count) in [
        (0, 2),
        (u64::MAX, 4),
        (foreign.to_bits(), 6),
        (own.to_bits() + 1, 8),
        (own.to_bits() & 0xffff_ffff, 10),
    ] {
        let handle = LoggerHandle::from_bits(bits);
        guest.emit_logs(
            handle,
            vec![message("x", Severity::Fatal), message("y", Severity::Fatal)],
        );
        assert_eq!(host.dropped(Reason::WrongHandle), count);
        assert_eq!(guest.log_threshold(handle).severity, None);
        assert!(!guest.log_enabled(handle, Some(Severity::Fatal), None));
    }
    assert_eq!(host.records().len(), 0);
}

#[test]
fn records_of_a_call_are_exported_in_order() {
    let host = Host::new();
    let mut guest = host.telemetry.instance("shop");
    let logger = guest.logger(scope("s"));
    let texts: Vec<_> = (0..50).map(|i| i.to_string()).collect();
    guest.emit_logs(
        logger,
        texts
            .iter()
            .map(|text| message(text, Severity::Info))
            .collect(),
    );
    assert_eq!(bodies(&host.records()), texts);
}

/// The spans of records, recorded and unrecorded.
mod correlation {
    use opentelemetry::trace::SpanKind;
    use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};

    use super::*;
    use crate::model::{SpanChanges, SpanStart};

    fn host(sampler: Sampler) -> Host {
        let exporter = InMemoryLogExporter::default();
        let logger = SdkLoggerProvider::builder()
            .with_simple_exporter(exporter.clone())
            .build();
        let tracer = SdkTracerProvider::builder().with_sampler(sampler).build();
        let providers = Providers {
            tracer: Some(tracer),
            logger: Some(logger),
            ..Providers::default()
        };
        Host {
            telemetry: Telemetry::builder(providers).build(),
            exporter,
        }
    }

    fn start(guest: &mut Instance, activate: bool) -> SpanHandle {
        let tracer = guest.tracer(scope("s"));
        guest.start_span(SpanStart {
            tracer,
            name: "span".into(),
            kind: SpanKind::Internal,
            parent: SpanReference::Ambient,
            attributes: vec![],
            start_time: None,
            activate,
        })
    }

    /// Emits a record with a span reference, and returns the exported trace and span.
    fn exported(
        host: &Host,
        guest: &mut Instance,
        context: SpanReference,
    ) -> Option<(TraceId, SpanId, Option<TraceFlags>)> {
        let logger = guest.logger(scope("s"));
        guest.emit_logs(
            logger,
            vec![LogRecord {
                context,
                ..LogRecord::default()
            }],
        );
        let record = host.records().pop().unwrap();
        record
            .trace_context()
            .map(|context| (context.trace_id, context.span_id, context.trace_flags))
    }

    fn of(guest: &mut Instance, span: SpanHandle) -> Option<(TraceId, SpanId, Option<TraceFlags>)> {
        let context = guest.span_context(span).unwrap();
        Some((
            context.trace_id(),
            context.span_id(),
            Some(context.trace_flags()),
        ))
    }

    #[test]
    fn records_belong_to_the_referenced_span() {
        for sampler in [Sampler::AlwaysOn, Sampler::AlwaysOff] {
            let host = host(sampler);
            let mut guest = host.telemetry.instance("shop");
            let active = start(&mut guest, true);
            let other = start(&mut guest, false);
            let (of_active, of_other) = (of(&mut guest, active), of(&mut guest, other));
            assert_ne!(of_active, of_other);
            assert_eq!(
                exported(&host, &mut guest, SpanReference::Ambient),
                of_active
            );
            assert_eq!(
                exported(&host, &mut guest, SpanReference::Span(other)),
                of_other
            );
            assert_eq!(exported(&host, &mut guest, SpanReference::None), None);
            assert!(host.telemetry.dropped().snapshot().is_empty());
        }
    }

    #[test]
    fn ended_spans_can_be_referenced_and_wrong_ones_count_as_ambient() {
        let host = host(Sampler::AlwaysOn);
        let mut guest = host.telemetry.instance("shop");
        let active = start(&mut guest, true);
        let ended = start(&mut guest, false);
        let of_ended = of(&mut guest, ended);
        guest.end_span(ended, SpanChanges::default(), None);
        assert_eq!(
            exported(&host, &mut guest, SpanReference::Span(ended)),
            of_ended
        );
        let of_active = of(&mut guest, active);
        assert_eq!(
            exported(
                &host,
                &mut guest,
                SpanReference::Span(SpanHandle::from_bits(7))
            ),
            of_active
        );
        assert_eq!(host.dropped(Reason::WrongHandle), 1);
    }
}
