//! Guests that need more stack than there is. They trap; the process and the other guests continue.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod common;

use std::fmt::Write as _;

use common::load;
use wasmedge_component::{
    Cache, Component, Config, Engine, Instance, Linker, ResourceAny, SizeLimit, SizeLimits, Store,
    Trap, TrapCode,
};

/// The recommended stack size of threads that run guests.
const STACK: usize = 8 << 20;

/// A guest that always works.
const GOOD: &str = r#"(component
    (core module $m
        (func $down (export "down") (param i32) (result i32)
            (if (result i32) (i32.eqz (local.get 0))
                (then (i32.const 0))
                (else (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1))))))))
    (core instance $i (instantiate $m))
    (func (export "down") (param "to" u32) (result u32) (canon lift (core func $i "down"))))"#;

/// The execution mode of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Interpreted,
    Compiled,
}

/// A store with an instance of a hostile component, and one of a good one.
struct Case {
    mode: Mode,
    engine: Engine,
    good: Component,
    bad: Component,
    linker: Linker<Data>,
}

/// The data of host functions.
#[derive(Default)]
struct Data {
    /// The number of calls of the host.
    calls: usize,
    /// The highest and the lowest address of the host's frames.
    frames: Option<(usize, usize)>,
}

impl Case {
    fn store(&self) -> Store<Data> {
        Store::new(&self.engine, Data::default()).unwrap()
    }

    /// Calls a function without parameters of a new instance, and checks that the good one still
    /// works.
    fn run(&self, name: &str) -> Result<(), Option<TrapCode>> {
        self.run_in(&mut self.store(), |store, instance| {
            let run = instance
                .get_typed_func::<(), ()>(&mut *store, name)
                .unwrap();
            run.call(&mut *store, ())
        })
    }

    /// Calls a new instance, and interrupts it 20 ms later.
    fn interrupted<R>(
        &self,
        run: impl Fn(&mut Store<Data>, &Instance) -> anyhow::Result<R>,
    ) -> Result<R, Option<TrapCode>> {
        let mut store = self.store();
        let handle = store.interrupt_handle().unwrap();
        self.run_in(&mut store, |store, instance| {
            let handle = handle.clone();
            let thread = std::thread::spawn(move || {
                std::thread::sleep(std::time::Duration::from_millis(20));
                handle.interrupt();
            });
            let result = run(store, instance);
            thread.join().unwrap();
            store.clear_interruption();
            result
        })
    }

    fn run_in<R>(
        &self,
        store: &mut Store<Data>,
        run: impl Fn(&mut Store<Data>, &Instance) -> anyhow::Result<R>,
    ) -> Result<R, Option<TrapCode>> {
        let good = self.linker.instantiate(&mut *store, &self.good).unwrap();
        let good = good
            .get_typed_func::<(u32,), (u32,)>(&mut *store, "down")
            .unwrap();
        let mut result = Err(None);
        // The stack of the first call is free for the second.
        for _ in 0..2 {
            let instance = self.linker.instantiate(&mut *store, &self.bad);
            let ended = instance.and_then(|instance| run(store, &instance));
            result = ended.map_err(|error| error.downcast_ref().map(Trap::code));
            assert_eq!(good.call(&mut *store, (10_000,)).unwrap().0, 10_000);
        }
        result
    }
}

/// Runs a test for a component, interpreted and compiled. `compiled` is the number of modules that
/// can be compiled. The thread has only the required stack.
fn in_each_mode(text: &str, compiled: usize, test: impl Fn(Case) + Sync) {
    for mode in [Mode::Interpreted, Mode::Compiled] {
        in_mode(text, mode, compiled, &test);
    }
}

fn in_mode(text: &str, mode: Mode, compiled: usize, test: impl Fn(Case) + Sync) {
    let home = tempfile::tempdir().unwrap();
    let cache = Cache::open(home.path()).unwrap();
    // The stack must also suffice for everything within the size limits.
    let mut limits = SizeLimits::default();
    limits.set(SizeLimit::Arity, 1_000).unwrap();
    let mut config = Config::default();
    config.size_limits(limits);
    let engine = Engine::new(&config).unwrap();
    let get = |text: &str| match mode {
        Mode::Interpreted => load(&engine, text),
        Mode::Compiled => {
            Component::precompile(&engine, wat::parse_str(text).unwrap(), &cache).unwrap()
        }
    };
    let bad = get(text);
    assert_eq!(
        bad.compiled().0,
        if mode == Mode::Compiled { compiled } else { 0 }
    );
    let mut linker = Linker::new();
    linker
        .root()
        .func_wrap("host", |mut store, (): ()| {
            touch(store.data_mut());
            Ok(())
        })
        .unwrap();
    linker
        .root()
        .func_wrap("many", |_, _: (u64, u64, u64, u64)| Ok(()))
        .unwrap();
    let case = Case {
        mode,
        good: get(GOOD),
        bad,
        engine: engine.clone(),
        linker,
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        let thread = thread.spawn_scoped(scope, || test(case)).unwrap();
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

/// Uses 64 KiB of stack.
#[inline(never)]
fn touch(data: &mut Data) {
    let mut frame = [0_u8; 64 << 10];
    let frame = std::hint::black_box(&mut frame);
    let at = frame.as_ptr().addr();
    let (high, low) = data.frames.unwrap_or((at, at));
    data.frames = Some((high.max(at), low.min(at)));
    data.calls += 1;
}

const OVERFLOW: Result<(), Option<TrapCode>> = Err(Some(TrapCode::StackOverflow));

#[test]
fn recursion_across_instances_through_a_shared_table() {
    let text = r#"(component
        (core module $a
            (table (export "table") 2 funcref)
            (type $run (func))
            (func (export "f") (call_indirect (type $run) (i32.const 1))))
        (core module $b
            (import "a" "table" (table 2 funcref))
            (import "a" "f" (func $f))
            (elem (i32.const 1) $g)
            (func $g (export "g") (call $f)))
        (core instance $a (instantiate $a))
        (core instance $b (instantiate $b (with "a" (instance $a))))
        (func (export "run") (canon lift (core func $b "g"))))"#;
    in_each_mode(text, 0, |case| assert_eq!(case.run("run"), OVERFLOW));
}

/// Three instances: the second calls back into itself through a reference that the third gives to
/// the first. Each level is a call from compiled code to interpreted code, and back.
fn through_exports(first: &str, second: &str) -> String {
    format!(
        r#"(component
        (import "host" (func $host))
        (core func $host (canon lower (func $host)))
        (core module $a
            (type $step (func (param i32) (result i32)))
            (table 1 funcref)
            (func (export "set") (param funcref) (table.set (i32.const 0) (local.get 0)))
            (func $f (export "f") (type $step)
                (if (i32.eqz (local.get 0)) (then (return (i32.const 7)))) {first}))
        (core module $b
            (import "a" "f" (func $f (param i32) (result i32)))
            (import "" "host" (func $host))
            (func (export "g") (param i32) (result i32) (call $host) {second})
            (func (export "run") (drop (call $f (i32.const -1)))))
        (core module $c
            (import "a" "set" (func $set (param funcref)))
            (import "b" "g" (func $g (param i32) (result i32)))
            (elem declare func $g)
            (func $start (call $set (ref.func $g)))
            (start $start))
        (core instance $a (instantiate $a))
        (core instance $b (instantiate $b (with "a" (instance $a))
            (with "" (instance (export "host" (func $host))))))
        (core instance $c (instantiate $c (with "a" (instance $a)) (with "b" (instance $b))))
        (func (export "run") (canon lift (core func $b "run")))
        (func (export "steps") (param "count" u32) (result u32) (canon lift (core func $b "g"))))"#
    )
}

#[test]
fn recursion_across_instances_through_exports() {
    let text = through_exports(
        "(call_indirect (type $step) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))",
        "(call $f (local.get 0))",
    );
    in_each_mode(&text, 1, |case| measured(&case, "through exports"));
}

/// Returns the result of this many steps, or the trap code.
fn steps(case: &Case, count: u32) -> Result<u32, Option<TrapCode>> {
    case.run_in(&mut case.store(), |store, instance| {
        let steps = instance.get_typed_func::<(u32,), (u32,)>(&mut *store, "steps")?;
        Ok(steps.call(&mut *store, (count,))?.0)
    })
}

#[test]
fn tail_calls_across_instances_count_as_calls() {
    let text = through_exports(
        "(return_call_indirect (type $step) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))",
        "(return_call $f (local.get 0))",
    );
    in_each_mode(&text, 1, |case| {
        assert_eq!(steps(&case, 200), Ok(7));
        assert_eq!(steps(&case, 1_000_000), Err(Some(TrapCode::StackOverflow)));
    });
}

/// WasmEdge 0.17 loses its frames in these calls and ends the process, if another function has
/// called the one that makes them.
#[test]
fn tail_calls_of_host_functions_become_calls() {
    for (call, compiled) in [
        ("(return_call $host)", 1),
        ("(return_call_indirect (i32.const 0))", 0),
        ("(block (br_if 1 (i32.const 0)) (return_call $host))", 1),
        ("(if (i32.const 1) (then (return_call $host)))", 1),
    ] {
        let elements = if compiled == 0 {
            "(elem (i32.const 0) $host)"
        } else {
            ""
        };
        let functions = format!(
            "(table 1 funcref) {elements}
            (func $tail (local i64 i64) {call})
            (func $f (local i32) (call $tail) (call $tail))"
        );
        in_each_mode(&host_called(&functions), compiled, |case| {
            let mut store = case.store();
            assert_eq!(
                case.run_in(&mut store, |store, instance| {
                    let run = instance.get_typed_func::<(), ()>(&mut *store, "run")?;
                    run.call(&mut *store, ())
                }),
                Ok(())
            );
            assert_eq!(store.data().calls, 4);
        });
    }
}

#[test]
fn tail_calls_within_a_module_use_no_stack() {
    // Parameters that fit in registers, that do not, and that differ; any number of results.
    let many = "i64 ".repeat(20);
    let zeros = "(i64.const 0)".repeat(20);
    for (results, values) in [
        ("(result i32)", "(i32.const 7)"),
        (
            "(result i32 i64 f64)",
            "(i32.const 7) (i64.const 7) (f64.const 7)",
        ),
    ] {
        let drops = "drop ".repeat(values.matches('(').count() - 1);
        let text = format!(
            r#"(component
            (core module $m
                (type $few (func (param i32) {results}))
                (type $many (func (param i32 {many}) {results}))
                (table 2 funcref)
                (elem (i32.const 0) $few $many)
                (func $few (type $few)
                    (if (i32.eqz (local.get 0)) (then (return {values})))
                    (return_call $many (i32.sub (local.get 0) (i32.const 1)) {zeros}))
                (func $many (type $many)
                    (if (i32.eqz (local.get 0)) (then (return {values})))
                    (return_call $few (i32.sub (local.get 0) (i32.const 1))))
                (func $few-indirect (type $few)
                    (if (i32.eqz (local.get 0)) (then (return {values})))
                    (return_call_indirect (type $many)
                        (i32.sub (local.get 0) (i32.const 1)) {zeros} (i32.const 1)))
                (func (export "direct") (param i32) (result i32) (call $few (local.get 0)) {drops})
                (func (export "indirect") (param i32) (result i32)
                    (call $few-indirect (local.get 0)) {drops}))
            (core instance $i (instantiate $m))
            (func (export "steps") (param "count" u32) (result u32) (canon lift (core func $i "direct")))
            (func (export "indirect") (param "count" u32) (result u32) (canon lift (core func $i "indirect"))))"#
        );
        in_each_mode(&text, 1, |case| assert_eq!(steps(&case, 1_000_000), Ok(7)));
    }
}

#[test]
fn tail_calls_after_other_calls_count_as_calls() {
    for call in [
        "(call $many (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4))",
        "(call $calls)",
        "(call_indirect (type $many) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i32.const 0))",
        "(drop (memory.grow (i32.const 0)))",
    ] {
        let text = format!(
            r#"(component
            (import "many" (func $many (param "a" u64) (param "b" u64) (param "c" u64) (param "d" u64)))
            (core func $many (canon lower (func $many)))
            (core module $m
                (type $many (func (param i64 i64 i64 i64)))
                (import "" "many" (func $many (type $many)))
                (memory 1)
                (table 1 funcref) (elem (i32.const 0) $four)
                (func $four (type $many))
                (func $calls (call $many (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4)))
                (func $f (export "f") (param i32) (result i32)
                    (if (i32.eqz (local.get 0)) (then (return (i32.const 7))))
                    {call}
                    (return_call $f (i32.sub (local.get 0) (i32.const 1)))))
            (core instance $i (instantiate $m (with "" (instance (export "many" (func $many))))))
            (func (export "steps") (param "count" u32) (result u32) (canon lift (core func $i "f"))))"#
        );
        in_each_mode(&text, 1, |case| {
            assert_eq!(steps(&case, 1000), Ok(7));
            assert_eq!(steps(&case, 1_000_000), Err(Some(TrapCode::StackOverflow)));
        });
    }
}

#[test]
fn tail_calls_through_a_private_table_use_no_stack() {
    let text = r#"(component
        (core module $m
            (type $step (func (param i32) (result i32)))
            (table 2 funcref)
            (elem (i32.const 0) $even $odd)
            (func $even (export "even") (type $step)
                (if (i32.eqz (local.get 0)) (then (return (i32.const 7))))
                (return_call_indirect (type $step) (i32.sub (local.get 0) (i32.const 1)) (i32.const 1)))
            (func $odd (type $step)
                (if (i32.eqz (local.get 0)) (then (return (i32.const 8))))
                (return_call_indirect (type $step) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))))
        (core instance $i (instantiate $m))
        (func (export "steps") (param "count" u32) (result u32) (canon lift (core func $i "even"))))"#;
    in_each_mode(text, 1, |case| {
        assert_eq!(steps(&case, 1_000_000), Ok(7));
        assert_eq!(steps(&case, 1_000_001), Ok(8));
    });
}

/// A function with this many locals. In compiled mode, all of them are in use during the call.
fn large(mode: Mode, name: &str, locals: usize, call: &str) -> String {
    let mut text = format!("(func ${name} (local ");
    text.push_str(&"i64 ".repeat(locals));
    text.push(')');
    if mode == Mode::Interpreted {
        return text + call + ")";
    }
    for local in 0..locals {
        write!(
            text,
            "(local.set {local} (i64.load (i32.const {})))",
            local % 8000 * 8
        )
        .unwrap();
    }
    text.push_str(call);
    for local in 0..locals {
        write!(text, "(i64.store (i32.const 0) (local.get {local}))").unwrap();
    }
    text.push(')');
    text
}

fn of_functions(functions: &str, first: &str) -> String {
    format!(
        r#"(component
        (core module $m (memory 1) {functions} (func (export "run") (call ${first})))
        (core instance $i (instantiate $m))
        (func (export "run") (canon lift (core func $i "run"))))"#
    )
}

#[test]
fn mutual_recursion_with_huge_frames() {
    for (mode, locals) in [(Mode::Interpreted, 50_000), (Mode::Compiled, 5000)] {
        let functions =
            large(mode, "a", locals, "(call $b)") + &large(mode, "b", locals, "(call $a)");
        in_mode(&of_functions(&functions, "a"), mode, 1, |case| {
            assert_eq!(case.run("run"), OVERFLOW);
        });
    }
}

#[test]
fn a_chain_of_huge_frames() {
    for (mode, length, locals) in [(Mode::Interpreted, 60, 10_000), (Mode::Compiled, 230, 500)] {
        let mut functions = String::new();
        for function in 1..length {
            let call = format!("(call $f{function})");
            functions.push_str(&large(mode, &format!("f{}", function - 1), locals, &call));
        }
        functions.push_str(&large(mode, &format!("f{}", length - 1), locals, ""));
        in_mode(&of_functions(&functions, "f0"), mode, 1, |case| {
            assert_eq!(case.run("run"), OVERFLOW);
        });
    }
}

/// Frames with as many values as possible for as few instructions as possible.
#[test]
fn frames_full_of_values() {
    for (ty, zero, join) in [
        ("f64", "f64.const 0", "f64.add"),
        ("f32", "f32.const 0", "f32.add"),
        ("v128", "v128.const i64x2 0 0", "f32x4.add"),
    ] {
        let globals = format!("(global (mut {ty}) ({zero}))").repeat(400);
        let values: String = (0..400).map(|n| format!("(global.get {n})")).collect();
        let joins = format!("{join} ").repeat(399);
        let joined =
            format!("{globals} (func $f (global.set 0 {values} (call $host) (call $f) {joins}))");
        in_each_mode(&host_called(&joined), 1, |case| measured(&case, ty));
        let parameters = format!("{ty} ").repeat(400);
        let locals: String = (0..400).map(|n| format!("(local.get {n})")).collect();
        let passed = format!(
            "{globals} (func $f {values} (call $host) (call $f) (call $take))
            (func $take (param {parameters}) (call $host) (global.set 0 {locals} {joins}))"
        );
        in_each_mode(&host_called(&passed), 1, |case| {
            measured(&case, &format!("{ty}, passed"))
        });
    }
}

#[test]
fn loops_that_call_the_host_through_a_table_use_no_stack() {
    let text = r#"(component
        (import "many" (func $many (param "a" u64) (param "b" u64) (param "c" u64) (param "d" u64)))
        (core func $many (canon lower (func $many)))
        (core module $m
            (type $many (func (param i64 i64 i64 i64)))
            (import "" "many" (func $many (type $many)))
            (table 1 funcref)
            (elem (i32.const 0) $many)
            (func (export "steps") (param i32) (result i32)
                (loop $again
                    (call_indirect (type $many)
                        (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i32.const 0))
                    (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
                (i32.const 7)))
        (core instance $i (instantiate $m (with "" (instance (export "many" (func $many))))))
        (func (export "steps") (param "count" u32) (result u32) (canon lift (core func $i "steps"))))"#;
    in_each_mode(text, 0, |case| assert_eq!(steps(&case, 500_000), Ok(7)));
}

/// A component whose functions can call the host.
fn host_called(functions: &str) -> String {
    format!(
        r#"(component
        (import "host" (func $host))
        (core func $host (canon lower (func $host)))
        (core module $m
            (import "" "host" (func $host))
            (memory 1)
            {functions}
            (func (export "run") (call $f)))
        (core instance $i (instantiate $m (with "" (instance (export "host" (func $host))))))
        (func (export "run") (canon lift (core func $i "run"))))"#
    )
}

/// Runs a component that calls the host at each level until it traps, and prints the stack that it
/// took.
fn measured(case: &Case, what: &str) {
    let mut store = case.store();
    let result = case.run_in(&mut store, |store, instance| {
        let run = instance.get_typed_func::<(), ()>(&mut *store, "run")?;
        run.call(&mut *store, ())
    });
    assert_eq!(result, OVERFLOW);
    let (high, low) = store.data().frames.unwrap();
    let calls = store.data().calls / 2;
    println!(
        "{what}, {:?}: {calls} levels, {} KiB",
        case.mode,
        (high - low) / 1024
    );
    assert!(
        calls > 10 && high - low < STACK * 3 / 4,
        "{calls} {}",
        high - low
    );
}

#[test]
fn recursion_that_calls_the_host_at_each_level() {
    let text = host_called("(func $f (call $host) (call $f))");
    in_each_mode(&text, 1, |case| measured(&case, "a small function"));
    let text = host_called(
        "(func $f (param i32 i64 f64) (local i32 i64)
            (call $host) (local.set 3 (i32.load (local.get 0)))
            (call $f (local.get 3) (i64.load (local.get 3)) (f64.load (local.get 3)))
            (i32.store (local.get 0) (local.get 3)) (f64.store (local.get 0) (local.get 2)))",
    );
    let text = text.replace(
        "(call $f)",
        "(call $f (i32.const 0) (i64.const 0) (f64.const 0))",
    );
    in_each_mode(&text, 1, |case| {
        measured(&case, "a function with parameters")
    });
}

#[test]
fn recursion_in_realloc() {
    let text = r#"(component
        (core module $m
            (memory (export "memory") 1)
            (func $realloc (export "realloc") (param i32 i32 i32 i32) (result i32)
                (call $realloc (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
            (func (export "take") (param i32 i32)))
        (core instance $i (instantiate $m))
        (func (export "take") (param "text" string) (canon lift (core func $i "take")
            (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))"#;
    in_each_mode(text, 1, |case| {
        let result = case.run_in(&mut case.store(), |store, instance| {
            let take = instance.get_typed_func::<(&str,), ()>(&mut *store, "take")?;
            take.call(&mut *store, ("text",))
        });
        assert_eq!(result, OVERFLOW);
    });
}

#[test]
fn recursion_in_post_return() {
    let text = r#"(component
        (core module $m
            (func (export "run"))
            (func $end (export "end") (call $end)))
        (core instance $i (instantiate $m))
        (func (export "run") (canon lift (core func $i "run") (post-return (core func $i "end")))))"#;
    in_each_mode(text, 1, |case| assert_eq!(case.run("run"), OVERFLOW));
}

#[test]
fn recursion_in_a_start_function() {
    let text = r#"(component
        (core module $m (func $f (call $f)) (start $f))
        (core instance $i (instantiate $m)))"#;
    in_each_mode(text, 1, |case| {
        let result = case.run_in(&mut case.store(), |_, _| Ok(()));
        assert_eq!(result, OVERFLOW);
    });
}

#[test]
fn recursion_in_a_destructor() {
    let text = r#"(component
        (core module $d (func $end (export "end") (param i32) (call $end (local.get 0))))
        (core instance $d (instantiate $d))
        (type $r' (resource (rep i32) (dtor (core func $d "end"))))
        (export $r "r" (type $r'))
        (core func $new (canon resource.new $r'))
        (core module $m
            (import "" "new" (func $new (param i32) (result i32)))
            (func (export "make") (result i32) (call $new (i32.const 1))))
        (core instance $m (instantiate $m (with "" (instance (export "new" (func $new))))))
        (func (export "make") (result (own $r)) (canon lift (core func $m "make"))))"#;
    in_each_mode(text, 2, |case| {
        let result = case.run_in(&mut case.store(), |store, instance| {
            let make = instance.get_typed_func::<(), (ResourceAny,)>(&mut *store, "make")?;
            let (resource,) = make.call(&mut *store, ())?;
            instance.drop_resource(&mut *store, resource)
        });
        assert_eq!(result, OVERFLOW);
    });
}

/// Each destructor drops the next resource: a recursion through the host.
#[test]
fn destructors_that_drop_more() {
    // The destructor is called through a table, because it needs functions that are defined later.
    let text = r#"(component
        (core module $d
            (table (export "table") 1 funcref)
            (type $end (func (param i32)))
            (func (export "end") (param i32)
                (call_indirect (type $end) (local.get 0) (i32.const 0))))
        (core instance $d (instantiate $d))
        (type $r (resource (rep i32) (dtor (core func $d "end"))))
        (core func $new (canon resource.new $r))
        (core func $drop (canon resource.drop $r))
        (core module $m
            (import "" "new" (func $new (param i32) (result i32)))
            (import "" "drop" (func $drop (param i32)))
            (import "" "table" (table 1 funcref))
            (elem (i32.const 0) $end)
            (func $end (param i32)
                (if (local.get 0)
                    (then (call $drop (call $new (i32.sub (local.get 0) (i32.const 1)))))))
            (func (export "steps") (param i32) (result i32)
                (call $end (local.get 0)) (i32.const 7)))
        (core instance $m (instantiate $m (with "" (instance
            (export "new" (func $new)) (export "drop" (func $drop)) (export "table" (table $d "table"))))))
        (func (export "steps") (param "count" u32) (result u32) (canon lift (core func $m "steps"))))"#;
    in_each_mode(text, 0, |case| {
        assert_eq!(steps(&case, 50), Ok(7));
        assert_eq!(steps(&case, 100_000), Err(Some(TrapCode::StackOverflow)));
    });
}

const FIBONACCI: &str = r#"(component
        (core module $m
            (func $fibonacci (export "fibonacci") (param i32) (result i32)
                (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
                    (then (local.get 0))
                    (else (i32.add
                        (call $fibonacci (i32.sub (local.get 0) (i32.const 1)))
                        (call $fibonacci (i32.sub (local.get 0) (i32.const 2))))))))
        (core instance $i (instantiate $m))
        (func (export "steps") (param "count" u32) (result u32) (canon lift (core func $i "fibonacci"))))"#;

/// The recursion is too long, not too deep.
#[test]
fn recursion_without_loops_is_interrupted() {
    in_each_mode(FIBONACCI, 1, |case| {
        let result = case.interrupted(|store, instance| {
            let run = instance.get_typed_func::<(u32,), (u32,)>(&mut *store, "steps")?;
            run.call(store, (100,))
        });
        assert_eq!(result, Err(Some(TrapCode::Interrupt)));
    });
}

/// Neither loops nor recurses, but takes practically forever.
#[test]
fn a_tree_of_calls_is_interrupted() {
    // Code that the compiler cannot optimise away.
    let mut functions = String::from(
        "(func $f0 (local $x i32)
            (local.set $x (i32.add (i32.const 1) (i32.load (i32.const 0))))
            (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 13))))
            (local.set $x (i32.xor (local.get $x) (i32.shr_u (local.get $x) (i32.const 17))))
            (i32.store (i32.const 0) (local.get $x)))",
    );
    for level in 1..=60 {
        let below = level - 1;
        functions += &format!("(func $f{level} (call $f{below}) (call $f{below}))");
    }
    let text = of_functions(&functions, "f60");
    in_each_mode(&text, 1, |case| {
        let result = case.interrupted(|store, instance| {
            let run = instance.get_typed_func::<(), ()>(&mut *store, "run")?;
            run.call(store, ())
        });
        assert_eq!(result, Err(Some(TrapCode::Interrupt)));
    });
}

/// Compiled loops poll by their work, not by their number of iterations.
#[test]
fn every_kind_of_loop_is_interrupted() {
    let endless = "(loop $l (call $turn) (br $l))";
    for turn in [
        // Loops that end too early to poll by themselves.
        "(local i32) (loop $l
            (br_if $l (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 1000))))",
        "(memory.fill (i32.const 0) (i32.const 1) (i32.const 0x1000000))",
        "(memory.fill (i32.const 0) (i32.const 1) (i32.const 0x1000))",
        "(i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))",
    ] {
        let text = format!(
            r#"(component
            (core module $m (memory 256) (func $turn {turn}) (func (export "run") {endless}))
            (core instance $i (instantiate $m))
            (func (export "run") (canon lift (core func $i "run"))))"#
        );
        in_each_mode(&text, 1, |case| {
            let result = case.interrupted(|store, instance| {
                let run = instance.get_typed_func::<(), ()>(&mut *store, "run")?;
                let start = std::time::Instant::now();
                let result = run.call(store, ());
                // Takes milliseconds, unless other processes use the processors.
                assert!(start.elapsed() < std::time::Duration::from_secs(5));
                result
            });
            assert_eq!(result, Err(Some(TrapCode::Interrupt)), "{turn}");
        });
    }
}

/// Measures calls. Compare with a build without counting to see its cost.
#[test]
#[ignore = "this is a measurement without checks"]
fn how_long_calls_take() {
    in_each_mode(FIBONACCI, 1, |case| {
        let of = if case.mode == Mode::Compiled { 35 } else { 25 };
        let mut best = std::time::Duration::MAX;
        for _ in 0..7 {
            let start = std::time::Instant::now();
            steps(&case, of).unwrap();
            best = best.min(start.elapsed());
        }
        println!("fibonacci({of}), twice, {:?}: {best:?}", case.mode);
    });
}
