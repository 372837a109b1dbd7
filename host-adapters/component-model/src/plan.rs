//! Translates a component into a plan: a list of steps that any engine for core modules can follow.
//!
//! The translation is Wasmtime's, from `wasmtime-environ`: nested components are flattened, calls
//! between them become adapter modules, and everything that the host provides becomes a trampoline.
//! Only this module and its submodules use that crate, because its API is not stable: its enums are
//! matched exhaustively, and unsupported features become [`LoadError::Unsupported`].
//!
//! # Linking by name
//!
//! The imports of core modules are renamed, so that an engine that links by name links them
//! correctly:
//!
//! - An export of a core instance is imported from the module `i{n}`, where `n` is the instance's
//!   [`CoreInstanceId`], under its name there.
//! - A trampoline is imported from [`HOST_MODULE`] as `t{n}`, where `n` is its [`TrampolineId`],
//!   even if the module reached it through a shim.
//! - The imports that hardening adds come from [`HOST_MODULE`] as well: [`MEMORY_GROWING`],
//!   [`MEMORY_GROWN`], [`TABLE_GROWING`], [`STACK_OVERFLOW`], [`STACK_UNITS`], [`POLL`] and
//!   [`STEPS_LEFT`].
//! - The flags of a component instance are imported from [`HOST_MODULE`] as `f{n}`, where `n` is
//!   its [`ComponentInstanceId`]: a mutable global of type `i32`, initially [`MAY_LEAVE`].

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

pub use harden::{MAX_STACK_UNITS, add_polls};
pub(crate) use harden::{
    MEMORY_GROWING, MEMORY_GROWN, POLL, POLL_STEPS, STACK_OVERFLOW, STACK_UNITS, STEPS_LEFT,
    TABLE_GROWING,
};

pub(crate) use modules::link_imported;
pub(crate) use modules::{ModuleExport, ModuleImport, ModuleType};

/// The module name of all imports that the host provides.
pub(crate) const HOST_MODULE: &str = "$host";

/// The value of a component instance's flags while it may call out. The flags are zero while it
/// must not.
pub(crate) const MAY_LEAVE: i32 = 1;

/// A translated component.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The core modules, ready to be linked by name, including those of fused adapters.
    pub modules: Vec<CoreModule>,
    /// The steps that instantiate the component, in order.
    pub steps: Vec<Step>,
    /// The functions that the host provides to the core modules.
    pub trampolines: Vec<Trampoline>,
    /// The canonical options that trampolines and exports refer to.
    pub options: Vec<CanonicalOptions>,
    /// All functions and resources that the component imports, including unused ones.
    pub imports: Vec<Import>,
    /// The top-level names that the component imports, in order: interfaces, including those with
    /// only types, and single items.
    pub import_names: Vec<String>,
    /// All instances that the component imports, including nested ones: the path of names to each,
    /// outermost first.
    pub imported_instances: Vec<Vec<String>>,
    /// All core modules that the component imports.
    pub imported_modules: Vec<ModuleImport>,
    /// The exports of the component.
    pub exports: Vec<(String, Export)>,
    /// The origins of the resources, indexed by [`ResourceId`].
    pub resources: Vec<ResourceOrigin>,
    /// The resource types as each component instance sees them, indexed by [`ResourceTableId`].
    pub resource_tables: Vec<ResourceTable>,
    /// The number of component instances, each with its own handles and flags.
    pub component_instances: u32,
    /// For each component instance, whether core modules import its flags, and so may change them.
    pub(crate) shared_flags: Vec<bool>,
    /// The numbers of memories, `realloc` and `post-return` functions to extract.
    pub extracted: Extracted,
}

/// The numbers of items of each kind that the steps extract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extracted {
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
    /// The most [stack units](MAX_STACK_UNITS) that its uncounted functions use at once.
    pub(crate) uncounted_units: u32,
    /// True if its tables may hold functions of other modules, or tables of other modules its
    /// functions. That is so if it imports or exports a table or a global of references, has a
    /// reference in a function type, or refers to an imported function.
    ///
    /// Such modules must be interpreted. In code compiled by WasmEdge 0.17, a `call_indirect` of
    /// another instance's function runs with the caller's memory and globals, and one of a host
    /// function takes more of the stack each time until its caller returns.
    pub shares_references: bool,
    /// True if the translator generated it, to connect two components.
    pub(crate) is_adapter: bool,
    /// The memories that it defines, in pages.
    pub(crate) memories: Vec<Extent>,
    /// The tables that it defines, in elements.
    pub(crate) tables: Vec<Extent>,
}

/// The size limits of a memory or a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The initial size.
    pub minimum: u64,
    /// The maximum size, if the module declares one.
    pub maximum: Option<u64>,
}

/// One step of an instantiation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Instantiates a core module and registers the instance as `i{n}`.
    Instantiate {
        /// The module.
        module: ModuleId,
        /// The resulting instance; the numbers are consecutive.
        instance: CoreInstanceId,
        /// The component instance that it belongs to; adapters belong to none.
        owner: Option<ComponentInstanceId>,
        /// The definitions of its imports, in order: the imports in its bytes are renamed
        /// accordingly.
        imports: Vec<CoreDef>,
    },
    /// Instantiates a core module that the component imports, as [`Instantiate`](Self::Instantiate)
    /// does for the component's own. Its imports are renamed once the module is known.
    InstantiateImported {
        /// The module.
        module: ModuleImportId,
        /// The number of such steps before this one.
        number: u32,
        /// The resulting instance.
        instance: CoreInstanceId,
        /// The definitions that it can import, by module and name.
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
        /// The resource.
        resource: ResourceId,
        /// The destructor, which takes the representation, if there is one.
        destructor: Option<CoreDef>,
        /// The component instance that defines it, and in which the destructor runs.
        instance: ComponentInstanceId,
    },
}

impl Step {
    /// Returns the definitions that the step imports, if it instantiates one of the component's own
    /// modules.
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

/// A definition that a core module imports, or that an option refers to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum CoreDef {
    /// An export of a core instance.
    Export(CoreExport),
    /// The flags of a component instance.
    InstanceFlags(ComponentInstanceId),
    /// A function of the host.
    Trampoline(TrampolineId),
}

impl CoreDef {
    /// Returns the module name and the item name under which core modules import it.
    pub(crate) fn import_name(&self) -> (String, String) {
        match self {
            Self::Export(export) => (format!("i{}", export.instance.0), export.name.clone()),
            Self::InstanceFlags(instance) => (HOST_MODULE.to_owned(), format!("f{}", instance.0)),
            Self::Trampoline(trampoline) => (HOST_MODULE.to_owned(), format!("t{}", trampoline.0)),
        }
    }
}

/// An export of a core instance.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct CoreExport {
    /// The instance.
    pub instance: CoreInstanceId,
    /// The name of the export.
    pub name: String,
}

/// A function that the host provides to core modules.
#[derive(Debug)]
pub(crate) struct Trampoline {
    /// The action of the function.
    pub kind: TrampolineKind,
    /// The type of the core function.
    pub signature: CoreSignature,
}

/// The action of a host function.
#[derive(Debug)]
pub(crate) enum TrampolineKind {
    /// Lifts the arguments, calls the host function linked to an import, and lowers the result.
    LowerImport {
        /// The import.
        import: ImportId,
        /// The type, with its layout in the canonical ABI.
        abi: Arc<FuncAbi>,
        /// The canonical options.
        options: OptionsId,
    },
    /// Moves a string from one memory to another.
    Transcoder {
        /// The conversion.
        op: Transcode,
        /// The source memory.
        from: MemoryId,
        /// The destination memory.
        to: MemoryId,
    },
    /// `resource.new`: `(rep) -> handle`.
    ResourceNew {
        /// The calling component instance, which must be allowed to leave.
        instance: ComponentInstanceId,
        /// The resource type.
        table: ResourceTableId,
    },
    /// `resource.rep`: `(handle) -> rep`.
    ResourceRep {
        /// The resource type.
        table: ResourceTableId,
    },
    /// `resource.drop`: `(handle)`; runs the destructor of an owned resource.
    ResourceDrop {
        /// The calling component instance, which must be allowed to leave.
        instance: ComponentInstanceId,
        /// The resource type.
        table: ResourceTableId,
    },
    /// Called by adapters: `(handle, from table, to table) -> handle`, where both tables are a
    /// [`ResourceTableId`].
    ResourceTransferOwn,
    /// As [`ResourceTransferOwn`](Self::ResourceTransferOwn), for a borrow.
    ResourceTransferBorrow,
    /// Called by adapters: `(code)`; traps with the code that [`adapter_trap`] returns.
    Trap,
    /// Called by adapters before a call that passes borrows: `(caller, 0, callee)`, where caller
    /// and callee are a [`ComponentInstanceId`].
    EnterSyncCall,
    /// Called by adapters after such a call.
    ExitSyncCall,
}

/// The canonical options of a lifted or lowered function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CanonicalOptions {
    /// The component instance that the function belongs to.
    pub instance: ComponentInstanceId,
    /// The encoding of its strings.
    pub string_encoding: StringEncoding,
    /// Its memory.
    pub memory: Option<MemoryId>,
    /// Its allocator.
    pub realloc: Option<ReallocId>,
    /// The function to call with the core results once the result was lifted.
    pub post_return: Option<PostReturnId>,
    /// The type of the core function.
    pub signature: CoreSignature,
}

/// An import of the component.
#[derive(Debug)]
pub(crate) struct Import {
    /// The interface, with its version, if the item is imported as part of one.
    pub instance: Option<String>,
    /// The nested instances inside of the interface that contain the item, outermost first.
    pub inner: Vec<String>,
    /// The item's name in the interface, or its name with its version.
    pub name: String,
    /// The kind of the item.
    pub kind: ImportKind,
}

impl Import {
    /// Returns the full name: `wasi:io/error@0.2.6#error`, or the item's name if it is not part of
    /// an interface.
    pub(crate) fn full_name(&self) -> String {
        crate::link::full_name(self.names())
    }

    /// Returns the path of names to the item: the instances, outermost first, and its own name.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let instances = self.instance.iter().chain(&self.inner);
        instances.chain([&self.name]).map(String::as_str)
    }
}

/// The kind and type of an import.
#[derive(Debug)]
pub(crate) enum ImportKind {
    /// A function.
    Function(Arc<FuncAbi>),
    /// A resource type. The same resource may be imported under several names, and an unused one
    /// has no id.
    Resource(Option<ResourceId>),
}

/// The origin of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResourceOrigin {
    /// From the host.
    Imported(ImportId),
    /// From the component itself.
    Defined(ComponentInstanceId),
}

/// An export of a component.
#[derive(Debug)]
pub(crate) enum Export {
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
pub(crate) struct FunctionExport {
    /// The type, with its layout in the canonical ABI.
    pub abi: Arc<FuncAbi>,
    /// The core function.
    pub function: CoreDef,
    /// The canonical options.
    pub options: OptionsId,
}

impl Plan {
    /// Translates the bytes of a component, within the default limits on its size.
    #[cfg(test)]
    pub(crate) fn new(bytes: &[u8]) -> Result<Self, LoadError> {
        Self::within(bytes, &SizeLimits::default())
    }

    /// Translates the bytes of a component, within the given limits on its size.
    ///
    /// # Errors
    ///
    /// [`LoadError::Invalid`] if the bytes are not a valid component, [`LoadError::Unsupported`]
    /// with the name of the feature if it needs an unsupported feature, [`LoadError::TooLarge`] if
    /// it exceeds a limit.
    pub(crate) fn within(bytes: &[u8], limits: &SizeLimits) -> Result<Self, LoadError> {
        translate::translate(bytes, limits)
    }

    /// Returns the most stack units that the uncounted functions of any core module use at once.
    pub(crate) fn uncounted_units(&self) -> u32 {
        let units = self.modules.iter().map(|module| module.uncounted_units);
        units.max().unwrap_or(0)
    }

    /// Finds an export by its path: a name, or the name of an instance and a name in it. Versions
    /// are matched by compatibility.
    pub(crate) fn find_export(&self, path: &[&str]) -> Option<&Export> {
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

    /// Finds the position of an export: its index among the exports, and in each instance that
    /// contains it.
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

/// Returns the trap code and the message for a number that a fused adapter passes to
/// [`TrampolineKind::Trap`].
pub(crate) fn adapter_trap(code: u32) -> (TrapCode, String) {
    trampolines::adapter_trap(code)
}

#[cfg(test)]
mod tests;
