//! Every function of the contract, in any order. `emit` and `measure` have fast paths, and are
//! compared with an instance that gets the same arguments lifted as a whole.

#![no_main]

use std::convert::Infallible;
use std::sync::{Arc, Weak};
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use opentelemetry::KeyValue;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{InMemoryLogExporter, SdkLoggerProvider};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{
    InstrumentKind as SdkInstrumentKind, ManualReader, Pipeline, SdkMeterProvider, Temporality,
};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use wasmscope_contract::{
    Arguments, BaggageEntry, Call, Function, LiftError, LogThreshold, RawArgs, Register, Returned,
    SpanContext, StringEncoding, register,
};
use wasmscope_contract_fuzz::{Bits, bytes, encoding, values};
use wasmscope_telemetry::dropped::DroppedCount;
use wasmscope_telemetry::limits::Limits;
use wasmscope_telemetry::model::{
    InstrumentDescriptor, InstrumentHandle, InstrumentKind, LogRecord, LoggerHandle, Number, Scope,
};
use wasmscope_telemetry::{Instance, Providers, Reason, Telemetry};

type Host = Box<dyn Fn(&mut Instance, Args<'_>) -> Result<u64, LiftError>>;

/// The arguments of a call.
#[derive(Clone, Copy)]
struct Args<'a> {
    memory: &'a [u8],
    encoding: StringEncoding,
    values: &'a [Bits],
}

impl<'a> Args<'a> {
    fn raw(self) -> RawArgs<'a, Bits> {
        RawArgs::flat(self.memory, self.encoding, self.values)
    }
}

/// A function, and the number of its core values.
struct HostFunction {
    name: String,
    flat: usize,
    call: Host,
}

#[derive(Default)]
struct Functions(Vec<HostFunction>);

/// A result that may be a handle.
trait MaybeHandle {
    fn handle(self) -> u64;
}

impl MaybeHandle for u64 {
    fn handle(self) -> u64 {
        self
    }
}

macro_rules! no_handles {
    ($($ty:ty),+) => {$(
        impl MaybeHandle for $ty {
            fn handle(self) -> u64 {
                0
            }
        }
    )+};
}
no_handles!(bool, Option<SpanContext>, Vec<BaggageEntry>, LogThreshold);

impl<R: Returned + MaybeHandle> Register<R> for Functions {
    type Error = Infallible;

    fn function<A: Arguments, C: Call<A, R>>(
        &mut self,
        function: Function<A, R, C>,
    ) -> Result<(), Infallible> {
        self.0.push(HostFunction {
            name: format!("{}#{}", function.interface(), function.name()),
            flat: A::LAYOUT.flat,
            call: Box::new(move |instance, args| {
                let returned = function.call(instance, |instance| instance, args.raw())?;
                Ok(returned.handle())
            }),
        });
        Ok(())
    }
}

/// Collects metrics on demand. A periodic reader would start a thread for each input, and
/// LeakSanitizer reports threads that are about to end.
#[derive(Debug, Clone, Default)]
struct Reader(Arc<ManualReader>);

impl MetricReader for Reader {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: SdkInstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}

/// An instance whose telemetry can be looked at.
struct Guest {
    instance: Instance,
    logger: u64,
    counter: u64,
    logs: InMemoryLogExporter,
    metrics: Reader,
}

impl Guest {
    fn new() -> Self {
        let logs = InMemoryLogExporter::default();
        let metrics = Reader::default();
        let spans = InMemorySpanExporter::default();
        let meter = SdkMeterProvider::builder().with_reader(metrics.clone());
        let logger = SdkLoggerProvider::builder().with_simple_exporter(logs.clone());
        let tracer = SdkTracerProvider::builder().with_simple_exporter(spans);
        let providers = Providers {
            tracer: Some(tracer.build()),
            meter: Some(meter.build()),
            logger: Some(logger.build()),
        };
        let limits = Limits::default().with(|limits| {
            limits.call_bytes = 900;
            limits.key_bytes = 9;
            limits.value_bytes = 16;
            limits.log_attributes = 3;
            limits.measurement_attributes = 3;
            limits.span_attributes = 3;
        });
        let telemetry = Telemetry::builder(providers).limits(limits).build();
        let mut instance = telemetry.instance("guest");
        let scope = || Scope::builder("scope").build();
        let own_meter = instance.meter(scope());
        let descriptor = InstrumentDescriptor {
            name: "count".to_owned(),
            kind: InstrumentKind::CounterU64,
            unit: None,
            description: None,
            boundaries: None,
        };
        Self {
            logger: instance.logger(scope()).to_bits(),
            counter: instance.create_instrument(own_meter, descriptor).to_bits(),
            instance,
            logs,
            metrics,
        }
    }

    /// Returns the telemetry without times, and the counts of what was dropped.
    fn arrived(&self) -> (Vec<String>, Vec<DroppedCount>) {
        let dropped = self.instance.telemetry().dropped().snapshot();
        let logs = self.logs.get_emitted_logs().expect("logs");
        let mut shown: Vec<_> = logs
            .iter()
            .map(|log| {
                let record = &log.record;
                let attributes: Vec<_> = record
                    .attributes_iter()
                    .map(|(key, value)| (key.as_str(), value))
                    .collect();
                format!(
                    "{:?} {:?} {:?} {:?} {attributes:?}",
                    record.severity_number(),
                    record.severity_text(),
                    record.event_name(),
                    record.body()
                )
            })
            .collect();
        let mut collected = ResourceMetrics::default();
        self.metrics.collect(&mut collected).expect("metrics");
        let metrics = collected.scope_metrics();
        let metrics = metrics.flat_map(|scope| scope.metrics());
        let mut points = Vec::new();
        for metric in metrics.filter(|metric| metric.name() == "count") {
            if let AggregatedMetrics::U64(MetricData::Sum(sum)) = metric.data() {
                for point in sum.data_points() {
                    let attributes: Vec<_> = point
                        .attributes()
                        .map(|it| format!("{} {:?}", it.key, it.value))
                        .collect();
                    points.push(format!("{} {attributes:?}", point.value()));
                }
            }
        }
        points.sort();
        shown.extend(points);
        (shown, dropped)
    }
}

/// Compares the fast paths of `emit` and `measure` with the general ones.
fn compare(functions: &[HostFunction], data: &mut Unstructured<'_>) -> Result<()> {
    let find = |name: &str| {
        let found = functions
            .iter()
            .find(|function| function.name.ends_with(name));
        found.expect("a function")
    };
    let (emit, measure) = (find("logger@0.1.0#emit"), find("meter@0.1.0#measure"));
    let (mut fast, mut general) = (Guest::new(), Guest::new());
    let limit = fast.instance.telemetry().limits().call_bytes;
    let mut memory = bytes(data, 192)?;
    let encoding = encoding(data)?;
    for _ in 0..data.int_in_range(1..=6)? {
        let is_log = data.arbitrary()?;
        let function = if is_log { emit } else { measure };
        let mut values = values(data, function.flat)?;
        let [fast_values, general_values] = [&fast, &general].map(|guest| {
            values[0] = Bits(if is_log { guest.logger } else { guest.counter });
            values.clone()
        });
        let args = |values| Args {
            memory: &memory,
            encoding,
            values,
        };
        // The second time, texts and attribute sets are in the caches.
        for _ in 0..3 {
            let result = (function.call)(&mut fast.instance, args(&fast_values));
            let raw = args(&general_values).raw();
            let left_out = if is_log {
                raw.lift::<(u64, Vec<LogRecord>)>(limit).map(|lifted| {
                    let (logger, records) = lifted.arguments;
                    let logger = LoggerHandle::from_bits(logger);
                    general.instance.emit_logs(logger, records);
                    (wasmscope_telemetry::Signal::Logs, lifted.left_out)
                })
            } else {
                raw.lift::<(u64, Number, Vec<KeyValue>)>(limit)
                    .map(|lifted| {
                        let (counter, value, attributes) = lifted.arguments;
                        let counter = InstrumentHandle::from_bits(counter);
                        general.instance.measure(counter, value, attributes);
                        (wasmscope_telemetry::Signal::Metrics, lifted.left_out)
                    })
            };
            assert_eq!(result.is_ok(), left_out.is_ok(), "{result:?} {left_out:?}");
            if let Ok((signal, items)) = left_out {
                general
                    .instance
                    .count_dropped(signal, Reason::CallBytes, items);
            }
        }
        // A guest changes its memory between calls.
        if !memory.is_empty() && data.arbitrary()? {
            let at = data.int_in_range(0..=memory.len() / 4 - 1)? * 4;
            memory[at] = data.arbitrary()?;
        }
    }
    assert_eq!(fast.arrived(), general.arrived());
    Ok(())
}

/// Calls functions in any order, often with handles that they have returned.
fn call_any(functions: &[HostFunction], data: &mut Unstructured<'_>) -> Result<()> {
    let mut guest = Guest::new();
    let mut handles = vec![guest.logger, guest.counter];
    let memory = bytes(data, 192)?;
    let encoding = encoding(data)?;
    for _ in 0..data.int_in_range(1..=12)? {
        let function = data.choose(functions)?;
        let mut values = values(data, function.flat)?;
        if let Some(first) = values.first_mut()
            && data.ratio(3, 4)?
        {
            *first = Bits(*data.choose(&handles)?);
        }
        let args = Args {
            memory: &memory,
            encoding,
            values: &values,
        };
        if let Ok(handle) = (function.call)(&mut guest.instance, args) {
            handles.push(handle);
        }
    }
    let dropped = guest.instance.telemetry().dropped().snapshot();
    let panicked = dropped
        .iter()
        .any(|count| count.reason == Reason::HostPanic);
    assert!(!panicked, "{dropped:?}");
    Ok(())
}

thread_local! {
    static FUNCTIONS: Vec<HostFunction> = {
        let mut functions = Functions::default();
        let Ok(()) = register(&mut functions);
        functions.0
    };
}

fuzz_target!(|data: &[u8]| {
    FUNCTIONS.with(|functions| {
        let mut data = Unstructured::new(data);
        let _ = match data.arbitrary() {
            Ok(true) => compare(functions, &mut data),
            _ => call_any(functions, &mut data),
        };
    });
});
