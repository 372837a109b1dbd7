//! A component's imports and exports, with their types.

use std::collections::HashMap;

use super::FuncType;
use crate::handles::ResourceTable;
use crate::ids::{ResourceId, ResourceTableId};
use crate::plan::{Export, ImportKind, Plan};

/// An import or export of a component, or an item of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ComponentItem<'a> {
    /// A function.
    ComponentFunc(&'a FuncType),
    /// An instance, usually of an interface, with its items by name.
    ComponentInstance(Vec<(&'a str, Self)>),
    /// A resource type.
    Resource,
    /// A core module.
    Module,
    /// Another type.
    Type,
}

/// The names of a component's resources, as [`Component::resource_names`] returns them.
///
/// A resource has the name under which the component first imports it, or else the name under which
/// it first exports it.
///
/// [`Component::resource_names`]: crate::Component::resource_names
#[derive(Debug, Clone)]
pub struct ResourceNames<'a> {
    tables: &'a [ResourceTable],
    names: HashMap<ResourceId, &'a str>,
}

impl<'a> ResourceNames<'a> {
    pub(crate) fn new(plan: &'a Plan) -> Self {
        let mut names = HashMap::new();
        for import in &plan.imports {
            if let ImportKind::Resource(Some(id)) = import.kind {
                names.entry(id).or_insert(import.name.as_str());
            }
        }
        let tables = plan.resource_tables.as_slice();
        let mut names = Self { tables, names };
        names.add(&plan.exports);
        names
    }

    /// The translator bounds the nesting of instances, and so this recursion.
    fn add(&mut self, exports: &'a [(String, Export)]) {
        for (name, export) in exports {
            match export {
                Export::Resource(table) => {
                    if let Some(table) = self.tables.get(table.index()) {
                        self.names.entry(table.resource).or_insert(name);
                    }
                }
                Export::Instance(inner) => self.add(inner),
                Export::Function(_) | Export::Module(_) | Export::Type => {}
            }
        }
    }

    /// Returns the name of the resource in a [`Type::Own`](super::Type::Own) or
    /// [`Type::Borrow`](super::Type::Borrow) of the same component. Returns `None` if the component
    /// neither imports nor exports it.
    pub fn get(&self, resource: ResourceTableId) -> Option<&'a str> {
        let table = self.tables.get(resource.index())?;
        self.names.get(&table.resource).copied()
    }
}

/// Lists the imports of a component.
pub(crate) fn imports(plan: &Plan) -> Vec<(&str, ComponentItem<'_>)> {
    let mut tree = Tree::default();
    for names in &plan.imported_instances {
        tree.add(names.iter().map(String::as_str), None);
    }
    for import in &plan.imports {
        let item = match &import.kind {
            ImportKind::Function(abi) => ComponentItem::ComponentFunc(abi.ty()),
            ImportKind::Resource(_) => ComponentItem::Resource,
        };
        tree.add(import.names(), Some(item));
    }
    for module in &plan.imported_modules {
        let names = module.names.iter().map(String::as_str);
        tree.add(names, Some(ComponentItem::Module));
    }
    let mut found: HashMap<&str, ComponentItem<'_>> = tree.into_items().into_iter().collect();
    let names = plan.import_names.iter().map(String::as_str);
    names
        .filter_map(|name| Some((name, found.remove(name)?)))
        .collect()
}

/// Lists the exports of a component or an instance. The translator bounds the nesting of instances,
/// and so this recursion.
pub(crate) fn exports(list: &[(String, Export)]) -> Vec<(&str, ComponentItem<'_>)> {
    let list = list.iter().map(|(name, export)| {
        let item = match export {
            Export::Function(function) => ComponentItem::ComponentFunc(function.abi.ty()),
            Export::Instance(inner) => ComponentItem::ComponentInstance(exports(inner)),
            Export::Resource(_) => ComponentItem::Resource,
            Export::Module(_) => ComponentItem::Module,
            Export::Type => ComponentItem::Type,
        };
        (name.as_str(), item)
    });
    list.collect()
}

/// Items by name, in the order in which they were added. `None` stands for an instance, whose items
/// are in the tree beside it.
#[derive(Default)]
struct Tree<'a> {
    list: Vec<(&'a str, Option<ComponentItem<'a>>, Self)>,
    by_name: HashMap<&'a str, usize>,
}

impl<'a> Tree<'a> {
    /// Adds an item by the names of the instances that contain it, outermost first, and its own.
    fn add(&mut self, names: impl Iterator<Item = &'a str>, item: Option<ComponentItem<'a>>) {
        let names: Vec<&str> = names.collect();
        let Some((name, instances)) = names.split_last() else {
            return;
        };
        let mut here = self;
        for instance in instances {
            let position = here.position(instance, None);
            let Some((_, _, inner)) = here.list.get_mut(position) else {
                return;
            };
            here = inner;
        }
        here.position(name, item);
    }

    /// Returns the position of an item, after adding it if it is new.
    fn position(&mut self, name: &'a str, item: Option<ComponentItem<'a>>) -> usize {
        *self.by_name.entry(name).or_insert_with(|| {
            self.list.push((name, item, Self::default()));
            self.list.len().saturating_sub(1)
        })
    }

    /// The translator bounds the nesting of instances, and so this recursion.
    fn into_items(self) -> Vec<(&'a str, ComponentItem<'a>)> {
        let list = self.list.into_iter().map(|(name, item, inner)| {
            let item = item.unwrap_or_else(|| ComponentItem::ComponentInstance(inner.into_items()));
            (name, item)
        });
        list.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Type;

    #[test]
    fn imports_are_listed_in_order_with_their_items() {
        let text = r#"(component
            (import "log" (func (param "line" string)))
            (type $byte u8)
            (import "byte" (type (eq $byte)))
            (import "a:b/c@1.0.0" (instance
                (export "f" (func))
                (export "thing" (type (sub resource)))
                (export "inner" (instance (export "g" (func)))))))"#;
        let plan = Plan::new(&wat::parse_str(text).unwrap()).unwrap();
        let log = FuncType {
            params: vec![("line".to_owned(), Type::String)],
            result: None,
        };
        let nothing = FuncType {
            params: Vec::new(),
            result: None,
        };
        let inner = vec![("g", ComponentItem::ComponentFunc(&nothing))];
        let interface = vec![
            ("inner", ComponentItem::ComponentInstance(inner)),
            ("f", ComponentItem::ComponentFunc(&nothing)),
            ("thing", ComponentItem::Resource),
        ];
        let expected = [
            ("log", ComponentItem::ComponentFunc(&log)),
            ("a:b/c@1.0.0", ComponentItem::ComponentInstance(interface)),
        ];
        assert_eq!(imports(&plan), expected);
    }

    #[test]
    fn exports_are_listed_and_their_resources_named() {
        let text = r#"(component
            (type $thing' (resource (rep i32)))
            (export $thing "thing" (type $thing'))
            (core module $m (func (export "make") (result i32) i32.const 0))
            (core instance $m (instantiate $m))
            (func $make (result (own $thing)) (canon lift (core func $m "make")))
            (export "make" (func $make))
            (export "code" (core module $m)))"#;
        let plan = Plan::new(&wat::parse_str(text).unwrap()).unwrap();
        let list = exports(&plan.exports);
        let [
            ("thing", ComponentItem::Resource),
            ("make", ComponentItem::ComponentFunc(make)),
            ("code", ComponentItem::Module),
        ] = list.as_slice()
        else {
            panic!("{list:?}")
        };
        let Some(Type::Own(thing)) = &make.result else {
            panic!("{make:?}")
        };
        assert_eq!(ResourceNames::new(&plan).get(*thing), Some("thing"));
    }
}
