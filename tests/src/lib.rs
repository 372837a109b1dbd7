//! The scenario suite: guests that are run by the `wasmscope` command on every runtime, and what arrives at the collector.
//!
//! A scenario is a folder of `tests/scenarios/`:
//!
//! - `scenario.toml` says what is run and how ([`Scenario`] lists its fields);
//! - `guest.rs` is the guest, a binary of the package `tests/guests/scenarios`; a scenario may name another's guest instead;
//! - `expected.snap` is what must come of it, in the normal form of [`report()`], on each of the [`RUNTIMES`] alike.
//!
//! `tests/tests/scenarios.rs` makes a test of each scenario and runtime, and fails when a folder lacks its snapshot or a guest its scenario.
//!
//! To add one, write the folder without the snapshot, add the guest to `tests/guests/scenarios/Cargo.toml`, and run
//!
//! ```text
//! INSTA_UPDATE=always cargo test -p wasmscope-tests --test scenarios NAME
//! ```
//!
//! which writes `expected.snap`: read it, and judge it by the contract, before you keep it. The same command brings
//! snapshots up to date. `cargo xtask test` sets `INSTA_UPDATE=no`, so nothing is written there.

pub mod attempt;
pub mod guests;
pub mod home;
pub mod report;
pub mod scenario;

pub use attempt::{Attempt, says};
pub use guests::guest;
pub use report::report;
pub use scenario::{RUNTIMES, Runtime, Scenario};
