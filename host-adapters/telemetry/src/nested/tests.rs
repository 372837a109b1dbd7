use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;

const BOUNDS: ValueLimits = ValueLimits {
    nodes: 1_024,
    depth: 32,
    value_bytes: usize::MAX,
    attribute_chars: None,
};

/// The values alone, without their sizes.
#[derive(Debug, PartialEq)]
struct Built {
    body: Option<AnyValue>,
    attributes: Vec<(Key, AnyValue)>,
    dropped: u64,
    shortened: u64,
}

fn built(
    body: Option<LogValue>,
    attributes: Vec<(Key, LogValue)>,
    nodes: Vec<LogValue>,
    bounds: ValueLimits,
) -> Built {
    let Values {
        body,
        attributes,
        dropped,
        violation: _,
    } = build(body, attributes, nodes, bounds);
    let all = body.iter().chain(attributes.iter().map(|(_, value)| value));
    let shortened = all
        .map(|value| u64::from(value.shortened.bytes) + u64::from(value.shortened.chars))
        .sum();
    Built {
        body: body.map(|body| body.value),
        attributes: attributes
            .into_iter()
            .map(|(key, attribute)| (key, attribute.value))
            .collect(),
        dropped,
        shortened,
    }
}

fn array(children: &[u32]) -> LogValue {
    LogValue::Array(children.to_vec())
}

fn map(entries: &[(&str, u32)]) -> LogValue {
    LogValue::Map(
        entries
            .iter()
            .map(|(key, node)| (String::from(*key), *node))
            .collect(),
    )
}

fn list(values: Vec<AnyValue>) -> AnyValue {
    AnyValue::ListAny(Box::new(values))
}

fn any_map(entries: Vec<(&'static str, AnyValue)>) -> AnyValue {
    AnyValue::Map(Box::new(
        entries
            .into_iter()
            .map(|(key, value)| (Key::new(key), value))
            .collect(),
    ))
}

fn body(body: LogValue, nodes: Vec<LogValue>) -> Built {
    built(Some(body), Vec::new(), nodes, BOUNDS)
}

#[test]
fn nested_values_are_rebuilt() {
    let values = built(
        Some(map(&[("items", 0), ("total", 1)])),
        vec![
            (Key::from("flat"), LogValue::Int(-1)),
            (Key::from("list"), array(&[4, 5])),
        ],
        vec![
            array(&[2, 3]),
            LogValue::Double(1.5),
            LogValue::String(String::from("a")),
            LogValue::Bytes(vec![0, 255]),
            LogValue::Bool(true),
            map(&[]),
        ],
        BOUNDS,
    );
    let expected = Built {
        body: Some(any_map(vec![
            (
                "items",
                list(vec![
                    AnyValue::String("a".into()),
                    AnyValue::Bytes(Box::new(vec![0, 255])),
                ]),
            ),
            ("total", AnyValue::Double(1.5)),
        ])),
        attributes: vec![
            (Key::from("flat"), AnyValue::Int(-1)),
            (
                Key::from("list"),
                list(vec![AnyValue::Boolean(true), any_map(vec![])]),
            ),
        ],
        dropped: 0,
        shortened: 0,
    };
    assert_eq!(values, expected);
}

#[test]
fn last_entry_of_a_key_is_kept() {
    let values = body(
        map(&[("k", 0), ("k", 1)]),
        vec![LogValue::Int(1), LogValue::Int(2)],
    );
    assert_eq!(values.body, Some(any_map(vec![("k", AnyValue::Int(2))])));
}

#[test]
fn broken_arenas_lose_their_nested_values() {
    let leaf = || LogValue::Int(1);
    let table = [
        ("child out of range", array(&[1]), vec![leaf()]),
        ("child far out of range", array(&[u32::MAX]), vec![leaf()]),
        ("child without any nodes", array(&[0]), vec![]),
        ("child twice in one parent", array(&[0, 0]), vec![leaf()]),
        (
            "child of two parents",
            array(&[0, 1]),
            vec![array(&[2]), array(&[2]), leaf()],
        ),
        (
            "child before its parent",
            array(&[1]),
            vec![leaf(), array(&[0])],
        ),
        ("child of itself", array(&[0]), vec![array(&[0])]),
        (
            "cycle apart from the root",
            array(&[]),
            vec![array(&[1]), array(&[0])],
        ),
        ("stray node", array(&[0]), vec![leaf(), leaf()]),
        (
            "map with a child out of range",
            map(&[("k", 7)]),
            vec![leaf()],
        ),
    ];
    for (case, root, nodes) in table {
        let values = built(
            Some(root),
            vec![
                (Key::from("kept"), LogValue::Bool(true)),
                (Key::from("lost"), LogValue::Map(Vec::new())),
            ],
            nodes,
            BOUNDS,
        );
        assert_eq!(values.body, None, "{case}");
        assert_eq!(
            values.attributes,
            vec![(Key::from("kept"), AnyValue::Boolean(true))],
            "{case}"
        );
        assert_eq!(values.dropped, 2, "{case}");
    }
}

#[test]
fn stray_nodes_of_a_flat_record_are_counted() {
    let values = body(LogValue::Int(1), vec![LogValue::Int(2)]);
    assert_eq!(values.body, Some(AnyValue::Int(1)));
    assert_eq!(values.dropped, 1);
}

/// A chain of arrays below the body, `levels` of nodes.
fn chain(levels: usize) -> Vec<LogValue> {
    (1..=levels)
        .map(|next| {
            if next == levels {
                array(&[])
            } else {
                array(&[u32::try_from(next).unwrap()])
            }
        })
        .collect()
}

#[test]
fn depth_is_limited() {
    assert_eq!(body(array(&[0]), chain(31)).dropped, 0);
    assert_eq!(body(array(&[0]), chain(32)).dropped, 1);
}

#[test]
fn nodes_are_limited() {
    let wide = |count: u32| {
        body(
            LogValue::Array((0..count).collect()),
            vec![LogValue::Bool(false); count as usize],
        )
    };
    assert_eq!(wide(1024).dropped, 0);
    assert_eq!(wide(1025).dropped, 1);
}

#[test]
fn chain_of_200_000_levels_is_refused_before_it_is_built() {
    let values = body(array(&[0]), chain(200_000));
    assert_eq!((values.body, values.dropped), (None, 1));
}

#[test]
fn long_texts_and_bytes_are_shortened_at_every_level() {
    let values = built(
        Some(array(&[0])),
        vec![(Key::from("a"), LogValue::String(String::from("äöü")))],
        vec![LogValue::Bytes(vec![1, 2, 3, 4])],
        ValueLimits {
            value_bytes: 3,
            ..BOUNDS
        },
    );
    assert_eq!(
        values.body,
        Some(list(vec![AnyValue::Bytes(Box::new(vec![1, 2, 3]))]))
    );
    assert_eq!(
        values.attributes,
        vec![(Key::from("a"), AnyValue::String("ä".into()))]
    );
    assert_eq!(values.shortened, 2);
}

#[test]
fn characters_are_limited_in_attributes_only() {
    let text = || LogValue::String(String::from("\u{e4}\u{f6}\u{fc}"));
    let values = built(
        Some(array(&[1])),
        vec![(Key::from("a"), array(&[0])), (Key::from("b"), text())],
        vec![text(), text()],
        ValueLimits {
            attribute_chars: Some(2),
            ..BOUNDS
        },
    );
    let short = || AnyValue::String("\u{e4}\u{f6}".into());
    assert_eq!(
        values.body,
        Some(list(vec![AnyValue::String("\u{e4}\u{f6}\u{fc}".into())]))
    );
    assert_eq!(
        values.attributes,
        [
            (Key::from("a"), list(vec![short()])),
            (Key::from("b"), short())
        ]
    );
    assert_eq!(values.shortened, 2);
}

#[test]
fn sizes_include_nested_values() {
    let text = |len: usize| LogValue::String("x".repeat(len));
    let values = build(
        Some(map(&[("key", 0), ("list", 1)])),
        vec![],
        vec![text(1_000), array(&[2]), text(500)],
        BOUNDS,
    );
    let bytes = values.body.unwrap().bytes;
    assert!((1_507..2_000).contains(&bytes), "{bytes}");
}

/// Converts a tree into nodes as guests do: parents before their children.
fn flatten(value: &AnyValue, nodes: &mut Vec<LogValue>) -> LogValue {
    let mut add_node = |child: &AnyValue| {
        let index = nodes.len();
        nodes.push(LogValue::Bool(false));
        nodes[index] = flatten(child, nodes);
        u32::try_from(index).unwrap()
    };
    match value {
        AnyValue::Int(value) => LogValue::Int(*value),
        AnyValue::Double(value) => LogValue::Double(*value),
        AnyValue::String(value) => LogValue::String(value.as_str().to_owned()),
        AnyValue::Boolean(value) => LogValue::Bool(*value),
        AnyValue::Bytes(value) => LogValue::Bytes(value.as_ref().clone()),
        AnyValue::ListAny(values) => LogValue::Array(values.iter().map(add_node).collect()),
        AnyValue::Map(values) => LogValue::Map(
            values
                .iter()
                .map(|(key, value)| (key.as_str().to_owned(), add_node(value)))
                .collect(),
        ),
        other => panic!("unknown value {other:?}"),
    }
}

fn tree() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(AnyValue::Int),
        (-1e300..1e300).prop_map(AnyValue::Double),
        ".{0,8}".prop_map(|text: String| AnyValue::String(text.into())),
        any::<bool>().prop_map(AnyValue::Boolean),
        proptest::collection::vec(any::<u8>(), 0..8)
            .prop_map(|bytes| AnyValue::Bytes(Box::new(bytes))),
    ];
    leaf.prop_recursive(8, 200, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6)
                .prop_map(|values| AnyValue::ListAny(Box::new(values))),
            proptest::collection::hash_map(".{0,4}".prop_map(Key::from), inner, 0..6)
                .prop_map(|values| AnyValue::Map(Box::new(values))),
        ]
    })
}

fn arbitrary_node() -> impl Strategy<Value = LogValue> {
    let index = prop_oneof![0..12_u32, any::<u32>()];
    prop_oneof![
        Just(LogValue::Int(7)),
        proptest::collection::vec(index.clone(), 0..4).prop_map(LogValue::Array),
        proptest::collection::vec((".{0,2}", index), 0..4).prop_map(LogValue::Map),
    ]
}

/// Checks the rules in another way: each index is in range, greater than its parent's, and
/// referenced exactly once.
fn is_valid_arena(root: &LogValue, nodes: &[LogValue]) -> bool {
    let mut parents: HashMap<usize, Option<usize>> = HashMap::new();
    for (parent, value) in std::iter::once((None, root))
        .chain(nodes.iter().enumerate().map(|(i, node)| (Some(i), node)))
    {
        for child in children(value) {
            let after_parent = parent.is_none_or(|parent| child > parent);
            if child >= nodes.len() || !after_parent || parents.insert(child, parent).is_some() {
                return false;
            }
        }
    }
    // At most twelve nodes are never too deep.
    parents.len() == nodes.len()
}

fn has_distinct_keys(value: &LogValue) -> bool {
    let LogValue::Map(entries) = value else {
        return true;
    };
    let keys: HashSet<_> = entries.iter().map(|(key, _)| key).collect();
    keys.len() == entries.len()
}

fn count_nodes(value: &AnyValue) -> usize {
    let mut below: Vec<&AnyValue> = Vec::new();
    if let AnyValue::ListAny(values) = value {
        below.extend(values.iter());
    } else if let AnyValue::Map(values) = value {
        below.extend(values.values());
    }
    below.into_iter().map(|value| 1 + count_nodes(value)).sum()
}

proptest! {
    #[test]
    fn valid_arenas_are_converted_back_to_their_trees(root in tree(), attribute in tree()) {
        let mut nodes = Vec::new();
        let flat_root = flatten(&root, &mut nodes);
        let flat_attribute = flatten(&attribute, &mut nodes);
        prop_assume!(nodes.len() <= BOUNDS.nodes);
        let values = built(Some(flat_root), vec![(Key::from("a"), flat_attribute)], nodes, BOUNDS);
        prop_assert_eq!(values.body, Some(root));
        prop_assert_eq!(values.attributes, vec![(Key::from("a"), attribute)]);
        prop_assert_eq!((values.dropped, values.shortened), (0, 0));
    }

    #[test]
    fn arbitrary_graphs_are_refused_unless_valid(
        root in arbitrary_node(),
        nodes in proptest::collection::vec(arbitrary_node(), 0..12),
    ) {
        let valid = is_valid_arena(&root, &nodes);
        // The value contains exactly the nodes of a valid arena, except that a map keeps only one
        // value for each key.
        let distinct_keys = std::iter::once(&root).chain(&nodes).all(has_distinct_keys);
        let count = nodes.len();
        let values = built(Some(root.clone()), Vec::new(), nodes, BOUNDS);
        prop_assert_eq!(values.dropped == 0, valid);
        if valid && distinct_keys {
            prop_assert_eq!(count_nodes(&values.body.unwrap()), count);
        } else if !valid && is_nested(&root) {
            prop_assert_eq!(values.body, None);
        }
    }
}
