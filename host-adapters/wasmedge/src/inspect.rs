//! Lists a component's imports and exports, and finds those imports that a linker lacks.

use std::collections::HashMap;
use std::convert::Infallible;

use wasmedge_component::ids::ResourceTableId;
use wasmedge_component::plan::{Export, ImportKind, ItemKind, Plan};
use wasmedge_component::types::FuncType;
use wasmedge_component::{Component, LinkError, Linker, Type};
use wasmscope_contract::{Extern, ExternKind, Found, NotACommand, Offers, TypeText, Unserved};

/// Returns what a component imports, in its order. Of an interface, only resources and functions
/// are listed.
#[must_use]
pub fn imports(component: &Component) -> Vec<Extern> {
    let plan = component.plan();
    let names = Names::new(plan);
    let mut items: HashMap<Option<&str>, Vec<Extern>> = HashMap::new();
    for import in &plan.imports {
        let (kind, ty) = match &import.kind {
            ImportKind::Function(abi) => (ExternKind::Function, Some(names.function(abi.ty()))),
            ImportKind::Resource(_) => (ExternKind::Resource, None),
        };
        let item = Extern {
            ty,
            ..Extern::new(&import.name, kind)
        };
        items
            .entry(import.instance.as_deref())
            .or_default()
            .push(item);
    }
    let alone = items.remove(&None).unwrap_or_default();
    let import_names = plan.import_names.iter();
    import_names
        .map(|(name, kind)| match kind {
            ItemKind::Instance => Extern {
                items: items.remove(&Some(name.as_str())).unwrap_or_default(),
                ..Extern::new(name, ExternKind::Interface)
            },
            ItemKind::Function | ItemKind::Resource => {
                let found = alone.iter().find(|item| item.name == *name).cloned();
                found.unwrap_or_else(|| Extern::new(name, ExternKind::Function))
            }
            ItemKind::Type => Extern::new(name, ExternKind::Type),
        })
        .collect()
}

/// Returns what a component exports, in its order.
#[must_use]
pub fn exports(component: &Component) -> Vec<Extern> {
    let plan = component.plan();
    let names = Names::new(plan);
    let exports = plan.exports.iter();
    exports.map(|export| describe(export, &names)).collect()
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
/// use wasmedge_component::{Component, Engine};
///
/// # fn main() -> anyhow::Result<()> {
/// // The binary of `(component)`.
/// let component = Component::new(&Engine::default(), b"\0asm\x0d\0\x01\0")?;
/// let not = wasmscope_wasmedge::command(&component).unwrap_err();
/// assert_eq!(not.to_string(), "not a command: it does not export wasi:cli/run@0.2; it exports nothing");
/// # Ok(())
/// # }
/// ```
pub fn command(component: &Component) -> Result<String, NotACommand> {
    wasmscope_contract::command(&exports(component)).map(str::to_owned)
}

/// The translator bounds how deep instances nest, and with it this recursion.
fn describe((name, export): &(String, Export), names: &Names<'_>) -> Extern {
    match export {
        Export::Function(function) => Extern {
            ty: Some(names.function(function.abi.ty())),
            ..Extern::new(name, ExternKind::Function)
        },
        Export::Resource(_) => Extern::new(name, ExternKind::Resource),
        Export::Type => Extern::new(name, ExternKind::Type),
        Export::Instance(inner) => Extern {
            items: inner.iter().map(|export| describe(export, names)).collect(),
            ..Extern::new(name, ExternKind::Interface)
        },
    }
}

/// The names of a component's resources, for types as text.
struct Names<'a> {
    plan: &'a Plan,
    /// By resource.
    resources: HashMap<usize, &'a str>,
}

impl<'a> Names<'a> {
    fn new(plan: &'a Plan) -> Self {
        let mut resources = HashMap::new();
        for import in &plan.imports {
            if let ImportKind::Resource(Some(id)) = import.kind {
                resources.entry(id.index()).or_insert(import.name.as_str());
            }
        }
        let mut names = Self { plan, resources };
        names.add(&plan.exports);
        names
    }

    fn add(&mut self, exports: &'a [(String, Export)]) {
        for (name, export) in exports {
            match export {
                Export::Resource(table) => {
                    if let Some(table) = self.plan.resource_tables.get(table.index()) {
                        self.resources.entry(table.resource.index()).or_insert(name);
                    }
                }
                Export::Instance(inner) => self.add(inner),
                Export::Function(_) | Export::Type => {}
            }
        }
    }

    /// Returns a function's type as WIT writes it.
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
        let resource = |table: &ResourceTableId| {
            let table = self.plan.resource_tables.get(table.index());
            let name = table.and_then(|table| self.resources.get(&table.resource.index()));
            name.copied().unwrap_or("resource")
        };
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

/// Returns the imports of a component that a linker cannot serve, all of them, in the component's
/// order; none if it can be linked.
///
/// Versions are matched as at instantiation: `0.2.3` is served by `0.2.6`. An interface that the
/// linker does not know at all is one entry. Of one that it knows, every function and resource that
/// is missing, or has another type, is an entry.
#[must_use]
pub fn unserved<T: 'static>(component: &Component, linker: &Linker<T>) -> Vec<Unserved> {
    let mut asked = Asked {
        has_interface: |name: &str| linker.has_instance(name),
        errors: HashMap::new(),
    };
    for error in linker.unserved(component) {
        let (name, found) = match error {
            LinkError::Missing { name, .. } => (name, Found::Nothing),
            LinkError::Mismatch {
                name,
                expected,
                found,
            } => {
                let why = match found.strip_prefix(ANOTHER_TYPE) {
                    Some(why) => why.to_owned(),
                    None => format!("expected {expected}, found {found}"),
                };
                (name, Found::Another(why))
            }
            LinkError::Duplicate { .. } => continue,
            _ => continue,
        };
        asked.errors.entry(name).or_insert(found);
    }
    if asked.errors.is_empty() {
        return Vec::new();
    }
    match wasmscope_contract::unserved(&imports(component), &mut asked) {
        Ok(unserved) => unserved,
        Err(never) => match never {},
    }
}

/// How a linker begins to say that a function has another type.
const ANOTHER_TYPE: &str = "a function of another type: ";

/// What a linker has said about a component.
struct Asked<F> {
    has_interface: F,
    /// By full name.
    errors: HashMap<String, Found>,
}

impl<F: Fn(&str) -> bool> Offers for Asked<F> {
    type Error = Infallible;

    fn has_interface(&mut self, name: &str) -> Result<bool, Infallible> {
        Ok((self.has_interface)(name))
    }

    fn find(&mut self, import: &Extern, item: Option<&Extern>) -> Result<Found, Infallible> {
        let name = match item {
            Some(item) => format!("{}#{}", import.name, item.name),
            None => import.name.clone(),
        };
        Ok(self.errors.remove(&name).unwrap_or(Found::Fitting))
    }
}
