use std::fmt::Write as _;

use super::*;

fn counted(text: &str) -> Option<u64> {
    let bytes = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
    count(&bytes, &Limits::default()).ok()
}

/// Returns types of instances, each with two of the previous one inside. The first has a resource.
fn doubling(levels: usize) -> String {
    let mut text = r#"(type $t0 (instance (export "r" (type (sub resource)))))"#.to_owned();
    for level in 1..=levels {
        let inner = level - 1;
        write!(
            text,
            r#"(type $t{level} (instance
                (export "a" (instance (type $t{inner}))) (export "b" (instance (type $t{inner})))))"#
        )
        .unwrap();
    }
    text
}

#[test]
fn types_that_double_at_each_level_are_refused() {
    for levels in [16, 40, 99] {
        let text = format!("(component {})", doubling(levels));
        assert_eq!(counted(&text), None, "{levels} levels");
    }
    assert!(counted(&format!("(component {})", doubling(8))).is_some());
}

#[test]
fn each_import_export_and_instance_counts() {
    let types = doubling(10);
    let alone = counted(&format!("(component {types})")).unwrap();
    let imported = r#"(import "i" (instance $i (type $t10)))"#;
    let one = counted(&format!("(component {types} {imported})")).unwrap() - alone;
    assert!(one > 10_000, "{one}");
    for (what, times) in [
        (r#"(export "e" (instance $i))"#, 1),
        (r#"(component (import "i" (instance (type $t10))))"#, 1),
        (r#"(instance $j (export "e" (instance $i)))"#, 1),
        (
            r#"(type (instance (export "i" (instance (type $t10)))))"#,
            1,
        ),
        (
            r#"(type (component (import "i" (instance (type $t10))) (export "e" (instance (type $t10)))))"#,
            2,
        ),
        (
            r#"(component $c (import "i" (instance $i (type $t10))) (export "e" (instance $i)))
            (instance (instantiate $c (with "i" (instance $i))))"#,
            5,
        ),
        (
            r#"(import "c" (component $c (export "e" (instance (type $t10)))))
            (instance (instantiate $c)) (instance $i2 (instantiate $c))
            (alias export $i2 "e" (instance $e)) (export "e2" (instance $e))"#,
            5,
        ),
    ] {
        let text = format!("(component {types} {imported} {what})");
        let more = counted(&text).unwrap() - alone - one;
        let times = one * times;
        assert!(
            (times..times + times / 2).contains(&more),
            "{what}: {more}, expected {times}"
        );
    }
}

#[test]
fn imports_of_many_components_are_summed() {
    let imports = r#"(component (import "i" (instance (type $t10))))"#.repeat(100);
    assert_eq!(
        counted(&format!("(component {} {imports})", doubling(10))),
        None
    );
}

#[test]
fn values_count_where_they_are_used() {
    let mut types = r#"(type $v0 u8)"#.to_owned();
    for level in 1..=15 {
        let inner = level - 1;
        write!(types, "(type $v{level} (tuple $v{inner} $v{inner}))").unwrap();
    }
    let used = r#"(type $f (func (param "v" $v15))) (import "f" (func (type $f)))"#;
    let found = counted(&format!("(component {types} {used})")).unwrap();
    assert!((65_000..70_000).contains(&found), "{found}");
}

#[test]
fn malformed_input_is_left_to_the_validator() {
    let text =
        r#"(component (type $t (instance (export "f" (func)))) (import "i" (instance (type $t))))"#;
    let bytes = wat::parse_str(text).unwrap();
    for end in 0..bytes.len() {
        assert_eq!(check(&bytes[..end], &Limits::default()), Ok(()));
    }
    for at in 8..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] = 0xff;
        assert_eq!(check(&bytes, &Limits::default()), Ok(()));
    }
}

/// Returns types of instances, each declared within the previous one.
fn nested(levels: usize) -> Vec<u8> {
    let mut types = vec![1];
    types.extend([0x42, 1, 1].repeat(levels));
    types.extend([0x42, 0]);
    let mut component = wasm_encoder::Component::new();
    component.section(&wasm_encoder::RawSection {
        id: wasm_encoder::ComponentSectionId::Type.into(),
        data: &types,
    });
    component.finish()
}

#[test]
fn nested_types_are_refused_before_they_are_read() {
    let limits = Limits::default();
    assert_eq!(check(&nested(98), &limits), Ok(()));
    for levels in [100, 100_000, 3_000_000] {
        let refused = crate::check(&nested(levels), &limits).unwrap_err();
        let most = 100;
        let limit = Limit::TypeNesting;
        assert_eq!(refused, TooLarge { limit, most }.into(), "{levels} levels");
    }
    let mut limits = Limits::default();
    limits.set(Limit::TypeNesting, 200).unwrap();
    assert_eq!(check(&nested(190), &limits), Ok(()));
    for levels in [300, 100_000] {
        let refused = crate::check(&nested(levels), &limits).unwrap_err();
        let (limit, most) = (Limit::TypeNesting, 200);
        assert_eq!(refused, TooLarge { limit, most }.into(), "{levels} levels");
    }
}
