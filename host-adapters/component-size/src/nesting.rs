//! Limits how deeply types are declared within types.
//!
//! `wasmparser` reads such types by unbounded recursion: ten thousand levels, three bytes each,
//! overflow the stack. So each section is first scanned without recursion.

use wasmparser::{BinaryReader, ComponentAlias, ComponentImport, ComponentType};

use crate::definitions;
use crate::limits::{Limit, Limits};
use crate::stop::{Counted, Stop};

/// Refuses a section with types nested too deeply. Returns the number of definitions in it, at all
/// levels.
pub(crate) fn check(section: &[u8], limits: &Limits) -> Counted<usize> {
    let mut definitions = 0usize;
    let mut reader = BinaryReader::new(section, 0);
    // How many types or declarations remain at each level.
    let mut levels = vec![reader.read_var_u32()?];
    while let Some(left) = levels.last_mut() {
        let Some(fewer) = left.checked_sub(1) else {
            levels.pop();
            continue;
        };
        *left = fewer;
        definitions = definitions.saturating_add(1);
        if levels.len() > 1
            && let Some(more) = other_declaration(&mut reader)?
        {
            definitions = definitions.saturating_add(more);
            continue;
        }
        let mut ahead = reader.clone();
        match ahead.read_u8()? {
            // The type of a component or an instance.
            0x41 | 0x42 => {
                levels.push(ahead.read_var_u32()?);
                reader = ahead;
                limits.allow(Limit::TypeNesting, levels.len() as u64)?;
            }
            _ => {
                reader.read::<ComponentType<'_>>()?;
            }
        }
    }
    Ok(definitions)
}

/// Reads a declaration other than the type of a component or instance, and returns how many
/// definitions it contains. Returns `None` for such a type, whose declarations follow.
fn other_declaration(reader: &mut BinaryReader<'_>) -> Counted<Option<usize>> {
    match reader.read_u8()? {
        0x00 => Ok(Some(definitions::core_type(&reader.read()?))),
        0x01 => Ok(None),
        0x02 => {
            reader.read::<ComponentAlias<'_>>()?;
            Ok(Some(0))
        }
        // An import or export: a name and a type.
        0x03 | 0x04 => {
            reader.read::<ComponentImport<'_>>()?;
            Ok(Some(0))
        }
        _ => Err(Stop::Malformed),
    }
}
