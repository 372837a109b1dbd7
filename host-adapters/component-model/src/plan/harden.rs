//! Instruments the core modules of guests so that they cannot exhaust the host's memory or stack.
//!
//! WasmEdge does not bound the depth of calls. Interpreted code then uses up memory; compiled code
//! overflows the native stack, which ends the process. WasmEdge also does not report when a memory
//! or a table grows. This instrumentation adds both checks to the guest's own code.
//!
//! # Growth
//!
//! Before `memory.grow` and `table.grow`, the guest asks the host. It imports [`MEMORY_GROWING`]
//! and [`TABLE_GROWING`] from [`HOST_MODULE`]. Both have the type `(delta: i32, current: i32, max:
//! i32) -> i32`, with unsigned values in pages or elements. They return the delta if the growth is
//! allowed, or -1 if it is not. With -1, the instruction that follows fails as WebAssembly defines
//! it. The maximum is the declared one; without one, it is 65536 pages, or 2³² - 1 elements.
//!
//! After `memory.grow`, the guest reports the result, because an allowed growth can still fail:
//! [`MEMORY_GROWN`] has the type `(result: i32) -> i32` and returns its argument. For a table that
//! fails to grow, WasmEdge ends the process.
//!
//! An empty table without a maximum could grow by 2³² - 1 elements, which is the same value as the
//! refusal. In modules where tables grow or are exported, tables without a maximum therefore get a
//! maximum that is one lower.
//!
//! # Depth of calls
//!
//! A function that may take part in a recursion, or that begins a long chain of calls, counts the
//! [stack units](MAX_STACK_UNITS) that it uses while it runs. The count is in a global that all
//! core instances of a component import from the host: [`STACK_UNITS`] of [`HOST_MODULE`]. When the
//! count would exceed the maximum, the function calls [`STACK_OVERFLOW`], of type `() -> ()`, which
//! must trap. After a trap the count is wrong, because the frames that it includes did not return:
//! the instance must not be entered again.
//!
//! [`calls`] decides which functions count. All others stay unchanged: together they use at most
//! [`MAX_UNCOUNTED_UNITS`] at any time.
//!
//! # Interruption
//!
//! Interpreted code checks for an interruption at every branch and call. Compiled code would spend
//! most of its time on that, so compiled code is built without these checks. [`add_polls`] makes it
//! enter the engine from time to time instead, and the engine checks then: see [`polls`].
//!
//! # Tail calls
//!
//! A function gives its units back before a tail call, because its frame is gone then, in compiled
//! code as well. That holds only if the callee is a function of the same module:
//!
//! - WasmEdge's compiler turns a tail call to anything else into an ordinary call.
//! - The interpreter of WasmEdge 0.17 loses its frames when a function tail-calls a host function,
//!   and ends the process.
//!
//! Tail calls of imported functions are therefore rewritten as calls and counted as such. So are
//! tail calls through tables and references, in modules whose tables may hold functions of other
//! modules.
//!
//! The compiler also emits no tail call in a function that has other calls. A call through the
//! engine keeps its values in the frame, and so does a function into which a function with such a
//! call was inlined; the frame then remains. These tail calls become calls as well. A loop of more
//! than a few thousand of them traps.
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

use analysis::ModuleSummary;
use rewrite::Rewriter;

use crate::error::LoadError;

/// The most stack units that the counted functions of a component instance may use at once, over
/// all its core instances.
///
/// A function uses 16 units, one for each parameter and local, and one for every four instructions,
/// or for every two if it uses vectors. Calls count as more instructions the more values they pass.
/// A function never uses more than this maximum, so each can be called at least once. A unit stands
/// for 16 bytes of WasmEdge's own stack where modules are interpreted, and for up to 16 bytes of
/// native stack where they are compiled: 4 MiB in all.
pub const MAX_STACK_UNITS: u32 = 262_144;

/// The most stack units that uncounted functions use at once: 256 KiB of stack.
///
/// A function that is on no cycle of calls is counted only if a chain of calls from it uses more.
/// Few functions of most programs do.
const MAX_UNCOUNTED_UNITS: u32 = 16_384;

/// The stack units of a call to a function of another core instance, from a module that may be
/// compiled: 16 KiB of stack.
///
/// Compiled code makes such a call through the engine. If the callee is interpreted, its calls back
/// also go through the engine: 12 KiB in WasmEdge 0.17. Modules that share references to functions
/// are never compiled, and interpreted code uses no native stack for calls.
const LEAVING_UNITS: u32 = 1024;

/// The name of the custom section in which WasmEdge's compiler stores native code.
const NATIVE_CODE: &str = "wasmedge";

/// The name of the host's global that counts the stack units in use: a mutable `i32`, initially
/// zero.
pub(crate) const STACK_UNITS: &str = "stack-units";

/// The name of the host function that decides whether a memory may grow.
pub(crate) const MEMORY_GROWING: &str = "memory-growing";

/// The name of the host function that receives the result of growing a memory, -1 if it failed.
pub(crate) const MEMORY_GROWN: &str = "memory-grown";

/// The name of the host function that decides whether a table may grow.
pub(crate) const TABLE_GROWING: &str = "table-growing";

/// The name of the host function that is called when functions would use more than
/// [`MAX_STACK_UNITS`]. It must trap.
pub(crate) const STACK_OVERFLOW: &str = "stack-overflow";

/// The name of the host's global that holds how many steps compiled guests run before the next
/// poll: a mutable `i32`, initially [`POLL_STEPS`].
pub(crate) const STEPS_LEFT: &str = "steps-left";

/// The name of the host function that compiled guests call when no [steps](STEPS_LEFT) are left, of
/// type `() -> ()`. It traps if the guest is to stop. If it returns, the guest runs for another
/// [`POLL_STEPS`].
pub(crate) const POLL: &str = "poll";

/// The number of steps that compiled guests run between polls: they take some milliseconds.
pub(crate) const POLL_STEPS: u32 = 4 << 20;

/// An instrumented module.
#[derive(Debug)]
pub(super) struct Hardened {
    /// The module.
    pub(super) bytes: Vec<u8>,
    /// The most stack units that its uncounted functions use at once.
    pub(super) uncounted_units: u32,
    /// True if its tables may hold functions of other modules, or tables of other modules its
    /// functions.
    pub(super) shares_references: bool,
}

/// Instruments a valid core module whose imports have their final names. Returns the module
/// unchanged if it needs no instrumentation.
///
/// # Errors
///
/// [`LoadError::Invalid`] if the module turns out to be invalid. Not everything is checked: an
/// invalid module may become a different invalid module.
pub(super) fn harden(bytes: &[u8]) -> Result<Hardened, LoadError> {
    let summary = ModuleSummary::new(bytes)?;
    if summary.needs_no_hardening() {
        return Ok(Hardened {
            bytes: bytes.to_vec(),
            uncounted_units: summary.uncounted_units,
            shares_references: summary.holds_foreign_references,
        });
    }
    Ok(Hardened {
        bytes: rewrite(Rewriter::hardening(&summary), bytes)?,
        uncounted_units: summary.uncounted_units,
        shares_references: summary.holds_foreign_references,
    })
}

/// Adds polls to a hardened module, so that compiled code notices an interruption. Returns a module
/// unchanged if it never runs for long.
///
/// # Errors
///
/// [`LoadError::Invalid`] if the bytes are not a valid module.
pub fn add_polls(bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    let summary = ModuleSummary::new(bytes)?;
    if !summary.polls() {
        return Ok(bytes.to_vec());
    }
    rewrite(Rewriter::polling(&summary), bytes)
}

fn rewrite(mut rewriter: Rewriter<'_>, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    let mut module = Module::new();
    rewriter
        .parse_core_module(&mut module, Parser::new(0), bytes)
        .map_err(|error| match error {
            Error::UserError(error) => error,
            // The outer error's message does not include the cause.
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
