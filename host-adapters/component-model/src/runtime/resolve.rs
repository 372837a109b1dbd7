//! Resolves the imports of a component with an embedder's definitions.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use component_size::{Limit as SizeLimit, Refusal};

use crate::engine::Engine;
use crate::error::{LinkError, LoadError};
use crate::ids::ResourceId;
use crate::link::{Found, full_name};
use crate::plan::{self, Import, ImportKind, ResourceOrigin, Step};
use crate::resource::ResourceType;
use crate::runtime::component::Component;
use crate::runtime::instance_data::{Linked, LinkedModule};
use crate::runtime::linker::{Definition, Destructor, Linker};
use crate::runtime::module::Module;
use crate::typed::InstanceTypes;

impl<T: 'static, E: Engine> Linker<T, E> {
    /// Finds a definition for each import. `report` gets each error, and decides whether to go on.
    pub(crate) fn resolve(
        &self,
        component: &Component<E>,
        report: &mut dyn FnMut(LinkError) -> Result<(), LinkError>,
    ) -> Result<Linked<T, E>, LinkError> {
        let plan = component.plan();
        let mut functions = vec![None; plan.imports.len()];
        let mut types = vec![ResourceType::UNKNOWN; plan.resources.len()];
        let mut destructors: Vec<Option<Destructor<T, E>>> = vec![None; plan.resources.len()];
        let missing = |import: &Import, kind| LinkError::Missing {
            kind,
            name: import.full_name(),
        };
        let mismatch = |import: &Import, expected: &str, found: &str| LinkError::Mismatch {
            name: import.full_name(),
            expected: expected.to_owned(),
            found: found.to_owned(),
        };
        for path in &plan.imported_instances {
            let names = || path.iter().map(String::as_str);
            if let Found::Item(other) = self.definitions.find(names()) {
                report(LinkError::Mismatch {
                    name: full_name(names()),
                    expected: "instance".to_owned(),
                    found: other.kind().to_owned(),
                })?;
            }
        }
        // Resources first, because functions are checked against them.
        for import in &plan.imports {
            let ImportKind::Resource(id) = &import.kind else {
                continue;
            };
            let index = id.map(ResourceId::index);
            match self.definitions.find(import.names()) {
                Found::Item(Definition::Resource(ty, destructor)) => {
                    let Some(index) = index else { continue };
                    let known = types.get_mut(index).zip(destructors.get_mut(index));
                    let Some((known, slot)) = known else { continue };
                    if *known != ResourceType::UNKNOWN && known != ty {
                        report(mismatch(
                            import,
                            "resource",
                            "a different resource than under its other name",
                        ))?;
                    }
                    *known = *ty;
                    *slot = Some(Arc::clone(destructor));
                }
                Found::Item(other) => report(mismatch(import, "resource", other.kind()))?,
                Found::Instance => report(mismatch(import, "resource", "instance"))?,
                // As with Wasmtime, a resource that is imported under several names needs only one
                // definition.
                Found::Nothing => {
                    let known = index.and_then(|index| types.get(index));
                    if known.is_none_or(|known| *known == ResourceType::UNKNOWN) {
                        report(missing(import, "resource"))?;
                    }
                }
                // The missing instance is reported.
                Found::NoInstance => {}
            }
        }
        for (resource, ty) in plan.resources.iter().zip(&types) {
            if let ResourceOrigin::Imported(import) = resource
                && *ty == ResourceType::UNKNOWN
                && let Some(import) = plan.imports.get(import.index())
                && let Found::Item(Definition::Resource(..)) = self.definitions.find(import.names())
            {
                report(mismatch(import, "resource", "no definition"))?;
            }
        }
        let checked = InstanceTypes {
            tables: &plan.resource_tables,
            resources: &types,
        };
        for (import, slot) in plan.imports.iter().zip(&mut functions) {
            let ImportKind::Function(abi) = &import.kind else {
                continue;
            };
            match self.definitions.find(import.names()) {
                Found::Item(Definition::Function(function)) => {
                    if let Err(error) = function.typecheck(abi.ty(), &checked) {
                        report(mismatch(
                            import,
                            "function",
                            &format!("a function of another type: {error}"),
                        ))?;
                    }
                    *slot = Some(Arc::clone(function));
                }
                Found::Item(other) => report(mismatch(import, "function", other.kind()))?,
                Found::Instance => report(mismatch(import, "function", "instance"))?,
                Found::Nothing => report(missing(import, "function"))?,
                // The missing instance is reported.
                Found::NoInstance => {}
            }
        }
        let imported_modules = self.modules(component, report)?;
        let modules = link_modules(component, &imported_modules, report)?;
        Ok(Linked {
            functions,
            types,
            destructors,
            imported_modules,
            modules,
        })
    }

    /// Finds the core modules that a component imports.
    fn modules(
        &self,
        component: &Component<E>,
        report: &mut dyn FnMut(LinkError) -> Result<(), LinkError>,
    ) -> Result<Vec<Option<Module>>, LinkError> {
        let mut modules = Vec::new();
        for import in &component.plan().imported_modules {
            let mismatch = |found: String| LinkError::Mismatch {
                name: import.full_name(),
                expected: "module".to_owned(),
                found,
            };
            let mut fitting = None;
            match self
                .definitions
                .find(import.names.iter().map(String::as_str))
            {
                Found::Item(Definition::Module(module)) => match module.ty().fits(&import.ty) {
                    Ok(()) => fitting = Some(module.clone()),
                    Err(why) => report(mismatch(format!("a module of another type: {why}")))?,
                },
                Found::Item(other) => report(mismatch(other.kind().to_owned()))?,
                Found::Instance => report(mismatch("instance".to_owned()))?,
                Found::Nothing => report(LinkError::Missing {
                    kind: "module",
                    name: import.full_name(),
                })?,
                // The missing instance is reported.
                Found::NoInstance => {}
            }
            modules.push(fitting);
        }
        Ok(modules)
    }
}

/// Links the core modules that a component imports, in the order in which it instantiates them.
/// Equal instances share one module. The total size is bounded like that of the component's own
/// modules.
fn link_modules<E: Engine>(
    component: &Component<E>,
    imported: &[Option<Module>],
    report: &mut dyn FnMut(LinkError) -> Result<(), LinkError>,
) -> Result<Vec<Arc<LinkedModule<E>>>, LinkError> {
    let plan = component.plan();
    let limits = &component.engine().limits().size;
    let mut known: HashMap<_, Arc<LinkedModule<E>>> = HashMap::new();
    let mut linked = Vec::new();
    let mut bytes = 0_u64;
    for step in &plan.steps {
        let Step::InstantiateImported {
            module, imports, ..
        } = step
        else {
            continue;
        };
        let Some(Some(found)) = imported.get(module.index()) else {
            continue;
        };
        let mut refuse = |error: LoadError| {
            report(LinkError::Mismatch {
                name: plan
                    .imported_modules
                    .get(module.index())
                    .map_or_else(String::new, plan::ModuleImport::full_name),
                expected: "module".to_owned(),
                found: format!("a module that cannot be used: {error}"),
            })
        };
        let length = u64::try_from(found.bytes().len()).unwrap_or(u64::MAX);
        bytes = bytes.saturating_add(length);
        if let Err(error) = limits.allow(SizeLimit::ModuleBytes, bytes) {
            refuse(Refusal::from(error).into())?;
            break;
        }
        let made = match known.entry((found.bytes().as_ptr(), imports)) {
            Entry::Occupied(known) => Ok(Arc::clone(known.get())),
            Entry::Vacant(entry) => plan::link_imported(found.bytes(), imports)
                .and_then(|core| LinkedModule::new(component.engine(), core))
                .map(|made| Arc::clone(entry.insert(Arc::new(made)))),
        };
        match made {
            Ok(made) => linked.push(made),
            Err(error) => refuse(error)?,
        }
    }
    Ok(linked)
}
