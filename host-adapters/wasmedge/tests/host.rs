//! Tests the adapter on WasmEdge, with the tests that all adapters share and those that only
//! WasmEdge has.

#![expect(
    clippy::unwrap_used,
    reason = "the whole file is a test, including helper functions"
)]

#[path = "../../tests/adapter.rs"]
mod all;
#[path = "../../tests/api.rs"]
mod api;
#[path = "../../tests/guests.rs"]
#[expect(
    dead_code,
    reason = "the other adapter's tests use the remaining items"
)]
mod guests;

use all::{Host, attribute, run, working};

/// The parts of WasmEdge that the shared tests use.
mod adapter {
    pub(crate) use anyhow::Result;
    pub(crate) use wasmedge_component::{Component, Engine, Linker, ResourceLimiter, Store, Val};
    pub(crate) use wasmscope_wasmedge as scope;
    pub(crate) use wasmscope_wasmedge::{
        Limiter, Unlimited, View, add_to_linker_with, imports, instantiate, invoke,
        missing_imports, outcome_of, runtime,
    };

    use wasmedge_component::{AsContextMut, Config, Instance};

    pub(crate) mod engine {
        pub(crate) use wasmedge_component::{
            Component, Engine, Instance, InstancePre, Linker, Store,
        };
    }

    pub(crate) fn metered() -> Engine {
        Engine::new(Config::new().measure_cost(true)).unwrap()
    }

    pub(crate) fn set_fuel<T: 'static>(store: &mut Store<T>, fuel: u64) {
        store.set_cost_limit(fuel).unwrap();
    }

    pub(crate) fn component(engine: &Engine, bytes: &[u8]) -> Component {
        Component::new(engine, bytes).unwrap()
    }

    pub(crate) fn empty_linker<T: 'static>(_: &Engine) -> Linker<T> {
        Linker::new()
    }

    pub(crate) fn linker<T: View + 'static>(engine: &Engine) -> Linker<T> {
        let mut linker = empty_linker(engine);
        wasmscope_wasmedge::add_to_linker(&mut linker).unwrap();
        linker
    }

    pub(crate) fn store<T: 'static>(engine: &Engine, data: T) -> Store<T> {
        Store::new(engine, data).unwrap()
    }

    pub(crate) fn call(
        mut store: impl AsContextMut<Engine = Engine>,
        instance: &Instance,
        interface: &str,
        function: &str,
        arguments: &[Val],
    ) -> Val {
        let function = instance.get_func_in(&mut store, interface, function);
        let result = function.unwrap().call(&mut store, arguments).unwrap();
        result.unwrap()
    }
}

#[test]
fn runtime_version_is_that_of_the_library() {
    let runtime = wasmscope_wasmedge::runtime();
    assert_eq!(runtime.name, "wasmedge");
    assert!(runtime.version.starts_with("0."), "{}", runtime.version);
}

#[test]
fn interruption_is_a_timeout() {
    let host = Host::new();
    let engine = adapter::Engine::default();
    let component = working(&engine, "(loop $forever (br $forever))");
    let mut store = host.store(&engine);
    let handle = store.interrupt_handle().unwrap();
    // An interruption works before the run as well as during it.
    std::thread::spawn(move || handle.interrupt());
    run(&mut store, &component).unwrap_err();
    let outer = host.span("run guest");
    assert_eq!(
        attribute(&outer, "wasmscope.outcome").as_deref(),
        Some("timeout")
    );
}
