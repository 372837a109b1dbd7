//! `wasi:cli`: arguments and variables, standard streams, and exit.

use component_model::engine::Engine;
use component_model::{LinkError, Linker};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::p2::bindings::cli::environment::Host as _;
use wasmtime_wasi::p2::bindings::cli::exit::Host as _;
use wasmtime_wasi::p2::bindings::cli::stderr::Host as _;
use wasmtime_wasi::p2::bindings::cli::stdin::Host as _;
use wasmtime_wasi::p2::bindings::cli::stdout::Host as _;
use wasmtime_wasi::p2::bindings::cli::terminal_input::HostTerminalInput;
use wasmtime_wasi::p2::bindings::cli::terminal_output::HostTerminalOutput;
use wasmtime_wasi::p2::bindings::cli::terminal_stderr::Host as _;
use wasmtime_wasi::p2::bindings::cli::terminal_stdin::Host as _;
use wasmtime_wasi::p2::bindings::cli::terminal_stdout::Host as _;

use crate::handle::Handle;
use crate::interface::{Interface, one};

fn interface<'l, T: WasiView, E: Engine>(
    linker: &'l mut Linker<T, E>,
    name: &str,
) -> Interface<'l, T, E, WasiCli> {
    Interface::<T, E, WasiCli>::new(linker, name, T::cli)
}

pub(crate) fn add_to_linker<T: WasiView + 'static, E: Engine>(
    linker: &mut Linker<T, E>,
) -> Result<(), LinkError> {
    interface(linker, "wasi:cli/environment@0.2.12")
        .func("get-environment", |cli, ()| one(cli.get_environment()))?
        .func("get-arguments", |cli, ()| one(cli.get_arguments()))?
        .func("initial-cwd", |cli, ()| one(cli.initial_cwd()))?;
    interface(linker, "wasi:cli/exit@0.2.12")
        .func("exit", |cli, (status,)| cli.exit(status))?
        .func("exit-with-code", |cli, (code,)| cli.exit_with_code(code))?;
    interface(linker, "wasi:cli/stdin@0.2.12")
        .func("get-stdin", |cli, ()| one(cli.get_stdin().map(Handle)))?;
    interface(linker, "wasi:cli/stdout@0.2.12")
        .func("get-stdout", |cli, ()| one(cli.get_stdout().map(Handle)))?;
    interface(linker, "wasi:cli/stderr@0.2.12")
        .func("get-stderr", |cli, ()| one(cli.get_stderr().map(Handle)))?;
    add_terminals(linker)
}

fn add_terminals<T: WasiView, E: Engine>(linker: &mut Linker<T, E>) -> Result<(), LinkError> {
    interface(linker, "wasi:cli/terminal-input@0.2.12")
        .resource("terminal-input", |cli, terminal| {
            HostTerminalInput::drop(cli, terminal)
        })?;
    interface(linker, "wasi:cli/terminal-output@0.2.12")
        .resource("terminal-output", |cli, terminal| {
            HostTerminalOutput::drop(cli, terminal)
        })?;
    interface(linker, "wasi:cli/terminal-stdin@0.2.12").func("get-terminal-stdin", |cli, ()| {
        one(cli
            .get_terminal_stdin()
            .map(|terminal| terminal.map(Handle)))
    })?;
    interface(linker, "wasi:cli/terminal-stdout@0.2.12").func(
        "get-terminal-stdout",
        |cli, ()| {
            one(cli
                .get_terminal_stdout()
                .map(|terminal| terminal.map(Handle)))
        },
    )?;
    interface(linker, "wasi:cli/terminal-stderr@0.2.12").func(
        "get-terminal-stderr",
        |cli, ()| {
            one(cli
                .get_terminal_stderr()
                .map(|terminal| terminal.map(Handle)))
        },
    )?;
    Ok(())
}
