//! The WebAssembly component model, for engines that run core modules only.
//!
//! A component is translated to a plan: core modules, and the steps that link and instantiate them.
//! This crate carries out the plan on an engine, and passes values between host and guest by the
//! [canonical
//! ABI](https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md). To
//! use an engine, implement the traits in [`engine`] for it. The crate `wasmedge-component` does so
//! for WasmEdge, and has examples.
//!
//! The API resembles `wasmtime::component`. Its types have the engine as an additional parameter,
//! which the crate of an engine hides behind type aliases.
//!
//! | to | use |
//! |---|---|
//! | load a component, compile it ahead of time | [`Component`], [`Cache`](compiled_code::Cache) |
//! | define a component's imports | [`Linker`], [`LinkerInstance::func_wrap`], [`LinkerInstance::func_new`], [`LinkerInstance::func_raw`], [`LinkerInstance::resource`], [`LinkerInstance::module`], [`LinkerInstance::instance`] |
//! | instantiate a component, any number of times | [`Linker::instantiate`], [`InstancePre`] |
//! | call its exports | [`Instance::get_typed_func`], [`TypedFunc`], [`Func::call`] |
//! | list a component's imports and exports | [`Component::imports`], [`Component::exports`], [`types`] |
//! | pass Rust types | [`Lift`], [`Lower`], [`record!`], [`variant!`], [`enumeration!`], [`flags!`] |
//! | pass other types | [`ComponentType`], [`Lift`], [`Lower`] by hand, with [`LiftContext`], [`LowerContext`], [`Source`] and [`CoreVal`] |
//! | pass resources that the host defines | [`Resource`], [`ResourceType`] |
//! | bound memory, time and cost | [`Store::limiter`], [`Store::interrupt_handle`], [`Store::set_cost_limit`] |
//!
//! # Untrusted components
//!
//! A component of two kilobytes can instantiate more than a machine has memory for. Its size is
//! therefore checked before anything else is done with it: see [`component_size`].
//!
//! # When a guest traps
//!
//! A trap ends the call with a [`Trap`], which `downcast_ref` finds in the error, as it does for
//! the error of a host function. The instance that trapped cannot be entered again. The store and
//! its other instances stay usable. A host function that panics traps its caller
//! ([`TrapCode::Host`]).
//!
//! # Supported components
//!
//! Components like WASI 0.2 programs are supported, including nested and composed ones, with
//! resources, and with all three string encodings. [`LoadError::Unsupported`] names the following:
//! asynchronous components (WASI 0.3: async functions, streams, futures, error contexts, threads),
//! components that are imported from the host, 64-bit memories, maps and lists of a fixed length,
//! exception handling and garbage collection in core modules.
//!
//! # Limits
//!
//! | limit | default |
//! |---|---|
//! | bytes that a call copies to the host: [`Budget`] | 128 MiB |
//! | handles and loans at once: [`DEFAULT_HANDLE_LIMIT`] | 100,000 |
//! | the size of a component: [`engine::Limits::size`] | those of [`SizeLimits`] |
//! | depth of types: [`types::MAX_TYPE_DEPTH`] | 128 |
//! | bytes of a string in a guest's memory: [`MAX_STRING_BYTES`] | 2³¹ - 1 |
//! | stack of recursive guests: [`MAX_STACK_UNITS`] | 262,144 units of at most 16 bytes: 4 MiB |
//! | elements of a store's tables: [`MAX_TABLE_ELEMENTS`] | 10,000,000 |
//! | core instances of a store: [`MAX_CORE_INSTANCES`] | 10,000 |
//! | memory, tables, cost, time | none, unless the embedder sets some |

#![forbid(unsafe_code)]
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
mod abi;
pub mod engine;
mod error;
mod handles;
mod ids;
#[doc(hidden)]
pub mod internals;
mod link;
mod names;
mod plan;
mod resource;
mod runtime;
mod typed;
pub mod types;
mod val;

pub use abi::{
    Budget, CoreVal, LiftContext, LowerContext, MAX_STRING_BYTES, RawArgs, Source, StringEncoding,
};
pub use component_size::{
    Limit as SizeLimit, Limits as SizeLimits, OutOfRange as SizeOutOfRange, Refusal as SizeRefusal,
};
pub use error::{CallError, HostError, LinkError, LoadError, Trap, TrapCode};
pub use handles::{DEFAULT_HANDLE_LIMIT, ResourceAny};
pub use names::NameMap;
pub use plan::MAX_STACK_UNITS;
pub use resource::{Resource, ResourceType};
pub use runtime::call::HOST_UNITS;
pub use runtime::component::Component;
pub use runtime::func::{Func, TypedFunc};
pub use runtime::growth::{MAX_TABLE_ELEMENTS, ResourceLimiter};
pub use runtime::host_func::RawCall;
pub use runtime::instance::Instance;
pub use runtime::instantiate::MAX_CORE_INSTANCES;
pub use runtime::interruption::{InterruptHandle, Interrupted};
pub use runtime::linker::{InstancePre, Linker, LinkerInstance};
pub use runtime::module::Module;
pub use runtime::store::{AsContextMut, Store, StoreContextMut};
pub use typed::{
    ComponentType, InstanceTypes, Lift, LiftList, Lower, LowerList, TypeList, TypeMismatch,
};
pub use types::Type;
pub use val::Val;

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
