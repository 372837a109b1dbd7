//! Computes how large a WebAssembly component becomes before an engine prepares it. This crate
//! depends on no engine, and only reads the binary.
//!
//! A component of two kilobytes can stand for 2³⁰ instances: each of thirty nested components
//! instantiates the one below twice. An engine that compiles it takes unbounded memory and time,
//! before any limit on the running guest applies. Three more things grow in the same way:
//!
//! - instances that contain other instances twice, which engines copy as a whole,
//! - components that refer to items of enclosing components, which are copied along,
//! - types, which are converted part by part at each use, and copied by the validator before.
//!
//! A binary with very many definitions also takes many times its size in memory, instantiated or
//! not.
//!
//! Call [`check`] before the engine gets the component:
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
//! | name | default | counted items |
//! |---|---|---|
//! | `bytes` | 256 MiB | the binary |
//! | `modules` | 1,000 | core modules and components in the binary, the outermost included; 10,000 at most |
//! | `definitions` | 200,000 | instances, aliases, imports, exports, canonical functions and types, and the memories, tables, globals, tags, imports and exports of core instances; those of a nested component each time it is instantiated; ten parts of a type, each time it is used; counted separately: all definitions in the binary, with types, elements and data |
//! | `functions` | 250,000 | functions of core modules, each time the module is instantiated, and once if it is not |
//! | `function_bytes` | 2 MiB | the largest function body, times half the square of the results if a type has several; 7,654,321 at most |
//! | `arity` | 200 | parameters or results of one type of a core function; 1,000 at most |
//! | `globals` | 50,000 | globals of one core module; 60,000 at most |
//! | `module_bytes` | 64 MiB | core modules without custom sections, each time they are instantiated; WasmEdge takes up to 80 bytes of memory for each byte, 5 GiB at the limit |
//! | `nesting` | 100 | levels of nested components; 1,000 at most |
//! | `type_items` | 1,000,000 | parts of types, each time a type is imported, exported or instantiated: a validator copies them |
//! | `type_nesting` | 100 | levels of types declared within types; 200 at most |
//!
//! # What it does not bound
//!
//! Compiling takes time in proportion to the code, possibly minutes within the limits. Engines
//! cannot be interrupted while they compile, so a host should compile untrusted components in a
//! separate process, which it can end.

mod count;
mod definitions;
mod limits;
mod nesting;
mod read;
mod sizes;
mod stop;
mod type_expansion;

pub use limits::{Limit, Limits, OutOfRange, Refusal, TooLarge};

/// Checks the size of a component and of its instances against the limits.
///
/// Takes a few milliseconds for some megabytes; the limits bound this as well. An invalid component
/// passes, because an engine describes the error better. Function bodies are measured but not
/// validated.
///
/// # Errors
///
/// Returns [`Refusal::TooLarge`] with the limit that is exceeded.
pub fn check(bytes: &[u8], limits: &Limits) -> Result<(), Refusal> {
    limits.allow(Limit::Bytes, bytes.len() as u64)?;
    // Must run before any validation.
    definitions::check(bytes, limits)?;
    type_expansion::check(bytes, limits)?;
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
