//! Parts that this project's fuzz targets and differential tests reach. Not part of the API: they
//! are exempt from semantic versioning.

pub use crate::abi::call::{Direction, FuncAbi};
pub use crate::abi::layout::Layout;
pub use crate::abi::transcode::Transcode;
pub use crate::abi::{Realloc, check, lift_flat, load, lower_flat, store};
pub use crate::handles::{ResourceTable, ResourceTables};
pub use crate::ids::{ComponentInstanceId, Handle, Rep, ResourceId, ResourceTableId};

use crate::Component;
use crate::engine::{CoreModule, Engine};
use crate::plan::TrampolineKind;
use crate::types::Type;

/// Returns the layout of a type's values.
pub fn layout(ty: &Type) -> &Layout {
    ty.layout()
}

/// Returns a component's core modules, as they are passed to the engine.
pub fn core_modules<E: Engine>(component: &Component<E>) -> &[CoreModule] {
    &component.plan().modules
}

/// Returns the conversions of strings between a component's parts.
#[expect(clippy::wildcard_enum_match_arm, reason = "others are no transcoders")]
pub fn transcoders<E: Engine>(component: &Component<E>) -> impl Iterator<Item = Transcode> {
    let trampolines = component.plan().trampolines.iter();
    trampolines.filter_map(|trampoline| match trampoline.kind {
        TrampolineKind::Transcoder { op, .. } => Some(op),
        _ => None,
    })
}
