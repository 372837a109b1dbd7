//! Converts a translation into a plan.

#![expect(
    clippy::indexing_slicing,
    reason = "the translator's typed indices are valid in its own tables"
)]

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use component_size::{Limit as SizeLimit, Limits as SizeLimits, Refusal as SizeRefusal};
use wasmtime_environ::collections::TryString;
use wasmtime_environ::component::{
    self as environ, CanonicalOptionsDataModel, ComponentExternData, ComponentTranslation,
    ExportIndex, ExportItem, GlobalInitializer, ImportIndex, InstantiateModule, NameMap,
    RuntimeImportIndex, StaticModuleIndex, TypeDef,
};
use wasmtime_environ::{EntityIndex, ModuleTranslation, PrimaryMap, WasmValType};

use super::link::link;
use super::shims::{self, Instantiated, Shims};
use super::trampolines::trampoline_kind;
use super::types::{Types, resource_table_id};
use super::{
    CanonicalOptions, CoreDef, CoreExport, CoreModule, Export, Extracted, FunctionExport, Import,
    ImportKind, ModuleExport, ModuleImport, Plan, ResourceOrigin, Step, Trampoline,
};
use crate::abi::StringEncoding;
use crate::error::LoadError;
use crate::handles::ResourceTable;
use crate::ids::*;

/// Bounds the recursion over exported instances.
const MAX_EXPORT_DEPTH: u32 = 100;

type Modules<'a> = PrimaryMap<StaticModuleIndex, ModuleTranslation<'a>>;

pub(super) fn plan(
    translation: &ComponentTranslation,
    modules: &Modules<'_>,
    mut types: Types<'_>,
    limits: &SizeLimits,
) -> Result<Plan, LoadError> {
    let component = &translation.component;
    let imports = Imports::new(component, &mut types)?;
    let resources = resources(component, &imports)?;
    let resource_tables = resource_tables(component, &types, &resources);

    let mut converter = Converter {
        modules,
        limits,
        rewritten_bytes: 0,
        linked: HashMap::new(),
        output: Output::default(),
        exported: HashMap::new(),
        instances: Vec::new(),
        names: HashMap::new(),
        imported: 0,
        shims: Shims::new(),
    };
    converter.shims = converter.find_shims(component)?;
    let mut lowered = Vec::new();
    let mut steps = Vec::new();
    for initializer in &component.initializers {
        if let GlobalInitializer::LowerImport { index, import } = initializer {
            debug_assert_eq!(usize::try_from(index.as_u32()), Ok(lowered.len()));
            lowered.push(imports.find(*import)?);
        } else {
            steps.push(converter.step(component, initializer, &imports)?);
        }
    }

    let imported: HashSet<&CoreDef> = steps
        .iter()
        .flat_map(Step::imports)
        .filter(|import| matches!(import, CoreDef::InstanceFlags(_)))
        .collect();
    let shared_flags = (0..component.num_runtime_component_instances)
        .map(|id| imported.contains(&CoreDef::InstanceFlags(ComponentInstanceId(id))))
        .collect();
    let mut trampolines = Vec::new();
    for (index, trampoline) in translation.trampolines.iter() {
        let kind = trampoline_kind(trampoline, &lowered, &mut types)?;
        trampolines.push(Trampoline {
            kind,
            signature: types.signature(component.trampolines[index])?,
        });
    }
    let options = component
        .options
        .values()
        .map(|options| canonical_options(options, &types))
        .collect::<Result<_, _>>()?;
    let exports = converter.exports(component, &component.exports, &mut types, &imports, 0)?;

    Ok(Plan {
        modules: converter.output.modules,
        steps,
        trampolines,
        options,
        imports: imports.list,
        import_names: imports.names,
        imported_instances: imports.instances,
        imported_modules: imports.modules,
        exports,
        resources,
        resource_tables,
        component_instances: component.num_runtime_component_instances,
        shared_flags,
        extracted: Extracted {
            memories: component.num_runtime_memories,
            reallocs: component.num_runtime_reallocs,
            post_returns: component.num_runtime_post_returns,
        },
    })
}

/// The most bytes that the names of all imports may take. The names of an item include those of the
/// instances that contain it.
const MAX_NAME_BYTES: usize = 64 << 20;

/// The import under a path.
#[derive(Debug, Clone, Copy)]
enum Imported {
    Item(ImportId),
    Module(ModuleImportId),
}

/// The functions, resources and core modules that a component imports, found by their index in the
/// translation.
struct Imports<'a> {
    component: &'a environ::Component,
    list: Vec<Import>,
    names: Vec<String>,
    instances: Vec<Vec<String>>,
    modules: Vec<ModuleImport>,
    by_path: HashMap<(ImportIndex, Vec<String>), Imported>,
    /// The total number of bytes of the names kept.
    name_bytes: usize,
}

impl<'a> Imports<'a> {
    fn new(component: &'a environ::Component, types: &mut Types<'_>) -> Result<Self, LoadError> {
        let mut imports = Self {
            component,
            list: Vec::new(),
            names: Vec::new(),
            instances: Vec::new(),
            modules: Vec::new(),
            by_path: HashMap::new(),
            name_bytes: 0,
        };
        for (index, (name, item)) in component.import_types.iter() {
            imports.names.push(name.clone());
            imports.add(index, name, Vec::new(), &item.ty, types)?;
        }
        Ok(imports)
    }

    fn add(
        &mut self,
        index: ImportIndex,
        root: &str,
        path: Vec<String>,
        ty: &TypeDef,
        types: &mut Types<'_>,
    ) -> Result<(), LoadError> {
        let names = || [root].into_iter().chain(path.iter().map(String::as_str));
        let bytes = names().map(str::len).fold(0, usize::saturating_add);
        self.name_bytes = self.name_bytes.saturating_add(bytes);
        if self.name_bytes > MAX_NAME_BYTES {
            return Err(LoadError::unsupported(format!(
                "imports whose names take more than {} MiB",
                MAX_NAME_BYTES >> 20
            )));
        }
        let kind = match ty {
            TypeDef::ComponentFunc(ty) => ImportKind::Function(types.function(*ty)?),
            TypeDef::Resource(table) => {
                ImportKind::Resource(types.resource_table(*table).map(|(resource, _)| resource))
            }
            // Types are only declared, not passed.
            TypeDef::Interface(_) => return Ok(()),
            // The validator bounds the nesting of types, and with it this recursion.
            TypeDef::ComponentInstance(instance) => {
                self.instances.push(names().map(str::to_owned).collect());
                for (name, item) in types.instance_exports(*instance) {
                    let path = path.iter().cloned().chain([name.clone()]).collect();
                    self.add(index, root, path, &item.ty, types)?;
                }
                return Ok(());
            }
            TypeDef::Component(_) => return Err(LoadError::unsupported("imported components")),
            TypeDef::Module(ty) => {
                let id = u32::try_from(self.modules.len()).map_err(LoadError::invalid)?;
                self.modules.push(ModuleImport {
                    names: names().map(str::to_owned).collect(),
                    ty: types.module(*ty)?,
                });
                let id = Imported::Module(ModuleImportId(id));
                self.by_path.insert((index, path), id);
                return Ok(());
            }
            TypeDef::CoreFunc(_) => return Err(LoadError::unsupported("imported core functions")),
        };
        let (instance, inner, name) = match path.split_last() {
            None => (None, Vec::new(), root.to_owned()),
            Some((name, inner)) => (Some(root.to_owned()), inner.to_vec(), name.clone()),
        };
        let id = ImportId(u32::try_from(self.list.len()).map_err(LoadError::invalid)?);
        self.list.push(Import {
            instance,
            inner,
            name,
            kind,
        });
        self.by_path.insert((index, path), Imported::Item(id));
        Ok(())
    }

    fn find(&self, import: RuntimeImportIndex) -> Result<ImportId, LoadError> {
        match self.by_path.get(&self.component.imports[import]) {
            Some(Imported::Item(id)) => Ok(*id),
            Some(Imported::Module(_)) | None => Err(LoadError::unsupported("imports of this kind")),
        }
    }

    fn find_module(&self, import: RuntimeImportIndex) -> Result<ModuleImportId, LoadError> {
        match self.by_path.get(&self.component.imports[import]) {
            Some(Imported::Module(id)) => Ok(*id),
            Some(Imported::Item(_)) | None => Err(LoadError::unsupported("imports of this kind")),
        }
    }
}

fn resources(
    component: &environ::Component,
    imports: &Imports<'_>,
) -> Result<Vec<ResourceOrigin>, LoadError> {
    let imported = component.imported_resources.values();
    let imported = imported.map(|import| Ok(ResourceOrigin::Imported(imports.find(*import)?)));
    let defined = component.defined_resource_instances.values();
    let defined = defined.map(|instance| {
        Ok(ResourceOrigin::Defined(ComponentInstanceId(
            instance.as_u32(),
        )))
    });
    imported.chain(defined).collect()
}

/// Keeps tables of types that are never instantiated, so that indices match; nothing refers to
/// them.
fn resource_tables(
    component: &environ::Component,
    types: &Types<'_>,
    resources: &[ResourceOrigin],
) -> Vec<ResourceTable> {
    let nowhere = ComponentInstanceId(component.num_runtime_component_instances);
    let tables = types.resource_tables().map(|table| {
        let (resource, instance) = table.unwrap_or((ResourceId(u32::MAX), nowhere));
        let definer = match resources.get(resource.index()).copied() {
            Some(ResourceOrigin::Defined(instance)) => Some(instance),
            Some(ResourceOrigin::Imported(_)) | None => None,
        };
        ResourceTable {
            resource,
            instance,
            definer,
        }
    });
    tables.collect()
}

/// Builds linked modules and steps.
struct Converter<'a> {
    limits: &'a SizeLimits,
    /// The number of bytes of the hardened modules and adapters so far.
    rewritten_bytes: u64,
    modules: &'a Modules<'a>,
    /// A module that is instantiated several times is linked once for each list of imports.
    linked: HashMap<(StaticModuleIndex, Vec<CoreDef>), ModuleId>,
    output: Output,
    /// The binaries of exported modules, shared because each may be exported many times.
    exported: HashMap<StaticModuleIndex, Arc<[u8]>>,
    /// The module of each core instance; `None` for an imported one.
    instances: Vec<Option<StaticModuleIndex>>,
    /// The names of exports, by what is exported, for each module that is instantiated.
    names: HashMap<StaticModuleIndex, HashMap<EntityIndex, &'a str>>,
    /// The number of core instances of imported modules.
    imported: u32,
    shims: Shims,
}

impl<'a> Converter<'a> {
    fn find_shims(&mut self, component: &environ::Component) -> Result<Shims, LoadError> {
        let mut instances = Vec::new();
        for initializer in &component.initializers {
            let GlobalInitializer::InstantiateModule(instantiated, _) = initializer else {
                continue;
            };
            match instantiated {
                InstantiateModule::Static(module, imports) => {
                    let imports = imports.iter().map(|def| self.core_def(def));
                    instances.push(Instantiated {
                        bytes: self.modules[*module].wasm,
                        imports: imports.collect::<Result<_, _>>()?,
                    });
                    self.instance(Some(*module))?;
                }
                // How it uses its imports is unknown, so none of them is treated as a shim's table.
                InstantiateModule::Import(_, imports) => {
                    let imports = imports.values().flat_map(|imports| imports.values());
                    instances.push(Instantiated {
                        bytes: &[],
                        imports: imports
                            .map(|def| self.core_def(def))
                            .collect::<Result<_, _>>()?,
                    });
                    self.instance(None)?;
                }
            }
        }
        self.instances.clear();
        Ok(shims::find(&instances))
    }

    fn step(
        &mut self,
        component: &environ::Component,
        initializer: &GlobalInitializer,
        imported: &Imports<'_>,
    ) -> Result<Step, LoadError> {
        Ok(match initializer {
            GlobalInitializer::InstantiateModule(
                InstantiateModule::Static(module, imports),
                owner,
            ) => {
                let imports = imports
                    .iter()
                    .map(|def| self.import(def))
                    .collect::<Result<Vec<_>, _>>()?;
                let linked = self.link(*module, &imports, owner.is_none())?;
                let instance = self.instance(Some(*module))?;
                let owner = owner.map(|owner| ComponentInstanceId(owner.as_u32()));
                Step::Instantiate {
                    module: linked,
                    instance,
                    owner,
                    imports,
                }
            }
            GlobalInitializer::InstantiateModule(InstantiateModule::Import(module, given), _) => {
                let mut imports = Vec::new();
                for (module, items) in given {
                    for (name, def) in items {
                        let name = (module.as_str().to_owned(), name.as_str().to_owned());
                        imports.push((name, self.import(def)?));
                    }
                }
                let number = self.imported;
                self.imported = number.saturating_add(1);
                Step::InstantiateImported {
                    module: imported.find_module(*module)?,
                    number,
                    instance: self.instance(None)?,
                    imports,
                }
            }
            GlobalInitializer::LowerImport { .. } => {
                return Err(LoadError::invalid(
                    "a lowered import in an unexpected position",
                ));
            }
            GlobalInitializer::ExtractMemory(extract) => Step::ExtractMemory(
                MemoryId(extract.index.as_u32()),
                self.core_export(&extract.export.clone().map_index(EntityIndex::from))?,
            ),
            GlobalInitializer::ExtractRealloc(extract) => Step::ExtractRealloc(
                ReallocId(extract.index.as_u32()),
                self.core_def(&extract.def)?,
            ),
            GlobalInitializer::ExtractPostReturn(extract) => Step::ExtractPostReturn(
                PostReturnId(extract.index.as_u32()),
                self.core_def(&extract.def)?,
            ),
            GlobalInitializer::Resource(resource) => {
                if resource.rep != WasmValType::I32 {
                    return Err(LoadError::unsupported(
                        "resources whose representation is not `i32`",
                    ));
                }
                Step::DefineResource {
                    resource: ResourceId(component.resource_index(resource.index).as_u32()),
                    destructor: resource
                        .dtor
                        .as_ref()
                        .map(|dtor| self.core_def(dtor))
                        .transpose()?,
                    instance: ComponentInstanceId(resource.instance.as_u32()),
                }
            }
            GlobalInitializer::ExtractCallback(_) => {
                return Err(LoadError::unsupported("async callbacks (WASI 0.3)"));
            }
            GlobalInitializer::ExtractTable(_) => {
                return Err(LoadError::unsupported("component-model threads"));
            }
        })
    }

    /// Assigns a number to the next core instance.
    fn instance(&mut self, module: Option<StaticModuleIndex>) -> Result<CoreInstanceId, LoadError> {
        let id = u32::try_from(self.instances.len()).map_err(LoadError::invalid)?;
        self.instances.push(module);
        if let Some(module) = module {
            let modules = self.modules;
            self.names.entry(module).or_insert_with(|| {
                let module = &modules[module].module;
                let exports = module.exports.iter();
                exports
                    .map(|(name, entity)| (*entity, &module.strings[*name]))
                    .collect()
            });
        }
        Ok(CoreInstanceId(id))
    }

    fn link(
        &mut self,
        module: StaticModuleIndex,
        imports: &[CoreDef],
        is_adapter: bool,
    ) -> Result<ModuleId, LoadError> {
        let key = (module, imports.to_vec());
        if let Some(known) = self.linked.get(&key) {
            return Ok(*known);
        }
        let linked = link(self.modules[module].wasm, imports, is_adapter)?;
        // The size check before translation does not include the added code, which is usually a few
        // percent. Up to twice the bytes are allowed.
        let bytes = u64::try_from(linked.bytes.len()).unwrap_or(u64::MAX);
        self.rewritten_bytes = self.rewritten_bytes.saturating_add(bytes);
        self.limits
            .allow(SizeLimit::ModuleBytes, self.rewritten_bytes / 2)
            .map_err(SizeRefusal::from)?;
        let id = self.output.add(linked)?;
        self.linked.insert(key, id);
        Ok(id)
    }

    /// Returns the definition of an import, with shims resolved.
    fn import(&self, def: &environ::CoreDef) -> Result<CoreDef, LoadError> {
        let def = self.core_def(def)?;
        let behind = match &def {
            CoreDef::Export(export) => self.shims.get(export),
            CoreDef::InstanceFlags(_) | CoreDef::Trampoline(_) => None,
        };
        Ok(behind.cloned().unwrap_or(def))
    }

    fn core_def(&self, def: &environ::CoreDef) -> Result<CoreDef, LoadError> {
        match def {
            environ::CoreDef::Export(export) => Ok(CoreDef::Export(self.core_export(export)?)),
            environ::CoreDef::InstanceFlags(instance) => Ok(CoreDef::InstanceFlags(
                ComponentInstanceId(instance.as_u32()),
            )),
            environ::CoreDef::Trampoline(index) => {
                Ok(CoreDef::Trampoline(TrampolineId(index.as_u32())))
            }
            environ::CoreDef::UnsafeIntrinsic(_) => {
                Err(LoadError::unsupported("intrinsics of Wasmtime"))
            }
            environ::CoreDef::TaskMayBlock => {
                Err(LoadError::unsupported("component-model async (WASI 0.3)"))
            }
        }
    }

    /// The translator refers to exports by index; the plan needs one of their names.
    fn core_export(
        &self,
        export: &environ::CoreExport<EntityIndex>,
    ) -> Result<CoreExport, LoadError> {
        let instance = CoreInstanceId(export.instance.as_u32());
        let name = match &export.item {
            ExportItem::Name(name) => name.clone(),
            ExportItem::Index(index) => {
                let module = self.instances.get(instance.index()).copied().flatten();
                let names = module.and_then(|module| self.names.get(&module));
                let names =
                    names.ok_or_else(|| LoadError::invalid("an export of a later instance"))?;
                let name = names.get(index).copied();
                name.ok_or_else(|| LoadError::invalid("an export without a name"))?
                    .to_owned()
            }
        };
        Ok(CoreExport { instance, name })
    }

    fn exports(
        &mut self,
        component: &environ::Component,
        exports: &NameMap<TryString, (ExportIndex, ComponentExternData)>,
        types: &mut Types<'_>,
        imports: &Imports<'_>,
        depth: u32,
    ) -> Result<Vec<(String, Export)>, LoadError> {
        if depth > MAX_EXPORT_DEPTH {
            return Err(LoadError::unsupported(format!(
                "instances nested deeper than {MAX_EXPORT_DEPTH}"
            )));
        }
        let mut list = Vec::new();
        for (name, (index, _)) in exports.raw_iter() {
            let export = match &component.export_items[*index] {
                environ::Export::LiftedFunction { ty, func, options } => {
                    Export::Function(FunctionExport {
                        abi: types.function(*ty)?,
                        function: self.core_def(func)?,
                        options: OptionsId(options.as_u32()),
                    })
                }
                environ::Export::Instance { exports, .. } => Export::Instance(self.exports(
                    component,
                    exports,
                    types,
                    imports,
                    depth.saturating_add(1),
                )?),
                environ::Export::Type(TypeDef::Resource(table)) => {
                    Export::Resource(resource_table_id(*table))
                }
                environ::Export::Type(_) => Export::Type,
                environ::Export::ModuleStatic { index, .. } => {
                    Export::Module(ModuleExport::Own(self.exported(*index)))
                }
                environ::Export::ModuleImport { import, .. } => {
                    Export::Module(ModuleExport::Imported(imports.find_module(*import)?))
                }
            };
            list.push((name.as_str().to_owned(), export));
        }
        Ok(list)
    }

    /// Returns the binary of an exported module.
    fn exported(&mut self, module: StaticModuleIndex) -> Arc<[u8]> {
        let bytes = self.modules[module].wasm;
        let shared = self.exported.entry(module).or_insert_with(|| bytes.into());
        Arc::clone(shared)
    }
}

/// The linked modules, without duplicates.
#[derive(Default)]
struct Output {
    modules: Vec<CoreModule>,
    /// The modules by the digest of their binaries.
    known: HashMap<u64, Vec<ModuleId>>,
    digest: RandomState,
}

impl Output {
    fn add(&mut self, module: CoreModule) -> Result<ModuleId, LoadError> {
        let known = self.known.entry(self.digest.hash_one(&module.bytes));
        let known = known.or_default();
        let is_equal = |id: &ModuleId| self.modules.get(id.index()) == Some(&module);
        if let Some(equal) = known.iter().copied().find(is_equal) {
            return Ok(equal);
        }
        let id = ModuleId(u32::try_from(self.modules.len()).map_err(LoadError::invalid)?);
        known.push(id);
        self.modules.push(module);
        Ok(id)
    }
}

fn canonical_options(
    options: &environ::CanonicalOptions,
    types: &Types<'_>,
) -> Result<CanonicalOptions, LoadError> {
    if options.async_ || options.callback.is_some() || options.cancellable {
        return Err(LoadError::unsupported("component-model async (WASI 0.3)"));
    }
    let memory = match &options.data_model {
        CanonicalOptionsDataModel::LinearMemory(memory) => memory,
        CanonicalOptionsDataModel::Gc {} => {
            return Err(LoadError::unsupported(
                "the component-model abi for garbage collection",
            ));
        }
    };
    Ok(CanonicalOptions {
        instance: ComponentInstanceId(options.instance.as_u32()),
        string_encoding: match options.string_encoding {
            environ::StringEncoding::Utf8 => StringEncoding::Utf8,
            environ::StringEncoding::Utf16 => StringEncoding::Utf16,
            environ::StringEncoding::CompactUtf16 => StringEncoding::CompactUtf16,
        },
        memory: memory.memory.map(|index| MemoryId(index.as_u32())),
        realloc: memory.realloc.map(|index| ReallocId(index.as_u32())),
        post_return: options
            .post_return
            .map(|index| PostReturnId(index.as_u32())),
        signature: types.signature(options.core_type)?,
    })
}
