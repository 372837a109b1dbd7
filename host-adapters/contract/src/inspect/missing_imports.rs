//! Finds the imports of a component that a host does not provide with the right type.

use std::fmt;

use super::{Extern, ExternKind};

/// The result of looking up an import in a linker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// The linker has an item that fits the import.
    Match,
    /// The linker has no item of that name.
    Missing,
    /// The item does not fit, with the engine's reason: `expected u64, found string`.
    Mismatch(String),
}

/// Looks up a component's imports in a linker. Each adapter has one for its engine.
pub trait ImportResolver {
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
    /// An interface, also one within another, is a [`Match`](Resolution::Match) if there is an
    /// interface of that name. Its items are looked up one by one.
    ///
    /// # Errors
    ///
    /// Returns an error if the engine cannot tell.
    fn resolve(
        &mut self,
        import: &Extern,
        item: Option<&Extern>,
    ) -> Result<Resolution, Self::Error>;
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
/// Returns the error of [`ImportResolver`].
pub fn missing_imports<R: ImportResolver>(
    imports: &[Extern],
    linker: &mut R,
) -> Result<Vec<MissingImport>, R::Error> {
    let mut list = Vec::new();
    for import in imports {
        match import.kind {
            ExternKind::Interface => items(import, linker, &mut list)?,
            ExternKind::Function | ExternKind::Resource | ExternKind::Module => {
                list.extend(lacking(import, None, linker.resolve(import, None)?));
            }
            ExternKind::Type | ExternKind::Component => {}
        }
    }
    Ok(list)
}

fn items<R: ImportResolver>(
    import: &Extern,
    linker: &mut R,
    list: &mut Vec<MissingImport>,
) -> Result<(), R::Error> {
    if let Resolution::Mismatch(why) = linker.resolve(import, None)? {
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
            linker.resolve(import, Some(item))?,
        ));
    }
    Ok(())
}

fn lacking(
    import: &Extern,
    item: Option<&Extern>,
    resolution: Resolution,
) -> Option<MissingImport> {
    let mismatch = match resolution {
        Resolution::Match => return None,
        Resolution::Missing => None,
        Resolution::Mismatch(why) => Some(why),
    };
    Some(MissingImport::new(import, item, mismatch))
}
