//! Finds out which items a linker has. Wasmtime's linker cannot list them, so we let it link small
//! components that import one item each.

use wasmscope_contract::{Extern, ExternKind, ImportResolver, MissingImport, Resolution};
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

    /// Looks up a function of an interface, with the type that the component imports. Returns
    /// `None` if no probe can be made with that type.
    fn resolve_function(&self, import: &Extern, item: &Extern) -> Option<Resolution> {
        let function = self.function(import, Some(item))?;
        let probe = probe::function(import, item, &function, &self.origins)?;
        let error = match self.link(&probe).ok()? {
            Ok(()) => return Some(Resolution::Match),
            Err(error) => error,
        };
        let about = |message: &str, name: &str| message.contains(&format!("`{name}`"));
        let mut messages = error.chain().map(ToString::to_string);
        let is_ours = messages.next().is_some_and(|it| about(&it, &import.name))
            && messages.next().is_some_and(|it| about(&it, &item.name));
        is_ours.then(|| resolution(&error))
    }
}

impl<T: 'static> ImportResolver for LinkerProbe<'_, T> {
    type Error = Error;

    fn has_interface(&mut self, name: &str) -> Result<bool> {
        // The probe asks for a function, so the linker reports a mismatch if it has an instance.
        Ok(match self.link(&probe::top(name, ExternKind::Function))? {
            Ok(()) => true,
            Err(error) => resolution(&error) != Resolution::Missing,
        })
    }

    fn resolve(&mut self, import: &Extern, item: Option<&Extern>) -> Result<Resolution> {
        let Some(item) = item else {
            let result = self.link(&probe::top(&import.name, import.kind))?;
            return Ok(untyped_result(import.kind, result));
        };
        if item.kind == ExternKind::Function
            && let Some(resolution) = self.resolve_function(import, item)
        {
            return Ok(resolution);
        }
        if item.kind == ExternKind::Interface {
            // As in `has_interface`.
            let function = Extern::new(&item.name, ExternKind::Function);
            let result = self.link(&probe::item(import, &function))?;
            return Ok(match result.map_err(|error| resolution(&error)) {
                Err(Resolution::Mismatch(why)) if why.ends_with("found instance") => {
                    Resolution::Match
                }
                Err(Resolution::Mismatch(_)) | Ok(()) => {
                    Resolution::Mismatch("expected instance found func".to_owned())
                }
                Err(resolution) => resolution,
            });
        }
        let result = self.link(&probe::item(import, item))?;
        Ok(untyped_result(item.kind, result))
    }
}

/// Interprets the result of a probe with an arbitrary function type: a type mismatch means that the
/// function exists.
fn untyped_result(kind: ExternKind, result: Result<(), Error>) -> Resolution {
    let Err(error) = result else {
        return Resolution::Match;
    };
    let resolution = resolution(&error);
    let kind = if kind == ExternKind::Interface {
        "instance".to_owned()
    } else {
        kind.to_string()
    };
    if let Resolution::Mismatch(why) = &resolution
        && !why.starts_with(&format!("expected {kind} found "))
    {
        return Resolution::Match;
    }
    resolution
}

fn resolution(error: &Error) -> Resolution {
    let why = error.root_cause().to_string();
    if why.ends_with("implementation is missing") {
        return Resolution::Missing;
    }
    Resolution::Mismatch(why)
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
