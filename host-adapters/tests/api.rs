//! The public API of every adapter, with equal names. A test of an adapter includes this file and
//! provides a module `adapter` with the adapter's and the engine's names. Compiling is the test.

use wasmscope_telemetry::Telemetry as CoreTelemetry;

use crate::adapter::engine::{
    Component, Engine, Instance as ComponentInstance, InstancePre, Linker, Store,
};
use crate::adapter::scope::{
    Ender, Error, Extern, ExternKind, HostSpan, Instance, InvalidArgument, Invocation,
    InvocationOptions, Limiter, MissingImport, NotACommand, NotAHandler, Outcome, Result, Runtime,
    Telemetry, Unlimited, View, add_to_linker, add_to_linker_with, command, exports, http_handler,
    imports, instantiate, instantiate_pre, invoke, invoke_in, missing_imports, outcome_of, runtime,
};

/// Names each item with its type.
#[expect(dead_code, reason = "it only has to compile")]
fn api<T: View + 'static>(state: fn(&mut T) -> &mut Instance) {
    let _: fn(&mut Linker<T>) -> Result<()> = add_to_linker;
    let _ = |linker: &mut Linker<T>| -> Result<(), Error> { add_to_linker_with(linker, state) };
    let _: fn(&Component) -> Vec<Extern> = imports;
    let _: fn(&Component) -> Vec<Extern> = exports;
    let _: fn(&Component) -> Result<String, NotACommand> = command;
    let _: fn(&Component) -> Result<String, NotAHandler> = http_handler;
    let _: fn(&Component, &Linker<T>) -> Result<Vec<MissingImport>> = missing_imports;
    let _: fn(&Error) -> Outcome = outcome_of;
    let _: fn() -> Runtime = runtime;
    let _: for<'a> fn(&'a mut Store<T>, InvocationOptions) -> Invocation<'a, T> = invoke;
    let _: for<'a> fn(&'a mut Store<T>, HostSpan) -> Invocation<'a, T> = invoke_in;
    let _ = |call: Invocation<'_, T>, outcome: Outcome| call.finish(outcome);
    let _ = |call: Invocation<'_, T>| -> Option<HostSpan> { call.hand_over(&Outcome::Ok) };
    let _ = |store: &mut Store<T>, component: &Component, linker: &Linker<T>| {
        let _: Result<ComponentInstance> = instantiate(store, component, linker);
    };
    let _ = |store: &mut Store<T>, pre: &InstancePre<T>| {
        let _: Result<ComponentInstance> = instantiate_pre(store, pre);
    };
    let _ = |telemetry: &Telemetry| -> Limiter<Unlimited> { Limiter::unlimited(telemetry) };
    let _ = |instance: &Instance, limiter: Unlimited| Limiter::new(instance, limiter);
    let _ = |limiter: &mut Limiter<Unlimited>| -> u64 {
        let _: &mut Unlimited = limiter.inner_mut();
        let _: &Unlimited = limiter.inner();
        limiter.memory()
    };
    let _ = |instance: &Instance| -> Ender { instance.ender() };
    let _ = |telemetry: CoreTelemetry| -> Telemetry { telemetry };
    let _ = |kind: ExternKind| kind;
    let _ = |error: &Error| error.is::<InvalidArgument>();
    let _ = |engine: &Engine| engine.clone();
}

/// Returns the names that an adapter exports from its `lib.rs`.
fn exported(lib: &str) -> Vec<&str> {
    let uses = lib.split("\npub use ").skip(1);
    let uses = uses.filter_map(|rest| rest.split_once(';'));
    let mut names: Vec<&str> = uses
        .flat_map(|(list, _)| match list.split_once("::{") {
            Some((_, names)) => names.trim_end_matches('}').split(',').collect(),
            None => vec![list.rsplit("::").next().unwrap_or(list)],
        })
        .map(|name| name.rsplit(" as ").next().unwrap_or(name).trim())
        .filter(|name| !name.is_empty())
        .collect();
    for item in ["\npub fn ", "\npub type "] {
        let items = lib.split(item).skip(1);
        names.extend(items.filter_map(|rest| rest.split(['(', '<']).next()));
    }
    names.sort_unstable();
    // A feature may choose between two sources of a function.
    names.dedup();
    names
}

/// Only Wasmtime has asynchronous stores and these functions for compiled code. On WasmEdge,
/// `wasmedge-component` compiles.
const WASMTIME_ALONE: [&str; 15] = [
    "Cache",
    "CacheError",
    "Precompiled",
    "SizeLimit",
    "SizeLimits",
    "SizeOutOfRange",
    "SizeRefusal",
    "Trusted",
    "check_size",
    "from_cache",
    "from_code",
    "instantiate_async",
    "instantiate_pre_async",
    "precompile",
    "reload",
];

#[test]
fn adapters_export_the_same_names() {
    let wasmtime = include_str!("../wasmtime/src/lib.rs");
    let mut common = exported(wasmtime);
    common.retain(|name| !WASMTIME_ALONE.contains(name));
    assert_eq!(
        exported(wasmtime).len(),
        common.len() + WASMTIME_ALONE.len()
    );
    assert_eq!(exported(include_str!("../wasmedge/src/lib.rs")), common);
    assert!(common.len() > 20, "{common:?}");
}
