//! How often compiled code polls.

use super::guest::{Guest, with_large_stack};
use super::*;

/// Calls the function `f` with the argument, and checks the number of polls for this number of
/// steps.
fn polls(functions: &str, argument: u32, steps: u32) {
    let text = format!(
        r#"(module
        (memory 2)
        (type $t (func (param i32)))
        (table 1 funcref) (elem (i32.const 0) $leaf)
        (func $leaf (type $t) nop nop nop)
        {functions}
        (func (export "run") (param i32) (result i32) (call $f (local.get 0)) (i32.const 7)))"#
    );
    with_large_stack(|| {
        let mut original = Guest::new(&hardened(&text));
        assert_eq!(original.call("run", argument).unwrap(), 7);
        let mut guest = Guest::new(&polling(&text));
        assert_eq!(guest.call("run", argument).unwrap(), 7);
        let polls = guest.store.data().polls;
        assert_eq!(original.store.data().polls, 0);
        // Charging in advance may add polls, but must not lose any.
        let expected = steps / POLL_STEPS;
        assert!(polls >= expected, "{polls} < {expected}: {functions}");
        // A poll must cost less than a tenth of the time.
        assert!(polls <= steps / 500, "{polls} > {steps} / 500: {functions}");
    });
}

#[test]
fn loops_and_recursions_poll() {
    let count = "(br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))";
    let million = 1_000_000;
    polls(
        &format!("(func $f (param i32) (loop $l {count}))"),
        million,
        6 * million,
    );
    // Values below a loop, and loop parameters.
    let text = "(func $f (param i32)
        (i64.const 1) (i32.const 2)
        (loop $l (param i32) (drop) (i32.const 3)
            (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))) (drop))
        (drop))";
    polls(text, million, 8 * million);
    // A loop around short loops, each too short to poll by itself.
    let text = format!(
        "(func $g (param i32) (loop $l {count})) (func $f (param i32) (loop $l (call $g (i32.const 1000)) {count}))"
    );
    polls(&text, 10_000, 60 * million);
    // Loops of uncharged calls.
    for call in [
        "(call $leaf (i32.const 0))",
        "(call_indirect (type $t) (i32.const 0) (i32.const 0))",
    ] {
        let text = format!("(func $f (param i32) (loop $l {call} {count}))");
        polls(&text, million, 10 * million);
    }
    let text = "(func $f (param i32)
        (if (local.get 0) (then
            (call $f (i32.sub (local.get 0) (i32.const 1)))
            (call $f (i32.sub (local.get 0) (i32.const 1))))))";
    polls(text, 20, 12 * million);
    let text = "(func $f (param i32)
        (if (local.get 0) (then (return_call $f (i32.sub (local.get 0) (i32.const 1))))))";
    polls(text, million, 6 * million);
}

#[test]
fn large_copies_poll() {
    for (length, polls) in [(16_384, 0), (16_385, 4)] {
        let text = format!(
            r#"(module
            (memory 2) (data $d "{data}")
            (table 40000 funcref) (table $other 40000 funcref)
            (func (export "run") (param i32) (result i32) (local i64)
                (memory.fill (i32.const 0) (i32.const 1) (local.get 0))
                (memory.copy (i32.const 0) (i32.const 1) (local.get 0))
                (memory.init $d (i32.const 0) (i32.const 0) (local.get 0))
                (table.copy 0 $other (i32.const 0) (i32.const 0) (local.get 0))
                (i32.const 7)))"#,
            data = "x".repeat(20_000),
        );
        let mut guest = Guest::new(&polling(&text));
        assert_eq!(guest.call("run", length).unwrap(), 7);
        assert_eq!(guest.store.data().polls, polls);
    }
}
