//! The functions of the contract. On WebAssembly they call the host, natively the thread's
//! [`Recorder`](crate::testing::Recorder), if there is one.
//!
//! Both sides have the same four modules with the same functions. A
//! [`Notice`](crate::types::Notice) that a function returns must be passed to
//! [`crate::notice::take`].

#[cfg(target_arch = "wasm32")]
mod bindings;
#[cfg(target_arch = "wasm32")]
mod imports;
#[cfg(any(target_arch = "wasm32", test))]
mod layout;
#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod recording;
mod slot;
#[cfg(target_arch = "wasm32")]
mod tag;

#[cfg(target_arch = "wasm32")]
pub(crate) use imports::{context, logger, meter, tracer};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::{context, logger, meter, tracer};
pub(crate) use slot::Slot;
