//! The parts that every contract needs: types, functions, and lifting the arguments.
//!
//! Nothing here knows the package `wasmscope:otel`, which is in [`crate::otel`]. Another telemetry
//! contract becomes a module beside that one. It declares its types with the macros of
//! [`wit_type`], implements [`Read`] for its arguments, lists its result types with [`returned`],
//! and registers its functions.

mod arguments;
mod cursor;
mod error;
mod function;
mod layout;
mod reader;
mod wit_type;

pub use arguments::{Arguments, CoreValues, Lifted, RawArgs};
pub(crate) use arguments::{Read, parameters};
pub use cursor::CoreValue;
pub(crate) use cursor::{Cursor, Memory};
pub(crate) use error::Result;
pub use error::{InvalidArgument, LiftError};
pub use function::{Call, Function, Register, Returned};
pub(crate) use function::{Interface, returned, sealed};
pub use layout::Layout;
pub use reader::StringEncoding;
pub(crate) use reader::{LazyList, Reader, Utf8Key};
pub use wit_type::{Case, Field, Type, WitType};
pub(crate) use wit_type::{Variant, enumeration, primitives, record, variant};
