//! The interface `context`.

use crate::abi::{Cursor, Read, Reader, Result, parameters};
use wasmscope_telemetry::model::BaggageEntry;

parameters!(Vec<BaggageEntry>: Vec<BaggageEntry>);

/// `enter-baggage`.
impl Read for Vec<BaggageEntry> {
    #[inline]
    fn read(reader: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        reader.list(at, |reader, at| {
            // An entry without one of its parts would mean something else.
            let key = reader.whole_string(at)?;
            let value = reader.whole_string(at)?;
            let metadata = reader.whole_string(at)?;
            Ok(match (key, value, metadata) {
                (Some(key), Some(value), Some(metadata)) => Some(BaggageEntry {
                    key,
                    value,
                    metadata,
                }),
                _ => None,
            })
        })
    }
}
