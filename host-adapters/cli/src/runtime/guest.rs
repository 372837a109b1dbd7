//! A guest's setup and its state in a store, for all runtimes.

use super::memory::TotalMemory;
use super::{GuestEnv, component_name, descriptors, wasi};
use crate::args::Program;
use crate::failure::Failure;
use std::path::Path;
use std::time::Duration;
use wasmscope_http::outgoing::Outgoing;
use wasmscope_telemetry::{Instance, Telemetry, View};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// The options of a guest, checked and opened.
pub(super) struct Guest {
    pub(super) name: String,
    wasi: WasiCtx,
    pub(super) memory: TotalMemory,
    pub(super) bounds: wasi_bounds::Bounds,
    pub(super) timeout: Option<Duration>,
    pub(super) fuel: Option<u64>,
}

impl Guest {
    /// Opens everything that the options grant to the guest.
    pub(super) fn new(path: &Path, args: &[String], program: &Program) -> Result<Self, Failure> {
        Ok(Self {
            name: component_name(path),
            wasi: wasi::context(&GuestEnv::new(path, args, program)?, program)?,
            memory: TotalMemory::new(program.max_memory),
            bounds: descriptors::bounds(program.max_descriptors),
            timeout: program.timeout,
            fuel: program.fuel,
        })
    }

    /// Creates the data of the guest's store. `limiter` wraps the bound on memory.
    pub(super) fn into_host<L>(
        self,
        telemetry: &Telemetry,
        limiter: impl FnOnce(&Instance, TotalMemory) -> L,
    ) -> Host<L> {
        let telemetry = telemetry.instance(self.name);
        Host {
            wasi: self.wasi,
            table: ResourceTable::new(),
            limiter: limiter(&telemetry, self.memory),
            http: WasiHttpCtx::new(),
            outgoing: Outgoing::new(telemetry),
        }
    }
}

/// The data of a guest's store. `L` is the adapter's limiter.
pub(super) struct Host<L> {
    wasi: WasiCtx,
    table: ResourceTable,
    http: WasiHttpCtx,
    outgoing: Outgoing,
    pub(super) limiter: L,
}

impl<L> Host<L> {
    /// Returns the telemetry of the guest's instance.
    pub(super) fn telemetry(&self) -> &Instance {
        &self.outgoing.telemetry
    }
}

impl<L: Send> WasiView for Host<L> {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl<L: Send> WasiHttpView for Host<L> {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.outgoing,
        }
    }
}

impl<L> View for Host<L> {
    fn wasmscope(&mut self) -> &mut Instance {
        &mut self.outgoing.telemetry
    }
}
