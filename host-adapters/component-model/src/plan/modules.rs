//! Core modules that a component imports or exports, and the check that a module fits an import.

use std::collections::HashMap;
use std::sync::Arc;

use wasmtime_environ::component::{ComponentTypes, TypeModuleIndex};
use wasmtime_environ::wasmparser::types::{EntityType as Actual, TypesRef};
use wasmtime_environ::wasmparser::{Parser, Payload, Validator};
use wasmtime_environ::{EngineOrModuleTypeIndex, EntityType, IndexType, WasmValType};

use super::features::{refusal, supported};
use super::link::link;
use super::{CoreDef, CoreModule};
use crate::error::LoadError;
use crate::ids::ModuleImportId;

/// A core module that a component imports.
#[derive(Debug)]
pub(crate) struct ModuleImport {
    /// The path of names to it: the instances that contain it, outermost first, and its own name.
    pub names: Vec<String>,
    /// The declared type.
    pub ty: ModuleType,
}

impl ModuleImport {
    /// Returns the full name: `a:b/c@1.0.0#module`, or the module's name if it is imported by
    /// itself.
    pub(crate) fn full_name(&self) -> String {
        crate::link::full_name(self.names.iter().map(String::as_str))
    }
}

/// A core module that a component exports.
#[derive(Debug, Clone)]
pub(crate) enum ModuleExport {
    /// One of the component's own, as its binary.
    Own(Arc<[u8]>),
    /// One that the component imports.
    Imported(ModuleImportId),
}

/// The imports and exports of a core module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ModuleType {
    imports: Vec<((String, String), CoreItem)>,
    exports: Vec<(String, CoreItem)>,
}

/// An import or an export of a core module.
#[derive(Debug, Clone, PartialEq, Eq)]
enum CoreItem {
    /// A function, with its type.
    Function(String),
    /// A global, with its type and its mutability.
    Global(String, bool),
    /// A memory, with its kind and its limits in pages.
    Memory(String, Limits),
    /// A table, with its element type and its limits.
    Table(String, Limits),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limits {
    minimum: u64,
    maximum: Option<u64>,
}

impl Limits {
    fn fit(self, wanted: Self) -> bool {
        let below = |maximum| self.maximum.is_some_and(|own| own <= maximum);
        self.minimum >= wanted.minimum && wanted.maximum.is_none_or(below)
    }
}

impl CoreItem {
    fn fits(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (Self::Memory(kind, limits), Self::Memory(wanted, within))
            | (Self::Table(kind, limits), Self::Table(wanted, within)) => {
                kind == wanted && limits.fit(*within)
            }
            _ => self == wanted,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Function(_) => "function",
            Self::Global(..) => "global",
            Self::Memory(..) => "memory",
            Self::Table(..) => "table",
        }
    }

    /// Compares an item with the wanted one; `what` is its name in messages.
    fn check(&self, wanted: &Self, what: &str) -> Result<(), String> {
        if self.fits(wanted) {
            return Ok(());
        }
        if self.kind() == wanted.kind() {
            return Err(format!("{what} is a {} of another type", self.kind()));
        }
        let (found, wanted) = (self.kind(), wanted.kind());
        Err(format!("{what} is a {found}, expected a {wanted}"))
    }
}

impl ModuleType {
    /// Reads the type of a module, and validates it.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, LoadError> {
        if !Parser::is_core_wasm(bytes) {
            return Err(LoadError::invalid("the bytes are not a core module"));
        }
        let mut validator = Validator::new_with_features(supported());
        let types = validator
            .validate_all(bytes)
            .map_err(|error| refusal(bytes, &error.to_string()))?;
        let types = types.as_ref();
        let mut ty = Self::default();
        for (module, name, item) in types.core_imports().into_iter().flatten() {
            let name = (module.to_owned(), name.to_owned());
            ty.imports.push((name, actual(types, item)?));
        }
        for (name, item) in types.core_exports().into_iter().flatten() {
            ty.exports.push((name.to_owned(), actual(types, item)?));
        }
        Ok(ty)
    }

    pub(super) fn wanted(
        types: &ComponentTypes,
        index: TypeModuleIndex,
    ) -> Result<Self, LoadError> {
        let mut ty = Self::default();
        for (name, item) in &types[index].imports {
            ty.imports.push((name.clone(), wanted(types, item)?));
        }
        for (name, item) in &types[index].exports {
            ty.exports.push((name.clone(), wanted(types, item)?));
        }
        Ok(ty)
    }

    /// Checks that a module of this type can be used as one of the wanted type: it has at least the
    /// wanted exports, and at most the wanted imports.
    ///
    /// # Errors
    ///
    /// A description of the first mismatch.
    pub(crate) fn fits(&self, wanted: &Self) -> Result<(), String> {
        let own: HashMap<_, _> = self
            .exports
            .iter()
            .map(|(name, item)| (name, item))
            .collect();
        for (name, item) in &wanted.exports {
            let what = format!("its export `{name}`");
            let found = own.get(name).ok_or_else(|| format!("{what} is missing"))?;
            found.check(item, &what)?;
        }
        let given: HashMap<_, _> = wanted
            .imports
            .iter()
            .map(|(name, item)| (name, item))
            .collect();
        for (name, item) in &self.imports {
            let what = format!("its import `{}` from `{}`", name.1, name.0);
            let given = given
                .get(name)
                .ok_or_else(|| format!("{what} is not provided"))?;
            given.check(item, &what)?;
        }
        Ok(())
    }
}

/// Links an imported module, in the same way as the component's own modules.
pub(crate) fn link_imported(
    bytes: &[u8],
    given: &[((String, String), CoreDef)],
) -> Result<CoreModule, LoadError> {
    let given: HashMap<(&str, &str), &CoreDef> = given
        .iter()
        .map(|((module, name), def)| ((module.as_str(), name.as_str()), def))
        .collect();
    // In the order of the binary, which may import a name twice.
    let mut imports = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        if let Payload::ImportSection(section) = payload.map_err(LoadError::invalid)? {
            for import in section.into_imports() {
                let import = import.map_err(LoadError::invalid)?;
                let def = given.get(&(import.module, import.name)).copied();
                let missing =
                    || LoadError::invalid("a core module has an import that is not provided");
                imports.push(def.ok_or_else(missing)?.clone());
            }
        }
    }
    link(bytes, &imports, false)
}

fn text<T: std::fmt::Display>(types: &[T]) -> String {
    let types: Vec<String> = types.iter().map(T::to_string).collect();
    types.join(" ")
}

fn memory(is_64: bool, is_shared: bool) -> String {
    format!("64-bit: {is_64}, shared: {is_shared}")
}

fn wanted(types: &ComponentTypes, item: &EntityType) -> Result<CoreItem, LoadError> {
    let limits = |limits: &wasmtime_environ::Limits| Limits {
        minimum: limits.min,
        maximum: limits.max,
    };
    Ok(match item {
        EntityType::Function(EngineOrModuleTypeIndex::Module(index)) => {
            let ty = types.module_types()[*index].unwrap_func();
            CoreItem::Function(format!("{} -> {}", text(ty.params()), text(ty.results())))
        }
        EntityType::Function(_) => {
            return Err(LoadError::invalid(
                "a function type that is not the component's",
            ));
        }
        EntityType::Global(global) => {
            CoreItem::Global(global.wasm_ty.to_string(), global.mutability)
        }
        EntityType::Memory(ty) => CoreItem::Memory(
            memory(ty.idx_type == IndexType::I64, ty.shared),
            limits(&ty.limits),
        ),
        EntityType::Table(table) => CoreItem::Table(
            WasmValType::Ref(table.ref_type).to_string(),
            limits(&table.limits),
        ),
        EntityType::Tag(_) => return Err(LoadError::unsupported("exception handling")),
    })
}

fn actual(types: TypesRef<'_>, item: Actual) -> Result<CoreItem, LoadError> {
    Ok(match item {
        Actual::Func(id) | Actual::FuncExact(id) => {
            let ty = types.get(id).map(|ty| ty.unwrap_func());
            let ty = ty.ok_or_else(|| LoadError::invalid("a function without a type"))?;
            CoreItem::Function(format!("{} -> {}", text(ty.params()), text(ty.results())))
        }
        Actual::Global(global) => CoreItem::Global(global.content_type.to_string(), global.mutable),
        Actual::Memory(ty) => CoreItem::Memory(
            memory(ty.memory64, ty.shared),
            Limits {
                minimum: ty.initial,
                maximum: ty.maximum,
            },
        ),
        Actual::Table(table) => CoreItem::Table(
            wasmtime_environ::wasmparser::ValType::Ref(table.element_type).to_string(),
            Limits {
                minimum: table.initial,
                maximum: table.maximum,
            },
        ),
        Actual::Tag(_) => return Err(LoadError::unsupported("exception handling")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;

    fn fits(module: &str, wanted: &str) -> Result<(), String> {
        let component = format!("(component (import \"m\" (core module {wanted})))");
        let plan = Plan::new(&wat::parse_str(component).unwrap()).unwrap();
        let module = format!("(module {module})");
        let found = ModuleType::read(&wat::parse_str(module).unwrap()).unwrap();
        found.fits(&plan.imported_modules[0].ty)
    }

    #[test]
    fn a_module_with_more_exports_and_fewer_imports_fits() {
        for (module, wanted) in [
            ("", ""),
            ("(func (export \"f\"))", ""),
            ("", "(import \"a\" \"b\" (func))"),
            (
                "(import \"a\" \"b\" (func (param i32)))",
                "(import \"a\" \"b\" (func (param i32)))",
            ),
            ("(memory (export \"m\") 2 3)", "(export \"m\" (memory 1 4))"),
            ("(memory (export \"m\") 2 3)", "(export \"m\" (memory 1))"),
            (
                "(import \"a\" \"m\" (memory 1))",
                "(import \"a\" \"m\" (memory 2 3))",
            ),
            (
                "(table (export \"t\") 2 funcref)",
                "(export \"t\" (table 1 funcref))",
            ),
            (
                "(global (export \"g\") v128 (v128.const i32x4 0 0 0 0))",
                "(export \"g\" (global v128))",
            ),
        ] {
            assert_eq!(fits(module, wanted), Ok(()), "{module} as {wanted}");
        }
    }

    #[test]
    fn mismatches_are_named() {
        for (module, wanted, why) in [
            ("", "(export \"f\" (func))", "its export `f` is missing"),
            (
                "(import \"a\" \"b\" (func))",
                "",
                "its import `b` from `a` is not provided",
            ),
            (
                "(func (export \"f\") (param i32))",
                "(export \"f\" (func (param i64)))",
                "its export `f` is a function of another type",
            ),
            (
                "(memory (export \"f\") 1)",
                "(export \"f\" (func))",
                "its export `f` is a memory, expected a function",
            ),
            (
                "(memory (export \"m\") 1)",
                "(export \"m\" (memory 2))",
                "its export `m` is a memory of another type",
            ),
            (
                "(memory (export \"m\") 1)",
                "(export \"m\" (memory 1 1))",
                "its export `m` is a memory of another type",
            ),
            (
                "(import \"a\" \"m\" (memory 2))",
                "(import \"a\" \"m\" (memory 1))",
                "its import `m` from `a` is a memory of another type",
            ),
            (
                "(table (export \"t\") 1 funcref)",
                "(export \"t\" (table 1 externref))",
                "its export `t` is a table of another type",
            ),
            (
                "(global (export \"g\") i32 (i32.const 0))",
                "(export \"g\" (global (mut i32)))",
                "its export `g` is a global of another type",
            ),
        ] {
            assert_eq!(
                fits(module, wanted),
                Err(why.to_owned()),
                "{module} as {wanted}"
            );
        }
    }

    #[test]
    fn other_bytes_are_refused_as_a_core_module() {
        let component = wat::parse_str("(component)").unwrap();
        let error = ModuleType::read(&component).unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid component: the bytes are not a core module"
        );
        let memory = wat::parse_str("(module (memory i64 1))").unwrap();
        let error = ModuleType::read(&memory).unwrap_err();
        assert_eq!(error, LoadError::unsupported("64-bit memories"));
    }
}
