//! Tests for every adapter, independent of the engine.
//!
//! A test of an adapter includes this file, and provides a module `adapter` with the adapter's
//! names (`View`, `Limiter`, `invoke` and so on) and the engine's types: engines, components,
//! linkers, stores.

use opentelemetry::logs::Severity;
use opentelemetry::trace::Status;
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use wasmscope_telemetry::{
    Instance, InvocationOptions, LogLevels, Outcome, Providers, Reason, Signal, Telemetry,
};
use wit_component::StringEncoding;

use crate::adapter::{
    self, Component, Engine, Limiter, ResourceLimiter, Result, Store, Unlimited, Val, View,
    instantiate, invoke, outcome_of,
};
use crate::guests;

pub(crate) struct State<L = Unlimited> {
    pub(crate) telemetry: Instance,
    pub(crate) limiter: Limiter<L>,
}

impl<L> View for State<L> {
    fn wasmscope(&mut self) -> &mut Instance {
        &mut self.telemetry
    }
}

pub(crate) struct Host {
    pub(crate) telemetry: Telemetry,
    spans: InMemorySpanExporter,
    metrics: InMemoryMetricExporter,
    meter: SdkMeterProvider,
}

impl Host {
    pub(crate) fn new() -> Self {
        Self::with_limits(wasmscope_telemetry::Limits::default())
    }

    fn with_limits(limits: wasmscope_telemetry::Limits) -> Self {
        let spans = InMemorySpanExporter::default();
        let metrics = InMemoryMetricExporter::default();
        let tracer = SdkTracerProvider::builder()
            .with_simple_exporter(spans.clone())
            .build();
        let meter = SdkMeterProvider::builder()
            .with_reader(PeriodicReader::builder(metrics.clone()).build())
            .build();
        let logger = SdkLoggerProvider::builder().build();
        let providers = Providers {
            tracer: Some(tracer),
            meter: Some(meter.clone()),
            logger: Some(logger),
        };
        let telemetry = Telemetry::builder(providers)
            .limits(limits)
            .runtime(adapter::runtime())
            .build();
        Self {
            telemetry,
            spans,
            metrics,
            meter,
        }
    }

    pub(crate) fn store(&self, engine: &Engine) -> Store<State> {
        self.limited(engine, Unlimited)
    }

    fn limited<L: ResourceLimiter + Send + 'static>(
        &self,
        engine: &Engine,
        limits: L,
    ) -> Store<State<L>> {
        let instance = self.telemetry.instance("guest");
        let state = State {
            limiter: Limiter::new(&instance, limits),
            telemetry: instance,
        };
        let mut store = adapter::store(engine, state);
        store.limiter(|state| &mut state.limiter);
        store
    }

    pub(crate) fn span(&self, name: &str) -> SpanData {
        let spans = self.spans.get_finished_spans().unwrap();
        let found = spans.iter().find(|span| span.name == name);
        found
            .unwrap_or_else(|| panic!("no span `{name}` in {spans:#?}"))
            .clone()
    }

    /// Returns the sum of a metric's points, or a histogram's count, for a value of `error.type`.
    pub(crate) fn metric(&self, name: &str, error_type: Option<&str>) -> Option<i64> {
        self.meter.force_flush().unwrap();
        let expected = error_type.map(|kind| Value::from(kind.to_owned()));
        let matches = |mut attributes: Box<dyn Iterator<Item = &KeyValue> + '_>| {
            attributes
                .find(|kv| kv.key.as_str() == "error.type")
                .map(|kv| &kv.value)
                == expected.as_ref()
        };
        let last = self.metrics.get_finished_metrics().unwrap().pop()?;
        let metric = last
            .scope_metrics()
            .flat_map(|scope| scope.metrics())
            .find(|m| m.name() == name)?;
        match metric.data() {
            AggregatedMetrics::I64(MetricData::Sum(sum)) => Some(
                sum.data_points()
                    .filter(|p| matches(Box::new(p.attributes())))
                    .map(|p| p.value())
                    .sum(),
            ),
            AggregatedMetrics::U64(MetricData::Sum(sum)) => Some(
                sum.data_points()
                    .filter(|p| matches(Box::new(p.attributes())))
                    .map(|p| p.value() as i64)
                    .sum(),
            ),
            AggregatedMetrics::F64(MetricData::Histogram(histogram)) => Some(
                histogram
                    .data_points()
                    .filter(|p| matches(Box::new(p.attributes())))
                    .map(|p| p.count() as i64)
                    .sum(),
            ),
            AggregatedMetrics::F64(_) | AggregatedMetrics::U64(_) | AggregatedMetrics::I64(_) => {
                panic!("`{name}` is no instrument of the runtime's: {metric:?}")
            }
        }
    }
}

/// Makes a guest that gets a tracer, starts the span `work`, and runs `then` while the span is
/// open.
pub(crate) fn working(engine: &Engine, then: &str) -> Component {
    let core = format!(
        r#"
        (import "wasmscope:otel/tracer@0.1.0" "get"
          (func $get (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i64)))
        (import "wasmscope:otel/tracer@0.1.0" "start" (func $start
          (param i64 i32 i32 i32 i32 i64 i64 i64 i32 i32 i32 i32 i32 i32 i64 i32) (result i64)))
        (import "wasmscope:otel/tracer@0.1.0" "end" (func $end
          (param i64 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i64) (result i64)))
        (memory (export "memory") 2) (data (i32.const 1024) "work")
        (func (export "run") (result i64) (local $span i64)
          (local.set $span (call $start
            (call $get (i32.const 1024) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 0)
              (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
            (i32.const 1024) (i32.const 4) (i32.const 0)
            (i32.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0) (i32.const 1)))
          {then}
          (local.get $span))"#
    );
    adapter::component(engine, &guests::guest(&core, StringEncoding::UTF8))
}

pub(crate) fn end(span: &str) -> String {
    let zeros = "(i32.const 0)".repeat(11);
    format!("(drop (call $end {span} {zeros} (i64.const 0)))")
}

/// Calls `run` in an invocation, and finishes the invocation with the call's outcome.
pub(crate) fn run(store: &mut Store<State>, component: &Component) -> Result<u64> {
    let linker = adapter::linker(component.engine());
    let mut call = invoke(store, InvocationOptions::default());
    let result = instantiate(&mut call, component, &linker).and_then(|instance| {
        let run = instance.get_typed_func::<(), (u64,)>(&mut call, "run")?;
        run.call(&mut call, ()).map(|(value,)| value)
    });
    let outcome = result.as_ref().map_or_else(outcome_of, |_| Outcome::Ok);
    call.finish(outcome);
    result
}

pub(crate) fn attribute(span: &SpanData, key: &str) -> Option<String> {
    span.attributes
        .iter()
        .find(|kv| kv.key.as_str() == key)
        .map(|kv| kv.value.to_string())
}

#[test]
fn the_whole_contract_is_served_with_exactly_its_types() {
    let engine = Engine::default();
    let host = Host::new();
    let component = adapter::component(&engine, &guests::dummy());
    let linker = adapter::linker(&engine);
    assert_eq!(adapter::missing_imports(&component, &linker).unwrap(), []);
    instantiate(host.store(&engine), &component, &linker).unwrap();
    let names: Vec<String> = adapter::imports(&component)
        .into_iter()
        .map(|import| import.name)
        .collect();
    for interface in ["types", "context", "tracer", "meter", "logger"] {
        assert!(
            names.contains(&format!("wasmscope:otel/{interface}@0.1.0")),
            "{names:?}"
        );
    }
}

#[test]
fn a_guests_span_is_a_child_of_the_hosts() {
    let host = Host::new();
    let engine = Engine::default();
    let component = working(&engine, &end("(local.get $span)"));
    run(&mut host.store(&engine), &component).unwrap();
    let (work, outer) = (host.span("work"), host.span("run guest"));
    assert_eq!(work.parent_span_id, outer.span_context.span_id());
    assert_eq!(
        attribute(&outer, "wasmscope.outcome").as_deref(),
        Some("ok")
    );
    assert_eq!(attribute(&work, "wasmscope.end_reason"), None);
    assert_eq!(
        host.metric("wasmscope.runtime.instantiation.duration", None),
        Some(1)
    );
}

#[test]
fn a_trap_ends_open_spans_with_its_kind_and_counts_once() {
    let host = Host::new();
    let engine = Engine::default();
    let component = working(&engine, "(unreachable)");
    run(&mut host.store(&engine), &component).unwrap_err();
    let work = host.span("work");
    assert_eq!(
        attribute(&work, "wasmscope.end_reason").as_deref(),
        Some("trap")
    );
    assert_eq!(
        attribute(&work, "error.type").as_deref(),
        Some("unreachable")
    );
    assert!(matches!(work.status, Status::Error { .. }));
    assert_eq!(
        host.metric("wasmscope.runtime.traps", Some("unreachable")),
        Some(1)
    );
}

#[test]
fn a_guest_that_breaks_the_abi_traps() {
    let host = Host::new();
    let engine = Engine::default();
    let mut zeros = end("(local.get $span)");
    // The name is an option with the invalid discriminant 2.
    zeros = zeros.replacen("(i32.const 0)", "(i32.const 2)", 1);
    run(&mut host.store(&engine), &working(&engine, &zeros)).unwrap_err();
    assert_eq!(
        attribute(&host.span("work"), "error.type").as_deref(),
        Some("invalid_argument")
    );
}

#[test]
fn wrong_handles_are_counted_and_do_not_trap() {
    let host = Host::new();
    let engine = Engine::default();
    let wrong = end("(i64.const 12345)") + &end("(i64.const 0)") + &end("(local.get $span)");
    run(&mut host.store(&engine), &working(&engine, &wrong)).unwrap();
    assert_eq!(
        host.telemetry
            .dropped()
            .get(Signal::Traces, Reason::WrongHandle),
        2
    );
}

#[test]
fn the_embedders_limit_on_call_bytes_holds_and_is_counted() {
    let mut limits = wasmscope_telemetry::Limits::default();
    limits.call_bytes = 3;
    let host = Host::with_limits(limits);
    let engine = Engine::default();
    run(
        &mut host.store(&engine),
        &working(&engine, &end("(local.get $span)")),
    )
    .unwrap();
    host.span("wor");
    // The scope's name is shortened too.
    assert_eq!(
        host.telemetry
            .dropped()
            .get(Signal::Traces, Reason::CallBytes),
        2
    );
}

#[test]
fn fuel_is_counted_if_it_is_metered() {
    let host = Host::new();
    let engine = adapter::metered();
    let component = working(&engine, "(loop $forever (br $forever))");
    let mut store = host.store(&engine);
    adapter::set_fuel(&mut store, 10_000);
    run(&mut store, &component).unwrap_err();
    assert_eq!(
        attribute(&host.span("work"), "error.type").as_deref(),
        Some("out_of_fuel")
    );
    assert_eq!(host.metric("wasmscope.runtime.fuel", None), Some(10_000));
}

struct AtMost(usize);

impl ResourceLimiter for AtMost {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        Ok(desired <= self.0)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
        Ok(true)
    }
}

pub(crate) const PAGE: usize = 65536;

#[test]
fn the_embedders_limits_hold_and_memory_is_reported() {
    let host = Host::new();
    let engine = Engine::default();
    // Grows by one page. The limiter refuses two more, and the maximum of its memory 65536.
    let component = working(
        &engine,
        "(drop (memory.grow (i32.const 1))) (drop (memory.grow (i32.const 65536)))
         (return (i64.extend_i32_s (memory.grow (i32.const 2))))",
    );
    let mut store = host.limited(&engine, AtMost(4 * PAGE));
    let instance = instantiate(&mut store, &component, &adapter::linker(&engine)).unwrap();
    let run = instance
        .get_typed_func::<(), (u64,)>(&mut store, "run")
        .unwrap();
    let (refused,) = run.call(&mut store, ()).unwrap();
    assert_eq!(refused.cast_signed(), -1);
    assert_eq!(store.data().limiter.memory(), 3 * PAGE as u64);
    assert_eq!(
        host.metric("wasmscope.runtime.memory", None),
        Some(3 * PAGE as i64)
    );
    assert_eq!(host.metric("wasmscope.runtime.instances", None), Some(1));
    drop(store);
    assert_eq!(host.metric("wasmscope.runtime.memory", None), Some(0));
    assert_eq!(host.metric("wasmscope.runtime.instances", None), Some(0));
}

#[test]
fn refused_memory_is_counted_and_is_an_event_of_the_calls_span() {
    let host = Host::new();
    let engine = Engine::default();
    // The limiter refuses twice. The third growth exceeds the memory's own maximum, which is not
    // counted.
    let component = working(
        &engine,
        "(drop (memory.grow (i32.const 7))) (drop (memory.grow (i32.const 65536)))
         (return (i64.extend_i32_s (memory.grow (i32.const 8))))",
    );
    let mut store = host.limited(&engine, AtMost(4 * PAGE));
    let instance = instantiate(&mut store, &component, &adapter::linker(&engine)).unwrap();
    let run = instance
        .get_typed_func::<(), (u64,)>(&mut store, "run")
        .unwrap();
    let mut invocation = invoke(&mut store, InvocationOptions::default());
    run.call(&mut invocation, ()).unwrap();
    invocation.finish(Outcome::Ok);
    // A call without a refusal reports none of an earlier call.
    invoke(
        &mut store,
        InvocationOptions::default().with_name("the next"),
    )
    .finish(Outcome::Ok);

    assert_eq!(
        host.metric("wasmscope.runtime.memory_refusals", None),
        Some(2)
    );
    let span = host.span("run guest");
    let [event] = &*span.events.events else {
        panic!("one event, not {:?}", span.events);
    };
    assert_eq!(event.name, "wasmscope.memory.refused");
    let page = PAGE as i64;
    let expected = [
        KeyValue::new("wasmscope.memory.kind", "memory"),
        KeyValue::new("wasmscope.memory.size", 2 * page),
        KeyValue::new("wasmscope.memory.requested", 9 * page),
        KeyValue::new("wasmscope.memory.refusals", 2),
    ];
    assert_eq!(event.attributes, expected);
    assert!(host.span("the next").events.events.is_empty());
}

#[test]
fn memory_refused_at_instantiation_is_a_memory_limit() {
    let host = Host::new();
    let engine = Engine::default();
    let component = working(&engine, "");
    let mut store = host.limited(&engine, AtMost(PAGE));
    let error = instantiate(&mut store, &component, &adapter::linker(&engine)).unwrap_err();
    assert!(
        matches!(outcome_of(&error), Outcome::Trap { code, .. } if code == "memory_limit"),
        "{error:?}"
    );
    assert_eq!(
        host.metric(
            "wasmscope.runtime.instantiation.duration",
            Some("memory_limit")
        ),
        Some(1)
    );
    assert_eq!(
        host.metric("wasmscope.runtime.traps", Some("memory_limit")),
        Some(1)
    );
}

#[test]
fn contexts_baggage_and_thresholds_reach_the_guest() {
    let host = Host::new();
    host.telemetry
        .set_log_levels(LogLevels::new(Some(Severity::Warn2)));
    for encoding in [
        StringEncoding::UTF8,
        StringEncoding::UTF16,
        StringEncoding::CompactUTF16,
    ] {
        let engine = Engine::default();
        let component = adapter::component(&engine, &guests::echo(encoding));
        let mut store = host.store(&engine);
        let instance = instantiate(&mut store, &component, &adapter::linker(&engine)).unwrap();
        let mut options = InvocationOptions::default();
        options.traceparent =
            Some("00-0102030405060708090a0b0c0d0e0f10-1112131415161718-01".to_owned());
        options.tracestate = Some("vendor=opaque".to_owned());
        options.baggage = Some("user=%E2%82%AC;ttl=1".to_owned());
        let mut store = invoke(&mut store, options);
        let mut call = |interface: &str, function: &str, arguments: &[Val]| -> String {
            let interface = format!("wasmscope:otel/{interface}@0.1.0");
            let result = adapter::call(&mut store, &instance, &interface, function, arguments);
            format!("{result:?}")
        };
        let current = call("context", "current", &[]);
        for part in [
            r#"Option(Some(Record([("trace-id", Record([("high", U64(72623859790382856)), "#,
            r#"("low", U64(651345242494996240))]))"#,
            r#"("trace-flags", Flags(["sampled"#,
            r#"("trace-state", String("vendor=opaque"))"#,
        ] {
            assert!(current.contains(part), "{part} in {current}");
        }
        assert_eq!(
            call("context", "baggage", &[]),
            r#"List([Record([("key", String("user")), ("value", String("€")), ("metadata", String("ttl=1"))])])"#
        );
        assert_eq!(call("tracer", "context-of", &[Val::U64(5)]), "Option(None)");
        let field = |name: &str, value| (name.to_owned(), value);
        let scope = Val::Record(vec![
            field("name", Val::String("scope".to_owned())),
            field("version", Val::Option(None)),
            field("schema-url", Val::Option(None)),
            field("attributes", Val::List(vec![])),
        ]);
        let logger = call("logger", "get", &[scope]);
        let logger = logger
            .trim_start_matches("U64(")
            .trim_end_matches(')')
            .parse()
            .unwrap();
        let threshold = call("logger", "threshold", &[Val::U64(logger)]);
        let expected = r#"Record([("severity", Option(Some(Enum("warn2")))), ("generation", U32("#;
        assert!(threshold.starts_with(expected), "{threshold}");
        store.finish(Outcome::Ok);
    }
}

/// A view that panics every other time, like a bug in the host.
struct Flaky {
    telemetry: Instance,
    calls: u32,
}

impl View for Flaky {
    fn wasmscope(&mut self) -> &mut Instance {
        self.calls += 1;
        assert!(
            self.calls.is_multiple_of(2),
            "this is the {}th call",
            self.calls
        );
        &mut self.telemetry
    }
}

#[test]
fn host_functions_catch_panics() {
    let host = Host::new();
    let engine = Engine::default();
    let component = working(&engine, &end("(local.get $span)"));
    let state = Flaky {
        telemetry: host.telemetry.instance("guest"),
        calls: 0,
    };
    let mut store = adapter::store(&engine, state);
    let instance = adapter::linker(&engine)
        .instantiate(&mut store, &component)
        .unwrap();
    let run = instance
        .get_typed_func::<(), (u64,)>(&mut store, "run")
        .unwrap();
    let (span,) = run.call(&mut store, ()).unwrap();
    assert_eq!(span, 1 << 63, "the handle means not recorded");
    assert_eq!(
        host.telemetry
            .dropped()
            .get(Signal::Traces, Reason::HostPanic),
        3
    );
}

/// A store has one telemetry instance, but each call has its own host span.
#[test]
fn two_instances_in_one_store_have_separate_calls() {
    let host = Host::new();
    let engine = Engine::default();
    let component = working(&engine, &end("(local.get $span)"));
    let linker = adapter::linker(&engine);
    let mut store = host.store(&engine);
    let instances = [(); 2].map(|()| instantiate(&mut store, &component, &linker).unwrap());
    for instance in &instances {
        let mut call = invoke(&mut store, InvocationOptions::default());
        let run = instance
            .get_typed_func::<(), (u64,)>(&mut call, "run")
            .unwrap();
        run.call(&mut call, ()).unwrap();
        call.finish(Outcome::Ok);
    }
    let spans = host.spans.get_finished_spans().unwrap();
    let named =
        |name: &str| -> Vec<&SpanData> { spans.iter().filter(|span| span.name == name).collect() };
    let (works, outers) = (named("work"), named("run guest"));
    assert_eq!((works.len(), outers.len()), (2, 2), "{spans:#?}");
    for (work, outer) in works.iter().zip(&outers) {
        assert_eq!(work.parent_span_id, outer.span_context.span_id());
    }
    assert_ne!(
        works[0].span_context.trace_id(),
        works[1].span_context.trace_id()
    );
    assert_eq!(
        host.metric("wasmscope.runtime.instantiation.duration", None),
        Some(2)
    );
    // Instantiations and memory are counted for the store.
    assert_eq!(host.metric("wasmscope.runtime.instances", None), Some(1));
    assert_eq!(store.data().limiter.memory(), 4 * PAGE as u64);
}

#[test]
fn spans_left_open_at_a_return_are_ended_with_a_reason() {
    let host = Host::new();
    let engine = Engine::default();
    run(&mut host.store(&engine), &working(&engine, "")).unwrap();
    assert_eq!(
        attribute(&host.span("work"), "wasmscope.end_reason").as_deref(),
        Some("return")
    );
}

#[test]
fn a_dropped_call_is_killed_with_its_open_spans() {
    let host = Host::new();
    let engine = Engine::default();
    let component = working(&engine, "");
    let linker = adapter::linker(&engine);
    let mut store = host.store(&engine);
    {
        let mut call = invoke(&mut store, InvocationOptions::default());
        let instance = instantiate(&mut call, &component, &linker).unwrap();
        let run = instance
            .get_typed_func::<(), (u64,)>(&mut call, "run")
            .unwrap();
        run.call(&mut call, ()).unwrap();
    }
    for name in ["work", "run guest"] {
        assert_eq!(
            attribute(&host.span(name), "error.type").as_deref(),
            Some("killed"),
            "{name}"
        );
    }
}

/// Telemetry inside another value, which does not implement `View`.
#[test]
fn an_embedder_can_pass_a_getter_for_the_telemetry() {
    let host = Host::new();
    let engine = Engine::default();
    let component = working(&engine, &end("(local.get $span)"));
    let mut linker = adapter::empty_linker::<(u8, Instance)>(&engine);
    adapter::add_to_linker_with(&mut linker, |state: &mut (u8, Instance)| &mut state.1).unwrap();
    let mut store = adapter::store(&engine, (0, host.telemetry.instance("guest")));
    let instance = linker.instantiate(&mut store, &component).unwrap();
    let run = instance
        .get_typed_func::<(), (u64,)>(&mut store, "run")
        .unwrap();
    run.call(&mut store, ()).unwrap();
    // There is no invocation, so the span is a root.
    assert_eq!(
        host.span("work").parent_span_id,
        opentelemetry::SpanId::INVALID
    );
    assert!(
        adapter::add_to_linker_with(&mut linker, |state: &mut (u8, Instance)| &mut state.1)
            .is_err(),
        "they are there already"
    );
}

#[test]
fn guests_run_without_providers() {
    let telemetry = Telemetry::builder(Providers::default()).build();
    let engine = Engine::default();
    let component = working(&engine, &end("(local.get $span)"));
    let state = State {
        telemetry: telemetry.instance("guest"),
        limiter: Limiter::unlimited(&telemetry),
    };
    let span = run(&mut adapter::store(&engine, state), &component).unwrap();
    assert_eq!(span >> 63, 1, "the handle means not recorded");
}
