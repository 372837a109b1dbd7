//! Checks early in a build that libwasmedge can be found, and tells programs how to find it when they run.
//!
//! WasmEdge is a C library. A package that depends on `wasmedge-component`, however deep, needs two things outside of Wasmscope's
//! clone: the place of the library for the build, and the same place in its programs.
//!
//! # The build
//!
//! `cargo xtask wasmedge`, in the clone, finds or fetches libwasmedge, and prints this line with its path. Put it into
//! `.cargo/config.toml` beside your `Cargo.toml`:
//!
//! ```toml
//! include = [{ path = "/path/to/wasmscope/target/wasmedge/cargo.toml" }]
//! ```
//!
//! It sets `WASMEDGE_INCLUDE_DIR`, `WASMEDGE_LIB_DIR` and `LIBCLANG_PATH` for wasmedge-sys, and `WASMEDGE_LINK_ARG` for [`link`]. An
//! installed WasmEdge 0.17.1 needs no line: set `WASMEDGE_DIR`, or have it in `~/.wasmedge` or `/usr/local`. Without any of it, this
//! crate's build script stops the build in its first second, and says what to do.
//!
//! # The programs
//!
//! Cargo passes a linker's arguments only to programs of the package whose build script says them. So your package has one, with
//! `wasmedge-library` among its `[build-dependencies]`:
//!
//! ```no_run
//! // All that the `main` of your build.rs does:
//! wasmedge_library::link();
//! ```
//!
//! # What to ship
//!
//! Programs look for `libwasmedge.so.0` where it was when they were built. To ship one, put `libwasmedge.so.0` (from the official
//! release, which needs nothing but the system's libraries) into a folder beside it, and set `WASMEDGE_LINK_ARG` for the build, in the
//! environment, to a place relative to the program: `-Wl,-rpath,$ORIGIN/../lib`. The library that `cargo xtask wasmedge` takes from
//! Debian's packages comes with its own glibc, whose loader can only be named by a path that is not relative: `cargo xtask install
//! --wasmedge` does that for the command line.

#![forbid(unsafe_code)]

/// The variable with the one argument that a linker needs for programs that find libwasmedge when they run.
pub const LINK_ARGUMENT: &str = "WASMEDGE_LINK_ARG";

/// Tells cargo, from a build script, to link the package's programs so that they find libwasmedge when they run.
///
/// Does nothing where the variable [`LINK_ARGUMENT`] is not set: a library in a folder that the system searches needs no argument.
pub fn link() {
    println!("cargo::rerun-if-env-changed={LINK_ARGUMENT}");
    if let Ok(argument) = std::env::var(LINK_ARGUMENT) {
        println!("cargo::rustc-link-arg={argument}");
    }
}
