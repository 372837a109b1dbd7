//! A guest's setup and its state in a store, for all runtimes.

use super::environment::GuestEnv;
use super::memory::TotalMemory;
use super::stdio::{Printed, Stdio};
use super::{component_name, descriptors, outgoing, wasi};
use crate::args::{Program, ServerOptions};
use crate::failure::Failure;
use std::path::Path;
use std::sync::Arc;
use wasmscope_http::outgoing::{Client, Outgoing};
use wasmscope_telemetry::{Instance, Propagation, Runtime, Telemetry, View};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// Makes guests with the same options.
pub(super) struct Guests {
    name: Arc<str>,
    env: GuestEnv,
    program: Program,
    stdio: Stdio,
    /// Whether they read our standard input. The instances of a server have none.
    reads_stdin: bool,
    /// Sends the HTTP requests of all of them.
    pub(super) client: Client,
    /// The bounds that all of them share.
    pub(super) bounds: wasi_bounds::Bounds,
}

impl Guests {
    pub(super) fn new(
        path: &Path,
        args: &[String],
        program: &Program,
        runtime: &Runtime,
        propagation: Propagation,
        stdio: Stdio,
        server: Option<&ServerOptions>,
    ) -> Result<Self, Failure> {
        let reads_stdin = server.is_none();
        let server = server.map_or(0, |server| server.descriptors(program.dir.len()));
        let connections = outgoing::connections(program);
        let (bounds, connections) =
            descriptors::bounds(program.max_descriptors, connections, server);
        Ok(Self {
            name: component_name(path).into(),
            env: GuestEnv::new(path, args, program, runtime)?,
            bounds,
            client: outgoing::client(program, propagation, connections),
            program: program.clone(),
            stdio,
            reads_stdin,
        })
    }

    /// Makes a guest, and opens everything that the options grant to it.
    pub(super) fn make(&self) -> Result<Guest, Failure> {
        let mut wasi = wasi::context(&self.env, &self.program)?;
        if self.reads_stdin {
            wasi.inherit_stdin();
        }
        Ok(Guest {
            name: Arc::clone(&self.name),
            wasi,
            stdio: self.stdio.clone(),
            memory: TotalMemory::new(self.program.max_memory),
            fuel: self.program.fuel,
            client: self.client.clone(),
        })
    }
}

/// The options of a guest, checked and opened.
pub(super) struct Guest {
    name: Arc<str>,
    wasi: WasiCtxBuilder,
    stdio: Stdio,
    pub(super) memory: TotalMemory,
    pub(super) fuel: Option<u64>,
    client: Client,
}

impl Guest {
    /// Creates the data of the guest's store. `limiter` wraps the bound on memory.
    pub(super) fn into_host<L>(
        mut self,
        telemetry: &Telemetry,
        limiter: impl FnOnce(&Instance, TotalMemory) -> L,
    ) -> Host<L> {
        let telemetry = telemetry.instance(self.name);
        let printed = self.stdio.connect(&mut self.wasi, &telemetry);
        Host {
            wasi: self.wasi.build(),
            printed,
            table: ResourceTable::new(),
            limiter: limiter(&telemetry, self.memory),
            http: WasiHttpCtx::new(),
            outgoing: Outgoing::new(telemetry, self.client),
        }
    }
}

/// The data of a guest's store. `L` is the adapter's limiter.
pub(super) struct Host<L> {
    wasi: WasiCtx,
    printed: Option<Arc<Printed>>,
    table: ResourceTable,
    http: WasiHttpCtx,
    outgoing: Outgoing,
    pub(super) limiter: L,
}

impl<L> Host<L> {
    /// Returns the guest's resources.
    pub(super) fn resources(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    /// Ends what belongs to a call into the guest and is left: the spans of requests that it has
    /// sent, and its unfinished lines.
    pub(super) fn end_call(&mut self) {
        self.outgoing.end_requests();
        self.finish_lines();
    }

    /// Passes on the lines that the guest has not finished.
    pub(super) fn finish_lines(&self) {
        if let Some(printed) = &self.printed {
            printed.finish_lines();
        }
    }

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
