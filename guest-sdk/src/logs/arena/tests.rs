use proptest::prelude::*;

use super::{Nested, Parts, Values, emit, emit_all};
use crate::testing::{RecordedValue, Recorder};
use crate::types::LogValue;
use crate::{Logger, Scope, SpanReference};

static LOGGER: Logger = Logger::new(Scope::new("arena"));

impl<'a> Nested<'a> for &'a RecordedValue {
    fn node(self, children: &mut Vec<(&'a str, Self)>) -> LogValue<'a> {
        match self {
            RecordedValue::String(value) => LogValue::String(value),
            RecordedValue::Bool(value) => LogValue::Bool(*value),
            RecordedValue::Int(value) => LogValue::Int(*value),
            RecordedValue::Double(value) => LogValue::Double(*value),
            RecordedValue::Bytes(value) => LogValue::Bytes(value),
            RecordedValue::Array(values) => {
                children.extend(values.iter().map(|value| ("", value)));
                LogValue::Array(&[])
            }
            RecordedValue::Map(entries) => {
                children.extend(entries.iter().map(|(key, value)| (key.as_str(), value)));
                LogValue::Map(&[])
            }
        }
    }
}

fn value() -> impl Strategy<Value = RecordedValue> {
    let leaf = prop_oneof![
        any::<String>().prop_map(RecordedValue::String),
        any::<bool>().prop_map(RecordedValue::Bool),
        any::<i64>().prop_map(RecordedValue::Int),
        // NaN is not equal to itself.
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
    fn any_nested_value_arrives_unchanged(
        body in prop::option::of(value()),
        attributes in prop::collection::btree_map("[a-z]{1,4}", value(), 0..12),
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
        match copies {
            1 => emit(LOGGER.handle(), &parts),
            copies => emit_all(LOGGER.handle(), &vec![parts; copies]),
        }
        let logs = recorder.logs();
        prop_assert_eq!(logs.len(), copies);
        let attributes: Vec<_> = attributes.into_iter().collect();
        for log in logs {
            prop_assert_eq!(&log.body, &body);
            prop_assert_eq!(&log.attributes, &attributes);
        }
    }
}

/// An array in an array, and so on.
#[derive(Clone, Copy)]
struct Deep(u32);

impl<'a> Nested<'a> for Deep {
    fn node(self, children: &mut Vec<(&'a str, Self)>) -> LogValue<'a> {
        match self.0 {
            0 => LogValue::Bool(true),
            left => {
                children.push(("", Self(left - 1)));
                LogValue::Array(&[])
            }
        }
    }
}

#[test]
fn deep_values_do_not_overflow_the_stack() {
    let mut values = Values::of(&Parts {
        body: Some(Deep(200_000)),
        severity: None,
        severity_text: None,
        event_name: None,
        attributes: &[],
        time: None,
        context: SpanReference::None,
    });
    let children = values.children();
    values.resolve(&children, &[]);
    let nodes = values.nodes();
    assert_eq!(nodes.len(), 200_000);
    // Each node has one child: the next node.
    for (node, next) in nodes.iter().zip(1..200_000) {
        assert_eq!(*node, LogValue::Array(&[next]));
    }
}
