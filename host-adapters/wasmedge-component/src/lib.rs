//! The WebAssembly component model for [WasmEdge](https://wasmedge.org), which has no component host of its own.
//!
//! What is here so far is the half that needs no engine:
//!
//! | part | what it does |
//! |---|---|
//! | [`plan`] | translates a component's bytes into a [`Plan`]: core modules ready to be linked by name, steps of instantiation, host functions to provide, imports, exports, types |
//! | [`abi`] | the synchronous canonical ABI, on any [`Memory`](abi::Memory) |
//! | [`handles`] | tables of resource handles: ownership, loans, borrows that end with their call |
//! | [`Definitions`] | finds what an embedder defined for each import |
//! | [`NameMap`] | names with versions, matched as semantic versioning has it |
//!
//! The engine, with `Engine`, `Component`, `Linker`, `Store` and typed functions in the shape of `wasmtime::component`, is not there yet: this
//! crate cannot run a component by itself.
//!
//! # What is supported
//!
//! Components of the kind that WASI 0.2 programs are, nested and composed ones included, with resources, and with all three string
//! encodings. Refused by name, with [`LoadError::Unsupported`]: asynchronous components (WASI 0.3: async functions, streams, futures,
//! error contexts, threads), core modules that are imported or exported, components that are passed to components, memories of 64 bits, maps and lists of a fixed length,
//! exception handling and garbage collection in core modules.
//!
//! # Limits
//!
//! | limit | default |
//! |---|---|
//! | bytes that a call brings to the host: [`abi::Budget`] | 128 MiB |
//! | handles and loans at once: [`handles::DEFAULT_HANDLE_LIMIT`] | 1,000,000 |
//! | definitions in a component, nested ones counted as often as they are instantiated: [`plan::MAX_DEFINITIONS`] | 200,000 |
//! | depth of types: [`types::MAX_TYPE_DEPTH`] | 128 |
//! | bytes of a string in a guest's memory: [`abi::MAX_STRING_BYTES`] | 2³¹ - 1 |

#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss,
        clippy::indexing_slicing,
        clippy::panic_in_result_fn
    )
)]

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
pub mod abi;
mod aot;
mod component;
mod engine;
mod error;
mod ffi;
mod func;
pub mod handles;
mod host;
pub mod ids;
mod instance;
mod limits;
mod link;
mod linker;
mod names;
pub mod plan;
mod resource;
mod store;
mod typed;
pub mod types;
mod val;

pub use abi::Budget;
pub use aot::{Cache, CacheError};
pub use component::Component;
pub use engine::{Config, Engine, Optimization, version};
pub use error::{CallError, HostError, LinkError, LoadError, Trap, TrapCode};
pub use func::{Func, TypedFunc};
pub use handles::ResourceAny;
pub use host::{HOST_UNITS, MAX_TABLE_ELEMENTS};
pub use instance::Instance;
pub use limits::{ResourceLimiter, TABLE_ELEMENT_BYTES};
pub use link::Definitions;
pub use linker::{InstancePre, Linker, LinkerInstance};
pub use names::NameMap;
pub use plan::Plan;
pub use resource::{DEFAULT_TABLE_CAPACITY, Resource, ResourceTable, ResourceType};
pub use store::{AsContextMut, InterruptHandle, Store, StoreContextMut};
pub use typed::{
    ComponentType, InstanceTypes, Lift, LiftList, Lower, LowerList, TypeList, TypeMismatch,
};
pub use types::Type;
pub use val::Val;
