//! Values whose types are known only at run time.

use crate::handles::ResourceAny;

/// A value of the component model, with the same structure as
/// [`wasmtime::component::Val`](https://docs.rs/wasmtime/latest/wasmtime/component/enum.Val.html).
///
/// A value does not include its type: an [`Enum`](Self::Enum) holds the name of one case only. The
/// value is checked against the component's type when it is passed.
///
/// Two values are equal if they have the same structure and content. All NaNs are equal; positive
/// and negative zero are not.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the variants are the component model's own")]
pub enum Val {
    Bool(bool),
    S8(i8),
    U8(u8),
    S16(i16),
    U16(u16),
    S32(i32),
    U32(u32),
    S64(i64),
    U64(u64),
    Float32(f32),
    Float64(f64),
    Char(char),
    String(String),
    List(Vec<Self>),
    Record(Vec<(String, Self)>),
    Tuple(Vec<Self>),
    Variant(String, Option<Box<Self>>),
    Enum(String),
    Option(Option<Box<Self>>),
    Result(Result<Option<Box<Self>>, Option<Box<Self>>>),
    Flags(Vec<String>),
    Resource(ResourceAny),
}

impl Val {
    /// Returns the name of the kind of type that the value has.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Bool(_) => "bool",
            Self::S8(_) => "s8",
            Self::U8(_) => "u8",
            Self::S16(_) => "s16",
            Self::U16(_) => "u16",
            Self::S32(_) => "s32",
            Self::U32(_) => "u32",
            Self::S64(_) => "s64",
            Self::U64(_) => "u64",
            Self::Float32(_) => "f32",
            Self::Float64(_) => "f64",
            Self::Char(_) => "char",
            Self::String(_) => "string",
            Self::List(_) => "list",
            Self::Record(_) => "record",
            Self::Tuple(_) => "tuple",
            Self::Variant(..) => "variant",
            Self::Enum(_) => "enum",
            Self::Option(_) => "option",
            Self::Result(_) => "result",
            Self::Flags(_) => "flags",
            Self::Resource(_) => "resource",
        }
    }
}

impl PartialEq for Val {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Float32(a), Self::Float32(b)) => {
                (a.is_nan() && b.is_nan()) || a.to_bits() == b.to_bits()
            }
            (Self::Float64(a), Self::Float64(b)) => {
                (a.is_nan() && b.is_nan()) || a.to_bits() == b.to_bits()
            }
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::S8(a), Self::S8(b)) => a == b,
            (Self::U8(a), Self::U8(b)) => a == b,
            (Self::S16(a), Self::S16(b)) => a == b,
            (Self::U16(a), Self::U16(b)) => a == b,
            (Self::S32(a), Self::S32(b)) => a == b,
            (Self::U32(a), Self::U32(b)) => a == b,
            (Self::S64(a), Self::S64(b)) => a == b,
            (Self::U64(a), Self::U64(b)) => a == b,
            (Self::Char(a), Self::Char(b)) => a == b,
            (Self::String(a), Self::String(b)) | (Self::Enum(a), Self::Enum(b)) => a == b,
            (Self::List(a), Self::List(b)) | (Self::Tuple(a), Self::Tuple(b)) => a == b,
            (Self::Record(a), Self::Record(b)) => a == b,
            (Self::Variant(a, x), Self::Variant(b, y)) => a == b && x == y,
            (Self::Option(a), Self::Option(b)) => a == b,
            (Self::Result(a), Self::Result(b)) => a == b,
            // Flags are a set without an order.
            (Self::Flags(a), Self::Flags(b)) => {
                a.iter().all(|flag| b.contains(flag)) && b.iter().all(|flag| a.contains(flag))
            }
            (Self::Resource(a), Self::Resource(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Val {}
