//! Renames the imports of core modules.

use wasm_encoder::{Encode, Module, RawSection};
use wasmtime_environ::wasmparser::{self, BinaryReader, Parser, Payload};

use super::harden::harden;
use super::{CoreDef, CoreModule, Extent};
use crate::error::LoadError;

/// Copies a module section by section without its custom sections, renames its imports to their
/// definitions, and hardens it.
pub(super) fn link(
    bytes: &[u8],
    imports: &[CoreDef],
    is_adapter: bool,
) -> Result<CoreModule, LoadError> {
    let mut module = Module::new();
    let (mut memories, mut tables) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(LoadError::invalid)?;
        if let Payload::MemorySection(section) = &payload {
            for memory in section.clone() {
                let memory = memory.map_err(LoadError::invalid)?;
                memories.push(Extent {
                    minimum: memory.initial,
                    maximum: memory.maximum,
                });
            }
        }
        if let Payload::TableSection(section) = &payload {
            for table in section.clone() {
                let table = table.map_err(LoadError::invalid)?.ty;
                tables.push(Extent {
                    minimum: table.initial,
                    maximum: table.maximum,
                });
            }
        }
        // WasmEdge keeps them, but nothing reads them.
        if let Payload::CustomSection(_) = &payload {
            continue;
        }
        if let Payload::ImportSection(section) = &payload {
            let range = section.range();
            let data = rename(bytes, section.clone(), range.end, imports)?;
            module.section(&RawSection {
                id: wasm_encoder::SectionId::Import.into(),
                data: &data,
            });
        } else if let Some((id, range)) = payload.as_section() {
            let data = bytes
                .get(range)
                .ok_or_else(|| LoadError::invalid("a section ends beyond its module"))?;
            module.section(&RawSection { id, data });
        }
    }
    // Adapters neither grow nor recurse by themselves, but guests call one another through them.
    let hardened = harden(&module.finish())?;
    Ok(CoreModule {
        bytes: hardened.bytes,
        uncounted_units: hardened.uncounted_units,
        shares_references: hardened.shares_references,
        is_adapter,
        memories,
        tables,
    })
}

/// Returns the new import section.
fn rename(
    bytes: &[u8],
    section: wasmparser::ImportSectionReader<'_>,
    end: usize,
    imports: &[CoreDef],
) -> Result<Vec<u8>, LoadError> {
    let mut starts = Vec::new();
    for item in section.into_iter_with_offsets() {
        match item.map_err(LoadError::invalid)? {
            (start, wasmparser::Imports::Single(..)) => starts.push(start),
            (_, wasmparser::Imports::Compact1 { .. } | wasmparser::Imports::Compact2 { .. }) => {
                return Err(LoadError::unsupported("compact import sections"));
            }
        }
    }
    if starts.len() != imports.len() {
        return Err(LoadError::invalid(format!(
            "a core module has {} imports, but gets {}",
            starts.len(),
            imports.len()
        )));
    }
    let mut data = Vec::new();
    imports.len().encode(&mut data);
    let ends = starts.iter().copied().skip(1).chain([end]);
    for ((start, end), def) in starts.iter().copied().zip(ends).zip(imports) {
        let import = bytes
            .get(start..end)
            .ok_or_else(|| LoadError::invalid("an import ends beyond its module"))?;
        let mut reader = BinaryReader::new(import, 0);
        for _ in 0..2 {
            reader.read_string().map_err(LoadError::invalid)?;
        }
        let ty = import.get(reader.current_position()..).unwrap_or_default();
        let (module, name) = def.import_name();
        module.encode(&mut data);
        name.encode(&mut data);
        data.extend_from_slice(ty);
    }
    Ok(data)
}
