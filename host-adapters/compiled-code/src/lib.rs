//! Caches code that a WebAssembly engine compiled ahead of time. This crate depends on no engine
//! and loads no code.
//!
//! Compiled code runs in the host's process, outside the sandbox. A program that loads a file to
//! which others can write lets them run arbitrary code. So engines load only values of the type
//! [`Trusted`], and there are three ways to get one:
//!
//! | source | based on |
//! |---|---|
//! | [`Cache::find`] | The folder and the file belong to this user or to root, and no other user can write to them. |
//! | [`Cache::recognise`] | The same folder holds a record that this user made the file. |
//! | [`CompiledFile::assume_trusted`] | The caller's guarantee; `unsafe`. |
//!
//! Digests (SHA-256) protect each of them against accidents: a truncated or changed file is an
//! error, or is not found. They do not prove where a file comes from.
//!
//! # Example
//!
//! ```
//! use compiled_code::{Cache, Key};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let home = tempfile::tempdir()?;
//! # let folder = home.path().join("cache");
//! let cache = Cache::open(folder)?;
//! // All that the code depends on: the engine's version and settings, the processor, the component.
//! let key = Key::new([b"engine 1.0, x86_64".as_slice(), b"the component's bytes"]);
//! assert!(cache.find(&key).is_none());
//! cache.store(&key, b"what the engine compiled")?;
//! let code = cache.find(&key).ok_or("stored above")?;
//! assert_eq!(code.bytes(), b"what the engine compiled");
//! # Ok(())
//! # }
//! ```

mod cache;
mod digest;
mod draft;
mod file;
mod trust;

pub use cache::{Cache, CacheError, Key, Precompiled};
pub use file::{CompiledFile, Contents, FileError, Format};
pub use trust::{Trusted, TrustedFile};

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
