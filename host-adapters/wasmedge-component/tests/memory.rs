//! The host memory that a loaded component takes. In its own file because it measures the whole
//! process.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use wasmedge_component::{Component, Engine, Linker, LoadError, Module, Store};

const MIB: usize = 1 << 20;

/// Returns the resident memory of the process in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.unwrap().trim().strip_suffix(" kB").unwrap();
    kib.parse::<usize>().unwrap() * 1024
}

/// Returns the memory that a value takes while it is kept.
fn taken<T>(make: impl FnOnce() -> T) -> usize {
    let before = resident();
    let made = make();
    let taken = resident().saturating_sub(before);
    drop(made);
    taken
}

fn load(text: &str) -> usize {
    let engine = Engine::default();
    let bytes = wat::parse_str(text).unwrap();
    taken(|| Component::new(&engine, &bytes).unwrap())
}

/// Returns a module with a mebibyte of data.
fn large(name: &str) -> String {
    let data = "x".repeat(MIB);
    format!(r#"(core module {name} (memory 17) (data (i32.const 0) "{data}"))"#)
}

fn repeat(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect()
}

#[test]
fn repeated_modules_are_stored_once() {
    load("(component)");

    let exports = repeat(900, |n| format!(r#"(export "m{n}" (core module $m))"#));
    let bytes = load(&format!("(component {} {exports})", large("$m")));
    assert!(bytes < 64 * MIB, "exports: {bytes}");

    // An instance with it, exported under many names.
    let exports = repeat(900, |n| format!(r#"(export "i{n}" (instance $i))"#));
    let instance = r#"(instance $i (export "m" (core module $m)))"#;
    let bytes = load(&format!("(component {} {instance} {exports})", large("$m")));
    assert!(bytes < 64 * MIB, "instances: {bytes}");

    // Equal modules, each instantiated.
    let modules = repeat(20, |n| {
        format!(
            "{} (core instance (instantiate $m{n}))",
            large(&format!("$m{n}"))
        )
    });
    let bytes = load(&format!("(component {modules})"));
    assert!(bytes < 32 * MIB, "equal modules: {bytes}");

    // A module of the host that is instantiated many times.
    let instances = "(core instance (instantiate $m))".repeat(500);
    let user = format!(r#"(component (import "m" (core module $m)) {instances})"#);
    let engine = Engine::default();
    let user = Component::new(&engine, wat::parse_str(user).unwrap()).unwrap();
    let link = |module: &str| {
        let module = Module::new(&engine, wat::parse_str(module).unwrap()).unwrap();
        let mut linker = Linker::<()>::new();
        linker.root().module("m", &module).unwrap();
        linker.instantiate_pre(&user).map(|_| ())
    };
    let code = "nop ".repeat(100_000);
    let bytes = taken(|| link(&format!("(module (func {code}))")).unwrap());
    assert!(bytes < 64 * MIB, "modules of the host: {bytes}");
    // All its instances together are bounded, like those of the component's own modules.
    let error = link(&format!("(module (func {}))", "nop ".repeat(200_000)));
    let error = error.unwrap_err().to_string();
    assert!(error.contains("(limit `module_bytes`)"), "{error}");

    // The figure in docs/resources.md for code.
    let code = "nop ".repeat(MIB);
    let text =
        format!("(component (core module $m (func {code})) (core instance (instantiate $m)))");
    let bytes = wat::parse_str(text).unwrap();
    let taken = taken(|| {
        let component = Component::new(&engine, &bytes).unwrap();
        let mut store = Store::new(&engine, ()).unwrap();
        let instance = Linker::new().instantiate(&mut store, &component).unwrap();
        (component, store, instance)
    });
    assert!(taken < 90 * MIB, "code: {taken}");
}

#[test]
fn gigabytes_of_code_are_refused() {
    let instances = "(core instance (instantiate $m))".repeat(65);
    let text = format!("(component {} {instances})", large("$m"));
    let bytes = wat::parse_str(text).unwrap();
    let error = Component::new(&Engine::default(), bytes).unwrap_err();
    assert!(matches!(error, LoadError::TooLarge(_)), "{error}");
    assert!(
        error.to_string().contains("(limit `module_bytes`)"),
        "{error}"
    );
}
