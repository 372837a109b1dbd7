//! Reads components into the steps that are counted.

use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentCoreModuleTypeId, ComponentEntityType,
};
use wasmparser::types::TypesRef;
use wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentExport, ComponentExternalKind, ComponentInstance,
    ComponentOuterAliasKind, ComponentTypeRef, ComponentValType, Encoding, FunctionBody, Instance,
    Parser, Payload, Validator, WasmFeatures,
};

use std::collections::HashMap;

use crate::Refusal;
use crate::limits::{Limit, Limits};
use crate::sizes::{Size, Sizes};

/// The definition of a component, which can be instantiated any number of times.
#[derive(Debug, Default)]
pub(crate) struct Body<'a> {
    pub(crate) steps: Vec<Step<'a>>,
    /// The enclosing components' items that it or its nested components refer to. They are copied
    /// with it.
    pub(crate) captures: Vec<Captured>,
    /// How many core modules of enclosing components are referred to in the same way.
    pub(crate) captured_modules: u64,
}

/// The source of a captured component.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Captured {
    /// Among the components of the enclosing component.
    Local(u32),
    /// Among the captures of the enclosing component.
    Capture(usize),
}

/// The cost of a step.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    pub(crate) definitions: u64,
    /// An upper bound on the resource types among the definitions.
    pub(crate) resources: u64,
    /// The functions of core instances.
    pub(crate) functions: u64,
    /// The bytes of the core instances' modules.
    pub(crate) module_bytes: u64,
    /// Instances of modules that are passed as arguments. Each counts as the largest module.
    pub(crate) passed_modules: u64,
}

impl Cost {
    fn definitions(definitions: u64) -> Self {
        Self {
            definitions,
            ..Self::default()
        }
    }

    pub(crate) fn and(self, more: Self) -> Self {
        Self {
            definitions: self.definitions.saturating_add(more.definitions),
            resources: self.resources.saturating_add(more.resources),
            functions: self.functions.saturating_add(more.functions),
            module_bytes: self.module_bytes.saturating_add(more.module_bytes),
            passed_modules: self.passed_modules.saturating_add(more.passed_modules),
        }
    }
}

/// The size of a core module.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Module {
    pub(crate) functions: u64,
    pub(crate) bytes: u64,
    /// The number of memories, tables, globals, tags and exports.
    pub(crate) definitions: u64,
}

impl Module {
    fn section(&mut self, payload: &Payload<'_>) {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "no other section defines anything that an instance has"
        )]
        let count = match payload {
            Payload::TableSection(section) => section.count(),
            Payload::MemorySection(section) => section.count(),
            Payload::TagSection(section) => section.count(),
            Payload::GlobalSection(section) => section.count(),
            Payload::ExportSection(section) => section.count(),
            _ => 0,
        };
        self.definitions = self.definitions.saturating_add(count.into());
        if let Payload::CodeSectionEntry(body) = payload {
            self.functions = self.functions.saturating_add(1);
            self.bytes = self.bytes.saturating_add(locals(body) / LOCALS_PER_BYTE);
        }
        if let Payload::CustomSection(_) = payload {
            return;
        }
        if let Some((_, range)) = payload.as_section() {
            let bytes = u64::try_from(range.len()).unwrap_or(u64::MAX);
            self.bytes = self.bytes.saturating_add(bytes);
        }
    }
}

/// How many declared locals count as one byte of a module. WasmEdge expands each into 5 bytes, and
/// takes 50 to 80 bytes for a byte of code.
const LOCALS_PER_BYTE: u64 = 8;

/// Returns how many locals a function declares.
fn locals(body: &FunctionBody<'_>) -> u64 {
    let Ok(locals) = body.get_locals_reader() else {
        return 0;
    };
    let counts = locals.into_iter().flatten();
    counts.fold(0, |sum, (count, _)| sum.saturating_add(count.into()))
}

/// A step of an instantiation.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// Defines items that are neither components nor instances.
    Define(Cost),
    /// Takes an import.
    Import {
        name: &'a str,
        kind: Kind,
        size: Size,
    },
    /// Adds a nested component to the components.
    Component(usize),
    /// Adds an enclosing component's component to the components.
    Outer(Captured),
    /// Instantiates a component.
    Instantiate {
        component: u32,
        arguments: Vec<(&'a str, Item)>,
        /// The size of the instance.
        size: Size,
    },
    /// Makes an instance from existing items.
    Group {
        exports: Vec<(&'a str, Item)>,
        /// The size of the instance.
        size: Size,
    },
    /// Takes an export of an instance.
    Alias {
        instance: u32,
        name: &'a str,
        kind: Kind,
    },
    /// Exports an item, and adds it to its index space again.
    Export {
        name: &'a str,
        item: Item,
        size: Size,
    },
}

/// The kind of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Component,
    Instance,
    Other,
}

impl From<ComponentExternalKind> for Kind {
    fn from(kind: ComponentExternalKind) -> Self {
        match kind {
            ComponentExternalKind::Component => Self::Component,
            ComponentExternalKind::Instance => Self::Instance,
            ComponentExternalKind::Module
            | ComponentExternalKind::Func
            | ComponentExternalKind::Value
            | ComponentExternalKind::Type => Self::Other,
        }
    }
}

/// An item of a component.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Item {
    Component(u32),
    Instance(u32),
    Other,
}

impl Item {
    fn new(kind: ComponentExternalKind, index: u32) -> Self {
        match Kind::from(kind) {
            Kind::Component => Self::Component(index),
            Kind::Instance => Self::Instance(index),
            Kind::Other => Self::Other,
        }
    }
}

/// A component or a core module that is being read.
struct Frame<'a> {
    /// Its size, for a core module.
    module: Option<Module>,
    body: Body<'a>,
    /// The number of instances in it so far.
    instances: u32,
    /// Components that the next nested component captures, which is yet to be read.
    captures_of_next: Vec<Captured>,
    captured_modules_of_next: u64,
}

/// The result of reading.
#[derive(Debug)]
pub(crate) struct Bodies<'a> {
    /// The components. The last one is the outermost.
    pub(crate) list: Vec<Body<'a>>,
    /// The sizes of the largest core modules.
    pub(crate) largest: Module,
    /// The bytes of the longest name under which core instances pass an item to one another.
    /// Translators copy it with each definition that uses it.
    pub(crate) longest_name: u64,
}

/// Reads a component and its nested components. Returns `None` for a core module, and for a
/// component that is invalid even with all features.
pub(crate) fn read<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Option<Bodies<'a>>, Refusal> {
    let mut reader = Reader {
        validator: Validator::new_with_features(WasmFeatures::all()),
        sizes: Sizes::default(),
        frames: Vec::new(),
        bodies: Vec::new(),
        modules: HashMap::new(),
        largest: Module::default(),
        longest_name: 0,
    };
    for payload in Parser::new(0).parse_all(bytes) {
        let Ok(payload) = payload else {
            return Ok(None);
        };
        // Function bodies are left to the engine.
        if reader.validator.payload(&payload).is_err() {
            return Ok(None);
        }
        reader.payload(payload).ok_or(Refusal::Uncounted)?;
        // The outermost component does not count as a level.
        let levels = u64::try_from(reader.frames.len()).unwrap_or(u64::MAX);
        limits.allow(Limit::Nesting, levels.saturating_sub(1))?;
    }
    Ok(Some(Bodies {
        list: reader.bodies,
        largest: reader.largest,
        longest_name: reader.longest_name,
    })
    .filter(|bodies| !bodies.list.is_empty()))
}

struct Reader<'a> {
    validator: Validator,
    sizes: Sizes,
    frames: Vec<Frame<'a>>,
    bodies: Vec<Body<'a>>,
    /// The modules that are not passed as arguments.
    modules: HashMap<ComponentCoreModuleTypeId, Module>,
    largest: Module,
    /// The bytes of the longest name under which core instances pass an item to one another.
    longest_name: u64,
}

impl<'a> Reader<'a> {
    fn payload(&mut self, payload: Payload<'a>) -> Option<()> {
        if let Some(module) = self
            .frames
            .last_mut()
            .and_then(|frame| frame.module.as_mut())
            && !matches!(payload, Payload::End(_))
        {
            module.section(&payload);
            return Some(());
        }
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "no other section defines anything that is instantiated"
        )]
        match payload {
            Payload::Version { encoding, .. } => self.frames.push(Frame {
                module: (encoding == Encoding::Module).then(Module::default),
                body: Body::default(),
                instances: 0,
                captures_of_next: Vec::new(),
                captured_modules_of_next: 0,
            }),
            Payload::End(_) => self.end()?,
            Payload::ModuleSection { .. } => self.define(Cost::definitions(1))?,
            Payload::ComponentTypeSection(section) => {
                // Resource types among them are registered.
                self.define(Cost {
                    resources: section.count().into(),
                    ..Cost::definitions(section.count().into())
                })?;
            }
            Payload::CoreTypeSection(section) => {
                self.define(Cost::definitions(section.count().into()))?;
            }
            Payload::InstanceSection(section) => {
                for instance in section {
                    let cost = self.core_instance(&instance.ok()?)?;
                    self.define(cost)?;
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section {
                    let function = function.ok()?;
                    let size = self.canonical(&function)?;
                    let definitions = match function {
                        // An adapter is generated for it between components.
                        CanonicalFunction::Lower { .. } => size.adapter(),
                        _ => size.definitions(),
                    };
                    self.define(Cost::definitions(definitions.saturating_add(1)))?;
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section {
                    self.instance(instance.ok()?)?;
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    self.alias(alias.ok()?)?;
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let import = import.ok()?;
                    let name = import.name.name;
                    let ty = self.types()?.component_item_for_import(name)?.ty;
                    let size = self.entity(ty)?;
                    let kind = match import.ty {
                        ComponentTypeRef::Component(_) => Kind::Component,
                        ComponentTypeRef::Instance(_) => Kind::Instance,
                        ComponentTypeRef::Module(_)
                        | ComponentTypeRef::Func(_)
                        | ComponentTypeRef::Value(_)
                        | ComponentTypeRef::Type(_) => Kind::Other,
                    };
                    self.step(Step::Import { name, kind, size }, kind)?;
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let export = export.ok()?;
                    let ty = self
                        .types()?
                        .component_item_for_export(export.name.name)?
                        .ty;
                    let size = self.entity(ty)?;
                    self.step(
                        Step::Export {
                            name: export.name.name,
                            item: Item::new(export.kind, export.index),
                            size,
                        },
                        export.kind.into(),
                    )?;
                }
            }
            _ => {}
        }
        Some(())
    }

    fn types(&self) -> Option<TypesRef<'_>> {
        self.validator.types(0)
    }

    fn entity(&mut self, ty: ComponentEntityType) -> Option<Size> {
        let types = self.validator.types(0)?;
        Some(self.sizes.entity(types, ty))
    }

    fn step(&mut self, step: Step<'a>, kind: Kind) -> Option<()> {
        let frame = self.frames.last_mut()?;
        if kind == Kind::Instance {
            frame.instances = frame.instances.checked_add(1)?;
        }
        frame.body.steps.push(step);
        Some(())
    }

    /// Adds definitions to the previous step if it has only definitions too.
    fn define(&mut self, more: Cost) -> Option<()> {
        let steps = &mut self.frames.last_mut()?.body.steps;
        if let Some(Step::Define(cost)) = steps.last_mut() {
            *cost = cost.and(more);
        } else {
            steps.push(Step::Define(more));
        }
        Some(())
    }

    /// Ends a component and adds it to the enclosing one.
    fn end(&mut self) -> Option<()> {
        let mut frame = self.frames.pop()?;
        if let Some(module) = frame.module {
            return self.end_of_module(module);
        }
        if let Some(outer) = self.frames.last_mut() {
            frame.body.captures = std::mem::take(&mut outer.captures_of_next);
            frame.body.captured_modules = std::mem::take(&mut outer.captured_modules_of_next);
            outer.body.steps.push(Step::Component(self.bodies.len()));
        }
        self.bodies.push(frame.body);
        Some(())
    }

    /// Stores a core module's size. A module outside a component is not counted.
    fn end_of_module(&mut self, module: Module) -> Option<()> {
        if self.frames.is_empty() {
            return Some(());
        }
        self.largest.functions = self.largest.functions.max(module.functions);
        self.largest.bytes = self.largest.bytes.max(module.bytes);
        self.largest.definitions = self.largest.definitions.max(module.definitions);
        let types = self.types()?;
        let id = types.module_at(types.module_count().checked_sub(1)?);
        self.modules.insert(id, module);
        Some(())
    }

    fn core_instance(&mut self, instance: &Instance<'_>) -> Option<Cost> {
        let module_index = match instance {
            Instance::FromExports(exports) => {
                let exports = u64::try_from(exports.len()).ok()?;
                return Some(Cost::definitions(exports.saturating_add(1)));
            }
            Instance::Instantiate { module_index, .. } => *module_index,
        };
        let types = self.validator.types(0)?;
        let id = types.module_at(module_index);
        // All imports of the module are looked up by name and stored.
        let imports = &types.get(id)?.imports;
        let (mut names, mut longest) = (Size::default(), 0usize);
        for (module, name) in imports.keys() {
            names = names.and(Size::names(module.len().saturating_add(name.len())));
            longest = longest.max(name.len());
        }
        self.longest_name = self.longest_name.max(u64::try_from(longest).ok()?);
        let count = u64::try_from(imports.len()).ok()?.saturating_add(1);
        let cost = Cost::definitions(names.definitions().saturating_add(count));
        if let Some(module) = self.modules.get(&id) {
            return Some(cost.and(Cost {
                functions: module.functions,
                module_bytes: module.bytes,
                ..Cost::definitions(module.definitions)
            }));
        }
        Some(cost.and(Cost {
            passed_modules: 1,
            ..Cost::default()
        }))
    }

    /// Returns the size of a canonical function's type.
    fn canonical(&mut self, function: &CanonicalFunction) -> Option<Size> {
        use CanonicalFunction as C;
        let types = self.validator.types(0)?;
        let sizes = &mut self.sizes;
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "no other function has a type that is converted"
        )]
        Some(match function {
            C::Lower { func_index, .. } => {
                sizes.func(types, types.component_function_at(*func_index))
            }
            C::Lift { type_index: ty, .. }
            | C::StreamNew { ty }
            | C::StreamRead { ty, .. }
            | C::StreamWrite { ty, .. }
            | C::StreamCancelRead { ty, .. }
            | C::StreamCancelWrite { ty, .. }
            | C::StreamDropReadable { ty }
            | C::StreamDropWritable { ty }
            | C::FutureNew { ty }
            | C::FutureRead { ty, .. }
            | C::FutureWrite { ty, .. }
            | C::FutureCancelRead { ty, .. }
            | C::FutureCancelWrite { ty, .. }
            | C::FutureDropReadable { ty }
            | C::FutureDropWritable { ty }
            | C::TaskReturn {
                result: Some(ComponentValType::Type(ty)),
                ..
            } => sizes.any(types, types.component_any_type_at(*ty)),
            _ => Size::default(),
        })
    }

    fn instance(&mut self, instance: ComponentInstance<'a>) -> Option<()> {
        let index = self.frames.last()?.instances;
        let types = self.validator.types(0)?;
        let mut size = self
            .sizes
            .instance(types, types.component_instance_at(index));
        // Each type that is passed is converted separately.
        let mut type_of = |kind, index| {
            if kind == ComponentExternalKind::Type {
                let ty: ComponentAnyTypeId = types.component_any_type_at(index);
                size.parts = size.parts.saturating_add(self.sizes.any(types, ty).parts);
            }
        };
        let step = match instance {
            ComponentInstance::FromExports(exports) => {
                let item = |export: &ComponentExport<'a>| {
                    type_of(export.kind, export.index);
                    (export.name.name, Item::new(export.kind, export.index))
                };
                Step::Group {
                    exports: exports.iter().map(item).collect(),
                    size,
                }
            }
            ComponentInstance::Instantiate {
                component_index,
                args,
            } => {
                for argument in &args {
                    type_of(argument.kind, argument.index);
                }
                let arguments = args.iter();
                Step::Instantiate {
                    component: component_index,
                    arguments: arguments
                        .map(|argument| (argument.name, Item::new(argument.kind, argument.index)))
                        .collect(),
                    size,
                }
            }
        };
        self.step(step, Kind::Instance)
    }

    fn alias(&mut self, alias: ComponentAlias<'a>) -> Option<()> {
        match alias {
            ComponentAlias::InstanceExport {
                kind,
                instance_index,
                name,
            } => {
                let kind = Kind::from(kind);
                let step = Step::Alias {
                    instance: instance_index,
                    name,
                    kind,
                };
                self.step(step, kind)
            }
            ComponentAlias::CoreInstanceExport { name, .. } => {
                let bytes = u64::try_from(name.len()).ok()?;
                self.longest_name = self.longest_name.max(bytes);
                self.define(Cost::definitions(1))
            }
            ComponentAlias::Outer { kind, count, index } => match kind {
                ComponentOuterAliasKind::Component => {
                    let mut captured = Captured::Local(index);
                    for frame in self.outward(count)? {
                        let captures = &mut frame.captures_of_next;
                        captures.push(captured);
                        captured = Captured::Capture(captures.len().checked_sub(1)?);
                    }
                    self.step(Step::Outer(captured), Kind::Component)
                }
                ComponentOuterAliasKind::CoreModule => {
                    for frame in self.outward(count)? {
                        frame.captured_modules_of_next =
                            frame.captured_modules_of_next.saturating_add(1);
                    }
                    self.define(Cost::definitions(1))
                }
                ComponentOuterAliasKind::CoreType | ComponentOuterAliasKind::Type => {
                    self.define(Cost::definitions(1))
                }
            },
        }
    }

    /// Returns this many enclosing components of the current one, the outermost first.
    fn outward(&mut self, count: u32) -> Option<&mut [Frame<'a>]> {
        let inner = self.frames.len().checked_sub(1)?;
        let first = inner.checked_sub(usize::try_from(count).ok()?)?;
        self.frames.get_mut(first..inner)
    }
}
