//! Compares the adapter's own lifting with `bindgen!`: generated calls of every function must give
//! the same results and the same telemetry.

#![expect(
    clippy::unwrap_used,
    reason = "the whole file is a test, including helper functions"
)]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the contract uses few of the types"
)]

mod generate;
#[path = "../../../tests/guests.rs"]
#[expect(dead_code, reason = "the other tests use the remaining items")]
mod guests;
mod normal;

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use opentelemetry::InstrumentationScope;
use opentelemetry::logs::Severity;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogProcessor, SdkLogRecord, SdkLoggerProvider, SimpleLogProcessor};
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use wasmscope_otlp::memory::MemoryExporter;
use wasmscope_telemetry::log_level::LogLevels;
use wasmscope_telemetry::{Instance, Providers, Telemetry, View};
use wasmscope_wasmtime::{add_to_linker, bindgen};
use wasmtime::component::{Component, Func, Linker, Val};
use wasmtime::{Engine, Store};
use wit_component::StringEncoding;

use generate::{Generator, Handles};
use normal::Normal;

struct State(Instance);

impl View for State {
    fn wasmscope(&mut self) -> &mut Instance {
        &mut self.0
    }
}

/// The imported interfaces. The guest exports their functions as well.
const INTERFACES: [&str; 4] = ["context", "tracer", "meter", "logger"];

/// Refuses the events of one name, so that `enabled` depends on the name.
#[derive(Debug)]
struct Filter(SimpleLogProcessor<MemoryExporter>);

impl LogProcessor for Filter {
    fn emit(&self, data: &mut SdkLogRecord, scope: &InstrumentationScope) {
        self.0.emit(data, scope);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn event_enabled(&self, _: Severity, _: &str, name: Option<&str>) -> bool {
        name != Some("requests")
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

/// Log levels that differ between scopes, so that `enabled` and `threshold` depend on the severity.
fn levels() -> LogLevels {
    LogLevels::new(Some(Severity::Debug2))
        .with_scope("requests", Some(Severity::Error))
        .with_scope("a", None)
}

/// A guest on one of the adapters, with its telemetry.
struct Side {
    store: Store<State>,
    functions: Vec<(String, Func)>,
    handles: Handles,
    normal: Normal,
    exporter: MemoryExporter,
    telemetry: Telemetry,
    providers: Providers,
}

impl Side {
    fn new(component: &Component, linker: &Linker<State>) -> Self {
        let exporter = MemoryExporter::default();
        let reader = PeriodicReader::builder(exporter.clone()).build();
        let providers = Providers {
            tracer: Some(
                SdkTracerProvider::builder()
                    .with_simple_exporter(exporter.clone())
                    .build(),
            ),
            meter: Some(SdkMeterProvider::builder().with_reader(reader).build()),
            logger: Some(
                SdkLoggerProvider::builder()
                    .with_log_processor(Filter(SimpleLogProcessor::new(exporter.clone())))
                    .build(),
            ),
        };
        let telemetry = Telemetry::builder(providers.clone())
            .log_levels(levels())
            .build();
        let normal = Normal::new();
        let mut store = Store::new(component.engine(), State(telemetry.instance("guest")));
        let instance = linker.instantiate(&mut store, component).unwrap();
        let mut functions = Vec::new();
        for interface in INTERFACES {
            let name = format!("wasmscope:otel/{interface}@0.1.0");
            let (item, index) = instance.get_export(&mut store, None, &name).unwrap();
            let wasmtime::component::types::ComponentItem::ComponentInstance(item) = item else {
                panic!("{name} is an interface");
            };
            let exports = item.exports(component.engine());
            let exports: Vec<String> = exports.map(|(name, _)| name.to_owned()).collect();
            for export in exports {
                let found = instance.get_export_index(&mut store, Some(&index), &export);
                // An interface exports its types beside its functions.
                if let Some(function) = instance.get_func(&mut store, found.unwrap()) {
                    functions.push((format!("{interface}.{export}"), function));
                }
            }
        }
        Self {
            store,
            functions,
            handles: Handles::default(),
            normal,
            exporter,
            telemetry,
            providers,
        }
    }

    /// Calls a function with generated arguments. Returns its name, the arguments and the result,
    /// without values that differ between runs.
    fn call(&mut self, function: usize, mut rng: Rng) -> String {
        let (name, function) = &self.functions[function];
        let ty = function.ty(&self.store);
        let mut generator = Generator::new(&mut rng, &self.handles);
        let arguments: Vec<Val> = ty
            .params()
            .map(|(name, ty)| generator.value(name, &ty))
            .collect();
        let mut result = [Val::Bool(false)];
        function
            .call(&mut self.store, &arguments, &mut result)
            .unwrap();
        let [result] = result;
        self.handles.keep(name, &result);
        format!("{name} {}", self.normal.result(name, &result))
    }

    /// Ends the instance. Returns its telemetry and the dropped counts.
    fn end(self) -> (normal::Exported, String) {
        drop(self.store);
        self.providers.meter.unwrap().force_flush().unwrap();
        let dropped = format!("{:?}", self.telemetry.dropped().snapshot());
        (self.normal.exported(&self.exporter), dropped)
    }
}

/// The number of calls for one seed.
const CALLS: usize = 400;

/// Returns our adapter and the generated one.
fn sides() -> impl Fn() -> [Side; 2] {
    let engine = Engine::default();
    let component = Component::from_binary(&engine, &guests::echo(StringEncoding::UTF8)).unwrap();
    let (mut ours, mut generated) = (Linker::new(&engine), Linker::new(&engine));
    add_to_linker::<State>(&mut ours).unwrap();
    bindgen::add_to_linker::<State>(&mut generated).unwrap();
    move || [&ours, &generated].map(|linker| Side::new(&component, linker))
}

#[test]
fn both_adapters_give_the_same_results_and_telemetry() {
    let sides = sides();
    let mut called = BTreeMap::new();
    let mut exported = normal::Counts::default();
    for seed in 0..24 {
        let mut rng = Rng::with_seed(seed);
        let [mut ours, mut generated] = sides();
        for call in 0..CALLS {
            let function = generate::choose(&mut rng, &ours.functions, call);
            let rng = rng.fork();
            let (one, other) = (
                ours.call(function, rng.clone()),
                generated.call(function, rng),
            );
            assert_eq!(one, other, "call {call} of seed {seed}");
            *called
                .entry(ours.functions[function].0.clone())
                .or_insert(0) += 1;
        }
        let (one, other) = (ours.end(), generated.end());
        for (one, other) in one.0.lines.iter().zip(&other.0.lines) {
            assert_eq!(one, other, "telemetry of seed {seed}");
        }
        assert_eq!(one.0.lines.len(), other.0.lines.len(), "seed {seed}");
        assert_eq!(one.1, other.1, "dropped, seed {seed}");
        exported.add(&one.0.counts);
    }
    // The comparison is useless for functions and fields that are not reached.
    assert_eq!(called.len(), 26, "{called:?}");
    assert!(called.values().all(|times| *times > 50), "{called:?}");
    exported.assert_enough();
}

#[test]
fn wasmtimes_limit_traps_where_call_bytes_leaves_out() {
    let [mut ours, mut generated] = sides()();
    let long = [
        Val::U64(1),
        Val::Option(None),
        Val::Option(Some(Box::new(Val::String("x".repeat(100_000))))),
    ];
    for (side, fits) in [(&mut ours, true), (&mut generated, false)] {
        side.store.set_hostcall_fuel(50_000);
        let enabled = side.functions.iter();
        let (_, enabled) = enabled
            .clone()
            .find(|(name, _)| name == "logger.enabled")
            .unwrap();
        let mut result = [Val::Bool(false)];
        let called = enabled.call(&mut side.store, &long, &mut result);
        assert_eq!(called.is_ok(), fits, "{called:?}");
    }
}

#[test]
fn interfaces_can_be_added_once() {
    let engine = Engine::default();
    let mut linker = Linker::<State>::new(&engine);
    bindgen::add_to_linker_with(&mut linker, |state| &mut state.0).unwrap();
    assert!(bindgen::add_to_linker(&mut linker).is_err());
    assert!(add_to_linker(&mut linker).is_err());
}
