//! Probes: components that import one item, to find out whether a linker has it.

use std::collections::HashMap;

use wasm_encoder::{
    Alias, ComponentBuilder, ComponentExportKind, ComponentOuterAliasKind, ComponentTypeRef,
    ComponentValType, InstanceType, ModuleType, PrimitiveValType, TypeBounds,
};
use wasmscope_contract::{Extern, ExternKind};
use wasmtime::component::ResourceType;
use wasmtime::component::types::{ComponentFunc, Type};

use super::Origin;

/// The maximum number of types in a probe. Types share parts, so a small definition may expand to
/// very many.
const MAX_TYPES: u32 = 10_000;

/// Returns a component that imports a function, a resource, a core module or an interface directly.
pub(super) fn top(name: &str, kind: ExternKind) -> Vec<u8> {
    let mut component = ComponentBuilder::default();
    let ty = if kind == ExternKind::Resource {
        ComponentTypeRef::Type(TypeBounds::SubResource)
    } else if kind == ExternKind::Module {
        // Every module satisfies a module type without exports.
        let (index, encoder) = component.core_type(None);
        encoder.module(&ModuleType::new());
        ComponentTypeRef::Module(index)
    } else if kind == ExternKind::Interface {
        ComponentTypeRef::Instance(component.type_instance(None, &InstanceType::new()))
    } else {
        let (index, mut function) = component.type_function(None);
        function
            .params::<[(&str, ComponentValType); 0], _>([])
            .result(None);
        ComponentTypeRef::Func(index)
    };
    component.import(name, ty);
    component.finish()
}

/// Returns a component that imports an item of an interface. A function has an arbitrary type.
pub(super) fn item(import: &Extern, item: &Extern) -> Vec<u8> {
    let mut component = ComponentBuilder::default();
    let mut instance = InstanceType::new();
    // `[method]file.read` is only valid beside a resource `file`, and with the type of a method.
    let resource = if item.kind == ExternKind::Resource {
        Some(item.name.as_str())
    } else {
        resource_of(&item.name)
    };
    if let Some(resource) = resource {
        instance.export(resource, ComponentTypeRef::Type(TypeBounds::SubResource));
    }
    if item.kind == ExternKind::Module {
        instance.core_type().module(&ModuleType::new());
        instance.export(&item.name, ComponentTypeRef::Module(0));
    } else if item.kind != ExternKind::Resource {
        let handle = instance.type_count();
        let mut params = Vec::new();
        let mut result = None;
        if item.name.starts_with("[method]") {
            instance.ty().defined_type().borrow(0);
            params.push(("self", ComponentValType::Type(handle)));
        } else if item.name.starts_with("[constructor]") {
            instance.ty().defined_type().own(0);
            result = Some(ComponentValType::Type(handle));
        }
        let function = instance.type_count();
        // No host function has this parameter. It is not needed, but makes the mismatch cheap.
        if params.is_empty() && result.is_none() {
            params.push(("probe", ComponentValType::Primitive(PrimitiveValType::Bool)));
        }
        instance.ty().function().params(params).result(result);
        instance.export(&item.name, ComponentTypeRef::Func(function));
    }
    let ty = component.type_instance(None, &instance);
    component.import(&import.name, ComponentTypeRef::Instance(ty));
    component.finish()
}

/// Returns the resource of a function with a name like `[method]file.read`.
fn resource_of(function: &str) -> Option<&str> {
    let (_, name) = function.split_once(']')?;
    Some(name.split('.').next().unwrap_or(name))
}

/// Returns a component that imports a function of an interface with the function's real type.
/// Returns `None` if the type is too large.
pub(super) fn function(
    import: &Extern,
    item: &Extern,
    function: &ComponentFunc,
    origins: &[Origin],
) -> Option<Vec<u8>> {
    let mut probe = Probe {
        interface: &import.name,
        origins,
        component: ComponentBuilder::default(),
        instance: InstanceType::new(),
        resources: HashMap::new(),
        interfaces: HashMap::new(),
    };
    if let Some(name) = resource_of(&item.name) {
        let is_ours =
            |origin: &&Origin| origin.import == import.name && origin.item.as_deref() == Some(name);
        let origin = origins.iter().position(|origin| is_ours(&origin))?;
        probe.resource_at(origin)?;
    }
    let mut params = Vec::new();
    for (name, ty) in function.params() {
        params.push((name, probe.ty(&ty)?));
    }
    let mut result = None;
    for ty in function.results() {
        result = Some(probe.ty(&ty)?);
    }
    let Probe {
        mut component,
        mut instance,
        ..
    } = probe;
    let index = instance.type_count();
    instance
        .ty()
        .function()
        .async_(function.async_())
        .params(params)
        .result(result);
    instance.export(&item.name, ComponentTypeRef::Func(index));
    let ty = component.type_instance(None, &instance);
    component.import(&import.name, ComponentTypeRef::Instance(ty));
    Some(component.finish())
}

/// A probe whose types are being written.
struct Probe<'a> {
    interface: &'a str,
    origins: &'a [Origin],
    component: ComponentBuilder,
    instance: InstanceType,
    /// The types of resources in `instance`, by their index in the origins.
    resources: HashMap<usize, u32>,
    /// The instances of other interfaces in `component`.
    interfaces: HashMap<String, u32>,
}

impl Probe<'_> {
    /// Writes a type, after the types that it consists of.
    fn ty(&mut self, ty: &Type) -> Option<ComponentValType> {
        if self.instance.type_count() > MAX_TYPES {
            return None;
        }
        let primitive = |ty| Some(ComponentValType::Primitive(ty));
        match ty {
            Type::Bool => primitive(PrimitiveValType::Bool),
            Type::S8 => primitive(PrimitiveValType::S8),
            Type::U8 => primitive(PrimitiveValType::U8),
            Type::S16 => primitive(PrimitiveValType::S16),
            Type::U16 => primitive(PrimitiveValType::U16),
            Type::S32 => primitive(PrimitiveValType::S32),
            Type::U32 => primitive(PrimitiveValType::U32),
            Type::S64 => primitive(PrimitiveValType::S64),
            Type::U64 => primitive(PrimitiveValType::U64),
            Type::Float32 => primitive(PrimitiveValType::F32),
            Type::Float64 => primitive(PrimitiveValType::F64),
            Type::Char => primitive(PrimitiveValType::Char),
            Type::String => primitive(PrimitiveValType::String),
            Type::ErrorContext => primitive(PrimitiveValType::ErrorContext),
            Type::List(list) => {
                let element = self.ty(&list.ty())?;
                self.define(|ty| ty.list(element))
            }
            Type::FixedLengthList(list) => {
                let element = self.ty(&list.ty())?;
                self.define(|ty| ty.fixed_length_list(element, list.len()))
            }
            Type::Map(map) => {
                let (key, value) = (self.ty(&map.key())?, self.ty(&map.value())?);
                self.define(|ty| ty.map(key, value))
            }
            Type::Tuple(tuple) => {
                let types = tuple.types().map(|ty| self.ty(&ty));
                let types = types.collect::<Option<Vec<_>>>()?;
                self.define(|ty| ty.tuple(types))
            }
            Type::Option(option) => {
                let payload = self.ty(&option.ty())?;
                self.define(|ty| ty.option(payload))
            }
            Type::Result(result) => {
                let (ok, err) = (self.optional(result.ok())?, self.optional(result.err())?);
                self.define(|ty| ty.result(ok, err))
            }
            Type::Future(future) => {
                let payload = self.optional(future.ty())?;
                self.define(|ty| ty.future(payload))
            }
            Type::Stream(stream) => {
                let payload = self.optional(stream.ty())?;
                self.define(|ty| ty.stream(payload))
            }
            Type::Record(record) => {
                let fields = record
                    .fields()
                    .map(|field| Some((field.name, self.ty(&field.ty)?)));
                let fields = fields.collect::<Option<Vec<_>>>()?;
                self.define_named(|ty| ty.record(fields))
            }
            Type::Variant(variant) => {
                let cases = variant
                    .cases()
                    .map(|case| Some((case.name, self.optional(case.ty)?)));
                let cases = cases.collect::<Option<Vec<_>>>()?;
                self.define_named(|ty| ty.variant(cases))
            }
            Type::Enum(names) => self.define_named(|ty| ty.enum_type(names.names())),
            Type::Flags(names) => self.define_named(|ty| ty.flags(names.names())),
            Type::Own(resource) => {
                let resource = self.resource(*resource)?;
                self.define(|ty| ty.own(resource))
            }
            Type::Borrow(resource) => {
                let resource = self.resource(*resource)?;
                self.define(|ty| ty.borrow(resource))
            }
        }
    }

    /// Writes a payload's type, if there is one.
    fn optional(&mut self, ty: Option<Type>) -> Option<Option<ComponentValType>> {
        match ty {
            Some(ty) => self.ty(&ty).map(Some),
            None => Some(None),
        }
    }

    fn define(
        &mut self,
        define: impl FnOnce(wasm_encoder::ComponentDefinedTypeEncoder<'_>),
    ) -> Option<ComponentValType> {
        let index = self.instance.type_count();
        define(self.instance.ty().defined_type());
        Some(ComponentValType::Type(index))
    }

    /// Writes a type that must have a name if a function uses it. Linkers ignore the name.
    fn define_named(
        &mut self,
        define: impl FnOnce(wasm_encoder::ComponentDefinedTypeEncoder<'_>),
    ) -> Option<ComponentValType> {
        let index = self.instance.type_count();
        define(self.instance.ty().defined_type());
        let name = format!("probed-t{index}");
        self.instance
            .export(&name, ComponentTypeRef::Type(TypeBounds::Eq(index)));
        Some(ComponentValType::Type(index.checked_add(1)?))
    }

    fn resource(&mut self, resource: ResourceType) -> Option<u32> {
        let mut origins = self.origins.iter();
        self.resource_at(origins.position(|origin| origin.resource == resource)?)
    }

    /// Imports a resource from its origin, and returns its type in the instance.
    fn resource_at(&mut self, position: usize) -> Option<u32> {
        if let Some(index) = self.resources.get(&position) {
            return Some(*index);
        }
        let origin = self.origins.get(position)?;
        let own = origin.item.as_deref();
        let index = self.instance.type_count();
        if let (true, Some(name)) = (origin.import == self.interface, own) {
            self.instance
                .export(name, ComponentTypeRef::Type(TypeBounds::SubResource));
            self.resources.insert(position, index);
            return Some(index);
        }
        let outer = self.import(origin);
        self.instance.alias(Alias::Outer {
            kind: ComponentOuterAliasKind::Type,
            count: 1,
            index: outer,
        });
        self.resources.insert(position, index);
        Some(index)
    }

    /// Imports a resource of another interface, and returns its type in the component.
    fn import(&mut self, origin: &Origin) -> u32 {
        let resource = ComponentTypeRef::Type(TypeBounds::SubResource);
        let Some(name) = &origin.item else {
            let index = self.component.type_count();
            self.component.import(&origin.import, resource);
            return index;
        };
        let instance = match self.interfaces.get(&origin.import) {
            Some(instance) => *instance,
            None => {
                // With all its resources, because no interface can be imported twice.
                let mut interface = InstanceType::new();
                let others = self.origins.iter();
                for other in others.filter(|other| other.import == origin.import) {
                    if let Some(name) = &other.item {
                        interface.export(name, resource);
                    }
                }
                let ty = self.component.type_instance(None, &interface);
                let instance = self
                    .component
                    .import(&origin.import, ComponentTypeRef::Instance(ty));
                self.interfaces.insert(origin.import.clone(), instance);
                instance
            }
        };
        self.component
            .alias_export(instance, name, ComponentExportKind::Type)
    }
}
