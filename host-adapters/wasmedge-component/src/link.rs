//! Finding what an embedder defined for each import of a component.

use crate::error::LinkError;
use crate::names::NameMap;
use crate::plan::Import;

/// What an embedder defines, by interface and name; `D` is whatever the engine keeps for a function or a resource.
///
/// Versions are matched as [`NameMap`] does. As in Wasmtime, an interface is chosen first, the highest compatible one, and the items are
/// looked up in that one only.
#[derive(Debug, Clone)]
pub(crate) struct Definitions<D> {
    root: NameMap<D>,
    instances: NameMap<NameMap<D>>,
}

impl<D> Default for Definitions<D> {
    fn default() -> Self {
        Self {
            root: NameMap::new(),
            instances: NameMap::new(),
        }
    }
}

impl<D> Definitions<D> {
    /// Makes an empty set of definitions.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Defines an item of an interface, or one that is imported by itself.
    ///
    /// # Errors
    ///
    /// [`LinkError::Duplicate`] if the name is defined already, and then what was defined stays.
    pub(crate) fn define(
        &mut self,
        instance: Option<&str>,
        name: &str,
        definition: D,
    ) -> Result<(), LinkError> {
        let items = match instance {
            None => &mut self.root,
            Some(instance) => self.instances.find_or_insert_with(instance, NameMap::new),
        };
        if items.contains(name) {
            let name =
                instance.map_or_else(|| name.to_owned(), |instance| format!("{instance}#{name}"));
            return Err(LinkError::Duplicate { name });
        }
        items.insert(name, definition);
        Ok(())
    }

    /// Returns whether an interface is defined, or a compatible version of it.
    pub(crate) fn has_instance(&self, name: &str) -> bool {
        self.instances.find(name).is_some()
    }

    /// Returns what is defined for an import.
    pub(crate) fn find(&self, import: &Import) -> Option<&D> {
        match &import.instance {
            None => self.root.find(&import.name),
            Some(instance) => self.instances.find(instance)?.find(&import.name),
        }
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

    #[test]
    fn imports_are_found_in_the_highest_compatible_interface() {
        let mut definitions = Definitions::new();
        definitions.define(None, "log", 0).unwrap();
        for (version, value) in [("0.2.0", 1), ("0.2.12", 10), ("0.3.0", 100)] {
            let instance = format!("wasi:io/error@{version}");
            definitions.define(Some(&instance), "error", value).unwrap();
            definitions
                .define(Some(&instance), "check", value + 1)
                .unwrap();
        }
        let plan = plan();
        let found = plan.imports.iter().map(|import| definitions.find(import));
        assert_eq!(found.collect::<Vec<_>>(), [Some(&0), Some(&10), Some(&11)]);
    }

    #[test]
    fn nothing_is_defined_twice() {
        let mut definitions = Definitions::new();
        definitions.define(Some("a:b/c@1.0.0"), "f", 1).unwrap();
        definitions.define(Some("a:b/c@1.0.1"), "f", 2).unwrap();
        assert_eq!(
            definitions.define(Some("a:b/c@1.0.0"), "f", 3),
            Err(LinkError::Duplicate {
                name: "a:b/c@1.0.0#f".to_owned()
            })
        );
    }
}
