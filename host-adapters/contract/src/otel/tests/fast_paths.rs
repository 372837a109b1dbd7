//! Compares the fast paths (arguments used while they are read, or found in a cache) with reading
//! the arguments completely.

use opentelemetry::KeyValue;
use opentelemetry_sdk::logs::{InMemoryLogExporter, SdkLoggerProvider};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, SumDataPoint};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};
use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use wasmscope_telemetry::dropped::DroppedCount;
use wasmscope_telemetry::limits::{Limits, SERIES_CACHE_KEY_BYTES};
use wasmscope_telemetry::model::{
    InstrumentDescriptor, InstrumentHandle, InstrumentKind, LogRecord, LoggerHandle, Number, Scope,
};
use wasmscope_telemetry::{Instance, Providers, Telemetry};

use super::super::{logger, meter};
use super::Bits;
use super::calls::{attribute_lists, record_lists};
use crate::abi::LiftError;
use crate::abi::WitType;
use crate::abi::{LazyList, RawArgs, Reader, StringEncoding};

const UTF8: StringEncoding = StringEncoding::Utf8;

/// Limits that some of the generated values exceed.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.call_bytes = 900;
    limits.key_bytes = 9;
    limits.value_bytes = 16;
    limits.log_attributes = 3;
    limits.measurement_attributes = 3;
    limits
}

/// Tests a property with many values. More than half of them must take the fast path: `test`
/// returns whether one did.
fn mostly_fast<S: Strategy>(values: S, test: impl Fn(S::Value) -> Result<bool, TestCaseError>) {
    let cases = 512;
    let fast = Cell::new(0);
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut runner = TestRunner::new(config);
    runner
        .run(&values, |value| {
            let was_fast = test(value)?;
            fast.set(fast.get() + u32::from(was_fast));
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    let fast = fast.get();
    assert!(fast > cases / 2, "{fast} of {cases} took the fast path");
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
            logger: instance.logger(Scope::builder("scope").build()).to_bits(),
            instance,
            exporter,
        }
    }

    /// Returns the exported records without their times, and the dropped counts.
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
            instrument: instance.create_instrument(meter, descriptor).to_bits(),
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

/// Formats the attributes, regardless of whether a key comes from the string cache.
fn shown(read: &Result<Vec<KeyValue>, LiftError>) -> Result<Vec<String>, String> {
    let show = |it: &KeyValue| format!("{} {:?}", it.key, it.value);
    match read {
        Ok(attributes) => Ok(attributes.iter().map(show).collect()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
#[cfg_attr(miri, ignore = "512 cases are too slow")]
fn plain_attributes_equal_those_read_one_by_one() {
    let values = (attribute_lists(), 60usize..900);
    mostly_fast(values, |(image, bytes)| {
        let values = [0, 0, 1, image.list, image.count].map(Bits);
        let raw = RawArgs::flat(&image.memory, UTF8, &values);
        let reader = || Reader::new(&image.memory, UTF8, bytes);
        let (mut quick, mut thorough) = (reader(), reader());
        let (_, _, list): (u64, Number, LazyList<KeyValue>) = raw.read(&mut quick).unwrap();
        let expected = thorough.elements(list, Reader::attribute);
        let read = quick.plain_attributes(list);
        let is_fast = matches!(read, Ok(Some(_)));
        match read.transpose() {
            Some(read) => {
                prop_assert_eq!(shown(&read), shown(&expected));
                if read.is_ok() {
                    prop_assert_eq!(quick.budget.left(), thorough.budget.left());
                    prop_assert_eq!(thorough.budget.left_out(), 0);
                }
            }
            // The attributes are then read one by one, with the same budget.
            None => prop_assert_eq!(quick.budget.left(), bytes),
        }
        Ok(is_fast)
    });
}

#[test]
#[cfg_attr(miri, ignore = "512 cases are too slow")]
fn record_emitted_while_it_is_read_is_the_same() {
    let values = (record_lists(), 700usize..1_500);
    mostly_fast(values, |(image, bytes)| {
        let (mut quick, mut thorough) = (Logs::new(), Logs::new());
        let mut is_fast = false;
        for _ in 0..3 {
            let values = |logger| [logger, image.list, image.count].map(Bits);
            let lifted =
                RawArgs::flat(&image.memory, UTF8, &values(thorough.logger))
                    .lift::<(u64, Vec<LogRecord>)>(bytes);
            let expected = lifted.map(|lifted| {
                let (logger, records) = lifted.arguments;
                let logger = LoggerHandle::from_bits(logger);
                thorough.instance.emit_logs(logger, records);
            });
            let values = values(quick.logger);
            let mut reader = Reader::new(&image.memory, UTF8, bytes);
            let arguments = RawArgs::flat(&image.memory, UTF8, &values).read(&mut reader);
            let emitted = arguments.and_then(|(logger, records)| {
                let logger = LoggerHandle::from_bits(logger);
                let notice = logger::emit_plain(&mut quick.instance, logger, records, &mut reader)?;
                is_fast = notice.is_some();
                match notice {
                    Some(notice) => Ok(notice),
                    None => logger::emit_any(&mut quick.instance, logger, records, &mut reader),
                }
            });
            prop_assert_eq!(emitted.is_ok(), expected.is_ok());
            prop_assert_eq!(quick.arrived(), thorough.arrived());
        }
        Ok(is_fast)
    });
}

#[test]
#[cfg_attr(miri, ignore = "512 cases are too slow")]
fn measurement_with_cached_attributes_is_the_same() {
    let values = prop::collection::vec(attribute_lists(), 1..4);
    mostly_fast(values, |images| {
        let (mut quick, mut thorough) = (Metrics::new(), Metrics::new());
        let (mut cached, mut calls) = (0, 0);
        for image in images.iter().cycle().take(4 * images.len()) {
            let bytes = limits().call_bytes;
            let values = |instrument| [instrument, 0, 1, image.list, image.count].map(Bits);
            let lifted = RawArgs::flat(&image.memory, UTF8, &values(thorough.instrument)).lift::<(
                u64,
                Number,
                Vec<KeyValue>,
            )>(
                bytes
            );
            let expected = lifted.map(|lifted| {
                let (instrument, value, attributes) = lifted.arguments;
                let instrument = InstrumentHandle::from_bits(instrument);
                thorough.instance.measure(instrument, value, attributes);
            });
            let values = values(quick.instrument);
            let mut reader = Reader::new(&image.memory, UTF8, bytes);
            let mut was_read = false;
            let measured = RawArgs::flat(&image.memory, UTF8, &values)
                .read(&mut reader)
                .and_then(|arguments| {
                    meter::measure_reading(
                        &mut quick.instance,
                        arguments,
                        &mut reader,
                        |reader, attributes| {
                            was_read = true;
                            reader.lazy_attributes(attributes)
                        },
                    )
                });
            calls += 1;
            cached += u32::from(measured.is_ok() && !was_read);
            // If there are several errors, another one may be reported first.
            prop_assert_eq!(measured.is_ok(), expected.is_ok());
        }
        prop_assert_eq!(quick.arrived(), thorough.arrived());
        Ok(cached > calls / 2)
    });
}

#[test]
fn cache_key_stops_at_its_maximum_length() {
    // Elements with empty keys and texts take the fewest bytes.
    let memory = vec![0; KeyValue::LAYOUT.size * 100_000];
    let values = [0, 0, 1, 0, 100_000].map(Bits);
    let passed = RawArgs::flat(&memory, UTF8, &values);
    let mut reader = Reader::new(&memory, UTF8, 1_000);
    let (_, _, list): (u64, Number, LazyList<KeyValue>) = passed.read(&mut reader).unwrap();
    let mut bytes = Vec::new();
    assert!(!reader.transcribe(list, &mut bytes).unwrap());
    let most = 2 * SERIES_CACHE_KEY_BYTES;
    assert!(bytes.capacity() <= most, "{} bytes", bytes.capacity());
}

#[test]
fn empty_list_at_an_invalid_address_traps_in_a_plain_record_too() {
    let mut memory = vec![0; LogRecord::LAYOUT.size];
    // The list of nodes. It is empty.
    memory[60] = 1;
    let mut logs = Logs::new();
    let values = [logs.logger, 0, 1].map(Bits);
    let mut reader = Reader::new(&memory, UTF8, 1_000);
    let (_, records) = RawArgs::flat(&memory, UTF8, &values)
        .read(&mut reader)
        .unwrap();
    let logger = LoggerHandle::from_bits(logs.logger);
    let error = logger::emit_plain(&mut logs.instance, logger, records, &mut reader).unwrap_err();
    let message = "list pointer 0x1 is not aligned to 8";
    assert!(error.to_string().ends_with(message), "{error}");
}
