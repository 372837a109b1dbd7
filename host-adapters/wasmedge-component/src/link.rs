//! Finding what an embedder defined for each import of a component.

use crate::error::LinkError;
use crate::names::NameMap;
use crate::plan::{Import, ImportKind, Plan};

/// What an embedder defines, by interface and name; `D` is whatever the engine keeps for a function or a resource.
///
/// Versions are matched as [`NameMap`] does. As in Wasmtime, an interface is chosen first, the highest compatible one, and the items are
/// looked up in that one only.
#[derive(Debug, Clone)]
pub struct Definitions<D> {
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
    pub fn new() -> Self {
        Self::default()
    }

    /// Defines an item of an interface, or one that is imported by itself.
    ///
    /// # Errors
    ///
    /// [`LinkError::Duplicate`] if the name is defined already, and then what was defined stays.
    pub fn define(
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

    /// Returns what is defined for an import.
    pub fn find(&self, import: &Import) -> Option<&D> {
        match &import.instance {
            None => self.root.find(&import.name),
            Some(instance) => self.instances.find(instance)?.find(&import.name),
        }
    }

    /// Returns what is defined for each import of a component, in the order of [`Plan::imports`].
    ///
    /// # Errors
    ///
    /// [`LinkError::Missing`] with the full name of the first import that nothing compatible is defined for.
    pub fn resolve<'a>(&'a self, plan: &Plan) -> Result<Vec<&'a D>, LinkError> {
        let found = plan.imports.iter().map(|import| {
            self.find(import).ok_or_else(|| LinkError::Missing {
                kind: match import.kind {
                    ImportKind::Function(_) => "function",
                    ImportKind::Resource(_) => "resource",
                },
                name: import.full_name(),
            })
        });
        found.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(definitions.resolve(&plan()), Ok(vec![&0, &10, &11]));
    }

    #[test]
    fn a_missing_import_is_named_in_full() {
        let mut definitions = Definitions::new();
        let missing =
            |definitions: &Definitions<()>| definitions.resolve(&plan()).unwrap_err().to_string();
        assert_eq!(
            missing(&definitions),
            "component imports function `log`, but nothing compatible is defined"
        );
        definitions.define(None, "log", ()).unwrap();
        definitions
            .define(Some("wasi:io/error@0.3.0"), "error", ())
            .unwrap();
        assert_eq!(
            missing(&definitions),
            "component imports resource `wasi:io/error@0.2.6#error`, but nothing compatible is defined"
        );
        definitions
            .define(Some("wasi:io/error@0.2.7"), "error", ())
            .unwrap();
        assert_eq!(
            missing(&definitions),
            "component imports function `wasi:io/error@0.2.6#check`, but nothing compatible is defined"
        );
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
