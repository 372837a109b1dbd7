//! Finds the imports of a component that a host does not provide with the right type.

use std::fmt;

use super::{Extern, ExternKind};

/// A linker's answer about an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The item fits the import.
    Fitting,
    /// There is no item of that name.
    Nothing,
    /// The item does not fit, with the engine's reason: `expected u64, found string`.
    Another(String),
}

/// A linker that can be asked about imports.
pub trait Offers {
    /// The engine's error.
    type Error;

    /// Returns whether the linker has an interface of this name, or a compatible version of it.
    ///
    /// # Errors
    ///
    /// Returns an error if the engine cannot tell.
    fn has_interface(&mut self, name: &str) -> Result<bool, Self::Error>;

    /// Looks up an import, or an item of an imported interface.
    ///
    /// An interface is [`Found::Fitting`], also one within another, if there is an interface of
    /// that name. Its items are looked up one by one.
    ///
    /// # Errors
    ///
    /// Returns an error if the engine cannot tell.
    fn find(&mut self, import: &Extern, item: Option<&Extern>) -> Result<Found, Self::Error>;
}

/// An import that a host lacks, or has with another type. Its `Display` gives the full name and the
/// reason.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingImport {
    /// The name of the import: for an interface with package and version.
    pub import: String,
    /// The item of the interface; `None` if the import itself is missing.
    pub item: Option<String>,
    /// The kind of the item, or of the import.
    pub kind: ExternKind,
    /// The type with which the component imports a function.
    pub ty: Option<String>,
    /// The reason why the host's item of that name does not fit; `None` if the host has no such
    /// item.
    pub mismatch: Option<String>,
}

impl MissingImport {
    /// Returns an entry for an import, or for an item of an imported interface. `mismatch` is the
    /// engine's reason if there is an item of that name that does not fit.
    #[must_use]
    pub fn new(import: &Extern, item: Option<&Extern>, mismatch: Option<String>) -> Self {
        let mismatch = mismatch.map(|why| plain(&why));
        let named = item.unwrap_or(import);
        Self {
            import: import.name.clone(),
            item: item.map(|item| item.name.clone()),
            kind: named.kind,
            ty: named.ty.clone(),
            mismatch,
        }
    }
}

/// Unifies the engines' wording: Wasmtime says "expected `u64` found `string`".
fn plain(why: &str) -> String {
    let why = why.replace('`', "");
    if why.starts_with("expected ") && !why.contains(", found ") {
        return why.replacen(" found ", ", found ", 1);
    }
    why
}

impl fmt::Display for MissingImport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            import,
            item,
            kind,
            ty,
            mismatch,
        } = self;
        match item {
            Some(item) => write!(f, "{kind} `{item}` of interface `{import}`")?,
            None => write!(f, "{kind} `{import}`")?,
        }
        match (mismatch, ty) {
            (None, _) => Ok(()),
            (Some(why), None) => write!(f, ": the host has another {kind}: {why}"),
            (Some(why), Some(ty)) => write!(
                f,
                ": the component imports it as `{ty}`, the host has another type: {why}"
            ),
        }
    }
}

/// Returns the imports that a linker lacks, in their order.
///
/// An interface that the linker does not know at all is one entry. If it knows the interface, every
/// item that is missing or different is an entry.
///
/// # Errors
///
/// Returns the error of [`Offers`].
pub fn missing_imports<O: Offers>(
    imports: &[Extern],
    linker: &mut O,
) -> Result<Vec<MissingImport>, O::Error> {
    let mut list = Vec::new();
    for import in imports {
        match import.kind {
            ExternKind::Interface => items(import, linker, &mut list)?,
            ExternKind::Function | ExternKind::Resource | ExternKind::Module => {
                list.extend(lacking(import, None, linker.find(import, None)?));
            }
            ExternKind::Type | ExternKind::Component => {}
        }
    }
    Ok(list)
}

fn items<O: Offers>(
    import: &Extern,
    linker: &mut O,
    list: &mut Vec<MissingImport>,
) -> Result<(), O::Error> {
    if let Found::Another(why) = linker.find(import, None)? {
        list.push(MissingImport::new(import, None, Some(why)));
        return Ok(());
    }
    let needed = |item: &&Extern| item.needs_host();
    let items: Vec<&Extern> = import.items.iter().filter(needed).collect();
    // An interface that has only types needs nothing from the host.
    if !items.is_empty() && !linker.has_interface(&import.name)? {
        list.push(MissingImport::new(import, None, None));
        return Ok(());
    }
    for item in items {
        list.extend(lacking(
            import,
            Some(item),
            linker.find(import, Some(item))?,
        ));
    }
    Ok(())
}

fn lacking(import: &Extern, item: Option<&Extern>, found: Found) -> Option<MissingImport> {
    let mismatch = match found {
        Found::Fitting => return None,
        Found::Nothing => None,
        Found::Another(why) => Some(why),
    };
    Some(MissingImport::new(import, item, mismatch))
}
