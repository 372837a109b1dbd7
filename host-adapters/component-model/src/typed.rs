//! Rust types as types of the component model: what functions with static types pass.
//!
//! | Rust | component model |
//! |---|---|
//! | `bool`, `u8` … `s64` as `i64`, `f32`, `f64`, `char` | the same |
//! | `String`, `&str` | `string` |
//! | `Vec<T>`, `&[T]` | `list<T>` |
//! | `Option<T>`, `Result<T, E>` | `option<T>`, `result<T, E>`; `()` stands for no payload |
//! | tuples of up to 16 | `tuple<..>` |
//! | [`Resource<T>`](crate::Resource) | `own` or `borrow` of a resource that the host defines |
//! | [`ResourceAny`](crate::ResourceAny) | `own` or `borrow` of any resource |
//! | structs and enums, by [`record!`](crate::record), [`variant!`](crate::variant), [`enumeration!`](crate::enumeration) and [`flags!`](crate::flags) | `record`, `variant`, `enum`, `flags` |

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "every type but the one that is wanted is refused alike"
)]

pub(crate) mod compound;
mod lists;
mod macros;
mod resources;
mod scalars;
mod tuples;

pub use tuples::{LiftList, LowerList, TypeList};

use crate::abi::flat::Source;
use crate::abi::lift::elements;
use crate::abi::lower::store_elements;
use crate::abi::{CoreVal, LiftContext, LowerContext};
use crate::error::{CallError, HostError, Trap};
use crate::handles::ResourceTable;
use crate::ids::ResourceTableId;
use crate::resource::ResourceType;
use crate::types::Type;

/// A type of a component is not the one that is wanted of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct TypeMismatch {
    /// What the Rust type stands for.
    pub expected: String,
    /// What the component has.
    pub found: String,
}

impl From<TypeMismatch> for HostError {
    /// An embedder's type is none of the component's.
    fn from(mismatch: TypeMismatch) -> Self {
        Self::new(mismatch.to_string())
    }
}

impl TypeMismatch {
    /// Says what was expected instead of a type.
    pub fn new(expected: impl Into<String>, found: &Type) -> Self {
        Self {
            expected: expected.into(),
            found: found.kind().to_owned(),
        }
    }
}

/// What types are checked against: the resources of a component, as an instantiation has them.
#[derive(Debug, Clone, Copy)]
pub struct InstanceTypes<'a> {
    pub(crate) tables: &'a [ResourceTable],
    pub(crate) resources: &'a [ResourceType],
}

impl InstanceTypes<'_> {
    /// Returns what resource the handles of a type stand for.
    pub fn resource(&self, table: ResourceTableId) -> Option<ResourceType> {
        let table = self.tables.get(table.index())?;
        self.resources.get(table.resource.index()).copied()
    }
}

/// A Rust type that stands for a type of the component model.
///
/// Implementations come from this crate and its macros. They are checked against a component's types once, when it is linked;
/// [`Lift`] and [`Lower`] may rely on that for shape, never for safety.
pub trait ComponentType {
    /// Checks whether this stands for a type of a component.
    ///
    /// # Errors
    ///
    /// Says what is expected instead.
    fn typecheck(ty: &Type, types: &InstanceTypes<'_>) -> Result<(), TypeMismatch>;
}

/// A Rust type that can be made of what a guest passes.
pub trait Lift: ComponentType + Sized {
    /// Lifts a value out of core values.
    ///
    /// # Errors
    ///
    /// A trap if the guest broke the ABI.
    fn lift(cx: &mut LiftContext<'_>, ty: &Type, source: &mut Source<'_>) -> Result<Self, Trap>;

    /// Loads a value out of its bytes, of which there are as many as the type's size.
    ///
    /// # Errors
    ///
    /// A trap if the guest broke the ABI.
    fn load(cx: &mut LiftContext<'_>, ty: &Type, bytes: &[u8]) -> Result<Self, Trap>;

    /// Loads a list of values.
    ///
    /// # Errors
    ///
    /// A trap if the guest broke the ABI.
    fn load_list(
        cx: &mut LiftContext<'_>,
        element: &Type,
        pointer: u32,
        length: u32,
    ) -> Result<Vec<Self>, Trap> {
        elements(cx, element, pointer, length, Self::load)
    }
}

/// A Rust type that can be passed to a guest.
pub trait Lower: ComponentType {
    /// Lowers the value into core values.
    ///
    /// # Errors
    ///
    /// A trap if the guest's allocator broke the ABI, or the host's error if the value is none of the type.
    fn lower(
        &self,
        cx: &mut LowerContext<'_>,
        ty: &Type,
        out: &mut Vec<CoreVal>,
    ) -> Result<(), CallError>;

    /// Stores the value as bytes, of which there are as many as the type's size, all zero.
    ///
    /// # Errors
    ///
    /// As [`lower`](Self::lower).
    fn store(
        &self,
        cx: &mut LowerContext<'_>,
        ty: &Type,
        bytes: &mut [u8],
    ) -> Result<(), CallError>;

    /// Stores a list of values in memory that the guest allocates; returns its pointer and its length.
    ///
    /// # Errors
    ///
    /// As [`lower`](Self::lower).
    fn store_list(
        values: &[Self],
        cx: &mut LowerContext<'_>,
        element: &Type,
    ) -> Result<(u32, u32), CallError>
    where
        Self: Sized,
    {
        store_elements(cx, element, values, |cx, element, value, bytes| {
            value.store(cx, element, bytes)
        })
    }
}

impl<T: ComponentType + ?Sized> ComponentType for &T {
    fn typecheck(ty: &Type, types: &InstanceTypes<'_>) -> Result<(), TypeMismatch> {
        T::typecheck(ty, types)
    }
}

impl<T: Lower + ?Sized> Lower for &T {
    fn lower(
        &self,
        cx: &mut LowerContext<'_>,
        ty: &Type,
        out: &mut Vec<CoreVal>,
    ) -> Result<(), CallError> {
        T::lower(self, cx, ty, out)
    }

    fn store(
        &self,
        cx: &mut LowerContext<'_>,
        ty: &Type,
        bytes: &mut [u8],
    ) -> Result<(), CallError> {
        T::store(self, cx, ty, bytes)
    }
}

/// What an implementation meets that was not checked against the type that it is given: a mistake of ours or an embedder's.
pub(crate) fn unchecked(expected: &str, found: &Type) -> HostError {
    HostError::new(format!(
        "expected a {expected}, found a {}: the type was not checked",
        found.kind()
    ))
}

pub(crate) fn unchecked_trap(expected: &str, found: &Type) -> Trap {
    let error = unchecked(expected, found);
    Trap::new(crate::TrapCode::Signature, error.message())
}
