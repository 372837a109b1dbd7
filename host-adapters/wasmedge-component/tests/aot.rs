//! Ahead-of-time compilation.

mod common;

use std::os::unix::fs::PermissionsExt as _;

use common::engine;
use wasmedge_component::{
    Cache, CacheError, ChildCompiler, Component, Config, Engine, Instance, Linker, LoadError,
    Store, Trap, TrapCode,
};

/// Runs in the child process of the test below. Tests nothing by itself.
#[test]
fn compiles_for_another_process() {
    if std::env::var_os("WASMEDGE_COMPONENT_COMPILE").is_some() {
        let _ = wasmedge_component::compile_as_child();
    }
}

#[test]
fn the_memory_of_the_compiler_can_be_limited() {
    let this = std::env::current_exe().expect("a program");
    let mut compiler = ChildCompiler::new(this);
    for arg in ["compiles_for_another_process", "--exact", "--nocapture"] {
        compiler.arg(arg);
    }
    let functions = r#"(func (export "f") (result i32) (i32.const 7))"#.to_owned()
        + &"(func (result i32) (i32.add (i32.const 1) (i32.const 2)))".repeat(20_000);
    let text = format!(
        r#"(component (core module $m {functions}) (core instance $m (instantiate $m))
            (func (export "f") (result u32) (canon lift (core func $m "f"))))"#
    );
    let bytes = wat::parse_str(text).expect("a component");
    let (_home, cache) = private_cache();
    let precompile = |compiler: &ChildCompiler| {
        let engine = Engine::new(Config::new().compile_in_child(compiler.clone()));
        Component::precompile(&engine.expect("an engine"), &bytes, &cache)
    };
    let error = precompile(compiler.clone().memory_limit(64 << 20)).expect_err("refused");
    let LoadError::Compiler { message } = error else {
        panic!("another kind of error: {error}")
    };
    assert!(message.contains("it may have 64 MiB"), "{message}");
    let component = precompile(&compiler).unwrap_or_else(|error| panic!("{error}"));
    assert!(component.is_compiled());
}

fn private_cache() -> (tempfile::TempDir, Cache) {
    let home = tempfile::tempdir().expect("a folder");
    let cache = Cache::open(home.path().join("cache")).expect("a cache");
    (home, cache)
}

fn compiled(engine: &Engine, cache: &Cache, text: &str) -> Component {
    Component::precompile(engine, wat::parse_str(text).expect("a component"), cache)
        .unwrap_or_else(|error| panic!("{error}"))
}

fn instantiate(engine: &Engine, component: &Component) -> (Store<()>, Instance) {
    let mut store = Store::new(engine, ()).expect("a store");
    let instance = Linker::new()
        .instantiate(&mut store, component)
        .expect("an instance");
    (store, instance)
}

const COUNT: &str = r#"(component
    (core module $m
        (global $count (mut i32) (i32.const 0))
        (func (export "count") (param i32) (result i32)
            (loop $again
                (global.set $count (i32.add (global.get $count) (i32.const 1)))
                (br_if $again (i32.lt_u (global.get $count) (local.get 0))))
            (global.get $count))
        (func (export "loop") (loop $again (br $again)))
        (func (export "trap") unreachable))
    (core instance $i (instantiate $m))
    (func (export "count") (param "to" u32) (result u32) (canon lift (core func $i "count")))
    (func (export "loop") (canon lift (core func $i "loop")))
    (func (export "trap") (canon lift (core func $i "trap"))))"#;

#[test]
fn compiled_code_is_cached_and_used() -> anyhow::Result<()> {
    let (_home, cache) = private_cache();
    let engine = engine();
    let bytes = wat::parse_str(COUNT)?;
    assert_eq!(
        Component::with_cache(&engine, &bytes, &cache)?.compiled(),
        (0, 1)
    );
    assert_eq!(compiled(&engine, &cache, COUNT).compiled(), (1, 1));
    let files: Vec<_> = cache.folder().read_dir()?.collect::<Result<_, _>>()?;
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(files[0].metadata()?.permissions().mode() & 0o777, 0o600);
    let written = files[0].metadata()?.modified()?;
    let component = Component::with_cache(&engine, &bytes, &cache)?;
    assert_eq!(component.compiled(), (1, 1));
    let (mut store, instance) = instantiate(&engine, &component);
    let count = instance.get_typed_func::<(u32,), (u32,)>(&mut store, "count")?;
    assert_eq!(count.call(&mut store, (1_000_000,))?.0, 1_000_000);
    compiled(&engine, &cache, COUNT);
    assert_eq!(
        files[0].metadata()?.modified()?,
        written,
        "it is not compiled again"
    );
    // Other settings need other code.
    let costly = Engine::new(Config::new().measure_cost(true))?;
    assert_eq!(
        Component::with_cache(&costly, &bytes, &cache)?.compiled(),
        (0, 1)
    );
    Ok(())
}

#[test]
fn traps_interruptions_and_costs_match_interpretation() -> anyhow::Result<()> {
    let (_home, cache) = private_cache();
    let engine = Engine::new(Config::new().measure_cost(true))?;
    let component = compiled(&engine, &cache, COUNT);
    let code = |error: anyhow::Error| error.downcast_ref().map(Trap::code);

    let (mut store, instance) = instantiate(&engine, &component);
    let trap = instance.get_typed_func::<(), ()>(&mut store, "trap")?;
    assert_eq!(
        code(trap.call(&mut store, ()).unwrap_err()),
        Some(TrapCode::Unreachable)
    );

    let (mut store, instance) = instantiate(&engine, &component);
    let endless = instance.get_typed_func::<(), ()>(&mut store, "loop")?;
    let handle = store.interrupt_handle()?;
    let thread = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(20));
        handle.interrupt();
    });
    assert_eq!(
        code(endless.call(&mut store, ()).unwrap_err()),
        Some(TrapCode::Interrupt)
    );
    thread.join().unwrap();

    let (mut store, instance) = instantiate(&engine, &component);
    store.set_cost_limit(100_000)?;
    let endless = instance.get_typed_func::<(), ()>(&mut store, "loop")?;
    assert_eq!(
        code(endless.call(&mut store, ()).unwrap_err()),
        Some(TrapCode::OutOfFuel)
    );
    Ok(())
}

/// Two modules, each with its own memory and global. One calls a function of the other through a
/// table.
const SHARED_TABLE: &str = r#"(component
    (core module $a
        (memory (export "memory") 1)
        (data (i32.const 0) "a")
        (global (export "global") i32 (i32.const 1))
        (type $read (func (result i32)))
        (table (export "table") 1 funcref)
        (func (export "call") (result i32) (call_indirect (type $read) (i32.const 0))))
    (core module $b
        (import "a" "table" (table 1 funcref))
        (memory (export "memory") 1)
        (data (i32.const 0) "b")
        (global $global i32 (i32.const 2))
        (func $read (result i32)
            (i32.add (i32.mul (i32.load8_u (i32.const 0)) (i32.const 10)) (global.get $global)))
        (elem (i32.const 0) $read))
    (core instance $a (instantiate $a))
    (core instance $b (instantiate $b (with "a" (instance $a))))
    (func (export "call") (result u32) (canon lift (core func $a "call"))))"#;

/// In compiled code, the function would run with the memory and the global of its caller. Modules
/// that share tables are therefore not compiled.
#[test]
fn a_call_through_a_shared_table_runs_with_the_callees_memory_and_globals() -> anyhow::Result<()> {
    let (_home, cache) = private_cache();
    let engine = engine();
    let component = compiled(&engine, &cache, SHARED_TABLE);
    assert_eq!(component.compiled(), (0, 2));
    let (mut store, instance) = instantiate(&engine, &component);
    let call = instance.get_typed_func::<(), (u32,)>(&mut store, "call")?;
    assert_eq!(call.call(&mut store, ())?.0, u32::from(b'b') * 10 + 2);
    Ok(())
}

/// A reference also reaches another instance without a shared table: as an argument, or by import.
#[test]
fn calls_of_passed_references_use_the_callees_memory_and_globals() -> anyhow::Result<()> {
    let (_home, cache) = private_cache();
    let engine = engine();
    let given = r#"
        (core module $a
            (type $read (func (result i32)))
            (memory 1) (data (i32.const 0) "a")
            (global $global (mut i32) (i32.const 1))
            (table 1 funcref)
            (func (export "set") (param funcref) (table.set (i32.const 0) (local.get 0)))
            (func (export "call") (result i32)
                (global.set $global (i32.const 1)) (call_indirect (type $read) (i32.const 0))))
        (core module $b
            (import "a" "set" (func $set (param funcref)))
            (memory 1) (data (i32.const 0) "b")
            (global $global (mut i32) (i32.const 2))
            (elem declare func $read)
            (func $read (result i32) (i32.add (i32.load8_u (i32.const 0)) (global.get $global)))
            (func $start (call $set (ref.func $read)))
            (start $start))
        (core instance $a (instantiate $a))
        (core instance $b (instantiate $b (with "a" (instance $a))))"#;
    let imported = r#"
        (core module $b
            (memory 1) (data (i32.const 0) "b")
            (global $global (mut i32) (i32.const 2))
            (func (export "read") (result i32) (i32.add (i32.load8_u (i32.const 0)) (global.get $global))))
        (core module $a
            (import "b" "read" (func $read (result i32)))
            (type $read (func (result i32)))
            (memory 1) (data (i32.const 0) "a")
            (global $global (mut i32) (i32.const 1))
            (table 1 funcref)
            (elem (i32.const 0) $read)
            (func (export "call") (result i32) (call_indirect (type $read) (i32.const 0))))
        (core instance $b (instantiate $b))
        (core instance $a (instantiate $a (with "b" (instance $b))))"#;
    for (modules, expected) in [(given, 0), (imported, 1)] {
        let text = format!(
            r#"(component {modules}
            (func (export "call") (result u32) (canon lift (core func $a "call"))))"#
        );
        let component = compiled(&engine, &cache, &text);
        let (mut store, instance) = instantiate(&engine, &component);
        let call = instance.get_typed_func::<(), (u32,)>(&mut store, "call")?;
        assert_eq!(call.call(&mut store, ())?.0, u32::from(b'b') + 2);
        assert_eq!(component.compiled(), (expected, 2));
    }
    Ok(())
}

#[test]
fn code_that_others_can_write_is_not_run() -> anyhow::Result<()> {
    let (home, cache) = private_cache();
    let engine = engine();
    compiled(&engine, &cache, COUNT);
    let bytes = wat::parse_str(COUNT)?;
    let file = cache.folder().read_dir()?.next().unwrap()?.path();
    let mode = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
    };
    mode(&file, 0o666)?;
    assert_eq!(
        Component::with_cache(&engine, &bytes, &cache)?.compiled(),
        (0, 1)
    );
    mode(&file, 0o600)?;
    assert_eq!(
        Component::with_cache(&engine, &bytes, &cache)?.compiled(),
        (1, 1)
    );
    std::fs::write(&file, "no library")?;
    assert_eq!(
        Component::with_cache(&engine, &bytes, &cache)?.compiled(),
        (0, 1)
    );
    assert_eq!(
        compiled(&engine, &cache, COUNT).compiled(),
        (1, 1),
        "it is compiled again"
    );

    mode(cache.folder(), 0o777)?;
    let refused = Cache::open(cache.folder()).unwrap_err();
    assert!(matches!(refused, CacheError::Untrusted { .. }), "{refused}");
    let link = home.path().join("link");
    std::os::unix::fs::symlink(cache.folder(), &link)?;
    assert!(matches!(
        Cache::open(&link).unwrap_err(),
        CacheError::Untrusted { .. }
    ));
    let plain = home.path().join("file");
    std::fs::write(&plain, "")?;
    assert!(Cache::open(&plain).is_err());
    Ok(())
}

/// If WasmEdge is set to run compiled modules, it runs native code in a custom section `wasmedge`
/// of a module. A guest must not be able to supply native code that way, neither interpreted nor
/// compiled.
#[test]
fn native_code_supplied_by_a_guest_is_not_run() -> anyhow::Result<()> {
    let (_home, cache) = private_cache();
    let engine = engine();
    let answer = |value: u32, custom: &str| {
        format!(
            r#"(component
                (core module $m
                    (func (export "answer") (result i32) (i32.const {value}))
                    {custom})
                (core instance $i (instantiate $m))
                (func (export "answer") (result u32) (canon lift (core func $i "answer"))))"#
        )
    };
    let native = Component::compile(&engine, wat::parse_str(answer(1, ""))?)?;
    let native = native[0].as_ref().expect("it can be compiled").bytes();
    let section = wasmparser::Parser::new(0)
        .parse_all(native)
        .find_map(|payload| match payload {
            Ok(wasmparser::Payload::CustomSection(section)) if section.name() == "wasmedge" => {
                Some(section.data())
            }
            _ => None,
        });
    let mut escaped = String::new();
    for byte in section.expect("native code") {
        escaped.push_str(&format!("\\{byte:02x}"));
    }
    let text = answer(2, &format!(r#"(@custom "wasmedge" "{escaped}")"#));
    let interpreted = Component::new(&engine, wat::parse_str(&text)?)?;
    for component in [interpreted, compiled(&engine, &cache, &text)] {
        let (mut store, instance) = instantiate(&engine, &component);
        let answer = instance.get_typed_func::<(), (u32,)>(&mut store, "answer")?;
        assert_eq!(
            answer.call(&mut store, ())?.0,
            2,
            "the result of the module itself"
        );
    }
    Ok(())
}

#[test]
fn code_without_a_cache_can_be_loaded_for_its_component() -> anyhow::Result<()> {
    let engine = engine();
    let bytes = wat::parse_str(COUNT)?;
    let mut code = Component::compile(&engine, &bytes)?;
    let component = Component::with_code(&engine, &bytes, |index| code[index].take())?;
    assert_eq!(component.compiled(), (1, 1));
    let (mut store, instance) = instantiate(&engine, &component);
    let count = instance.get_typed_func::<(u32,), (u32,)>(&mut store, "count")?;
    assert_eq!(count.call(&mut store, (1_000_000,))?.0, 1_000_000);
    let interpreted = Component::with_code(&engine, &bytes, |_| None)?;
    assert_eq!(interpreted.compiled(), (0, 1));
    Ok(())
}

#[test]
fn components_are_compiled_even_if_the_cache_is_not_writable() -> anyhow::Result<()> {
    let (_home, cache) = private_cache();
    let engine = engine();
    std::fs::remove_dir(cache.folder())?;
    let bytes = wat::parse_str(COUNT)?;
    let made = Component::precompile_and_report(&engine, &bytes, &cache)?;
    assert_eq!(made.component.compiled(), (1, 1));
    let why = made.cache_error.expect("there is no folder").to_string();
    assert!(
        why.contains("not found") || why.contains("No such"),
        "{why}"
    );
    Ok(())
}

/// Returns which of SIGBUS, SIGFPE and SIGSEGV the process handles, as bits as in /proc.
fn handled() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc exists on Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = u64::from_str_radix(line.expect("a line").trim(), 16).expect("a mask");
    let bit = |signal: u64| 1 << (signal - 1);
    mask & (bit(7) | bit(8) | bit(11))
}

/// Shows the behaviour that the documentation of `Component::precompile` warns of. If WasmEdge
/// restores the earlier handlers one day, the warning can go.
#[test]
fn compiled_guests_remove_fault_handlers() -> anyhow::Result<()> {
    let (_home, cache) = private_cache();
    let engine = engine();
    let component = compiled(&engine, &cache, COUNT);
    let (mut store, instance) = instantiate(&engine, &component);
    let count = instance.get_typed_func::<(u32,), (u32,)>(&mut store, "count")?;
    count.call(&mut store, (10,))?;
    // Guests of other tests may be running.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while handled() != 0 && std::time::Instant::now() < deadline {
        std::thread::yield_now();
    }
    assert_eq!(handled(), 0);
    Ok(())
}

#[test]
fn damaged_code_is_replaced() -> anyhow::Result<()> {
    let (_home, cache) = private_cache();
    let engine = engine();
    let bytes = wat::parse_str(COUNT)?;
    compiled(&engine, &cache, COUNT);
    let files: Vec<_> = cache.folder().read_dir()?.collect::<Result<_, _>>()?;
    let file = files[0].path();
    let whole = std::fs::read(&file)?;
    let is_found = |damaged: &[u8]| -> anyhow::Result<bool> {
        std::fs::write(&file, damaged)?;
        Ok(Component::with_cache(&engine, &bytes, &cache)?.compiled() == (1, 1))
    };
    assert!(is_found(&whole)?);
    // Bits throughout the file. The tests of the file format check every bit.
    for bit in (0..8 * whole.len()).step_by(8 * whole.len() / 150) {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(!is_found(&damaged)?, "bit {bit}");
    }
    for length in (0..whole.len()).step_by(whole.len() / 50) {
        assert!(!is_found(&whole[..length])?, "{length} bytes");
    }
    assert_eq!(compiled(&engine, &cache, COUNT).compiled(), (1, 1));
    let component = Component::with_cache(&engine, &bytes, &cache)?;
    assert_eq!(component.compiled(), (1, 1), "it was replaced");
    Ok(())
}
