//! The functions that are found to take part in a recursion.

use super::*;

/// Returns the numbers of the counted functions among those that the module defines.
fn counted(text: &str) -> Vec<usize> {
    let bytes = parse(text);
    let summary = ModuleSummary::new(&bytes).unwrap();
    let functions = summary.functions.iter().enumerate();
    let found: Vec<_> = functions
        .filter(|(_, function)| function.is_counted)
        .map(|(index, _)| index)
        .collect();
    if found.is_empty() && summary.needs_no_hardening() {
        assert_eq!(
            harden(&bytes).unwrap().bytes,
            bytes,
            "the module must not change"
        );
    } else {
        validate(&harden(&bytes).unwrap().bytes);
    }
    found
}

#[test]
fn call_cycles_are_found() {
    assert_eq!(counted("(module (func $f call $f))"), [0]);
    assert_eq!(counted("(module (func $f return_call $f))"), [0]);
    let mutual = "(module
        (func $leaf)
        (func $a call $b call $leaf)
        (func $b call $c)
        (func $c call $leaf call $a)
        (func $top call $a))";
    assert_eq!(counted(mutual), [1, 2, 3]);
}

#[test]
fn functions_on_no_cycle_stay_unchanged() {
    assert!(counted("(module)").is_empty());
    assert!(counted("(module (func (export \"f\")))").is_empty());
    let chain = "(module
        (func $a call $b call $b call $c)
        (func $b call $c)
        (func $c)
        (func (export \"f\") call $a call $b call $c))";
    assert!(counted(chain).is_empty());
}

#[test]
#[cfg_attr(miri, ignore = "50,000 functions are too slow")]
fn long_chains_do_not_recurse() {
    use std::fmt::Write;

    let length = 50_000;
    let mut text = String::from("(module ");
    for index in 0..length {
        write!(text, "(func call {})", (index + 1) % length).unwrap();
    }
    text.push(')');
    assert_eq!(counted(&text).len(), length);
}

/// A module with a function that calls through a table, and others that can be referenced.
fn indirect(more: &str) -> String {
    format!(
        r#"(module
            (type $t (func (param i32) (result i32)))
            (type $same (func (param i32) (result i32)))
            (func $caller (param i32) (result i32)
                (call_indirect (type $t) (local.get 0) (i32.const 0)))
            (func $back (type $same) (call $caller (local.get 0)))
            (func $other (param i64) (drop (call $caller (i32.const 0))))
            {more})"#
    )
}

#[test]
fn calls_through_a_table_reach_referenced_functions() {
    let private = "(table 3 funcref)";
    let table = [
        // No references.
        (private.to_owned(), vec![]),
        // A function of another type.
        (format!("{private} (elem (i32.const 0) $other)"), vec![]),
        // A function of an equal type, in each kind of segment.
        (format!("{private} (elem (i32.const 0) $back)"), vec![0, 1]),
        (format!("{private} (elem func $back)"), vec![0, 1]),
        (format!("{private} (elem declare func $back)"), vec![0, 1]),
        (
            format!("{private} (elem funcref (ref.null func) (ref.func $back))"),
            vec![0, 1],
        ),
        // Itself.
        (format!("{private} (elem (i32.const 0) $caller)"), vec![0]),
        // In a global, which needs no segment to be a declaration.
        (
            format!("{private} (global funcref (ref.func $back))"),
            vec![0, 1],
        ),
    ];
    for (more, expected) in table {
        assert_eq!(counted(&indirect(&more)), expected, "{more}");
    }
}

#[test]
fn tail_calls_through_a_table_are_calls() {
    let text = "(module
        (table 1 funcref) (elem (i32.const 0) $f)
        (func $f (return_call_indirect (i32.const 0))))";
    assert_eq!(counted(text), [0]);
}

#[test]
fn references_in_code_are_found() {
    let text = "(module
        (table 1 funcref)
        (elem declare func $f)
        (func $f (call_indirect (i32.const 0)))
        (func $g (table.set (i32.const 0) (ref.func $f))))";
    assert_eq!(counted(text), [0]);
}

#[test]
fn cycles_through_other_instances_are_found() {
    let through = |module: &str, export: &str| {
        format!(
            r#"(module (import "{module}" "x" (func $x))
                (func $f call $x) (func $g call $f) (func $apart) {export})"#
        )
    };
    let export = r#"(export "g" (func $g))"#;
    assert_eq!(counted(&through("i0", export)), [0, 1]);
    assert_eq!(
        counted(&through("i0", r#"(export "f" (func $f))"#)),
        [0],
        "no path to the other function"
    );
    // No path back.
    assert!(counted(&through("i0", "")).is_empty());
    assert!(counted(&through("i0", r#"(export "apart" (func $apart))"#)).is_empty());
    // The host bounds this case.
    assert!(counted(&through(HOST_MODULE, export)).is_empty());
    // An import that is exported, or is referenced in a table, is called like any other function.
    let exported = r#"(module (import "i0" "x" (func $x)) (table 1 funcref) (elem (i32.const 0) $x)
        (func (export "f") (call_indirect (i32.const 0))))"#;
    assert_eq!(counted(exported), [0]);
}

#[test]
fn shared_tables_reach_any_function() {
    // Another instance may store a function there that calls back.
    for table in [
        r#"(import "i0" "t" (table 1 funcref))"#,
        r#"(table (export "t") 1 funcref)"#,
    ] {
        let text = format!(
            r#"(module {table}
                (elem (i32.const 0) $listed)
                (func (export "f") (call_indirect (i32.const 0)))
                (func $listed (param i32) (call_indirect (i32.const 0)))
                (func $apart (call_indirect (i32.const 0))))"#
        );
        assert_eq!(counted(&text), [0, 1], "{table}");
    }
}

#[test]
fn foreign_references_reach_any_function() {
    // No table is shared, but functions of other instances can still be stored in it.
    let call = r#"(table $t 1 funcref) (func (export "f") (call_indirect (i32.const 0)))"#;
    for source in [
        r#"(func (export "set") (param funcref) (table.set (i32.const 0) (local.get 0)))"#,
        r#"(import "i0" "get" (func $get (result funcref)))"#,
        r#"(import "i0" "g" (global $g funcref)) (elem (i32.const 0) funcref (global.get $g))"#,
        r#"(global (export "g") (mut funcref) (ref.null func))"#,
    ] {
        let text = match source.contains("import") {
            true => format!("(module {source} {call})"),
            false => format!("(module {call} {source})"),
        };
        assert_eq!(counted(&text), [0], "{source}");
    }
    assert!(
        counted(&format!(
            r#"(module {call} (global (export "g") externref (ref.null extern)))"#
        ))
        .is_empty()
    );
}

#[test]
#[cfg_attr(miri, ignore = "50,000 locals are too slow")]
fn chains_are_counted_from_the_function_that_exceeds_the_limit() {
    use std::fmt::Write;

    // Each function takes 16 units and 5000 for its locals, and calls the next.
    let locals = "i32 ".repeat(5000);
    let chain = |length: usize, last: &str| {
        let mut text = String::from("(module ");
        for next in 1..length {
            write!(text, "(func (local {locals}) call {next})").unwrap();
        }
        write!(text, "(func (local {locals}) {last}))").unwrap();
        text
    };
    assert!(counted(&chain(3, "")).is_empty());
    // Three fit; counted functions do not add to the units of their callees.
    assert_eq!(counted(&chain(5, "")), [0, 1]);
    assert_eq!(counted(&chain(1, "call 0")), [0]);
    assert_eq!(counted(&chain(4, "call 3")), [3]);
    assert_eq!(counted(&chain(5, "call 4")), [0, 4]);
    // Paths that part and meet again are not longer for it.
    let mut text = String::from("(module ");
    for next in (1..60).step_by(2) {
        write!(
            text,
            "(func call {next} call {}) (func call {})",
            next + 1,
            next + 1
        )
        .unwrap();
    }
    assert!(counted(&(text + "(func))")).is_empty());
    // A single function that exceeds the limit.
    let locals = "i32 ".repeat(50_000);
    assert_eq!(counted(&format!("(module (func (local {locals})))")), [0]);
}

#[test]
fn calls_by_reference_reach_any_function() {
    // The validator refuses these modules; if it ever accepts them, they are counted.
    let text = r#"(module (type $t (func)) (elem declare func $f $apart $h)
        (func $f (param (ref $t)) (call_ref $t (local.get 0)))
        (func $apart (param i32))
        (func $g (return_call_ref $t (ref.func $h)))
        (func $h (call $g)))"#;
    let bytes = wat::parse_str(text).unwrap();
    let summary = ModuleSummary::new(&bytes).unwrap();
    let counted = summary.functions.iter().map(|function| function.is_counted);
    assert_eq!(counted.collect::<Vec<_>>(), [true, false, true, true]);
    Validator::new_with_features(WasmFeatures::all())
        .validate_all(&harden(&bytes).unwrap().bytes)
        .unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "a million instructions are too slow")]
fn units_depend_on_the_size_of_the_function() {
    assert_eq!(units("(module (func))"), 16);
    assert_eq!(
        units("(module (func (param i32 i64) (local f32 f32 v128)))"),
        21
    );
    let instructions = "nop ".repeat(39);
    assert_eq!(units(&format!("(module (func {instructions}))")), 26);
    let locals = "i32 ".repeat(49_990);
    assert_eq!(
        units(&format!(
            "(module (func (param i32) (local {locals}) nop nop nop))"
        )),
        50_008
    );
    let instructions = "nop ".repeat(1_100_000);
    assert_eq!(
        units(&format!("(module (func {instructions}))")),
        MAX_STACK_UNITS
    );
}
