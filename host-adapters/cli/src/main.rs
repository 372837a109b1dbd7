//! The `wasmscope` command: turns arguments into a configuration and calls an adapter. It has no
//! rules about telemetry.

mod args;
mod compile;
mod failure;
mod inspect;
mod interrupt;
mod losses;
mod messages;
mod progress;
mod run;
mod runtime;
mod serve;
mod settings;
mod show;
mod view;

use args::{Cli, Command};
use clap::Parser as _;
use messages::say;
use std::process::ExitCode;

fn main() -> ExitCode {
    interrupt::outlive_large_files();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return messages::usage(&args::with_tip(error)),
    };
    let result = match &cli.command {
        Command::Run(options) => run::run(options),
        Command::Serve(options) => serve::serve(options),
        Command::Inspect(options) => inspect::inspect(options),
        Command::Compile(options) => compile::compile(options),
        Command::View(options) => view::view(options),
        #[cfg(feature = "wasmedge")]
        Command::CompileInChild => return wasmedge_component::compile_as_child(),
    };
    match result {
        Ok(code) => code,
        Err(failure) => {
            say!("wasmscope: error: {failure}");
            failure.exit_code()
        }
    }
}
