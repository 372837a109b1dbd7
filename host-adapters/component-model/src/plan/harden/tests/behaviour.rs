//! The behaviour of instrumented modules.

use super::guest::{Guest, Host, engine, export_depth, linker, with_large_stack};
use super::*;
use wasmtime::Store;

/// Calls itself as many times as its argument says, and returns the number of calls.
const RECURSION: &str = r#"(module
    (func $f (export "f") (param i32) (result i32)
        (if (result i32) (local.get 0)
            (then (i32.add (i32.const 1) (call $f (i32.sub (local.get 0) (i32.const 1)))))
            (else (i32.const 0)))))"#;

#[test]
fn recursion_traps_when_the_units_are_used_up() {
    with_large_stack(|| {
        let frames = MAX_STACK_UNITS / units(RECURSION);
        let mut guest = Guest::new(&export_depth(&hardened(RECURSION)));
        // The units of a call are free again for the next one.
        for _ in 0..3 {
            assert_eq!(guest.call("f", frames - 1).unwrap(), frames - 1);
            assert_eq!(guest.global("depth"), Some(0));
        }
        assert_eq!(guest.store.data().overflows, 0);
        let error = guest.call("f", frames).unwrap_err();
        assert_eq!(error.root_cause().to_string(), "stack overflow");
        assert_eq!(guest.store.data().overflows, 1);
    });
}

#[test]
fn a_function_of_the_maximum_units_can_be_called_once() {
    let nops = "nop ".repeat(1_100_000);
    let text = format!(
        r#"(module (func $f (export "f") (param i32) (result i32) {nops}
            (if (result i32) (local.get 0) (then (call $f (i32.const 0))) (else (i32.const 7)))))"#
    );
    let bytes = hardened(&text);
    let mut guest = Guest::new(&bytes);
    for _ in 0..3 {
        assert_eq!(guest.call("f", 0).unwrap(), 7);
    }
    assert!(guest.call("f", 1).is_err());
    assert_eq!(guest.store.data().overflows, 1);
}

#[test]
fn recursion_through_a_table_traps() {
    with_large_stack(|| {
        let text = r#"(module
            (table 1 funcref) (elem (i32.const 0) $f)
            (type $t (func (param i32) (result i32)))
            (func $f (export "f") (type $t) (call_indirect (type $t) (local.get 0) (i32.const 0))))"#;
        let mut guest = Guest::new(&hardened(text));
        guest.call("f", 0).unwrap_err();
        assert_eq!(guest.store.data().overflows, 1);
    });
}

#[test]
fn recursion_through_two_instances_traps() {
    with_large_stack(|| {
        // Each table is private, but its entry comes from the other instance.
        let module = r#"(module
            (table 1 funcref)
            (type $t (func (param i32) (result i32)))
            (func $f (export "f") (type $t) (call_indirect (type $t) (local.get 0) (i32.const 0)))
            (func (export "set") (param funcref) (table.set (i32.const 0) (local.get 0))))"#;
        let bytes = hardened(module);
        let mut first = Guest::new(&bytes);
        let module = wasmtime::Module::new(engine(), &bytes).unwrap();
        let second = linker(&mut first.store)
            .instantiate(&mut first.store, &module)
            .unwrap();
        let instances = [first.instance, second];
        for (one, other) in [(0, 1), (1, 0)] {
            let function = instances[other].get_func(&mut first.store, "f").unwrap();
            let set = instances[one]
                .get_typed_func::<Option<wasmtime::Func>, ()>(&mut first.store, "set")
                .unwrap();
            set.call(&mut first.store, Some(function)).unwrap();
        }
        first.call("f", 0).unwrap_err();
        assert_eq!(first.store.data().overflows, 1);
    });
}

#[test]
fn instances_share_the_count() {
    with_large_stack(|| {
        let bytes = hardened(RECURSION);
        let module = wasmtime::Module::new(engine(), &bytes).unwrap();
        let mut store = Store::new(engine(), Host::default());
        let linker = linker(&mut store);
        let counter = linker.get(&mut store, HOST_MODULE, STACK_UNITS).unwrap();
        let counter = counter.into_global().unwrap();
        let frames = MAX_STACK_UNITS / units(RECURSION);
        for _ in 0..2 {
            let instance = linker.instantiate(&mut store, &module).unwrap();
            let f = instance
                .get_typed_func::<u32, u32>(&mut store, "f")
                .unwrap();
            // Simulates that the other instance uses half of them.
            let used = i32::try_from(MAX_STACK_UNITS / 2).unwrap();
            counter.set(&mut store, wasmtime::Val::I32(used)).unwrap();
            assert_eq!(f.call(&mut store, frames / 2 - 1).unwrap(), frames / 2 - 1);
            assert_eq!(counter.get(&mut store).i32(), Some(used));
            f.call(&mut store, frames / 2).unwrap_err();
        }
    });
}

#[test]
fn each_exit_gives_the_units_back() {
    // Each function contains a recursive call that it does not make, and exits in a different way.
    let exits = [
        "(return (i32.const 1))",
        "(block (block (block (return (i32.const 2)))))",
        "(loop (if (i32.const 1) (then (return (i32.const 3)))))",
        "(br 0 (i32.const 4))",
        "(block (loop (br 2 (i32.const 5))))",
        "(drop (br_if 0 (i32.const 6) (i32.const 1)))",
        "(block (result i32) (br_table 1 0 1 (i32.const 7) (i32.const 0))) (return)",
        "(i64.const 9) (i32.const 8) (return)",
        "(i32.const 9)",
        "(return_call $plain (i32.const 10))",
        "(return_call_indirect (type $t) (i32.const 11) (i32.const 0))",
    ];
    let blocks = ["", "(br_if 0 (i32.const 99) (i32.const 0)) (drop)"];
    let cases = exits.into_iter().zip(1..);
    for ((exit, expected), block) in cases.flat_map(|case| blocks.map(|block| (case, block))) {
        let end = match exit.ends_with("(i32.const 9)") {
            true => "",
            false => "unreachable",
        };
        let text = format!(
            r#"(module
                (type $t (func (param i32) (result i32)))
                (table 1 funcref) (elem (i32.const 0) $plain)
                (func $plain (type $t) (local.get 0))
                (func $f (export "f") (type $t) (local i64 f32)
                    (if (i32.eqz (local.get 0)) (then (drop (call $f (i32.const 1)))))
                    {block} {exit} {end}))"#
        );
        let mut guest = Guest::new(&export_depth(&hardened(&text)));
        for argument in [0, 1] {
            assert_eq!(guest.call("f", argument).unwrap(), expected, "{exit}");
            assert_eq!(guest.global("depth"), Some(0), "{exit}");
        }
    }
}

#[test]
fn functions_may_have_several_results() {
    let text = r#"(module
        (func $f (param i32) (result i32 i64 i32)
            (local i64)
            (if (i32.eqz (local.get 0)) (then (return (i32.const 1) (i64.const 2) (i32.const 3))))
            (if (i32.eq (local.get 0) (i32.const 5)) (then (return_call $f (i32.const 4))))
            (call $f (i32.sub (local.get 0) (i32.const 1)))
            (i32.const 1) (i32.add))
        (func (export "run") (param i32) (result i32)
            (local i32)
            (call $f (local.get 0)) (local.set 1) (i32.wrap_i64) (i32.add) (i32.mul (i32.const 100))
            (i32.add (local.get 1))))"#;
    let mut original = Guest::new(&parse(text));
    let mut guest = Guest::new(&export_depth(&hardened(text)));
    for argument in 0..8 {
        assert_eq!(
            guest.call("run", argument).unwrap(),
            original.call("run", argument).unwrap()
        );
        assert_eq!(guest.global("depth"), Some(0));
    }
}

#[test]
fn tail_calls_use_no_units() {
    let text = r#"(module
        (func $f (export "f") (param i32) (result i32)
            (if (i32.eqz (local.get 0)) (then (return (i32.const 7))))
            (return_call $f (i32.sub (local.get 0) (i32.const 1)))))"#;
    let mut guest = Guest::new(&hardened(text));
    assert_eq!(guest.call("f", 1_000_000).unwrap(), 7);
}

#[test]
fn the_host_decides_on_growth() {
    let text = r#"(module
        (memory 1 4) (table 2 funcref)
        (func (export "m") (param i32) (result i32) (memory.grow (local.get 0)))
        (func (export "t") (param i32) (result i32) (table.grow (ref.null func) (local.get 0))))"#;
    let mut guest = Guest::new(&hardened(text));
    assert_eq!(guest.call("m", 2).unwrap(), 1);
    assert_eq!(guest.call("m", 2).unwrap(), u32::MAX, "over its maximum");
    assert_eq!(guest.call("t", 3).unwrap(), 2);
    guest.store.data_mut().refuses = true;
    assert_eq!(guest.call("m", 1).unwrap(), u32::MAX);
    assert_eq!(guest.call("t", 1).unwrap(), u32::MAX);
    guest.store.data_mut().refuses = false;
    assert_eq!(guest.call("m", 1).unwrap(), 3);
    assert_eq!(guest.call("t", 1).unwrap(), 5);
    assert_eq!(
        guest.store.data().asked,
        [
            ("memory", 2, 1, 4),
            ("memory", 2, 3, 4),
            ("table", 3, 2, u32::MAX),
            ("memory", 1, 3, 4),
            ("table", 1, 5, u32::MAX),
            ("memory", 1, 3, 4),
            ("table", 1, 5, u32::MAX),
        ]
    );
}

#[test]
fn an_empty_table_does_not_grow_when_the_host_refuses() {
    let text = r#"(module (table 0 funcref)
        (func (export "t") (param i32) (result i32) (table.grow (ref.null func) (local.get 0))))"#;
    let mut guest = Guest::new(&hardened(text));
    guest.store.data_mut().refuses = true;
    assert_eq!(guest.call("t", 1).unwrap(), u32::MAX);
}

#[test]
fn start_functions_run_and_data_and_elements_are_initialized() {
    let text = r#"(module
        (memory 1) (data (i32.const 8) "\05")
        (table 2 funcref) (elem (i32.const 1) $read)
        (global $started (mut i32) (i32.const 0))
        (func $start (call $count (i32.const 3)))
        (func $count (param i32)
            (if (local.get 0) (then
                (global.set $started (i32.add (global.get $started) (i32.const 1)))
                (call $count (i32.sub (local.get 0) (i32.const 1))))))
        (func $read (param i32) (result i32) (i32.load8_u (local.get 0)))
        (start $start)
        (func (export "f") (param i32) (result i32)
            (i32.add (global.get $started)
                (call_indirect (param i32) (result i32) (local.get 0) (i32.const 1)))))"#;
    let mut guest = Guest::new(&hardened(text));
    assert_eq!(guest.call("f", 8).unwrap(), 8);
}
