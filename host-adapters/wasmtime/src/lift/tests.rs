//! Tests that lifting returns the values that Wasmtime lowers into a guest, in every encoding, and
//! tests hostile arguments.

#[path = "../../../tests/guests.rs"]
#[expect(dead_code, reason = "the tests of the whole use the rest")]
mod guests;
mod hostile;
mod values;

use std::sync::OnceLock;

use wasmscope_contract::{Call, Function, Register, register};
use wasmtime::component::{Component, Linker, Val};
use wasmtime::{Engine, Error, Result, Store, StoreContextMut};
use wit_component::StringEncoding;

use super::*;
use crate::lower::Lowered;

/// The arguments of the last call.
#[derive(Debug, Default)]
struct Last {
    arguments: String,
    bytes: usize,
    left_out: u64,
}

/// The bytes that a call may take in these tests.
const CALL_BYTES: usize = 4 << 20;

/// Adds functions that record their arguments.
struct RecordArguments<'a>(&'a mut Linker<Last>);

impl<R: Lowered> Register<R> for RecordArguments<'_> {
    type Error = Error;

    fn function<A: Arguments, C: Call<A, R>>(&mut self, function: Function<A, R, C>) -> Result<()> {
        self.0.instance(function.interface())?.func_wrap(
            function.name(),
            move |mut store: StoreContextMut<'_, Last>, parameters: Parameters<A>| {
                // SAFETY: as in `add`.
                let arguments = unsafe { parameters.raw() };
                let lifted = arguments.lift::<A>(CALL_BYTES).map_err(trap)?;
                *store.data_mut() = Last {
                    arguments: format!("{:?}", lifted.arguments),
                    bytes: lifted.bytes,
                    left_out: lifted.left_out,
                };
                Ok((function.neutral().lower(),))
            },
        )
    }
}

/// Returns a linker that records the lifted arguments.
fn linker(engine: &Engine) -> Linker<Last> {
    let mut linker = Linker::new(engine);
    register(&mut RecordArguments(&mut linker)).unwrap();
    linker
}

const ENCODINGS: [StringEncoding; 3] = [
    StringEncoding::UTF8,
    StringEncoding::UTF16,
    StringEncoding::CompactUTF16,
];

/// Runs a guest with the given fields of a core module.
fn run(core: &str, encoding: StringEncoding) -> (Result<u64>, Last) {
    let engine = Engine::default();
    let component = Component::from_binary(&engine, &guests::guest(core, encoding)).unwrap();
    let mut store = Store::new(&engine, Last::default());
    let instance = linker(&engine).instantiate(&mut store, &component).unwrap();
    let run = instance
        .get_typed_func::<(), (u64,)>(&mut store, "run")
        .unwrap();
    let result = run.call(&mut store, ()).map(|(value,)| value);
    (result, store.into_data())
}

/// Returns the echoing guest in one of the encodings. It is compiled once for all tests.
fn echo_guest(encoding: StringEncoding) -> &'static (Engine, Component) {
    static GUESTS: [OnceLock<(Engine, Component)>; 3] = [const { OnceLock::new() }; 3];
    let index = ENCODINGS.iter().position(|it| *it == encoding).unwrap();
    GUESTS[index].get_or_init(|| {
        let engine = Engine::default();
        let component = Component::from_binary(&engine, &guests::echo(encoding)).unwrap();
        (engine, component)
    })
}

/// Passes values through the echoing guest. Returns the arguments that arrived.
fn echo(encoding: StringEncoding, interface: &str, function: &str, arguments: &[Val]) -> Last {
    let (engine, component) = echo_guest(encoding);
    let mut store = Store::new(engine, Last::default());
    let instance = linker(engine).instantiate(&mut store, component).unwrap();
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
