//! Running other programs, with errors that say which one failed and how.

use anyhow::{Context as _, Result, bail};
use std::fmt;
use std::process::{Command, Stdio};

/// A program has failed that says itself what is wrong: nothing is to be added to that.
#[derive(Debug)]
pub(crate) struct Said;

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it failed as is said above")
    }
}

impl std::error::Error for Said {}

/// Runs a command of our own, which says itself why it fails.
///
/// # Errors
///
/// Fails with [`Said`] when it exits with anything but zero, and as [`run`] when it cannot be started or is killed.
pub(crate) fn run_our_own(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    match status.code() {
        Some(0) => Ok(()),
        Some(_) => Err(Said.into()),
        None => bail!("`{}` failed with {status}", shown(command)),
    }
}

/// Runs a command to its end, its output going where ours goes.
///
/// # Errors
///
/// Fails when the program cannot be started or exits with anything but zero.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !status.success() {
        bail!("`{}` failed with {status}", shown(command));
    }
    Ok(())
}

/// Runs a command and gives what it printed to its standard output.
///
/// # Errors
///
/// Fails when the program cannot be started or exits with anything but zero; the error then carries what it
/// printed to its standard error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !output.status.success() {
        bail!(
            "`{}` failed with {}\n{}",
            shown(command),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` printed something that is not UTF-8", shown(command)))
}

/// Cargo, as the one that runs us.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// A command as one could type it, the program without its folder.
pub(crate) fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let mut words = vec![
        program
            .file_name()
            .unwrap_or(command.get_program())
            .to_string_lossy()
            .into_owned(),
    ];
    words.extend(
        command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned()),
    );
    words.join(" ")
}
