//! Tests the adapter on Wasmtime, with the tests that all adapters share and those that only
//! Wasmtime has.

#![expect(
    clippy::unwrap_used,
    reason = "the whole file is a test, including helper functions"
)]

#[path = "../../tests/adapter.rs"]
mod all;
#[path = "../../tests/api.rs"]
mod api;
#[path = "../../tests/guests.rs"]
#[expect(dead_code, reason = "the other tests use the remaining items")]
mod guests;

use all::{Host, PAGE, State, attribute, run, working};
use wasmscope_telemetry::{InvocationOptions, Outcome};
use wasmscope_wasmtime::{Limiter, instantiate, instantiate_async, invoke, outcome_of, runtime};
use wasmtime::{Config, Engine, ResourceLimiterAsync, Result, Store, StoreLimitsBuilder};

/// The parts of Wasmtime that the shared tests use.
mod adapter {
    pub(crate) use wasmscope_wasmtime as scope;
    pub(crate) use wasmscope_wasmtime::{
        Limiter, Unlimited, View, add_to_linker_with, imports, instantiate, invoke,
        missing_imports, outcome_of, runtime,
    };
    pub(crate) use wasmtime::component::{Component, Linker, Val};
    pub(crate) use wasmtime::{Engine, ResourceLimiter, Result, Store};

    use wasmtime::AsContextMut;
    use wasmtime::component::Instance;

    pub(crate) mod engine {
        pub(crate) use wasmtime::component::{Component, Instance, InstancePre, Linker};
        pub(crate) use wasmtime::{Engine, Store};
    }

    pub(crate) fn metered() -> Engine {
        Engine::new(wasmtime::Config::new().consume_fuel(true)).unwrap()
    }

    pub(crate) fn set_fuel<T>(store: &mut Store<T>, fuel: u64) {
        store.set_fuel(fuel).unwrap();
    }

    pub(crate) fn component(engine: &Engine, bytes: &[u8]) -> Component {
        Component::from_binary(engine, bytes).unwrap()
    }

    pub(crate) fn empty_linker<T: 'static>(engine: &Engine) -> Linker<T> {
        Linker::new(engine)
    }

    pub(crate) fn linker<T: View + 'static>(engine: &Engine) -> Linker<T> {
        let mut linker = empty_linker(engine);
        wasmscope_wasmtime::add_to_linker(&mut linker).unwrap();
        linker
    }

    pub(crate) fn store<T: 'static>(engine: &Engine, data: T) -> Store<T> {
        Store::new(engine, data)
    }

    pub(crate) fn call(
        mut store: impl AsContextMut,
        instance: &Instance,
        interface: &str,
        function: &str,
        arguments: &[Val],
    ) -> Val {
        let interface = instance.get_export_index(&mut store, None, interface);
        let function = instance.get_export_index(&mut store, interface.as_ref(), function);
        let function = instance.get_func(&mut store, function.unwrap()).unwrap();
        let mut result = [Val::Bool(false)];
        function.call(&mut store, arguments, &mut result).unwrap();
        let [result] = result;
        result
    }
}

#[test]
fn runtime_version_is_that_of_the_linked_crate() {
    assert_eq!(runtime().name, "wasmtime");
    let lock =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock")).unwrap();
    let entry = format!("name = \"wasmtime\"\nversion = \"{}\"\n", runtime().version);
    assert!(lock.contains(&entry), "{}", runtime().version);
}

#[test]
fn epoch_deadline_is_a_timeout() {
    let host = Host::new();
    let engine = Engine::new(Config::new().epoch_interruption(true)).unwrap();
    let component = working(&engine, "(loop $forever (br $forever))");
    let mut store = host.store(&engine);
    store.set_epoch_deadline(1);
    let ticker = engine.clone();
    std::thread::spawn(move || ticker.increment_epoch());
    run(&mut store, &component).unwrap_err();
    let outer = host.span("run guest");
    assert_eq!(
        attribute(&outer, "wasmscope.outcome").as_deref(),
        Some("timeout")
    );
}

#[tokio::test]
async fn dropped_future_ends_its_spans_as_killed() {
    let host = Host::new();
    let engine = Engine::new(Config::new().epoch_interruption(true)).unwrap();
    let component = working(&engine, "(loop $forever (br $forever))");
    let linker = adapter::linker::<State>(&engine);
    let mut store = host.store(&engine);
    store.epoch_deadline_async_yield_and_update(1);
    let ticker = engine.clone();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let ticking = std::thread::spawn(move || {
        while stopped.try_recv().is_err() {
            ticker.increment_epoch();
            std::thread::yield_now();
        }
    });
    {
        let call = async {
            let mut call = invoke(&mut store, InvocationOptions::default());
            let instance = instantiate_async(&mut call, &component, &linker)
                .await
                .unwrap();
            let run = instance
                .get_typed_func::<(), (u64,)>(&mut call, "run")
                .unwrap();
            run.call_async(&mut call, ()).await.unwrap();
        };
        let mut call = std::pin::pin!(call);
        // Polls until the guest runs, which its span proves at the end. The guest never finishes.
        for _ in 0..100 {
            assert!(futures_poll(call.as_mut()).is_pending());
        }
    }
    stop.send(()).unwrap();
    ticking.join().unwrap();
    for name in ["work", "run guest"] {
        assert_eq!(
            attribute(&host.span(name), "error.type").as_deref(),
            Some("killed"),
            "{name}"
        );
    }
}

fn futures_poll<F: Future>(future: std::pin::Pin<&mut F>) -> std::task::Poll<F::Output> {
    future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
}

struct AtMostAsync(usize);

#[async_trait::async_trait]
impl ResourceLimiterAsync for AtMostAsync {
    async fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        tokio::task::yield_now().await;
        Ok(desired <= self.0)
    }

    async fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
        Ok(true)
    }
}

#[tokio::test]
async fn asynchronous_limiter_works_and_its_calls_are_send() {
    fn sendable<F: Future + Send>(future: F) -> F {
        future
    }
    let host = Host::new();
    let engine = Engine::default();
    let component = working(
        &engine,
        "(return (i64.extend_i32_s (memory.grow (i32.const 1))))",
    );
    let linker = adapter::linker(&engine);
    let state = State {
        telemetry: host.telemetry.instance("guest"),
        limiter: Limiter::new(&host.telemetry, AtMostAsync(2 * PAGE)),
    };
    let mut store = Store::new(&engine, state);
    store.limiter_async(|state| &mut state.limiter);
    let refused = sendable(async {
        let mut call = invoke(&mut store, InvocationOptions::default());
        let instance = instantiate_async(&mut call, &component, &linker)
            .await
            .unwrap();
        let run = instance
            .get_typed_func::<(), (u64,)>(&mut call, "run")
            .unwrap();
        let (refused,) = run.call_async(&mut call, ()).await.unwrap();
        call.finish(Outcome::Ok);
        refused
    })
    .await;
    assert_eq!(refused.cast_signed(), -1);
    assert_eq!(store.data().limiter.memory(), 2 * PAGE as u64);
    assert_eq!(
        attribute(&host.span("work"), "wasmscope.end_reason").as_deref(),
        Some("return")
    );
}

/// Instantiates a component. Returns the code of the trap that ends it.
fn trap_code<L: Send + 'static>(store: &mut Store<State<L>>, wat: &str) -> String {
    let component = adapter::component(store.engine(), &wat::parse_str(wat).unwrap());
    let linker = adapter::empty_linker(store.engine());
    let error = instantiate(store, &component, &linker).unwrap_err();
    let Outcome::Trap { code, .. } = outcome_of(&error) else {
        panic!("{error:?} is no trap");
    };
    code
}

/// These errors have no type in Wasmtime, so `outcome_of` compares their messages.
#[test]
fn untyped_refusals_have_their_own_outcomes() {
    let host = Host::new();
    let engine = Engine::default();
    let limits = StoreLimitsBuilder::new()
        .table_elements(4)
        .memory_size(PAGE)
        .build();
    let state = State {
        telemetry: host.telemetry.instance("guest"),
        limiter: Limiter::new(&host.telemetry, limits),
    };
    let mut store = Store::new(&engine, state);
    store.limiter(|state| &mut state.limiter);
    for (module, code) in [
        ("(table 5 funcref)", "memory_limit"),
        ("(memory 2)", "memory_limit"),
    ] {
        let wat = format!("(component (core module $m {module}) (core instance (instantiate $m)))");
        assert_eq!(trap_code(&mut store, &wat), code, "{module}");
    }
    store.set_max_component_handles(3);
    let handles = r#"(component
        (type $thing (resource (rep i32)))
        (core func $new (canon resource.new $thing))
        (core module $m
            (import "" "new" (func $new (param i32) (result i32)))
            (func $start (loop $next (drop (call $new (i32.const 1))) (br $next)))
            (start $start))
        (core instance (instantiate $m
            (with "" (instance (export "new" (func $new)))))))"#;
    assert_eq!(trap_code(&mut store, handles), "too_many_handles");
}
