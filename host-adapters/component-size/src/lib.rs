//! Tells how large a WebAssembly component becomes before an engine prepares it. This crate knows
//! no engine, and reads the binary only.
//!
//! A component of two kilobytes can stand for 2³⁰ instances: each of thirty nested components
//! instantiates the one below twice. An engine that compiles it takes memory and time without end,
//! before any limit on the running guest applies. Three more things grow in the same way:
//!
//! - instances that hold other instances twice, which engines copy as a whole,
//! - components that refer to components around them, which are copied along,
//! - types, which are converted part by part at each use, and copied by the validator before.
//!
//! And a binary that defines very much takes many times its bytes, instantiated or not.
//!
//! So [`check`] is called first:
//!
//! ```
//! use component_size::{Limits, check};
//!
//! # fn load(component: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//! check(component, &Limits::default())?;
//! // Now hand the component to the engine.
//! # Ok(())
//! # }
//! # load(b"\0asm\x0d\0\x01\0").unwrap();
//! ```
//!
//! # Limits
//!
//! | name | default | what is counted |
//! |---|---|---|
//! | `bytes` | 256 MiB | the binary |
//! | `modules` | 1,000 | core modules and components in the binary, the outermost included; 10,000 at most |
//! | `definitions` | 200,000 | instances, aliases, imports, exports, canonical functions and types, and the memories, tables, globals, tags, imports and exports of core instances; those of a nested component each time that it is instantiated; ten parts of a type, each time that it is used; also, by itself, all that the binary defines, its types, elements and data included |
//! | `functions` | 250,000 | functions of core modules, each time that the module is instantiated, and once if it is not |
//! | `function_bytes` | 2 MiB | the largest function body, times half the square of the results if a type has several; 7,654,321 at most |
//! | `arity` | 200 | parameters or results of one type of a core function; 1,000 at most |
//! | `globals` | 50,000 | globals of one core module; 60,000 at most |
//! | `module_bytes` | 64 MiB | core modules without custom sections, each time that they are instantiated; WasmEdge takes up to 80 bytes of memory for each byte, 5 GiB at the limit |
//! | `nesting` | 100 | levels of components in components; 1,000 at most |
//! | `type_items` | 1,000,000 | parts of types, each time that a type is imported, exported or instantiated: what a validator copies |
//! | `type_nesting` | 100 | levels of types that are declared within types; 200 at most |
//!
//! # What it does not bound
//!
//! Compiling takes time in proportion to the code, and that can be minutes within the limits.
//! Engines cannot be interrupted while they compile: a host that compiles components of others does
//! so in a process of its own, which it can end.

mod count;
mod limits;
mod nesting;
mod read;
mod sizes;
mod stop;
mod text;
mod written_out;

pub use limits::{Limit, Limits, OutOfRange, Refusal, TooLarge};

/// Fails if a component is larger than the limits allow, or becomes so when it is instantiated.
///
/// Takes a few milliseconds for some megabytes, and is bounded by the limits itself. A component
/// that is not valid passes, because an engine says better what is wrong with it. Function bodies
/// are measured, and not validated.
///
/// # Errors
///
/// [`Refusal::TooLarge`] names the limit.
pub fn check(bytes: &[u8], limits: &Limits) -> Result<(), Refusal> {
    limits.allow(Limit::Bytes, bytes.len() as u64)?;
    // Before anything that validates.
    text::check(bytes, limits)?;
    written_out::check(bytes, limits)?;
    match read::read(bytes, limits)? {
        Some(bodies) => count::count(&bodies, limits),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
