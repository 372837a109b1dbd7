//! Checks early in a build that libwasmedge can be found, and tells programs how to find it when
//! they run.
//!
//! WasmEdge is a C library. A package outside of Wasmscope's clone that depends on
//! `wasmedge-component`, directly or not, needs two things: the path of the library for its build,
//! and that path in its programs.
//!
//! # The build
//!
//! `cargo xtask wasmedge`, in the clone, finds or fetches libwasmedge, and prints this line with
//! its path. Put it into `.cargo/config.toml` beside your `Cargo.toml`:
//!
//! ```toml
//! include = [{ path = "/path/to/wasmscope/target/wasmedge/cargo.toml" }]
//! ```
//!
//! It sets `WASMEDGE_INCLUDE_DIR`, `WASMEDGE_LIB_DIR` and `LIBCLANG_PATH` for wasmedge-sys, and
//! `WASMEDGE_LINK_ARG` for [`link`]. The line is not needed with an installed WasmEdge 0.17.1: set
//! `WASMEDGE_DIR`, or install it in `~/.wasmedge` or `/usr/local`. If the library is not found,
//! this crate's build script stops the build at once, and says what to do.
//!
//! # The programs
//!
//! Cargo passes linker arguments only to programs of the package whose build script prints them. So
//! your package needs a build script, with `wasmedge-library` among its `[build-dependencies]`:
//!
//! ```no_run
//! // All that the `main` of your build.rs does:
//! wasmedge_library::link();
//! ```
//!
//! # What to ship
//!
//! Programs look for `libwasmedge.so.0` at the path that it had when they were built. To ship a
//! program, put `libwasmedge.so.0` (from the official release, which needs only the system's
//! libraries) into a folder beside it, and set the variable `WASMEDGE_LINK_ARG` for the build to a
//! path relative to the program: `-Wl,-rpath,$ORIGIN/../lib`. The library that
//! `cargo xtask wasmedge` takes from Debian's packages comes with its own glibc, whose loader must
//! be named by an absolute path: `cargo xtask install --wasmedge` does that for the command line.

#![forbid(unsafe_code)]

/// The variable with the one argument that a linker needs for programs that find libwasmedge when
/// they run.
pub const LINK_ARGUMENT: &str = "WASMEDGE_LINK_ARG";

/// Tells cargo, from a build script, to link the package's programs so that they find libwasmedge
/// when they run.
///
/// Does nothing if the variable [`LINK_ARGUMENT`] is not set: a library in a folder that the system
/// searches needs no argument.
pub fn link() {
    println!("cargo::rerun-if-env-changed={LINK_ARGUMENT}");
    if let Ok(argument) = std::env::var(LINK_ARGUMENT) {
        println!("cargo::rustc-link-arg={argument}");
    }
}

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
