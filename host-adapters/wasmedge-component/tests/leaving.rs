//! What the functions of a component instance may call that must not be left.

mod common;

use common::engine;
use wasmedge_component::{Cache, Component, Linker, Store, Trap, TrapCode};

/// `p` calls a function of `q` whose `post-return` calls out.
fn component(calls: &str) -> String {
    format!(
        r#"(component
        (import "nop" (func $nop))
        (component $q
            (import "nop" (func $nop))
            (type $thing (resource (rep i32)))
            (core func $new (canon resource.new $thing))
            (core func $rep (canon resource.rep $thing))
            (core func $drop (canon resource.drop $thing))
            (core func $nop' (canon lower (func $nop)))
            (core module $m
                (import "" "nop" (func $nop))
                (import "" "new" (func $new (param i32) (result i32)))
                (import "" "rep" (func $rep (param i32) (result i32)))
                (import "" "drop" (func $drop (param i32)))
                (global $handle (mut i32) (i32.const 0))
                (func (export "run") (global.set $handle (call $new (i32.const 7))))
                (func (export "after") {calls}))
            (core instance $m (instantiate $m (with "" (instance
                (export "nop" (func $nop')) (export "new" (func $new))
                (export "rep" (func $rep)) (export "drop" (func $drop))))))
            (func (export "run") (canon lift (core func $m "run") (post-return (core func $m "after")))))
        (instance $q (instantiate $q (with "nop" (func $nop))))
        (component $p
            (import "run" (func $run))
            (core func $run (canon lower (func $run)))
            (core module $m
                (import "" "run" (func $run))
                (func (export "run") (call $run) (call $run)))
            (core instance $m (instantiate $m (with "" (instance (export "run" (func $run))))))
            (func (export "run") (canon lift (core func $m "run"))))
        (instance $p (instantiate $p (with "run" (func $q "run"))))
        (export "run" (func $p "run")))"#
    )
}

#[test]
fn post_return_that_an_adapter_calls_cannot_leave() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let cache = Cache::open(home.path())?;
    let engine = engine();
    for (calls, expected) in [
        ("", None),
        ("(drop (call $rep (global.get $handle)))", None),
        (
            "(drop (call $new (i32.const 1)))",
            Some(TrapCode::CannotLeave),
        ),
        (
            "(call $drop (global.get $handle))",
            Some(TrapCode::CannotLeave),
        ),
        ("(call $nop)", Some(TrapCode::CannotLeave)),
    ] {
        let bytes = wat::parse_str(component(calls))?;
        let compiled = Component::precompile(&engine, &bytes, &cache)?;
        assert!(compiled.is_compiled());
        for component in [Component::new(&engine, &bytes)?, compiled] {
            let mut linker = Linker::new();
            linker.root().func_wrap("nop", |_, ()| Ok(()))?;
            let mut store = Store::new(&engine, ())?;
            let instance = linker.instantiate(&mut store, &component)?;
            let run = instance.get_typed_func::<(), ()>(&mut store, "run")?;
            let found = run.call(&mut store, ()).err();
            let found = found.map(|error| error.downcast_ref().map(Trap::code));
            assert_eq!(found, expected.map(Some), "{calls}");
        }
    }
    Ok(())
}
