//! Lists a component's imports and exports, and finds the imports that a linker lacks.

mod linker;
mod probe;
mod text;

use wasmscope_contract::{Extern, ExternKind, MissingImport, NotACommand, NotAHandler};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, ResourceType};
use wasmtime::{Engine, Result};

use linker::LinkerProbe;

/// Returns a component's imports, in its order.
#[must_use]
pub fn imports(component: &Component) -> Vec<Extern> {
    let engine = component.engine();
    let ty = component.component_type();
    let items = ty.imports(engine).map(|(name, item)| (name, item.ty));
    describe_all(engine, items)
}

/// Returns a component's exports, in its order.
#[must_use]
pub fn exports(component: &Component) -> Vec<Extern> {
    let engine = component.engine();
    let ty = component.component_type();
    let items = ty.exports(engine).map(|(name, item)| (name, item.ty));
    describe_all(engine, items)
}

/// Returns the name of the export that makes a component a command: the highest version `0.2.x` of
/// `wasi:cli/run`, checked by version and type. Call its function `run`.
///
/// # Errors
///
/// Returns [`NotACommand`], with the reason, if no export can be run.
///
/// # Examples
///
/// ```
/// use wasmtime::{Engine, component::Component};
///
/// # fn main() -> wasmtime::Result<()> {
/// // The binary of `(component)`.
/// let component = Component::new(&Engine::default(), b"\0asm\x0d\0\x01\0")?;
/// let not = wasmscope_wasmtime::command(&component).unwrap_err();
/// assert_eq!(not.to_string(), "not a command: it does not export wasi:cli/run@0.2; it exports nothing");
/// # Ok(())
/// # }
/// ```
pub fn command(component: &Component) -> Result<String, NotACommand> {
    wasmscope_contract::command(&exports(component)).map(str::to_owned)
}

/// Returns the name of the export that answers HTTP requests: the highest version `0.2.x` of
/// `wasi:http/incoming-handler`, checked by version and type. Call its function `handle`.
///
/// # Errors
///
/// Returns [`NotAHandler`], with the reason, if no export can be called.
pub fn http_handler(component: &Component) -> Result<String, NotAHandler> {
    wasmscope_contract::http_handler(&exports(component)).map(str::to_owned)
}

/// The names of the component's resources.
type Names = Vec<(ResourceType, String)>;

fn describe_all<'a>(
    engine: &Engine,
    items: impl Iterator<Item = (&'a str, ComponentItem)>,
) -> Vec<Extern> {
    let mut names = Names::new();
    items
        .map(|(name, item)| describe(engine, name, &item, &mut names))
        .collect()
}

fn describe(engine: &Engine, name: &str, item: &ComponentItem, names: &mut Names) -> Extern {
    let mut described = Extern::new(name, ExternKind::Type);
    described.kind = match item {
        ComponentItem::ComponentInstance(instance) => {
            for (name, item) in instance.exports(engine) {
                described
                    .items
                    .push(describe(engine, name, &item.ty, names));
            }
            ExternKind::Interface
        }
        ComponentItem::ComponentFunc(function) => {
            described.ty = Some(text::function(function, names));
            ExternKind::Function
        }
        ComponentItem::CoreFunc(_) => ExternKind::Function,
        ComponentItem::Resource(resource) => {
            names.push((*resource, name.to_owned()));
            ExternKind::Resource
        }
        ComponentItem::Type(_) => ExternKind::Type,
        ComponentItem::Module(_) => ExternKind::Module,
        ComponentItem::Component(_) => ExternKind::Component,
    };
    described
}

/// Returns all imports of a component that a linker cannot serve, in the component's order. The
/// result is empty if the component can be linked.
///
/// Versions match as in Wasmtime's instantiation: `0.2.6` serves `0.2.3`. An interface that the
/// linker does not know at all is one entry. If it knows the interface, every function and resource
/// that is missing or has another type is an entry.
///
/// This takes some tenths of a millisecond for each import, and almost no time if nothing is
/// lacking.
///
/// # Errors
///
/// Returns an error if the component belongs to another [`Engine`] than the linker.
pub fn missing_imports<T: 'static>(
    component: &Component,
    linker: &Linker<T>,
) -> Result<Vec<MissingImport>> {
    wasmtime::ensure!(
        Engine::same(component.engine(), linker.engine()),
        "component and linker belong to different engines"
    );
    let Err(error) = linker.instantiate_pre(component) else {
        return Ok(Vec::new());
    };
    let (wanted, origins) = wanted(component);
    let mut linker_probe = LinkerProbe::new(component, linker, origins);
    let mut missing = wasmscope_contract::missing_imports(&wanted, &mut linker_probe)?;
    if missing.is_empty() {
        missing.extend(linker::first_mismatch(&wanted, &error));
    }
    Ok(missing)
}

/// The first import of a resource.
struct Origin {
    resource: ResourceType,
    import: String,
    /// The item of the interface. `None` if the resource is imported directly.
    item: Option<String>,
}

/// Returns a component's imports, and the origins of its resources. Left out are resources that an
/// interface only reexports from an earlier import.
///
/// For example, `wasi:http/types` names the `input-stream` of `wasi:io/streams`. A linker defines
/// it in the latter, and need not define another.
fn wanted(component: &Component) -> (Vec<Extern>, Vec<Origin>) {
    let engine = component.engine();
    let ty = component.component_type();
    let mut origins: Vec<Origin> = Vec::new();
    let mut is_new = |item: &ComponentItem, import: &str, name: Option<&str>| {
        let ComponentItem::Resource(resource) = item else {
            return true;
        };
        let is_new = !origins.iter().any(|origin| origin.resource == *resource);
        if is_new {
            origins.push(Origin {
                resource: *resource,
                import: import.to_owned(),
                item: name.map(str::to_owned),
            });
        }
        is_new
    };
    let mut wanted = imports(component);
    let mut types = ty.imports(engine);
    wanted.retain_mut(|described| {
        // The same number, in the same order, as in the description.
        let Some((name, import)) = types.next() else {
            return true;
        };
        if let ComponentItem::ComponentInstance(instance) = &import.ty {
            let mut items = instance.exports(engine);
            described.items.retain(|_| {
                items
                    .next()
                    .is_none_or(|(item, found)| is_new(&found.ty, name, Some(item)))
            });
            return true;
        }
        is_new(&import.ty, name, None)
    });
    drop(types);
    (wanted, origins)
}
