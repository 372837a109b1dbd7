//! Nested instances, and core modules passed between host and component, interpreted and compiled.

mod common;

use common::{BOTH, answer, each, engine, load, returns};
use wasmedge_component::{
    Component, LinkError, Linker, Module, Resource, ResourceType, Store, StoreContextMut,
};

#[test]
fn core_modules_are_passed_to_components() {
    returns(
        r#"(component
            (core module $seven (func (export "f") (result i32) (i32.const 7)))
            (component $c
                (import "m" (core module $m (export "f" (func (result i32)))))
                (component $d
                    (import "i" (instance $i (export "m" (core module (export "f" (func (result i32)))))))
                    (alias export $i "m" (core module $m))
                    (core instance $x (instantiate $m))
                    (func (export "run") (result u32) (canon lift (core func $x "f"))))
                (instance $i (export "m" (core module $m)))
                (instance $x (instantiate $d (with "i" (instance $i))))
                (export "run" (func $x "run")))
            (instance $x (instantiate $c (with "m" (core module $seven))))
            (export "run" (func $x "run")))"#,
        7,
    );
}

/// Imports functions at three depths.
fn deep() -> String {
    let import = r#"(import "outer" (instance $outer
        (export "f" (func (result u32)))
        (export "inner" (instance
            (export "f" (func (result u32)))
            (export "a:b/c@1.2.0" (instance (export "f" (func (result u32)))))))))
        (alias export $outer "inner" (instance $inner))
        (alias export $inner "a:b/c@1.2.0" (instance $innermost))"#;
    format!(
        r#"(component {import}
            (component $user {}
                (alias export $inner "f" (func $a)) (alias export $innermost "f" (func $b)) {BOTH}
                (export "f" (func $outer "f")))
            (instance $x (instantiate $user (with "outer" (instance $outer))))
            (instance $box (export "again" (instance $x)))
            (export "run" (func $x "run"))
            (export "box" (instance $box)))"#,
        import
    )
}

#[test]
fn nested_imported_instances_are_linked() -> anyhow::Result<()> {
    let engine = engine();
    for component in each(
        &engine,
        &deep().replace("(export \"f\" (func $outer \"f\"))", ""),
    ) {
        let mut linker = Linker::new();
        let mut outer = linker.instance("outer");
        outer.func_wrap("f", |_, ()| Ok((1u32,)))?;
        let mut inner = outer.instance("inner");
        inner.func_wrap("f", |_, ()| Ok((2u32,)))?;
        // Versions are matched at every depth.
        inner
            .instance("a:b/c@1.3.0")
            .func_wrap("f", |_, ()| Ok((3u32,)))?;
        assert_eq!(linker.missing_imports(&component), []);
        assert!(linker.has_instance_at(&["outer", "inner", "a:b/c@1.0.0"]));
        assert!(!linker.has_instance_at(&["outer", "inner", "f"]));
        let mut store = Store::new(&engine, ())?;
        let instance = linker.instantiate(&mut store, &component)?;
        assert_eq!(answer(&mut store, &instance, "run")?, 203);
        // Exports are found in the same way.
        let run = instance
            .get_func_at(&mut store, &["box", "again", "run"])
            .expect("the export exists");
        let run = run.typed::<(), (u32,)>(&mut store)?;
        assert_eq!(run.call(&mut store, ())?, (203,));
        assert!(
            instance
                .get_func_at(&mut store, &["box", "again"])
                .is_none()
        );
        assert!(instance.get_func_at(&mut store, &["box", "run"]).is_none());
        assert!(
            instance
                .get_func_at(&mut store, &["box", "again", "run", "run"])
                .is_none()
        );
    }
    Ok(())
}

#[test]
fn exporting_an_imported_function_is_refused_by_name() {
    let error = Component::new(&engine(), wat::parse_str(deep()).unwrap()).unwrap_err();
    assert!(error.to_string().contains("imported function"), "{error}");
}

fn messages(linker: &Linker<()>, component: &Component) -> Vec<String> {
    let errors = linker.missing_imports(component);
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn missing_and_mismatched_imports_are_named_with_their_path() {
    let engine = engine();
    let text = deep().replace("(export \"f\" (func $outer \"f\"))", "");
    let component = load(&engine, &text);
    let mut linker = Linker::new();
    let missing = |name: &str| {
        format!("component imports function `{name}`, but nothing compatible is defined")
    };
    let expected = ["outer#f", "outer#inner#f", "outer#inner#a:b/c@1.2.0#f"].map(missing);
    assert_eq!(messages(&linker, &component), expected);
    let mut outer = linker.instance("outer");
    outer.func_wrap("f", |_, ()| Ok((1u32,))).unwrap();
    let mut inner = outer.instance("inner");
    inner.func_wrap("f", |_, ()| Ok((2u32,))).unwrap();
    inner.func_wrap("a:b/c@1.2.0", |_, ()| Ok((3u32,))).unwrap();
    let mismatch =
        "component imports instance `outer#inner#a:b/c@1.2.0`, but what is defined is function";
    assert_eq!(messages(&linker, &component), [mismatch]);
}

/// Every kind of definition for every kind of import.
#[test]
fn a_definition_matches_only_imports_of_its_kind() {
    let engine = engine();
    let kinds = ["function", "instance", "resource", "module"];
    let imports = [
        "(func)",
        "(instance)",
        "(type (sub resource))",
        "(core module)",
    ];
    let module = Module::new(&engine, wat::parse_str("(module)").unwrap()).unwrap();
    let define = |kind: &str, scope: &mut wasmedge_component::LinkerInstance<'_, ()>| match kind {
        "function" => scope.func_wrap("x", |_, ()| Ok(())),
        "instance" => scope.instance("x").func_wrap("f", |_, ()| Ok(())),
        "resource" => scope.resource("x", ResourceType::host::<()>(), |_, _| Ok(())),
        _ => scope.module("x", &module),
    };
    for (wanted, import) in kinds.iter().zip(imports) {
        for found in kinds {
            for (text, name) in [
                (format!("(component (import \"x\" {import}))"), "x"),
                (
                    format!("(component (import \"i\" (instance (export \"x\" {import}))))"),
                    "i#x",
                ),
            ] {
                let component = load(&engine, &text);
                let mut linker = Linker::new();
                let mut scope = linker.root();
                if name == "i#x" {
                    scope = linker.instance("i");
                }
                define(found, &mut scope).unwrap();
                let expected = match found == *wanted {
                    true => vec![],
                    false => vec![format!(
                        "component imports {wanted} `{name}`, but what is defined is {found}"
                    )],
                };
                assert_eq!(
                    messages(&linker, &component),
                    expected,
                    "{text} with {found}"
                );
            }
        }
    }
}

#[test]
fn a_name_is_defined_once_for_all_kinds() {
    let mut linker = Linker::<()>::new();
    let duplicate = |name: &str| {
        Err(LinkError::Duplicate {
            name: name.to_owned(),
        })
    };
    linker.root().func_wrap("x", |_, ()| Ok(())).unwrap();
    let mut inside = linker.instance("x");
    assert_eq!(inside.func_wrap("f", |_, ()| Ok(())), duplicate("x"));
    let mut deeper = linker.instance("y");
    deeper.instance("z").func_wrap("f", |_, ()| Ok(())).unwrap();
    assert_eq!(
        linker.instance("y").func_wrap("z", |_, ()| Ok(())),
        duplicate("y#z")
    );
}

struct Thing;

/// A resource keeps its identity when it passes through nested instances.
#[test]
fn resources_keep_their_identity_through_nested_instances() -> anyhow::Result<()> {
    let text = r#"(component
        (import "outer" (instance $outer
            (export "inner" (instance
                (export "thing" (type $thing (sub resource)))
                (export "make" (func (result (own $thing))))
                (export "take" (func (param "t" (borrow $thing)) (result u32)))))))
        (component $pass
            (import "outer" (instance $o
                (export "inner" (instance
                    (export "thing" (type $thing (sub resource)))
                    (export "make" (func (result (own $thing))))
                    (export "take" (func (param "t" (borrow $thing)) (result u32)))))))
            (alias export $o "inner" (instance $i))
            (alias export $i "thing" (type $thing))
            (core func $make (canon lower (func $i "make")))
            (core func $take (canon lower (func $i "take")))
            (core func $drop (canon resource.drop $thing))
            (core module $m
                (import "" "make" (func $make (result i32)))
                (import "" "take" (func $take (param i32) (result i32)))
                (import "" "drop" (func $drop (param i32)))
                (func (export "run") (result i32) (local $t i32) (local $r i32)
                    (local.set $t (call $make))
                    (local.set $r (call $take (local.get $t)))
                    (call $drop (local.get $t))
                    (local.get $r)))
            (core instance $x (instantiate $m (with "" (instance
                (export "make" (func $make)) (export "take" (func $take)) (export "drop" (func $drop))))))
            (func (export "run") (result u32) (canon lift (core func $x "run"))))
        (instance $x (instantiate $pass (with "outer" (instance $outer))))
        (export "run" (func $x "run")))"#;
    let engine = engine();
    for component in each(&engine, text) {
        // The numbers of the things that there are.
        let mut linker = Linker::<Vec<u32>>::new();
        let mut outer = linker.instance("outer");
        let mut inner = outer.instance("inner");
        inner.resource("thing", ResourceType::host::<Thing>(), |mut store, rep| {
            let things: &mut Vec<u32> = store.data_mut();
            assert_eq!(things.pop(), Some(rep));
            Ok(())
        })?;
        inner.func_wrap("make", |mut store: StoreContextMut<'_, Vec<u32>>, ()| {
            store.data_mut().push(7);
            Ok((Resource::<Thing>::new_own(7),))
        })?;
        inner.func_wrap("take", |mut store, (thing,): (Resource<Thing>,)| {
            let things: &mut Vec<u32> = store.data_mut();
            assert_eq!(*things, [thing.rep()]);
            Ok((5u32,))
        })?;
        let mut store = Store::new(&engine, Vec::new())?;
        let instance = linker.instantiate(&mut store, &component)?;
        let run = instance.get_typed_func::<(), (u32,)>(&mut store, "run")?;
        assert_eq!(run.call(&mut store, ())?, (5,));
        assert!(store.data().is_empty(), "the thing was dropped");
    }
    Ok(())
}

const COUNTER: &str = r#"(module
    (import "env" "step" (func $step (result i32)))
    (import "env" "unused" (func))
    (import "env" "step" (func (result i32)))
    (memory (export "memory") 1)
    (global $at (mut i32) (i32.const 0))
    (func (export "next") (result i32)
        (global.set $at (i32.add (global.get $at) (call $step)))
        (i32.store (i32.const 8) (global.get $at))
        (i32.load (i32.const 8))))"#;

/// Instantiates an imported module twice, with different imports.
fn counters(import: &str, module: &str) -> String {
    format!(
        r#"(component {import}
            (core module $by (func (export "one") (result i32) (i32.const 1))
                (func (export "ten") (result i32) (i32.const 10)) (func (export "unused")))
            (core instance $by (instantiate $by))
            (core instance $x (instantiate {module} (with "env" (instance (export "step" (func $by "one")) (export "unused" (func $by "unused"))))))
            (core instance $y (instantiate {module} (with "env" (instance (export "step" (func $by "ten")) (export "unused" (func $by "unused"))))))
            (core module $run
                (import "x" "next" (func $x (result i32)))
                (import "y" "next" (func $y (result i32)))
                (import "y" "memory" (memory 1))
                (func (export "run") (result i32)
                    (i32.add (call $x) (call $y))
                    drop
                    (i32.add (call $x) (call $y))
                    drop
                    ;; Of the second instance.
                    (i32.load (i32.const 8))))
            (core instance $run (instantiate $run (with "x" (instance $x)) (with "y" (instance $y))))
            (func (export "run") (result u32) (canon lift (core func $run "run"))))"#
    )
}

const COUNTER_TYPE: &str = r#"(core module
    (import "env" "step" (func (result i32)))
    (import "env" "unused" (func))
    (export "memory" (memory 1))
    (export "next" (func (result i32))))"#;

#[test]
fn core_modules_are_imported_from_the_host() -> anyhow::Result<()> {
    let engine = engine();
    let counter = Module::new(&engine, wat::parse_str(COUNTER)?)?;
    let alone = counters(
        &format!(
            "(import \"counter\" {})",
            COUNTER_TYPE.replacen("module", "module $m", 1)
        ),
        "$m",
    );
    let inside = counters(
        &format!("(import \"i\" (instance $i (export \"inner\" (instance (export \"counter\" {COUNTER_TYPE})))))
            (alias export $i \"inner\" (instance $j)) (alias export $j \"counter\" (core module $m))"),
        "$m",
    );
    for text in [alone, inside] {
        for component in each(&engine, &text) {
            let mut linker = Linker::new();
            let missing = messages(&linker, &component);
            assert_eq!(missing.len(), 1, "{missing:?}");
            assert!(missing[0].contains("imports module `"), "{missing:?}");
            linker.root().module("counter", &counter)?;
            linker
                .instance("i")
                .instance("inner")
                .module("counter", &counter)?;
            let pre = linker.instantiate_pre(&component)?;
            let mut store = Store::new(&engine, ())?;
            for _ in 0..2 {
                let instance = pre.instantiate(&mut store)?;
                assert_eq!(answer(&mut store, &instance, "run")?, 20);
                assert_eq!(answer(&mut store, &instance, "run")?, 40);
            }
        }
    }
    Ok(())
}

#[test]
fn a_core_module_of_another_type_is_refused() -> anyhow::Result<()> {
    let engine = engine();
    let component = load(
        &engine,
        &format!("(component (import \"m\" {COUNTER_TYPE}))"),
    );
    for (text, why) in [
        ("(module)", "its export `memory` is missing"),
        (
            r#"(module (memory (export "memory") 1) (func (export "next")))"#,
            "its export `next` is a function of another type",
        ),
        (
            r#"(module (import "env" "other" (func)) (memory (export "memory") 1)
                (func (export "next") (result i32) unreachable))"#,
            "its import `other` from `env` is not provided",
        ),
    ] {
        let mut linker = Linker::<()>::new();
        linker
            .root()
            .module("m", &Module::new(&engine, wat::parse_str(text)?)?)?;
        let error = linker.instantiate_pre(&component).unwrap_err().to_string();
        let start =
            "component imports module `m`, but what is defined is a module of another type: ";
        assert_eq!(error, format!("{start}{why}"));
    }
    Ok(())
}

/// An imported module is a guest like any other: its stack and its memory are bounded.
#[test]
fn an_imported_core_module_is_hardened() -> anyhow::Result<()> {
    let engine = engine();
    let text = r#"(component
        (import "m" (core module $m (export "f" (func (result i32)))))
        (core instance $m (instantiate $m))
        (func (export "run") (result u32) (canon lift (core func $m "f"))))"#;
    let endless =
        r#"(module (func $f (export "f") (result i32) (i32.add (call $f) (i32.const 1))))"#;
    for component in each(&engine, text) {
        let mut linker = Linker::new();
        linker
            .root()
            .module("m", &Module::new(&engine, wat::parse_str(endless)?)?)?;
        let mut store = Store::new(&engine, ())?;
        let instance = linker.instantiate(&mut store, &component)?;
        let error = answer(&mut store, &instance, "run").unwrap_err();
        let trap = error
            .downcast_ref::<wasmedge_component::Trap>()
            .expect("a trap");
        assert_eq!(trap.code(), wasmedge_component::TrapCode::StackOverflow);
    }
    Ok(())
}

#[test]
fn core_modules_are_exported_to_the_host() -> anyhow::Result<()> {
    let engine = engine();
    let text = r#"(component
        (import "theirs" (core module $theirs (export "f" (func (result i32)))))
        (core module $own (func (export "f") (result i32) (i32.const 3)))
        (instance $inner (export "own" (core module $own)) (export "theirs" (core module $theirs)))
        (export "own" (core module $own))
        (export "inner" (instance $inner)))"#;
    let theirs = Module::new(
        &engine,
        wat::parse_str(r#"(module (func (export "f") (result i32) (i32.const 4)))"#)?,
    )?;
    let user = r#"(component
        (import "m" (core module $m (export "f" (func (result i32)))))
        (core instance $m (instantiate $m))
        (func (export "run") (result u32) (canon lift (core func $m "f"))))"#;
    let user = load(&engine, user);
    for component in each(&engine, text) {
        let mut linker = Linker::new();
        linker.root().module("theirs", &theirs)?;
        let mut store = Store::new(&engine, ())?;
        let instance = linker.instantiate(&mut store, &component)?;
        for (path, expected) in [
            (&["own"][..], 3),
            (&["inner", "own"], 3),
            (&["inner", "theirs"], 4),
        ] {
            // Another component can import the exported module.
            let module = instance
                .get_module_at(&mut store, path)
                .expect("the export exists");
            let mut linker = Linker::new();
            linker.root().module("m", &module)?;
            let instance = linker.instantiate(&mut store, &user)?;
            assert_eq!(answer(&mut store, &instance, "run")?, expected, "{path:?}");
        }
        assert!(instance.get_module(&mut store, "own").is_some());
        assert!(instance.get_module(&mut store, "inner").is_none());
        assert!(instance.get_module(&mut store, "other").is_none());
        assert!(instance.get_func(&mut store, "own").is_none());
    }
    Ok(())
}

#[test]
fn unsupported_features_are_named() {
    let engine = engine();
    for (text, feature) in [
        ("(component (import \"c\" (component)))", "component"),
        (
            "(component (import \"i\" (instance (export \"c\" (component)))))",
            "component",
        ),
        (
            "(component (import \"v\" (value $v string)) (export \"w\" (value $v)))",
            "component-model values",
        ),
        (
            "(component (component $c) (export \"c\" (component $c)))",
            "exporting a component",
        ),
        (
            "(component (import \"f\" (func $f)) (start $f))",
            "component-model values",
        ),
    ] {
        let error = Component::new(&engine, wat::parse_str(text).unwrap()).unwrap_err();
        let message = error.to_string();
        assert!(
            message.starts_with("unsupported component: it needs "),
            "{message}"
        );
        assert!(message.contains(feature), "{message}");
    }
}
