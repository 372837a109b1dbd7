//! Runs other programs. Errors name the command and its exit status.

use anyhow::{Context as _, Result, bail};
use std::fmt;
use std::process::{Command, Stdio};

/// The error of a program that has printed the reason itself.
#[derive(Debug)]
pub(crate) struct AlreadyReported;

impl fmt::Display for AlreadyReported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it failed; see above")
    }
}

impl std::error::Error for AlreadyReported {}

/// Runs a command of the workspace, which prints the reason if it fails.
///
/// # Errors
///
/// Fails with [`AlreadyReported`] if the exit code is not zero. Fails as [`run`] does if the
/// program cannot be started or is killed.
pub(crate) fn run_our_own(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    match status.code() {
        Some(0) => Ok(()),
        Some(_) => Err(AlreadyReported.into()),
        None => bail!("`{}` failed with {status}", shown(command)),
    }
}

/// Runs a command to its end, with inherited standard streams.
///
/// # Errors
///
/// Fails if the program cannot be started, or if its exit code is not zero.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !status.success() {
        bail!("`{}` failed with {status}", shown(command));
    }
    Ok(())
}

/// Runs a command and returns its standard output.
///
/// # Errors
///
/// Fails if the program cannot be started, or if its exit code is not zero. The error then contains
/// its standard error.
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

/// Returns the cargo that runs this program.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Returns a command as text, with only the name of the program.
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
