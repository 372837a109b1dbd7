//! What a component is once it is translated: a list of steps that any engine for core modules can follow.
//!
//! The translation is that of Wasmtime, from `wasmtime-environ`: nested components are flattened, calls between them become
//! adapter modules, and everything the host has to provide becomes a trampoline. This module and the ones below are the only
//! ones that know that crate, whose API is not stable: its version is pinned exactly, its enums are matched exhaustively, and what is
//! not supported becomes [`LoadError::Unsupported`].
//!
//! # Linking by name
//!
//! Core modules come with their imports renamed, so that an engine that links by name links them right:
//! - an export of a core instance is imported from the module `i{n}`, where `n` is the instance's [`CoreInstanceId`], under its name there;
//! - a trampoline is imported from [`HOST_MODULE`] as `t{n}`, where `n` is its [`TrampolineId`], and where a module would reach it through a shim as well;
//! - what guests are hardened with is imported from [`HOST_MODULE`] as well: [`MEMORY_GROWING`], [`MEMORY_GROWN`], [`TABLE_GROWING`], [`STACK_OVERFLOW`],
//!   [`STACK_UNITS`], [`POLL`] and [`STEPS_LEFT`];
//! - the flags of a component instance are imported from [`HOST_MODULE`] as `f{n}`, where `n` is its [`ComponentInstanceId`]: a mutable
//!   global of type `i32`, initially [`MAY_LEAVE`].

mod convert;
mod features;
mod harden;
mod link;
mod modules;
mod shims;
mod trampolines;
mod translate;
mod types;

use std::sync::Arc;

use crate::abi::StringEncoding;
use crate::abi::call::{CoreSignature, FuncAbi};
use crate::abi::transcode::Transcode;
use crate::error::{LoadError, TrapCode};
use crate::handles::ResourceTable;
use crate::ids::*;
use component_size::Limits as SizeLimits;

pub use harden::{
    LEAVING_UNITS, MAX_STACK_UNITS, MAX_UNCOUNTED_UNITS, MEMORY_GROWING, MEMORY_GROWN, POLL,
    POLL_STEPS, STACK_OVERFLOW, STACK_UNITS, STEPS_LEFT, TABLE_GROWING, add_polls,
};

pub(crate) use modules::link_imported;
pub use modules::{ModuleExport, ModuleImport, ModuleType};

/// The name of the module that what the host provides is imported from.
pub const HOST_MODULE: &str = "$host";

/// The value of a component instance's flags while it may call out; zero while it must not.
pub const MAY_LEAVE: i32 = 1;

/// A component, translated.
#[derive(Debug)]
pub struct Plan {
    /// The core modules, ready to be linked by name; the ones that fused adapters live in are among them.
    pub modules: Vec<CoreModule>,
    /// What to do to instantiate the component, in this order.
    pub steps: Vec<Step>,
    /// The functions that the host provides to the core modules.
    pub trampolines: Vec<Trampoline>,
    /// The canonical options that trampolines and exports refer to.
    pub options: Vec<CanonicalOptions>,
    /// All functions and resources that the component imports, those that it does not use among them.
    pub imports: Vec<Import>,
    /// The names of what the component imports as a whole, in its order: interfaces, those with nothing but types among them, and
    /// single items.
    pub import_names: Vec<(String, ItemKind)>,
    /// All instances that the component imports, those within others among them: the names that
    /// lead to each, the outermost first.
    pub imported_instances: Vec<Vec<String>>,
    /// All core modules that the component imports.
    pub imported_modules: Vec<ModuleImport>,
    /// What the component exports.
    pub exports: Vec<(String, Export)>,
    /// Where the resources come from, indexed by [`ResourceId`].
    pub resources: Vec<ResourceOrigin>,
    /// The resource types as each component instance sees them, indexed by [`ResourceTableId`].
    pub resource_tables: Vec<ResourceTable>,
    /// How many component instances there are, each with handles and flags of its own.
    pub component_instances: u32,
    /// By component instance: whether core modules import its flags, and so may change them.
    pub(crate) shared_flags: Vec<bool>,
    /// How many memories, `realloc` and `post-return` functions are extracted.
    pub extracted: Extracted,
}

/// How many things of each kind the steps extract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extracted {
    /// Memories: one more than the highest [`MemoryId`].
    pub memories: u32,
    /// `realloc` functions: one more than the highest [`ReallocId`].
    pub reallocs: u32,
    /// `post-return` functions: one more than the highest [`PostReturnId`].
    pub post_returns: u32,
}

/// A core module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreModule {
    /// The binary, with its imports renamed.
    pub bytes: Vec<u8>,
    /// How many [stack units](MAX_STACK_UNITS) its functions use at most at once that are not counted.
    pub uncounted_units: u32,
    /// Whether functions that the module does not define may get into its tables, or its own into others': it imports or exports a
    /// table or a global of references, a function type has a reference, or it refers to an imported function.
    ///
    /// Compiled by WasmEdge 0.17, a `call_indirect` of another instance's function runs with the caller's memory and globals, and one of
    /// the host's takes more of the stack each time until its caller returns: these modules are to be interpreted.
    pub shares_references: bool,
    /// Whether the translator made it, to connect two components.
    pub is_adapter: bool,
    /// The memories that it defines, in pages.
    pub memories: Vec<Extent>,
    /// The tables that it defines, in elements.
    pub tables: Vec<Extent>,
}

/// How large a memory or a table is to begin with, and may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// To begin with.
    pub minimum: u64,
    /// At most, if the module says so.
    pub maximum: Option<u64>,
}

/// One step of an instantiation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Instantiates a core module and registers the instance as `i{n}`.
    Instantiate {
        /// Which module.
        module: ModuleId,
        /// Which instance it becomes; these come in order.
        instance: CoreInstanceId,
        /// Which component instance it belongs to; adapters belong to none.
        owner: Option<ComponentInstanceId>,
        /// What its imports are, in their order: the imports of the bytes are renamed accordingly.
        imports: Vec<CoreDef>,
    },
    /// Instantiates a core module that the component imports, as [`Instantiate`](Self::Instantiate)
    /// does one of its own. The module's imports are renamed once it is known.
    InstantiateImported {
        /// Which module.
        module: ModuleImportId,
        /// How many such steps come before.
        number: u32,
        /// Which instance it becomes.
        instance: CoreInstanceId,
        /// What there is for it to import, by module and name.
        imports: Vec<((String, String), CoreDef)>,
    },
    /// Keeps a memory for the options that name it.
    ExtractMemory(MemoryId, CoreExport),
    /// Keeps a `realloc` function.
    ExtractRealloc(ReallocId, CoreDef),
    /// Keeps a `post-return` function.
    ExtractPostReturn(PostReturnId, CoreDef),
    /// Keeps the destructor of a resource that the component defines.
    DefineResource {
        /// Which resource.
        resource: ResourceId,
        /// The destructor, which takes the representation, if there is one.
        destructor: Option<CoreDef>,
        /// Which component instance defines it, and runs the destructor.
        instance: ComponentInstanceId,
    },
}

impl Step {
    /// Returns what the step takes for the imports of a core module, if it instantiates one.
    pub(crate) fn imports(&self) -> &[CoreDef] {
        match self {
            Self::Instantiate { imports, .. } => imports,
            Self::InstantiateImported { .. }
            | Self::ExtractMemory(..)
            | Self::ExtractRealloc(..)
            | Self::ExtractPostReturn(..)
            | Self::DefineResource { .. } => &[],
        }
    }
}

/// Something that a core module imports, or an option refers to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CoreDef {
    /// An export of a core instance.
    Export(CoreExport),
    /// The flags of a component instance.
    InstanceFlags(ComponentInstanceId),
    /// A function of the host.
    Trampoline(TrampolineId),
}

impl CoreDef {
    /// Returns the two names that core modules import it by.
    pub fn import_name(&self) -> (String, String) {
        match self {
            Self::Export(export) => (format!("i{}", export.instance.0), export.name.clone()),
            Self::InstanceFlags(instance) => (HOST_MODULE.to_owned(), format!("f{}", instance.0)),
            Self::Trampoline(trampoline) => (HOST_MODULE.to_owned(), format!("t{}", trampoline.0)),
        }
    }
}

/// An export of a core instance.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CoreExport {
    /// The instance.
    pub instance: CoreInstanceId,
    /// The name of the export.
    pub name: String,
}

/// A function that the host provides to core modules.
#[derive(Debug)]
pub struct Trampoline {
    /// What it does.
    pub kind: TrampolineKind,
    /// The type of the core function.
    pub signature: CoreSignature,
}

/// What a function of the host does.
#[derive(Debug)]
pub enum TrampolineKind {
    /// Lifts the arguments, calls what is linked to an import, and lowers the result.
    LowerImport {
        /// Which import.
        import: ImportId,
        /// How the values pass.
        abi: Arc<FuncAbi>,
        /// With which options.
        options: OptionsId,
    },
    /// Moves a string from one memory to another.
    Transcoder {
        /// How.
        op: Transcode,
        /// The memory that it comes from.
        from: MemoryId,
        /// The memory that it goes to.
        to: MemoryId,
    },
    /// `resource.new`: `(rep) -> handle`.
    ResourceNew {
        /// The component instance that calls it, and must be allowed to leave.
        instance: ComponentInstanceId,
        /// The resource type.
        table: ResourceTableId,
    },
    /// `resource.rep`: `(handle) -> rep`.
    ResourceRep {
        /// The component instance that calls it, and must be allowed to leave.
        instance: ComponentInstanceId,
        /// The resource type.
        table: ResourceTableId,
    },
    /// `resource.drop`: `(handle)`; an owned resource's destructor is run.
    ResourceDrop {
        /// The component instance that calls it, and must be allowed to leave.
        instance: ComponentInstanceId,
        /// The resource type.
        table: ResourceTableId,
    },
    /// Called by adapters: `(handle, from table, to table) -> handle`, both tables being a [`ResourceTableId`].
    ResourceTransferOwn,
    /// As [`ResourceTransferOwn`](Self::ResourceTransferOwn), for a borrow.
    ResourceTransferBorrow,
    /// Called by adapters: `(code)`; traps with the code that [`adapter_trap`] returns.
    Trap,
    /// Called by adapters before a call that passes borrows: `(caller, 0, callee)`, both being a [`ComponentInstanceId`].
    EnterSyncCall,
    /// Called by adapters after such a call.
    ExitSyncCall,
}

/// The canonical options of a lifted or lowered function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanonicalOptions {
    /// The component instance whose function it is.
    pub instance: ComponentInstanceId,
    /// How it encodes strings.
    pub string_encoding: StringEncoding,
    /// Its memory.
    pub memory: Option<MemoryId>,
    /// Its allocator.
    pub realloc: Option<ReallocId>,
    /// What is called once the result was lifted, with the core results.
    pub post_return: Option<PostReturnId>,
    /// The type of the core function.
    pub signature: CoreSignature,
}

/// An import of the component.
#[derive(Debug)]
pub struct Import {
    /// The interface, with its version, if the item is imported as part of one.
    pub instance: Option<String>,
    /// The instances inside of the interface that the item is in, the outermost first.
    pub inner: Vec<String>,
    /// The item's name in the interface, or its name with its version.
    pub name: String,
    /// What is imported.
    pub kind: ImportKind,
}

impl Import {
    /// Returns the full name: `wasi:io/error@0.2.6#error`, or the item's name if it is not part of an interface.
    pub fn full_name(&self) -> String {
        crate::link::full_name(self.names())
    }

    /// Returns the names that lead to the item: of the instances, the outermost first, and its own.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let instances = self.instance.iter().chain(&self.inner);
        instances.chain([&self.name]).map(String::as_str)
    }
}

/// What a name stands for that a component imports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemKind {
    /// An instance: of an interface, as a rule.
    Instance,
    /// A function.
    Function,
    /// A resource type.
    Resource,
    /// A core module.
    Module,
    /// Another type.
    Type,
}

/// What is imported.
#[derive(Debug)]
pub enum ImportKind {
    /// A function.
    Function(Arc<FuncAbi>),
    /// A resource type. The same resource may be imported under several names, and one that is not used has no id.
    Resource(Option<ResourceId>),
}

/// Where a resource comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceOrigin {
    /// From the host.
    Imported(ImportId),
    /// From the component itself.
    Defined(ComponentInstanceId),
}

/// What a component exports under a name.
#[derive(Debug)]
pub enum Export {
    /// A function.
    Function(FunctionExport),
    /// An instance of an interface.
    Instance(Vec<(String, Self)>),
    /// A resource type, as the exporting instance sees it.
    Resource(ResourceTableId),
    /// A core module.
    Module(ModuleExport),
    /// Another type, which has no meaning at run time.
    Type,
}

/// A function that a component exports.
#[derive(Debug)]
pub struct FunctionExport {
    /// How values pass.
    pub abi: Arc<FuncAbi>,
    /// The core function.
    pub function: CoreDef,
    /// With which options.
    pub options: OptionsId,
}

impl Plan {
    /// Translates the bytes of a component, within the default limits on its size.
    ///
    /// # Errors
    ///
    /// [`LoadError::Invalid`] if the bytes are no valid component, [`LoadError::Unsupported`] with the name of the feature if it needs
    /// something that is not supported, [`LoadError::TooLarge`] if it exceeds a limit.
    pub fn new(bytes: &[u8]) -> Result<Self, LoadError> {
        Self::within(bytes, &SizeLimits::default())
    }

    /// Translates the bytes of a component, as [`new`](Self::new) does, within certain limits.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn within(bytes: &[u8], limits: &SizeLimits) -> Result<Self, LoadError> {
        translate::translate(bytes, limits)
    }

    /// Returns how many stack units the functions of a core module use at most at once that are not counted.
    pub fn uncounted_units(&self) -> u32 {
        let units = self.modules.iter().map(|module| module.uncounted_units);
        units.max().unwrap_or(0)
    }

    /// Finds an export by its path: a name, or the name of an instance and one in it. Versions are matched compatibly.
    pub fn find_export(&self, path: &[&str]) -> Option<&Export> {
        let mut exports = &self.exports;
        let mut found = None;
        for position in self.find_route(path)? {
            let (_, export) = exports.get(position)?;
            if let Export::Instance(inner) = export {
                exports = inner;
            }
            found = Some(export);
        }
        found
    }

    /// Finds where an export is: its position among the exports, and within the instances that it is in.
    pub(crate) fn find_route(&self, path: &[&str]) -> Option<Vec<usize>> {
        let mut exports = &self.exports;
        let mut route = Vec::new();
        for (depth, name) in path.iter().enumerate() {
            let mut names = crate::NameMap::new();
            for (position, (name, export)) in exports.iter().enumerate() {
                names.insert(name.as_str(), (position, export));
            }
            let (position, export) = *names.find(name)?;
            route.push(position);
            match export {
                Export::Instance(inner) => exports = inner,
                Export::Function(_) | Export::Resource(_) | Export::Module(_) | Export::Type => {
                    if depth.saturating_add(1) < path.len() {
                        return None;
                    }
                }
            }
        }
        Some(route).filter(|route| !route.is_empty())
    }
}

/// Returns the code and the message that a number stands for which a fused adapter passes to [`TrampolineKind::Trap`].
pub fn adapter_trap(code: u32) -> (TrapCode, String) {
    trampolines::adapter_trap(code)
}

#[cfg(test)]
mod tests;
