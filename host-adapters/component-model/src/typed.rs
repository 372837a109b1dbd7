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
    reason = "all other types are refused in the same way"
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

/// A type of a component differs from the expected type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct TypeMismatch {
    /// The type that the Rust type represents.
    pub expected: String,
    /// The component's type.
    pub found: String,
}

impl From<TypeMismatch> for HostError {
    /// Reports a mismatch as a mistake of the embedder.
    fn from(mismatch: TypeMismatch) -> Self {
        Self::new(mismatch.to_string())
    }
}

impl TypeMismatch {
    /// Makes an error from the expectation and the type found.
    pub fn new(expected: impl Into<String>, found: &Type) -> Self {
        Self {
            expected: expected.into(),
            found: found.kind().to_owned(),
        }
    }
}

/// The context of type checks: the resource types of a component in one instantiation.
#[derive(Debug, Clone, Copy)]
pub struct InstanceTypes<'a> {
    pub(crate) tables: &'a [ResourceTable],
    pub(crate) resources: &'a [ResourceType],
}

impl InstanceTypes<'_> {
    /// Returns the resource type that handles of a table refer to.
    pub fn resource(&self, table: ResourceTableId) -> Option<ResourceType> {
        let table = self.tables.get(table.index())?;
        self.resources.get(table.resource.index()).copied()
    }
}

/// A Rust type that represents a type of the component model.
///
/// Most implementations come from this crate and its macros. Others wrap them, as the handles of
/// `component-wasi` do. They are checked against a component's types once, when it is linked.
/// [`Lift`] and [`Lower`] may rely on that check for correctness, but not for memory safety.
pub trait ComponentType {
    /// Checks whether this represents a type of a component.
    ///
    /// # Errors
    ///
    /// A description of the expected type.
    fn typecheck(ty: &Type, types: &InstanceTypes<'_>) -> Result<(), TypeMismatch>;
}

/// A Rust type that can be lifted from a guest.
pub trait Lift: ComponentType + Sized {
    /// Lifts a value from core values.
    ///
    /// # Errors
    ///
    /// A trap if the guest violated the ABI.
    fn lift(cx: &mut LiftContext<'_>, ty: &Type, source: &mut Source<'_>) -> Result<Self, Trap>;

    /// Loads a value from its bytes, whose number is the type's size.
    ///
    /// # Errors
    ///
    /// A trap if the guest violated the ABI.
    fn load(cx: &mut LiftContext<'_>, ty: &Type, bytes: &[u8]) -> Result<Self, Trap>;

    /// Loads a list of values.
    ///
    /// # Errors
    ///
    /// A trap if the guest violated the ABI.
    fn load_list(
        cx: &mut LiftContext<'_>,
        element: &Type,
        pointer: u32,
        length: u32,
    ) -> Result<Vec<Self>, Trap> {
        elements(cx, element, pointer, length, Self::load)
    }
}

/// A Rust type that can be lowered into a guest.
pub trait Lower: ComponentType {
    /// Lowers the value into core values.
    ///
    /// # Errors
    ///
    /// A trap if the guest's allocator violated the ABI, or a host error if the value is not of the
    /// type.
    fn lower(
        &self,
        cx: &mut LowerContext<'_>,
        ty: &Type,
        out: &mut Vec<CoreVal>,
    ) -> Result<(), CallError>;

    /// Stores the value in a zeroed buffer of the type's size.
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

    /// Stores a list of values in memory that the guest allocates. Returns its pointer and its
    /// length.
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

/// Makes the error for a value whose type was not checked: a mistake of this crate or the embedder.
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
