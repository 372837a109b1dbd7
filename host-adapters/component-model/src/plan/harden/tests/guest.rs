//! Runs hardened modules on Wasmtime, with the functions that they import.

use std::sync::OnceLock;

use wasm_encoder::ExportSection;
use wasm_encoder::reencode::utils;
use wasmtime::{Caller, Config, Engine, Instance, Linker, OptLevel, Store};
use wasmtime_environ::wasmparser::ExportSectionReader;

use super::*;

/// The state of the host of a guest.
#[derive(Default)]
pub(super) struct Host {
    /// Whether growth is refused.
    pub(super) refuses: bool,
    /// The requests to grow: kind, delta, current size, maximum size.
    pub(super) asked: Vec<(&'static str, u32, u32, u32)>,
    /// The results reported for memories.
    pub(super) grown: Vec<u32>,
    pub(super) overflows: u32,
    pub(super) polls: u32,
}

impl Host {
    fn ask(&mut self, what: &'static str, delta: u32, current: u32, max: u32) -> u32 {
        self.asked.push((what, delta, current, max));
        if self.refuses { u32::MAX } else { delta }
    }
}

pub(super) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let mut config = Config::new();
        config
            .cranelift_opt_level(OptLevel::None)
            .async_stack_size(64 << 20)
            .max_wasm_stack(32 << 20);
        Engine::new(&config).unwrap()
    })
}

pub(super) fn linker(store: &mut Store<Host>) -> Linker<Host> {
    let mut linker = Linker::new(engine());
    for (name, what) in [(MEMORY_GROWING, "memory"), (TABLE_GROWING, "table")] {
        let ask = move |mut caller: Caller<'_, Host>, delta: u32, current: u32, max: u32| {
            caller.data_mut().ask(what, delta, current, max)
        };
        linker.func_wrap(HOST_MODULE, name, ask).unwrap();
    }
    let grown = |mut caller: Caller<'_, Host>, result: u32| {
        caller.data_mut().grown.push(result);
        result
    };
    linker.func_wrap(HOST_MODULE, MEMORY_GROWN, grown).unwrap();
    let overflow = |mut caller: Caller<'_, Host>| -> wasmtime::Result<()> {
        caller.data_mut().overflows += 1;
        Err(wasmtime::Error::msg("stack overflow"))
    };
    linker
        .func_wrap(HOST_MODULE, STACK_OVERFLOW, overflow)
        .unwrap();
    let poll = |mut caller: Caller<'_, Host>| {
        caller.data_mut().polls += 1;
    };
    linker.func_wrap(HOST_MODULE, POLL, poll).unwrap();
    linker
        .func_wrap(HOST_MODULE, "t0", |n: u32| n.wrapping_add(1))
        .unwrap();
    let ty = wasmtime::GlobalType::new(wasmtime::ValType::I32, wasmtime::Mutability::Var);
    for (name, value) in [(STACK_UNITS, 0), (STEPS_LEFT, POLL_STEPS.cast_signed())] {
        let value = wasmtime::Val::I32(value);
        let counter = wasmtime::Global::new(&mut *store, ty.clone(), value).unwrap();
        linker.define(&*store, HOST_MODULE, name, counter).unwrap();
    }
    linker
}

/// An instance and its store.
pub(super) struct Guest {
    pub(super) store: Store<Host>,
    pub(super) instance: Instance,
}

impl Guest {
    pub(super) fn new(bytes: &[u8]) -> Self {
        let module = wasmtime::Module::new(engine(), bytes).unwrap();
        let mut store = Store::new(engine(), Host::default());
        let instance = linker(&mut store).instantiate(&mut store, &module).unwrap();
        Self { store, instance }
    }

    pub(super) fn call(&mut self, name: &str, argument: u32) -> wasmtime::Result<u32> {
        let function = self
            .instance
            .get_typed_func::<u32, u32>(&mut self.store, name)?;
        function.call(&mut self.store, argument)
    }

    pub(super) fn global(&mut self, name: &str) -> Option<u32> {
        let global = self.instance.get_global(&mut self.store, name)?;
        let value = global.get(&mut self.store).i32();
        value.map(i32::cast_unsigned)
    }
}

/// Exports the last imported global, which is the counter of a hardened module.
pub(super) fn export_depth(bytes: &[u8]) -> Vec<u8> {
    struct Exporter(u32);

    impl Reencode for Exporter {
        type Error = std::convert::Infallible;

        fn parse_export_section(
            &mut self,
            exports: &mut ExportSection,
            section: ExportSectionReader<'_>,
        ) -> Result<(), Error> {
            utils::parse_export_section(self, exports, section)?;
            exports.export("depth", wasm_encoder::ExportKind::Global, self.0);
            Ok(())
        }
    }

    let globals = ModuleSummary::new(bytes).unwrap().imported_globals;
    let mut module = Module::new();
    Exporter(globals - 1)
        .parse_core_module(&mut module, Parser::new(0), bytes)
        .unwrap();
    module.finish()
}

/// Runs a test on a thread with more stack than the guest may use.
pub(super) fn with_large_stack(test: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(128 << 20);
        let thread = thread.spawn_scoped(scope, test).unwrap();
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    });
}
