//! Resolves the shims of `wit-component`.
//!
//! A host function that needs the memory of the module that calls it cannot exist before that
//! module. `wit-component` therefore has the module import the function from a shim. The shim calls
//! through a table, which another module fills later and does nothing else. In a plan both are
//! known, so the module imports the host function directly. This saves a call through an
//! interpreted function, because modules that share tables are not compiled.
//!
//! A guest that calls such a function before the table is filled would trap at the empty slot. With
//! the shim resolved, it traps because the memory does not exist yet.

use std::collections::HashMap;

use wasmtime_environ::wasmparser::{
    ElementItems, ElementKind, ExternalKind, FuncType, FunctionBody, Operator, Parser, Payload,
    TypeRef,
};

use super::{CoreDef, CoreExport};
use crate::ids::CoreInstanceId;

/// The functions of shims, each with the definition that it calls.
pub(super) type Shims = HashMap<CoreExport, CoreDef>;

/// An instantiated core module with its imports.
pub(super) struct Instantiated<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) imports: Vec<CoreDef>,
}

/// Finds the shims among core instances, which are numbered from zero.
pub(super) fn find(instances: &[Instantiated<'_>]) -> Shims {
    let users = users(instances);
    let mut shims = Shims::new();
    for (number, candidate) in (0..).zip(instances) {
        let Some(shim) = Shim::read(candidate) else {
            continue;
        };
        let of_shim = |name: &str| CoreExport {
            instance: CoreInstanceId(number),
            name: name.to_owned(),
        };
        let table = CoreDef::Export(of_shim(&shim.table));
        let Some([filler]) = users.get(&table).map(Vec::as_slice) else {
            continue;
        };
        let Some(entries) = read_filler(filler, &table) else {
            continue;
        };
        for (name, slot, ty) in shim.functions {
            if let Some((def @ CoreDef::Trampoline(_), found)) = entries.get(slot)
                && *found == ty
            {
                shims.insert(of_shim(&name), def.clone());
            }
        }
    }
    shims
}

/// Returns the instances that import each definition.
fn users<'s, 'a>(
    instances: &'s [Instantiated<'a>],
) -> HashMap<&'s CoreDef, Vec<&'s Instantiated<'a>>> {
    let mut users = HashMap::<_, Vec<&Instantiated<'_>>>::new();
    for instance in instances {
        for def in &instance.imports {
            let users = users.entry(def).or_default();
            if !users
                .last()
                .is_some_and(|last| std::ptr::eq(*last, instance))
            {
                users.push(instance);
            }
        }
    }
    users
}

/// A module with a table, and functions that only call its entries.
struct Shim {
    /// The name of the table.
    table: String,
    /// The exported functions: the name, the table slot and the type of each.
    functions: Vec<(String, usize, FuncType)>,
}

impl Shim {
    fn read(candidate: &Instantiated<'_>) -> Option<Self> {
        if !candidate.imports.is_empty() {
            return None;
        }
        let (mut types, mut functions, mut bodies) = (Vec::new(), Vec::new(), Vec::new());
        let (mut tables, mut exports) = (0_u32, Vec::new());
        for payload in Parser::new(0).parse_all(candidate.bytes) {
            #[expect(
                clippy::wildcard_enum_match_arm,
                reason = "a module with anything else is no shim"
            )]
            match payload.ok()? {
                Payload::TypeSection(section) => {
                    for ty in section.into_iter_err_on_gc_types() {
                        types.push(ty.ok()?);
                    }
                }
                Payload::FunctionSection(section) => {
                    for ty in section {
                        functions.push(types.get(index(ty.ok()?))?.clone());
                    }
                }
                Payload::TableSection(section) => {
                    tables = section.count().saturating_add(tables);
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export.ok()?;
                        exports.push((export.name.to_owned(), export.kind, export.index));
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    let ty = functions.get(bodies.len())?;
                    bodies.push(called_slot(&body, &types, ty)?);
                }
                Payload::Version { .. }
                | Payload::CodeSectionStart { .. }
                | Payload::CustomSection(_)
                | Payload::End(_) => {}
                _ => return None,
            }
        }
        let mut table = None;
        let mut named = Vec::new();
        for (name, kind, item) in exports {
            match kind {
                ExternalKind::Table if table.is_none() => table = Some(name),
                ExternalKind::Func => {
                    let item = index(item);
                    named.push((name, *bodies.get(item)?, functions.get(item)?.clone()));
                }
                ExternalKind::Table
                | ExternalKind::FuncExact
                | ExternalKind::Memory
                | ExternalKind::Global
                | ExternalKind::Tag => return None,
            }
        }
        Some(Self {
            table: table.filter(|_| tables == 1)?,
            functions: named,
        })
    }
}

/// Returns the slot in the only table whose function a body calls with its own arguments, if it
/// does nothing else.
fn called_slot(body: &FunctionBody<'_>, types: &[FuncType], ty: &FuncType) -> Option<usize> {
    if body.get_locals_reader().ok()?.get_count() != 0 {
        return None;
    }
    let mut operators = body.get_operators_reader().ok()?;
    for parameter in 0..u32::try_from(ty.params().len()).ok()? {
        let Operator::LocalGet { local_index } = operators.read().ok()? else {
            return None;
        };
        if local_index != parameter {
            return None;
        }
    }
    let Operator::I32Const { value } = operators.read().ok()? else {
        return None;
    };
    let Operator::CallIndirect {
        type_index,
        table_index: 0,
    } = operators.read().ok()?
    else {
        return None;
    };
    let fits = types.get(index(type_index)) == Some(ty);
    let ends = matches!(operators.read().ok()?, Operator::End) && operators.eof();
    (fits && ends).then(|| usize::try_from(value).ok())?
}

/// Returns the entries that a module writes to the start of a table, each with its type, if it does
/// nothing else.
fn read_filler(filler: &Instantiated<'_>, table: &CoreDef) -> Option<Vec<(CoreDef, FuncType)>> {
    let (mut types, mut functions) = (Vec::new(), Vec::new());
    let (mut fills, mut entries) = (false, None);
    for payload in Parser::new(0).parse_all(filler.bytes) {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "a module with anything else does more"
        )]
        match payload.ok()? {
            Payload::TypeSection(section) => {
                for ty in section.into_iter_err_on_gc_types() {
                    types.push(ty.ok()?);
                }
            }
            Payload::ImportSection(section) => {
                for (import, def) in section.into_imports().zip(&filler.imports) {
                    match import.ok()?.ty {
                        TypeRef::Func(ty) => {
                            functions.push((def.clone(), types.get(index(ty))?.clone()));
                        }
                        TypeRef::Table(_) if def == table && !fills => fills = true,
                        _ => return None,
                    }
                }
            }
            Payload::ElementSection(section) => {
                let mut elements = section.into_iter();
                let (Some(element), None) = (elements.next(), elements.next()) else {
                    return None;
                };
                let element = element.ok()?;
                let ElementKind::Active {
                    table_index: None | Some(0),
                    offset_expr,
                } = element.kind
                else {
                    return None;
                };
                let mut offset = offset_expr.get_operators_reader();
                if !matches!(offset.read().ok()?, Operator::I32Const { value: 0 })
                    || !matches!(offset.read().ok()?, Operator::End)
                {
                    return None;
                }
                let ElementItems::Functions(items) = element.items else {
                    return None;
                };
                let items = items
                    .into_iter()
                    .map(|item| functions.get(index(item.ok()?)).cloned());
                entries = Some(items.collect::<Option<Vec<_>>>()?);
            }
            Payload::Version { .. } | Payload::CustomSection(_) | Payload::End(_) => {}
            _ => return None,
        }
    }
    entries.filter(|_| fills)
}

fn index(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}
