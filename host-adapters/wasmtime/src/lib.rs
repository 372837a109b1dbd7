//! Wasmscope on Wasmtime.

mod host;
mod inspect;
mod instantiate;
mod interfaces;
mod invocation;
mod lift;
mod limiter;
mod outcome;

pub use host::{View, add_to_linker, add_to_linker_with};
pub use inspect::{Extern, ExternKind, Unserved, exports, imports, unserved};
pub use instantiate::{instantiate, instantiate_async};
pub use invocation::{Invocation, invoke};
pub use lift::InvalidArgument;
pub use limiter::{Limiter, Unlimited};
pub use outcome::outcome_of;
pub use wasmscope_telemetry::{Instance, InvocationOptions, Outcome, Telemetry};

use wasmscope_telemetry::Runtime;

/// Wasmtime, in the version that is linked: for
/// [`TelemetryBuilder::runtime`](wasmscope_telemetry::TelemetryBuilder::runtime).
pub const RUNTIME: Runtime = Runtime {
    name: "wasmtime",
    // Wasmtime does not tell its own version, but depends on exactly its own version of this crate.
    version: wasmtime::component::__internal::wasmtime_environ::VERSION,
};
