//! Sizes, alignments and flat types: `elem_size`, `alignment` and `flatten_type` in the
//! specification.
//!
//! Source: [Canonical
//! ABI](https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md),
//! sections Alignment, Element Size, and Flattening.

use std::borrow::Cow;

use crate::types::Type;

/// The maximum number of core parameters of a function. More are spilled to memory.
pub(crate) const MAX_FLAT_PARAMS: usize = 16;
/// The maximum number of core results of a function. More are spilled to memory.
pub(crate) const MAX_FLAT_RESULTS: usize = 1;

/// A core WebAssembly type in which values are passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the variants are WebAssembly's own")]
pub enum FlatType {
    I32,
    I64,
    F32,
    F64,
}

impl FlatType {
    /// Returns the type that can hold both, for a core value that cases of a variant share.
    fn join(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Self::I32, Self::F32) | (Self::F32, Self::I32) => Self::I32,
            _ => Self::I64,
        }
    }
}

/// The layout of a type in a 32-bit memory and in core values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    size: u32,
    align: u32,
    /// `None` beyond [`MAX_FLAT_PARAMS`], where the flat types are not used.
    flat: Option<Cow<'static, [FlatType]>>,
}

impl Layout {
    const fn scalar(size: u32, flat: &'static [FlatType]) -> Self {
        Self {
            size,
            align: size,
            flat: Some(Cow::Borrowed(flat)),
        }
    }

    /// Returns the size in bytes.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Returns the alignment in bytes: 1, 2, 4 or 8.
    pub fn align(&self) -> u32 {
        self.align
    }

    /// Returns the core types of a value, or `None` if there are more than [`MAX_FLAT_PARAMS`].
    pub fn flat(&self) -> Option<&[FlatType]> {
        self.flat.as_deref()
    }
}

pub(crate) static BYTE: Layout = Layout::scalar(1, &[FlatType::I32]);
pub(crate) static HALF: Layout = Layout::scalar(2, &[FlatType::I32]);
pub(crate) static WORD: Layout = Layout::scalar(4, &[FlatType::I32]);
pub(crate) static DOUBLE: Layout = Layout::scalar(8, &[FlatType::I64]);
pub(crate) static FLOAT32: Layout = Layout::scalar(4, &[FlatType::F32]);
pub(crate) static FLOAT64: Layout = Layout::scalar(8, &[FlatType::F64]);
pub(crate) static POINTER_PAIR: Layout = Layout {
    size: 8,
    align: 4,
    flat: Some(Cow::Borrowed(&[FlatType::I32, FlatType::I32])),
};

/// The size of a discriminant in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DiscriminantSize {
    Byte,
    Half,
    Word,
}

impl DiscriminantSize {
    fn of(cases: usize) -> Option<Self> {
        match u32::try_from(cases.saturating_sub(1)).ok()? {
            0..=0xff => Some(Self::Byte),
            0x100..=0xffff => Some(Self::Half),
            0x1_0000.. => Some(Self::Word),
        }
    }

    pub(crate) fn bytes(self) -> u32 {
        match self {
            Self::Byte => 1,
            Self::Half => 2,
            Self::Word => 4,
        }
    }
}

/// Computes the layout of a record or a tuple, and the offset of each part. Returns `None` if it
/// does not fit into 32 bits.
pub(crate) fn sequence<'a>(types: impl Iterator<Item = &'a Type>) -> Option<(Layout, Box<[u32]>)> {
    let (mut size, mut align) = (0u32, 1u32);
    let mut flat = Some(Vec::new());
    let mut offsets = Vec::new();
    for ty in types {
        let part = ty.layout();
        let offset = size.checked_next_multiple_of(part.align)?;
        offsets.push(offset);
        size = offset.checked_add(part.size)?;
        align = align.max(part.align);
        flat = extend(flat, part);
    }
    let size = size.checked_next_multiple_of(align)?;
    Some((
        Layout {
            size,
            align,
            flat: flat.map(Cow::Owned),
        },
        offsets.into(),
    ))
}

/// Returns the flat types of all parts together, or `None` if there are more than
/// [`MAX_FLAT_PARAMS`].
pub(crate) fn flatten<'a>(mut types: impl Iterator<Item = &'a Type>) -> Option<Vec<FlatType>> {
    types.try_fold(Vec::new(), |flat, ty| extend(Some(flat), ty.layout()))
}

fn extend(flat: Option<Vec<FlatType>>, part: &Layout) -> Option<Vec<FlatType>> {
    let mut flat = flat?;
    flat.extend_from_slice(part.flat()?);
    (flat.len() <= MAX_FLAT_PARAMS).then_some(flat)
}

/// Computes the layout of a variant, the size of its discriminant and the offset of its payload.
pub(crate) fn variant<'a>(
    cases: impl ExactSizeIterator<Item = Option<&'a Type>>,
) -> Option<(Layout, DiscriminantSize, u32)> {
    let discriminant = DiscriminantSize::of(cases.len())?;
    let (mut payload_size, mut payload_align) = (0u32, 1u32);
    let mut flat = Some(Vec::new());
    for part in cases.flatten().map(Type::layout) {
        payload_size = payload_size.max(part.size);
        payload_align = payload_align.max(part.align);
        flat = join(flat, part);
    }
    let align = discriminant.bytes().max(payload_align);
    let payload_offset = discriminant
        .bytes()
        .checked_next_multiple_of(payload_align)?;
    let size = payload_offset
        .checked_add(payload_size)?
        .checked_next_multiple_of(align)?;
    let flat = flat.and_then(|mut flat: Vec<FlatType>| {
        flat.insert(0, FlatType::I32);
        (flat.len() <= MAX_FLAT_PARAMS).then_some(Cow::Owned(flat))
    });
    Some((Layout { size, align, flat }, discriminant, payload_offset))
}

fn join(flat: Option<Vec<FlatType>>, part: &Layout) -> Option<Vec<FlatType>> {
    let mut flat = flat?;
    let part = part.flat()?;
    for (joined, ty) in flat.iter_mut().zip(part) {
        *joined = joined.join(*ty);
    }
    flat.extend_from_slice(part.get(flat.len()..).unwrap_or_default());
    Some(flat)
}

/// Computes the layout of at most 32 flags.
pub(crate) fn flags(count: usize) -> Layout {
    match count {
        0..=8 => BYTE.clone(),
        9..=16 => HALF.clone(),
        _ => WORD.clone(),
    }
}
