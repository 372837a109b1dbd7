//! Values that violate the canonical ABI, in both directions.

use wasmedge_component::{
    Component, Config, Engine, Instance, Linker, Optimization, Store, TrapCode, Val,
};

use crate::{code, in_each_mode};
use TrapCode::{
    InvalidChar, InvalidDiscriminant, InvalidString, ListOutOfBounds, MemoryOutOfBounds,
    StringOutOfBounds, UnalignedPointer, Unreachable,
};

/// Memory that guests point to. At 16: invalid UTF-8. At 32: half a surrogate pair. At 48: a string
/// out of bounds. At 56: the string of invalid UTF-8. At 64: the discriminant 2.
const MEMORY: &str = r#"(memory (export "memory") 1)
    (data (i32.const 16) "\ff")
    (data (i32.const 32) "\00\d8")
    (data (i32.const 48) "\ff\ff\ff\ff\01\00\00\00")
    (data (i32.const 56) "\10\00\00\00\01\00\00\00")
    (data (i32.const 64) "\02")"#;

/// A guest whose `run` calls the host's `f`.
fn calling(ty: &str, core: &str, encoding: &str, realloc: &str, run: &str) -> String {
    format!(
        r#"(component
        (import "f" (func $f {ty}))
        (core module $libc
            {MEMORY}
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) {realloc}))
        (core instance $libc (instantiate $libc))
        (core func $f (canon lower (func $f) string-encoding={encoding}
            (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
        (core module $m
            (import "" "f" (func $f {core}))
            (func (export "run") {run})
            (func (export "fine") (result i32) (i32.const 7)))
        (core instance $m (instantiate $m (with "" (instance (export "f" (func $f))))))
        (func (export "run") (canon lift (core func $m "run")))
        (func (export "fine") (result u32) (canon lift (core func $m "fine"))))"#
    )
}

/// A guest whose `run` returns a value, with the given `post-return`.
fn returning(ty: &str, core: &str, encoding: &str, run: &str, after: &str) -> String {
    format!(
        r#"(component
        (core module $m
            {MEMORY}
            (func (export "run") (result {core}) {run})
            (func (export "after") (param {core}) {after})
            (func (export "fine") (result i32) (i32.const 7)))
        (core instance $m (instantiate $m))
        (func (export "run") (result {ty}) (canon lift (core func $m "run") string-encoding={encoding}
            (memory (core memory $m "memory")) (post-return (core func $m "after"))))
        (func (export "fine") (result u32) (canon lift (core func $m "fine"))))"#
    )
}

/// A guest whose `run` takes a string, with the given allocator.
fn taking(encoding: &str, realloc: &str) -> String {
    format!(
        r#"(component
        (core module $m
            {MEMORY}
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) {realloc})
            (func (export "run") (param i32 i32))
            (func (export "fine") (result i32) (i32.const 7)))
        (core instance $m (instantiate $m))
        (func (export "run") (param "text" string) (canon lift (core func $m "run") string-encoding={encoding}
            (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
        (func (export "fine") (result u32) (canon lift (core func $m "fine"))))"#
    )
}

fn engine() -> Engine {
    Engine::new(Config::new().optimization(Optimization::None)).unwrap()
}

fn linker() -> Linker<()> {
    let mut linker = Linker::new();
    let mut root = linker.root();
    root.func_new("f", |_, ty, _, results| {
        if let Some(pointer) = results.first_mut() {
            *pointer = match &ty.result {
                Some(wasmedge_component::Type::String) => Val::String("answer".to_owned()),
                _ => Val::List(vec![Val::U32(1), Val::U32(2)]),
            };
        }
        Ok(())
    })
    .unwrap();
    linker
}

/// Runs a guest that traps, beside others in the same store that do not.
fn traps(component: &Component, params: &[Val], expected: TrapCode) {
    let linker = linker();
    let mut store = Store::new(component.engine(), ()).unwrap();
    let fine = |store: &mut Store<()>, instance: &Instance| {
        let fine = instance.get_typed_func::<(), (u32,)>(&mut *store, "fine");
        fine.unwrap().call(&mut *store, ())
    };
    let other = linker.instantiate(&mut store, component).unwrap();
    let victim = linker.instantiate(&mut store, component).unwrap();
    let run = victim.get_func(&mut store, "run").unwrap();
    assert_eq!(code(run.call(&mut store, params)), Some(expected));
    assert_eq!(code(run.call(&mut store, params)), Some(TrapCode::Poisoned));
    assert_eq!(code(fine(&mut store, &victim)), Some(TrapCode::Poisoned));
    assert_eq!(fine(&mut store, &other).unwrap().0, 7);
    let next = linker.instantiate(&mut store, component).unwrap();
    assert_eq!(fine(&mut store, &next).unwrap().0, 7);
}

#[test]
fn bad_arguments_of_guests_trap() {
    const TEXT: (&str, &str) = (r#"(param "p" string)"#, "(param i32 i32)");
    const LIST: (&str, &str) = (r#"(param "p" (list u32))"#, "(param i32 i32)");
    const TEXTS: (&str, &str) = (r#"(param "p" (list string))"#, "(param i32 i32)");
    const CHAR: (&str, &str) = (r#"(param "p" char)"#, "(param i32)");
    const OPTION: (&str, &str) = (r#"(param "p" (option u8))"#, "(param i32 i32)");
    const RESULT: (&str, &str) = (r#"(param "p" (result))"#, "(param i32)");
    let many: String = (0..17)
        .map(|at| format!(r#"(param "p{at}" u32) "#))
        .collect();
    let many = (many.as_str(), "(param i32)");
    let engine = engine();
    for ((ty, core), encoding, arguments, expected) in [
        (TEXT, "utf8", "16 1", InvalidString),
        (TEXT, "utf8", "65535 2", StringOutOfBounds),
        (TEXT, "utf8", "0 -1", StringOutOfBounds),
        (TEXT, "utf16", "32 1", InvalidString),
        (TEXT, "utf16", "33 1", UnalignedPointer),
        (TEXT, "utf16", "65534 2", StringOutOfBounds),
        (TEXT, "latin1+utf16", "32 0x80000001", InvalidString),
        (TEXT, "latin1+utf16", "33 0x80000001", UnalignedPointer),
        (TEXT, "latin1+utf16", "33 1", UnalignedPointer),
        (TEXT, "latin1+utf16", "0 0x7fffffff", StringOutOfBounds),
        (LIST, "utf8", "2 1", UnalignedPointer),
        (LIST, "utf8", "65532 2", ListOutOfBounds),
        (LIST, "utf8", "0 -1", ListOutOfBounds),
        (TEXTS, "utf8", "48 1", StringOutOfBounds),
        (TEXTS, "utf8", "56 1", InvalidString),
        (CHAR, "utf8", "0xd800", InvalidChar),
        (CHAR, "utf8", "0x110000", InvalidChar),
        (OPTION, "utf8", "2 0", InvalidDiscriminant),
        (RESULT, "utf8", "-1", InvalidDiscriminant),
        (many, "utf8", "2", UnalignedPointer),
        (many, "utf8", "65532", MemoryOutOfBounds),
    ] {
        let arguments = arguments
            .split(' ')
            .map(|value| format!("(i32.const {value}) "));
        let run = format!("(call $f {})", arguments.collect::<String>());
        let text = calling(ty, core, encoding, "unreachable", &run);
        for component in in_each_mode(&engine, &text) {
            traps(&component, &[], expected);
        }
    }
}

#[test]
fn bad_result_pointers_trap() {
    let engine = engine();
    for (ty, realloc, pointer, expected) in [
        ("string", "(i32.const 128)", 2, UnalignedPointer),
        ("string", "(i32.const 128)", 65_532, MemoryOutOfBounds),
        ("string", "(i32.const 128)", -4, MemoryOutOfBounds),
        ("string", "(i32.const 65534)", 0, MemoryOutOfBounds),
        ("string", "(i32.const -1)", 0, MemoryOutOfBounds),
        ("string", "unreachable", 0, Unreachable),
        ("(list u32)", "(i32.const 130)", 0, UnalignedPointer),
        ("(list u32)", "(i32.const 65532)", 0, MemoryOutOfBounds),
    ] {
        let run = format!("(call $f (i32.const {pointer}))");
        let ty = format!("(result {ty})");
        let text = calling(&ty, "(param i32)", "utf8", realloc, &run);
        for component in in_each_mode(&engine, &text) {
            traps(&component, &[], expected);
        }
    }
}

#[test]
fn bad_results_of_guests_trap() {
    let engine = engine();
    for (ty, core, run, after, expected) in [
        ("string", "i32", "(i32.const 2)", "", UnalignedPointer),
        ("string", "i32", "(i32.const 65532)", "", MemoryOutOfBounds),
        ("string", "i32", "(i32.const 48)", "", StringOutOfBounds),
        ("string", "i32", "(i32.const 56)", "", InvalidString),
        ("(list u32)", "i32", "(i32.const 48)", "", UnalignedPointer),
        ("char", "i32", "(i32.const 0xdfff)", "", InvalidChar),
        (
            "(option u8)",
            "i32",
            "(i32.const 64)",
            "",
            InvalidDiscriminant,
        ),
        ("(result)", "i32", "(i32.const 2)", "", InvalidDiscriminant),
        ("u32", "i32", "(i32.const 2)", "unreachable", Unreachable),
    ] {
        let text = returning(ty, core, "utf8", run, after);
        for component in in_each_mode(&engine, &text) {
            traps(&component, &[], expected);
        }
    }
}

#[test]
fn bad_allocations_for_arguments_trap() {
    let engine = engine();
    for (encoding, realloc, expected) in [
        ("utf8", "(i32.const 65534)", MemoryOutOfBounds),
        ("utf8", "(i32.const -1)", MemoryOutOfBounds),
        ("utf8", "unreachable", Unreachable),
        ("utf16", "(i32.const 129)", UnalignedPointer),
        ("utf16", "(i32.const 65534)", MemoryOutOfBounds),
        ("latin1+utf16", "(i32.const 129)", UnalignedPointer),
        // It returns memory that it does not have, and overwrites its own.
        (
            "utf8",
            "(memory.fill (i32.const 0) (i32.const 255) (i32.const 65537)) (i32.const 0)",
            MemoryOutOfBounds,
        ),
    ] {
        for component in in_each_mode(&engine, &taking(encoding, realloc)) {
            traps(&component, &[Val::String("text €".to_owned())], expected);
        }
    }
}

/// A call may copy as many bytes as its budget allows, and no more.
#[test]
fn exceeding_the_budget_traps() {
    let mut config = Config::new();
    let engine = Engine::new(config.optimization(Optimization::None).call_budget(1000)).unwrap();
    let run = "(call $f (i32.const 128) (i32.const 1001))";
    let text = calling(
        r#"(param "p" string)"#,
        "(param i32 i32)",
        "utf8",
        "unreachable",
        run,
    );
    for component in in_each_mode(&engine, &text) {
        traps(&component, &[], TrapCode::BudgetExceeded);
    }
}
