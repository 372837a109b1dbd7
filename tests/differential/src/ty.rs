//! The generator's types, with their layout in memory and as core values.
//!
//! Layouts are implemented here a second time, from the specification, because guests are written
//! before a host sees a type. After a mistake here, neither host would accept the component.

use std::fmt;

/// A type. Parts have no names here, because a part's name follows from its index: fields are `f0`,
/// `f1`, cases `c0`, flags `b0`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the variants are the component model's own")]
pub enum Ty {
    Bool,
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
    F32,
    F64,
    Char,
    String,
    List(Box<Self>),
    Record(Vec<Self>),
    Tuple(Vec<Self>),
    Variant(Vec<Option<Self>>),
    Enum(usize),
    Option(Box<Self>),
    Result(Option<Box<Self>>, Option<Box<Self>>),
    Flags(usize),
    /// An owned handle of the component's resource.
    Own,
    /// A borrowed handle of the component's resource.
    Borrow,
}

/// A core type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are WebAssembly's own")]
pub enum Core {
    I32,
    I64,
    F32,
    F64,
}

impl fmt::Display for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::F32 => "f32",
            Self::F64 => "f64",
        })
    }
}

/// The maximum number of core values for a function's parameters.
pub const MAX_FLAT_PARAMS: usize = 16;

/// All kinds of types, in the order of the printed coverage.
pub const KINDS: [&str; 23] = [
    "bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char", "string",
    "list", "record", "tuple", "variant", "enum", "option", "result", "flags", "own", "borrow",
];

impl Ty {
    /// Returns the name of the type's kind, one of [`KINDS`].
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::S8 => "s8",
            Self::U8 => "u8",
            Self::S16 => "s16",
            Self::U16 => "u16",
            Self::S32 => "s32",
            Self::U32 => "u32",
            Self::S64 => "s64",
            Self::U64 => "u64",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Char => "char",
            Self::String => "string",
            Self::List(_) => "list",
            Self::Record(_) => "record",
            Self::Tuple(_) => "tuple",
            Self::Variant(_) => "variant",
            Self::Enum(_) => "enum",
            Self::Option(_) => "option",
            Self::Result(..) => "result",
            Self::Flags(_) => "flags",
            Self::Own => "own",
            Self::Borrow => "borrow",
        }
    }

    /// Returns the parts of this type.
    pub fn parts(&self) -> Vec<&Self> {
        match self {
            Self::List(part) | Self::Option(part) => vec![part],
            Self::Record(parts) | Self::Tuple(parts) => parts.iter().collect(),
            Self::Variant(cases) => cases.iter().flatten().collect(),
            Self::Result(ok, err) => [ok, err].into_iter().flatten().map(|ty| &**ty).collect(),
            Self::Bool | Self::S8 | Self::U8 | Self::S16 | Self::U16 | Self::S32 | Self::U32 => {
                Vec::new()
            }
            Self::S64 | Self::U64 | Self::F32 | Self::F64 | Self::Char | Self::String => Vec::new(),
            Self::Enum(_) | Self::Flags(_) | Self::Own | Self::Borrow => Vec::new(),
        }
    }

    /// Returns the depth of the type. A type without parts has depth 1.
    pub fn depth(&self) -> usize {
        1 + self
            .parts()
            .into_iter()
            .map(Self::depth)
            .max()
            .unwrap_or_default()
    }

    /// Calls `visit` for the type and all types in it.
    pub fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        visit(self);
        for part in self.parts() {
            part.each(visit);
        }
    }

    /// Returns true if `wanted` is true for the type or for a type in it.
    pub fn has(&self, wanted: impl Fn(&Self) -> bool) -> bool {
        let mut found = false;
        self.each(&mut |ty| found |= wanted(ty));
        found
    }

    /// Returns the type with numbers instead of borrowed handles, which results must not contain.
    pub fn without_borrows(&self) -> Self {
        let boxed = |ty: &Self| Box::new(ty.without_borrows());
        let all = |types: &[Self]| types.iter().map(Self::without_borrows).collect();
        match self {
            Self::Borrow => Self::U32,
            Self::List(ty) => Self::List(boxed(ty)),
            Self::Option(ty) => Self::Option(boxed(ty)),
            Self::Record(types) => Self::Record(all(types)),
            Self::Tuple(types) => Self::Tuple(all(types)),
            Self::Variant(cases) => {
                let cases = cases
                    .iter()
                    .map(|ty| ty.as_ref().map(Self::without_borrows));
                Self::Variant(cases.collect())
            }
            Self::Result(ok, err) => {
                Self::Result(ok.as_deref().map(boxed), err.as_deref().map(boxed))
            }
            Self::Bool | Self::S8 | Self::U8 | Self::S16 | Self::U16 | Self::S32 | Self::U32 => {
                self.clone()
            }
            Self::S64 | Self::U64 | Self::F32 | Self::F64 | Self::Char | Self::String => {
                self.clone()
            }
            Self::Enum(_) | Self::Flags(_) | Self::Own => self.clone(),
        }
    }

    /// Returns the alignment and size in memory, in bytes.
    pub fn layout(&self) -> (u32, u32) {
        match self {
            Self::Bool | Self::S8 | Self::U8 => (1, 1),
            Self::S16 | Self::U16 => (2, 2),
            Self::S32 | Self::U32 | Self::F32 | Self::Char | Self::Own | Self::Borrow => (4, 4),
            Self::S64 | Self::U64 | Self::F64 => (8, 8),
            Self::String | Self::List(_) => (4, 8),
            Self::Record(parts) | Self::Tuple(parts) => {
                let (align, size, _) = sequence(parts);
                (align, size)
            }
            Self::Variant(cases) => variant(cases.iter().map(Option::as_ref)),
            Self::Enum(count) => {
                let size = discriminant(*count);
                (size, size)
            }
            Self::Option(ty) => variant([None, Some(&**ty)].into_iter()),
            Self::Result(ok, err) => variant([ok.as_deref(), err.as_deref()].into_iter()),
            Self::Flags(count) => {
                let size = match count {
                    0..=8 => 1,
                    9..=16 => 2,
                    _ => 4,
                };
                (size, size)
            }
        }
    }

    /// Returns the core types of the flattened type.
    pub fn flat(&self) -> Vec<Core> {
        match self {
            Self::Bool | Self::S8 | Self::U8 | Self::S16 | Self::U16 => vec![Core::I32],
            Self::S32 | Self::U32 | Self::Char | Self::Own | Self::Borrow => vec![Core::I32],
            Self::S64 | Self::U64 => vec![Core::I64],
            Self::F32 => vec![Core::F32],
            Self::F64 => vec![Core::F64],
            Self::String | Self::List(_) => vec![Core::I32; 2],
            Self::Record(parts) | Self::Tuple(parts) => parts.iter().flat_map(Self::flat).collect(),
            Self::Enum(_) | Self::Flags(_) => vec![Core::I32],
            Self::Variant(cases) => joined(cases.iter().flatten()),
            Self::Option(ty) => joined([&**ty].into_iter()),
            Self::Result(ok, err) => joined([ok, err].into_iter().flatten().map(|ty| &**ty)),
        }
    }
}

fn joined<'a>(payloads: impl Iterator<Item = &'a Ty>) -> Vec<Core> {
    let mut shared: Vec<Core> = Vec::new();
    for payload in payloads {
        for (at, core) in payload.flat().into_iter().enumerate() {
            match shared.get_mut(at) {
                Some(known) => *known = join(*known, core),
                None => shared.push(core),
            }
        }
    }
    shared.insert(0, Core::I32);
    shared
}

fn join(a: Core, b: Core) -> Core {
    match (a, b) {
        (a, b) if a == b => a,
        (Core::I32, Core::F32) | (Core::F32, Core::I32) => Core::I32,
        _ => Core::I64,
    }
}

fn discriminant(cases: usize) -> u32 {
    match cases {
        0..=0x100 => 1,
        0x101..=0x1_0000 => 2,
        _ => 4,
    }
}

fn variant<'a>(cases: impl ExactSizeIterator<Item = Option<&'a Ty>>) -> (u32, u32) {
    let tag = discriminant(cases.len());
    let layouts: Vec<_> = cases.flatten().map(Ty::layout).collect();
    let payload_align = layouts.iter().map(|(align, _)| *align).max().unwrap_or(1);
    let payload_size = layouts
        .iter()
        .map(|(_, size)| *size)
        .max()
        .unwrap_or_default();
    let align = payload_align.max(tag);
    let size = tag.next_multiple_of(payload_align) + payload_size;
    (align, size.next_multiple_of(align))
}

/// Returns the alignment, the size and the offsets of consecutive parts.
pub fn sequence(parts: &[Ty]) -> (u32, u32, Vec<u32>) {
    let (mut align, mut size, mut offsets) = (1, 0u32, Vec::new());
    for part in parts {
        let (part_align, part_size) = part.layout();
        align = align.max(part_align);
        size = size.next_multiple_of(part_align);
        offsets.push(size);
        size += part_size;
    }
    (align, size.next_multiple_of(align), offsets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_match_the_specification() {
        let pair = Ty::Record(vec![Ty::U8, Ty::U64, Ty::String]);
        assert_eq!(pair.layout(), (8, 24));
        assert_eq!(Ty::Option(Box::new(pair.clone())).layout(), (8, 32));
        assert_eq!(Ty::Enum(257).layout(), (2, 2));
        let mixed = Ty::Variant(vec![Some(Ty::F32), Some(Ty::U32), None, Some(Ty::Char)]);
        assert_eq!(mixed.flat(), [Core::I32, Core::I32]);
        assert_eq!(
            Ty::Result(Some(Box::new(mixed)), Some(Box::new(pair))).flat(),
            [Core::I32, Core::I32, Core::I64, Core::I32, Core::I32]
        );
    }
}
