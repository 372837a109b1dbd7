//! The engine's configuration, shared by all components and stores.

use std::sync::{Arc, LazyLock};

use component_model::engine::{Host, Limits};
use component_model::{HostError, LoadError, SizeLimits};
use wasmedge_sdk::{CompilerOptimizationLevel, CompilerOutputFormat, RunMode};
use wasmedge_sys as sys;

use crate::aot::ChildCompiler;
use crate::ffi::{self, Core, Module, ModuleSource, ReservedMemory};

/// The bytes that WasmEdge uses for an element of a table: the type of the reference and a pointer.
/// In WasmEdge 0.17 its `TableInstance` keeps a `std::vector` of `RefVariant`, which are as large
/// as a vector of 128 bits.
pub const TABLE_ELEMENT_BYTES: usize = 16;

/// Settings of an [`Engine`].
#[derive(Debug, Clone, Default)]
pub struct Config {
    pub(crate) measure_cost: bool,
    pub(crate) optimization: Optimization,
    pub(crate) limits: Limits,
    pub(crate) compiler: Option<ChildCompiler>,
    /// Compiles even modules that must be interpreted.
    #[cfg(test)]
    pub(crate) compile_all: bool,
}

/// The optimisation level of the ahead-of-time compiler, as in LLVM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Optimization {
    /// No optimisation, which compiles fastest.
    None,
    /// Some optimisation.
    Less,
    /// WasmEdge's default.
    #[default]
    Default,
    /// All optimisations for speed.
    Aggressive,
    /// Optimises for size as well.
    Size,
}

impl Optimization {
    const ALL: [Self; 5] = [
        Self::None,
        Self::Less,
        Self::Default,
        Self::Aggressive,
        Self::Size,
    ];

    /// Returns the number of the level, for [`numbered`](Self::numbered).
    pub(crate) fn number(self) -> usize {
        let number = Self::ALL.iter().position(|other| *other == self);
        number.unwrap_or_default()
    }

    pub(crate) fn numbered(number: usize) -> Option<Self> {
        Self::ALL.get(number).copied()
    }

    pub(crate) fn level(self) -> CompilerOptimizationLevel {
        match self {
            Self::None => CompilerOptimizationLevel::O0,
            Self::Less => CompilerOptimizationLevel::O1,
            Self::Default => CompilerOptimizationLevel::O2,
            Self::Aggressive => CompilerOptimizationLevel::O3,
            Self::Size => CompilerOptimizationLevel::Os,
        }
    }
}

impl Config {
    /// Makes the default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts the cost of guests, one for each instruction, so that
    /// [`Store::set_cost_limit`](component_model::Store::set_cost_limit) works. Off by default,
    /// because it makes guests slower.
    pub fn measure_cost(&mut self, measure: bool) -> &mut Self {
        self.measure_cost = measure;
        self
    }

    /// Sets the optimisation level of
    /// [`Component::precompile`](component_model::Component::precompile).
    pub fn optimization(&mut self, optimization: Optimization) -> &mut Self {
        self.optimization = optimization;
        self
    }

    /// Sets the number of bytes that one call may copy from a guest into the host's memory: 128 MiB
    /// by default. See [`Budget`](crate::Budget).
    pub fn call_budget(&mut self, bytes: usize) -> &mut Self {
        self.limits.call_budget = bytes;
        self
    }

    /// Compiles in child processes that are started with these settings, instead of in this
    /// process.
    pub fn compile_in_child(&mut self, compiler: ChildCompiler) -> &mut Self {
        self.compiler = Some(compiler);
        self
    }

    /// Sets the size limits of components. They are checked before anything else is done with a
    /// component.
    pub fn size_limits(&mut self, limits: SizeLimits) -> &mut Self {
        self.limits.size = limits;
        self
    }

    /// Sets the number of handles and loans that an instance may have at once:
    /// [`DEFAULT_HANDLE_LIMIT`](crate::DEFAULT_HANDLE_LIMIT) by default.
    pub fn handle_limit(&mut self, handles: usize) -> &mut Self {
        self.limits.handles = handles;
        self
    }
}

/// WasmEdge with a configuration. Clones share the engine.
///
/// The first engine switches WasmEdge's own log off for the whole process: it would write every
/// trap of a guest to standard error, although the returned errors have the same information.
#[derive(Debug, Clone)]
pub struct Engine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    engine: sys::Config,
    interpreting: sys::Config,
}

fn configured(config: &Config, mode: RunMode) -> Result<sys::Config, HostError> {
    let failed = |error: Box<_>| HostError::new(format!("WasmEdge cannot be set up: {error}"));
    let mut engine = sys::Config::create().map_err(failed)?;
    engine.set_run_mode(mode);
    engine.multi_memories(true);
    engine.tail_call(true);
    engine.extended_const(true);
    engine.measure_cost(config.measure_cost);
    // Compiled guests would check at every block. They poll instead: see `add_polls`.
    engine.interruptible(false);
    engine.set_aot_optimization_level(config.optimization.level());
    // The other format is a shared library. It can only be loaded from a file, which could change
    // after it was checked.
    engine.set_aot_compiler_output_format(CompilerOutputFormat::Wasm);
    Ok(engine)
}

impl Engine {
    /// Makes an engine.
    ///
    /// # Errors
    ///
    /// An error if WasmEdge cannot be set up.
    pub fn new(config: &Config) -> Result<Self, HostError> {
        ffi::silence();
        let of = |mode| configured(config, mode);
        Ok(Self(Arc::new(Inner {
            config: config.clone(),
            // Uses the compiled code of compiled modules, and interprets the others.
            engine: of(RunMode::Aot)?,
            interpreting: of(RunMode::Interpreter)?,
        })))
    }

    /// Returns the settings.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn raw(&self) -> &sys::Config {
        &self.0.engine
    }

    /// Returns the configuration for loading guests' own modules. With [`raw`](Self::raw), WasmEdge
    /// would run native code that a guest puts into a custom section `wasmedge`.
    pub(crate) fn interpreting(&self) -> &sys::Config {
        &self.0.interpreting
    }
}

impl component_model::engine::Engine for Engine {
    type Module = Module;
    type CoreStore<H: Host<Engine = Self>> = Core<H>;
    type Reservation = ReservedMemory;

    fn limits(&self) -> &Limits {
        &self.config().limits
    }

    fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn load(&self, module: &[u8]) -> Result<Module, LoadError> {
        Module::new(self, ModuleSource::Bytes(module)).map_err(|code| LoadError::Engine {
            message: ffi::message(code),
        })
    }

    fn create_store<H: Host<Engine = Self>>(&self) -> Result<Core<H>, HostError> {
        Core::new(self)
    }

    fn reserve_memory(&self, pages: u64) -> Option<ReservedMemory> {
        ReservedMemory::new(pages)
    }
}

impl Default for Engine {
    /// Makes an engine with the default settings.
    ///
    /// # Panics
    ///
    /// If WasmEdge cannot be set up because it is out of memory.
    fn default() -> Self {
        match Self::new(&Config::default()) {
            Ok(engine) => engine,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Returns the version of the WasmEdge library that is linked.
pub fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(sys::utils::version_string);
    &VERSION
}
