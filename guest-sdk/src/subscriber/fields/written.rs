//! Writes values as text.

use core::fmt::{self, Debug, Write};

use super::buffer::{Fields, Text};

/// Returns a digit as text. This needs less code than pushing a `char`.
fn digit(value: u8) -> &'static str {
    let at = usize::from(value);
    "0123456789abcdef".get(at..=at).unwrap_or_default()
}

impl Fields {
    pub(in crate::subscriber) fn debug(&mut self, value: &dyn Debug) -> Text {
        self.format(format_args!("{value:?}"))
    }

    /// Writes an integer. The standard library's code for 128-bit integers takes two kilobytes.
    pub(in crate::subscriber) fn decimal(&mut self, negative: bool, magnitude: u128) -> Text {
        let mut limbs = [96, 64, 32, 0].map(|shift| (magnitude >> shift) as u32);
        // The maximum number of digits.
        let mut digits = [0; 39];
        let mut first = digits.len();
        for digit in digits.iter_mut().rev() {
            let mut rest = 0;
            for limb in &mut limbs {
                let part = rest << 32 | u64::from(*limb);
                *limb = (part / 10) as u32;
                rest = part % 10;
            }
            *digit = rest as u8;
            first -= 1;
            if limbs == [0; 4] {
                break;
            }
        }
        self.written(|buffer| {
            buffer.push_str(if negative { "-" } else { "" });
            for &value in digits.iter().skip(first) {
                buffer.push_str(digit(value));
            }
        })
    }

    /// Writes bytes in the default format of `tracing`: `[0a ff]`.
    pub(in crate::subscriber) fn hex(&mut self, bytes: &[u8]) -> Text {
        self.written(|buffer| {
            let mut before = "[";
            for &byte in bytes {
                for part in [before, digit(byte >> 4), digit(byte & 15)] {
                    buffer.push_str(part);
                }
                before = " ";
            }
            buffer.push_str(if bytes.is_empty() { "[]" } else { "]" });
        })
    }

    /// Writes a value. If its implementation fails, the text that is already written is kept.
    pub(in crate::subscriber) fn format(&mut self, value: fmt::Arguments<'_>) -> Text {
        self.written(|buffer| {
            let _ = buffer.write_fmt(value);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_integers_are_written_as_the_standard_library_does() {
        for value in [
            0,
            7,
            10,
            u128::from(u64::MAX) + 1,
            10_u128.pow(38),
            u128::MAX,
        ] {
            let mut fields = Fields::default();
            let text = fields.decimal(false, value);
            assert_eq!(fields.str(&text), value.to_string());
        }
        for value in [-1, i128::from(i64::MIN) - 1, i128::MIN] {
            let mut fields = Fields::default();
            let text = fields.decimal(true, value.unsigned_abs());
            assert_eq!(fields.str(&text), value.to_string());
        }
    }

    #[test]
    fn bytes_are_written_as_tracing_does() {
        for (bytes, written) in [(&[][..], "[]"), (&[10], "[0a]"), (&[0, 255], "[00 ff]")] {
            let mut fields = Fields::default();
            let text = fields.hex(bytes);
            assert_eq!(fields.str(&text), written);
        }
    }
}
