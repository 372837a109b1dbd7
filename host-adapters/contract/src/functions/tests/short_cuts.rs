//! What is read while it is emitted, or not read at all because it has come before, against the way that takes everything.

use opentelemetry::KeyValue;
use opentelemetry_sdk::logs::{InMemoryLogExporter, SdkLoggerProvider};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, SumDataPoint};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};
use proptest::prelude::*;
use wasmscope_telemetry::dropped::DroppedCount;
use wasmscope_telemetry::limits::{Limits, SERIES_CACHE_KEY_BYTES};
use wasmscope_telemetry::model::{InstrumentDescriptor, InstrumentKind, LogRecord, Number, Scope};
use wasmscope_telemetry::{Instance, Providers, Telemetry};

use super::super::{logger, meter};
use super::Bits;
use crate::error::LiftError;
use crate::lift::{Passed, Reader, StringEncoding, Unread};
use crate::shape::Shape;

const UTF8: StringEncoding = StringEncoding::Utf8;

/// Limits that garbage runs into.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.call_bytes = 900;
    limits.key_bytes = 12;
    limits.value_bytes = 16;
    limits.log_attributes = 3;
    limits.measurement_attributes = 3;
    limits
}

/// Words of which most make sense as pointers, lengths or discriminants, over texts.
fn memory() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        8 => 0u32..4,
        4 => (0u32..64).prop_map(|word| word * 8),
        2 => Just(u32::from_le_bytes(*b"abcd")),
        1 => any::<u32>(),
    ];
    let words = prop::collection::vec(word, 128);
    words.prop_map(|words| words.into_iter().flat_map(u32::to_le_bytes).collect())
}

struct Logs {
    instance: Instance,
    logger: u64,
    exporter: InMemoryLogExporter,
}

impl Logs {
    fn new() -> Self {
        let exporter = InMemoryLogExporter::default();
        let provider = SdkLoggerProvider::builder().with_simple_exporter(exporter.clone());
        let providers = Providers {
            logger: Some(provider.build()),
            ..Providers::default()
        };
        let telemetry = Telemetry::builder(providers).limits(limits()).build();
        let mut instance = telemetry.instance("guest");
        Self {
            logger: instance.logger(Scope::builder("scope").build()),
            instance,
            exporter,
        }
    }

    /// Gives what has arrived, without its times, and what was lost.
    fn arrived(&self) -> (Vec<String>, Vec<DroppedCount>) {
        let logs = self.exporter.get_emitted_logs().unwrap();
        let shown = logs.iter().map(|log| {
            let record = &log.record;
            format!(
                "{:?} {:?} {:?} {:?} {:?}",
                record.severity_number(),
                record.severity_text(),
                record.event_name(),
                record.body(),
                record
                    .attributes_iter()
                    .map(|(key, value)| (key.as_str(), value))
                    .collect::<Vec<_>>(),
            )
        });
        (
            shown.collect(),
            self.instance.telemetry().dropped().snapshot(),
        )
    }
}

struct Metrics {
    instance: Instance,
    instrument: u64,
    exporter: InMemoryMetricExporter,
    provider: SdkMeterProvider,
}

impl Metrics {
    fn new() -> Self {
        let exporter = InMemoryMetricExporter::default();
        let provider = SdkMeterProvider::builder()
            .with_periodic_exporter(exporter.clone())
            .build();
        let providers = Providers {
            meter: Some(provider.clone()),
            ..Providers::default()
        };
        let telemetry = Telemetry::builder(providers).limits(limits()).build();
        let mut instance = telemetry.instance("guest");
        let meter = instance.meter(Scope::builder("scope").build());
        let descriptor = InstrumentDescriptor {
            name: "count".to_owned(),
            kind: InstrumentKind::CounterU64,
            unit: None,
            description: None,
            boundaries: None,
        };
        Self {
            instrument: instance.create_instrument(meter, descriptor),
            instance,
            exporter,
            provider,
        }
    }

    fn arrived(&self) -> (Vec<String>, Vec<DroppedCount>) {
        let dropped = self.instance.telemetry().dropped().snapshot();
        self.provider.force_flush().unwrap();
        let exported = self.exporter.get_finished_metrics().unwrap();
        let scopes = exported.iter().flat_map(|metrics| metrics.scope_metrics());
        let metrics = scopes.flat_map(|scope| scope.metrics());
        let counts = metrics.filter(|metric| metric.name() == "count");
        let mut points: Vec<_> = counts
            .filter_map(|metric| {
                if let AggregatedMetrics::U64(MetricData::Sum(sum)) = metric.data() {
                    Some(sum)
                } else {
                    None
                }
            })
            .flat_map(|sum| sum.data_points())
            .map(|point| format!("{} {:?}", point.value(), attributes_of(point)))
            .collect();
        points.sort();
        (points, dropped)
    }
}

fn attributes_of(point: &SumDataPoint<u64>) -> Vec<String> {
    let attributes = point.attributes();
    let shown = attributes.map(|attribute| format!("{} {:?}", attribute.key, attribute.value));
    shown.collect()
}

/// Shows what was read, but not whether a key was kept by the process.
fn shown(read: &Result<Vec<KeyValue>, LiftError>) -> Result<Vec<String>, String> {
    let show = |it: &KeyValue| format!("{} {:?}", it.key, it.value);
    match read {
        Ok(attributes) => Ok(attributes.iter().map(show).collect()),
        Err(error) => Err(error.to_string()),
    }
}

proptest! {
    #[test]
    fn attributes_that_are_all_plain_are_the_same(
        memory in memory(),
        pointer in (0u64..56).prop_map(|word| word * 8),
        count in 0u64..4,
        bytes in 60usize..900,
    ) {
        let values = [0, 0, 1, pointer, count].map(Bits);
        let passed = Passed::flat(&memory, UTF8, &values);
        let mut quick = Reader::new(&memory, UTF8, bytes);
        let (_, _, list): (u64, Number, Unread<KeyValue>) = passed.read(&mut quick).unwrap();
        let mut thorough = Reader::new(&memory, UTF8, bytes);
        let read = quick.unread_attributes(list);
        let expected = thorough.elements(list, Reader::attribute);
        prop_assert_eq!(shown(&read), shown(&expected));
        if read.is_ok() {
            prop_assert_eq!(quick.budget.left(), thorough.budget.left());
            prop_assert_eq!(quick.budget.left_out(), thorough.budget.left_out());
        }
    }

    #[test]
    fn a_record_that_is_emitted_while_it_is_read_is_the_same(
        memory in memory(),
        pointer in (0u64..40).prop_map(|word| word * 8),
        count in 0u64..3,
        bytes in 200usize..900,
    ) {
        let (mut quick, mut thorough) = (Logs::new(), Logs::new());
        for _ in 0..3 {
            let read = |logger| {
                let values = [logger, pointer, count].map(Bits);
                Passed::flat(&memory, UTF8, &values).lift::<(u64, Vec<LogRecord>)>(bytes)
            };
            let expected = read(thorough.logger).map(|lifted| {
                let (logger, records) = lifted.arguments;
                thorough.instance.emit_logs(logger, records);
            });
            let mut reader = Reader::new(&memory, UTF8, bytes);
            let values = [quick.logger, pointer, count].map(Bits);
            let passed = Passed::flat(&memory, UTF8, &values);
            let emitted = passed.read(&mut reader).and_then(|first| {
                logger::emit(&mut quick.instance, first, &mut reader)
            });
            prop_assert_eq!(emitted.is_ok(), expected.is_ok());
            prop_assert_eq!(quick.arrived(), thorough.arrived());
        }
    }

    #[test]
    fn a_measurement_with_attributes_that_came_before_is_the_same(
        memory in memory(),
        pointers in prop::collection::vec((0u64..56).prop_map(|word| word * 8), 1..4),
        count in 0u64..4,
    ) {
        let (mut quick, mut thorough) = (Metrics::new(), Metrics::new());
        for pointer in pointers.iter().cycle().take(3 * pointers.len()) {
            let bytes = limits().call_bytes;
            let values = |instrument| [instrument, 0, 1, *pointer, count].map(Bits);
            let known = values(thorough.instrument);
            let lifted = Passed::flat(&memory, UTF8, &known)
                .lift::<(u64, Number, Vec<KeyValue>)>(bytes);
            let expected = lifted.map(|lifted| {
                let (instrument, value, attributes) = lifted.arguments;
                thorough.instance.measure(instrument, value, attributes);
            });
            let known = values(quick.instrument);
            let mut reader = Reader::new(&memory, UTF8, bytes);
            let measured = Passed::flat(&memory, UTF8, &known)
                .read(&mut reader)
                .and_then(|first| meter::measure(&mut quick.instance, first, &mut reader));
            prop_assert_eq!(measured.is_ok(), expected.is_ok());
        }
        prop_assert_eq!(quick.arrived(), thorough.arrived());
    }
}

#[test]
fn a_list_is_written_down_no_further_than_it_could_be_known() {
    // Empty keys, and empty texts: what takes the least place.
    let memory = vec![0; KeyValue::LAYOUT.size * 100_000];
    let values = [0, 0, 1, 0, 100_000].map(Bits);
    let passed = Passed::flat(&memory, UTF8, &values);
    let mut reader = Reader::new(&memory, UTF8, 1_000);
    let (_, _, list): (u64, Number, Unread<KeyValue>) = passed.read(&mut reader).unwrap();
    let mut bytes = Vec::new();
    assert!(!reader.transcribe(list, &mut bytes).unwrap());
    let most = 2 * SERIES_CACHE_KEY_BYTES;
    assert!(bytes.capacity() <= most, "{} bytes", bytes.capacity());
}
