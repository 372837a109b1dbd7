//! Helpers of several tests.

#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test uses a part of it"
)]

use wasmedge_component::types::ComponentItem;
use wasmedge_component::{Cache, Component, Engine, Instance, Linker, LinkerInstance, Store, Val};

/// An engine with the default settings.
pub(crate) fn engine() -> Engine {
    Engine::default()
}

/// Loads a component from its text.
pub(crate) fn load(engine: &Engine, text: &str) -> Component {
    let bytes = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
    Component::new(engine, bytes).unwrap_or_else(|error| panic!("{error}"))
}

/// Loads a component twice: interpreted and compiled.
pub(crate) fn each(engine: &Engine, text: &str) -> Vec<Component> {
    let home = tempfile::tempdir().expect("a folder");
    let cache = Cache::open(home.path().join("cache")).expect("a cache");
    let bytes = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
    let compiled = Component::precompile(engine, &bytes, &cache);
    let compiled: Component = compiled.unwrap_or_else(|error| panic!("{error}"));
    assert!(compiled.is_compiled());
    vec![load(engine, text), compiled]
}

/// Returns a linker that defines every imported function to return its first argument.
pub(crate) fn linker_of(component: &Component) -> Linker<()> {
    let mut linker = Linker::new();
    for (name, item) in component.imports() {
        if let ComponentItem::ComponentInstance(items) = item {
            let mut instance = linker.instance(name);
            for (name, _) in items {
                define(&mut instance, name);
            }
        } else {
            define(&mut linker.root(), name);
        }
    }
    linker
}

fn define(instance: &mut LinkerInstance<'_, ()>, name: &str) {
    instance
        .func_new(name, |_, _, arguments, results| {
            if let Some(result) = results.first_mut() {
                *result = arguments.first().cloned().unwrap_or(Val::Bool(true));
            }
            Ok(())
        })
        .expect("no name comes twice");
}

/// Calls an exported function without parameters.
pub(crate) fn answer(
    store: &mut Store<()>,
    instance: &Instance,
    name: &str,
) -> anyhow::Result<u32> {
    let func = instance.get_typed_func::<(), (u32,)>(&mut *store, name)?;
    Ok(func.call(store, ())?.0)
}

/// Asserts the result of `run` of a component without imports, interpreted and compiled.
pub(crate) fn returns(text: &str, expected: u32) {
    let engine = engine();
    for component in each(&engine, text) {
        let mut store = Store::new(&engine, ()).expect("a store");
        let instance = Linker::new().instantiate(&mut store, &component);
        let instance = instance.unwrap_or_else(|error| panic!("{error:#}\n{text}"));
        let found = answer(&mut store, &instance, "run");
        assert_eq!(
            found.unwrap_or_else(|error| panic!("{error:#}")),
            expected,
            "{text}"
        );
    }
}

/// Calls two imported functions `$a` and `$b`, and exports `run`, which returns a*100 + b.
pub(crate) const BOTH: &str = r#"
    (core func $a (canon lower (func $a)))
    (core func $b (canon lower (func $b)))
    (core module $run
        (import "" "a" (func $a (result i32)))
        (import "" "b" (func $b (result i32)))
        (func (export "run") (result i32)
            (i32.add (i32.mul (call $a) (i32.const 100)) (call $b))))
    (core instance $run (instantiate $run (with "" (instance
        (export "a" (func $a)) (export "b" (func $b))))))
    (func $run (result u32) (canon lift (core func $run "run")))
    (export "run" (func $run))"#;
