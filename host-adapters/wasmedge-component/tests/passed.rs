//! Components that are passed to components, interpreted and compiled.

mod common;

use common::{BOTH, returns};

/// A component that returns a number.
fn number(value: u32) -> String {
    format!(
        r#"(core module $m (func (export "f") (result i32) (i32.const {value})))
        (core instance $m (instantiate $m))
        (func (export "f") (result u32) (canon lift (core func $m "f")))"#
    )
}

/// A component `$both` that calls its imports. A component must not call into those that it
/// instantiates itself, but these may call each other.
fn both() -> String {
    format!(
        r#"(component $both
            (import "a" (func $a (result u32))) (import "b" (func $b (result u32))) {BOTH})"#
    )
}

#[test]
fn passed_components_are_instantiated() {
    returns(
        &format!(
            r#"(component
                (component $one {}) (component $two {}) {}
                (component $user
                    (alias outer 1 $both (component $both))
                    (import "c" (component $c (export "f" (func (result u32)))))
                    (import "d" (component $d (export "f" (func (result u32)))))
                    (instance $i (instantiate $c)) (instance $j (instantiate $d))
                    (instance $x (instantiate $both (with "a" (func $i "f")) (with "b" (func $j "f"))))
                    (export "run" (func $x "run")))
                (instance $x (instantiate $user (with "c" (component $one)) (with "d" (component $two))))
                (export "run" (func $x "run")))"#,
            number(1),
            number(2),
            both()
        ),
        102,
    );
}

#[test]
fn exported_components_keep_their_references() {
    returns(
        &format!(
            r#"(component
                {}
                (component $shop (component $one {}) (component $two {})
                    (export "one" (component $one)) (export "two" (component $two)))
                (instance $shop (instantiate $shop))
                (alias export $shop "one" (component $one))
                (alias export $shop "two" (component $two))
                (component $maker
                    (import "two" (component $two (export "f" (func (result u32)))))
                    (component $made
                        (alias outer 2 $both (component $both))
                        (alias outer 2 $one (component $one)) (alias outer 1 $two (component $two))
                        (instance $i (instantiate $one)) (instance $j (instantiate $two))
                        (instance $x (instantiate $both (with "a" (func $i "f")) (with "b" (func $j "f"))))
                        (export "run" (func $x "run")))
                    (export "made" (component $made)))
                (instance $maker (instantiate $maker (with "two" (component $two))))
                (alias export $maker "made" (component $made))
                (instance $x (instantiate $made))
                (export "run" (func $x "run")))"#,
            both(),
            number(1),
            number(2)
        ),
        102,
    );
}

#[test]
fn components_get_imports_when_instantiated() {
    returns(
        &format!(
            r#"(component
                (component $three {}) (component $four {}) {}
                (component $user
                    (import "three" (instance $three (export "f" (func (result u32)))))
                    (import "four" (instance $four (export "f" (func (result u32)))))
                    (import "both" (component $both
                        (import "a" (func (result u32))) (import "b" (func (result u32)))
                        (export "run" (func (result u32)))))
                    (instance $x (instantiate $both
                        (with "a" (func $three "f")) (with "b" (func $four "f"))))
                    (export "run" (func $x "run")))
                (instance $three (instantiate $three)) (instance $four (instantiate $four))
                (instance $x (instantiate $user (with "both" (component $both))
                    (with "three" (instance $three)) (with "four" (instance $four))))
                (export "run" (func $x "run")))"#,
            number(3),
            number(4),
            both()
        ),
        304,
    );
}
