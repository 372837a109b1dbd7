//! What Wasmtime lowers into a guest, our lifting takes out of it again, in every encoding; and what a hostile
//! guest passes.

#[path = "../../tests/common/mod.rs"]
#[expect(dead_code, reason = "the tests of the whole use the rest")]
mod common;
mod hostile;
mod values;

use std::fmt::Debug;
use std::sync::OnceLock;

use wasmtime::component::{Component, Linker, LinkerInstance, Lower, Val};
use wasmtime::{Engine, Result, Store, StoreContextMut};
use wit_component::StringEncoding;

use super::*;

/// What the last call brought.
#[derive(Debug, Default)]
struct Last {
    arguments: String,
    bytes: usize,
    left_out: u64,
}

/// Adds a function that notes its arguments.
fn note<A: Arguments + Debug, const FLAT: usize>(
    linker: &mut LinkerInstance<'_, Last>,
    name: &str,
    result: impl Lower + Clone + Send + Sync + 'static,
) {
    linker
        .func_wrap(
            name,
            move |mut store: StoreContextMut<'_, Last>, lifted: Lifted<A, FLAT>| {
                *store.data_mut() = Last {
                    arguments: format!("{:?}", lifted.arguments),
                    bytes: lifted.bytes,
                    left_out: lifted.left_out,
                };
                Ok((result.clone(),))
            },
        )
        .unwrap();
}

/// A linker that notes what is lifted, with the functions that bring more than a handle.
fn linker(engine: &Engine) -> Linker<Last> {
    use opentelemetry::KeyValue;
    use wasmscope_telemetry::model::*;

    let mut linker = Linker::new(engine);
    let mut tracer = linker.instance("wasmscope:otel/tracer@0.1.0").unwrap();
    note::<Scope, 10>(&mut tracer, "get", 1u64);
    note::<SpanStart, 16>(&mut tracer, "start", 2u64);
    note::<(u64, SpanChanges), 11>(&mut tracer, "update", 0u64);
    note::<(u64, SpanEvent), 7>(&mut tracer, "event", 0u64);
    note::<(u64, SpanChanges, Option<u64>), 13>(&mut tracer, "end", 0u64);
    let mut meter = linker.instance("wasmscope:otel/meter@0.1.0").unwrap();
    note::<(u64, InstrumentDescriptor), 13>(&mut meter, "create", 3u64);
    note::<(u64, Number, Vec<KeyValue>), 5>(&mut meter, "measure", 0u64);
    note::<(u64, Vec<KeyValue>), 3>(&mut meter, "bind", 4u64);
    note::<(u64, Number), 3>(&mut meter, "measure-series", 0u64);
    note::<Vec<Observation>, 2>(&mut meter, "observe", 0u64);
    let mut logger = linker.instance("wasmscope:otel/logger@0.1.0").unwrap();
    note::<logs::Enabled, 6>(&mut logger, "enabled", true);
    note::<(u64, Vec<LogRecord>), 3>(&mut logger, "emit", 0u64);
    let mut context = linker.instance("wasmscope:otel/context@0.1.0").unwrap();
    note::<Vec<BaggageEntry>, 2>(&mut context, "enter-baggage", 5u64);
    linker
}

const ENCODINGS: [StringEncoding; 3] = [
    StringEncoding::UTF8,
    StringEncoding::UTF16,
    StringEncoding::CompactUTF16,
];

/// Runs a guest made of the insides of a core module.
fn run(core: &str, encoding: StringEncoding) -> (Result<u64>, Last) {
    let engine = Engine::default();
    let component = Component::from_binary(&engine, &common::guest(core, encoding)).unwrap();
    let mut store = Store::new(&engine, Last::default());
    let instance = linker(&engine).instantiate(&mut store, &component).unwrap();
    let run = instance
        .get_typed_func::<(), (u64,)>(&mut store, "run")
        .unwrap();
    let result = run.call(&mut store, ()).map(|(value,)| value);
    (result, store.into_data())
}

/// The echoing guest in one of the encodings, compiled once for all tests.
fn echo_guest(encoding: StringEncoding) -> &'static (Engine, Component) {
    static GUESTS: [OnceLock<(Engine, Component)>; 3] = [const { OnceLock::new() }; 3];
    let index = ENCODINGS.iter().position(|it| *it == encoding).unwrap();
    GUESTS[index].get_or_init(|| {
        let engine = Engine::default();
        let component = Component::from_binary(&engine, &common::echo(encoding)).unwrap();
        (engine, component)
    })
}

/// Passes values through the echoing guest, and gives what arrived.
fn echo(encoding: StringEncoding, interface: &str, function: &str, arguments: &[Val]) -> Last {
    let (engine, component) = echo_guest(encoding);
    let mut store = Store::new(engine, Last::default());
    let mut linker = linker(engine);
    linker.define_unknown_imports_as_traps(component).unwrap();
    let instance = linker.instantiate(&mut store, component).unwrap();
    let interface = format!("wasmscope:otel/{interface}@0.1.0");
    let interface = instance
        .get_export_index(&mut store, None, &interface)
        .unwrap();
    let function = instance
        .get_export_index(&mut store, Some(&interface), function)
        .unwrap();
    let function = instance.get_func(&mut store, function).unwrap();
    function
        .call(&mut store, arguments, &mut [Val::Bool(false)])
        .unwrap();
    store.into_data()
}

/// Async-lowered calls, which this crate's features leave out but an embedder's may not, pass their parameters in memory.
#[test]
fn parameters_in_memory_are_read_at_their_offsets() {
    use opentelemetry::trace::SpanKind;
    use wasmscope_telemetry::model::{RemoteContext, SpanReference, SpanStart};
    use wasmtime::component::__internal::wasmtime_environ::component::StringEncoding as Encoding;

    let mut bytes = vec![0; <<SpanStart as Arguments>::Shape as ComponentType>::SIZE32];
    assert_eq!(bytes.len(), 104);
    let mut put =
        |offset: usize, value: &[u8]| bytes[offset..][..value.len()].copy_from_slice(value);
    put(0, &7u64.to_le_bytes());
    put(8, &[2, 0, 0, 0, 4]);
    put(16, &[3]);
    put(24, &[3]);
    put(32, &11u64.to_le_bytes());
    put(40, &12u64.to_le_bytes());
    put(48, &13u64.to_le_bytes());
    put(56, &[0b101]);
    put(60, &[0, 0, 0, 0, 2]);
    put(80, &[1]);
    put(88, &99u64.to_le_bytes());
    put(96, &[1]);
    let mut reader = Reader::over(b"a=name", Encoding::Utf8);
    let start = SpanStart::read(&mut reader, &mut Memory::new(&bytes)).unwrap();
    let expected = SpanStart {
        tracer: 7,
        name: "name".to_owned(),
        kind: SpanKind::Producer,
        parent: SpanReference::Remote(RemoteContext {
            trace_id: (11, 12),
            span_id: 13,
            trace_flags: 0b01,
            trace_state: "a=".to_owned(),
        }),
        attributes: vec![],
        start_time: Some(99),
        activate: true,
    };
    assert_eq!(format!("{start:?}"), format!("{expected:?}"));
}
