//! Sizes, alignments and core values of types, by the canonical ABI for 32-bit memories.

use super::Type;

/// The layout of a type's values in linear memory, and the number of core values in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// The size of a value in bytes.
    pub size: usize,
    /// The alignment of its address.
    pub align: usize,
    /// The number of core values of a value, even if more than one call may pass.
    pub flat: usize,
}

impl Type {
    /// Returns the layout of the type's values.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        match self {
            // A discriminant of up to 256 cases, or up to eight flags, take one byte.
            Self::Bool | Self::U8 | Self::Enum(_) | Self::Flags(_) => Layout::scalar(1),
            Self::U32 => Layout::scalar(4),
            Self::U64 | Self::S64 | Self::F64 => Layout::scalar(8),
            Self::String | Self::List(_) => Layout {
                size: 8,
                align: 4,
                flat: 2,
            },
            Self::Option(payload) => payload.layout().discriminated(),
            Self::Record(fields) => {
                let mut layout = Layout::NOTHING;
                let mut index = 0;
                while index < fields.len() {
                    layout = layout.then(fields[index].ty.layout());
                    index += 1;
                }
                layout.padded()
            }
            Self::Variant(cases) => {
                let mut payload = Layout::NOTHING;
                let mut index = 0;
                while index < cases.len() {
                    if let Some(ty) = cases[index].ty {
                        payload = payload.or(ty.layout());
                    }
                    index += 1;
                }
                payload.discriminated()
            }
        }
    }
}

impl Type {
    /// Returns whether any of the types is or contains a string or list.
    pub(crate) const fn any_in_memory(types: &[&Self]) -> bool {
        let mut index = 0;
        while index < types.len() {
            if types[index].is_in_memory() {
                return true;
            }
            index += 1;
        }
        false
    }

    const fn is_in_memory(&self) -> bool {
        match self {
            Self::String | Self::List(_) => true,
            Self::Option(payload) => payload.is_in_memory(),
            Self::Record(fields) => {
                let mut index = 0;
                while index < fields.len() {
                    if fields[index].ty.is_in_memory() {
                        return true;
                    }
                    index += 1;
                }
                false
            }
            Self::Variant(cases) => {
                let mut index = 0;
                while index < cases.len() {
                    if let Some(ty) = cases[index].ty
                        && ty.is_in_memory()
                    {
                        return true;
                    }
                    index += 1;
                }
                false
            }
            Self::Bool
            | Self::U8
            | Self::U32
            | Self::U64
            | Self::S64
            | Self::F64
            | Self::Enum(_)
            | Self::Flags(_) => false,
        }
    }
}

impl Layout {
    const NOTHING: Self = Self {
        size: 0,
        align: 1,
        flat: 0,
    };

    /// Returns the layout of parameters in a call: in order, and in memory like a record.
    pub(crate) const fn of_parameters(types: &[&Type]) -> Self {
        let mut layout = Self::NOTHING;
        let mut index = 0;
        while index < types.len() {
            layout = layout.then(types[index].layout());
            index += 1;
        }
        layout.padded()
    }

    /// Returns the offset of the payload of a variant with this layout: the first aligned offset
    /// after the discriminant, which takes one byte.
    #[must_use]
    pub const fn payload_offset(self) -> usize {
        self.align
    }

    const fn scalar(size: usize) -> Self {
        Self {
            size,
            align: size,
            flat: 1,
        }
    }

    /// Appends a field.
    const fn then(self, field: Self) -> Self {
        Self {
            size: self.size.next_multiple_of(field.align) + field.size,
            align: max(self.align, field.align),
            flat: self.flat + field.flat,
        }
    }

    /// Returns a layout that can hold either.
    const fn or(self, other: Self) -> Self {
        Self {
            size: max(self.size, other.size),
            align: max(self.align, other.align),
            flat: max(self.flat, other.flat),
        }
    }

    /// Rounds the size up to a multiple of the alignment.
    const fn padded(self) -> Self {
        Self {
            size: self.size.next_multiple_of(self.align),
            ..self
        }
    }

    /// Prefixes the payload with a discriminant.
    const fn discriminated(self) -> Self {
        Self::scalar(1).then(self).padded()
    }
}

const fn max(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}
