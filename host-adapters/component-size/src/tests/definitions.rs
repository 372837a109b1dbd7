use std::time::{Duration, Instant};

use super::{limit_of, refused};
use crate::*;

/// Checks a binary that `wat` could not make, or only slowly.
fn checked(bytes: &[u8]) -> Result<(), Limit> {
    let start = Instant::now();
    let checked = check(bytes, &Limits::default()).map_err(limit_of);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(5), "it took {took:?}");
    checked
}

fn component(sections: &[(u8, &[u8])]) -> Vec<u8> {
    let mut outer = wasm_encoder::Component::new();
    for (id, data) in sections {
        outer.section(&wasm_encoder::RawSection { id: *id, data });
    }
    outer.finish()
}

const CORE_MODULE: u8 = 1;
const COMPONENT: u8 = 4;

/// Returns a section with the same item this many times.
fn items(count: u32, item: &[u8]) -> Vec<u8> {
    use wasm_encoder::Encode;
    let mut section = Vec::new();
    count.encode(&mut section);
    section.extend(item.repeat(count as usize));
    section
}

#[test]
fn modules_count_without_instantiation() {
    let module = b"\0asm\x01\0\0\0";
    let modules = |count| component(&vec![(CORE_MODULE, &module[..]); count]);
    assert_eq!(checked(&modules(999)), Ok(()));
    assert_eq!(checked(&modules(1000)), Err(Limit::Modules));

    let thousand = modules(999);
    let nested = |count| component(&vec![(COMPONENT, thousand.as_slice()); count]);
    assert_eq!(checked(&nested(1)), Err(Limit::Modules));
    assert_eq!(checked(&nested(6)), Err(Limit::Modules));

    let empty = component(&[]);
    let components = |count| component(&vec![(COMPONENT, empty.as_slice()); count]);
    assert_eq!(checked(&components(999)), Ok(()));
    assert_eq!(checked(&components(150_000)), Err(Limit::Modules));
}

#[test]
fn component_definitions_count_without_instantiation() {
    const MANY: u32 = 200_001;
    for (section, item) in [
        // Core instances and instances without contents, types, aliases of types, functions.
        (2, &b"\x01\0"[..]),
        (5, b"\x01\0"),
        (3, b"\x60\0\0"),
        (7, b"\x7f"),
        (6, b"\x03\x02\0\0"),
        (8, b"\x03\0"),
        (10, b"\0\x01a\x03\0\x7f"),
        (11, b"\0\x01a\x03\0\0"),
        (11, b"\0\x01a\x01\0\0"),
    ] {
        let inner = component(&[(section, &items(MANY, item))]);
        let outer = component(&[(COMPONENT, &inner)]);
        let refused = checked(&outer);
        // The parts of some are counted before validation.
        let valid_is_refused = refused == Err(Limit::Definitions);
        assert!(valid_is_refused, "{section} {item:?}: {refused:?}");
    }
}

#[test]
fn module_definitions_count_without_instantiation() {
    const MANY: u32 = 200_001;
    for (section, item) in [
        (1, &b"\x60\0\0"[..]),
        (2, b"\x01a\x01b\0\0"),
        (4, b"\x70\0\0"),
        (5, b"\0\0"),
        (6, b"\x7f\0\x41\0\x0b"),
        (7, b"\0\0\0"),
        (9, b"\x01\0\0"),
        (11, b"\x01\0"),
        (13, b"\0\0"),
    ] {
        let mut module = wasm_encoder::Module::new();
        module.section(&wasm_encoder::RawSection {
            id: section,
            data: &items(MANY, item),
        });
        let outer = component(&[(CORE_MODULE, &module.finish())]);
        assert_eq!(checked(&outer), Err(Limit::Definitions), "{section}");
    }
    let expressions = items(MANY, b"\x41\0\x0b");
    let mut element = vec![1, 5, 0x70];
    element.extend(expressions);
    let mut module = wasm_encoder::Module::new();
    module.section(&wasm_encoder::RawSection {
        id: 9,
        data: &element,
    });
    let outer = component(&[(CORE_MODULE, &module.finish())]);
    assert_eq!(checked(&outer), Err(Limit::Definitions));
}

#[test]
fn declarations_within_types_count() {
    let mut ty = vec![1, 0x42];
    ty.extend(items(200_001, b"\x01\x7f"));
    assert_eq!(checked(&component(&[(7, &ty)])), Err(Limit::Definitions));
    // A single type may have a few less.
    let mut core = vec![0x50];
    core.extend(items(90_000, b"\x01\x60\0\0"));
    let core = items(3, &core);
    assert_eq!(checked(&component(&[(3, &core)])), Err(Limit::Definitions));
}

#[test]
fn parts_of_types_count_where_they_are_declared() {
    // A byte for the kind, 1000 parts, each with a name and its type, and the end.
    for (kind, part, end) in [
        (0x6d, &b""[..], &b""[..]),
        (0x6e, b"", b""),
        (0x72, b"\x7f", b""),
        (0x71, b"\0\0", b""),
        (0x40, b"\x7f", b"\x01\0"),
    ] {
        use wasm_encoder::Encode;
        let mut ty = vec![kind];
        1000u32.encode(&mut ty);
        for name in 0..1000 {
            format!("a{name}").encode(&mut ty);
            ty.extend(part);
        }
        ty.extend(end);
        let section = items(1001, &ty);
        let refused = checked(&component(&[(7, &section)]));
        assert_eq!(refused, Err(Limit::TypeItems), "{kind:x}");
    }
}

#[test]
fn claimed_counts_are_not_trusted() {
    for section in [2, 3, 5, 6, 7, 8, 10, 11] {
        let claims = component(&[(section, &[0xff, 0xff, 0xff, 0x7f, 0xff, 0xff])]);
        assert_eq!(checked(&claims), Ok(()), "{section}");
    }
}

/// The validator takes time for functions and for levels of nesting.
#[test]
fn many_functions_do_not_hide_later_sections() {
    let mut functions = wasm_encoder::Module::new();
    for (id, item) in [(1, &b"\x60\0\0"[..]), (3, b"\0"), (10, b"\x02\0\x0b")] {
        let count = if id == 1 { 1 } else { 250_001 };
        functions.section(&wasm_encoder::RawSection {
            id,
            data: &items(count, item),
        });
    }
    let functions = functions.finish();
    let mut bytes = component(&[]);
    for _ in 0..5_000 {
        bytes = component(&[(COMPONENT, &bytes)]);
    }
    let both = component(&[(CORE_MODULE, &functions), (COMPONENT, &bytes)]);
    assert_eq!(checked(&both), Err(Limit::Functions));
    let both = component(&[(COMPONENT, &bytes), (CORE_MODULE, &functions)]);
    assert_eq!(checked(&both), Err(Limit::Modules));
}

/// At the end of each module the validator copies its aliases.
#[test]
fn aliases_count_at_the_end_of_each_module() {
    let text = |kind: &str, modules: usize| {
        let aliases: String = (0..12_000)
            .map(|name| kind.replace("NAME", &format!("a{name}")))
            .collect();
        let aliases = if kind.contains("$u") {
            format!("(type $t u8) (type (instance (alias outer 1 $t (type $u)) {aliases}))")
        } else {
            format!("(type $t u8) {aliases}")
        };
        let modules = "(core module)".repeat(modules);
        format!("(component {aliases} {modules})")
    };
    for kind in [
        r#"(export "NAME" (type (eq $u)))"#,
        r#"(export "NAME" (type $t))"#,
        r#"(import "NAME" (type (eq $t)))"#,
    ] {
        let bytes = wat::parse_str(text(kind, 50)).expect("a component");
        assert_eq!(checked(&bytes), Ok(()), "{kind}");
        assert_eq!(refused(&text(kind, 900)), Limit::TypeItems, "{kind}");
    }
}

#[test]
fn names_passed_between_core_instances_count() {
    let name = "n".repeat(90_000);
    let instances =
        |count: usize| "(core instance (instantiate $m (with \"\" (instance $i))))".repeat(count);
    // Under the long name, and under a short one of an instance in between.
    let direct = |count| {
        format!(
            "(component (core module $n (func (export \"{name}\")))
                (core module $m (import \"\" \"{name}\" (func)))
                (core instance $i (instantiate $n)) {})",
            instances(count)
        )
    };
    let renamed = |count| {
        format!(
            "(component (core module $n (func (export \"{name}\")))
                (core module $m (import \"\" \"f\" (func)) (import \"\" \"g\" (func)))
                (core instance $n (instantiate $n)) (alias core export $n \"{name}\" (core func $f))
                (core instance $i (export \"f\" (func $f)) (export \"g\" (func $f))) {})",
            instances(count)
        )
    };
    for text in [&direct as &dyn Fn(usize) -> String, &renamed] {
        let small = wat::parse_str(text(5)).expect("a component");
        assert_eq!(checked(&small), Ok(()));
        let large = wat::parse_str(text(900)).expect("a component");
        assert_eq!(checked(&large), Err(Limit::Definitions));
    }
}

#[test]
fn expansion_by_engines_is_counted() {
    let module = |text: String| {
        let bytes = wat::parse_str(format!("(component (core module $m {text}))")).expect("text");
        checked(&bytes)
    };
    let many = |text: &str, count: usize| text.repeat(count);
    // Cranelift panics at 65,600 globals.
    assert_eq!(module(many("(global i32 (i32.const 0))", 50_000)), Ok(()));
    let globals = many("(global i32 (i32.const 0))", 50_001);
    assert_eq!(module(globals), Err(Limit::Globals));
    let imported: String = (0..50_001)
        .map(|name| format!("(import \"\" \"{name}\" (global i32))"))
        .collect();
    assert_eq!(module(imported), Err(Limit::Globals));
    // A call of two bytes takes 1 MB.
    let types = |params: usize, results: usize| {
        let (params, results) = (many(" i32", params), many(" i32", results));
        format!("(type (func (param {params}) (result {results})))")
    };
    assert_eq!(module(types(200, 200)), Ok(()));
    assert_eq!(module(types(201, 0)), Err(Limit::Arity));
    assert_eq!(module(types(0, 201)), Err(Limit::Arity));
    let body = |results| format!("{} (func {})", types(0, results), many("nop ", 1000));
    assert_eq!(module(body(40)), Ok(()));
    assert_eq!(module(body(100)), Err(Limit::FunctionBytes));
    // A table of 2^20 slots with one element at its end.
    let table = "(table 1048576 funcref) (func $f)";
    let element = |count| many("(elem (i32.const 1048575) $f)", count);
    assert_eq!(module(format!("{table} {}", element(12))), Ok(()));
    assert_eq!(
        module(format!("{table} {}", element(13))),
        Err(Limit::Definitions)
    );
    // Each takes 2.4 KB, or 100 bytes.
    let elements = |kind: &str, count| format!("(func $f) (elem {kind} {})", many("$f ", count));
    assert_eq!(module(elements("func", 50_001)), Err(Limit::Definitions));
    let active = |count| {
        format!(
            "(table 1 funcref) {}",
            elements("(i32.const 0) func", count)
        )
    };
    assert_eq!(module(active(100_000)), Ok(()));
    assert_eq!(module(active(2_000_000)), Err(Limit::Definitions));
    // An image of 16 MiB for two bytes.
    let memory = "(memory 255) (data (i32.const 0) \"a\") (data (i32.const 16700000) \"a\")";
    let modules = |count: usize| {
        let text = format!(
            "(component {})",
            format!("(core module {memory})").repeat(count)
        );
        checked(&wat::parse_str(text).expect("text"))
    };
    assert_eq!(modules(45), Ok(()));
    assert_eq!(modules(50), Err(Limit::Definitions));
}

#[test]
fn locals_count_as_bytes_of_their_module() {
    let locals = format!("(func (local {}))", "i32 ".repeat(50_000));
    let text = |instances: usize| {
        let functions = locals.repeat(10);
        let instances = "(core instance (instantiate $m))".repeat(instances);
        wat::parse_str(format!(
            "(component (core module $m {functions}) {instances})"
        ))
        .expect("text")
    };
    assert_eq!(checked(&text(900)), Ok(()));
    let mut limits = Limits::default();
    limits
        .set(Limit::ModuleBytes, 50_000)
        .expect("in its range");
    assert_eq!(
        check(&text(1), &limits).map_err(limit_of),
        Err(Limit::ModuleBytes)
    );
}

/// The validator checks each import at each instantiation, even in a component that is never
/// instantiated.
#[test]
fn imports_count_where_a_module_is_instantiated() {
    let imports: String = (0..20_000)
        .map(|name| format!("(import \"\" \"{name}\" (func))"))
        .collect();
    let text = |instances: usize| {
        let instances =
            "(core instance (instantiate $m (with \"\" (instance $i))))".repeat(instances);
        let exports: String = (0..20_000)
            .map(|name| format!("(export \"{name}\" (func $f))"))
            .collect();
        let inner = format!(
            "(component (import \"m\" (core module $n (export \"f\" (func)))) (alias outer $c $m (core module $m))
                (core instance $n (instantiate $n)) (alias core export $n \"f\" (core func $f))
                (core instance $i {exports}) {instances})"
        );
        wat::parse_str(format!("(component $c (core module $m {imports}) {inner})")).expect("text")
    };
    assert_eq!(checked(&text(10)), Ok(()));
    assert_eq!(checked(&text(200)), Err(Limit::Definitions));
}

/// Adapters between components take about 12 KB for each part of a type.
#[test]
fn lowered_functions_count_with_their_adapters() {
    let fields: String = (0..25)
        .map(|name| format!("(field \"f{name}\" string)"))
        .collect();
    let text = |lowers: usize| {
        let lowers = "(core func (canon lower (func $f) (memory $m) (realloc $r)))".repeat(lowers);
        format!(
            r#"(component (type $t' (record {fields})) (import "t" (type $t (eq $t'))) (import "f" (func $f (param "p" $t)))
            (core module $m (memory (export "m") 1)
                (func (export "r") (param i32 i32 i32 i32) (result i32) unreachable))
            (core instance $m (instantiate $m)) (alias core export $m "m" (core memory $m))
            (alias core export $m "r" (core func $r)) {lowers})"#
        )
    };
    assert_eq!(checked(&wat::parse_str(text(500)).expect("text")), Ok(()));
    let many = wat::parse_str(text(4000)).expect("text");
    assert_eq!(checked(&many), Err(Limit::Definitions));
}
