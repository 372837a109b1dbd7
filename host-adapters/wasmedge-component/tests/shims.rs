//! Components whose modules import host functions through shims, as `wit-component` makes them.

mod common;

use common::{engine, load};
use wasmedge_component::{Linker, Store, StoreContextMut, Trap, TrapCode};

/// A component with a function that needs the memory of the module that imports it.
fn shimmed(shim: &str, fixup: &str, start: &str) -> String {
    format!(
        r#"(component
        (import "greet" (func $greet (param "name" string)))
        (core module $main
            (import "" "greet" (func $greet (param i32 i32)))
            (memory (export "memory") 1)
            (data (i32.const 64) "guest")
            (func $run (export "run") (call $greet (i32.const 64) (i32.const 5)))
            {start})
        (core module $shim
            (type $greet (func (param i32 i32)))
            (table (export "$imports") 2 2 funcref)
            (func (export "0") (type $greet) {shim}))
        (core module $fixup
            (import "" "0" (func $greet (param i32 i32)))
            (import "" "$imports" (table 2 2 funcref))
            {fixup})
        (core instance $shim (instantiate $shim))
        (alias core export $shim "0" (core func $indirect))
        (core instance $main (instantiate $main (with "" (instance (export "greet" (func $indirect))))))
        (alias core export $main "memory" (core memory $memory))
        (core func $greet (canon lower (func $greet) (memory $memory)))
        (alias core export $shim "$imports" (core table $table))
        (core instance (instantiate $fixup (with "" (instance
            (export "0" (func $greet)) (export "$imports" (table $table))))))
        (func (export "run") (canon lift (core func $main "run"))))"#
    )
}

const SHIM: &str = "(call_indirect (type $greet) (local.get 0) (local.get 1) (i32.const 0))";
const FIXUP: &str = "(elem (i32.const 0) func $greet)";

#[test]
fn shimmed_functions_are_called_directly() {
    let other = |text: &str| SHIM.replace("(i32.const 0)", text);
    for (shim, fixup, seen_through, expected) in [
        (SHIM, FIXUP, true, Ok(5)),
        (&format!("nop {SHIM}"), FIXUP, false, Ok(5)),
        (
            SHIM,
            "(elem (i32.const 1) func $greet)",
            false,
            Err(Some(TrapCode::IndirectCallToNull)),
        ),
        (
            &other("(i32.const 1)"),
            FIXUP,
            false,
            Err(Some(TrapCode::IndirectCallToNull)),
        ),
        (
            &other("(i32.const -1)"),
            FIXUP,
            false,
            Err(Some(TrapCode::TableOutOfBounds)),
        ),
        (
            &other("(i32.const 1)"),
            "(elem (i32.const 1) func $greet)",
            false,
            Ok(5),
        ),
        (
            SHIM,
            "(memory 1) (elem (i32.const 0) func $greet)",
            false,
            Ok(5),
        ),
    ] {
        let engine = engine();
        let component = load(&engine, &shimmed(shim, fixup, ""));
        let mut linker = Linker::new();
        let count = |mut store: StoreContextMut<'_, usize>, (name,): (String,)| {
            *store.data_mut() += name.len();
            Ok(())
        };
        linker.root().func_wrap("greet", count).unwrap();
        let mut store = Store::new(&engine, 0).unwrap();
        let instance = linker.instantiate(&mut store, &component).unwrap();
        let run = instance
            .get_typed_func::<(), ()>(&mut store, "run")
            .unwrap();
        let result = run.call(&mut store, ());
        let result = result.map_err(|error| error.downcast_ref().map(Trap::code));
        assert_eq!(result.map(|()| *store.data()), expected, "{shim} {fixup}");
        let modules = component_model::internals::core_modules(&component).iter();
        let host = modules.filter(|module| {
            let mut windows = module.bytes.windows(8);
            windows.any(|bytes| bytes == b"\x05$host\x02t")
        });
        assert_eq!(
            host.count(),
            1 + usize::from(seen_through),
            "{shim} {fixup}"
        );
    }
}

#[test]
fn calling_a_shim_too_early_traps() {
    let engine = engine();
    let component = load(&engine, &shimmed(SHIM, FIXUP, "(start $run)"));
    let mut linker = Linker::<usize>::new();
    linker
        .root()
        .func_wrap("greet", |_, (_,): (String,)| Ok(()))
        .unwrap();
    let mut store = Store::new(&engine, 0).unwrap();
    let error = linker.instantiate(&mut store, &component).unwrap_err();
    assert!(error.downcast_ref::<Trap>().is_some(), "{error}");
}
