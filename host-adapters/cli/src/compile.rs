//! `wasmscope compile`.

use crate::args::Compile;
use crate::failure::Failure;
use crate::messages::say;
use crate::runtime::{self, PrepareLimits};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Compiles a component into a file for `wasmscope run`.
pub(crate) fn compile(options: &Compile) -> Result<ExitCode, Failure> {
    let output = options.output.clone().unwrap_or_else(|| {
        let name = options.component.file_name().unwrap_or_default();
        Path::new(name).with_extension("cwasm")
    });
    // Checked first, because compiling takes longer.
    let target = target(&output, &options.component)?;
    runtime::compile(
        &options.component,
        options.runtime,
        !options.no_fuel,
        &target,
        PrepareLimits {
            sizes: options.preparation.size_limits(),
            deadline: options.preparation.deadline(None),
        },
    )?;
    say!(
        "wasmscope: compiled for {} into {}",
        options.runtime.title(),
        output.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// Returns the file to write: the output, or the target of its link. It must be a regular file, and
/// not the component itself.
fn target(output: &Path, component: &Path) -> Result<PathBuf, Failure> {
    let refused = |why: &str| Failure::new(format!("cannot write {}: {why}", output.display()));
    if output.file_name().is_none() || output.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(refused("it is not a file name"));
    }
    let parent = output
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent
        && !parent.is_dir()
    {
        let parent = parent.display();
        return Err(refused(&format!("there is no folder {parent}")));
    }
    let Ok(metadata) = fs::metadata(output) else {
        return Ok(output.to_owned());
    };
    if metadata.is_dir() {
        return Err(refused("it is a folder; name a file in it"));
    }
    if !metadata.is_file() {
        return Err(refused("it is not a file"));
    }
    let target = fs::canonicalize(output).map_err(|error| refused(&error.to_string()))?;
    if fs::canonicalize(component).is_ok_and(|component| component == target) {
        return Err(refused(
            "it is the component itself; choose another name with -o",
        ));
    }
    Ok(target)
}
