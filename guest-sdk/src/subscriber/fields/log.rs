//! Fields as a log record's attributes.

use super::{Fields, Packed};
use crate::logs::types::{LogAttribute, LogValue};

impl Fields {
    pub(in crate::subscriber) fn copy_bytes(&mut self, bytes: &[u8]) -> Packed {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        Packed::Bytes(start..self.bytes.len())
    }

    /// Gives the nodes of a log record, which are the texts of all arrays, and each array's among them.
    #[cfg(feature = "tracing-std")]
    pub(in crate::subscriber) fn log_nodes(&self) -> (Vec<LogValue<'_>>, Vec<Vec<u32>>) {
        let mut texts = Vec::new();
        let mut indices = Vec::new();
        for (_, value) in &self.entries {
            if let Packed::Array(array) = value {
                let start = texts.len() as u32;
                array.lend(&mut texts);
                indices.push((start..texts.len() as u32).collect());
            }
        }
        (
            texts.into_iter().map(LogValue::StringValue).collect(),
            indices,
        )
    }

    /// Gives the fields as attributes of a log record with those nodes: in an event arrays are of texts.
    pub(in crate::subscriber) fn log_attributes<'a>(
        &'a self,
        nodes: &'a [Vec<u32>],
    ) -> Vec<LogAttribute<'a>> {
        let mut nodes = nodes.iter();
        self.entries
            .iter()
            .map(|(key, value)| LogAttribute {
                key: self.str(key),
                value: match value {
                    Packed::Text(text) => LogValue::StringValue(self.str(text)),
                    Packed::Bool(value) => LogValue::BoolValue(*value),
                    Packed::Int(value) => LogValue::IntValue(*value),
                    Packed::Double(value) => LogValue::DoubleValue(*value),
                    Packed::Bytes(range) => {
                        LogValue::BytesValue(self.bytes.get(range.clone()).unwrap_or_default())
                    }
                    Packed::Array(_) => {
                        LogValue::ArrayValue(nodes.next().map(Vec::as_slice).unwrap_or_default())
                    }
                },
            })
            .collect()
    }
}
