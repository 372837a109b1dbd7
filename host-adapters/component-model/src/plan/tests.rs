#[cfg(not(miri))]
mod oracle;

use proptest::prelude::*;
use proptest::sample::Index;
use wasmtime_environ::wasmparser::{Parser, Payload, Validator, WasmFeatures};

use super::*;
use crate::abi::FlatType;
use crate::abi::call::Direction;
use crate::types::Type;

fn plan(text: &str) -> Result<Plan, LoadError> {
    Plan::new(&wat::parse_str(text).unwrap())
}

fn refused(text: &str) -> String {
    let error = plan(text).unwrap_err();
    let LoadError::Unsupported { feature } = error else {
        panic!("expected a refusal, found {error}")
    };
    feature
}

/// A core instance with a memory and a bump allocator.
const LIBC: &str = r#"
    (core module $libc
        (memory (export "memory") 1)
        (global $next (mut i32) (i32.const 1024))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32)
            (local $at i32)
            (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
            (global.set $next (i32.add (local.get $at) (local.get 3)))
            (local.get $at)))
    (core instance $libc (instantiate $libc))
    (alias core export $libc "memory" (core memory $memory))
    (alias core export $libc "realloc" (core func $realloc))
"#;

/// Returns two components with different string encodings. The outer one calls the inner one with a
/// string.
fn composed(outer: &str, inner: &str) -> String {
    format!(
        r#"(component
            (component $inner {LIBC}
                (core module $m (func (export "f") (param i32 i32)))
                (core instance $i (instantiate $m))
                (func (export "f") (param "s" string)
                    (canon lift (core func $i "f") (memory $memory) (realloc $realloc) string-encoding={inner})))
            (component $outer
                (import "f" (func $f (param "s" string))) {LIBC}
                (core func $lowered (canon lower (func $f) (memory $memory) (realloc $realloc) string-encoding={outer}))
                (core module $m
                    (import "" "f" (func $f (param i32 i32)))
                    (func (export "run") (call $f (i32.const 0) (i32.const 0))))
                (core instance $i (instantiate $m (with "" (instance (export "f" (func $lowered))))))
                (func (export "run") (canon lift (core func $i "run"))))
            (instance $inner (instantiate $inner))
            (instance $outer (instantiate $outer (with "f" (func $inner "f"))))
            (export "run" (func $outer "run")))"#
    )
}

/// Returns the modules that a component exports, including those in exported instances.
fn exported_modules(exports: &[(String, Export)]) -> Vec<Arc<[u8]>> {
    let mut found = Vec::new();
    for (_, export) in exports {
        match export {
            Export::Module(ModuleExport::Own(bytes)) => found.push(Arc::clone(bytes)),
            Export::Instance(inner) => found.extend(exported_modules(inner)),
            Export::Module(ModuleExport::Imported(_))
            | Export::Function(_)
            | Export::Resource(_)
            | Export::Type => {}
        }
    }
    found
}

#[test]
fn a_module_exported_many_times_is_copied_once() {
    let plan = plan(
        r#"(component
            (component $c (core module $m) (export "x" (core module $m)) (export "y" (core module $m)))
            (core module $m (func (export "f")))
            (instance $c (instantiate $c))
            (instance $i (export "m" (core module $m)) (export "x" (core module $c "x")))
            (export "a" (core module $m)) (export "b" (core module $m))
            (export "c" (instance $c)) (export "i" (instance $i)) (export "j" (instance $i)))"#,
    )
    .unwrap();
    let modules = exported_modules(&plan.exports);
    assert_eq!(modules.len(), 8);
    let distinct: std::collections::HashSet<_> =
        modules.iter().map(|bytes| bytes.as_ptr()).collect();
    assert_eq!(distinct.len(), 2);
}

#[test]
fn equal_modules_with_the_same_imports_are_linked_once() {
    let module = |name: &str| {
        format!(
            r#"(core module ${name} (@custom "{name}" "") (import "" "f" (func)) (func (export "g")))"#
        )
    };
    let (first, second) = (module("a"), module("b"));
    let plan = plan(&format!(
        r#"(component
            (core module $f (func (export "f")))
            (core instance $f (instantiate $f)) (core instance $other (instantiate $f))
            {first} {second}
            (core instance (instantiate $a (with "" (instance $f))))
            (core instance (instantiate $b (with "" (instance $f))))
            (core instance (instantiate $b (with "" (instance $f))))
            (core instance (instantiate $b (with "" (instance $other)))))"#
    ))
    .unwrap();
    let instantiated = plan.steps.iter().filter_map(|step| match step {
        Step::Instantiate { module, .. } => Some(module.0),
        Step::InstantiateImported { .. }
        | Step::ExtractMemory(..)
        | Step::ExtractRealloc(..)
        | Step::ExtractPostReturn(..)
        | Step::DefineResource { .. } => None,
    });
    assert_eq!(instantiated.collect::<Vec<_>>(), [0, 0, 1, 1, 1, 2]);
    assert_eq!(plan.modules.len(), 3);
}

#[test]
fn custom_sections_are_left_out() {
    let text = r#"(component
        (core module $m (@custom "x" "y") (func $f (export "f") (call $f)) (@custom "z" ""))
        (core instance (instantiate $m)))"#;
    for module in plan(text).unwrap().modules {
        for payload in Parser::new(0).parse_all(&module.bytes) {
            assert!(!matches!(payload.unwrap(), Payload::CustomSection(_)));
        }
    }
}

fn transcoders(plan: &Plan) -> Vec<Transcode> {
    let mut found = Vec::new();
    for trampoline in &plan.trampolines {
        let TrampolineKind::Transcoder { op, from, to } = trampoline.kind else {
            continue;
        };
        assert_ne!(from, to);
        assert_eq!(
            trampoline.signature.params,
            vec![FlatType::I32; op.params()]
        );
        assert_eq!(
            trampoline.signature.results,
            vec![FlatType::I32; op.results()]
        );
        found.push(op);
    }
    found
}

/// Checks the guarantees that an engine relies on: every module is valid, and every import exists
/// and is from an earlier instance or from the host.
fn check_links(plan: &Plan) {
    let mut instances: Vec<Option<Vec<String>>> = Vec::new();
    for step in &plan.steps {
        let Step::Instantiate {
            module,
            instance,
            imports,
            ..
        } = step
        else {
            if let Step::InstantiateImported { .. } = step {
                // Its exports are unknown until it is linked.
                instances.push(None);
            }
            continue;
        };
        assert_eq!(
            instance.0 as usize,
            instances.len(),
            "instances come in order"
        );
        let bytes = &plan.modules[module.0 as usize].bytes;
        let features = WasmFeatures::WASM2 | WasmFeatures::MULTI_MEMORY | WasmFeatures::TAIL_CALL;
        Validator::new_with_features(features)
            .validate_all(bytes)
            .unwrap();
        let mut names = Vec::new();
        let mut exports = Vec::new();
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.unwrap();
            if let Payload::ImportSection(section) = &payload {
                for import in section.clone().into_imports() {
                    let import = import.unwrap();
                    // The imports that hardening adds come from the host, after the module's own.
                    let added = [
                        MEMORY_GROWING,
                        MEMORY_GROWN,
                        TABLE_GROWING,
                        STACK_OVERFLOW,
                        STACK_UNITS,
                    ];
                    if import.module != HOST_MODULE || !added.contains(&import.name) {
                        names.push((import.module.to_owned(), import.name.to_owned()));
                    }
                }
            }
            if let Payload::ExportSection(section) = &payload {
                exports.extend(
                    section
                        .clone()
                        .into_iter()
                        .map(|export| export.unwrap().name.to_owned()),
                );
            }
        }
        assert_eq!(
            names,
            imports.iter().map(CoreDef::import_name).collect::<Vec<_>>()
        );
        for def in imports {
            match def {
                CoreDef::Export(export) => {
                    let exports = &instances[export.instance.0 as usize];
                    assert!(
                        exports
                            .as_ref()
                            .is_none_or(|exports| exports.contains(&export.name)),
                        "{export:?}"
                    );
                }
                CoreDef::InstanceFlags(instance) => assert!(instance.0 < plan.component_instances),
                CoreDef::Trampoline(trampoline) => {
                    assert!((trampoline.0 as usize) < plan.trampolines.len())
                }
            }
        }
        instances.push(Some(exports));
    }
}

#[test]
fn an_import_is_lowered_with_its_type_and_options() {
    let plan = plan(&format!(
        r#"(component
            (import "wasi:cli/environment@0.2.6" (instance $env
                (export "get" (func (param "name" string) (result (option string))))
                (export "unused" (func))))
            (alias export $env "get" (func $get)) {LIBC}
            (core func $lowered (canon lower (func $get) (memory $memory) (realloc $realloc) string-encoding=utf16))
            (core module $m
                (import "env" "get" (func $get (param i32 i32 i32)))
                (func (export "run") (call $get (i32.const 0) (i32.const 0) (i32.const 0))))
            (core instance $i (instantiate $m (with "env" (instance (export "get" (func $lowered))))))
            (func (export "run") (canon lift (core func $i "run"))))"#
    ))
    .unwrap();
    check_links(&plan);

    let names: Vec<String> = plan.imports.iter().map(Import::full_name).collect();
    assert_eq!(
        names,
        [
            "wasi:cli/environment@0.2.6#get",
            "wasi:cli/environment@0.2.6#unused"
        ]
    );
    let [
        Trampoline {
            kind:
                TrampolineKind::LowerImport {
                    import,
                    abi,
                    options,
                },
            signature,
        },
    ] = &*plan.trampolines
    else {
        panic!("{:?}", plan.trampolines)
    };
    assert_eq!(*import, ImportId(0));
    assert_eq!(abi.ty().params, [("name".to_owned(), Type::String)]);
    assert_eq!(abi.core_signature(Direction::Lower), *signature);
    let options = &plan.options[options.0 as usize];
    assert_eq!(options.string_encoding, StringEncoding::Utf16);
    assert_eq!(
        (options.memory, options.realloc, options.post_return),
        (Some(MemoryId(0)), Some(ReallocId(0)), None)
    );
    assert_eq!(options.signature, *signature);
    let memory = CoreExport {
        instance: CoreInstanceId(0),
        name: "memory".to_owned(),
    };
    assert!(
        plan.steps
            .contains(&Step::ExtractMemory(MemoryId(0), memory))
    );

    let Some(Export::Function(run)) = plan.find_export(&["run"]) else {
        panic!()
    };
    assert_eq!(
        run.function.import_name(),
        ("i1".to_owned(), "run".to_owned())
    );
    assert!(run.abi.ty().params.is_empty() && run.abi.ty().result.is_none());
}

#[test]
fn exports_are_found_by_compatible_versions() {
    let plan = plan(
        r#"(component
            (core module $m (func (export "f") (result i32) (i32.const 0)))
            (core instance $i (instantiate $m))
            (type $result (result))
            (func $f (result $result) (canon lift (core func $i "f")))
            (instance $run (export "run" (func $f)))
            (export "wasi:cli/run@0.2.6" (instance $run)))"#,
    )
    .unwrap();
    check_links(&plan);
    for name in [
        "wasi:cli/run@0.2.6",
        "wasi:cli/run@0.2.0",
        "wasi:cli/run@0.2.12",
    ] {
        assert!(
            matches!(plan.find_export(&[name, "run"]), Some(Export::Function(_))),
            "{name}"
        );
    }
    assert!(plan.find_export(&["wasi:cli/run@0.3.0", "run"]).is_none());
    assert!(plan.find_export(&["wasi:cli/run@0.2.6", "walk"]).is_none());
    assert!(
        plan.find_export(&["wasi:cli/run@0.2.6", "run", "deeper"])
            .is_none()
    );
}

#[test]
fn adapters_use_the_transcoders_of_both_encodings() {
    use Transcode::*;
    let encodings = ["utf8", "utf16", "latin1+utf16"];
    let mut seen = std::collections::HashSet::new();
    for outer in encodings {
        for inner in encodings {
            let plan = plan(&composed(outer, inner)).unwrap();
            check_links(&plan);
            assert_eq!(
                plan.modules
                    .iter()
                    .filter(|module| module.is_adapter)
                    .count(),
                1,
                "{outer} to {inner}"
            );
            assert!(plan.component_instances >= 2);
            let found = transcoders(&plan);
            let expected: &[Transcode] = match (outer, inner) {
                ("utf8", "utf8") => &[CopyUtf8],
                ("utf8", "utf16") => &[Utf8ToUtf16],
                ("utf8", _) => &[Utf8ToLatin1, Utf8ToCompactUtf16],
                ("utf16", "utf8") => &[Utf16ToUtf8],
                ("utf16", "utf16") => &[CopyUtf16],
                ("utf16", _) => &[Utf16ToLatin1, Utf16ToCompactUtf16],
                (_, "utf8") => &[Latin1ToUtf8, Utf16ToUtf8],
                (_, "utf16") => &[Latin1ToUtf16, CopyUtf16],
                _ => &[CopyLatin1, Utf16ToCompactProbablyUtf16],
            };
            for op in expected {
                assert!(
                    found.contains(op),
                    "{outer} to {inner}: {found:?} lacks {op:?}"
                );
            }
            seen.extend(found);
        }
    }
    assert_eq!(seen.len(), 12, "every transcoder appears: {seen:?}");
}

#[test]
fn resources_have_a_table_in_each_instance() {
    let plan = plan(
        r#"(component
            (import "wasi:io/error@0.2.6" (instance $io (export "error" (type (sub resource)))))
            (alias export $io "error" (type $imported))
            (core func $drop-imported (canon resource.drop $imported))
            (component $inner
                (core module $dtor (func (export "dtor") (param i32)))
                (core instance $dtor (instantiate $dtor))
                (type $r' (resource (rep i32) (dtor (core func $dtor "dtor"))))
                (export $r "r" (type $r'))
                (core func $new (canon resource.new $r'))
                (core module $m
                    (import "" "new" (func $new (param i32) (result i32)))
                    (func (export "make") (result i32) (call $new (i32.const 5)))
                    (func (export "use") (param i32)))
                (core instance $i (instantiate $m (with "" (instance (export "new" (func $new))))))
                (func (export "make") (result (own $r)) (canon lift (core func $i "make")))
                (func (export "use") (param "r" (borrow $r)) (canon lift (core func $i "use"))))
            (component $outer
                (import "inner" (instance $inner
                    (export "r" (type $r (sub resource)))
                    (export "make" (func (result (own $r))))
                    (export "use" (func (param "r" (borrow $r))))))
                (alias export $inner "r" (type $r))
                (core func $make (canon lower (func $inner "make")))
                (core func $use (canon lower (func $inner "use")))
                (core func $drop (canon resource.drop $r))
                (core module $m
                    (import "" "make" (func $make (result i32)))
                    (import "" "use" (func $use (param i32)))
                    (import "" "drop" (func $drop (param i32)))
                    (import "" "drop-imported" (func (param i32)))
                    (func (export "run") (local i32)
                        (local.set 0 (call $make)) (call $use (local.get 0)) (call $drop (local.get 0))))
                (core func $noop (canon resource.drop $r))
                (core instance $i (instantiate $m (with "" (instance
                    (export "make" (func $make)) (export "use" (func $use)) (export "drop" (func $drop))
                    (export "drop-imported" (func $noop))))))
                (func (export "run") (canon lift (core func $i "run"))))
            (core module $user (import "" "drop" (func (param i32))))
            (core instance (instantiate $user (with "" (instance (export "drop" (func $drop-imported))))))
            (instance $inner (instantiate $inner))
            (instance $outer (instantiate $outer (with "inner" (instance $inner))))
            (export "run" (func $outer "run")))"#,
    )
    .unwrap();
    check_links(&plan);
    let [
        ResourceOrigin::Imported(import),
        ResourceOrigin::Defined(definer),
    ] = &*plan.resources
    else {
        panic!("{:?}", plan.resources)
    };
    assert_eq!(
        plan.imports[import.0 as usize].full_name(),
        "wasi:io/error@0.2.6#error"
    );
    assert!(matches!(
        plan.imports[import.0 as usize].kind,
        ImportKind::Resource(Some(ResourceId(0)))
    ));
    assert!(plan.steps.iter().any(|step| matches!(
        step,
        Step::DefineResource { resource: ResourceId(1), destructor: Some(CoreDef::Export(_)), instance } if instance == definer
    )));
    let of_defined: Vec<_> = plan
        .resource_tables
        .iter()
        .filter(|table| table.resource == ResourceId(1))
        .collect();
    assert!(
        of_defined
            .iter()
            .all(|table| table.definer == Some(*definer))
    );
    assert!(of_defined.iter().any(|table| table.instance == *definer));
    assert!(of_defined.iter().any(|table| table.instance != *definer));
    let has = |wanted: fn(&TrampolineKind) -> bool| {
        plan.trampolines
            .iter()
            .any(|trampoline| wanted(&trampoline.kind))
    };
    assert!(has(|kind| matches!(
        kind,
        TrampolineKind::ResourceNew { .. }
    )));
    assert!(has(|kind| matches!(
        kind,
        TrampolineKind::ResourceDrop { .. }
    )));
    assert!(has(|kind| matches!(
        kind,
        TrampolineKind::ResourceTransferOwn
    )));
    assert!(has(|kind| matches!(
        kind,
        TrampolineKind::ResourceTransferBorrow
    )));
    assert!(has(|kind| matches!(kind, TrampolineKind::EnterSyncCall)));
    assert!(has(|kind| matches!(kind, TrampolineKind::ExitSyncCall)));
}

#[test]
fn a_module_instantiated_twice_is_linked_for_each_list_of_imports() {
    let plan = plan(
        r#"(component
            (core module $a (func (export "f")))
            (core module $b (import "a" "f" (func)))
            (core instance $a1 (instantiate $a))
            (core instance $a2 (instantiate $a))
            (core instance (instantiate $b (with "a" (instance $a1))))
            (core instance (instantiate $b (with "a" (instance $a1))))
            (core instance (instantiate $b (with "a" (instance $a2)))))"#,
    )
    .unwrap();
    check_links(&plan);
    let modules: Vec<u32> = plan
        .steps
        .iter()
        .filter_map(|step| {
            if let Step::Instantiate { module, .. } = step {
                Some(module.0)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(modules, [0, 0, 1, 1, 2]);
}

#[test]
fn modules_that_share_tables_are_marked() {
    let plan = plan(
        r#"(component
            (core module $a (table (export "t") 1 funcref))
            (core module $b (import "a" "t" (table 1 funcref)))
            (core module $c (table 1 funcref) (func (export "f")))
            (core instance $a (instantiate $a))
            (core instance (instantiate $b (with "a" (instance $a))))
            (core instance (instantiate $c)))"#,
    )
    .unwrap();
    check_links(&plan);
    assert_eq!(
        plan.modules
            .iter()
            .map(|module| module.shares_references)
            .collect::<Vec<_>>(),
        [true, true, false]
    );
}

#[test]
fn unsupported_features_are_refused_by_name() {
    for (text, feature) in [
        (
            r#"(component (import "f" (func async)))"#,
            "component-model async (WASI 0.3)",
        ),
        (
            r#"(component (type (stream u8)))"#,
            "component-model async (WASI 0.3)",
        ),
        (
            r#"(component (import "c" (component)))"#,
            "root-level component imports",
        ),
        (
            r#"(component (core module (memory i64 1)))"#,
            "64-bit memories",
        ),
        (r#"(component (core module (tag)))"#, "exception handling"),
        (
            r#"(component (core module (func (result i64 i64) (i64.add128 (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)))))"#,
            "wide arithmetic",
        ),
        (r#"(component (type (list u8 4)))"#, "fixed-length lists"),
        (r#"(component (type (map string u8)))"#, "map types"),
    ] {
        assert_eq!(refused(text), feature, "{text}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "thousands of components are too slow")]
fn invalid_components_are_reported() {
    let component = wat::parse_str(composed("utf8", "utf16")).unwrap();
    for end in 0..component.len() {
        match Plan::new(&component[..end]) {
            Err(LoadError::Invalid { .. }) => {}
            // Without its last sections it is still a component, though a different one.
            Ok(plan) => check_links(&plan),
            Err(other) => panic!("{end}: {other}"),
        }
    }
    let module = wat::parse_str("(module)").unwrap();
    assert_eq!(
        Plan::new(&module).unwrap_err().to_string(),
        "invalid component: this is a core module and not a component"
    );
}

#[test]
#[cfg_attr(miri, ignore = "64 MiB are too slow")]
fn the_names_of_imports_are_bounded() {
    let root = "a".repeat(90_000);
    let items: String = (0..800)
        .map(|item| format!("(export \"f{item}\" (func))"))
        .collect();
    let text = format!("(component (import \"{root}\" (instance {items})))");
    assert_eq!(refused(&text), "imports whose names take more than 64 MiB");
}

/// Components that each instantiate the previous one twice.
fn doubling(levels: usize) -> String {
    let mut text =
        String::from("(component $c0 (core module $m) (core instance (instantiate $m)))");
    for level in 1..levels {
        let twice = "(instance (instantiate $x)) (instance (instantiate $x))";
        text += &format!(
            "(component $c{level} (alias outer 1 $c{} (component $x)) {twice})",
            level - 1
        );
    }
    format!(
        "(component {text} (instance (instantiate $c{})))",
        levels - 1
    )
}

#[test]
#[cfg_attr(miri, ignore = "huge components are too slow")]
fn a_small_component_cannot_expand_to_a_huge_one() {
    check_links(&plan(&doubling(8)).unwrap());
    for levels in [18, 40, 64, 200] {
        let error = plan(&doubling(levels)).unwrap_err();
        assert!(
            matches!(error, LoadError::TooLarge(_)),
            "{levels} levels: {error}"
        );
    }
}

#[test]
fn components_passed_as_arguments_are_instantiated() {
    let made = plan(
        r#"(component
            (component $inner (core module $m) (core instance (instantiate $m)))
            (component $outer (import "c" (component $c))
                (instance (instantiate $c)) (instance (instantiate $c)))
            (instance (instantiate $outer (with "c" (component $inner)))))"#,
    )
    .unwrap();
    check_links(&made);
    let instantiations = made.steps.iter();
    let instantiations = instantiations.filter(|step| matches!(step, Step::Instantiate { .. }));
    assert_eq!(instantiations.count(), 2);
}

proptest! {
    /// Loading any bytes returns a plan that an engine can follow, or an error. It never fails in
    /// the translator's own assertions.
    #[test]
    #[cfg_attr(miri, ignore = "property tests are too slow")]
    fn mutated_components_load_or_are_refused(
        which in 0usize..3,
        mutations in prop::collection::vec((any::<Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<Index>()),
    ) {
        let text = [composed("utf8", "latin1+utf16"), composed("utf16", "utf8"), doubling(4)][which].clone();
        let mut bytes = wat::parse_str(text).unwrap();
        for (at, byte) in mutations {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        match Plan::new(&bytes) {
            Ok(plan) => check_links(&plan),
            Err(LoadError::Invalid { .. } | LoadError::Unsupported { .. } | LoadError::TooLarge(_)) => {}
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}

#[test]
fn adapter_traps_have_codes_and_messages() {
    let code = |trap: wasmtime_environ::Trap| adapter_trap(u32::from(trap as u8));
    assert_eq!(
        code(wasmtime_environ::Trap::UnalignedPointer),
        (TrapCode::UnalignedPointer, "unaligned pointer".to_owned())
    );
    assert_eq!(
        code(wasmtime_environ::Trap::CannotEnterComponent).0,
        TrapCode::CannotEnter
    );
    assert_eq!(adapter_trap(10_000).0, TrapCode::Adapter);
}
