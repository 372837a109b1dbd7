//! The scenario suite: runs guests with the `wasmscope` command on every runtime, and compares the
//! telemetry at the collector with a snapshot.
//!
//! A scenario is a folder of `tests/scenarios/`:
//!
//! - `scenario.toml` describes the run ([`Scenario`] lists the fields). With `requests`, the guest
//!   is served, and the responses take the place of its output;
//! - `guest.rs` is the guest, a binary of the package `tests/guests/scenarios`. A scenario may name
//!   the guest of another scenario instead.
//! - `expected.snap` is the expected result on all [`RUNTIMES`], in the form of [`report()`].
//!
//! `tests/tests/scenarios.rs` makes a test for each scenario and runtime. It fails if a folder has
//! no snapshot, or a guest has no scenario.
//!
//! To add one, write the folder without the snapshot, add the guest to
//! `tests/guests/scenarios/Cargo.toml`, and run
//!
//! ```text
//! INSTA_UPDATE=always cargo test -p wasmscope-tests --test scenarios NAME
//! ```
//!
//! This writes `expected.snap`. Compare it with the contract before you keep it. The same command
//! updates snapshots. `cargo xtask test` sets `INSTA_UPDATE=no`, so it writes none.

pub mod attempt;
pub mod guests;
pub mod home;
pub mod report;
pub mod requests;
pub mod scenario;
pub mod service;

pub use attempt::{Attempt, assert_stderr_contains};
pub use guests::guest;
pub use report::report;
pub use scenario::{RUNTIMES, Runtime, Scenario};
pub use service::Service;
