//! Attribute sets of measurements and scopes as keys of tables, with a total equality.

use std::hash::{Hash, Hasher};

use opentelemetry::{Array, InstrumentationScope, KeyValue, Value};

use crate::attributes::{ByteBudget, CountLimit, Rules, bytes_of};
use crate::dropped::Reason;
use crate::emitted::attribute;

/// The attributes of a series: sorted, without duplicate keys, within the limits.
///
/// Floating-point values are compared by their bits. In OpenTelemetry's own comparison, a set with
/// a NaN is not equal to itself, so each measurement would make a new series.
#[derive(Debug, Clone, Default)]
pub(crate) struct AttributeSet(Vec<KeyValue>);

impl AttributeSet {
    /// Applies the rules to a measurement's attributes, and sorts them.
    pub(crate) fn new(given: Vec<KeyValue>, rules: &Rules<'_>) -> Self {
        Self::checked(given, rules).0
    }

    /// Works like [`new`](Self::new), and also returns whether the rules changed the attributes.
    pub(crate) fn checked(given: Vec<KeyValue>, rules: &Rules<'_>) -> (Self, bool) {
        let mut attributes = Vec::new();
        // `metric_bytes` bounds the sets of all instances together.
        let merged = rules.merge(
            &mut attributes,
            given,
            CountLimit(
                rules.limits.measurement_attributes,
                Reason::MeasurementAttributes,
            ),
            &mut ByteBudget::unlimited(),
        );
        attributes.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        (Self(attributes), merged.is_changed)
    }

    /// Returns the specification's set for measurements beyond the cardinality limit.
    pub(crate) fn overflow() -> Self {
        Self(vec![KeyValue::new(attribute::OVERFLOW.key, true)])
    }

    pub(crate) fn as_slice(&self) -> &[KeyValue] {
        &self.0
    }

    /// Returns whether the set contains a floating-point zero, so that the SDK may merge it with
    /// another set. Here 0.0 and -0.0 are different. In the SDK they are equal but have different
    /// hashes, so the result of a lookup is random.
    pub(crate) fn has_float_zero(&self) -> bool {
        self.0.iter().any(|attribute| match &attribute.value {
            Value::F64(number) => *number == 0.0,
            Value::Array(Array::F64(numbers)) => numbers.contains(&0.0),
            Value::Bool(_) | Value::I64(_) | Value::String(_) | Value::Array(_) | _ => false,
        })
    }

    /// Estimates its memory.
    pub(crate) fn bytes(&self) -> usize {
        self.0.iter().map(bytes_of).sum()
    }
}

impl PartialEq for AttributeSet {
    fn eq(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}

impl Eq for AttributeSet {}

impl Hash for AttributeSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Floating-point numbers are hashed by their bits, which agrees with `same`.
        self.0.hash(state);
    }
}

fn same(a: &[KeyValue], b: &[KeyValue]) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|(a, b)| a.key == b.key && same_value(&a.value, &b.value))
}

fn same_value(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::F64(a), Value::F64(b)) => a.to_bits() == b.to_bits(),
        (Value::Array(Array::F64(a)), Value::Array(Array::F64(b))) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
        }
        _ => a == b,
    }
}

/// A scope as the key of a table. Floating-point numbers in its attributes are compared by their
/// bits. The order of attributes matters.
#[derive(Debug, Clone)]
pub struct ScopeKey(pub InstrumentationScope);

impl PartialEq for ScopeKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.name() == other.0.name()
            && self.0.version() == other.0.version()
            && self.0.schema_url() == other.0.schema_url()
            && {
                let (a, b): (Vec<_>, Vec<_>) = (
                    self.0.attributes().collect(),
                    other.0.attributes().collect(),
                );
                a.len() == b.len()
                    && a.iter()
                        .zip(b)
                        .all(|(a, b)| a.key == b.key && same_value(&a.value, &b.value))
            }
    }
}

impl Eq for ScopeKey {}

impl Hash for ScopeKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dropped::{Dropped, Signal};
    use crate::limits::Limits;

    fn set(attributes: Vec<KeyValue>) -> AttributeSet {
        limited(attributes, &Limits::default()).0
    }

    fn limited(attributes: Vec<KeyValue>, limits: &Limits) -> (AttributeSet, Dropped) {
        let dropped = Dropped::default();
        let rules = Rules {
            limits,
            dropped: &dropped,
            signal: Signal::Metrics,
            value_chars: None,
            pending: None,
        };
        (AttributeSet::new(attributes, &rules), dropped)
    }

    #[test]
    fn order_does_not_matter_and_the_last_value_of_a_key_is_kept() {
        let a = set(vec![
            KeyValue::new("b", 1),
            KeyValue::new("a", 1),
            KeyValue::new("b", 2),
        ]);
        let b = set(vec![KeyValue::new("a", 1), KeyValue::new("b", 2)]);
        assert_eq!(a, b);
        assert_eq!(a.as_slice(), [KeyValue::new("a", 1), KeyValue::new("b", 2)]);
    }

    #[test]
    fn not_a_number_equals_itself_and_zero_differs_from_minus_zero() {
        let nan = || {
            set(vec![
                KeyValue::new("a", f64::NAN),
                KeyValue::new("b", Value::Array(vec![f64::NAN].into())),
            ])
        };
        assert_eq!(nan(), nan());
        assert_ne!(
            set(vec![KeyValue::new("a", 0.0)]),
            set(vec![KeyValue::new("a", -0.0)])
        );
        let scope = || {
            ScopeKey(
                InstrumentationScope::builder("s")
                    .with_attributes([KeyValue::new("a", f64::NAN)])
                    .build(),
            )
        };
        assert_eq!(scope(), scope());
    }

    #[test]
    fn values_of_different_types_differ() {
        assert_ne!(
            set(vec![KeyValue::new("a", 1)]),
            set(vec![KeyValue::new("a", 1.0)])
        );
        assert_ne!(
            set(vec![KeyValue::new("a", "1")]),
            set(vec![KeyValue::new("a", 1)])
        );
    }

    #[test]
    fn number_of_attributes_is_limited() {
        let limits = Limits {
            measurement_attributes: 2,
            ..Limits::default()
        };
        let given = vec![
            KeyValue::new("b", 1),
            KeyValue::new("a", 1),
            KeyValue::new("c", 1),
            KeyValue::new("a", 2),
        ];
        let (set, dropped) = limited(given, &limits);
        assert_eq!(
            set.as_slice(),
            [KeyValue::new("a", 2), KeyValue::new("b", 1)]
        );
        assert_eq!(
            dropped.get(Signal::Metrics, Reason::MeasurementAttributes),
            1
        );
    }
}
