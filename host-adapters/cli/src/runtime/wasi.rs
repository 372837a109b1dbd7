//! What a program gets of the system, on every runtime alike.

use super::Surroundings;
use crate::args::{Directory, Program};
use crate::failure::Failure;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder};

/// Opens what the program is given.
pub(crate) fn context(surroundings: &Surroundings, program: &Program) -> Result<WasiCtx, Failure> {
    let mut builder = WasiCtxBuilder::new();
    builder
        .inherit_stdio()
        .args(&surroundings.args)
        .envs(&surroundings.env);
    for Directory {
        host,
        guest,
        read_only,
    } in &program.dir
    {
        let permissions = if *read_only {
            FsPerms::ReadOnly
        } else {
            FsPerms::ReadWrite
        };
        builder
            .preopened_dir(host, guest, permissions)
            .map_err(|error| {
                Failure::new(format!(
                    "cannot open the directory {}: {error:#}",
                    host.display()
                ))
            })?;
    }
    if program.network {
        builder
            .inherit_network()
            .allow_ip_name_lookup(true)
            .allow_tcp(true)
            .allow_udp(true);
    }
    Ok(builder.build())
}
