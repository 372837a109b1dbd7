//! Which functions are found to take part in a recursion.

use super::*;

/// Returns the numbers of the functions that are counted, among those that the module defines.
fn counted(text: &str) -> Vec<usize> {
    let bytes = parse(text);
    let facts = Facts::new(&bytes).unwrap();
    let functions = facts.functions.iter().enumerate();
    let found: Vec<_> = functions
        .filter(|(_, function)| function.is_counted)
        .map(|(index, _)| index)
        .collect();
    if found.is_empty() && facts.is_harmless() {
        assert_eq!(harden(&bytes).unwrap().bytes, bytes, "nothing is to change");
    } else {
        validate(&harden(&bytes).unwrap().bytes);
    }
    found
}

#[test]
fn calls_in_circles_are_found() {
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
fn what_calls_in_no_circle_is_left_as_it_is() {
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
fn long_chains_need_no_stack() {
    use std::fmt::Write;

    let length = 50_000;
    let mut text = String::from("(module ");
    for index in 0..length {
        write!(text, "(func call {})", (index + 1) % length).unwrap();
    }
    text.push(')');
    assert_eq!(counted(&text).len(), length);
}

/// A module with a function that calls through a table, and others that a reference may be made to.
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
fn calls_through_a_table_reach_what_is_referred_to() {
    let private = "(table 3 funcref)";
    let table = [
        // Nothing is referred to.
        (private.to_owned(), vec![]),
        // A function of another type.
        (format!("{private} (elem (i32.const 0) $other)"), vec![]),
        // One of an equal type, in each kind of segment.
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
fn circles_through_other_instances_are_found() {
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
        "nothing leads to the other"
    );
    // Nothing leads back.
    assert!(counted(&through("i0", "")).is_empty());
    assert!(counted(&through("i0", r#"(export "apart" (func $apart))"#)).is_empty());
    // The host sees to it.
    assert!(counted(&through(HOST_MODULE, export)).is_empty());
    // An import that is exported, or is referred to in a table, is called like any other.
    let exported = r#"(module (import "i0" "x" (func $x)) (table 1 funcref) (elem (i32.const 0) $x)
        (func (export "f") (call_indirect (i32.const 0))))"#;
    assert_eq!(counted(exported), [0]);
}

#[test]
fn tables_of_others_reach_anything() {
    // Another instance may put a function there that calls back.
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
fn references_that_come_from_others_reach_anything() {
    // No table is shared, but functions of other instances get into it all the same.
    let call = r#"(table $t 1 funcref) (func (export "f") (call_indirect (i32.const 0)))"#;
    for way in [
        r#"(func (export "set") (param funcref) (table.set (i32.const 0) (local.get 0)))"#,
        r#"(import "i0" "get" (func $get (result funcref)))"#,
        r#"(import "i0" "g" (global $g funcref)) (elem (i32.const 0) funcref (global.get $g))"#,
        r#"(global (export "g") (mut funcref) (ref.null func))"#,
    ] {
        let text = match way.contains("import") {
            true => format!("(module {way} {call})"),
            false => format!("(module {call} {way})"),
        };
        assert_eq!(counted(&text), [0], "{way}");
    }
    assert!(
        counted(&format!(
            r#"(module {call} (global (export "g") externref (ref.null extern)))"#
        ))
        .is_empty()
    );
}

#[test]
fn long_chains_are_counted_from_where_they_are_long() {
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
    // Three fit; what is counted does not add to those below.
    assert_eq!(counted(&chain(5, "")), [0, 1]);
    assert_eq!(counted(&chain(1, "call 0")), [0]);
    assert_eq!(counted(&chain(4, "call 3")), [3]);
    assert_eq!(counted(&chain(5, "call 4")), [0, 4]);
    // Ways that part and meet again are no longer for it.
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
    // A single function of more than that.
    let locals = "i32 ".repeat(50_000);
    assert_eq!(counted(&format!("(module (func (local {locals})))")), [0]);
}

#[test]
fn calls_by_reference_reach_anything() {
    // The validator refuses them; should it allow them one day, they are counted.
    let text = r#"(module (type $t (func)) (elem declare func $f $apart $h)
        (func $f (param (ref $t)) (call_ref $t (local.get 0)))
        (func $apart (param i32))
        (func $g (return_call_ref $t (ref.func $h)))
        (func $h (call $g)))"#;
    let bytes = wat::parse_str(text).unwrap();
    let facts = Facts::new(&bytes).unwrap();
    let counted = facts.functions.iter().map(|function| function.is_counted);
    assert_eq!(counted.collect::<Vec<_>>(), [true, false, true, true]);
    Validator::new_with_features(WasmFeatures::all())
        .validate_all(&harden(&bytes).unwrap().bytes)
        .unwrap();
}

#[test]
fn functions_use_units_by_their_size() {
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
