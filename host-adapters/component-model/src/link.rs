//! Finds an embedder's definition for each import of a component.

use crate::error::LinkError;
use crate::names::NameMap;

/// An embedder's definitions, by name; `D` is the engine's data for a function or a resource.
///
/// As in Wasmtime, a name refers to one item, or to an instance with its own names. Versions are
/// matched as in [`NameMap`]. The highest compatible interface is chosen first; items are looked up
/// only in that one.
#[derive(Debug, Clone)]
pub(crate) struct Definitions<D> {
    names: NameMap<Entry<D>>,
}

/// The definition of a name.
#[derive(Debug, Clone)]
pub(crate) enum Entry<D> {
    /// An item.
    Item(D),
    /// An instance.
    Instance(Definitions<D>),
}

/// The definition found for an import.
#[derive(Debug)]
pub(crate) enum Found<'a, D> {
    /// An item.
    Item(&'a D),
    /// An instance.
    Instance,
    /// No definition.
    Nothing,
    /// No definition, because an instance on the path is an item instead.
    NoInstance,
}

impl<D> Default for Definitions<D> {
    fn default() -> Self {
        Self {
            names: NameMap::new(),
        }
    }
}

/// Joins the names of instances and of an item in them: `a:b/c@1.0.0#inner#item`.
pub(crate) fn full_name<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<Vec<_>>().join("#")
}

impl<D> Definitions<D> {
    /// Makes an empty set of definitions.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Defines an item under a name, in the instances of a path, outermost first.
    ///
    /// # Errors
    ///
    /// [`LinkError::Duplicate`] if the name is already defined, or if a name of the path is an
    /// item. Earlier definitions stay.
    pub(crate) fn define(
        &mut self,
        path: &[String],
        name: &str,
        definition: D,
    ) -> Result<(), LinkError> {
        let names = path.iter().map(String::as_str).chain([name]);
        let duplicate = |length: usize| LinkError::Duplicate {
            name: full_name(names.clone().take(length)),
        };
        let mut here = self;
        for (length, instance) in (1..).zip(path) {
            let instance = here
                .names
                .find_or_insert_with(instance, || Entry::Instance(Self::new()));
            here = match instance {
                Entry::Instance(inner) => inner,
                Entry::Item(_) => return Err(duplicate(length)),
            };
        }
        if here.names.contains(name) {
            return Err(duplicate(path.len().saturating_add(1)));
        }
        here.names.insert(name, Entry::Item(definition));
        Ok(())
    }

    /// Returns the definition at a path: the names of instances and of the item.
    pub(crate) fn find<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Found<'_, D> {
        let mut here = Some(self);
        let mut found = Found::Nothing;
        for name in names {
            let Some(instance) = here else {
                return Found::NoInstance;
            };
            match instance.names.find(name) {
                Some(Entry::Item(item)) => {
                    here = None;
                    found = Found::Item(item);
                }
                Some(Entry::Instance(inner)) => {
                    here = Some(inner);
                    found = Found::Instance;
                }
                None => return Found::Nothing,
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;

    fn plan() -> Plan {
        let text = r#"(component
            (import "log" (func (param "line" string)))
            (import "wasi:io/error@0.2.6" (instance
                (export "error" (type (sub resource)))
                (export "check" (func)))))"#;
        Plan::new(&wat::parse_str(text).unwrap()).unwrap()
    }

    fn path(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn imports_resolve_to_the_highest_compatible_interface() {
        let mut definitions = Definitions::new();
        definitions.define(&[], "log", 0).unwrap();
        for (version, value) in [("0.2.0", 1), ("0.2.12", 10), ("0.3.0", 100)] {
            let instance = path(&[&format!("wasi:io/error@{version}")]);
            definitions.define(&instance, "error", value).unwrap();
            definitions.define(&instance, "check", value + 1).unwrap();
        }
        let plan = plan();
        let found = plan.imports.iter().map(|import| {
            let Found::Item(value) = definitions.find(import.names()) else {
                panic!("nothing for {}", import.full_name())
            };
            *value
        });
        assert_eq!(found.collect::<Vec<_>>(), [0, 10, 11]);
    }

    #[test]
    fn duplicate_definitions_are_refused() {
        let duplicate = |name: &str| {
            Err(LinkError::Duplicate {
                name: name.to_owned(),
            })
        };
        let (older, newer) = (path(&["a:b/c@1.0.0"]), path(&["a:b/c@1.0.1"]));
        let mut definitions = Definitions::new();
        definitions.define(&older, "f", 1).unwrap();
        definitions.define(&newer, "f", 2).unwrap();
        assert_eq!(
            definitions.define(&older, "f", 3),
            duplicate("a:b/c@1.0.0#f")
        );
        // A name is an item or an instance.
        assert_eq!(
            definitions.define(&[], "a:b/c@1.0.0", 4),
            duplicate("a:b/c@1.0.0")
        );
        let inner = path(&["a:b/c@1.0.0", "f", "g"]);
        assert_eq!(
            definitions.define(&inner, "h", 5),
            duplicate("a:b/c@1.0.0#f")
        );
    }

    #[test]
    fn instances_can_be_nested() {
        let mut definitions = Definitions::new();
        let inner = path(&["a", "b:c/d@1.0.0"]);
        definitions.define(&inner, "f", 1).unwrap();
        definitions.define(&path(&["a"]), "f", 2).unwrap();
        let found = |names: &[&str]| format!("{:?}", definitions.find(names.iter().copied()));
        assert_eq!(found(&["a", "f"]), "Item(2)");
        assert_eq!(found(&["a", "b:c/d@1.0.0", "f"]), "Item(1)");
        assert_eq!(found(&["a", "b:c/d@1.2.0", "f"]), "Item(1)");
        assert_eq!(found(&["a", "b:c/d@1.0.0"]), "Instance");
        assert_eq!(found(&["a", "b:c/d@1.0.0", "g"]), "Nothing");
        assert_eq!(found(&["a", "x", "f"]), "Nothing");
        assert_eq!(found(&["a", "f", "f"]), "NoInstance");
    }
}
