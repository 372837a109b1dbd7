//! The structure of instrumented modules.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each test looks for one kind of section among all"
)]

use wasmtime_environ::wasmparser::{
    ElementItems, ExternalKind, Name, NameSectionReader, Payload, TypeRef,
};

use super::*;

fn payloads(bytes: &[u8]) -> impl Iterator<Item = Payload<'_>> {
    Parser::new(0).parse_all(bytes).map(Result::unwrap)
}

fn imports(bytes: &[u8]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for payload in payloads(bytes) {
        if let Payload::ImportSection(section) = payload {
            for import in section.into_imports() {
                let import = import.unwrap();
                found.push((import.module.to_owned(), import.name.to_owned()));
            }
        }
    }
    found
}

/// Returns the instructions of each function.
pub(super) fn code(bytes: &[u8]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for payload in payloads(bytes) {
        if let Payload::CodeSectionEntry(body) = payload {
            let operators = body.get_operators_reader().unwrap().into_iter();
            found.push(
                operators
                    .map(|operator| format!("{:?}", operator.unwrap()))
                    .collect(),
            );
        }
    }
    found
}

fn custom<'a>(bytes: &'a [u8], name: &str) -> Option<(usize, &'a [u8])> {
    payloads(bytes).find_map(|payload| match payload {
        Payload::CustomSection(section) if section.name() == name => {
            Some((section.data_offset(), section.data()))
        }
        _ => None,
    })
}

#[test]
fn only_needed_imports_are_added() {
    let host = |names: &[&str]| -> Vec<(String, String)> {
        let names = names.iter();
        names
            .map(|name| (HOST_MODULE.to_owned(), (*name).to_owned()))
            .collect()
    };
    let memory = "(memory 1) (func (drop (memory.grow (i32.const 1))))";
    let table = "(table 1 funcref) (func (drop (table.grow (ref.null func) (i32.const 1))))";
    let recursion = "(func $f call $f)";
    for (text, expected) in [
        (
            format!("(module {memory})"),
            host(&[MEMORY_GROWING, MEMORY_GROWN]),
        ),
        (format!("(module {table})"), host(&[TABLE_GROWING])),
        (
            format!("(module {recursion})"),
            host(&[STACK_OVERFLOW, STACK_UNITS]),
        ),
        (
            format!("(module {recursion} {table} {memory})"),
            host(&[
                MEMORY_GROWING,
                MEMORY_GROWN,
                TABLE_GROWING,
                STACK_OVERFLOW,
                STACK_UNITS,
            ]),
        ),
        (
            format!(r#"(module (import "$host" "t0" (func (result i64))) {recursion})"#),
            host(&["t0", STACK_OVERFLOW, STACK_UNITS]),
        ),
    ] {
        assert_eq!(imports(&hardened(&text)), expected, "{text}");
    }
}

#[test]
fn growth_asks_the_host_and_reports_the_result() {
    let bytes = hardened(
        r#"(module
            (import "i0" "m" (memory 1 7))
            (import "i0" "t" (table 1 9 externref))
            (memory $bounded 2 5)
            (memory $boundless 2)
            (table $boundless 1 funcref)
            (func (param i32) (result i32) (memory.grow 0 (local.get 0)))
            (func (param i32) (result i32) (memory.grow $bounded (local.get 0)))
            (func (param i32) (result i32) (memory.grow $boundless (local.get 0)))
            (func (param i32) (result i32) (table.grow 0 (ref.null extern) (local.get 0)))
            (func (param i32) (result i32) (table.grow $boundless (ref.null func) (local.get 0))))"#,
    );
    let growth = |kind: &str, index: u32, max: i32| {
        let (field, hook, reported) = match kind {
            "Memory" => ("mem", 0, Some(1)),
            _ => ("table", 2, None),
        };
        let reported = reported.map(|hook: u32| format!("Call {{ function_index: {hook} }}"));
        let expected = [
            format!("{kind}Size {{ {field}: {index} }}"),
            format!("I32Const {{ value: {max} }}"),
            format!("Call {{ function_index: {hook} }}"),
            format!("{kind}Grow {{ {field}: {index} }}"),
        ];
        let expected = expected.into_iter().chain(reported);
        expected.chain(["End".to_owned()]).collect::<Vec<_>>()
    };
    let code = code(&bytes);
    for (function, expected) in code.iter().zip([
        growth("Memory", 0, 7),
        growth("Memory", 1, 5),
        growth("Memory", 2, 65_536),
        growth("Table", 0, 9),
        growth("Table", 1, -1),
    ]) {
        assert!(function.ends_with(&expected), "{function:?}");
    }
    assert_eq!(code.len(), 5);
}

#[test]
fn growable_tables_get_a_maximum() {
    let maximums = |text: &str| -> Vec<Option<u64>> {
        let bytes = hardened(text);
        let tables = payloads(&bytes).find_map(|payload| match payload {
            Payload::TableSection(section) => Some(section),
            _ => None,
        });
        let tables = tables.unwrap().into_iter();
        tables.map(|table| table.unwrap().ty.maximum).collect()
    };
    let almost = Some(u64::from(u32::MAX) - 1);
    let grow = "(func (drop (table.grow 0 (ref.null func) (i32.const 1))))";
    assert_eq!(maximums("(module (table 0 funcref))"), [None]);
    assert_eq!(
        maximums("(module (table (export \"t\") 0 funcref))"),
        [almost]
    );
    assert_eq!(
        maximums(&format!("(module (table 0 funcref) {grow})")),
        [almost]
    );
    assert_eq!(
        maximums(&format!("(module (table 0 0xffffffff funcref) {grow})")),
        [almost]
    );
    assert_eq!(
        maximums(&format!("(module (table 0 5 funcref) {grow})")),
        [Some(5)]
    );
}

#[test]
fn the_body_of_a_counted_function_becomes_a_block() {
    let bytes = hardened(
        "(module (global i32 (i32.const 0))
            (func $leaf)
            (func $f (param i32)
                (if (local.get 0) (then (return)))
                (br_if 0 (local.get 0))
                nop
                (return_call $f (local.get 0))))",
    );
    let code = code(&bytes);
    assert_eq!(code[0], ["End"], "leaves stay");
    let left = units(
        "(module (func $f (param i32)
            (if (local.get 0) (then (return)))
            (br_if 0 (local.get 0))
            nop
            (return_call $f (local.get 0))))",
    );
    let leave = [
        "GlobalGet { global_index: 0 }".to_owned(),
        format!("I32Const {{ value: {left} }}"),
        "I32Sub".to_owned(),
        "GlobalSet { global_index: 0 }".to_owned(),
    ];
    let limit = MAX_STACK_UNITS - left;
    let mut expected = vec![
        "GlobalGet { global_index: 0 }".to_owned(),
        format!("I32Const {{ value: {limit} }}"),
        "I32GtU".to_owned(),
        "If { blockty: Empty }".to_owned(),
        "Call { function_index: 0 }".to_owned(),
        "Unreachable".to_owned(),
        "End".to_owned(),
        "GlobalGet { global_index: 0 }".to_owned(),
        format!("I32Const {{ value: {left} }}"),
        "I32Add".to_owned(),
        "GlobalSet { global_index: 0 }".to_owned(),
        "Block { blockty: Empty }".to_owned(),
        "LocalGet { local_index: 0 }".to_owned(),
        "If { blockty: Empty }".to_owned(),
        "Br { relative_depth: 1 }".to_owned(),
        "End".to_owned(),
        "LocalGet { local_index: 0 }".to_owned(),
        "BrIf { relative_depth: 0 }".to_owned(),
        "Nop".to_owned(),
        "LocalGet { local_index: 0 }".to_owned(),
    ];
    expected.extend(leave.clone());
    expected.push("ReturnCall { function_index: 2 }".to_owned());
    expected.push("End".to_owned());
    expected.extend(leave);
    expected.push("End".to_owned());
    assert_eq!(code[1], expected);
}

#[test]
fn types_are_added_only_if_none_is_equal() {
    let types = |text: &str| {
        let bytes = hardened(text);
        let summary = ModuleSummary::new(&bytes).unwrap();
        summary.types.len()
    };
    // The module's own type also serves the host function.
    assert_eq!(types("(module (func $f call $f))"), 1);
    let results = "(result i32 i64) (i32.const 0) (i64.const 0)";
    assert_eq!(
        types(&format!("(module (func $f {results} return_call $f))")),
        2
    );
    assert_eq!(
        types(
            "(module
                (func $f (param i32) (result i32 i64)
                    (br_if 0 (i32.const 0) (i64.const 0) (local.get 0)) (return_call $f (i32.const 0)))
                (func $g (param i64) (result i32 i64)
                    (br_if 0 (i32.const 0) (i64.const 0) (i32.const 0)) (return_call $g (i64.const 0))))"
        ),
        4
    );
}

/// WasmEdge would run it.
#[test]
fn native_code_in_the_guest_is_removed() {
    for text in [
        r#"(module (@custom "wasmedge" "native code") (func) (@custom "other" "kept"))"#,
        r#"(module (@custom "wasmedge" "native code") (func $f (call $f))
            (@custom "wasmedge" "more of it") (@custom "other" "kept"))"#,
    ] {
        let bytes = hardened(text);
        assert_eq!(custom(&bytes, "wasmedge"), None, "{text}");
        assert_eq!(custom(&bytes, "other").unwrap().1, b"kept", "{text}");
    }
}

#[test]
fn indices_of_functions_are_shifted_everywhere() {
    let bytes = hardened(
        r#"(module $m
            (import "$host" "t0" (func $imported (param i32) (result i32)))
            (type $void (func))
            (table 4 funcref)
            (global funcref (ref.func $start))
            (global funcref (ref.func $imported))
            (export "start" (func $start))
            (export "imported" (func $imported))
            (start $start)
            (elem (i32.const 0) func $f $imported)
            (elem (i32.const 2) funcref (ref.func $f) (ref.null func))
            (func $start)
            (func $f (local $named i32) (call $f) (drop (call $imported (i32.const 1))) (drop (ref.func $f)))
            (memory 1)
            (data (i32.const 0) "text")
            (@custom "other" "kept"))"#,
    );
    let mut elements = Vec::new();
    let mut exports = Vec::new();
    let mut globals = Vec::new();
    let mut start = None;
    for payload in payloads(&bytes) {
        match payload {
            Payload::StartSection { func, .. } => start = Some(func),
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export.unwrap();
                    assert_eq!(export.kind, ExternalKind::Func);
                    exports.push((export.name.to_owned(), export.index));
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    let expression = global.unwrap().init_expr;
                    let first = expression.get_operators_reader().read().unwrap();
                    globals.push(format!("{first:?}"));
                }
            }
            Payload::ElementSection(section) => {
                for element in section {
                    match element.unwrap().items {
                        ElementItems::Functions(functions) => {
                            let functions = functions.into_iter();
                            elements.extend(functions.map(|f| f.unwrap().to_string()));
                        }
                        ElementItems::Expressions(_, expressions) => {
                            for expression in expressions {
                                let mut reader = expression.unwrap().get_operators_reader();
                                elements.push(format!("{:?}", reader.read().unwrap()));
                            }
                        }
                    }
                }
            }
            _ => {}
        }
    }
    assert_eq!(start, Some(2));
    assert_eq!(
        exports,
        [("start".to_owned(), 2), ("imported".to_owned(), 0)]
    );
    assert_eq!(
        globals,
        [
            "RefFunc { function_index: 2 }",
            "RefFunc { function_index: 0 }",
        ]
    );
    assert_eq!(elements[..2], ["3", "0"]);
    assert_eq!(elements[2], "RefFunc { function_index: 3 }");
    let code = code(&bytes);
    for expected in [
        "Call { function_index: 3 }",
        "Call { function_index: 0 }",
        "RefFunc { function_index: 3 }",
    ] {
        assert!(code[1].iter().any(|found| found == expected), "{expected}");
    }
    assert_eq!(custom(&bytes, "other").unwrap().1, b"kept");

    let (offset, names) = custom(&bytes, "name").unwrap();
    let reader = wasmtime_environ::wasmparser::BinaryReader::new(names, offset);
    let mut functions = Vec::new();
    let mut locals = Vec::new();
    for name in NameSectionReader::new(reader) {
        match name.unwrap() {
            Name::Function(map) => {
                for naming in map {
                    let naming = naming.unwrap();
                    functions.push((naming.index, naming.name.to_owned()));
                }
            }
            Name::Local(map) => {
                for naming in map {
                    locals.push(naming.unwrap().index);
                }
            }
            _ => {}
        }
    }
    assert_eq!(
        functions,
        [
            (0, "imported".to_owned()),
            (2, "start".to_owned()),
            (3, "f".to_owned())
        ]
    );
    assert_eq!(locals, [3]);
}

#[test]
fn indices_of_globals_are_shifted_everywhere() {
    let bytes = hardened(
        r#"(module
            (import "i0" "a" (global $a i32))
            (import "i0" "f" (global $f funcref))
            (global $b (mut i32) (i32.add (global.get $a) (i32.const 1)))
            (global $c (mut i64) (i64.const 5))
            (memory 1) (table 4 funcref)
            (data (offset (global.get $a)) "x")
            (elem (offset (global.get $a)) funcref (global.get $f))
            (export "a" (global $a)) (export "b" (global $b)) (export "c" (global $c))
            (func $f call $f
                (global.set $b (global.get $a)) (global.set $c (i64.const 1)) (drop (global.get $c))))"#,
    );
    let code = code(&bytes).remove(0).join(" ");
    let own = "GlobalGet { global_index: 0 } GlobalSet { global_index: 3 } I64Const { value: 1 } \
        GlobalSet { global_index: 4 } GlobalGet { global_index: 4 } Drop";
    assert!(code.contains(own), "{code}");
    let mut exports = Vec::new();
    let mut expressions = Vec::new();
    let mut keep = |expression: wasmtime_environ::wasmparser::ConstExpr<'_>| {
        let mut reader = expression.get_operators_reader();
        expressions.push(format!("{:?}", reader.read().unwrap()));
    };
    for payload in payloads(&bytes) {
        match payload {
            Payload::ExportSection(section) => {
                exports.extend(section.into_iter().map(|export| export.unwrap().index));
            }
            Payload::GlobalSection(section) => {
                keep(section.into_iter().next().unwrap().unwrap().init_expr)
            }
            Payload::DataSection(section) => {
                if let wasmtime_environ::wasmparser::DataKind::Active { offset_expr, .. } =
                    section.into_iter().next().unwrap().unwrap().kind
                {
                    keep(offset_expr);
                }
            }
            Payload::ElementSection(section) => {
                let element = section.into_iter().next().unwrap().unwrap();
                if let ElementItems::Expressions(_, items) = element.items {
                    keep(items.into_iter().next().unwrap().unwrap());
                }
            }
            _ => {}
        }
    }
    assert_eq!(exports, [0, 3, 4]);
    let of = |global: u32| format!("GlobalGet {{ global_index: {global} }}");
    assert_eq!(expressions, [of(0), of(1), of(0)]);
}

#[test]
fn tail_calls_out_of_the_module_become_calls() {
    let of = |text: &str| code(&hardened(text)).remove(0).join(" ");
    let leave = |units: u32| {
        format!(
            "GlobalGet {{ global_index: 0 }} I32Const {{ value: {units} }} I32Sub GlobalSet {{ global_index: 0 }}"
        )
    };
    let import = r#"(import "i0" "x" (func $x))"#;
    let export = r#"(export "f" (func $f))"#;
    let tail = of(&format!(
        "(module {import} {export} (func $f (br_if 0 (i32.const 0)) return_call $x))"
    ));
    let expected = format!(
        "Call {{ function_index: 0 }} {} Br {{ relative_depth: 0 }} End {} End",
        leave(LEAVING_UNITS),
        leave(17)
    );
    assert!(tail.ends_with(&expected), "{tail}");
    let tail = of(&format!(
        "(module {import} {export} (func $f return_call $x))"
    ));
    let expected = format!(
        "Call {{ function_index: 0 }} {} {} Return {} End",
        leave(LEAVING_UNITS),
        leave(16),
        leave(16)
    );
    assert!(tail.ends_with(&expected), "{tail}");
    let indirect = "(func $f (block (br_if 1 (i32.const 0)) (return_call_indirect (i32.const 0))))";
    for foreign in ["", "(elem (i32.const 0) $x)", r#"(export "t" (table 0))"#] {
        let elements = "(table 2 funcref) (elem (i32.const 1) $f)";
        let tail = of(&format!(
            "(module {import} {elements} {foreign} {export} {indirect})"
        ));
        let call = "CallIndirect { type_index: 0, table_index: 0 } Br { relative_depth: 1 }";
        assert_eq!(tail.contains(call), !foreign.is_empty(), "{tail}");
        let is_kept = tail.contains("ReturnCallIndirect");
        assert_eq!(is_kept, foreign.is_empty(), "{tail}");
    }
    // Functions that are not counted give nothing back.
    let host = r#"(import "$host" "t0" (func $x))"#;
    let tail = of(&format!(
        "(module {host} {export} (func $f return_call $x))"
    ));
    assert_eq!(tail, "Call { function_index: 0 } Return End");
    let local = parse(&format!(
        "(module {export} (func $f return_call $g) (func $g))"
    ));
    assert_eq!(harden(&local).unwrap().bytes, local);
}

#[test]
fn a_function_without_branches_out_needs_no_block() {
    let bytes = hardened(
        "(module (func $f (result i32)
            (block (br_if 0 (call $f)) (br 1 (i32.const 1)))
            (if (call $f) (then (return (i32.const 2))))
            (i32.const 3)))",
    );
    let code = code(&bytes).remove(0);
    let text = code.join(" ");
    let blocks = code.iter().filter(|text| text.starts_with("Block")).count();
    assert_eq!(blocks, 1, "{text}");
    let leave = "I32Sub GlobalSet { global_index: 0 }";
    assert_eq!(text.matches(leave).count(), 3, "{text}");
    for exit in ["Br { relative_depth: 1 }", "Return", "End"] {
        assert!(text.contains(&format!("{leave} {exit}")), "{text}");
    }
}

#[test]
fn unreadable_names_are_left_out() {
    let mut bytes = parse("(module (func $f call $f))");
    // The names are the last section, so the last byte belongs to one.
    let garbage = wasm_encoder::CustomSection {
        name: "name".into(),
        data: [1, 200, 3].as_slice().into(),
    };
    let mut module = Module::new();
    module.section(&garbage);
    bytes.extend_from_slice(&module.finish()[8..]);
    validate(&bytes);
    validate(&harden(&bytes).unwrap().bytes);
}

#[test]
fn added_sections_are_in_order() {
    // With only the sections that a function needs, with all of them, and with imports of other
    // kinds.
    for text in [
        "(module (func $f call $f))",
        r#"(module (import "i0" "m" (memory 1)) (import "i0" "g" (global i32))
            (func $f (export "f") call $f (drop (memory.grow (i32.const 1)))))"#,
        r#"(module (memory 1) (table 1 funcref) (export "f" (func $f)) (start $f)
            (elem (i32.const 0) $f) (data "x")
            (func $f call $f (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 0))))"#,
    ] {
        let bytes = hardened(text);
        let functions = payloads(&bytes).find_map(|payload| match payload {
            Payload::ImportSection(section) => Some(section),
            _ => None,
        });
        let functions = functions.unwrap().into_imports();
        let last = functions.last().unwrap().unwrap();
        assert_eq!((last.module, last.name), (HOST_MODULE, STACK_UNITS));
        assert!(matches!(last.ty, TypeRef::Global(ty) if ty.mutable));
    }
}

#[test]
fn garbage_is_rejected() {
    assert!(harden(b"").is_err());
    assert!(harden(b"\0asm\x01\0\0\0\x01").is_err());
    // A body without a function.
    assert!(harden(b"\0asm\x01\0\0\0\x0a\x04\x01\x02\0\x0b").is_err());
}
