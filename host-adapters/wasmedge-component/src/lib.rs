//! The WebAssembly component model for [WasmEdge](https://wasmedge.org), which has no component
//! host itself.
//!
//! This crate implements the traits of [`component_model::engine`] for WasmEdge. The rest is in
//! [`component_model`]: the types here are its types, with WasmEdge as their engine. The API has
//! the shape of `wasmtime::component`:
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
//! | to | use |
//! |---|---|
//! | load a component, compile it ahead of time | [`Component`], [`Cache`] |
//! | define a component's imports | [`Linker`], [`LinkerInstance`], [`Module`] |
//! | instantiate a component, any number of times | [`Linker`], [`InstancePre`] |
//! | call its exports | [`Instance`], [`TypedFunc`], [`Func`] |
//! | list a component's imports and exports | [`Component`], [`types`] |
//! | pass Rust types | [`Lift`], [`Lower`], [`record!`], [`variant!`], [`enumeration!`], [`flags!`] |
//! | pass resources that the host defines | [`Resource`], [`ResourceType`] |
//! | bound memory, time and cost | [`Store`] |
//!
//! WASI 0.2 is in the crate `component-wasi`. What is supported, and the limits, are described in
//! [`component_model`].
//!
//! # Compiling
//!
//! Compiling takes time in proportion to the code. By default the compiler runs in this process,
//! where it cannot be interrupted, and it ends the process if the disk is full. A long-lived
//! program can run it in a child process instead: see [`Config::compile_in_child`]. Modules that
//! share references to functions are always interpreted.
//!
//! # Signals
//!
//! While a compiled guest runs, WasmEdge installs process-wide handlers for SIGSEGV, SIGBUS and
//! SIGFPE. Afterwards it resets them and does not restore earlier handlers. Another engine that
//! relies on signals, as Wasmtime does unless `Config::signals_based_traps(false)` is set, must not
//! run guests in the same process.
//!
//! # Building
//!
//! Needs WasmEdge 0.17 and its headers where `wasmedge-sys` looks for them, and libclang. Programs
//! that link it from a folder that the system does not search need to be told: see this package's
//! `build.rs`.

mod aliases;
mod aot;
mod code;
mod engine;
mod ffi;
mod processor;

pub use aliases::{
    Component, Func, Instance, InstancePre, Linker, LinkerInstance, Store, StoreContextMut,
    TypedFunc,
};
pub use aot::{ChildCompiler, compile_as_child};
pub use compiled_code::{Cache, CacheError, Precompiled, Trusted};
pub use component_model::{
    AsContextMut, Budget, CallError, ComponentType, CoreVal, DEFAULT_HANDLE_LIMIT, HOST_UNITS,
    HostError, InstanceTypes, InterruptHandle, Interrupted, Lift, LiftContext, LiftList, LinkError,
    LoadError, Lower, LowerContext, LowerList, MAX_CORE_INSTANCES, MAX_TABLE_ELEMENTS, Module,
    NameMap, RawArgs, RawCall, Resource, ResourceAny, ResourceLimiter, ResourceType, SizeLimit,
    SizeLimits, SizeOutOfRange, SizeRefusal, Source, StringEncoding, Trap, TrapCode, Type,
    TypeList, TypeMismatch, Val, enumeration, flags, record, types, variant,
};
pub use engine::{Config, Engine, Optimization, TABLE_ELEMENT_BYTES, version};
pub use processor::processor_features;

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
