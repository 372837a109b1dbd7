//! Calls of whole components on WasmEdge, in both directions, with all kinds of values.

mod common;

use common::{engine, linker_of, load};
use wasmedge_component::{Component, Linker, Store, Trap, TrapCode, Val};

/// Takes a string, passes it to the host, and returns the host's result.
const ECHO: &str = r#"(component
    (import "host" (instance $host (export "reply" (func (param "text" string) (result string)))))
    (core module $libc
        (memory (export "memory") 1)
        (global $next (mut i32) (i32.const 1024))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32)
            (local $at i32)
            (local.set $at (i32.and (i32.add (global.get $next) (i32.sub (local.get 2) (i32.const 1)))
                (i32.sub (i32.const 0) (local.get 2))))
            (global.set $next (i32.add (local.get $at) (local.get 3)))
            (local.get $at)))
    (core instance $libc (instantiate $libc))
    (core func $reply (canon lower (func $host "reply")
        (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
    (core module $main
        (import "host" "reply" (func $reply (param i32 i32 i32)))
        (import "libc" "memory" (memory 1))
        (func (export "echo") (param i32 i32) (result i32)
            (call $reply (local.get 0) (local.get 1) (i32.const 16))
            (i32.const 16)))
    (core instance $main (instantiate $main
        (with "host" (instance (export "reply" (func $reply))))
        (with "libc" (instance $libc))))
    (func (export "echo") (param "text" string) (result string)
        (canon lift (core func $main "echo") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc")))))"#;

#[test]
fn strings_pass_in_both_directions() -> anyhow::Result<()> {
    let engine = engine();
    let component = load(&engine, ECHO);
    let mut linker = Linker::new();
    linker
        .instance("host")
        .func_wrap("reply", |mut store, (text,): (String,)| {
            let count: &mut usize = store.data_mut();
            *count += 1;
            Ok((format!("{count}: {text}"),))
        })?;
    let mut store = Store::new(&engine, 0usize)?;
    let instance = linker.instantiate(&mut store, &component)?;
    let echo = instance.get_typed_func::<(&str,), (String,)>(&mut store, "echo")?;
    assert_eq!(echo.call(&mut store, ("héllo",))?.0, "1: héllo");
    let long = "x".repeat(10_000);
    assert_eq!(echo.call(&mut store, (&long,))?.0, format!("2: {long}"));
    let result = echo
        .func()
        .call(&mut store, &[Val::String("Val".to_owned())])?;
    assert_eq!(result, Some(Val::String("3: Val".to_owned())));
    assert_eq!(*store.data(), 3);
    Ok(())
}

#[test]
fn a_failed_host_function_traps_only_its_caller() -> anyhow::Result<()> {
    let engine = engine();
    let component = load(&engine, ECHO);
    let mut linker = Linker::<()>::new();
    linker
        .instance("host")
        .func_wrap("reply", |_, (text,): (String,)| match &*text {
            "panic" => panic!("as {text} says"),
            "fail" => Err(anyhow::anyhow!("refused")),
            _ => Ok((text,)),
        })?;
    let mut store = Store::new(&engine, ())?;
    let pre = linker.instantiate_pre(&component)?;
    let other = pre.instantiate(&mut store)?;
    let other = other.get_typed_func::<(&str,), (String,)>(&mut store, "echo")?;
    for (text, expected) in [
        ("panic", "a host function panicked: as panic says"),
        ("fail", "refused"),
    ] {
        let instance = pre.instantiate(&mut store)?;
        let echo = instance.get_typed_func::<(&str,), (String,)>(&mut store, "echo")?;
        assert_eq!(echo.call(&mut store, ("fine",))?.0, "fine");
        assert_eq!(
            echo.call(&mut store, (text,)).unwrap_err().to_string(),
            expected
        );
        let error = echo.call(&mut store, ("fine",)).unwrap_err();
        assert_eq!(
            error.downcast_ref().map(Trap::code),
            Some(TrapCode::Poisoned)
        );
        assert_eq!(other.call(&mut store, ("fine",))?.0, "fine");
    }
    Ok(())
}

#[test]
fn wrong_arguments_leave_the_instance_usable() -> anyhow::Result<()> {
    let engine = engine();
    let component = load(&engine, ECHO);
    let mut store = Store::new(&engine, ())?;
    let instance = linker_of(&component).instantiate(&mut store, &component)?;
    let echo = instance.get_func(&mut store, "echo").unwrap();
    let error = echo.call(&mut store, &[Val::U32(1)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected a value of type string, found one of type u32"
    );
    assert!(echo.call(&mut store, &[]).is_err());
    assert_eq!(
        echo.call(&mut store, &[Val::String("x".to_owned())])?,
        Some(Val::String("x".to_owned()))
    );
    assert!(
        instance
            .get_typed_func::<(u32,), (String,)>(&mut store, "echo")
            .is_err()
    );
    assert!(instance.get_func(&mut store, "other").is_none());
    Ok(())
}

/// Every kind of trap that a guest can cause by itself.
#[test]
fn traps_have_codes_and_poison_their_instance() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let cache = wasmedge_component::Cache::open(home.path())?;
    let engine = engine();
    for (body, code) in [
        ("unreachable", TrapCode::Unreachable),
        (
            "(drop (i32.load (i32.const -1)))",
            TrapCode::MemoryOutOfBounds,
        ),
        (
            "(drop (i32.div_u (i32.const 1) (i32.const 0)))",
            TrapCode::IntegerDivisionByZero,
        ),
        (
            "(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))",
            TrapCode::IntegerOverflow,
        ),
        (
            "(drop (i32.trunc_f32_u (f32.const nan)))",
            TrapCode::BadConversionToInteger,
        ),
        (
            "(call_indirect (type $run) (i32.const 0))",
            TrapCode::IndirectCallToNull,
        ),
        (
            "(call_indirect (type $run) (i32.const 9))",
            TrapCode::TableOutOfBounds,
        ),
        (
            "(call_indirect (type $run) (i32.const 1))",
            TrapCode::BadSignature,
        ),
    ] {
        let text = format!(
            r#"(component
            (core module $m
                (type $run (func))
                (memory 1)
                (table 2 funcref)
                (elem (i32.const 1) $other)
                (func $other (param i32))
                (func (export "run") {body}))
            (core instance $i (instantiate $m))
            (func (export "run") (canon lift (core func $i "run"))))"#
        );
        let compiled = Component::precompile(&engine, wat::parse_str(&text)?, &cache)?;
        assert!(compiled.is_compiled());
        for component in [load(&engine, &text), compiled] {
            let mut store = Store::new(&engine, ())?;
            let instance = Linker::new().instantiate(&mut store, &component)?;
            let run = instance.get_typed_func::<(), ()>(&mut store, "run")?;
            let error = run.call(&mut store, ()).unwrap_err();
            assert_eq!(error.downcast_ref().map(Trap::code), Some(code), "{error}");
            let error = run.call(&mut store, ()).unwrap_err();
            let code = error.downcast_ref().map(Trap::code);
            assert_eq!(code, Some(TrapCode::Poisoned));
        }
    }
    Ok(())
}

#[test]
fn an_endless_loop_is_interrupted_from_another_thread() -> anyhow::Result<()> {
    let engine = engine();
    let component = load(
        &engine,
        r#"(component
        (core module $m
            (func (export "run") (loop $again (br $again)))
            (func (export "end")))
        (core instance $i (instantiate $m))
        (func (export "run") (canon lift (core func $i "run")))
        (func (export "end") (canon lift (core func $i "end"))))"#,
    );
    let mut store = Store::new(&engine, ())?;
    let linker = Linker::new();
    let instance = linker.instantiate(&mut store, &component)?;
    let run = instance.get_typed_func::<(), ()>(&mut store, "run")?;
    let handle = store.interrupt_handle()?;
    let thread = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(20));
        handle.interrupt();
    });
    let error = run.call(&mut store, ()).unwrap_err();
    assert_eq!(
        error.downcast_ref().map(Trap::code),
        Some(TrapCode::Interrupt)
    );
    thread.join().unwrap();
    let error = linker.instantiate(&mut store, &component).unwrap_err();
    assert_eq!(
        error.downcast_ref().map(Trap::code),
        Some(TrapCode::Interrupt)
    );
    store.clear_interruption();
    let instance = linker.instantiate(&mut store, &component)?;
    instance
        .get_typed_func::<(), ()>(&mut store, "end")?
        .call(&mut store, ())
}

#[test]
fn costs_are_counted_and_limited() -> anyhow::Result<()> {
    let engine =
        wasmedge_component::Engine::new(wasmedge_component::Config::new().measure_cost(true))?;
    let component = load(
        &engine,
        r#"(component
        (core module $m
            (func (export "short"))
            (func (export "long") (loop $again (br $again))))
        (core instance $i (instantiate $m))
        (func (export "short") (canon lift (core func $i "short")))
        (func (export "long") (canon lift (core func $i "long"))))"#,
    );
    let mut store = Store::new(&engine, ())?;
    store.set_cost_limit(100_000)?;
    let instance = Linker::new().instantiate(&mut store, &component)?;
    instance
        .get_typed_func::<(), ()>(&mut store, "short")?
        .call(&mut store, ())?;
    assert!((1..100).contains(&store.cost()?), "{}", store.cost()?);
    let long = instance.get_typed_func::<(), ()>(&mut store, "long")?;
    let error = long.call(&mut store, ()).unwrap_err();
    assert_eq!(
        error.downcast_ref().map(Trap::code),
        Some(TrapCode::OutOfFuel)
    );
    assert_eq!(store.cost()?, 100_000);
    Ok(())
}

/// Endless recursion, directly and through a table.
const DEEP: &str = r#"(component
    (core module $m
        (type $run (func))
        (memory 1)
        (table 1 funcref)
        (elem (i32.const 0) $indirect)
        (func $direct (export "direct") (call $direct))
        (func $indirect (export "indirect") (call_indirect (type $run) (i32.const 0)))
        (func $down (export "down") (param i32) (result i32)
            (if (result i32) (i32.eqz (local.get 0))
                (then (i32.const 0))
                (else (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1))))))) )
    (core instance $i (instantiate $m))
    (func (export "direct") (canon lift (core func $i "direct")))
    (func (export "indirect") (canon lift (core func $i "indirect")))
    (func (export "down") (param "to" u32) (result u32) (canon lift (core func $i "down"))))"#;

#[test]
fn deep_recursion_traps() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let cache = wasmedge_component::Cache::open(home.path())?;
    let engine = engine();
    let bytes = wat::parse_str(DEEP)?;
    let compiled = Component::precompile(&engine, &bytes, &cache)?;
    assert_eq!(compiled.compiled(), (1, 1));
    for component in [load(&engine, DEEP), compiled] {
        for name in ["direct", "indirect"] {
            let mut store = Store::new(&engine, ())?;
            let instance = Linker::new().instantiate(&mut store, &component)?;
            let down = instance.get_typed_func::<(u32,), (u32,)>(&mut store, "down")?;
            for _ in 0..3 {
                assert_eq!(down.call(&mut store, (10_000,))?.0, 10_000);
            }
            let run = instance.get_typed_func::<(), ()>(&mut store, name)?;
            let error = run.call(&mut store, ()).unwrap_err();
            assert_eq!(
                error.downcast_ref().map(Trap::code),
                Some(TrapCode::StackOverflow),
                "{error}"
            );
        }
    }
    Ok(())
}

struct Pages(usize);

impl wasmedge_component::ResourceLimiter for Pages {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> anyhow::Result<bool> {
        let fits = desired - current <= self.0 * 65_536;
        if fits {
            self.0 -= (desired - current) / 65_536;
        }
        Ok(fits)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> anyhow::Result<bool> {
        Ok(desired <= 10)
    }
}

#[test]
fn memories_and_tables_grow_as_far_as_the_limiter_allows() -> anyhow::Result<()> {
    let engine = engine();
    let component = load(
        &engine,
        r#"(component
        (core module $m
            (memory 2)
            (table $t 1 funcref)
            (func (export "memory") (param i32) (result i32) (memory.grow (local.get 0)))
            (func (export "table") (param i32) (result i32) (table.grow $t (ref.null func) (local.get 0))))
        (core instance $i (instantiate $m))
        (func (export "memory") (param "by" u32) (result s32) (canon lift (core func $i "memory")))
        (func (export "table") (param "by" u32) (result s32) (canon lift (core func $i "table"))))"#,
    );
    let linker = Linker::new();
    let mut store = Store::new(&engine, Pages(5))?;
    store.limiter(|pages| pages);
    let instance = linker.instantiate(&mut store, &component)?;
    let memory = instance.get_typed_func::<(u32,), (i32,)>(&mut store, "memory")?;
    assert_eq!(memory.call(&mut store, (3,))?.0, 2);
    assert_eq!(memory.call(&mut store, (1,))?.0, -1);
    assert_eq!(memory.call(&mut store, (0,))?.0, 5);
    assert_eq!(memory.call(&mut store, (u32::MAX,))?.0, -1);
    let table = instance.get_typed_func::<(u32,), (i32,)>(&mut store, "table")?;
    assert_eq!(table.call(&mut store, (9,))?.0, 1);
    assert_eq!(table.call(&mut store, (1,))?.0, -1);
    assert_eq!(table.call(&mut store, (u32::MAX,))?.0, -1);
    // Nothing is left for another instance.
    let error = linker.instantiate(&mut store, &component).unwrap_err();
    assert_eq!(
        error.downcast_ref().map(Trap::code),
        Some(TrapCode::MemoryLimit),
        "{error}"
    );
    Ok(())
}
