//! Instrumenting the core modules of guests, so that they cannot exhaust the host's memory or stack.
//!
//! WasmEdge does not bound how deep functions call one another: interpreted, they use up memory; compiled, they overflow the native
//! stack, and the process dies. Nor does it say when a memory or a table grows. So guests bring code of their own along that does both.
//!
//! # Growth
//!
//! Before `memory.grow` and `table.grow`, the host is asked: [`MEMORY_GROWING`] and [`TABLE_GROWING`] are imported from
//! [`HOST_MODULE`], have the type `(delta: i32, current: i32, max: i32) -> i32`, all unsigned, in pages or elements, and return the
//! delta if the growth is allowed, or -1 if it is not. The instruction that follows then fails by itself, as WebAssembly has it. The
//! maximum is the declared one; without one, it is 65536 pages, or 2³² - 1 elements.
//!
//! After `memory.grow`, the host is told what came of it, for a growth that it allowed may fail all the same: [`MEMORY_GROWN`] has the
//! type `(result: i32) -> i32`, and returns what it is given. For a table that fails, WasmEdge ends the process.
//!
//! By so much an empty table without a maximum could grow, so that a refusal would be none. A table that is defined without a maximum
//! therefore gets one that is one less, in modules where tables grow or are exported.
//!
//! # Depth of calls
//!
//! Each function that may take part in a recursion, or begins a long chain of calls, counts the [stack units](MAX_STACK_UNITS) that it
//! uses while it runs, in a global that all core instances of a component import from the host: [`STACK_UNITS`] of [`HOST_MODULE`].
//! Where there would be too many, it calls [`STACK_OVERFLOW`], of type `() -> ()`, which is to trap. After a trap the count is wrong,
//! as the frames that it stands for did not return: the instance must not be entered again.
//!
//! [`calls`] says which functions these are. All others are left as they are: at any time they use at most
//! [`MAX_UNCOUNTED_UNITS`].
//!
//! # Interruption
//!
//! Interpreted guests ask at every branch and call whether they are to stop. Compiled, that would take most of their time, so the
//! compiler is told to leave it out, and [`add_polls`] has them enter the engine now and then instead, which asks then: see [`polls`].
//!
//! # Tail calls
//!
//! A function gives its units back before a tail call: its frame is gone then, in compiled code as well. That is so only where the
//! callee is a function of the same module: WasmEdge's compiler makes an ordinary call of a tail call to anything else, and interpreted,
//! WasmEdge 0.17 loses its frames when a function tail-calls one of the host's, and ends the process. So tail calls
//! of imported functions count as calls, and become such; and so do tail calls through tables and references, in modules into whose
//! tables others' functions may get.
//!
//! Nor does it make one of a tail call in a function that has other calls: a call that goes through the engine has a place for its values
//! in the frame, and so has a function after another with such a call became part of it; the frame is not gone then. So these become calls as well. A
//! loop of more than some thousand of them traps.
//!
//! # Native code
//!
//! WasmEdge runs native code that it finds in a custom section of a module, if it is set to run
//! compiled modules, and its compiler would add a second one. A guest's own section of that name
//! ([`NATIVE_CODE`]) is removed.
//!
//! [`HOST_MODULE`]: super::HOST_MODULE

mod analysis;
mod calls;
mod graph;
mod polls;
mod rewrite;

use wasm_encoder::Module;
use wasm_encoder::reencode::{Error, Reencode};
use wasmtime_environ::wasmparser::Parser;

use analysis::Facts;
use rewrite::Rewriter;

use crate::error::LoadError;

/// How many stack units the counted functions of a component instance, with all its core instances, use at most at once.
///
/// A function uses 16 units, one for each of its parameters and locals, and one for every four of its instructions, or every two if
/// it has to do with vectors; calls count as more instructions the more values they pass. But it never uses more than all that there
/// are, so that each can be called at least by itself. A unit stands for 16 bytes of WasmEdge's own stack where modules are
/// interpreted, and for up to 16 bytes of native stack where they are compiled: 4 MiB in all.
pub const MAX_STACK_UNITS: u32 = 262_144;

/// How many stack units functions use at most at once that are not counted: 256 KiB of stack.
///
/// Functions that are on no cycle of calls need no counting unless a chain of them uses more. Most programs have few that do.
pub const MAX_UNCOUNTED_UNITS: u32 = 16_384;

/// The stack units of a call to a function that another core instance defines, from a module that may be compiled: 16 KiB of stack.
///
/// Compiled code goes through the engine then, and if the other is interpreted, so does its way back: 12 KiB in WasmEdge 0.17. Modules
/// that share references to functions are never compiled, and what is interpreted takes no native stack to call others.
pub const LEAVING_UNITS: u32 = 1024;

/// The name of the custom section that WasmEdge's compiler puts native code into.
const NATIVE_CODE: &str = "wasmedge";

/// The name of the host's global, a mutable `i32` that is zero at first, in which stack units are counted.
pub const STACK_UNITS: &str = "stack-units";

/// The name of the host's function that is asked before a memory grows.
pub const MEMORY_GROWING: &str = "memory-growing";

/// The name of the host's function that is told whether a memory has grown, or -1.
pub const MEMORY_GROWN: &str = "memory-grown";

/// The name of the host's function that is asked before a table grows.
pub const TABLE_GROWING: &str = "table-growing";

/// The name of the host's function that is called where functions would use more than [`MAX_STACK_UNITS`], and must trap.
pub const STACK_OVERFLOW: &str = "stack-overflow";

/// The name of the host's global, a mutable `i32`, first of [`POLL_STEPS`], that holds for how many steps compiled guests go on.
pub const STEPS_LEFT: &str = "steps-left";

/// The name of the host's function that compiled guests call when no [steps](STEPS_LEFT) are left: of type `() -> ()`, it has to trap if they
/// are to stop, and may do so on its way. If it does not, they go on for [`POLL_STEPS`].
pub const POLL: &str = "poll";

/// How many steps compiled guests go on for without a poll: for so many instructions they take some milliseconds.
pub const POLL_STEPS: u32 = 4 << 20;

/// A module that was instrumented.
#[derive(Debug)]
pub(super) struct Hardened {
    /// The module.
    pub(super) bytes: Vec<u8>,
    /// How many stack units its functions use at most at once that are not counted.
    pub(super) uncounted_units: u32,
    /// Whether functions that the module does not define may be called through its tables, or its own through others'.
    pub(super) shares_references: bool,
}

/// Instruments a valid core module whose imports have their final names. A module that needs nothing of it is returned as it is.
///
/// # Errors
///
/// [`LoadError::Invalid`] if the module is not valid after all. Not everything is checked, and an invalid module may become another one.
pub(super) fn harden(bytes: &[u8]) -> Result<Hardened, LoadError> {
    let facts = Facts::new(bytes)?;
    if facts.is_harmless() {
        return Ok(Hardened {
            bytes: bytes.to_vec(),
            uncounted_units: facts.uncounted_units,
            shares_references: facts.holds_foreign_references,
        });
    }
    Ok(Hardened {
        bytes: rewrite(Rewriter::hardening(&facts), bytes)?,
        uncounted_units: facts.uncounted_units,
        shares_references: facts.holds_foreign_references,
    })
}

/// Makes a hardened module ask now and then whether it is interrupted. A module that never runs for
/// long is returned unchanged.
///
/// # Errors
///
/// [`LoadError::Invalid`] if the bytes are no valid module.
pub fn add_polls(bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    let facts = Facts::new(bytes)?;
    if !facts.polls() {
        return Ok(bytes.to_vec());
    }
    rewrite(Rewriter::polling(&facts), bytes)
}

fn rewrite(mut rewriter: Rewriter<'_>, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    let mut module = Module::new();
    rewriter
        .parse_core_module(&mut module, Parser::new(0), bytes)
        .map_err(|error| match error {
            Error::UserError(error) => error,
            // Its own message does not say what is wrong.
            Error::ParseError(error) => LoadError::invalid(error),
            error @ (Error::CanonicalizedHeapTypeReference
            | Error::InvalidConstExpr
            | Error::InvalidCodeSectionSize
            | Error::UnexpectedNonCoreModuleSection
            | Error::UnexpectedNonComponentSection
            | Error::UnsupportedCoreTypeInComponent) => LoadError::invalid(error),
        })?;
    Ok(module.finish())
}

#[cfg(test)]
mod tests;
