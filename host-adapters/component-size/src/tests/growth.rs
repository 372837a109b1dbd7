use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::*;

fn checked(text: &str) -> Result<(), Refusal> {
    let bytes = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
    let start = Instant::now();
    let checked = check(&bytes, &Limits::default());
    let took = start.elapsed();
    assert!(
        took < Duration::from_secs(5),
        "{} bytes took {took:?}",
        bytes.len()
    );
    checked
}

/// Asserts that a component is small with few levels, and too large with many.
fn grows(few: usize, many: &[usize], text: impl Fn(usize) -> String) {
    assert_eq!(checked(&text(few)), Ok(()), "{few} levels");
    for levels in many {
        let refused = checked(&text(*levels));
        let Err(Refusal::TooLarge(TooLarge { limit, .. })) = refused else {
            panic!("{levels} levels: {refused:?}");
        };
        // Either may be exceeded first.
        let expected = [Limit::Definitions, Limit::TypeItems];
        assert!(expected.contains(&limit), "{levels} levels: {refused:?}");
    }
}

/// Repeats a text for each level from 1, with `{k}` for the level and `{p}` for the previous one.
fn levels(levels: usize, text: &str) -> String {
    let level = |level: usize| {
        text.replace("{k}", &level.to_string())
            .replace("{p}", &level.saturating_sub(1).to_string())
    };
    (1..=levels).map(level).collect()
}

const TWICE: &str = "(component $twice (import \"c\" (component $c))
    (instance (instantiate $c)) (instance (instantiate $c)))";

#[test]
fn components_passed_to_others_double() {
    grows(8, &[18, 40, 200], |count| {
        let nested = levels(
            count,
            "(component $c{k} (alias outer 1 $twice (component $t)) (alias outer 1 $c{p} (component $p))
                (instance (instantiate $t (with \"c\" (component $p)))))",
        );
        format!("(component {TWICE} (component $c0) {nested} (instance (instantiate $c{count})))")
    });
}

#[test]
fn components_exported_by_instances_double() {
    grows(8, &[18, 40, 100], |count| {
        let nested = levels(
            count,
            "(component $make{k} (import \"c\" (component $c))
                (component $d (alias outer 1 $c (component $c))
                    (instance (instantiate $c)) (instance (instantiate $c)))
                (export \"d\" (component $d)))
             (instance $i{k} (instantiate $make{k} (with \"c\" (component $c{p}))))
             (alias export $i{k} \"d\" (component $c{k}))",
        );
        format!("(component (component $c0) {nested} (instance (instantiate $c{count})))")
    });
}

#[test]
fn components_passed_within_instances_double() {
    grows(8, &[18, 40], |count| {
        let nested = levels(
            count,
            "(component $c{k} (alias outer 1 $c{p} (component $p)) (alias outer 1 $twice (component $t))
                (instance $box (export \"c\" (component $p)))
                (instance (instantiate $t (with \"box\" (instance $box)))))",
        );
        format!(
            "(component
                (component $twice (import \"box\" (instance $box (export \"c\" (component))))
                    (alias export $box \"c\" (component $c))
                    (instance (instantiate $c)) (instance (instantiate $c)))
                (component $c0) {nested} (instance (instantiate $c{count})))"
        )
    });
}

/// The translator copies the enclosing components' items that a component refers to, even without
/// instantiation.
#[test]
fn captured_components_double() {
    grows(8, &[18, 40, 200], |count| {
        let nested = levels(
            count,
            "(component $c{k} (alias outer 1 $c{p} (component)) (alias outer 1 $c{p} (component)))",
        );
        format!("(component (component $c0) {nested})")
    });
}

/// The validator bounds a single instance, but not how often it is copied.
#[test]
fn nested_instances_double() {
    let doubled = |count| {
        levels(
            count,
            "(instance $i{k} (export \"a\" (instance $i{p})) (export \"b\" (instance $i{p})))",
        )
    };
    grows(8, &[16, 18], |count| {
        format!("(component (instance $i0) {})", doubled(count))
    });
    for copy in [
        "(instance (export \"i\" (instance $i12)))",
        "(instance (instantiate $take (with \"i\" (instance $i12))))",
    ] {
        grows(2, &[50], |copies| {
            let take = "(component $take (import \"i\" (instance)))";
            let copies = copy.repeat(copies);
            format!("(component {take} (instance $i0) {} {copies})", doubled(12))
        });
    }
}

#[test]
fn types_are_converted_at_each_use() {
    let types = levels(16, "(type $t{k} (tuple $t{p} $t{p}))");
    let module = r#"(core module $m (memory (export "m") 1)
            (func (export "r") (param i32 i32 i32 i32) (result i32) unreachable)
            (func (export "f") (param i32)))
        (core instance $m (instantiate $m))
        (alias core export $m "m" (core memory $m))
        (alias core export $m "r" (core func $r))
        (alias core export $m "f" (core func $f))"#;
    let lift = r#"(func (param "p" $t16) (canon lift (core func $f) (memory $m) (realloc $r)))"#;
    grows(2, &[40], |uses| {
        format!(
            "(component (type $t0 u8) {types} {module} {})",
            lift.repeat(uses)
        )
    });
}

#[test]
fn host_instances_count_by_their_type() {
    let types = levels(
        16,
        r#"(type $t{k} (instance (alias outer 1 $t{p} (type $t))
            (export "a" (instance (type $t))) (export "b" (instance (type $t)))))"#,
    );
    let import = |depth: usize| {
        format!(
            "(component (type $t0 (instance)) {types} (import \"i\" (instance (type $t{depth}))))"
        )
    };
    assert_eq!(checked(&import(10)), Ok(()));
    assert!(checked(&import(16)).is_ok());
    let again = |times: usize| {
        let take =
            "(component $take (alias outer 1 $t12 (type $t)) (import \"i\" (instance (type $t))))";
        let each = "(instance (instantiate $take (with \"i\" (instance $i))))".repeat(times);
        format!(
            "(component (type $t0 (instance)) {types} (import \"i\" (instance $i (type $t12))) {take} {each})"
        )
    };
    grows(2, &[60], again);
}

#[test]
fn a_core_modules_imports_count_at_each_instantiation() {
    let mut imports = String::new();
    for index in 0..1000 {
        write!(imports, "(import \"\" \"f{index}\" (func))").unwrap();
    }
    let exports: String = (0..1000)
        .map(|index| format!("(export \"f{index}\" (func $f))"))
        .collect();
    grows(2, &[250], |times| {
        let each = "(core instance (instantiate $m (with \"\" (instance $i))))".repeat(times);
        format!(
            "(component (core module $m {imports}) (core module $n (func (export \"f\")))
                (core instance $n (instantiate $n)) (alias core export $n \"f\" (core func $f))
                (core instance $i {exports}) {each})"
        )
    });
}

#[test]
fn passed_components_count_where_they_are_instantiated() {
    for text in [
        // A component, its import, and the export of an instance.
        "(component (component $c) (component $d (import \"c\" (component $c)) (instance (instantiate $c)))
            (instance (instantiate $d (with \"c\" (component $c)))))",
        "(component (component $c (component $d) (export \"d\" (component $d))) (instance $i (instantiate $c))
            (instance (instantiate (component $i \"d\"))))",
        // The passed item is passed on, and captured.
        "(component (component $c)
            (component $d (import \"c\" (component $c))
                (component $e (import \"c\" (component $c)) (component $f (alias outer 1 $c (component $c))
                    (instance (instantiate $c))) (instance (instantiate $f)))
                (instance (instantiate $e (with \"c\" (component $c)))))
            (instance (instantiate $d (with \"c\" (component $c)))))",
        // More arguments than the component imports.
        "(component (component $c) (component $d (import \"i\" (instance $i (export \"c\" (component)))) 
                (instance (instantiate (component $i \"c\"))))
            (instance $i (export \"c\" (component $c)) (export \"x\" (component $c)))
            (instance (instantiate $d (with \"i\" (instance $i)))))",
        // The host would pass it, which the translator refuses.
        "(component (import \"c\" (component $c)) (instance (instantiate $c)))",
        "(component (import \"i\" (instance $i (export \"c\" (component))))
            (alias export $i \"c\" (component $c)) (instance (instantiate $c)))",
        // Types need not be passed.
        "(component (component $c (type $u u8) (import \"t\" (type (eq $u)))) (type $t u8)
            (instance (instantiate $c (with \"t\" (type $t)))))",
    ] {
        assert_eq!(checked(text), Ok(()), "{text}");
    }
}

#[test]
fn invalid_components_are_left_to_the_translator() {
    let mut bytes =
        wat::parse_str("(component (component $c) (instance (instantiate $c)))").unwrap();
    assert_eq!(check(&bytes, &Limits::default()), Ok(()));
    let last = bytes.len() - 1;
    for byte in 0..=u8::MAX {
        bytes[last] = byte;
        assert_eq!(check(&bytes, &Limits::default()), Ok(()));
    }
    assert_eq!(check(b"\0asm\x01\0\0\0", &Limits::default()), Ok(()));
    assert_eq!(check(b"", &Limits::default()), Ok(()));
}
