//! Wasmscope on Wasmtime: components that import the package `wasmscope:otel` send OpenTelemetry
//! traces, metrics and logs through the host that runs them.
//!
//! This crate adds the package's interfaces to a [`wasmtime::component::Linker`], for synchronous
//! and asynchronous stores. It passes each call to the telemetry core ([`wasmscope_telemetry`]),
//! which has all the rules.
//!
//! # An embedder
//!
//! ```no_run
#![doc = include_str!("../examples/embed.rs")]
//! ```
//!
//! # What each part is for
//!
//! | part | without it |
//! |---|---|
//! | [`View`] and [`add_to_linker`] | Components that import `wasmscope:otel` cannot be instantiated. |
//! | [`invoke`] | There is no host span: a guest's outermost spans start new traces, and a `traceparent` is ignored. Spans that a trap or a timeout leaves open end only with the [`Instance`], as killed. Neither fuel nor traps are counted, except traps at instantiation. |
//! | [`instantiate`] or [`instantiate_async`] | No instantiation times, and failures at instantiation outside of an [`invoke`] are not counted. |
//! | [`Limiter`] | No metrics of memory and instances. |
//! | [`runtime`] | Host spans do not name the runtime. |
//!
//! # Asynchronous stores
//!
//! The interfaces are the same, because none of their functions waits. Use [`instantiate_async`]
//! instead of [`instantiate`], and put a [`Limiter`] around a
//! [`ResourceLimiterAsync`](wasmtime::ResourceLimiterAsync) into
//! [`Store::limiter_async`](wasmtime::Store::limiter_async). An [`Invocation`] is held across the
//! `await`s of a call. If the future is dropped, for example by a timeout, the call ends as
//! [`Outcome::Killed`].
//!
//! ```
//! use wasmscope_wasmtime::{InvocationOptions, Outcome, View};
//! use wasmscope_wasmtime::{instantiate_async, invoke, outcome_of};
//! use wasmtime::Store;
//! use wasmtime::component::{Component, Linker};
//!
//! async fn run<T: View + Send + 'static>(
//!     store: &mut Store<T>,
//!     component: &Component,
//!     linker: &Linker<T>,
//! ) -> wasmtime::Result<()> {
//!     let mut call = invoke(store, InvocationOptions::default());
//!     let result = async {
//!         let instance = instantiate_async(&mut call, component, linker).await?;
//!         let run = instance.get_typed_func::<(), ()>(&mut call, "run")?;
//!         run.call_async(&mut call, ()).await
//!     }
//!     .await;
//!     call.finish(result.as_ref().map_or_else(outcome_of, |()| Outcome::Ok));
//!     result
//! }
//! ```
//!
//! # Untrusted components
//!
//! A component of two kilobytes can make Wasmtime compile forever: see [`component_size`]. Call
//! [`check_size`] before you pass the bytes to Wasmtime or to [`precompile`]. Within the limits,
//! compiling may still take minutes and cannot be interrupted. A program that must stay responsive
//! compiles in a separate process, which it can kill.
//!
//! # Compiling ahead of time
//!
//! Compiling takes about a second for some megabytes of a component, at each start of a program.
//! [`precompile`] stores the code in a [`Cache`], a folder that other users cannot write to, and
//! [`from_cache`] loads it from there:
//!
//! ```
//! use wasmscope_wasmtime::{Cache, CacheError, from_cache, precompile};
//! use wasmtime::Engine;
//! use wasmtime::component::Component;
//!
//! fn load(engine: &Engine, component: &[u8], cache: &Cache) -> wasmtime::Result<Component> {
//!     match from_cache(engine, component, cache) {
//!         Some(component) => Ok(component),
//!         None => Ok(precompile(engine, component, cache)?.component),
//!     }
//! }
//! # fn main() -> wasmtime::Result<()> {
//! # let home = tempfile::tempdir()?;
//! # let cache = Cache::open(home.path().join("compiled")).unwrap();
//! # let engine = Engine::default();
//! # load(&engine, &wat::parse_str("(component)")?, &cache)?;
//! # assert!(from_cache(&engine, &wat::parse_str("(component)")?, &cache).is_some());
//! # Ok(())
//! # }
//! ```
//!
//! Code depends on the engine's settings. The engines that compile and load it need the same
//! version of Wasmtime and the same [`Config`](wasmtime::Config): fuel, epochs, backtraces,
//! features of WebAssembly, memory reservation, target and processor features. The cache finds
//! nothing for another engine, because
//! [`Engine::precompile_compatibility_hash`](wasmtime::Engine::precompile_compatibility_hash) is
//! part of its key. To ship code with a program instead, compile it with
//! [`Engine::precompile_component`](wasmtime::Engine::precompile_component) and load it with
//! [`Component::deserialize`](wasmtime::component::Component::deserialize). That is `unsafe`: a
//! user who can write to the file can run code in the host.
//!
//! With Wasmtime's feature `parallel-compilation`, compiling uses all processors. The command
//! `wasmscope` enables it. This crate leaves the choice to the embedder, because it adds the crate
//! `rayon` and its threads.
//!
//! # Releases of Wasmtime
//!
//! The feature `lifting`, on by default, reads a call's arguments directly from the guest's memory.
//! It uses hidden API of Wasmtime, so it needs exactly one patch release. To use a newer release
//! before this crate does, turn off `lifting` and turn on `bindgen`. Then `bindgen!` generates the
//! functions, which run on any patch release of the same major version. Calls take longer (ADR 20
//! has numbers), and Wasmtime's limit on the data of a host call replaces `call_bytes`; see the
//! module `bindgen`.
//!
//! ```toml
//! wasmscope-wasmtime = { version = "0.1", default-features = false, features = ["bindgen"] }
//! ```
//!
//! # Hostile guests
//!
//! - A guest that is stuck in a host function blocks its store with its telemetry.
//!   [`Instance::ender`] returns an [`Ender`], which ends the guest's spans and its call from
//!   another thread.
//! - With WASI, a guest can open files and sockets until the host has no file descriptor left to
//!   send telemetry. The crate `wasi-bounds` limits them.
//! - Valid calls never trap or panic, however large, and do no I/O. Data beyond
//!   [`Limits::call_bytes`](wasmscope_telemetry::limits::Limits::call_bytes) is left out and
//!   counted as `call_bytes`. Wasmtime's own limit on the data of a host call does not apply.
//! - A call that breaks the component model's ABI traps the guest with [`InvalidArgument`]: a
//!   pointer out of bounds or unaligned, an invalid discriminant, or text in the wrong encoding. Up
//!   to 16 MiB of left-out data are checked, too.
//! - A panic in the telemetry core is caught and counted as `host_panic`, and the guest continues.
//!   (Not in programs that are built with `panic = "abort"`.)

#[cfg(feature = "bindgen")]
pub mod bindgen;
mod compiled;
#[cfg(feature = "lifting")]
mod host;
mod inspect;
mod instantiate;
mod invocation;
#[cfg(feature = "lifting")]
mod lift;
mod limiter;
#[cfg(feature = "lifting")]
mod lower;
mod outcome;

#[cfg(not(any(feature = "lifting", feature = "bindgen")))]
compile_error!("turn on one of the features `lifting` (the default) and `bindgen`");

#[cfg(all(feature = "bindgen", not(feature = "lifting")))]
pub use bindgen::{add_to_linker, add_to_linker_with};
pub use compiled::{from_cache, from_code, precompile, reload};
pub use compiled_code::{Cache, CacheError, Precompiled, Trusted};
pub use component_size::{
    Limit as SizeLimit, Limits as SizeLimits, OutOfRange as SizeOutOfRange, Refusal as SizeRefusal,
    check as check_size,
};
#[cfg(feature = "lifting")]
pub use host::{add_to_linker, add_to_linker_with};
pub use inspect::{command, exports, http_handler, imports, missing_imports};
pub use instantiate::{instantiate, instantiate_async, instantiate_pre, instantiate_pre_async};
pub use invocation::{Invocation, invoke, invoke_in};
pub use limiter::{Limiter, Unlimited};
pub use outcome::outcome_of;
pub use wasmscope_contract::{
    Extern, ExternKind, InvalidArgument, MissingImport, NotACommand, NotAHandler,
};
pub use wasmscope_telemetry::{
    Ender, HostSpan, Instance, InvocationOptions, Outcome, Runtime, Telemetry, View,
};
pub use wasmtime::{Error, Result};

/// Returns Wasmtime's name and version, for
/// [`TelemetryBuilder::runtime`](wasmscope_telemetry::TelemetryBuilder::runtime).
#[must_use]
pub fn runtime() -> Runtime {
    Runtime {
        name: "wasmtime",
        // Wasmtime does not export its own version. It depends on exactly its version of this
        // crate.
        version: wasmtime_environ::VERSION,
    }
}

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
