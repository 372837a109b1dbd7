//! Renders the contract as `docs/wit.md`.

use anyhow::{Context as _, Result};
use std::fmt::Write as _;
use wit_component::{Output, OutputToString, WitPrinter};
use wit_parser::{
    Docs, Function, InterfaceId, PackageId, Resolve, Type, TypeDef, TypeDefKind, World, WorldItem,
    WorldKey,
};

/// Renders a package: each interface with its types and functions, then the worlds.
///
/// # Errors
///
/// Fails if an item of the contract has no documentation.
pub(crate) fn render(resolve: &Resolve, package: PackageId) -> Result<String> {
    let mut text = String::new();
    let package = &resolve.packages[package];
    writeln!(text, "# `{}`\n", package.name)?;
    text.push_str(
        "This page is generated from [`wit/`](../wit) by `cargo xtask wit --bless`. If it is out of date, `cargo xtask test` fails. \
         [`wit/README.md`](../wit/README.md) gives the reasons for the contract's design.\n",
    );
    for (name, interface) in &package.interfaces {
        render_interface(&mut text, resolve, name, *interface)?;
    }
    text.push_str("\n## Worlds\n\n| world | imports | for |\n|---|---|---|\n");
    for (name, world) in &package.worlds {
        let world = &resolve.worlds[*world];
        let docs = one_line(documented(&world.docs, name)?);
        writeln!(text, "| `{name}` | {} | {docs} |", imports(resolve, world))?;
    }
    Ok(text)
}

fn render_interface(
    text: &mut String,
    resolve: &Resolve,
    name: &str,
    id: InterfaceId,
) -> Result<()> {
    let interface = &resolve.interfaces[id];
    writeln!(
        text,
        "\n## `{name}`\n\n{}",
        documented(&interface.docs, name)?
    )?;
    for (type_name, type_id) in &interface.types {
        let definition = &resolve.types[*type_id];
        if is_use(resolve, id, definition) {
            continue;
        }
        let path = format!("{name}.{type_name}");
        writeln!(
            text,
            "\n### {} `{type_name}`{}\n\n{}",
            keyword(definition),
            alias(resolve, definition)?,
            documented(&definition.docs, &path)?
        )?;
        render_members(text, resolve, definition, &path)?;
    }
    for function in interface.functions.values() {
        let path = format!("{name}.{}", function.name);
        writeln!(text, "\n### func `{}`\n", function.name)?;
        writeln!(text, "```wit\n{}\n```\n", signature(resolve, function)?)?;
        writeln!(text, "{}", documented(&function.docs, &path)?)?;
    }
    Ok(())
}

/// Renders the fields, cases or flags of a type as a table.
fn render_members(
    text: &mut String,
    resolve: &Resolve,
    definition: &TypeDef,
    path: &str,
) -> Result<()> {
    let mut members: Vec<(&str, Option<Type>, &Docs)> = Vec::new();
    if let TypeDefKind::Record(record) = &definition.kind {
        members.extend(
            record
                .fields
                .iter()
                .map(|field| (field.name.as_str(), Some(field.ty), &field.docs)),
        );
    } else if let TypeDefKind::Variant(variant) = &definition.kind {
        members.extend(
            variant
                .cases
                .iter()
                .map(|case| (case.name.as_str(), case.ty, &case.docs)),
        );
    } else if let TypeDefKind::Enum(cases) = &definition.kind {
        members.extend(
            cases
                .cases
                .iter()
                .map(|case| (case.name.as_str(), None, &case.docs)),
        );
    } else if let TypeDefKind::Flags(flags) = &definition.kind {
        members.extend(
            flags
                .flags
                .iter()
                .map(|flag| (flag.name.as_str(), None, &flag.docs)),
        );
    } else {
        return Ok(());
    }
    text.push_str("\n| | type | |\n|---|---|---|\n");
    for (name, ty, docs) in members {
        let ty = match ty {
            Some(ty) => format!("`{}`", type_name(resolve, &ty)?),
            None => String::new(),
        };
        writeln!(
            text,
            "| `{name}` | {ty} | {} |",
            one_line(documented(docs, &format!("{path}.{name}"))?)
        )?;
    }
    Ok(())
}

fn documented<'a>(docs: &'a Docs, path: &str) -> Result<&'a str> {
    let contents = docs
        .contents
        .as_deref()
        .map(str::trim)
        .filter(|text| !text.is_empty());
    contents.with_context(|| format!("wit/: `{path}` has no documentation"))
}

fn one_line(docs: &str) -> String {
    docs.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

fn keyword(definition: &TypeDef) -> &'static str {
    if matches!(definition.kind, TypeDefKind::Type(_)) {
        "type"
    } else {
        definition.kind.as_str()
    }
}

/// Returns the target of a type that only renames another.
fn alias(resolve: &Resolve, definition: &TypeDef) -> Result<String> {
    if let TypeDefKind::Type(target) = &definition.kind {
        Ok(format!(" = `{}`", type_name(resolve, target)?))
    } else {
        Ok(String::new())
    }
}

/// Returns whether a type comes from another interface by `use`.
fn is_use(resolve: &Resolve, here: InterfaceId, definition: &TypeDef) -> bool {
    if let TypeDefKind::Type(Type::Id(target)) = &definition.kind {
        resolve.types[*target].owner != wit_parser::TypeOwner::Interface(here)
    } else {
        false
    }
}

fn signature(resolve: &Resolve, function: &Function) -> Result<String> {
    let mut parameters = Vec::new();
    for parameter in &function.params {
        parameters.push(format!(
            "{}: {}",
            parameter.name,
            type_name(resolve, &parameter.ty)?
        ));
    }
    let line = format!("{}: func({})", function.name, parameters.join(", "));
    let broken = format!(
        "{}: func(\n    {},\n)",
        function.name,
        parameters.join(",\n    ")
    );
    let mut signature = if line.len() > 90 { broken } else { line };
    if let Some(result) = &function.result {
        write!(signature, " -> {}", type_name(resolve, result)?)?;
    }
    Ok(signature)
}

fn type_name(resolve: &Resolve, ty: &Type) -> Result<String> {
    let mut printer = WitPrinter::new(OutputToString::default());
    printer.print_type_name(resolve, ty)?;
    printer.output.newline();
    Ok(printer.output.to_string().trim().to_owned())
}

fn imports(resolve: &Resolve, world: &World) -> String {
    let names = world
        .imports
        .iter()
        .filter_map(|(key, item)| match (key, item) {
            (WorldKey::Interface(id), WorldItem::Interface { .. }) => {
                resolve.interfaces[*id].name.clone()
            }
            (WorldKey::Name(name), _) => Some(name.clone()),
            (WorldKey::Interface(_), WorldItem::Function(_) | WorldItem::Type { .. }) => None,
        });
    names
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
