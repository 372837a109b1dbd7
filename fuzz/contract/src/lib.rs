//! The parts that the fuzz targets share: core values, and memories that make sense to a reader.

use arbitrary::{Result, Unstructured};
use wasmscope_contract::{CoreValue, StringEncoding};

/// A core value without a type.
#[derive(Debug, Clone, Copy)]
pub struct Bits(pub u64);

impl CoreValue for Bits {
    fn u32(self) -> u32 {
        self.0 as u32
    }

    fn u64(self) -> u64 {
        self.0
    }

    fn f64(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// Returns one of the encodings.
pub fn encoding(data: &mut Unstructured<'_>) -> Result<StringEncoding> {
    // Most guests use UTF-8, and only that has fast paths.
    Ok(match data.int_in_range(0..=7)? {
        0 => StringEncoding::Utf16,
        1 => StringEncoding::CompactUtf16,
        _ => StringEncoding::Utf8,
    })
}

/// Returns a word that often is a discriminant, a length, an aligned pointer or text.
fn word(data: &mut Unstructured<'_>) -> Result<u32> {
    let byte = u32::from(data.arbitrary::<u8>()?);
    Ok(match byte {
        0..64 => byte & 7,
        64..160 => (byte - 64) * 8,
        160..250 => u32::from_le_bytes([byte as u8 - 63, b'a', b'b', b'c']),
        _ => data.arbitrary()?,
    })
}

/// Returns up to `words` words as bytes.
pub fn bytes(data: &mut Unstructured<'_>, words: usize) -> Result<Vec<u8>> {
    let count = data.int_in_range(0..=words)?;
    let mut bytes = Vec::with_capacity(count * 4);
    for _ in 0..count {
        bytes.extend_from_slice(&word(data)?.to_le_bytes());
    }
    Ok(bytes)
}

/// Returns `count` core values.
pub fn values(data: &mut Unstructured<'_>, count: usize) -> Result<Vec<Bits>> {
    (0..count)
        .map(|_| {
            let low = word(data)?;
            let high = if data.ratio(1, 8)? { word(data)? } else { 0 };
            Ok(Bits(u64::from(high) << 32 | u64::from(low)))
        })
        .collect()
}
