//! The WebAssembly component model for [WasmEdge](https://wasmedge.org), which has no component host of its own.
//!
//! The API has the shape of `wasmtime::component`, so that whoever knows the one knows the other:
//!
//! ```
//! use wasmedge_component::{Component, Engine, Linker, Store};
//!
//! # fn main() -> anyhow::Result<()> {
//! let engine = Engine::default();
//! let component = Component::new(&engine, wat::parse_str(r#"(component
//!     (import "answer" (func $answer (result u32)))
//!     (core func $answer (canon lower (func $answer)))
//!     (core module $main
//!         (import "" "answer" (func $answer (result i32)))
//!         (func (export "double") (result i32) (i32.mul (call $answer) (i32.const 2))))
//!     (core instance $main (instantiate $main (with "" (instance (export "answer" (func $answer))))))
//!     (func (export "double") (result u32) (canon lift (core func $main "double"))))"#)?)?;
//!
//! let mut linker = Linker::new();
//! linker.root().func_wrap("answer", |store, ()| Ok((*store.data(),)))?;
//!
//! let mut store = Store::new(&engine, 42u32)?;
//! let instance = linker.instantiate(&mut store, &component)?;
//! let double = instance.get_typed_func::<(), (u32,)>(&mut store, "double")?;
//! assert_eq!(double.call(&mut store, ())?, (84,));
//! # Ok(())
//! # }
//! ```
//!
//! | to | there is |
//! |---|---|
//! | load a component, compile it ahead of time | [`Component`], [`Cache`] |
//! | define what it imports | [`Linker`], [`LinkerInstance::func_wrap`], [`LinkerInstance::func_new`], [`LinkerInstance::func_raw`], [`LinkerInstance::resource`], [`LinkerInstance::module`], [`LinkerInstance::instance`] |
//! | instantiate it, any number of times | [`Linker::instantiate`], [`InstancePre`] |
//! | call what it exports | [`Instance::get_typed_func`], [`TypedFunc`], [`Func::call`] |
//! | pass Rust's types | [`Lift`], [`Lower`], [`record!`], [`variant!`], [`enumeration!`], [`flags!`] |
//! | pass resources of the host's | [`Resource`], [`ResourceTable`], [`ResourceType`] |
//! | bound memory, time and cost | [`Store::limiter`], [`Store::interrupt_handle`], [`Store::set_cost_limit`] |
//!
//! Beneath are parts that need no engine: [`plan`], the translation of a component, [`abi`], the canonical ABI, and [`handles`].
//! WASI 0.2 is in the crate `wasmedge-wasi`.
//!
//! # Components from others
//!
//! A component of two kilobytes can stand for more instances than a machine has memory for. So its
//! size is checked before anything else is done with it: see [`component_size`]. Compiling takes
//! time in proportion to the code, and the compiler cannot be interrupted; see [`ChildCompiler`].
//!
//! # When a guest traps
//!
//! A trap ends the call with a [`Trap`], which is found in the error by `downcast_ref`, as is whatever a host function has failed with. The instance that trapped is
//! not entered again; the store and its other instances go on. A host function that panics traps its caller ([`TrapCode::Host`]).
//!
//! # Building
//!
//! It needs WasmEdge 0.17 and its headers where `wasmedge-sys` looks for them, and libclang. Programs that link it from a folder that
//! the system does not search need to be told: see this package's `build.rs`.
//!
//! # What is supported
//!
//! Components of the kind that WASI 0.2 programs are, nested and composed ones included, with
//! resources, and with all three string encodings. Refused by name, with
//! [`LoadError::Unsupported`]: asynchronous components (WASI 0.3: async functions, streams,
//! futures, error contexts, threads), components that are imported from the host, memories of 64
//! bits, maps and lists of a fixed length, exception handling and garbage collection in core
//! modules.
//!
//! # Limits
//!
//! | limit | default |
//! |---|---|
//! | bytes that a call brings to the host: [`abi::Budget`] | 128 MiB |
//! | handles and loans at once: [`handles::DEFAULT_HANDLE_LIMIT`] | 100,000 |
//! | the size of a component: [`Config::size_limits`] | those of [`SizeLimits`] |
//! | depth of types: [`types::MAX_TYPE_DEPTH`] | 128 |
//! | bytes of a string in a guest's memory: [`abi::MAX_STRING_BYTES`] | 2³¹ - 1 |
//! | stack of guests that call themselves: [`plan::MAX_STACK_UNITS`] | 262,144 units, which are 8 to 16 bytes |
//! | elements of a store's tables: [`MAX_TABLE_ELEMENTS`] | 10,000,000 |
//! | core instances of a store: [`MAX_CORE_INSTANCES`] | 10,000 |
//! | memory, tables, cost, time | none, unless the embedder sets some |

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
mod growth;
pub mod handles;
mod host;
pub mod ids;
mod instance;
mod limits;
mod link;
mod linker;
mod module;
mod names;
pub mod plan;
mod processor;
mod resource;
mod store;
mod typed;
pub mod types;
mod val;

pub use abi::Budget;
pub use aot::{ChildCompiler, compile_as_child};
pub use compiled_code::{Cache, CacheError, Precompiled, Trusted};
pub use component::Component;
pub use component_size::{
    Limit as SizeLimit, Limits as SizeLimits, OutOfRange as SizeOutOfRange, Refusal as SizeRefusal,
};
pub use engine::{Config, Engine, Optimization, version};
pub use error::{CallError, HostError, LinkError, LoadError, Trap, TrapCode};
pub use func::{Func, TypedFunc};
pub use growth::MAX_TABLE_ELEMENTS;
pub use handles::ResourceAny;
pub use host::{HOST_UNITS, RawCall};
pub use instance::{Instance, MAX_CORE_INSTANCES};
pub use limits::{ResourceLimiter, TABLE_ELEMENT_BYTES};
pub use linker::{InstancePre, Linker, LinkerInstance};
pub use module::Module;
pub use names::NameMap;
pub use plan::Plan;
pub use processor::processor_features;
pub use resource::{DEFAULT_TABLE_CAPACITY, Resource, ResourceTable, ResourceType};
pub use store::{AsContextMut, InterruptHandle, Interrupted, Store, StoreContextMut};
pub use typed::{
    ComponentType, InstanceTypes, Lift, LiftList, Lower, LowerList, TypeList, TypeMismatch,
};
pub use types::Type;
pub use val::Val;
