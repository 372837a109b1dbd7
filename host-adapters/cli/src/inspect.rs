//! `wasmscope inspect`.

use crate::args::Inspect;
use crate::failure::Failure;
use crate::runtime::{self, PrepareLimits};
use std::process::ExitCode;

/// Prints what a component imports and exports, and whether this host can serve it.
///
/// The exit code is 0 if it can, 1 if something is missing.
pub(crate) fn inspect(options: &Inspect) -> Result<ExitCode, Failure> {
    let runtime = runtime::chosen(options.runtime, &options.component);
    let bounds = PrepareLimits {
        sizes: options.preparation.size_limits(),
        deadline: options.preparation.deadline(None),
    };
    let allowed = options.allow_precompiled;
    let needs = runtime::needs(&options.component, runtime, allowed, bounds)?;
    print!("{}", needs.report(&options.component));
    Ok(if needs.served() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
