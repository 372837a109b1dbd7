//! Lists a component's imports and exports, and finds those imports that a linker lacks.

mod linker;
mod probe;
mod text;

use wasmscope_contract::{Extern, ExternKind, NotACommand, Unserved};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, ResourceType};
use wasmtime::{Engine, Result};

use linker::Asked;

/// Returns what a component imports, in its order.
#[must_use]
pub fn imports(component: &Component) -> Vec<Extern> {
    let engine = component.engine();
    let ty = component.component_type();
    let items = ty.imports(engine).map(|(name, item)| (name, item.ty));
    describe_all(engine, items)
}

/// Returns what a component exports, in its order.
#[must_use]
pub fn exports(component: &Component) -> Vec<Extern> {
    let engine = component.engine();
    let ty = component.component_type();
    let items = ty.exports(engine).map(|(name, item)| (name, item.ty));
    describe_all(engine, items)
}

/// Returns the name of the export that makes a component a command: the highest version `0.2.x` of
/// `wasi:cli/run`, checked by version and type. It is what to call `run` of.
///
/// # Errors
///
/// Returns [`NotACommand`], which says why, if no export can be run.
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

/// The resources that a component has names for.
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

/// Returns the imports of a component that a linker cannot serve, all of them, in the component's
/// order; none if it can be linked.
///
/// Versions are matched as Wasmtime does at instantiation: `0.2.3` is served by `0.2.6`. An
/// interface that the linker does not know at all is one entry. Of one that it knows, every
/// function and resource that is missing, or has another type, is an entry.
///
/// Takes some tenths of a millisecond for each import, but nothing where all are served.
///
/// # Errors
///
/// Returns an error if the component belongs to another [`Engine`] than the linker.
pub fn unserved<T: 'static>(component: &Component, linker: &Linker<T>) -> Result<Vec<Unserved>> {
    wasmtime::ensure!(
        Engine::same(component.engine(), linker.engine()),
        "component and linker belong to different engines"
    );
    let Err(error) = linker.instantiate_pre(component) else {
        return Ok(Vec::new());
    };
    let (wanted, origins) = wanted(component);
    let mut asked = Asked::new(component, linker, origins);
    let mut unserved = wasmscope_contract::unserved(&wanted, &mut asked)?;
    if unserved.is_empty() {
        unserved.extend(linker::first_mismatch(&wanted, &error));
    }
    Ok(unserved)
}

/// Where a component first imports a resource.
struct Origin {
    resource: ResourceType,
    import: String,
    /// The item of the interface; `None` if the resource is imported by itself.
    item: Option<String>,
}

/// Returns what a component imports, without the resources that an import only passes on from one
/// before it, and where the resources come from.
///
/// `wasi:http/types` has the `input-stream` of `wasi:io/streams` by that name; a linker has it
/// there, and is not asked for another.
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
        // As many as are described, and in their order.
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
