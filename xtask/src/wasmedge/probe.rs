//! Probes libraries with small C programs that use libwasmedge and libclang as builds do.
//!
//! Rust needs a C compiler to link programs, so there always is one.

use super::{Home, Version};
use crate::run::output;
use anyhow::{Context as _, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const WASMEDGE: &str = include_str!("probe/wasmedge.c");
const LIBCLANG: &str = include_str!("probe/libclang.c");
const HEADER: &str = include_str!("probe/header.h");

/// Compiles the program that prints libwasmedge's version.
///
/// # Errors
///
/// Fails if it cannot be compiled or linked.
pub(super) fn build_wasmedge(
    home: &Home,
    include: &Path,
    links: &Path,
    link_argument: &str,
) -> Result<PathBuf> {
    let source = home.path("probe.c");
    fs::write(&source, WASMEDGE).context("cannot write a test program")?;
    let program = home.path("probe");
    let mut compiler = compiler();
    compiler.arg("-I").arg(include).arg("-L").arg(links);
    compiler.arg("-o").arg(&program).arg(&source);
    compiler.args(["-lwasmedge", link_argument]);
    output(&mut compiler).context("cannot build a test program with libwasmedge")?;
    Ok(program)
}

/// Runs the program that prints libwasmedge's version.
///
/// # Errors
///
/// Fails if it does not run (for example because a library is missing), or if header and library
/// have different versions.
pub(super) fn run_wasmedge(program: &Path) -> Result<Version> {
    let printed =
        output(&mut Command::new(program)).context("cannot run a program with libwasmedge")?;
    versions(&printed)
}

fn versions(printed: &str) -> Result<Version> {
    let (header, library) = printed
        .trim()
        .split_once(' ')
        .with_context(|| format!("libwasmedge reported its version as `{printed}`"))?;
    let header: Version = header.parse()?;
    let library: Version = library.parse()?;
    ensure!(
        header == library,
        "the header is of version {header}, the library of version {library}"
    );
    Ok(library)
}

/// A program that tries a libclang.
#[derive(Debug)]
pub(super) struct ClangProbe {
    program: PathBuf,
    header: PathBuf,
}

impl ClangProbe {
    /// Compiles the program.
    ///
    /// # Errors
    ///
    /// Fails if it does not compile.
    pub(super) fn build(home: &Home) -> Result<Self> {
        let source = home.path("probe-libclang.c");
        let header = home.path("probe.h");
        fs::write(&source, LIBCLANG).context("cannot write a test program")?;
        fs::write(&header, HEADER).context("cannot write a test program")?;
        let program = home.path("probe-libclang");
        let mut compiler = compiler();
        compiler.arg("-o").arg(&program).arg(&source).arg("-ldl");
        output(&mut compiler).context(
            "cannot compile a C program; install a C compiler, which Rust needs to link programs, too",
        )?;
        Ok(Self { program, header })
    }

    /// Lets a libclang parse a header as bindgen does. Returns the version that it reports.
    ///
    /// # Errors
    ///
    /// Fails if the library cannot be loaded, or does not find the compiler's headers.
    pub(super) fn run(&self, library: &Path, arguments: &[String]) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.arg(library).arg(&self.header).args(arguments);
        output(&mut command)
            .map(|version| version.trim().to_owned())
            .with_context(|| format!("cannot use {}", library.display()))
    }
}

/// Returns the C compiler: `CC`, or `cc` as rustc uses it.
pub(super) fn compiler() -> Command {
    let named = std::env::var_os("CC").filter(|name| !name.is_empty());
    Command::new(named.unwrap_or_else(|| "cc".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_library_must_have_one_version() {
        assert_eq!(
            versions("0.17.1 0.17.1\n").expect("a version").to_string(),
            "0.17.1"
        );
        let error = versions("0.17.1 0.16.0\n").expect_err("two versions");
        assert!(error.to_string().contains("0.16.0"), "{error}");
        assert!(versions("nothing").is_err());
    }
}
