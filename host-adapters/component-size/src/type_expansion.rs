//! Counts the copies that a validator makes of types.
//!
//! The type of an instance can contain several instances of another type, and so on: a component of
//! some hundred bytes may expand to a million types. Resources make each copy a distinct type. So
//! wherever an instance is imported, exported or instantiated, the validator of `wasmparser`
//! expands its type, with unbounded memory: 779 bytes made it take 7.5 GB. These copies are counted
//! here before validation.
//!
//! Malformed input is counted up to the error. The validator reads no further either.

use std::collections::HashMap;
use std::rc::Rc;

use wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentDefinedType, ComponentExternalKind,
    ComponentFuncType, ComponentInstance, ComponentOuterAliasKind, ComponentType,
    ComponentTypeDeclaration, ComponentTypeRef, ComponentValType, Encoding, FromReader,
    InstanceTypeDeclaration, Parser, Payload, SectionLimited, TypeBounds,
};

use crate::limits::{Limit, Limits, TooLarge};
use crate::stop::{Counted, Stop, too_large};

/// Refuses components for which a validator would need too much memory or stack.
pub(crate) fn check(bytes: &[u8], limits: &Limits) -> Result<(), TooLarge> {
    too_large(count(bytes, limits).map(drop))
}

/// Returns the number of items in a component's expanded types.
fn count(bytes: &[u8], limits: &Limits) -> Counted<u64> {
    let mut counter = Counter {
        scopes: Vec::new(),
        copied: 0,
        aliases: 0,
        limits,
    };
    for payload in Parser::new(0).parse_all(bytes) {
        counter.payload(payload?)?;
    }
    Ok(counter.copied)
}

/// How many aliases take about as much memory as one part of a type.
const ALIASES_PER_ITEM: u64 = 10;

/// The cost of copying an item.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    items: u64,
    /// The number of resources in it.
    resources: u64,
    /// The total length of the paths to its resources.
    paths: u64,
}

impl Weight {
    fn of_items(items: u64) -> Self {
        Self {
            items,
            ..Self::default()
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            items: self.items.saturating_add(other.items),
            resources: self.resources.saturating_add(other.resources),
            paths: self.paths.saturating_add(other.paths),
        }
    }

    /// Returns the weight of an item with named parts. The validator keeps a path to each resource
    /// in it.
    fn around<'a>(parts: impl Iterator<Item = &'a Self>) -> Self {
        let (mut inside, mut count) = (Self::default(), 0u64);
        for part in parts {
            inside = inside.plus(*part);
            count = count.saturating_add(1);
        }
        let paths = inside.paths.saturating_add(inside.resources);
        let own = [1, count, inside.resources, paths / 8];
        Self {
            items: own.into_iter().fold(inside.items, u64::saturating_add),
            resources: inside.resources,
            paths,
        }
    }
}

type Exports<'a> = HashMap<&'a str, Item<'a>>;

/// A type, or an item of a type.
#[derive(Debug, Clone)]
struct Item<'a> {
    weight: Weight,
    /// The exports of an instance or component.
    exports: Option<Rc<Exports<'a>>>,
}

impl<'a> Item<'a> {
    fn leaf(items: u64) -> Self {
        Self {
            weight: Weight::of_items(items),
            exports: None,
        }
    }

    fn resource() -> Self {
        let mut item = Self::leaf(1);
        item.weight.resources = 1;
        item
    }

    fn instance(exports: Rc<Exports<'a>>) -> Self {
        Self {
            weight: Weight::around(exports.values().map(|item| &item.weight)),
            exports: Some(exports),
        }
    }
}

/// The relevant index spaces of a component or component type.
#[derive(Debug, Default)]
struct Scope<'a> {
    is_component: bool,
    types: Vec<Item<'a>>,
    functions: Vec<Item<'a>>,
    instances: Vec<Item<'a>>,
    components: Vec<Item<'a>>,
    imported: Vec<Weight>,
    exported: Exports<'a>,
}

impl<'a> Scope<'a> {
    fn space(&mut self, kind: ComponentExternalKind) -> Option<&mut Vec<Item<'a>>> {
        match kind {
            ComponentExternalKind::Type => Some(&mut self.types),
            ComponentExternalKind::Func => Some(&mut self.functions),
            ComponentExternalKind::Instance => Some(&mut self.instances),
            ComponentExternalKind::Component => Some(&mut self.components),
            ComponentExternalKind::Module | ComponentExternalKind::Value => None,
        }
    }

    /// Returns the component that the scope defines.
    fn close(self) -> Item<'a> {
        let imports = Weight::around(self.imported.iter());
        let instance = Item::instance(Rc::new(self.exported));
        Item {
            weight: imports.plus(instance.weight),
            exports: instance.exports,
        }
    }
}

struct Counter<'a, 'l> {
    scopes: Vec<Scope<'a>>,
    copied: u64,
    /// How many types have more than one index in the validator.
    aliases: u64,
    limits: &'l Limits,
}

impl<'a> Counter<'a, '_> {
    /// Counts items that the validator copies.
    fn copy(&mut self, items: u64) -> Counted<()> {
        self.copied = self.copied.saturating_add(items);
        Ok(self.limits.allow(Limit::TypeItems, self.copied)?)
    }

    /// Counts the validator's copy of all aliases. It makes one before the code of a module, and at
    /// the end of a module or component.
    fn copy_aliases(&mut self) -> Counted<()> {
        self.copy(self.aliases / ALIASES_PER_ITEM)
    }

    fn scope(&mut self) -> Counted<&mut Scope<'a>> {
        self.scopes.last_mut().ok_or(Stop::Malformed)
    }

    /// Finds an item by its index, `outward` scopes further out.
    fn find(&mut self, outward: u32, kind: ComponentExternalKind, index: u32) -> Counted<Item<'a>> {
        let outward = usize::try_from(outward).map_err(|_overflow| Stop::Malformed)?;
        let index = usize::try_from(index).map_err(|_overflow| Stop::Malformed)?;
        let scope = self.scopes.iter_mut().rev().nth(outward);
        match scope.ok_or(Stop::Malformed)?.space(kind) {
            Some(space) => space.get(index).cloned().ok_or(Stop::Malformed),
            None => Ok(Item::leaf(1)),
        }
    }

    fn find_type(&mut self, index: u32) -> Counted<Item<'a>> {
        self.find(0, ComponentExternalKind::Type, index)
    }

    fn add(&mut self, kind: ComponentExternalKind, item: Item<'a>) -> Counted<()> {
        if let Some(space) = self.scope()?.space(kind) {
            space.push(item);
        }
        Ok(())
    }

    fn payload(&mut self, payload: Payload<'a>) -> Counted<()> {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "no other section has to do with types of components"
        )]
        match payload {
            Payload::Version { encoding, .. } => self.scopes.push(Scope {
                is_component: encoding == Encoding::Component,
                ..Scope::default()
            }),
            Payload::CodeSectionStart { .. } => self.copy_aliases()?,
            Payload::End(_) => {
                self.copy_aliases()?;
                let scope = self.scopes.pop().ok_or(Stop::Malformed)?;
                if scope.is_component && !self.scopes.is_empty() {
                    self.add(ComponentExternalKind::Component, scope.close())?;
                }
            }
            Payload::ComponentTypeSection(section) => {
                each(section, |ty| {
                    let item = self.define(&ty)?;
                    self.add(ComponentExternalKind::Type, item)
                })?;
            }
            Payload::ComponentImportSection(section) => {
                each(section, |import| self.import(import.ty))?;
            }
            Payload::ComponentExportSection(section) => {
                each(section, |export| {
                    if export.kind == ComponentExternalKind::Type {
                        self.aliases = self.aliases.saturating_add(1);
                    }
                    let item = match export.ty {
                        Some(ty) => self.of(ty)?,
                        None => self.find(0, export.kind, export.index)?,
                    };
                    self.export(export.name.name, export.kind, item)
                })?;
            }
            Payload::ComponentInstanceSection(section) => {
                each(section, |instance| {
                    let item = self.instance(instance)?;
                    self.add(ComponentExternalKind::Instance, item)
                })?;
            }
            Payload::ComponentAliasSection(section) => {
                each(section, |alias| self.alias(alias))?;
            }
            Payload::ComponentCanonicalSection(section) => {
                each(section, |function| {
                    if let CanonicalFunction::Lift { type_index, .. } = function {
                        let item = self.find_type(type_index)?;
                        self.add(ComponentExternalKind::Func, item)?;
                    }
                    Ok(())
                })?;
            }
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, ty: ComponentTypeRef) -> Counted<()> {
        let item = self.of(ty)?;
        self.copy(item.weight.items)?;
        self.scope()?.imported.push(item.weight);
        self.add(ty.kind(), item)
    }

    fn export(
        &mut self,
        name: &'a str,
        kind: ComponentExternalKind,
        item: Item<'a>,
    ) -> Counted<()> {
        self.copy(item.weight.items)?;
        self.scope()?.exported.insert(name, item.clone());
        self.add(kind, item)
    }

    fn instance(&mut self, instance: ComponentInstance<'a>) -> Counted<Item<'a>> {
        match instance {
            ComponentInstance::FromExports(exports) => {
                let mut items = Exports::new();
                for export in exports {
                    let item = self.find(0, export.kind, export.index)?;
                    items.insert(export.name.name, item);
                }
                let item = Item::instance(Rc::new(items));
                self.copy(item.weight.items)?;
                Ok(item)
            }
            ComponentInstance::Instantiate {
                component_index,
                args,
            } => {
                let kind = ComponentExternalKind::Component;
                let component = self.find(0, kind, component_index)?;
                self.copy(component.weight.items)?;
                for argument in args {
                    let item = self.find(0, argument.kind, argument.index)?;
                    self.copy(item.weight.items)?;
                }
                Ok(Item::instance(component.exports.unwrap_or_default()))
            }
        }
    }

    fn alias(&mut self, alias: ComponentAlias<'a>) -> Counted<()> {
        self.copy(1)?;
        match alias {
            ComponentAlias::InstanceExport {
                kind,
                instance_index,
                name,
            } => {
                let instance = self.find(0, ComponentExternalKind::Instance, instance_index)?;
                let exports = instance.exports.ok_or(Stop::Malformed)?;
                let item = exports.get(name).ok_or(Stop::Malformed)?;
                self.add(kind, item.clone())
            }
            ComponentAlias::Outer { kind, count, index } => {
                let kind = match kind {
                    ComponentOuterAliasKind::Type => ComponentExternalKind::Type,
                    ComponentOuterAliasKind::Component => ComponentExternalKind::Component,
                    ComponentOuterAliasKind::CoreModule | ComponentOuterAliasKind::CoreType => {
                        return Ok(());
                    }
                };
                let item = self.find(count, kind, index)?;
                self.add(kind, item)
            }
            ComponentAlias::CoreInstanceExport { .. } => Ok(()),
        }
    }

    /// Returns the item of an import or export with this type.
    fn of(&mut self, ty: ComponentTypeRef) -> Counted<Item<'a>> {
        match ty {
            ComponentTypeRef::Module(_) => Ok(Item::leaf(1)),
            ComponentTypeRef::Type(TypeBounds::SubResource) => Ok(Item::resource()),
            ComponentTypeRef::Value(ty) => Ok(Item::leaf(self.value(ty)?)),
            ComponentTypeRef::Type(TypeBounds::Eq(index)) => {
                self.aliases = self.aliases.saturating_add(1);
                self.find_type(index)
            }
            ComponentTypeRef::Func(index)
            | ComponentTypeRef::Instance(index)
            | ComponentTypeRef::Component(index) => self.find_type(index),
        }
    }

    fn define(&mut self, ty: &ComponentType<'a>) -> Counted<Item<'a>> {
        match ty {
            ComponentType::Defined(ty) => {
                self.copy(parts(ty))?;
                Ok(Item::leaf(self.defined(ty)?))
            }
            ComponentType::Func(ty) => {
                self.copy(ty.params.len() as u64)?;
                Ok(Item::leaf(self.function(ty)?))
            }
            ComponentType::Resource { .. } => Ok(Item::resource()),
            ComponentType::Component(declarations) => {
                self.scopes.push(Scope::default());
                for declaration in declarations {
                    match declaration {
                        ComponentTypeDeclaration::CoreType(_) => {}
                        ComponentTypeDeclaration::Type(ty) => self.declare(ty)?,
                        ComponentTypeDeclaration::Alias(alias) => self.alias(alias.clone())?,
                        ComponentTypeDeclaration::Import(import) => self.import(import.ty)?,
                        ComponentTypeDeclaration::Export { name, ty } => {
                            let item = self.of(*ty)?;
                            self.export(name.name, ty.kind(), item)?;
                        }
                    }
                }
                Ok(self.scopes.pop().ok_or(Stop::Malformed)?.close())
            }
            ComponentType::Instance(declarations) => {
                self.scopes.push(Scope::default());
                for declaration in declarations {
                    match declaration {
                        InstanceTypeDeclaration::CoreType(_) => {}
                        InstanceTypeDeclaration::Type(ty) => self.declare(ty)?,
                        InstanceTypeDeclaration::Alias(alias) => self.alias(alias.clone())?,
                        InstanceTypeDeclaration::Export { name, ty } => {
                            let item = self.of(*ty)?;
                            self.export(name.name, ty.kind(), item)?;
                        }
                    }
                }
                let scope = self.scopes.pop().ok_or(Stop::Malformed)?;
                Ok(Item::instance(Rc::new(scope.exported)))
            }
        }
    }

    fn declare(&mut self, ty: &ComponentType<'a>) -> Counted<()> {
        let item = self.define(ty)?;
        self.add(ComponentExternalKind::Type, item)
    }

    fn function(&mut self, ty: &ComponentFuncType<'_>) -> Counted<u64> {
        let params = ty.params.iter().map(|(_, ty)| *ty);
        self.sum(params.chain(ty.result))
    }

    fn defined(&mut self, ty: &ComponentDefinedType<'_>) -> Counted<u64> {
        use ComponentDefinedType as D;
        match ty {
            D::Primitive(_) | D::Flags(_) | D::Enum(_) | D::Own(_) | D::Borrow(_) => Ok(1),
            D::Record(fields) => self.sum(fields.iter().map(|(_, ty)| *ty)),
            D::Variant(cases) => self.sum(cases.iter().filter_map(|case| case.ty)),
            D::Tuple(types) => self.sum(types.iter().copied()),
            D::List(ty) | D::Option(ty) | D::FixedLengthList(ty, _) => self.sum([*ty]),
            D::Map(key, value) => self.sum([*key, *value]),
            D::Result { ok, err } => self.sum(ok.iter().chain(err).copied()),
            D::Future(ty) | D::Stream(ty) => self.sum(*ty),
        }
    }

    /// Returns the size of a type with these parts.
    fn sum(&mut self, types: impl IntoIterator<Item = ComponentValType>) -> Counted<u64> {
        let mut sum = 1u64;
        for ty in types {
            sum = sum.saturating_add(self.value(ty)?);
        }
        Ok(sum)
    }

    fn value(&mut self, ty: ComponentValType) -> Counted<u64> {
        match ty {
            ComponentValType::Primitive(_) => Ok(1),
            ComponentValType::Type(index) => Ok(self.find_type(index)?.weight.items),
        }
    }
}

/// Returns the number of a type's own parts, without their parts.
fn parts(ty: &ComponentDefinedType<'_>) -> u64 {
    use ComponentDefinedType as D;
    let parts = match ty {
        D::Record(fields) => fields.len(),
        D::Variant(cases) => cases.len(),
        D::Tuple(types) => types.len(),
        D::Flags(names) | D::Enum(names) => names.len(),
        D::Map(..) | D::Result { .. } => 2,
        D::Primitive(_)
        | D::Own(_)
        | D::Borrow(_)
        | D::List(_)
        | D::Option(_)
        | D::FixedLengthList(..)
        | D::Future(_)
        | D::Stream(_) => 1,
    };
    parts as u64
}

/// Reads a section item by item.
fn each<'a, T: FromReader<'a>>(
    section: SectionLimited<'a, T>,
    mut item: impl FnMut(T) -> Counted<()>,
) -> Counted<()> {
    for read in section {
        item(read?)?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "tests/type_expansion.rs"]
mod tests;
