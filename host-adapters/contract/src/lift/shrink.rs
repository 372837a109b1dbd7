//! Holding arguments that were lifted within the ceiling to a lower, configured limit.

use opentelemetry::trace::Status;
use opentelemetry::{Array, KeyValue, StringValue, Value};
use wasmscope_telemetry::limits::{Budget, Grant};
use wasmscope_telemetry::model::{
    BaggageEntry, InstrumentDescriptor, LinkTarget, LogRecord, LogValue, Number, Observation,
    RemoteContext, Scope, SpanChanges, SpanEvent, SpanLink, SpanReference, SpanStart,
};

/// What can be made to fit a budget, in the same way as it would have been read with that budget.
pub trait Shrink {
    /// Takes from the budget what this holds, and drops what exceeds it. False if nothing useful remains.
    fn shrink(&mut self, budget: &mut Budget) -> bool;
}

/// What is of no use in part.
fn whole(text: &str, budget: &mut Budget) -> bool {
    budget.take(text.len()) == Grant::All
}

impl Shrink for String {
    fn shrink(&mut self, budget: &mut Budget) -> bool {
        let granted = budget.take(self.len()).of(self.len());
        self.truncate(self.floor_char_boundary(granted));
        true
    }
}

impl<T: Shrink> Shrink for Option<T> {
    fn shrink(&mut self, budget: &mut Budget) -> bool {
        self.as_mut().is_none_or(|it| it.shrink(budget))
    }
}

impl<T: Shrink> Shrink for Vec<T> {
    fn shrink(&mut self, budget: &mut Budget) -> bool {
        self.retain_mut(|element| {
            budget.take_list(1, size_of::<T>()) == Grant::All && element.shrink(budget)
        });
        self.shrink_to_fit();
        true
    }
}

macro_rules! nothing_to_shrink {
    ($($ty:ty,)*) => {$(
        impl Shrink for $ty {
            fn shrink(&mut self, _: &mut Budget) -> bool {
                true
            }
        }
    )*};
}
nothing_to_shrink!(bool, u32, i64, f64, (), (u64,), (u64, Number),);

macro_rules! shrink_fields {
    ($($ty:ty { $($field:tt)* })*) => {$(
        impl Shrink for $ty {
            fn shrink(&mut self, budget: &mut Budget) -> bool {
                $(self.$field.shrink(budget);)*
                true
            }
        }
    )*};
}
shrink_fields! {
    SpanStart { name parent attributes }
    SpanChanges { name status attributes links }
    SpanEvent { name attributes }
    SpanLink { target attributes }
    InstrumentDescriptor { name unit description boundaries }
    Observation { attributes }
    LogRecord { body severity_text event_name attributes nodes context }
    (u64, SpanChanges) { 1 }
    (u64, SpanEvent) { 1 }
    (u64, SpanChanges, Option<u64>) { 1 }
    (u64, InstrumentDescriptor) { 1 }
    (u64, Number, Vec<KeyValue>) { 2 }
    (u64, Vec<KeyValue>) { 1 }
    (u64, Vec<LogRecord>) { 1 }
    super::logs::Enabled { 2 }
}

impl Shrink for RemoteContext {
    fn shrink(&mut self, budget: &mut Budget) -> bool {
        if !whole(&self.trace_state, budget) {
            self.trace_state.clear();
        }
        true
    }
}

impl Shrink for SpanReference {
    fn shrink(&mut self, budget: &mut Budget) -> bool {
        match self {
            Self::Remote(context) => context.shrink(budget),
            Self::Ambient | Self::None | Self::Span(_) => true,
        }
    }
}

impl Shrink for LinkTarget {
    fn shrink(&mut self, budget: &mut Budget) -> bool {
        match self {
            Self::Remote(context) => context.shrink(budget),
            Self::Span(_) => true,
        }
    }
}

impl Shrink for Status {
    fn shrink(&mut self, budget: &mut Budget) -> bool {
        if let Self::Error { description } = self {
            let granted = budget.take(description.len()).of(description.len());
            if granted < description.len() {
                *description = description[..description.floor_char_boundary(granted)]
                    .to_owned()
                    .into();
            }
        }
        true
    }
}

impl Shrink for StringValue {
    fn shrink(&mut self, budget: &mut Budget) -> bool {
        let granted = budget.take(self.as_str().len()).of(self.as_str().len());
        if granted < self.as_str().len() {
            let text = self.as_str();
            *self = text[..text.floor_char_boundary(granted)].to_owned().into();
        }
        true
    }
}

impl Shrink for KeyValue {
    fn shrink(&mut self, budget: &mut Budget) -> bool {
        if !whole(self.key.as_str(), budget) {
            return false;
        }
        match &mut self.value {
            Value::String(text) => text.shrink(budget),
            Value::Array(Array::String(array)) => array.shrink(budget),
            Value::Array(Array::Bool(array)) => array.shrink(budget),
            Value::Array(Array::I64(array)) => array.shrink(budget),
            Value::Array(Array::F64(array)) => array.shrink(budget),
            // The enums are open, but nothing else is ever read.
            Value::Bool(_) | Value::I64(_) | Value::F64(_) | Value::Array(_) | _ => true,
        }
    }
}

impl Shrink for (String, LogValue) {
    fn shrink(&mut self, budget: &mut Budget) -> bool {
        whole(&self.0, budget) && self.1.shrink(budget)
    }
}

impl Shrink for (String, u32) {
    fn shrink(&mut self, budget: &mut Budget) -> bool {
        whole(&self.0, budget)
    }
}

impl Shrink for LogValue {
    fn shrink(&mut self, budget: &mut Budget) -> bool {
        match self {
            Self::String(text) => text.shrink(budget),
            Self::Bytes(bytes) => {
                bytes.truncate(budget.take(bytes.len()).of(bytes.len()));
                true
            }
            Self::Array(elements) => elements.shrink(budget),
            Self::Map(entries) => entries.shrink(budget),
            Self::Bool(_) | Self::Int(_) | Self::Double(_) => true,
        }
    }
}

impl Shrink for BaggageEntry {
    fn shrink(&mut self, budget: &mut Budget) -> bool {
        let Self {
            key,
            value,
            metadata,
        } = self;
        whole(key, budget) && whole(value, budget) && whole(metadata, budget)
    }
}

impl Shrink for Scope {
    fn shrink(&mut self, budget: &mut Budget) -> bool {
        let mut name = self.name().to_owned();
        name.shrink(budget);
        let mut scope = Self::builder(name);
        if let Some(mut version) = self.version().map(str::to_owned) {
            version.shrink(budget);
            scope = scope.with_version(version);
        }
        if let Some(mut schema_url) = self.schema_url().map(str::to_owned) {
            schema_url.shrink(budget);
            scope = scope.with_schema_url(schema_url);
        }
        let mut attributes: Vec<KeyValue> = self.attributes().cloned().collect();
        attributes.shrink(budget);
        *self = scope.with_attributes(attributes).build();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes() -> Vec<KeyValue> {
        let texts = vec![
            StringValue::from("\u{20ac}\u{20ac}"),
            StringValue::from("b"),
        ];
        vec![
            KeyValue::new("abc", "0123456789"),
            KeyValue::new("d", Value::Array(Array::String(texts))),
        ]
    }

    /// Shrinks attributes to what they cost themselves and `extra` bytes for what they own.
    fn shrunk(elements: usize, extra: usize) -> (Vec<KeyValue>, u64) {
        let mut attributes = attributes();
        let mut budget = Budget::new(elements * size_of::<KeyValue>() + extra);
        attributes.shrink(&mut budget);
        (attributes, budget.left_out())
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        let strings = 2 * size_of::<StringValue>();
        assert_eq!(shrunk(2, 3 + 10 + 1 + 6 + 1 + strings), (attributes(), 0));
    }

    #[test]
    fn a_value_is_cut_and_an_attribute_without_room_for_its_key_is_left_out() {
        let cut = KeyValue::new("abc", "01");
        // The second has no room at all; then its element has, but not its key.
        assert_eq!(shrunk(1, 5), (vec![cut], 2));
        assert_eq!(shrunk(1, 2), (vec![], 2));
        assert_eq!(shrunk(0, 40), (vec![], 2));
    }

    #[test]
    fn text_is_cut_at_a_character() {
        let mut status = Status::error("\u{20ac}\u{20ac}");
        status.shrink(&mut Budget::new(5));
        assert_eq!(status, Status::error("\u{20ac}"));
        let mut name = String::from("\u{20ac}\u{20ac}");
        name.shrink(&mut Budget::new(2));
        assert_eq!(name, "");
    }

    #[test]
    fn half_a_trace_state_is_none() {
        let mut context = RemoteContext {
            trace_state: "a=b,c=d".to_owned(),
            ..RemoteContext::default()
        };
        context.shrink(&mut Budget::new(6));
        assert_eq!(context.trace_state, "");
    }

    #[test]
    fn a_record_shrinks_from_its_body_to_its_nodes() {
        let mut record = LogRecord {
            body: Some(LogValue::String("body".to_owned())),
            attributes: vec![("k".to_owned(), LogValue::Bytes(vec![0; 100]))],
            nodes: vec![LogValue::Int(1)],
            ..LogRecord::default()
        };
        let mut budget = Budget::new(4 + size_of::<(String, LogValue)>() + 1 + 50);
        record.shrink(&mut budget);
        assert_eq!(record.body, Some(LogValue::String("body".to_owned())));
        assert_eq!(
            record.attributes,
            [("k".to_owned(), LogValue::Bytes(vec![0; 50]))]
        );
        assert_eq!(record.nodes, []);
        assert_eq!(budget.left_out(), 2);
    }
}
