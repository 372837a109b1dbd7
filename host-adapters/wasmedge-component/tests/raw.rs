//! Host functions that read their arguments directly from guest memory.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod common;

use common::{engine, load};
use wasmedge_component::{
    CoreVal, InstanceTypes, Linker, RawArgs, RawCall, Store, StringEncoding, Trap, TrapCode, Type,
    TypeList, TypeMismatch,
};

/// Passes a string in core values, and 17 numbers in memory, from the given address.
const GUEST: &str = r#"(component
    (import "greet" (func $greet (param "name" string) (result string)))
    (import "sum" (func $sum
        (param "a" u32) (param "b" u32) (param "c" u32) (param "d" u32) (param "e" u32) (param "f" u32)
        (param "g" u32) (param "h" u32) (param "i" u32) (param "j" u32) (param "k" u32) (param "l" u32)
        (param "m" u32) (param "n" u32) (param "o" u32) (param "p" u32) (param "q" u64)
        (result u64)))
    (core module $libc
        (memory (export "memory") 1)
        (data (i32.const 64) "guest")
        (data (i32.const 128) "\01\00\00\00\02\00\00\00\03")
        (data (i32.const 192) "\ff\00\00\00\01")
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
    (core instance $libc (instantiate $libc))
    (alias core export $libc "memory" (core memory $memory))
    (core func $greet (canon lower (func $greet) (memory $memory) (realloc (core func $libc "realloc"))))
    (core func $sum (canon lower (func $sum) (memory $memory)))
    (core module $main
        (import "" "greet" (func $greet (param i32 i32 i32)))
        (import "" "sum" (func $sum (param i32) (result i64)))
        (func (export "greet") (param i32 i32) (result i32)
            (call $greet (local.get 0) (local.get 1) (i32.const 16))
            (i32.const 16))
        (func (export "sum") (param i32) (result i64) (call $sum (local.get 0))))
    (core instance $main (instantiate $main
        (with "" (instance (export "greet" (func $greet)) (export "sum" (func $sum))))))
    (func (export "greet") (param "at" u32) (param "length" u32) (result string)
        (canon lift (core func $main "greet") (memory $memory)))
    (func (export "sum") (param "at" u32) (result u64) (canon lift (core func $main "sum"))))"#;

fn any(_: TypeList<'_>, _: TypeList<'_>, _: &InstanceTypes<'_>) -> Result<(), TypeMismatch> {
    Ok(())
}

fn out_of_bounds() -> Trap {
    Trap::new(TrapCode::StringOutOfBounds, "text out of bounds")
}

/// Greets the name, and counts its bytes.
fn greet(bytes: &mut usize, call: RawCall<'_>) -> anyhow::Result<(String,)> {
    assert_eq!(call.encoding, StringEncoding::Utf8);
    let RawArgs::Flat(&[CoreVal::I32(start), CoreVal::I32(length)]) = call.params else {
        anyhow::bail!("expected a string");
    };
    let (start, length) = (usize::try_from(start)?, usize::try_from(length)?);
    let rest = call.memory.get(start..).ok_or_else(out_of_bounds)?;
    let name = rest.get(..length).ok_or_else(out_of_bounds)?;
    *bytes += name.len();
    anyhow::ensure!(name != b"gues", "no such guest");
    Ok((format!("hello {}", std::str::from_utf8(name)?),))
}

/// Returns the sum of the spilled bytes, which does not depend on their order.
fn sum(_: &mut usize, call: RawCall<'_>) -> anyhow::Result<(u64,)> {
    let RawArgs::Spilled(bytes) = call.params else {
        anyhow::bail!("expected spilled parameters");
    };
    assert_eq!(bytes.len(), 16 * 4 + 8);
    Ok((bytes.iter().map(|byte| u64::from(*byte)).sum(),))
}

fn linker() -> Linker<usize> {
    let mut linker = Linker::new();
    linker.root().func_raw("greet", any, greet).unwrap();
    linker.root().func_raw("sum", any, sum).unwrap();
    linker
}

/// Returns the trap code of a failed call, or its message.
fn outcome<R>(result: anyhow::Result<R>) -> Result<R, Result<TrapCode, String>> {
    result.map_err(|error| match error.downcast_ref::<Trap>() {
        Some(trap) => Ok(trap.code()),
        None => Err(error.to_string()),
    })
}

#[test]
fn core_values_and_memory_arrive_together_with_the_data() {
    let engine = engine();
    let pre = linker().instantiate_pre(&load(&engine, GUEST)).unwrap();
    let mut store = Store::new(&engine, 0).unwrap();
    for (at, length, expected) in [
        (64, 5, Ok("hello guest")),
        (64, 0, Ok("hello ")),
        (65_536, 0, Ok("hello ")),
        (64, 4, Err(Err("no such guest".to_owned()))),
        (65_535, 2, Err(Ok(TrapCode::StringOutOfBounds))),
        (u32::MAX, u32::MAX, Err(Ok(TrapCode::StringOutOfBounds))),
    ] {
        let instance = pre.instantiate(&mut store).unwrap();
        let greet = instance.get_typed_func::<(u32, u32), (String,)>(&mut store, "greet");
        let result = greet.unwrap().call(&mut store, (at, length));
        let expected = expected.map(|text| (text.to_owned(),));
        assert_eq!(outcome(result), expected, "{length} bytes at {at}");
    }
    assert_eq!(*store.data(), 9);
}

#[test]
fn spilled_arguments_are_checked_for_bounds_and_alignment() {
    let engine = engine();
    let pre = linker().instantiate_pre(&load(&engine, GUEST)).unwrap();
    let mut store = Store::new(&engine, 0).unwrap();
    for (at, expected) in [
        (128, Ok((6 + 256,))),
        (192, Ok((256,))),
        (65_536 - 72, Ok((0,))),
        (65_536 - 64, Err(Ok(TrapCode::MemoryOutOfBounds))),
        (u32::MAX - 7, Err(Ok(TrapCode::MemoryOutOfBounds))),
        (132, Err(Ok(TrapCode::UnalignedPointer))),
    ] {
        let instance = pre.instantiate(&mut store).unwrap();
        let sum = instance.get_typed_func::<(u32,), (u64,)>(&mut store, "sum");
        let result = sum.unwrap().call(&mut store, (at,));
        assert_eq!(outcome(result), expected, "at {at}");
    }
}

#[test]
fn types_are_checked_when_a_component_is_linked() {
    let component = load(&engine(), GUEST);
    let mut linker = Linker::<usize>::new();
    let check = |params: TypeList<'_>, results: TypeList<'_>, _: &InstanceTypes<'_>| {
        assert!(matches!(params.get(0), Some(Type::String)));
        assert!(matches!(results.get(0), Some(Type::String)));
        Err(TypeMismatch {
            expected: "peace".to_owned(),
            found: "quiet".to_owned(),
        })
    };
    linker.root().func_raw("greet", check, greet).unwrap();
    linker.root().func_raw("sum", any, sum).unwrap();
    let error = linker.instantiate_pre(&component).unwrap_err().to_string();
    assert!(error.contains("`greet`"), "{error}");
    assert!(error.contains("expected peace, found quiet"), "{error}");
}

/// Tells the host where its memory ends before and after it grows by the given number of pages, and
/// writes the last byte.
const GROWING: &str = r#"(component
    (import "last" (func $last (param "text" string) (result u64)))
    (core module $libc (memory (export "memory") 1 4))
    (core instance $libc (instantiate $libc))
    (alias core export $libc "memory" (core memory $memory))
    (core func $last (canon lower (func $last) (memory $memory)))
    (core module $main
        (import "" "last" (func $last (param i32 i32) (result i64)))
        (import "" "memory" (memory 1))
        (func $end (result i32) (i32.mul (memory.size) (i32.const 65536)))
        (func (export "grow") (param i32) (result i64)
            (drop (call $last (i32.const 0) (i32.const 0)))
            (drop (memory.grow (local.get 0)))
            (i32.store8 (i32.sub (call $end) (i32.const 1)) (i32.const 7))
            (call $last (i32.sub (call $end) (i32.const 1)) (i32.const 1))))
    (core instance $main (instantiate $main
        (with "" (instance (export "last" (func $last)) (export "memory" (memory $memory))))))
    (func (export "grow") (param "pages" u32) (result u64) (canon lift (core func $main "grow"))))"#;

/// Returns the size of the memory in bytes, and its last byte above bit 32.
fn last(_: &mut usize, call: RawCall<'_>) -> anyhow::Result<(u64,)> {
    let last = call.memory.last().copied().unwrap_or_default();
    Ok((u64::try_from(call.memory.len())? | u64::from(last) << 32,))
}

#[test]
fn host_functions_see_the_grown_memory() {
    let engine = engine();
    let mut linker = Linker::new();
    linker.root().func_raw("last", any, last).unwrap();
    let pre = linker.instantiate_pre(&load(&engine, GROWING)).unwrap();
    let mut store = Store::new(&engine, 0).unwrap();
    let instance = pre.instantiate(&mut store).unwrap();
    let grow = instance.get_typed_func::<(u32,), (u64,)>(&mut store, "grow");
    let grow = grow.unwrap();
    for (by, pages) in [(0, 1), (1, 2), (0, 2), (2, 4), (1, 4)] {
        let (seen,) = grow.call(&mut store, (by,)).unwrap();
        assert_eq!(seen, pages << 16 | 7 << 32, "after growing by {by} pages");
    }
}

/// Its allocator calls out as the mode says, which the canonical ABI forbids.
const CALLS_OUT: &str = r#"(component
    (import "greet" (func $greet (param "name" string) (result string)))
    (import "note" (func $note (param "number" u32)))
    (import "number" (func $number (param "number" u32) (result u64)))
    (core func $note (canon lower (func $note)))
    (core func $number (canon lower (func $number)))
    (core module $libc
        (import "" "note" (func $note (param i32)))
        (import "" "number" (func $number (param i32) (result i64)))
        (memory (export "memory") 1)
        (global $mode (export "mode") (mut i32) (i32.const 0))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32)
            (if (i32.eq (global.get $mode) (i32.const 1)) (then (call $note (i32.const 7))))
            (if (i32.eq (global.get $mode) (i32.const 2)) (then (drop (call $number (i32.const 7)))))
            (i32.const 1024)))
    (core instance $libc (instantiate $libc
        (with "" (instance (export "note" (func $note)) (export "number" (func $number))))))
    (alias core export $libc "memory" (core memory $memory))
    (core func $greet (canon lower (func $greet) (memory $memory) (realloc (core func $libc "realloc"))))
    (core module $main
        (import "" "greet" (func $greet (param i32 i32 i32)))
        (import "" "mode" (global $mode (mut i32)))
        (func (export "greet") (param i32)
            (global.set $mode (local.get 0))
            (call $greet (i32.const 64) (i32.const 5) (i32.const 16))))
    (core instance $main (instantiate $main
        (with "" (instance (export "greet" (func $greet)) (export "mode" (global $libc "mode"))))))
    (func (export "greet") (param "mode" u32) (canon lift (core func $main "greet"))))"#;

#[test]
fn an_allocator_must_not_call_out() {
    let engine = engine();
    let mut linker = Linker::<usize>::new();
    let called = |calls: &mut usize, _: RawCall<'_>| *calls += 1_000;
    linker.root().func_raw("greet", any, greet).unwrap();
    linker
        .root()
        .func_raw("note", any, move |calls: &mut usize, call: RawCall<'_>| {
            called(calls, call);
            Ok(())
        })
        .unwrap();
    linker
        .root()
        .func_raw(
            "number",
            any,
            move |calls: &mut usize, call: RawCall<'_>| {
                called(calls, call);
                Ok((1_u64,))
            },
        )
        .unwrap();
    let pre = linker.instantiate_pre(&load(&engine, CALLS_OUT)).unwrap();
    for (mode, expected) in [
        (0, Ok(())),
        (1, Err(Ok(TrapCode::CannotLeave))),
        (2, Err(Ok(TrapCode::CannotLeave))),
    ] {
        let mut store = Store::new(&engine, 0).unwrap();
        let instance = pre.instantiate(&mut store).unwrap();
        let greet = instance.get_typed_func::<(u32,), ()>(&mut store, "greet");
        assert_eq!(outcome(greet.unwrap().call(&mut store, (mode,))), expected);
        assert_eq!(*store.data(), 5, "mode {mode}");
    }
}
