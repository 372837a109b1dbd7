//! The WIT types of a contract, declared once for all engines. A component's imports are checked
//! against them, and layouts are computed from them.

use super::Layout;

/// A type of the contract, as the component model describes it.
///
/// It has only the kinds of types that the contract uses. There are no resources, so types with the
/// same structure are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the component model's own")]
pub enum Type {
    Bool,
    U8,
    U32,
    U64,
    S64,
    F64,
    String,
    List(&'static Self),
    Option(&'static Self),
    Record(&'static [Field]),
    /// A variant of at most 256 cases.
    Variant(&'static [Case]),
    /// The names of the cases, at most 256.
    Enum(&'static [&'static str]),
    /// The names of the flags, at most eight.
    Flags(&'static [&'static str]),
}

/// A field of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name in WIT.
    pub name: &'static str,
    /// Its type.
    pub ty: &'static Type,
}

/// A case of a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// Its name in WIT.
    pub name: &'static str,
    /// The type of its payload, if it has one.
    pub ty: Option<&'static Type>,
}

impl Type {
    /// Returns the WIT name of the kind of type.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::U8 => "u8",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::S64 => "s64",
            Self::F64 => "f64",
            Self::String => "string",
            Self::List(_) => "list",
            Self::Option(_) => "option",
            Self::Record(_) => "record",
            Self::Variant(_) => "variant",
            Self::Enum(_) => "enum",
            Self::Flags(_) => "flags",
        }
    }

    /// Returns the number of discriminants.
    pub(crate) const fn cases(&self) -> usize {
        match self {
            Self::Option(_) => 2,
            Self::Variant(cases) => cases.len(),
            Self::Enum(names) => names.len(),
            Self::Bool
            | Self::U8
            | Self::U32
            | Self::U64
            | Self::S64
            | Self::F64
            | Self::String
            | Self::List(_)
            | Self::Record(_)
            | Self::Flags(_) => 0,
        }
    }
}

/// A Rust type that stands for a type of the contract.
///
/// For parameters, these are the types of [`wasmscope_telemetry::model`] into which they are read.
pub trait WitType {
    /// The type in the contract.
    const TYPE: &'static Type;
    /// The layout of its values.
    const LAYOUT: Layout = Self::TYPE.layout();
}

/// A [`WitType`] that has a discriminant.
pub trait Variant: WitType {}

macro_rules! primitives {
    ($($ty:ty: $kind:ident,)*) => {$(
        impl $crate::abi::WitType for $ty {
            const TYPE: &'static $crate::abi::Type = &$crate::abi::Type::$kind;
        }
    )*};
}

macro_rules! record {
    ($ty:ty { $($name:literal: $field:ty,)* }) => {
        impl $crate::abi::WitType for $ty {
            const TYPE: &'static $crate::abi::Type = &$crate::abi::Type::Record(&[
                $($crate::abi::Field { name: $name, ty: <$field as $crate::abi::WitType>::TYPE },)*
            ]);
        }
    };
}

macro_rules! variant {
    ($ty:ty { $($name:literal $(($payload:ty))?,)* }) => {
        impl $crate::abi::WitType for $ty {
            const TYPE: &'static $crate::abi::Type = &$crate::abi::Type::Variant(&[
                $($crate::abi::Case { name: $name, ty: $crate::abi::variant!(@payload $($payload)?) },)*
            ]);
        }
        impl $crate::abi::Variant for $ty {}
    };
    (@payload) => { None };
    (@payload $payload:ty) => { Some(<$payload as $crate::abi::WitType>::TYPE) };
}

macro_rules! enumeration {
    ($ty:ty { $($name:literal,)* }) => {
        impl $crate::abi::WitType for $ty {
            const TYPE: &'static $crate::abi::Type = &$crate::abi::Type::Enum(&[$($name,)*]);
        }
    };
}

primitives! {
    bool: Bool,
    u8: U8,
    u32: U32,
    u64: U64,
    i64: S64,
    f64: F64,
    String: String,
}

impl<T: WitType> WitType for Vec<T> {
    const TYPE: &'static Type = &Type::List(T::TYPE);
}

impl<T: WitType> WitType for Option<T> {
    const TYPE: &'static Type = &Type::Option(T::TYPE);
}

impl<T: WitType> Variant for Option<T> {}

pub(crate) use {enumeration, primitives, record, variant};
