//! What a component wants and offers, and what of that a linker lacks.

use std::fmt;

use wasm_encoder::{
    ComponentBuilder, ComponentTypeRef, ComponentValType, InstanceType, PrimitiveValType,
    TypeBounds,
};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, ResourceType};
use wasmtime::{Engine, Result};

/// An import or an export of a component, or an item of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extern {
    /// Its full name, for an interface with package and version: `wasi:cli/stdout@0.2.6`.
    pub name: String,
    /// What it is.
    pub kind: ExternKind,
    /// What an interface holds: types, resources and functions. Empty for everything else.
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

/// Gives what a component imports, in its order.
#[must_use]
pub fn imports(component: &Component) -> Vec<Extern> {
    let engine = component.engine();
    let ty = component.component_type();
    ty.imports(engine)
        .map(|(name, item)| describe(engine, name, &item.ty))
        .collect()
}

/// Gives what a component exports, in its order.
#[must_use]
pub fn exports(component: &Component) -> Vec<Extern> {
    let engine = component.engine();
    let ty = component.component_type();
    ty.exports(engine)
        .map(|(name, item)| describe(engine, name, &item.ty))
        .collect()
}

fn describe(engine: &Engine, name: &str, item: &ComponentItem) -> Extern {
    let mut items = Vec::new();
    let kind = match item {
        ComponentItem::ComponentInstance(instance) => {
            let exports = instance.exports(engine);
            items.extend(exports.map(|(name, item)| describe(engine, name, &item.ty)));
            ExternKind::Interface
        }
        ComponentItem::ComponentFunc(_) | ComponentItem::CoreFunc(_) => ExternKind::Function,
        ComponentItem::Resource(_) => ExternKind::Resource,
        ComponentItem::Type(_) => ExternKind::Type,
        ComponentItem::Module(_) => ExternKind::Module,
        ComponentItem::Component(_) => ExternKind::Component,
    };
    Extern {
        name: name.to_owned(),
        kind,
        items,
    }
}

/// An import that a linker cannot serve; its `Display` names it in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unserved {
    /// The name of the import: for an interface with package and version.
    pub import: String,
    /// What of an interface is lacking; `None` where it is the import itself.
    pub item: Option<String>,
    /// What it is that is lacking.
    pub kind: ExternKind,
    /// Why it does not do, where the linker has something by that name.
    pub mismatch: Option<String>,
}

impl fmt::Display for Unserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            import,
            item,
            kind,
            mismatch,
        } = self;
        match item {
            Some(item) => write!(f, "{kind} `{item}` of interface `{import}`")?,
            None => write!(f, "{kind} `{import}`")?,
        }
        match mismatch {
            Some(mismatch) => write!(f, ": {mismatch}"),
            None => Ok(()),
        }
    }
}

/// Gives the imports of a component that a linker cannot serve, all of them, in the component's order; none if it can be linked.
///
/// Versions are matched as Wasmtime does at instantiation: `0.2.3` is served by `0.2.6`. An interface that the linker does not know at
/// all is one entry.
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
    let mut unserved = Vec::new();
    for import in wanted(component) {
        find_missing(linker, &import, &mut unserved)?;
    }
    if unserved.is_empty() {
        unserved.extend(mismatched(component, &error));
    }
    Ok(unserved)
}

/// Gives what a component imports, without the resources that an import only passes on from one before it.
///
/// `wasi:http/types` has the `input-stream` of `wasi:io/streams` by that name; a linker has it there, and is not asked for another.
fn wanted(component: &Component) -> Vec<Extern> {
    let engine = component.engine();
    let ty = component.component_type();
    let mut known: Vec<ResourceType> = Vec::new();
    let mut is_new = |item: &ComponentItem| {
        let ComponentItem::Resource(resource) = item else {
            return true;
        };
        let is_new = !known.contains(resource);
        known.push(*resource);
        is_new
    };
    let mut wanted = Vec::new();
    for (name, import) in ty.imports(engine) {
        let mut described = describe(engine, name, &import.ty);
        if let ComponentItem::ComponentInstance(instance) = &import.ty {
            // As many as are described, and in their order.
            let mut new = instance.exports(engine).map(|(_, item)| is_new(&item.ty));
            described.items.retain(|_| new.next().unwrap_or(true));
        } else if !is_new(&import.ty) {
            continue;
        }
        wanted.push(described);
    }
    wanted
}

/// Adds what is lacking of one import.
///
/// A linker does not tell what it holds, so it is asked to link, for each item, a component that imports that alone.
fn find_missing<T: 'static>(
    linker: &Linker<T>,
    import: &Extern,
    unserved: &mut Vec<Unserved>,
) -> Result<()> {
    let lacking = |item: Option<&Extern>| Unserved {
        import: import.name.clone(),
        item: item.map(|item| item.name.clone()),
        kind: item.map_or(import.kind, |item| item.kind),
        mismatch: None,
    };
    if import.kind != ExternKind::Interface {
        if matches!(import.kind, ExternKind::Function | ExternKind::Resource)
            && is_missing(linker, &probe(import, None))?
        {
            unserved.push(lacking(None));
        }
        return Ok(());
    }
    let runtime = |item: &&Extern| matches!(item.kind, ExternKind::Function | ExternKind::Resource);
    let items: Vec<&Extern> = import.items.iter().filter(runtime).collect();
    let mut missing = Vec::new();
    for item in &items {
        if is_missing(linker, &probe(import, Some(item)))? {
            missing.push(lacking(Some(item)));
        }
    }
    if !missing.is_empty() && missing.len() == items.len() {
        missing = vec![lacking(None)];
    }
    unserved.append(&mut missing);
    Ok(())
}

/// Whether a probe fails for want of a definition. It fails for other reasons too: a probe's function has a type of its own.
fn is_missing<T: 'static>(linker: &Linker<T>, probe: &[u8]) -> Result<bool> {
    let component = Component::from_binary(linker.engine(), probe)?;
    Ok(match linker.instantiate_pre(&component) {
        Ok(_) => false,
        Err(error) => error
            .root_cause()
            .to_string()
            .ends_with("implementation is missing"),
    })
}

/// Makes a component that imports one function or resource, at its top or in an interface.
fn probe(import: &Extern, item: Option<&Extern>) -> Vec<u8> {
    let mut component = ComponentBuilder::default();
    let Some(item) = item else {
        let ty = if import.kind == ExternKind::Resource {
            ComponentTypeRef::Type(TypeBounds::SubResource)
        } else {
            let (index, mut function) = component.type_function(None);
            function
                .params::<[(&str, ComponentValType); 0], _>([])
                .result(None);
            ComponentTypeRef::Func(index)
        };
        component.import(&import.name, ty);
        return component.finish();
    };
    let mut instance = InstanceType::new();
    // `[method]file.read` is only valid beside a resource `file`, in the shape of a method.
    let resource = if item.kind == ExternKind::Resource {
        Some(item.name.as_str())
    } else {
        item.name
            .split_once(']')
            .map(|(_, name)| name.split('.').next().unwrap_or(name))
    };
    if let Some(resource) = resource {
        instance.export(resource, ComponentTypeRef::Type(TypeBounds::SubResource));
    }
    if item.kind != ExternKind::Resource {
        let handle = instance.type_count();
        let mut params = Vec::new();
        let mut result = None;
        if item.name.starts_with("[method]") {
            instance.ty().defined_type().borrow(0);
            params.push(("self", ComponentValType::Type(handle)));
        } else if item.name.starts_with("[constructor]") {
            instance.ty().defined_type().own(0);
            result = Some(ComponentValType::Type(handle));
        }
        let function = instance.type_count();
        // A parameter that no host function has makes sure of nothing but is cheap to refuse.
        if params.is_empty() && result.is_none() {
            params.push(("probe", ComponentValType::Primitive(PrimitiveValType::Bool)));
        }
        instance.ty().function().params(params).result(result);
        instance.export(&item.name, ComponentTypeRef::Func(function));
    }
    let ty = component.type_instance(None, &instance);
    component.import(&import.name, ComponentTypeRef::Instance(ty));
    component.finish()
}

/// What Wasmtime says is wrong where nothing is missing: it is the first that does not fit.
fn mismatched(component: &Component, error: &wasmtime::Error) -> Option<Unserved> {
    let mut messages = error.chain().map(ToString::to_string);
    let outermost = messages.next().unwrap_or_default();
    let named = |import: &Extern| outermost.contains(&format!("`{}`", import.name));
    let import = imports(component).into_iter().find(named)?;
    let details: Vec<String> = messages.collect();
    let item = import.items.iter().find(|item| {
        details
            .iter()
            .any(|detail| detail.contains(&format!("`{}`", item.name)))
    });
    Some(Unserved {
        kind: item.map_or(import.kind, |item| item.kind),
        item: item.map(|item| item.name.clone()),
        import: import.name.clone(),
        mismatch: Some(details.last().cloned().unwrap_or(outermost.clone())),
    })
}
