//! A differential test: components of generated types, called on Wasmtime and on WasmEdge.
//!
//! WasmEdge has no component host of its own; `wasmedge-component` is one, and Wasmtime is what it is measured by. Each component here
//! gives back the arguments of its functions, by way of another component with another string encoding and by way of the host, so that
//! both hosts lift and lower every value several times. Then its guests misbehave, in the same way on both hosts: both must trap, for the
//! same reason. See [`outcome`] for what "the same" is.
//!
//! ```text
//! cargo test -p wasmscope-differential                                  # 2,000 types
//! cargo run -p wasmscope-differential -- --types 50000 --seed 1000000   # more
//! cargo run -p wasmscope-differential -- --types 1 --seed 1000017       # one component, which a failure named
//! cargo xtask conformance FOLDER                                        # test scripts (.wast) of the component model
//! ```
//!
//! A failure is printed as a case: the text of the smallest component that shows it, with the calls. What was found once is kept in
//! `tests/kept`, where a test replays it.
//!
//! # What is not compared
//!
//! - Which NaN a NaN is: the canonical ABI lets hosts choose.
//! - In which order a host writes to a guest's memory what a value is made of, and whether it writes there what is no part of the value:
//!   bytes between fields, or Latin-1 at the front of a string that turns out to be UTF-16. The specification has an order;
//!   `wasmedge-component` writes a value's own bytes at once and zeroes those between them. Only a guest sees that whose memory overlaps
//!   what it has allocated, or whose `realloc` does not keep what it moves: guests here do neither, however they misbehave.
//!
//! In which order a host calls `realloc`, and with what, is compared.
//!
//! # Parts
//!
//! | module | what it does |
//! |---|---|
//! | [`ty`], [`generate`] | types and values, out of a seed |
//! | [`guest`] | the text of components that pass values on, or misbehave |
//! | [`value`], [`convert`] | values that belong to neither host, and those of each host |
//! | [`host`] | both hosts, behind one face |
//! | [`case`](mod@case) | calls of a component on both hosts, compared |
//! | [`run`], [`coverage`] | many of them, and what they cover |

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
