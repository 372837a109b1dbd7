//! Sizes of types after expansion, as the translator performs it at each use.

use std::collections::HashMap;

use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentDefinedType, ComponentDefinedTypeId, ComponentEntityType,
    ComponentFuncTypeId, ComponentInstanceTypeId, ComponentItem, ComponentValType,
};
use wasmparser::types::TypesRef;

/// The size of a type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// The items of instances and components, including nested ones.
    pub(crate) items: u64,
    /// Everything else: the parts of function and value types, and their names.
    pub(crate) parts: u64,
    /// An upper bound on the resource types in it.
    pub(crate) resources: u64,
}

/// How many parts of types take about as long to convert as one definition.
const PARTS_PER_DEFINITION: u64 = 10;

/// How many definitions take about as much memory as the code that converts one part of a type.
const DEFINITIONS_PER_ADAPTED_PART: u64 = 2;

/// How many bytes of a name take about as long to copy as one part of a type.
const NAME_BYTES_PER_PART: usize = 32;

impl Size {
    const PART: Self = Self {
        items: 0,
        parts: 1,
        resources: 0,
    };

    fn name(name: &str) -> Self {
        Self::names(name.len())
    }

    /// Returns the size of names with this many bytes.
    pub(crate) fn names(bytes: usize) -> Self {
        let parts = u64::try_from(bytes / NAME_BYTES_PER_PART).unwrap_or(u64::MAX);
        Self {
            parts: parts.saturating_add(1),
            ..Self::default()
        }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            items: self.items.saturating_add(other.items),
            parts: self.parts.saturating_add(other.parts),
            resources: self.resources.saturating_add(other.resources),
        }
    }

    fn item(self) -> Self {
        Self {
            items: self.items.saturating_add(1),
            ..self
        }
    }

    /// Returns how many definitions the code that copies the type between memories counts for.
    pub(crate) fn adapter(self) -> u64 {
        let parts = self.parts.saturating_mul(DEFINITIONS_PER_ADAPTED_PART);
        self.items.saturating_add(parts)
    }

    /// Returns how many definitions a conversion of the type counts for.
    pub(crate) fn definitions(self) -> u64 {
        self.items.saturating_add(self.parts / PARTS_PER_DEFINITION)
    }
}

/// Computes sizes of types, each once, because types share their parts.
///
/// The validator limits the nesting of types, which bounds the recursion here.
#[derive(Debug, Default)]
pub(crate) struct Sizes {
    known: HashMap<ComponentAnyTypeId, Size>,
}

impl Sizes {
    pub(crate) fn entity(&mut self, types: TypesRef<'_>, ty: ComponentEntityType) -> Size {
        match ty {
            ComponentEntityType::Module(id) => types.get(id).map_or(Size::PART, |module| {
                let imports = module.imports.keys();
                let imports = imports.map(|(module, name)| module.len().saturating_add(name.len()));
                let names = imports.chain(module.exports.keys().map(String::len));
                names.fold(Size::PART, |size, bytes| size.and(Size::names(bytes)))
            }),
            ComponentEntityType::Func(id) => self.func(types, id),
            ComponentEntityType::Value(ty) => self.value(types, ty),
            ComponentEntityType::Type { created, .. } => self.any(types, created),
            ComponentEntityType::Instance(id) => self.instance(types, id),
            ComponentEntityType::Component(id) => {
                self.any(types, ComponentAnyTypeId::Component(id))
            }
        }
    }

    pub(crate) fn func(&mut self, types: TypesRef<'_>, id: ComponentFuncTypeId) -> Size {
        self.any(types, ComponentAnyTypeId::Func(id))
    }

    pub(crate) fn instance(&mut self, types: TypesRef<'_>, id: ComponentInstanceTypeId) -> Size {
        self.any(types, ComponentAnyTypeId::Instance(id))
    }

    pub(crate) fn any(&mut self, types: TypesRef<'_>, id: ComponentAnyTypeId) -> Size {
        if let Some(known) = self.known.get(&id) {
            return *known;
        }
        let size = match id {
            ComponentAnyTypeId::Resource(_) => Size {
                resources: 1,
                ..Size::PART
            },
            ComponentAnyTypeId::Defined(id) => self.defined(types, id),
            ComponentAnyTypeId::Func(id) => types.get(id).map_or(Size::PART, |func| {
                let mut size = Size::PART;
                for (name, ty) in &func.params {
                    size = size.and(Size::name(name)).and(self.value(types, *ty));
                }
                size.and(self.optional(types, func.result))
            }),
            ComponentAnyTypeId::Instance(id) => types
                .get(id)
                .map_or(Size::PART, |instance| self.items(types, &instance.exports)),
            ComponentAnyTypeId::Component(id) => types.get(id).map_or(Size::PART, |component| {
                let imports = self.items(types, &component.imports);
                imports.and(self.items(types, &component.exports))
            }),
        };
        self.known.insert(id, size);
        size
    }

    fn items<'a>(
        &mut self,
        types: TypesRef<'_>,
        items: impl IntoIterator<Item = (&'a String, &'a ComponentItem)>,
    ) -> Size {
        items.into_iter().fold(Size::PART, |size, (name, item)| {
            let item = self.entity(types, item.ty).item();
            size.and(Size::name(name)).and(item)
        })
    }

    pub(crate) fn value(&mut self, types: TypesRef<'_>, ty: ComponentValType) -> Size {
        match ty {
            ComponentValType::Primitive(_) => Size::PART,
            ComponentValType::Type(id) => self.any(types, ComponentAnyTypeId::Defined(id)),
        }
    }

    fn optional(&mut self, types: TypesRef<'_>, ty: Option<ComponentValType>) -> Size {
        ty.map_or(Size::default(), |ty| self.value(types, ty))
    }

    fn defined(&mut self, types: TypesRef<'_>, id: ComponentDefinedTypeId) -> Size {
        let names = |names: &mut dyn Iterator<Item = &str>| {
            names.fold(Size::PART, |size, name| size.and(Size::name(name)))
        };
        let Some(ty) = types.get(id) else {
            return Size::PART;
        };
        match ty {
            ComponentDefinedType::Primitive(_)
            | ComponentDefinedType::Own(_)
            | ComponentDefinedType::Borrow(_) => Size::PART,
            ComponentDefinedType::Record(record) => {
                record.fields.iter().fold(Size::PART, |size, (name, ty)| {
                    size.and(Size::name(name)).and(self.value(types, *ty))
                })
            }
            ComponentDefinedType::Variant(variant) => {
                variant.cases.iter().fold(Size::PART, |size, (name, case)| {
                    size.and(Size::name(name))
                        .and(self.optional(types, case.ty))
                })
            }
            ComponentDefinedType::Tuple(tuple) => tuple
                .types
                .iter()
                .fold(Size::PART, |size, ty| size.and(self.value(types, *ty))),
            ComponentDefinedType::Flags(flags) => names(&mut flags.iter().map(|name| &**name)),
            ComponentDefinedType::Enum(cases) => names(&mut cases.iter().map(|name| &**name)),
            ComponentDefinedType::List { element, .. }
            | ComponentDefinedType::FixedLengthList { element, .. } => {
                Size::PART.and(self.value(types, *element))
            }
            ComponentDefinedType::Map { key, value, .. } => Size::PART
                .and(self.value(types, *key))
                .and(self.value(types, *value)),
            ComponentDefinedType::Option { ty, .. } => Size::PART.and(self.value(types, *ty)),
            ComponentDefinedType::Result { ok, err, .. } => Size::PART
                .and(self.optional(types, *ok))
                .and(self.optional(types, *err)),
            ComponentDefinedType::Future { ty, .. } | ComponentDefinedType::Stream { ty, .. } => {
                Size::PART.and(self.optional(types, *ty))
            }
        }
    }
}
