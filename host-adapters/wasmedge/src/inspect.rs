//! What a component wants and offers, and what of that a linker lacks.

use std::fmt;

use wasmedge_component::plan::{Export, ImportKind, ItemKind};
use wasmedge_component::{Component, LinkError, Linker};

/// An import or an export of a component, or an item of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extern {
    /// Its full name, for an interface with package and version: `wasi:cli/stdout@0.2.6`.
    pub name: String,
    /// What it is.
    pub kind: ExternKind,
    /// What an interface holds, of an imported one its resources and functions only. Empty for everything else.
    pub items: Vec<Self>,
}

/// The kind of an import or an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExternKind {
    /// An instance: of an interface, or without a name of its own.
    Interface,
    /// A function.
    Function,
    /// A resource type.
    Resource,
    /// Another type.
    Type,
}

impl fmt::Display for ExternKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interface => "interface",
            Self::Function => "function",
            Self::Resource => "resource",
            Self::Type => "type",
        })
    }
}

/// Gives what a component imports, in its order.
#[must_use]
pub fn imports(component: &Component) -> Vec<Extern> {
    let plan = component.plan();
    let items = |name: &str| {
        let imports = plan.imports.iter();
        imports
            .filter(|import| import.instance.as_deref() == Some(name))
            .map(|import| Extern {
                name: import.name.clone(),
                kind: kind_of(&import.kind),
                items: Vec::new(),
            })
            .collect()
    };
    let names = plan.import_names.iter();
    names
        .map(|(name, kind)| {
            let (kind, items) = match kind {
                ItemKind::Instance => (ExternKind::Interface, items(name)),
                ItemKind::Function => (ExternKind::Function, Vec::new()),
                ItemKind::Resource => (ExternKind::Resource, Vec::new()),
                ItemKind::Type => (ExternKind::Type, Vec::new()),
            };
            Extern {
                name: name.clone(),
                kind,
                items,
            }
        })
        .collect()
}

fn kind_of(kind: &ImportKind) -> ExternKind {
    match kind {
        ImportKind::Function(_) => ExternKind::Function,
        ImportKind::Resource(_) => ExternKind::Resource,
    }
}

/// Gives what a component exports, in its order.
#[must_use]
pub fn exports(component: &Component) -> Vec<Extern> {
    component.plan().exports.iter().map(describe).collect()
}

/// The translator bounds how deep instances nest, and with it this recursion.
fn describe((name, export): &(String, Export)) -> Extern {
    let mut items = Vec::new();
    let kind = match export {
        Export::Function(_) => ExternKind::Function,
        Export::Resource(_) => ExternKind::Resource,
        Export::Type => ExternKind::Type,
        Export::Instance(inner) => {
            items.extend(inner.iter().map(describe));
            ExternKind::Interface
        }
    };
    Extern {
        name: name.clone(),
        kind,
        items,
    }
}

/// Names in full the imports of a component that a linker cannot serve, all of them, in the component's order; none if it can be linked.
///
/// Versions are matched as at instantiation: `0.2.3` is served by `0.2.6`. An interface of which the linker has nothing at all is
/// one entry.
#[must_use]
pub fn unserved<T: 'static>(component: &Component, linker: &Linker<T>) -> Vec<String> {
    let errors = linker.unserved(component);
    let missing = |full: &str| {
        errors
            .iter()
            .any(|error| matches!(error, LinkError::Missing { name, .. } if name == full))
    };
    let mismatch = |full: &str| {
        errors.iter().find_map(|error| {
            let LinkError::Mismatch { name, found, .. } = error else {
                return None;
            };
            (name == full).then_some(found.as_str())
        })
    };
    let mut lines = Vec::new();
    for import in imports(component) {
        let full = |item: &Extern| format!("{}#{}", import.name, item.name);
        let nothing =
            !import.items.is_empty() && import.items.iter().all(|item| missing(&full(item)));
        if nothing || (import.items.is_empty() && missing(&import.name)) {
            lines.push(format!("{} `{}`", import.kind, import.name));
            continue;
        }
        for item in &import.items {
            let name = full(item);
            let place = format!(
                "{} `{}` of interface `{}`",
                item.kind, item.name, import.name
            );
            if missing(&name) {
                lines.push(place);
            } else if let Some(found) = mismatch(&name) {
                lines.push(format!("{place}: what is defined is {found}"));
            }
        }
    }
    lines
}
