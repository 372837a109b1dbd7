use proptest::prelude::*;

use super::{Arena, Flat, Nested, Node, Parts, emit};
use crate::logs::types::LogValue;
use crate::testing::{RecordedValue, Recorder};
use crate::{Logger, Scope, SpanReference};

static LOGGER: Logger = Logger::new(Scope::new("arena"));

impl<'a> Nested<'a> for &'a RecordedValue {
    fn node(self) -> Node<'a, Self> {
        match self {
            RecordedValue::String(value) => Node::Scalar(LogValue::StringValue(value)),
            RecordedValue::Bool(value) => Node::Scalar(LogValue::BoolValue(*value)),
            RecordedValue::Int(value) => Node::Scalar(LogValue::IntValue(*value)),
            RecordedValue::Double(value) => Node::Scalar(LogValue::DoubleValue(*value)),
            RecordedValue::Bytes(value) => Node::Scalar(LogValue::BytesValue(value)),
            RecordedValue::Array(values) => Node::Array(values.iter().collect()),
            RecordedValue::Map(entries) => Node::Map(
                entries
                    .iter()
                    .map(|(key, value)| (key.as_str(), value))
                    .collect(),
            ),
        }
    }
}

fn value() -> impl Strategy<Value = RecordedValue> {
    let leaf = prop_oneof![
        any::<String>().prop_map(RecordedValue::String),
        any::<bool>().prop_map(RecordedValue::Bool),
        any::<i64>().prop_map(RecordedValue::Int),
        // Not-a-number is unequal to itself.
        (-1e300..1e300).prop_map(RecordedValue::Double),
        any::<Vec<u8>>().prop_map(RecordedValue::Bytes),
    ];
    leaf.prop_recursive(8, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(RecordedValue::Array),
            prop::collection::btree_map("[a-e]{1,3}", inner, 0..6)
                .prop_map(|map| RecordedValue::Map(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_nested_value_arrives_as_it_is(
        body in prop::option::of(value()),
        attributes in prop::collection::btree_map("[a-z]{1,4}", value(), 0..4),
        copies in 1..3_usize,
    ) {
        let recorder = Recorder::install();
        let borrowed: Vec<_> = attributes.iter().map(|(key, value)| (key.as_str(), value)).collect();
        let parts = Parts {
            body: body.as_ref(),
            severity: None,
            severity_text: None,
            event_name: None,
            attributes: &borrowed,
            time: None,
            context: SpanReference::None,
        };
        emit(LOGGER.handle(), &vec![parts; copies]);
        let logs = recorder.logs();
        prop_assert_eq!(logs.len(), copies);
        let attributes: Vec<_> = attributes.into_iter().collect();
        for log in logs {
            prop_assert_eq!(&log.body, &body);
            prop_assert_eq!(&log.attributes, &attributes);
        }
    }
}

/// An array in an array, and so on down.
#[derive(Clone, Copy)]
struct Deep(u32);

impl<'a> Nested<'a> for Deep {
    fn node(self) -> Node<'a, Self> {
        match self.0 {
            0 => Node::Scalar(LogValue::BoolValue(true)),
            left => Node::Array(vec![Self(left - 1)]),
        }
    }
}

#[test]
fn no_depth_overflows_the_stack() {
    let mut arena = Arena::default();
    let root = arena.flatten(Deep(200_000));
    assert!(matches!(root, Flat::Array(range) if range == (0..1)));
    assert_eq!(arena.nodes.len(), 200_000);
    // Each node's one child is the next node.
    assert!(arena.elements.iter().copied().eq(0..200_000));
}
