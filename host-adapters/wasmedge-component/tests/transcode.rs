//! The host memory that passing a string between guests takes. In its own file because it measures
//! the peak of the process.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod common;

use std::time::{Duration, Instant};

use common::engine;
use wasmedge_component::{Cache, Component, Linker, Store, Trap, TrapCode};

/// Passes UTF-16 code units, of which only the first was touched, to a guest with the given string
/// encoding. Its `realloc` traps the second time.
fn component(encoding: &str, units: u32) -> String {
    format!(
        r#"(component
        (component $q
            (core module $m
                (memory (export "memory") 32769)
                (global $calls (mut i32) (i32.const 0))
                (func (export "realloc") (param i32 i32 i32 i32) (result i32)
                    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
                    (if (i32.eq (global.get $calls) (i32.const 2)) (then unreachable))
                    (i32.const 16))
                (func (export "take") (param i32 i32)))
            (core instance $m (instantiate $m))
            (func (export "take") (param "text" string) (canon lift (core func $m "take") string-encoding={encoding}
                (memory (core memory $m "memory")) (realloc (core func $m "realloc")))))
        (instance $q (instantiate $q))
        (component $p
            (import "take" (func $take (param "text" string)))
            (core module $memory (memory (export "memory") 32768) (data (i32.const 0) "\00\01"))
            (core instance $memory (instantiate $memory))
            (core func $take (canon lower (func $take) string-encoding=utf16 (memory (core memory $memory "memory"))))
            (core module $m
                (import "" "take" (func $take (param i32 i32)))
                (func (export "run") (call $take (i32.const 0) (i32.const {units}))))
            (core instance $m (instantiate $m (with "" (instance (export "take" (func $take))))))
            (func (export "run") (canon lift (core func $m "run"))))
        (instance $p (instantiate $p (with "take" (func $q "take"))))
        (export "run" (func $p "run")))"#
    )
}

/// Returns the most memory that the process has ever used.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.unwrap().trim().trim_end_matches(" kB");
    number.parse::<usize>().unwrap() << 10
}

#[test]
fn a_string_of_two_gibibytes_takes_the_host_no_memory() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let cache = Cache::open(home.path())?;
    let engine = engine();
    // The maximum number of units that an adapter accepts.
    for (encoding, units) in [
        ("latin1+utf16", (1 << 30) - 1),
        ("utf8", ((1 << 31) - 1) / 3),
    ] {
        let bytes = wat::parse_str(component(encoding, units))?;
        let compiled = Component::precompile(&engine, &bytes, &cache)?;
        for component in [Component::new(&engine, &bytes)?, compiled] {
            let mut store = Store::new(&engine, ())?;
            let instance = Linker::new().instantiate(&mut store, &component)?;
            let run = instance.get_typed_func::<(), ()>(&mut store, "run")?;
            let (before, start) = (peak(), Instant::now());
            let error = run.call(&mut store, ()).unwrap_err();
            let code = error.downcast_ref().map(Trap::code);
            assert_eq!(code, Some(TrapCode::Unreachable), "{error}");
            let more = peak() - before;
            assert!(more < 16 << 20, "{encoding}: {more} bytes");
            assert!(start.elapsed() < Duration::from_secs(1), "{encoding}");
        }
    }
    Ok(())
}
