//! The types of a component's functions, and its imports and exports.

pub(crate) mod items;

use std::collections::HashSet;
use std::sync::Arc;

use crate::abi::layout::{self, DiscriminantSize, Layout};
use crate::typed::TypeList;

pub use crate::ids::ResourceTableId;
pub use items::{ComponentItem, ResourceNames};

/// The maximum nesting of types. It bounds the recursion over types and values.
///
/// The translator refuses component types deeper than 100, which leaves some levels for the tuples
/// that the ABI adds.
pub const MAX_TYPE_DEPTH: u32 = 128;

/// The maximum number of flags in a `flags` type
/// ([Binary.md](https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md)).
pub const MAX_FLAGS: usize = 32;

/// The reason why a type cannot be made from the given parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TypeError {
    /// Records, tuples, variants, enums and flags have at least one part.
    #[error("a type without parts")]
    Empty,
    /// Two parts have the same name.
    #[error("two parts of a type have the same name")]
    DuplicateName,
    /// The type nests deeper than [`MAX_TYPE_DEPTH`].
    #[error("a type nested deeper than {MAX_TYPE_DEPTH}")]
    TooDeep,
    /// A value would not fit into a 32-bit memory, there are more than [`MAX_FLAGS`] flags, or more
    /// than 2³² cases.
    #[error("a type too large for a 32-bit memory, or with too many parts")]
    TooLarge,
}

/// A type of the component model.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the component model's own")]
pub enum Type {
    Bool,
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
    Float32,
    Float64,
    Char,
    String,
    List(List),
    Record(Record),
    Tuple(Tuple),
    Variant(Variant),
    Enum(Enum),
    Option(OptionType),
    Result(ResultType),
    Flags(Flags),
    Own(ResourceTableId),
    Borrow(ResourceTableId),
}

impl Type {
    /// Returns the name of the kind of type in the component model: `u8`, `list`, `record` and so
    /// on.
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
            Self::Float32 => "f32",
            Self::Float64 => "f64",
            Self::Char => "char",
            Self::String => "string",
            Self::List(_) => "list",
            Self::Record(_) => "record",
            Self::Tuple(_) => "tuple",
            Self::Variant(_) => "variant",
            Self::Enum(_) => "enum",
            Self::Option(_) => "option",
            Self::Result(_) => "result",
            Self::Flags(_) => "flags",
            Self::Own(_) => "own",
            Self::Borrow(_) => "borrow",
        }
    }

    /// Returns the layout of the type's values in memory and in core values.
    pub(crate) fn layout(&self) -> &Layout {
        match self {
            Self::Bool | Self::S8 | Self::U8 => &layout::BYTE,
            Self::S16 | Self::U16 => &layout::HALF,
            Self::S32 | Self::U32 | Self::Char | Self::Own(_) | Self::Borrow(_) => &layout::WORD,
            Self::S64 | Self::U64 => &layout::DOUBLE,
            Self::Float32 => &layout::FLOAT32,
            Self::Float64 => &layout::FLOAT64,
            Self::String | Self::List(_) => &layout::POINTER_PAIR,
            Self::Record(ty) => &ty.0.shape.layout,
            Self::Tuple(ty) => &ty.0.shape.layout,
            Self::Variant(ty) => &ty.0.shape.layout,
            Self::Enum(ty) => &ty.0.shape.layout,
            Self::Option(ty) => &ty.0.shape.layout,
            Self::Result(ty) => &ty.0.shape.layout,
            Self::Flags(ty) => &ty.0.shape.layout,
        }
    }

    fn depth(&self) -> u32 {
        match self {
            Self::List(ty) => ty.0.depth,
            Self::Record(ty) => ty.0.shape.depth,
            Self::Tuple(ty) => ty.0.shape.depth,
            Self::Variant(ty) => ty.0.shape.depth,
            Self::Option(ty) => ty.0.shape.depth,
            Self::Result(ty) => ty.0.shape.depth,
            Self::Enum(_) | Self::Flags(_) => 1,
            Self::Bool
            | Self::S8
            | Self::U8
            | Self::S16
            | Self::U16
            | Self::S32
            | Self::U32
            | Self::S64
            | Self::U64 => 1,
            Self::Float32
            | Self::Float64
            | Self::Char
            | Self::String
            | Self::Own(_)
            | Self::Borrow(_) => 1,
        }
    }
}

/// The cached properties of every compound type.
#[derive(Debug)]
struct TypeLayout {
    layout: Layout,
    depth: u32,
}

fn depth_above<'a>(parts: impl Iterator<Item = &'a Type>) -> Result<u32, TypeError> {
    let deepest = parts.map(Type::depth).max().unwrap_or(0);
    if deepest >= MAX_TYPE_DEPTH {
        Err(TypeError::TooDeep)
    } else {
        Ok(deepest.saturating_add(1))
    }
}

fn check_names<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), TypeError> {
    let mut seen = HashSet::new();
    let mut names = names.peekable();
    if names.peek().is_none() {
        return Err(TypeError::Empty);
    }
    if names.all(|name| seen.insert(name)) {
        Ok(())
    } else {
        Err(TypeError::DuplicateName)
    }
}

/// Compares the pointers first. Types share parts, and comparing a shared part once for each path
/// to it may take exponential time.
macro_rules! shared_equality {
    ($($name:ident: $($field:ident),+;)*) => {$(
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                Arc::ptr_eq(&self.0, &other.0) || ($(self.0.$field == other.0.$field)&&+)
            }
        }
        impl Eq for $name {}
    )*};
}

shared_equality! {
    List: element;
    Record: fields;
    Tuple: types;
    Variant: cases;
    Enum: names;
    OptionType: some;
    ResultType: ok, err;
    Flags: names;
}

/// The type of lists of any length.
#[derive(Debug, Clone)]
pub struct List(Arc<ListInner>);

#[derive(Debug)]
struct ListInner {
    element: Type,
    depth: u32,
}

impl List {
    /// Makes the type of lists of `element`.
    ///
    /// # Errors
    ///
    /// [`TypeError::TooDeep`].
    pub fn new(element: Type) -> Result<Self, TypeError> {
        let depth = depth_above([&element].into_iter())?;
        Ok(Self(Arc::new(ListInner { element, depth })))
    }

    /// Returns the elements' type.
    pub fn ty(&self) -> &Type {
        &self.0.element
    }
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The name, unique in the record.
    pub name: String,
    /// The type.
    pub ty: Type,
    /// The offset of the field in the record's memory, in bytes.
    pub(crate) offset: u32,
}

/// The type of records.
#[derive(Debug, Clone)]
pub struct Record(Arc<RecordInner>);

#[derive(Debug)]
struct RecordInner {
    fields: Box<[Field]>,
    shape: TypeLayout,
}

impl Record {
    /// Makes the type of records with these fields, in order.
    ///
    /// # Errors
    ///
    /// All kinds of [`TypeError`].
    pub fn new(fields: impl IntoIterator<Item = (String, Type)>) -> Result<Self, TypeError> {
        let (names, types): (Vec<String>, Vec<Type>) = fields.into_iter().unzip();
        check_names(names.iter().map(String::as_str))?;
        let depth = depth_above(types.iter())?;
        let (layout, offsets) = layout::sequence(types.iter()).ok_or(TypeError::TooLarge)?;
        let fields = names.into_iter().zip(types).zip(offsets);
        let fields = fields
            .map(|((name, ty), offset)| Field { name, ty, offset })
            .collect();
        Ok(Self(Arc::new(RecordInner {
            fields,
            shape: TypeLayout { layout, depth },
        })))
    }

    /// Returns the fields in order.
    pub fn fields(&self) -> &[Field] {
        &self.0.fields
    }
}

/// The type of tuples.
#[derive(Debug, Clone)]
pub struct Tuple(Arc<TupleInner>);

#[derive(Debug)]
struct TupleInner {
    types: Box<[Type]>,
    offsets: Box<[u32]>,
    shape: TypeLayout,
}

impl Tuple {
    /// Makes the type of tuples of these types.
    ///
    /// # Errors
    ///
    /// [`TypeError::Empty`], [`TypeError::TooDeep`] and [`TypeError::TooLarge`].
    pub fn new(types: impl IntoIterator<Item = Type>) -> Result<Self, TypeError> {
        let types: Box<[Type]> = types.into_iter().collect();
        if types.is_empty() {
            return Err(TypeError::Empty);
        }
        let depth = depth_above(types.iter())?;
        let (layout, offsets) = layout::sequence(types.iter()).ok_or(TypeError::TooLarge)?;
        Ok(Self(Arc::new(TupleInner {
            types,
            offsets,
            shape: TypeLayout { layout, depth },
        })))
    }

    /// Returns the types of the parts in order.
    pub fn types(&self) -> &[Type] {
        &self.0.types
    }

    pub(crate) fn fields_with_offsets(&self) -> impl Iterator<Item = (&Type, u32)> {
        self.0.types.iter().zip(self.0.offsets.iter().copied())
    }
}

/// A case of a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The name, unique in the variant.
    pub name: String,
    /// The payload's type, if the case has one.
    pub ty: Option<Type>,
}

/// The layout of the discriminant and the payload of a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct VariantLayout {
    pub(crate) discriminant: DiscriminantSize,
    pub(crate) payload_offset: u32,
}

/// The type of variants.
#[derive(Debug, Clone)]
pub struct Variant(Arc<VariantInner>);

#[derive(Debug)]
struct VariantInner {
    cases: Box<[Case]>,
    layout: VariantLayout,
    shape: TypeLayout,
}

impl Variant {
    /// Makes the type of variants with these cases, in order.
    ///
    /// # Errors
    ///
    /// All kinds of [`TypeError`].
    pub fn new(cases: impl IntoIterator<Item = (String, Option<Type>)>) -> Result<Self, TypeError> {
        let cases: Box<[Case]> = cases
            .into_iter()
            .map(|(name, ty)| Case { name, ty })
            .collect();
        check_names(cases.iter().map(|case| case.name.as_str()))?;
        let (shape, layout) = variant_type_layout(cases.iter().map(|case| case.ty.as_ref()))?;
        Ok(Self(Arc::new(VariantInner {
            cases,
            layout,
            shape,
        })))
    }

    /// Returns the cases in the order of their discriminants.
    pub fn cases(&self) -> &[Case] {
        &self.0.cases
    }

    pub(crate) fn variant_layout(&self) -> VariantLayout {
        self.0.layout
    }
}

fn variant_type_layout<'a>(
    cases: impl ExactSizeIterator<Item = Option<&'a Type>> + Clone,
) -> Result<(TypeLayout, VariantLayout), TypeError> {
    let depth = depth_above(cases.clone().flatten())?;
    let (layout, discriminant, payload_offset) =
        layout::variant(cases).ok_or(TypeError::TooLarge)?;
    Ok((
        TypeLayout { layout, depth },
        VariantLayout {
            discriminant,
            payload_offset,
        },
    ))
}

/// The type of enums.
#[derive(Debug, Clone)]
pub struct Enum(Arc<EnumInner>);

#[derive(Debug)]
struct EnumInner {
    names: Box<[String]>,
    layout: VariantLayout,
    shape: TypeLayout,
}

impl Enum {
    /// Makes the type of enums with these cases, in order.
    ///
    /// # Errors
    ///
    /// [`TypeError::Empty`], [`TypeError::DuplicateName`] and [`TypeError::TooLarge`].
    pub fn new(names: impl IntoIterator<Item = String>) -> Result<Self, TypeError> {
        let names: Box<[String]> = names.into_iter().collect();
        check_names(names.iter().map(String::as_str))?;
        let (shape, layout) = variant_type_layout(names.iter().map(|_| None))?;
        Ok(Self(Arc::new(EnumInner {
            names,
            layout,
            shape,
        })))
    }

    /// Returns the names in the order of their discriminants.
    pub fn names(&self) -> &[String] {
        &self.0.names
    }

    pub(crate) fn variant_layout(&self) -> VariantLayout {
        self.0.layout
    }
}

/// The type of options.
#[derive(Debug, Clone)]
pub struct OptionType(Arc<OptionInner>);

#[derive(Debug)]
struct OptionInner {
    some: Type,
    layout: VariantLayout,
    shape: TypeLayout,
}

impl OptionType {
    /// Makes the type of options of `some`.
    ///
    /// # Errors
    ///
    /// [`TypeError::TooDeep`] and [`TypeError::TooLarge`].
    pub fn new(some: Type) -> Result<Self, TypeError> {
        let (shape, layout) = variant_type_layout([None, Some(&some)].into_iter())?;
        Ok(Self(Arc::new(OptionInner {
            some,
            layout,
            shape,
        })))
    }

    /// Returns the payload's type.
    pub fn ty(&self) -> &Type {
        &self.0.some
    }

    pub(crate) fn variant_layout(&self) -> VariantLayout {
        self.0.layout
    }
}

/// The type of results.
#[derive(Debug, Clone)]
pub struct ResultType(Arc<ResultInner>);

#[derive(Debug)]
struct ResultInner {
    ok: Option<Type>,
    err: Option<Type>,
    layout: VariantLayout,
    shape: TypeLayout,
}

impl ResultType {
    /// Makes the type of results of `ok` and `err`.
    ///
    /// # Errors
    ///
    /// [`TypeError::TooDeep`] and [`TypeError::TooLarge`].
    pub fn new(ok: Option<Type>, err: Option<Type>) -> Result<Self, TypeError> {
        let (shape, layout) = variant_type_layout([ok.as_ref(), err.as_ref()].into_iter())?;
        Ok(Self(Arc::new(ResultInner {
            ok,
            err,
            layout,
            shape,
        })))
    }

    /// Returns the payload's type in the case of success.
    pub fn ok(&self) -> Option<&Type> {
        self.0.ok.as_ref()
    }

    /// Returns the payload's type in the case of failure.
    pub fn err(&self) -> Option<&Type> {
        self.0.err.as_ref()
    }

    pub(crate) fn variant_layout(&self) -> VariantLayout {
        self.0.layout
    }
}

/// The type of flags.
#[derive(Debug, Clone)]
pub struct Flags(Arc<FlagsInner>);

#[derive(Debug)]
struct FlagsInner {
    names: Box<[String]>,
    shape: TypeLayout,
}

impl Flags {
    /// Makes the type of sets of these flags. The first flag is the lowest bit.
    ///
    /// # Errors
    ///
    /// [`TypeError::Empty`], [`TypeError::DuplicateName`] and [`TypeError::TooLarge`].
    pub fn new(names: impl IntoIterator<Item = String>) -> Result<Self, TypeError> {
        let names: Box<[String]> = names.into_iter().collect();
        check_names(names.iter().map(String::as_str))?;
        if names.len() > MAX_FLAGS {
            return Err(TypeError::TooLarge);
        }
        let layout = layout::flags(names.len());
        Ok(Self(Arc::new(FlagsInner {
            names,
            shape: TypeLayout { layout, depth: 1 },
        })))
    }

    /// Returns the names in the order of their bits.
    pub fn names(&self) -> &[String] {
        &self.0.names
    }
}

/// The type of a component-level function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FuncType {
    /// Names and types of the parameters.
    pub params: Vec<(String, Type)>,
    /// The result's type, if there is a result.
    pub result: Option<Type>,
}

impl FuncType {
    pub(crate) fn param_types(&self) -> TypeList<'_> {
        TypeList::Params(&self.params)
    }

    pub(crate) fn result_types(&self) -> TypeList<'_> {
        TypeList::Result(self.result.as_ref())
    }
}
