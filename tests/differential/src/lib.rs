//! A differential test: calls components with generated types on Wasmtime and on WasmEdge.
//!
//! WasmEdge has no component host of its own. `wasmedge-component` is one, and Wasmtime is its
//! reference. Each component here returns its functions' arguments, through another component with
//! another string encoding and through the host. So both hosts lift and lower every value several
//! times. Then its guests misbehave in the same way on both hosts, and both must trap for the same
//! reason. [`outcome`] defines which outcomes are equal.
//!
//! ```text
//! cargo test -p wasmscope-differential                                  # 2,000 types
//! cargo run -p wasmscope-differential -- --types 50000 --seed 1000000   # more
//! cargo run -p wasmscope-differential -- --types 1 --seed 1000017       # the component of a failure
//! cargo xtask conformance FOLDER                                        # test scripts (.wast) of the component model
//! ```
//!
//! A failure is printed as a case: the text of the smallest component that shows it, with the
//! calls. Known failures are kept in `tests/kept`, where a test replays them.
//!
//! # What is not compared
//!
//! - The bits of NaNs: the canonical ABI lets hosts choose.
//! - The order in which a host writes the parts of a value to a guest's memory, and bytes that are
//!   no part of the value: padding between fields, or Latin-1 at the front of a string that turns
//!   out to be UTF-16. The specification has an order; `wasmedge-component` writes a value's own
//!   bytes at once and zeroes the padding. A guest can only see this if its allocations overlap, or
//!   if its `realloc` does not keep the content. The guests here do neither, however they
//!   misbehave.
//!
//! The order of calls to `realloc` and their arguments are compared.
//!
//! # Parts
//!
//! | module | contents |
//! |---|---|
//! | [`ty`], [`generate`] | types and values from a seed |
//! | [`guest`] | the text of components that pass values on, or misbehave |
//! | [`value`], [`convert`] | values that are independent of the hosts, and conversions |
//! | [`host`] | both hosts, with one interface |
//! | [`case`](mod@case) | compares calls to a component on both hosts |
//! | [`run`], [`coverage`] | runs many cases, and counts what they cover |

pub mod case;
pub mod convert;
pub mod coverage;
pub mod generate;
pub mod guest;
pub mod host;
pub mod outcome;
pub mod run;
pub mod ty;
pub mod value;
