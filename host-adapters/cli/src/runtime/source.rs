//! Reads the files to run: components, and files from `wasmscope compile`.

use super::aot;
use crate::args::RuntimeName;
use crate::failure::Failure;
use compiled_code::{CompiledFile, FileError, Format, Trusted, TrustedFile};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use wasmscope_wasmtime::{SizeLimit, SizeLimits, SizeRefusal};

/// The names of the header's entries in a compiled file.
pub(super) mod about {
    pub(crate) const RUNTIME: &str = "runtime";
    pub(crate) const VERSION: &str = "version";
    pub(crate) const TARGET: &str = "target";
}

/// Returns the name of a part of a compiled file: the code with or without fuel.
pub(super) fn part(fuel: bool) -> &'static str {
    if fuel { "metered" } else { "plain" }
}

/// The contents of a file to run.
pub(crate) enum Source {
    Component(Vec<u8>),
    Compiled(TrustedFile),
}

/// Returns the architecture and the system for which code is compiled.
pub(super) fn target() -> String {
    format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)
}

/// Returns the runtime for which a file was compiled, or `None` if it is not a compiled file or
/// cannot be read.
pub(super) fn compiled_for(path: &Path) -> Option<RuntimeName> {
    // A pipe can be read only once.
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let file = CompiledFile::open(path).ok()?;
    RuntimeName::of(file.about(about::RUNTIME)?)
}

impl Source {
    /// Reads a file for a runtime.
    ///
    /// # Errors
    ///
    /// Fails if the file is neither a component nor compiled code, if it was compiled for another
    /// host, or if it is not trusted.
    pub(super) fn open(
        path: &Path,
        runtime: RuntimeName,
        allowed: bool,
        limits: &SizeLimits,
    ) -> Result<Self, Failure> {
        let is_file = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        if is_file {
            match CompiledFile::open(path) {
                Ok(file) => {
                    let file = trusted(path, file, runtime, allowed)?;
                    // A damaged file is rejected as a whole, because other options need other
                    // parts.
                    match file.file().check() {
                        Ok(()) => return Ok(Self::Compiled(file)),
                        Err(error) => return Err(damaged(path, &error)),
                    }
                }
                Err(FileError::Other) => {}
                Err(FileError::Io(error)) => return Err(unreadable(path, &error)),
                Err(error) => return Err(damaged(path, &error)),
            }
        }
        let bytes = read(path, limits)?;
        must_be_component(path, &bytes)?;
        Ok(Self::Component(bytes))
    }
}

/// Reads a component that is not compiled yet.
///
/// # Errors
///
/// Fails if the file is not a component.
pub(super) fn read_component(path: &Path, limits: &SizeLimits) -> Result<Vec<u8>, Failure> {
    let bytes = read(path, limits)?;
    if Format::of(&bytes) == Format::Compiled {
        let path = path.display();
        return Err(Failure::new(format!(
            "{path} is already compiled; name the component that it was compiled from"
        )));
    }
    must_be_component(path, &bytes)?;
    Ok(bytes)
}

/// Reads a file up to the size limit of components. It may be an endless pipe.
fn read(path: &Path, limits: &SizeLimits) -> Result<Vec<u8>, Failure> {
    let most = limits.get(SizeLimit::Bytes);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    file.take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(path, &error))?;
    limits
        .allow(SizeLimit::Bytes, bytes.len() as u64)
        .map_err(|error| too_large(path, &error.into()))?;
    Ok(bytes)
}

/// Returns the error for a component that is too large, with the option that raises the limit.
pub(super) fn too_large(path: &Path, refusal: &SizeRefusal) -> Failure {
    let advice = match refusal {
        SizeRefusal::TooLarge(error) if error.most < *error.limit.range().end() => format!(
            "; to prepare it anyway, raise the limit with --size-limit {}=NUMBER",
            error.limit.name()
        ),
        SizeRefusal::TooLarge(_) => String::from("; that limit cannot be raised"),
        SizeRefusal::Uncounted | _ => String::new(),
    };
    Failure::new(format!("{} is refused: {refusal}{advice}", path.display()))
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("cannot read {}: {error}", path.display()))
}

/// Returns the error for a compiled file that cannot be used, with advice.
pub(super) fn damaged(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(format!(
        "{} cannot be run: {error}; compile the component again with `wasmscope compile`",
        path.display()
    ))
}

/// Returns the error for a compiled file that cannot be used with `--fuel`.
pub(super) fn without_fuel(path: &Path) -> Failure {
    Failure::new(format!(
        "{} has no code that counts fuel, which --fuel needs; compile the component again without --no-fuel",
        path.display()
    ))
}

/// Reads a part of a compiled file that must exist.
pub(super) fn code(path: &Path, file: &TrustedFile, part: &str) -> Result<Trusted, Failure> {
    match file.part(part) {
        Ok(Some(code)) => Ok(code),
        Ok(None) if part == self::part(true) => Err(without_fuel(path)),
        Ok(None) => Err(damaged(path, &format!("it has no part {part}"))),
        Err(error) => Err(damaged(path, &error)),
    }
}

/// Fails unless a file is a component. The error says what it is instead.
fn must_be_component(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let shown = path.display();
    // The preamble: the magic number, 16 bits of version, and 16 bits of layer (0 for a core
    // module, 1 for a component).
    let message = match bytes.get(..8) {
        Some([0, b'a', b's', b'm', _, _, 1, 0]) => return Ok(()),
        Some([0, b'a', b's', b'm', _, _, 0, 0]) => format!(
            "{shown} is a core module, not a component; build it with `cargo build --target wasm32-wasip2`, or make a \
             component of it with `wasm-tools component new`"
        ),
        Some([0x7f, b'E', b'L', b'F', ..]) => {
            let what = super::wasmtime::compiled_elsewhere(bytes)
                .unwrap_or("a native program or library, not a WebAssembly component");
            format!("{shown} is {what}; to compile a component, use `wasmscope compile`")
        }
        _ => format!("{shown} is not a WebAssembly component: it lacks a component's header"),
    };
    Err(Failure::new(message))
}

/// Checks that a compiled file is for this version of this runtime and for this machine, and that
/// it may be loaded.
fn trusted(
    path: &Path,
    file: CompiledFile,
    runtime: RuntimeName,
    allowed: bool,
) -> Result<TrustedFile, Failure> {
    let shown = path.display();
    let named = |name| file.about(name).unwrap_or("unknown").to_owned();
    let again = "compile the component again with `wasmscope compile`";
    let compiled_for = named(about::RUNTIME);
    if RuntimeName::of(&compiled_for) != Some(runtime) {
        let other = match RuntimeName::of(&compiled_for) {
            Some(other) => other.title(),
            None => compiled_for.as_str(),
        };
        return Err(Failure::new(format!(
            "{shown} was compiled for {other}, not for {}: leave --runtime out, or compile the component again with \
             `wasmscope compile --runtime {}`",
            runtime.title(),
            runtime.name(),
        )));
    }
    for (name, here, by) in [
        (about::TARGET, target(), "for "),
        (
            about::VERSION,
            super::described(runtime)?.version.to_string(),
            "by version ",
        ),
    ] {
        let found = named(name);
        if found != here {
            return Err(Failure::new(format!(
                "{shown} was compiled {by}{found} of {}, and this is {here}: {again} here",
                runtime.title()
            )));
        }
    }
    if allowed {
        return Ok(vouched(file));
    }
    let file = match aot::default_cache() {
        Some(cache) => cache.recognise(file),
        None => Err(file),
    };
    file.map_err(|_file| {
        Failure::new(format!(
            "{shown} contains native code, which is not sandboxed, and there is no record that you compiled it on \
             this machine; if you trust its source, run it with --allow-precompiled"
        ))
    })
}

#[expect(
    unsafe_code,
    reason = "only the user can vouch for a file from elsewhere"
)]
fn vouched(file: CompiledFile) -> TrustedFile {
    // SAFETY: with --allow-precompiled, the user vouches for the code. The digest of the header was
    // checked. Those of the parts are checked when they are read.
    unsafe { file.assume_trusted() }
}
