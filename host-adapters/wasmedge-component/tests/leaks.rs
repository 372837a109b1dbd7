//! Dropped stores free their memory, however their guests ended. In its own file because it
//! measures the whole process.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use wasmedge_component::{
    Cache, Component, Config, Engine, InterruptHandle, Linker, Optimization, Resource, ResourceAny,
    ResourceType, Store, Trap, TrapCode,
};

/// The number of repetitions.
const ROUNDS: usize = 2000;

/// The number of bytes by which the process may grow.
const GROWTH: usize = 20 << 20;

struct Thing;

/// Receives strings and resources, keeps some, and ends in several ways.
const GUEST: &str = r#"(component
    (import "thing" (type $thing (sub resource)))
    (import "make" (func $make (param "text" string) (result (own $thing))))
    (import "interrupt" (func $interrupt))
    (import "fail" (func $fail))
    (core module $libc
        (memory (export "memory") 2)
        (global $next (mut i32) (i32.const 1024))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32)
            (local $at i32)
            (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
            (global.set $next (i32.add (local.get $at) (local.get 3)))
            (local.get $at)))
    (core instance $libc (instantiate $libc))
    (core func $make (canon lower (func $make) (memory (core memory $libc "memory"))))
    (core func $interrupt (canon lower (func $interrupt)))
    (core func $fail (canon lower (func $fail)))
    (type $r' (resource (rep i32)))
    (export $r "r" (type $r'))
    (core func $new (canon resource.new $r'))
    (core module $m
        (import "" "make" (func $make (param i32 i32) (result i32)))
        (import "" "interrupt" (func $interrupt))
        (import "" "fail" (func $fail))
        (import "" "new" (func $new (param i32) (result i32)))
        (import "libc" "memory" (memory 1))
        (func $start (param $text i32) (param $length i32)
            (i32.store (i32.const 100000) (call $make (local.get $text) (local.get $length)))
            (drop (memory.grow (i32.const 1))))
        (func (export "run") (param i32 i32) (result i32)
            (call $start (local.get 0) (local.get 1))
            (call $new (i32.const 5)))
        (func (export "trap") (param i32 i32) (result i32)
            (call $start (local.get 0) (local.get 1))
            unreachable)
        (func (export "fail") (param i32 i32) (result i32)
            (call $start (local.get 0) (local.get 1))
            (call $fail)
            unreachable)
        (func (export "interrupted") (param i32 i32) (result i32)
            (call $start (local.get 0) (local.get 1))
            (call $interrupt)
            (loop $again (br $again))
            unreachable))
    (core instance $m (instantiate $m
        (with "libc" (instance $libc))
        (with "" (instance (export "make" (func $make)) (export "interrupt" (func $interrupt))
            (export "fail" (func $fail)) (export "new" (func $new))))))
    (func (export "run") (param "text" string) (result (own $r))
        (canon lift (core func $m "run") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
    (func (export "trap") (param "text" string) (result (own $r))
        (canon lift (core func $m "trap") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
    (func (export "fail") (param "text" string) (result (own $r))
        (canon lift (core func $m "fail") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
    (func (export "interrupted") (param "text" string) (result (own $r))
        (canon lift (core func $m "interrupted") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc")))))"#;

/// Fails to start.
const UNSTARTED: &str = r#"(component
    (core module $a (memory (export "memory") 2) (table (export "table") 10 funcref))
    (core module $b
        (import "a" "table" (table 1 funcref))
        (elem (i32.const 0) $start)
        (func $start unreachable)
        (start $start))
    (core instance $a (instantiate $a))
    (core instance $b (instantiate $b (with "a" (instance $a)))))"#;

/// Returns the resident memory of the process in bytes.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

fn is_steady(what: &str, mut round: impl FnMut()) {
    for _ in 0..ROUNDS / 4 {
        round();
    }
    let before = resident();
    for _ in 0..ROUNDS {
        round();
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < GROWTH, "{what}: {grown} bytes in {ROUNDS} rounds");
}

#[derive(Default)]
struct Data {
    interrupt: Option<InterruptHandle>,
    text: Vec<String>,
}

fn linker() -> Linker<Data> {
    let mut linker = Linker::<Data>::new();
    let mut root = linker.root();
    root.resource("thing", ResourceType::host::<Thing>(), |_, _| Ok(()))
        .unwrap();
    root.func_wrap("make", |mut store, (text,): (String,)| {
        store.data_mut().text.push(text);
        Ok((Resource::<Thing>::new_own(1),))
    })
    .unwrap();
    root.func_wrap("interrupt", |store, ()| {
        if let Some(handle) = &store.data().interrupt {
            handle.interrupt();
        }
        Ok(())
    })
    .unwrap();
    root.func_wrap("fail", |_, ()| -> anyhow::Result<()> {
        anyhow::bail!("refused")
    })
    .unwrap();
    linker
}

#[test]
fn dropped_stores_free_their_memory() {
    let home = tempfile::tempdir().unwrap();
    let cache = Cache::open(home.path()).unwrap();
    let engine = Engine::new(Config::new().optimization(Optimization::None)).unwrap();
    let bytes = wat::parse_str(GUEST).unwrap();
    let linker = linker();
    let text = "text ".repeat(2000);
    let interpreted = Component::new(&engine, &bytes).unwrap();
    let compiled = Component::precompile(&engine, &bytes, &cache).unwrap();
    for (component, mode) in [(&interpreted, "interpreted"), (&compiled, "compiled")] {
        for (name, expected) in [
            ("run", None),
            ("trap", Some(TrapCode::Unreachable)),
            ("fail", Some(TrapCode::Host)),
            ("interrupted", Some(TrapCode::Interrupt)),
        ] {
            is_steady(&format!("{name}, {mode}"), || {
                let mut store = Store::new(&engine, Data::default()).unwrap();
                if name == "interrupted" {
                    store.data_mut().interrupt = Some(store.interrupt_handle().unwrap());
                }
                let instance = linker.instantiate(&mut store, component).unwrap();
                let run = instance.get_typed_func::<(&str,), (ResourceAny,)>(&mut store, name);
                let ended = run.unwrap().call(&mut store, (&text,));
                let code = ended
                    .err()
                    .map(|error| error.downcast_ref().map_or(TrapCode::Host, Trap::code));
                assert_eq!(code, expected);
            });
        }
    }
    is_steady("loaded", || drop(Component::new(&engine, &bytes).unwrap()));
    let cut = &bytes[..bytes.len() - 10];
    is_steady("refused", || {
        drop(Component::new(&engine, cut).unwrap_err())
    });
    let unstarted = Component::new(&engine, wat::parse_str(UNSTARTED).unwrap()).unwrap();
    is_steady("not started", || {
        let mut store = Store::new(&engine, Data::default()).unwrap();
        linker.instantiate(&mut store, &unstarted).unwrap_err();
    });

    // A single store and instance.
    let mut store = Store::new(&engine, Data::default()).unwrap();
    let instance = linker.instantiate(&mut store, &interpreted).unwrap();
    let run = instance
        .get_typed_func::<(&str,), (ResourceAny,)>(&mut store, "run")
        .unwrap();
    is_steady("called", || {
        let (resource,) = run.call(&mut store, ("",)).unwrap();
        instance.drop_resource(&mut store, resource).unwrap();
        store.data_mut().text.clear();
    });
}
