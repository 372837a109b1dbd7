//! Finds out which items a linker has. Wasmtime's linker cannot list them, so we let it link small
//! components that import one item each.

use wasmscope_contract::{Extern, ExternKind, Found, MissingImport, Offers};
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, Linker};
use wasmtime::{Error, Result};

use super::{Origin, probe};

/// A linker that is probed for a component's imports.
pub(super) struct LinkerProbe<'a, T: 'static> {
    component: &'a Component,
    linker: &'a Linker<T>,
    origins: Vec<Origin>,
}

impl<'a, T: 'static> LinkerProbe<'a, T> {
    pub(super) fn new(
        component: &'a Component,
        linker: &'a Linker<T>,
        origins: Vec<Origin>,
    ) -> Self {
        Self {
            component,
            linker,
            origins,
        }
    }

    /// Links a probe.
    fn link(&self, probe: &[u8]) -> Result<Result<(), Error>> {
        let component = Component::from_binary(self.linker.engine(), probe)?;
        Ok(self.linker.instantiate_pre(&component).map(drop))
    }

    fn function(&self, import: &Extern, item: Option<&Extern>) -> Option<ComponentFunc> {
        let engine = self.component.engine();
        let ty = self.component.component_type();
        let mut found = ty.get_import(engine, &import.name)?.ty;
        if let (Some(item), ComponentItem::ComponentInstance(instance)) = (item, &found) {
            found = instance.get_export(engine, &item.name)?.ty;
        }
        if let ComponentItem::ComponentFunc(function) = found {
            Some(function)
        } else {
            None
        }
    }

    /// Looks for a function of an interface, with the type that the component imports. Returns
    /// `None` if no probe can be made with that type.
    fn find_function(&self, import: &Extern, item: &Extern) -> Option<Found> {
        let function = self.function(import, Some(item))?;
        let probe = probe::function(import, item, &function, &self.origins)?;
        let error = match self.link(&probe).ok()? {
            Ok(()) => return Some(Found::Fitting),
            Err(error) => error,
        };
        let about = |message: &str, name: &str| message.contains(&format!("`{name}`"));
        let mut messages = error.chain().map(ToString::to_string);
        let is_ours = messages.next().is_some_and(|it| about(&it, &import.name))
            && messages.next().is_some_and(|it| about(&it, &item.name));
        is_ours.then(|| found(&error))
    }
}

impl<T: 'static> Offers for LinkerProbe<'_, T> {
    type Error = Error;

    fn has_interface(&mut self, name: &str) -> Result<bool> {
        // The probe asks for a function, so the linker reports a mismatch if it has an instance.
        Ok(match self.link(&probe::top(name, ExternKind::Function))? {
            Ok(()) => true,
            Err(error) => found(&error) != Found::Nothing,
        })
    }

    fn find(&mut self, import: &Extern, item: Option<&Extern>) -> Result<Found> {
        let Some(item) = item else {
            let result = self.link(&probe::top(&import.name, import.kind))?;
            return Ok(untyped_result(import.kind, result));
        };
        if item.kind == ExternKind::Function
            && let Some(found) = self.find_function(import, item)
        {
            return Ok(found);
        }
        if item.kind == ExternKind::Interface {
            // As in `has_interface`.
            let function = Extern::new(&item.name, ExternKind::Function);
            let result = self.link(&probe::item(import, &function))?;
            return Ok(match result.map_err(|error| found(&error)) {
                Err(Found::Another(why)) if why.ends_with("found instance") => Found::Fitting,
                Err(Found::Another(_)) | Ok(()) => {
                    Found::Another("expected instance found func".to_owned())
                }
                Err(found) => found,
            });
        }
        let result = self.link(&probe::item(import, item))?;
        Ok(untyped_result(item.kind, result))
    }
}

/// Interprets the result of a probe with an arbitrary function type: a type mismatch means that the
/// function exists.
fn untyped_result(kind: ExternKind, result: Result<(), Error>) -> Found {
    let Err(error) = result else {
        return Found::Fitting;
    };
    let found = found(&error);
    let kind = if kind == ExternKind::Interface {
        "instance".to_owned()
    } else {
        kind.to_string()
    };
    if let Found::Another(why) = &found
        && !why.starts_with(&format!("expected {kind} found "))
    {
        return Found::Fitting;
    }
    found
}

fn found(error: &Error) -> Found {
    let why = error.root_cause().to_string();
    if why.ends_with("implementation is missing") {
        return Found::Nothing;
    }
    Found::Another(why)
}

/// Interprets Wasmtime's error if the linker accepted every probe. The error is about the first
/// import that does not fit.
pub(super) fn first_mismatch(imports: &[Extern], error: &Error) -> Option<MissingImport> {
    let mut messages = error.chain().map(ToString::to_string);
    let outermost = messages.next().unwrap_or_default();
    let named = |import: &&Extern| outermost.contains(&format!("`{}`", import.name));
    let import = imports.iter().find(named)?;
    let details: Vec<String> = messages.collect();
    let item = import.items.iter().find(|item| {
        details
            .iter()
            .any(|detail| detail.contains(&format!("`{}`", item.name)))
    });
    let why = details.last().cloned().unwrap_or(outermost);
    Some(MissingImport::new(import, item, Some(why)))
}
