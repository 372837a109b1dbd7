//! Formats source locations as one short text.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;

/// A source location by the semantic conventions for code (`code.file.path`, `code.line.number`).
///
/// All spans and logs of `tracing` have these attributes. Written as separate attributes they would
/// hide the others.
#[derive(Debug)]
pub(super) struct Location<'a> {
    file: &'a str,
    line: i64,
    module: Option<&'a str>,
}

impl<'a> Location<'a> {
    /// Finds the location in attributes. Returns `None` if the file or the line is missing.
    pub(super) fn of(attributes: &'a [KeyValue]) -> Option<Self> {
        Some(Self {
            file: attributes
                .iter()
                .find_map(|it| text(it, "code.file.path"))?,
            line: attributes.iter().find_map(line)?,
            module: attributes
                .iter()
                .find_map(|it| text(it, "code.module.name")),
        })
    }

    /// Returns the file and the line.
    pub(super) fn parts(&self) -> (&'a str, i64) {
        (self.file, self.line)
    }

    /// Returns whether the location already shows an attribute: the location itself, and the target
    /// of `tracing` if it equals the module, as it does by default.
    pub(super) fn covers(&self, attribute: &KeyValue) -> bool {
        match attribute.key.as_str() {
            "code.file.path" | "code.line.number" | "code.module.name" => true,
            "target" => self.module.is_some() && text(attribute, "target") == self.module,
            _ => false,
        }
    }
}

fn text<'a>(attribute: &'a KeyValue, key: &str) -> Option<&'a str> {
    if let Value::StringValue(text) = attribute.value.as_ref()?.value.as_ref()?
        && attribute.key == key
    {
        Some(text)
    } else {
        None
    }
}

fn line(attribute: &KeyValue) -> Option<i64> {
    if let Value::IntValue(line) = attribute.value.as_ref()?.value.as_ref()?
        && attribute.key == "code.line.number"
    {
        Some(*line)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::common::v1::AnyValue;

    fn attribute(key: &str, value: Value) -> KeyValue {
        KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(value) }),
            ..KeyValue::default()
        }
    }

    #[test]
    fn location_is_separated_from_other_attributes() {
        let string = |value: &str| Value::StringValue(value.to_owned());
        let mut attributes = vec![
            attribute("code.file.path", string("src/stock.rs")),
            attribute("code.line.number", Value::IntValue(61)),
        ];
        let target = attribute("target", string("shop::stock"));
        let location = Location::of(&attributes).expect("a location");
        assert_eq!(location.parts(), ("src/stock.rs", 61));
        assert!(
            !location.covers(&target),
            "without a module the target is news"
        );

        attributes.push(attribute("code.module.name", string("shop::stock")));
        let location = Location::of(&attributes).expect("a location");
        assert!(attributes.iter().all(|it| location.covers(it)));
        assert!(location.covers(&target));
        assert!(!location.covers(&attribute("target", string("audit"))));
        assert!(!location.covers(&attribute("sku", string("shop::stock"))));
    }

    #[test]
    fn location_needs_a_numeric_line() {
        let string = |value: &str| Value::StringValue(value.to_owned());
        let attributes = [
            attribute("code.file.path", string("a.rs")),
            attribute("code.line.number", string("61")),
        ];
        assert!(Location::of(&attributes).is_none());
    }
}
