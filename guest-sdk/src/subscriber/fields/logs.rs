//! Fields as attributes of a log record.

use super::buffer::{Fields, Packed};
use crate::types::{LogAttribute, LogValue};

impl Fields {
    pub(in crate::subscriber) fn copy_bytes(&mut self, bytes: &[u8]) -> Packed {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        Packed::Bytes(start..self.bytes.len())
    }

    /// Returns the nodes of a log record, which are the texts of all arrays, and the indices of
    /// each array's nodes.
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
        (texts.into_iter().map(LogValue::String).collect(), indices)
    }

    /// Returns the fields as attributes of a log record with those nodes. Arrays in events hold
    /// texts.
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
                    Packed::Text(text) => LogValue::String(self.str(text)),
                    Packed::Bool(value) => LogValue::Bool(*value),
                    Packed::Int(value) => LogValue::Int(*value),
                    Packed::Double(value) => LogValue::Double(*value),
                    Packed::Bytes(range) => {
                        LogValue::Bytes(self.bytes.get(range.clone()).unwrap_or_default())
                    }
                    Packed::Array(_) => {
                        LogValue::Array(nodes.next().map(Vec::as_slice).unwrap_or_default())
                    }
                },
            })
            .collect()
    }
}
