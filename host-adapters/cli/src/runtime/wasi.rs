//! A guest's WASI context, for all runtimes.

use super::environment::GuestEnv;
use crate::args::{Directory, Program};
use crate::failure::Failure;
use wasmscope_http::abort_unfinished_bodies;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiView};

/// Opens the directories of the options, and prepares the WASI context, without standard streams.
pub(crate) fn context(guest_env: &GuestEnv, program: &Program) -> Result<WasiCtxBuilder, Failure> {
    let mut builder = WasiCtxBuilder::new();
    builder.args(&guest_env.args).envs(&guest_env.env);
    for (index, directory) in program.dir.iter().enumerate() {
        // The last directory of a name applies.
        let mut later = program.dir.iter().skip(index.saturating_add(1));
        if later.any(|later| later.mounted_at() == directory.mounted_at()) {
            continue;
        }
        open(&mut builder, directory)?;
    }
    if program.network {
        builder
            .inherit_network()
            .allow_ip_name_lookup(true)
            .allow_tcp(true)
            .allow_udp(true);
    }
    Ok(builder)
}

/// Closes everything that the guest has opened. Delivering telemetry may need the descriptors.
pub(crate) fn close(guest: &mut impl WasiView) {
    let view = guest.ctx();
    abort_unfinished_bodies(view.table);
    *view.table = ResourceTable::new();
    *view.ctx = WasiCtx::builder().build();
}

fn open(builder: &mut WasiCtxBuilder, directory: &Directory) -> Result<(), Failure> {
    let host = directory.host.display();
    let failed = |why: &dyn std::fmt::Display| {
        Failure::new(format!("--dir: cannot open the directory {host}: {why}"))
    };
    let metadata = std::fs::metadata(&directory.host).map_err(|error| failed(&error))?;
    if !metadata.is_dir() {
        return Err(failed(&"it is not a directory; name its parent directory"));
    }
    let permissions = if directory.read_only {
        FsPerms::ReadOnly
    } else {
        FsPerms::ReadWrite
    };
    builder
        .preopened_dir(&directory.host, &directory.guest, permissions)
        .map_err(|error| failed(&format!("{error:#}")))?;
    Ok(())
}
