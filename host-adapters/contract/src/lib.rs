//! The host side of the telemetry contract, for all engines.
//!
//! An engine passes a component's call as core WebAssembly values and a linear memory. The rest is
//! the same for all engines: this crate reads the arguments, within bounds and a budget, calls the
//! telemetry core ([`wasmscope_telemetry`]), and returns a result. It depends on no engine, and
//! contains no unsafe code.
//!
//! The module `abi` serves any contract. The module [`otel`] is the package `wasmscope:otel`.
//!
//! # Adapters
//!
//! An adapter implements [`CoreValue`] for its engine's core values, and [`Register`] for its
//! linker. [`register`] then passes it each [`Function`], for which it
//!
//! 1. checks the type that a component imports against [`Arguments::PARAMETERS`] and
//!    [`WitType::TYPE`] of the result,
//! 2. wraps the arguments of a call in [`RawArgs`],
//! 3. calls [`Function::call`], and traps the guest if its arguments cannot be lifted,
//! 4. lowers the result: one of the [`Returned`] types.
//!
//! # Examples
//!
//! The core of an adapter for an engine that passes bits. For brevity, results are text:
//!
//! ```
//! use std::convert::Infallible;
//! use std::fmt::Debug;
//!
//! use wasmscope_contract::{
//!     Arguments, Call, CoreValue, Function, LiftError, RawArgs, Register, Returned, StringEncoding, register,
//! };
//! use wasmscope_telemetry::{Instance, Providers, Telemetry};
//!
//! #[derive(Clone, Copy)]
//! struct Bits(u64);
//!
//! impl CoreValue for Bits {
//!     fn u32(self) -> u32 {
//!         self.0 as u32
//!     }
//!     fn u64(self) -> u64 {
//!         self.0
//!     }
//!     fn f64(self) -> f64 {
//!         f64::from_bits(self.0)
//!     }
//! }
//!
//! struct Host {
//!     telemetry: Instance,
//!     memory: Vec<u8>,
//! }
//!
//! type HostFunction = Box<dyn Fn(&mut Host, &[Bits]) -> Result<String, LiftError>>;
//!
//! #[derive(Default)]
//! struct Linker(Vec<(String, HostFunction)>);
//!
//! impl<R: Returned + Debug> Register<R> for Linker {
//!     type Error = Infallible;
//!
//!     fn function<A: Arguments, C: Call<A, R>>(&mut self, function: Function<A, R, C>) -> Result<(), Infallible> {
//!         let name = format!("{}#{}", function.interface(), function.name());
//!         self.0.push((name, Box::new(move |host, values| {
//!             let passed = RawArgs::flat(&host.memory, StringEncoding::Utf8, values);
//!             let result = function.call(&mut host.telemetry, |telemetry| telemetry, passed)?;
//!             Ok(format!("{result:?}"))
//!         })));
//!         Ok(())
//!     }
//! }
//!
//! let mut linker = Linker::default();
//! register(&mut linker).unwrap();
//!
//! let telemetry = Telemetry::builder(Providers::default()).build();
//! let mut host = Host { telemetry: telemetry.instance("guest"), memory: b"scope".to_vec() };
//! let (_, get) = linker.0.iter().find(|(name, _)| name == "wasmscope:otel/tracer@0.1.0#get").unwrap();
//! let scope = [0, 5, 0, 0, 0, 0, 0, 0, 0, 0].map(Bits);
//! assert_ne!(get(&mut host, &scope).unwrap(), "0", "a handle");
//! let beyond = [0, 6, 0, 0, 0, 0, 0, 0, 0, 0].map(Bits);
//! assert_eq!(
//!     get(&mut host, &beyond).unwrap_err().to_string(),
//!     "invalid argument to wasmscope:otel: string at 0x0 of length 6 exceeds the memory of 5 bytes",
//! );
//! ```
//!
//! # Limits
//!
//! | resource | limit | beyond it |
//! |---|---|---|
//! | host memory for the arguments of one call | [`Limits::call_bytes`](wasmscope_telemetry::limits::Limits::call_bytes) | dropped, and counted as `call_bytes` |
//! | guest memory of dropped data that is checked for invalid text | [`CHECKED_BYTES`](wasmscope_telemetry::limits::CHECKED_BYTES) | not read |
//!
//! A panic in the telemetry core is caught, counted as `host_panic`, and the guest gets a
//! [neutral](Function::neutral) result. (Not in programs that are built with `panic = "abort"`.)

#![forbid(unsafe_code)]

mod abi;
mod inspect;
pub mod otel;

pub use abi::{
    Arguments, Call, Case, CoreValue, CoreValues, Field, Function, InvalidArgument, Layout,
    LiftError, Lifted, RawArgs, Register, Returned, StringEncoding, Type, WitType,
};
pub use inspect::{
    Extern, ExternKind, ImportResolver, MissingImport, NotACommand, NotAHandler, Resolution,
    TypeText, command, http_handler, missing_imports,
};
pub use otel::{LogThreshold, SpanContext, register};
pub use wasmscope_telemetry::model::BaggageEntry;

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
