//! Lists a component's imports and exports, and finds the imports that a linker lacks.

use std::collections::HashMap;
use std::convert::Infallible;

use anyhow::Result;
use component_model::engine::Engine;
use component_model::types::{ComponentItem, FuncType, ResourceNames, ResourceTableId};
use component_model::{Component, LinkError, Linker, Type};
use wasmscope_contract::{
    Extern, ExternKind, ImportResolver, MissingImport, NotACommand, NotAHandler, Resolution,
    TypeText,
};

/// Returns a component's imports, in its order. For an interface, this lists only resources,
/// functions, core modules and nested interfaces.
#[must_use]
pub fn imports<E: Engine>(component: &Component<E>) -> Vec<Extern> {
    describe_all(component, component.imports())
}

/// Returns a component's exports, in its order.
#[must_use]
pub fn exports<E: Engine>(component: &Component<E>) -> Vec<Extern> {
    describe_all(component, component.exports())
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
/// use component_model::engine::Engine;
/// use component_model::{AsContextMut, Component, Func, Instance};
///
/// /// Finds the function that runs a command.
/// fn entry<E: Engine>(
///     component: &Component<E>,
///     instance: &Instance<E>,
///     store: impl AsContextMut<Engine = E>,
/// ) -> anyhow::Result<Option<Func<E>>> {
///     let interface = wasmscope_component_otel::command(component)?;
///     Ok(instance.get_func_in(store, &interface, "run"))
/// }
/// ```
pub fn command<E: Engine>(component: &Component<E>) -> Result<String, NotACommand> {
    wasmscope_contract::command(&exports(component)).map(str::to_owned)
}

/// Returns the name of the export that answers HTTP requests: the highest version `0.2.x` of
/// `wasi:http/incoming-handler`, checked by version and type. Call its function `handle`.
///
/// # Errors
///
/// Returns [`NotAHandler`], with the reason, if no export can be called.
pub fn http_handler<E: Engine>(component: &Component<E>) -> Result<String, NotAHandler> {
    wasmscope_contract::http_handler(&exports(component)).map(str::to_owned)
}

fn describe_all<E: Engine>(
    component: &Component<E>,
    items: Vec<(&str, ComponentItem<'_>)>,
) -> Vec<Extern> {
    let types = TypeNames(component.resource_names());
    let items = items.into_iter();
    items
        .map(|(name, item)| describe(name, item, &types))
        .collect()
}

/// The translator bounds the nesting of instances, and so this recursion.
fn describe(name: &str, item: ComponentItem<'_>, types: &TypeNames<'_>) -> Extern {
    match item {
        ComponentItem::ComponentFunc(ty) => Extern {
            ty: Some(types.function(ty)),
            ..Extern::new(name, ExternKind::Function)
        },
        ComponentItem::ComponentInstance(items) => Extern {
            items: items
                .into_iter()
                .map(|(name, item)| describe(name, item, types))
                .collect(),
            ..Extern::new(name, ExternKind::Interface)
        },
        ComponentItem::Resource => Extern::new(name, ExternKind::Resource),
        ComponentItem::Module => Extern::new(name, ExternKind::Module),
        ComponentItem::Type => Extern::new(name, ExternKind::Type),
        // There is no other item.
        _ => Extern::new(name, ExternKind::Type),
    }
}

/// Writes types as text, with the names of a component's resources.
struct TypeNames<'a>(ResourceNames<'a>);

impl TypeNames<'_> {
    /// Returns a function's type in the syntax of WIT.
    fn function(&self, ty: &FuncType) -> String {
        let params = ty.params.iter().map(|(name, ty)| (name.as_str(), ty));
        TypeText::function(false, params, &ty.result, |text, ty| self.write(text, ty))
    }

    fn write(&self, text: &mut TypeText, ty: &Type) {
        if text.is_full() {
            return;
        }
        let each = |text: &mut TypeText, ty: &Type| self.write(text, ty);
        let nothing = |_: &mut TypeText, (): ()| {};
        let resource = |table: &ResourceTableId| self.0.get(*table).unwrap_or("resource");
        match ty {
            Type::List(list) => text.generic("list", [Some(list.ty())], each),
            Type::Tuple(tuple) => text.generic("tuple", tuple.types().iter().map(Some), each),
            Type::Option(option) => text.generic("option", [Some(option.ty())], each),
            Type::Result(result) => text.generic("result", [result.ok(), result.err()], each),
            Type::Record(record) => {
                let fields = record.fields().iter();
                let fields = fields.map(|field| (field.name.as_str(), Some(&field.ty)));
                text.named("record", fields, each);
            }
            Type::Variant(variant) => {
                let cases = variant.cases().iter();
                let cases = cases.map(|case| (case.name.as_str(), case.ty.as_ref()));
                text.named("variant", cases, each);
            }
            Type::Enum(names) => {
                let names = names.names().iter().map(|name| (name.as_str(), None));
                text.named("enum", names, nothing);
            }
            Type::Flags(names) => {
                let names = names.names().iter().map(|name| (name.as_str(), None));
                text.named("flags", names, nothing);
            }
            Type::Own(table) => text.word(resource(table)),
            Type::Borrow(table) => text.generic("borrow", [Some(resource(table))], TypeText::word),
            Type::Bool
            | Type::S8
            | Type::U8
            | Type::S16
            | Type::U16
            | Type::S32
            | Type::U32
            | Type::S64
            | Type::U64
            | Type::Float32
            | Type::Float64
            | Type::Char
            | Type::String => text.word(ty.kind()),
        }
    }
}

/// Returns all imports of a component that a linker cannot serve, in the component's order. The
/// result is empty if the component can be linked.
///
/// Versions match as in instantiation: `0.2.6` serves `0.2.3`. An interface that the linker does
/// not know at all is one entry. If it knows the interface, every function and resource that is
/// missing or has another type is an entry.
///
/// # Errors
///
/// Never fails. Wasmtime's can, and all adapters have the same API.
pub fn missing_imports<T: 'static, E: Engine>(
    component: &Component<E>,
    linker: &Linker<T, E>,
) -> Result<Vec<MissingImport>> {
    let mut resolver = LinkErrors {
        has_interface: |names: &[&str]| linker.has_instance_at(names),
        errors: HashMap::new(),
    };
    for error in linker.missing_imports(component) {
        let (name, resolution) = match error {
            LinkError::Missing { name, .. } => (name, Resolution::Missing),
            LinkError::Mismatch {
                name,
                expected,
                found,
            } => {
                let why = match found.strip_prefix(ANOTHER_TYPE) {
                    Some(why) => why.to_owned(),
                    None => format!("expected {expected}, found {found}"),
                };
                (name, Resolution::Mismatch(why))
            }
            LinkError::Duplicate { .. } => continue,
            _ => continue,
        };
        resolver.errors.entry(name).or_insert(resolution);
    }
    if resolver.errors.is_empty() {
        return Ok(Vec::new());
    }
    let imports = imports(component);
    let mut missing = match wasmscope_contract::missing_imports(&imports, &mut resolver) {
        Ok(missing) => missing,
        Err(never) => match never {},
    };
    // Errors in nested interfaces.
    let mut inner: Vec<MissingImport> = resolver
        .errors
        .into_iter()
        .filter_map(|(name, resolution)| inner_mismatch(&imports, &name, resolution))
        .filter(|inner| missing.iter().all(|other| other.import != inner.import))
        .collect();
    inner.sort_by_key(MissingImport::to_string);
    missing.extend(inner);
    Ok(missing)
}

/// Returns an entry for an item of a nested interface, or `None` for others.
fn inner_mismatch(imports: &[Extern], name: &str, resolution: Resolution) -> Option<MissingImport> {
    let mut names = name.split('#');
    let root = names.next()?;
    let import = imports.iter().find(|import| import.name == root)?;
    let first = names.next();
    names.next()?;
    let item = import
        .items
        .iter()
        .find(|item| Some(item.name.as_str()) == first);
    let why = match resolution {
        Resolution::Mismatch(why) => format!("`{name}`: {why}"),
        Resolution::Missing | Resolution::Match => format!("`{name}` is missing"),
    };
    Some(MissingImport::new(import, item, Some(why)))
}

/// The start of the linker's message about a function of another type.
const ANOTHER_TYPE: &str = "a function of another type: ";

/// The linker's errors about a component.
struct LinkErrors<F> {
    has_interface: F,
    /// The errors by full name.
    errors: HashMap<String, Resolution>,
}

impl<F: Fn(&[&str]) -> bool> ImportResolver for LinkErrors<F> {
    type Error = Infallible;

    fn has_interface(&mut self, name: &str) -> Result<bool, Infallible> {
        Ok((self.has_interface)(&[name]))
    }

    fn resolve(
        &mut self,
        import: &Extern,
        item: Option<&Extern>,
    ) -> Result<Resolution, Infallible> {
        let name = match item {
            Some(item) => format!("{}#{}", import.name, item.name),
            None => import.name.clone(),
        };
        if let Some(resolution) = self.errors.remove(&name) {
            return Ok(resolution);
        }
        if let Some(item) = item
            && item.kind == ExternKind::Interface
            && !(self.has_interface)(&[&import.name, &item.name])
        {
            return Ok(Resolution::Missing);
        }
        Ok(Resolution::Match)
    }
}
