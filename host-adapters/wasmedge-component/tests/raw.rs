//! Host functions that read their arguments where the guest has them.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod common;

use common::{engine, load};
use wasmedge_component::abi::{CoreVal, Passed, StringEncoding};
use wasmedge_component::{
    InstanceTypes, Linker, RawCall, Store, Trap, TrapCode, Type, TypeList, TypeMismatch,
};

/// Passes a text in core values, and 17 numbers in memory, from where it is told.
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
    Trap::new(TrapCode::StringOutOfBounds, "no such text")
}

/// Says hello to the name, and counts its bytes.
fn greet(bytes: &mut usize, call: RawCall<'_>) -> anyhow::Result<(String,)> {
    assert_eq!(call.encoding, StringEncoding::Utf8);
    let Passed::Flat(&[CoreVal::I32(start), CoreVal::I32(length)]) = call.params else {
        anyhow::bail!("expected a text");
    };
    let (start, length) = (usize::try_from(start)?, usize::try_from(length)?);
    let rest = call.memory.get(start..).ok_or_else(out_of_bounds)?;
    let name = rest.get(..length).ok_or_else(out_of_bounds)?;
    *bytes += name.len();
    anyhow::ensure!(name != b"gues", "no such guest");
    Ok((format!("hello {}", std::str::from_utf8(name)?),))
}

/// Adds the bytes up that are passed, so that their order does not matter.
fn sum(_: &mut usize, call: RawCall<'_>) -> anyhow::Result<(u64,)> {
    let Passed::Spilled(bytes) = call.params else {
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

/// The code of the trap that a call ends with, or what else it says.
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
