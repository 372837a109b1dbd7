//! `wasmscope inspect`.

use crate::args::Inspect;
use crate::failure::Failure;
use crate::runtime;
use std::process::ExitCode;

/// Prints what a component imports and exports, and whether this host can serve it.
///
/// The exit code is 0 when it can, 1 when something is missing.
pub(crate) fn inspect(options: &Inspect) -> Result<ExitCode, Failure> {
    let runtime = runtime::chosen(options.runtime, &options.component);
    let needs = runtime::needs(&options.component, runtime, options.allow_precompiled)?;
    print!("{}", needs.report(&options.component));
    Ok(if needs.served() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
