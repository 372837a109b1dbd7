//! `cargo xtask size`: what the SDK adds to a guest.

use crate::workspace::Workspace;
use anyhow::Result;

/// Options of `cargo xtask size`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {}

/// Measures.
///
/// # Errors
///
/// Fails when a build does.
pub(crate) fn run(_: &Workspace, _: &Options) -> Result<()> {
    Ok(())
}
