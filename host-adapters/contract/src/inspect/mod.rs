//! Lists a component's imports and exports, finds imports that a host lacks, and tells whether the
//! component is a command.
//!
//! The rules are here, without an engine. An adapter describes a component as a list of
//! [`Extern`]s, and answers for its linker through [`ImportResolver`].

mod command;
mod missing_imports;
mod text;

use std::fmt;

pub use command::{NotACommand, NotAHandler, command, http_handler};
pub use missing_imports::{ImportResolver, MissingImport, Resolution, missing_imports};
pub use text::TypeText;

/// An import or an export of a component, or an item of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extern {
    /// The full name, for an interface with package and version: `wasi:cli/stdout@0.2.6`.
    pub name: String,
    /// The kind of item.
    pub kind: ExternKind,
    /// The type of a function, as WIT writes it: `func(span: u64) -> result`. `None` for other
    /// items.
    pub ty: Option<String>,
    /// The types, resources and functions of an interface. Empty for other items.
    pub items: Vec<Self>,
}

impl Extern {
    /// Returns an item without a type and without items.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: ExternKind) -> Self {
        Self {
            name: name.into(),
            kind,
            ty: None,
            items: Vec::new(),
        }
    }

    /// Returns whether a host must provide something for this import. Types alone need nothing.
    pub(crate) fn needs_host(&self) -> bool {
        match self.kind {
            ExternKind::Function | ExternKind::Resource | ExternKind::Module => true,
            // The engines bound the nesting of instances, and so this recursion.
            ExternKind::Interface => self.items.iter().any(Self::needs_host),
            ExternKind::Type | ExternKind::Component => false,
        }
    }

    /// Returns how many items of the interface are of this kind.
    #[must_use]
    pub fn count(&self, kind: ExternKind) -> usize {
        self.items.iter().filter(|item| item.kind == kind).count()
    }
}

/// The kind of an import or an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExternKind {
    /// An instance: of an interface, or without its own name.
    Interface,
    /// A function.
    Function,
    /// A resource type.
    Resource,
    /// Another type.
    Type,
    /// A core module.
    Module,
    /// A component.
    Component,
}

impl fmt::Display for ExternKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interface => "interface",
            Self::Function => "function",
            Self::Resource => "resource",
            Self::Type => "type",
            Self::Module => "module",
            Self::Component => "component",
        })
    }
}
